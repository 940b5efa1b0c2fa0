//! Builtins about parents and children.
//!
//! In: objects. Out: their relatives, or other parents. What new parents do to properties and who
//! may give them is the transaction's knowledge.

use moor_value::{ErrorCode, ObjId, Value};
use moor_world::Entity;

use super::target::{self, entity, list_of};
use crate::builtins::arg::Args;
use crate::builtins::env::{Env, Reply, nothing, value};
use crate::builtins::spec::world;
use crate::builtins::{BuiltinSpec, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("parent", 1..=1, [Any], LambdaMoo, parent)
        .doc(
            "object:OBJ|ANON",
            "OBJ",
            "The object's first parent; #-1 if it has none.",
        )
        .raises("E_INVARG if the object is gone"),
    world!("parents", 1..=1, [Any], ToastStunt, parents)
        .doc(
            "object:OBJ|ANON",
            "LIST of OBJ",
            "The object's parents, in the order in which they are searched.",
        )
        .raises("E_INVARG if the object is gone"),
    world!("children", 1..=1, [Any], LambdaMoo, children)
        .doc(
            "object:OBJ|ANON",
            "LIST of OBJ",
            "The objects that have this one as a parent.",
        )
        .raises("E_INVARG if the object is gone"),
    world!("chparent", 2..=2, [Any, Obj], LambdaMoo, chparents)
        .doc(
            "object:OBJ|ANON parent",
            "INT",
            "Gives the object one parent; #-1 stands for none.",
        )
        .raises(
            "E_INVARG if an object is gone, or the new parent defines a property that the \
             object or a descendant defines; E_PERM unless the caller owns the object, and \
             the parent is fertile or the caller's, or a wizard calls; E_RECMOVE if the \
             parent descends from the object",
        )
        .permission("owners of the object, for fertile parents; wizards"),
    world!("chparents", 2..=2, [Any, List], ToastStunt, chparents)
        .doc(
            "object:OBJ|ANON parents",
            "INT",
            "Gives the object these parents, in this order.",
        )
        .raises(
            "E_INVARG if an object is gone or named twice, or properties of the same name \
             would meet; E_PERM unless the caller owns the object, and every parent is \
             fertile or the caller's, or a wizard calls; E_RECMOVE if a parent descends from \
             the object",
        )
        .permission("owners of the object, for fertile parents; wizards"),
    world!("ancestors", 1..=2, [Any, Any], ToastStunt, ancestors)
        .doc(
            "object:OBJ|ANON with_itself",
            "LIST of OBJ",
            "The object's parents, their parents and so on, each once; with `with_itself` the \
             object in front.",
        )
        .raises("E_INVARG if the object is gone"),
    world!("descendants", 1..=2, [Any, Any], ToastStunt, descendants)
        .doc(
            "object:OBJ|ANON with_itself",
            "LIST of OBJ",
            "The object's children, their children and so on; with `with_itself` the object \
             in front.",
        )
        .raises("E_INVARG if the object is gone"),
    world!("isa", 2..=3, [Any, Any, Int], ToastStunt, isa)
        .truth()
        .doc(
            "object:OBJ|ANON|WAIF|FLYWEIGHT ancestor:OBJ|LIST which",
            "INT|OBJ",
            "1 if the object is or descends from another, or one of a list; else 0. With \
             `which` that one, or #-1. A waif stands for its class, a flyweight for its delegate.",
        )
        .raises("E_TYPE if the second argument is neither an object nor a list of them"),
];

/// The parents of what an argument refers to.
fn parents_of(env: &mut Env<'_, '_, '_>, object: &Value) -> Result<Vec<ObjId>, Raise> {
    let entity = entity(object)?;
    if !env.stretch.txn.valid(entity) {
        return Err(ErrorCode::InvArg.into());
    }
    Ok(env.stretch.txn.parents(entity))
}

fn parent(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let parents = parents_of(env, &args[0])?;
    value(parents.first().copied().unwrap_or(ObjId::NOTHING))
}

fn parents(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    value(list_of(parents_of(env, &args[0])?))
}

fn children(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    value(env.stretch.txn.children(entity(&args[0])?)?)
}

fn chparents(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (entity, parents) = (entity(&args[0])?, target::parents(&args[1])?);
    let perms = env.perms();
    env.stretch.txn.chparents(perms, entity, &parents, None)?;
    env.stretch.forget_verbs();
    nothing()
}

/// Relatives, with the object itself in front when the second argument is true.
fn line(args: &[Value], relatives: Vec<ObjId>) -> Reply {
    let itself = args.flag(1).then(|| args[0].clone());
    let relatives = relatives.into_iter().map(Value::Obj);
    value(itself.into_iter().chain(relatives).collect::<Vec<_>>())
}

fn ancestors(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let relatives = env.stretch.txn.ancestors(entity(&args[0])?)?;
    line(args, relatives)
}

fn descendants(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let relatives = env.stretch.txn.descendants(entity(&args[0])?)?;
    line(args, relatives)
}

/// Whether an object is or descends from another, or one of several; a waif stands for its class, a flyweight
/// for its delegate. With a third argument, which of them.
fn isa(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let entity = match &args[0] {
        Value::Waif(waif) => Entity::object(waif.class()),
        Value::Fly(flyweight) => Entity::object(flyweight.delegate()),
        other => entity(other)?,
    };
    let candidates = match &args[1] {
        Value::List(list) if target::numbers(list).is_some() => list.as_slice(),
        one @ (Value::Obj(_) | Value::Anon(_)) => std::slice::from_ref(one),
        _ => return Err(ErrorCode::Type.into()),
    };
    let txn = &mut env.stretch.txn;
    let found = candidates.iter().find(|candidate| {
        Entity::of(candidate).is_some_and(|candidate| txn.isa(entity, candidate))
    });
    match (args.flag(2), found) {
        (true, Some(found)) => value(found.clone()),
        (true, None) => value(ObjId::NOTHING),
        (false, found) => value(i64::from(found.is_some())),
    }
}
