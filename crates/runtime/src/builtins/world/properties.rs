//! Builtins about the definitions of properties.
//!
//! In: objects, names, owners and permission letters. Out: changed definitions, or what they are.

use moor_value::{ErrorCode, List, ObjId, Str, Value};

use super::target::{definable, entity, name};
use crate::builtins::arg::Args;
use crate::builtins::env::{Env, Reply, nothing, value};
use crate::builtins::spec::world;
use crate::builtins::{BuiltinSpec, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("properties", 1..=1, [Any], LambdaMoo, properties)
        .doc(
            "object:OBJ|ANON",
            "LIST of STR",
            "The names of the properties that the object itself defines.",
        )
        .raises("E_INVARG if the object is gone; E_PERM if the object is not readable")
        .permission("owners and wizards; everybody for objects with `r`"),
    world!(
        "property_info",
        2..=2,
        [Any, Name],
        LambdaMoo,
        property_info
    )
    .doc(
        "object:OBJ|ANON property",
        "LIST",
        "`{owner, permissions}` of a property; permissions are some of the letters `r`, \
             `w`, `c`.",
    )
    .raises(
        "E_INVARG if the object is gone; E_PROPNF if there is no such property; E_PERM if \
             the property is not readable",
    )
    .permission("owners of the property and wizards; everybody for properties with `r`"),
    world!(
        "set_property_info",
        3..=3,
        [Any, Name, List],
        LambdaMoo,
        set_property_info
    )
    .doc(
        "object:OBJ|ANON property info",
        "INT",
        "Sets `{owner, permissions [, new name]}` of a property. Only where it is defined \
             can it get a new name.",
    )
    .raises(
        "E_INVARG if an object is gone, a letter unknown or the name taken; E_PROPNF if \
             there is no such property; E_PERM unless the caller owns the property or it is \
             writable, and only wizards may give it away",
    )
    .permission("owners of the property and wizards"),
    world!(
        "add_property",
        4..=4,
        [Any, Name, Any, List],
        LambdaMoo,
        add_property
    )
    .doc(
        "object:OBJ|ANON property value info",
        "INT",
        "Defines a property on the object and its descendants, with a value and `{owner, \
             permissions}`.",
    )
    .raises(
        "E_INVARG if an object is gone, a letter unknown, or the object, an ancestor or a \
             descendant has a property of that name; E_PERM unless the caller owns the object \
             or it is writable, and the property is the caller's own, or a wizard calls",
    )
    .permission("owners of the object and wizards; everybody for objects with `w`"),
    world!(
        "delete_property",
        2..=2,
        [Any, Name],
        LambdaMoo,
        delete_property
    )
    .doc(
        "object:OBJ|ANON property",
        "INT",
        "Removes a property from the object that defines it, and from its descendants.",
    )
    .raises(
        "E_INVARG if the object is gone; E_PROPNF if the object does not define such a \
             property; E_PERM unless the caller owns the object or it is writable, or a \
             wizard calls",
    )
    .permission("owners of the object and wizards; everybody for objects with `w`"),
    world!(
        "is_clear_property",
        2..=2,
        [Any, Name],
        LambdaMoo,
        is_clear_property
    )
    .truth()
    .doc(
        "object:OBJ|ANON property",
        "INT",
        "1 if the object takes the property's value from its parent, else 0.",
    )
    .raises(
        "E_INVARG if the object is gone; E_PROPNF if there is no such property; E_PERM if \
             the property is not readable",
    )
    .permission("owners of the property and wizards; everybody for properties with `r`"),
    world!(
        "clear_property",
        2..=2,
        [Any, Name],
        LambdaMoo,
        clear_property
    )
    .doc(
        "object:OBJ|ANON property",
        "INT",
        "Lets the object take the property's value from its parent again.",
    )
    .raises(
        "E_INVARG if the object is gone, or defines the property itself; E_PROPNF if \
             there is no such property; E_PERM if the property is not writable",
    )
    .permission("owners of the property and wizards; everybody for properties with `w`"),
];

/// Owner, permission letters and perhaps a new name, as `{owner, letters [, name]}`.
struct Info<'a> {
    owner: ObjId,
    letters: &'a Str,
    new_name: Option<&'a Str>,
}

impl<'a> Info<'a> {
    fn read(list: &'a List) -> Result<Self, Raise> {
        match list.as_slice() {
            [Value::Obj(owner), Value::Str(letters)] => Ok(Self {
                owner: *owner,
                letters,
                new_name: None,
            }),
            [Value::Obj(owner), Value::Str(letters), Value::Str(new_name)] => Ok(Self {
                owner: *owner,
                letters,
                new_name: Some(new_name),
            }),
            _ => Err(ErrorCode::Type.into()),
        }
    }
}

fn properties(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let perms = env.perms();
    let names = env.stretch.txn.property_names(perms, entity(&args[0])?)?;
    value(env.names(names))
}

pub(super) fn property_info(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (entity, name) = (entity(&args[0])?, name(args, 1)?);
    let perms = env.perms();
    let info = env.stretch.txn.property_info(perms, entity, name)?;
    value(vec![info.owner.into(), Value::from(info.flags.to_string())])
}

fn set_property_info(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let entity = entity(&args[0])?;
    if !env.stretch.txn.valid(entity) {
        return Err(ErrorCode::InvArg.into());
    }
    let info = Info::read(args.list(2)?)?;
    let (perms, name) = (env.perms(), name(args, 1)?);
    let new_name = info.new_name.map(Str::as_str);
    let letters = info.letters.as_str();
    env.stretch
        .txn
        .set_property_info(perms, entity, name, info.owner, letters, new_name)?;
    nothing()
}

fn add_property(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let initial = args[2].take();
    let info = Info::read(args.list(3)?)?;
    if info.new_name.is_some() {
        return Err(ErrorCode::Type.into());
    }
    let (perms, entity) = (env.perms(), definable(&args[0])?);
    let (name, letters) = (args.str(1)?.as_str(), info.letters.as_str());
    env.stretch
        .txn
        .add_property(perms, entity, name, initial, info.owner, letters)?;
    nothing()
}

fn delete_property(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (entity, name) = (entity(&args[0])?, name(args, 1)?);
    let perms = env.perms();
    env.stretch.txn.delete_property(perms, entity, name)?;
    nothing()
}

fn is_clear_property(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    // Here alone something that is no object is as good as a recycled one.
    let entity = entity(&args[0]).map_err(|_| ErrorCode::InvArg)?;
    let (perms, name) = (env.perms(), name(args, 1)?);
    let is_clear = env.stretch.txn.is_clear_property(perms, entity, name)?;
    value(i64::from(is_clear))
}

fn clear_property(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (entity, name) = (entity(&args[0])?, name(args, 1)?);
    let perms = env.perms();
    env.stretch.txn.clear_property(perms, entity, name)?;
    nothing()
}
