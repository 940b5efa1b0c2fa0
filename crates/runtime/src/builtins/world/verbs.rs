//! Builtins about the definitions of verbs; their code is in `code`.
//!
//! In: objects, descriptions of verbs (a name or a place from 1), owners, permission letters and
//! argument specifiers. Out: changed definitions, or what they are.

use moor_value::{ErrorCode, List, Value};
use moor_world::{ArgSpec, Entity, ObjectFlags, PrepSpec, VerbArgs, VerbDesc, VerbInfo};

use super::target::{definable, entity, name};
use crate::builtins::arg::Args;
use crate::builtins::env::{Env, Reply, nothing, value};
use crate::builtins::spec::world;
use crate::builtins::{BuiltinSpec, Raise};
use crate::options::flag_option;

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("verbs", 1..=1, [Any], LambdaMoo, verbs)
        .doc(
            "object:OBJ|ANON",
            "LIST of STR",
            "The names of the verbs that the object itself has.",
        )
        .raises("E_INVARG if the object is gone; E_PERM if the object is not readable")
        .permission("owners and wizards; everybody for objects with `r`"),
    world!("verb_info", 2..=2, [Any, Any], LambdaMoo, verb_info)
        .doc(
            "object:OBJ|ANON verb:STR|INT",
            "LIST",
            "`{owner, permissions, names}` of a verb; permissions are some of the letters \
             `r`, `w`, `x`, `d`.",
        )
        .raises(
            "E_INVARG if the object is gone; E_VERBNF if there is no such verb; E_PERM if the \
             verb is not readable",
        )
        .permission("owners of the verb and wizards; everybody for verbs with `r`"),
    world!(
        "set_verb_info",
        3..=3,
        [Any, Any, List],
        LambdaMoo,
        set_verb_info
    )
    .doc(
        "object:OBJ|ANON verb:STR|INT info",
        "INT",
        "Sets `{owner, permissions, names}` of a verb.",
    )
    .raises(
        "E_INVARG if an object is gone, a letter unknown or there are no names; E_VERBNF \
             if there is no such verb; E_PERM unless the caller owns the verb or it is \
             writable, and only wizards may give it away",
    )
    .permission("owners of the verb and wizards; everybody for verbs with `w`"),
    world!("verb_args", 2..=2, [Any, Any], LambdaMoo, verb_args)
        .doc(
            "object:OBJ|ANON verb:STR|INT",
            "LIST of STR",
            "`{direct object, preposition, indirect object}`: what a command has to have for \
             the verb.",
        )
        .raises(
            "E_INVARG if the object is gone; E_VERBNF if there is no such verb; E_PERM if the \
             verb is not readable",
        )
        .permission("owners of the verb and wizards; everybody for verbs with `r`"),
    world!(
        "set_verb_args",
        3..=3,
        [Any, Any, List],
        LambdaMoo,
        set_verb_args
    )
    .doc(
        "object:OBJ|ANON verb:STR|INT args",
        "INT",
        "Sets what a command has to have for the verb: `this`, `any` or `none`, a \
             preposition, `this`, `any` or `none`.",
    )
    .raises(
        "E_INVARG if the object is gone or a word unknown; E_VERBNF if there is no such \
             verb; E_PERM if the verb is not writable",
    )
    .permission("owners of the verb and wizards; everybody for verbs with `w`"),
    world!("add_verb", 3..=3, [Any, List, List], LambdaMoo, add_verb)
        .doc(
            "object:OBJ|ANON info args",
            "INT",
            "Adds a verb without code to the object, with `{owner, permissions, names}` and \
             `{direct object, preposition, indirect object}`. Returns its position.",
        )
        .raises(
            "E_INVARG if an object is gone, a letter or word unknown or there are no names; \
             E_PERM unless the caller owns the object or it is writable, and the verb is the \
             caller's own, or a wizard calls",
        )
        .permission("owners of the object and wizards; everybody for objects with `w`"),
    world!("delete_verb", 2..=2, [Any, Any], LambdaMoo, delete_verb)
        .doc(
            "object:OBJ|ANON verb:STR|INT",
            "INT",
            "Removes a verb from the object.",
        )
        .raises(
            "E_INVARG if the object is gone; E_VERBNF if there is no such verb; E_PERM unless \
             the caller owns the object or it is writable, or a wizard calls",
        )
        .permission("owners of the object and wizards; everybody for objects with `w`"),
    world!("respond_to", 2..=2, [Any, Name], ToastStunt, respond_to)
        .doc(
            "object:OBJ|ANON verb",
            "LIST|INT",
            "0 if the object has no such verb that can be called; else `{definer, names}` for \
             those who may read the object, 1 for others.",
        )
        .raises("E_INVARG if the object is gone"),
];

