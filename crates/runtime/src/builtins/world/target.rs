//! Reading arguments that name objects.
//!
//! In: argument values. Out: entities and object numbers, or `E_TYPE`. Whether an object exists is
//! the transaction's knowledge.

use moor_value::{ErrorCode, List, ObjId, Symbol, Value};
use moor_world::Entity;

use crate::builtins::Raise;
use crate::builtins::arg::Args;

/// What an argument of the type "object" refers to. A waif counts as an object that is not valid.
///
/// # Errors
/// `E_TYPE` for everything else.
pub(super) fn entity(value: &Value) -> Result<Entity, Raise> {
    match value {
        Value::Waif(_) => Ok(Entity::object(ObjId::NOTHING)),
        other => Entity::of(other).ok_or_else(|| ErrorCode::Type.into()),
    }
}

/// As [`entity`], for new definitions: an anonymous object takes none.
///
/// # Errors
/// `E_TYPE` for everything that is no object, and for anonymous objects.
pub(super) fn definable(value: &Value) -> Result<Entity, Raise> {
    match value {
        Value::Anon(_) => Err(ErrorCode::Type.into()),
        other => entity(other),
    }
}

/// The object number at a place that the table has checked.
pub(super) fn object(args: &[Value], index: usize) -> Result<ObjId, Raise> {
    args.read(index, Value::as_obj)
}

/// The name of a property or verb at a place that the table has checked.
pub(super) fn name(args: &[Value], index: usize) -> Result<Symbol, Raise> {
    args.str(index).map(|name| Symbol::intern(name.as_str()))
}

/// The numbers of a list; `None` when anything else is in it.
pub(super) fn numbers(list: &List) -> Option<Vec<ObjId>> {
    list.iter().map(Value::as_obj).collect()
}

/// Parents as `create()` and `chparent()` take them: one object, where `#-1` is none, or a list.
///
/// # Errors
/// `E_TYPE` for everything else.
pub(super) fn parents(value: &Value) -> Result<Vec<ObjId>, Raise> {
    match value {
        Value::Obj(ObjId::NOTHING) => Ok(Vec::new()),
        Value::Obj(parent) => Ok(vec![*parent]),
        Value::List(list) => numbers(list).ok_or_else(|| ErrorCode::Type.into()),
        _ => Err(ErrorCode::Type.into()),
    }
}

/// Object numbers as a list of the language.
pub(super) fn list_of(numbers: impl IntoIterator<Item = ObjId>) -> List {
    numbers.into_iter().map(Value::Obj).collect()
}
