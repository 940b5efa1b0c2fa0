//! Digests of what objects have: programs and definitions of verbs, values and definitions of properties.
//!
//! In: an object, a verb or property, an algorithm. Out: the digest that `value_hash()` gives of what the builtin answers that reads
//! it, with the same permissions. Nothing is kept: a digest is made anew each time.

use moor_value::{ErrorCode, Value};

use super::code::verb_code;
use super::properties::property_info;
use super::target::{entity, name};
use super::verbs::verb_info;
use crate::builtins::env::{Answer, Env, Reply};
use crate::builtins::hash::digest_of;
use crate::builtins::spec::world;
use crate::builtins::{BuiltinSpec, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!(
        "property_info_hash",
        2..=4,
        [Any, Name, Name, Any],
        MooR,
        |env, args| {
            let info = answer(property_info(env, &mut args[..DESCRIPTION])?)?;
            hashed(env, &info, args)
        }
    )
    .doc(
        "object:OBJ|ANON property algorithm as_binary",
        "STR",
        "What `value_hash()` gives for `property_info()` of a property: it changes with the owner and the permissions.",
    )
    .raises(
        "E_INVARG if the object is gone or the algorithm is unknown; E_PROPNF if there is no such property; E_PERM if the property is \
         not readable",
    )
    .permission("owners of the property and wizards; everybody for properties with `r`"),
    world!(
        "property_value_hash",
        2..=4,
        [Any, Name, Name, Any],
        MooR,
        property_value_hash
    )
    .doc(
        "object:OBJ|ANON property algorithm as_binary",
        "STR",
        "What `value_hash()` gives for the value of a property, which may be inherited.",
    )
    .raises(
        "E_INVIND if the object is gone; E_INVARG if the algorithm is unknown; E_PROPNF if there is no such property; E_PERM if the \
         property is not readable",
    )
    .permission("owners of the property and wizards; everybody for properties with `r`"),
    world!(
        "verb_code_hash",
        2..=4,
        [Any, Any, Name, Any],
        MooR,
        |env, args| {
            let code = answer(verb_code(env, &mut args[..DESCRIPTION])?)?;
            hashed(env, &code, args)
        }
    )
    .doc(
        "object:OBJ|ANON verb:STR|INT algorithm as_binary",
        "STR",
        "What `value_hash()` gives for `verb_code()` of a verb: it changes with the program, not with its layout.",
    )
    .raises(
        "E_INVARG if the object is gone or the algorithm is unknown; E_VERBNF if there is no such verb; E_PERM if the verb is not \
         readable",
    )
    .permission("owners of the verb and wizards; everybody for verbs with `r`"),
    world!(
        "verb_info_hash",
        2..=4,
        [Any, Any, Name, Any],
        MooR,
        |env, args| {
            let info = answer(verb_info(env, &mut args[..DESCRIPTION])?)?;
            hashed(env, &info, args)
        }
    )
    .doc(
        "object:OBJ|ANON verb:STR|INT algorithm as_binary",
        "STR",
        "What `value_hash()` gives for `verb_info()` of a verb: it changes with the owner, the permissions and the names.",
    )
    .raises(
        "E_INVARG if the object is gone or the algorithm is unknown; E_VERBNF if there is no such verb; E_PERM if the verb is not \
         readable",
    )
    .permission("owners of the verb and wizards; everybody for verbs with `r`"),
];

/// The arguments that say of what: the object and the name.
const DESCRIPTION: usize = 2;

fn property_value_hash(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (entity, name) = (entity(&args[0])?, name(args, 1)?);
    let perms = env.perms();
    let value = env.stretch.txn.get_property(perms, entity, name)?;
    hashed(env, &value, args)
}

/// What another builtin has answered.
fn answer(answer: Answer) -> Result<Value, Raise> {
    match answer {
        Answer::Value(value) => Ok(value),
        _ => Err(ErrorCode::InvArg.into()),
    }
}

/// The digest of a value, with the algorithm and form that stand behind the description.
fn hashed(env: &mut Env<'_, '_, '_>, value: &Value, args: &[Value]) -> Reply {
    let digest = env.with_call(|call| digest_of(call, value, args, DESCRIPTION))?;
    Ok(Answer::Value(digest))
}