/// Which verb an argument describes.
fn described(env: &mut Env<'_, '_, '_>, description: &Value) -> Result<VerbDesc, Raise> {
    let spelled = description.name_text().map(Value::from);
    let description = spelled.as_ref().unwrap_or(description);
    let looks_numeric = description
        .as_str()
        .is_some_and(|name| name.as_str().parse::<u32>().is_ok());
    let numeric = looks_numeric
        && flag_option(
            &mut env.stretch.txn,
            "support_numeric_verbname_strings",
            false,
        );
    Ok(VerbDesc::from_value(description, numeric)?)
}

/// The object and the verb that the first two arguments of a question name; the object is looked
/// at first.
pub(super) fn asked(
    env: &mut Env<'_, '_, '_>,
    args: &[Value],
) -> Result<(Entity, VerbDesc), Raise> {
    let entity = entity(&args[0])?;
    Ok((entity, described(env, &args[1])?))
}

/// As [`asked`] for a change: the description is looked at first, and the object must exist.
fn changed(env: &mut Env<'_, '_, '_>, args: &[Value]) -> Result<(Entity, VerbDesc), Raise> {
    let description = described(env, &args[1])?;
    let entity = entity(&args[0])?;
    if !env.stretch.txn.valid(entity) {
        return Err(ErrorCode::InvArg.into());
    }
    Ok((entity, description))
}

/// `{owner, letters, names}`.
fn info(list: &List) -> Result<VerbInfo<'_>, Raise> {
    match list.as_slice() {
        [Value::Obj(owner), Value::Str(letters), Value::Str(names)] => Ok(VerbInfo {
            owner: *owner,
            letters: letters.as_str(),
            names: names.as_str(),
        }),
        _ => Err(ErrorCode::Type.into()),
    }
}

/// `{dobj, prep, iobj}`.
fn specifiers(list: &List) -> Result<VerbArgs, Raise> {
    match list.as_slice() {
        [Value::Str(dobj), Value::Str(prep), Value::Str(iobj)] => {
            let specifiers = VerbArgs::parse(dobj.as_str(), prep.as_str(), iobj.as_str());
            specifiers.ok_or_else(|| ErrorCode::InvArg.into())
        }
        _ => Err(ErrorCode::Type.into()),
    }
}

fn verbs(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let perms = env.perms();
    let names = env.stretch.txn.verb_names(perms, entity(&args[0])?)?;
    value(env.names(names))
}

pub(super) fn verb_info(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (entity, description) = asked(env, args)?;
    let perms = env.perms();
    let verb = env.stretch.txn.verb_info(perms, entity, &description)?;
    value(vec![
        verb.owner.into(),
        Value::from(verb.flags.to_string()),
        Value::Str(verb.names),
    ])
}

fn set_verb_info(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (entity, description) = changed(env, args)?;
    let info = info(args.list(2)?)?;
    let perms = env.perms();
    env.stretch
        .txn
        .set_verb_info(perms, entity, &description, info)?;
    env.stretch.forget_verbs();
    nothing()
}

fn verb_args(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (entity, description) = asked(env, args)?;
    let perms = env.perms();
    let VerbArgs { dobj, prep, iobj } =
        env.stretch.txn.verb_info(perms, entity, &description)?.args;
    let words = [
        ArgSpec::name(dobj),
        PrepSpec::name(prep),
        ArgSpec::name(iobj),
    ];
    value(words.map(Value::from).to_vec())
}

fn set_verb_args(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (entity, description) = changed(env, args)?;
    let specifiers = specifiers(args.list(2)?)?;
    let perms = env.perms();
    env.stretch
        .txn
        .set_verb_args(perms, entity, &description, specifiers)?;
    nothing()
}

fn add_verb(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let info = info(args.list(1)?)?;
    let specifiers = specifiers(args.list(2)?)?;
    let entity = match &args[0] {
        anonymous @ Value::Anon(_) => definable(anonymous)?,
        other => entity(other).map_err(|_| ErrorCode::InvArg)?,
    };
    let perms = env.perms();
    let place = env.stretch.txn.add_verb(perms, entity, info, specifiers)?;
    env.stretch.forget_verbs();
    value(i64::try_from(place).unwrap_or(i64::MAX))
}

fn delete_verb(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (entity, description) = changed(env, args)?;
    let perms = env.perms();
    env.stretch.txn.delete_verb(perms, entity, &description)?;
    env.stretch.forget_verbs();
    nothing()
}

/// Whether a call of a verb would find one: its definer and names for those who may read the
/// object, else 1.
fn respond_to(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (entity, name) = (entity(&args[0])?, name(args, 1)?);
    let perms = env.perms();
    let txn = &mut env.stretch.txn;
    if !txn.valid(entity) {
        return Err(ErrorCode::InvArg.into());
    }
    let Some(found) = txn.find_callable_verb(entity, name) else {
        return nothing();
    };
    if !txn.allows(perms, entity, ObjectFlags::READ) {
        return value(1);
    }
    // Only an anonymous object itself can define what is found on it without a number.
    let definer = match found.definer.as_object() {
        Some(id) => Value::Obj(id),
        None => args[0].clone(),
    };
    value(vec![definer, Value::Str(found.verb.names.clone())])
}
