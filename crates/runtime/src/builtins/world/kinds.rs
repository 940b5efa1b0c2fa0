//! Which objects there are, of what kind one is, and objects with a number of the programmer's choice.
//!
//! In: objects, numbers. Out: lists, truth, new objects.

use moor_value::{ErrorCode, Value};
use moor_world::Entity;

use super::objects::{initialize, initialized};
use super::target::{entity, list_of, object, parents};
use crate::builtins::env::{Env, Reply, value};
use crate::builtins::spec::world;
use crate::builtins::{BuiltinSpec, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("create_at", 2..=4, [Obj, Any, Any, Any], MooR, create_at, then initialized)
        .doc(
            "id parents:OBJ|LIST owner:OBJ args:LIST",
            "OBJ",
            "Makes an object under a number, or a unique id, that no object has, as `create()` does. The two last arguments may \
             be left out one by one.",
        )
        .raises(
            "E_PERM unless a wizard calls, and if the id is in use; E_INVARG if the number is negative, a parent or the owner is \
             gone, or parents define properties of the same name; E_QUOTA if the number is more than 100,000 above the last one, \
             or the owner's `ownership_quota` is used up",
        )
        .permission("wizards"),
    world!("is_anonymous", 1..=1, [Any], MooR, is_anonymous)
        .truth()
        .doc(
            "object:OBJ|ANON",
            "INT",
            "1 if the object is anonymous, else 0.",
        )
        .raises("E_INVARG if the object is gone"),
    world!("is_uuobjid", 1..=1, [Any], MooR, is_uuobjid)
        .truth()
        .doc(
            "object:OBJ|ANON",
            "INT",
            "1 if the object has a unique id in place of a number, else 0.",
        )
        .raises("E_INVARG if the object is gone"),
    world!("objects", 0..=0, [], MooR, objects)
        .doc(
            "",
            "LIST of OBJ",
            "Every object: those with numbers, then those with unique ids. Anonymous ones are not among them.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
];

fn objects(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    value(list_of(env.stretch.txn.all_objects()))
}

fn is_anonymous(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    existing(env, &args[0])?;
    value(i64::from(matches!(args[0], Value::Anon(_))))
}

fn is_uuobjid(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let entity = existing(env, &args[0])?;
    value(i64::from(
        entity.as_object().is_some_and(|id| id.is_unique()),
    ))
}

/// The entity of an argument, which must exist.
fn existing(env: &mut Env<'_, '_, '_>, argument: &Value) -> Result<Entity, Raise> {
    let entity = entity(argument)?;
    match env.stretch.txn.valid(entity) {
        true => Ok(entity),
        false => Err(ErrorCode::InvArg.into()),
    }
}

fn create_at(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let (id, parents) = (object(args, 0)?, parents(&args[1])?);
    let perms = env.perms();
    let (owner, args) = match &args[2..] {
        [] => (perms, None),
        [Value::Obj(owner)] => (*owner, None),
        [Value::List(args)] => (perms, Some(args)),
        [Value::Obj(owner), Value::List(args)] => (*owner, Some(args)),
        _ => return Err(ErrorCode::Type.into()),
    };
    env.stretch.txn.create_at(perms, id, &parents, owner)?;
    let args = args.cloned().unwrap_or_default();
    initialize(env, "create_at", Value::Obj(id), args.into_vec())
}
