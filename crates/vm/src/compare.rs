//! Comparisons beyond those of two integers.

use std::cmp::Ordering;

use moor_value::{Value, ValueType};

use crate::arithmetic::order_floats;
use crate::raise::Raise;

/// How `a` stands to `b` for `<` and its like: both of one type that holds no other values. Anonymous objects are all equal in rank, so
/// are waifs.
pub(crate) fn order(a: &Value, b: &Value) -> Result<Ordering, Box<Raise>> {
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => Ok(x.cmp(y)),
        (Value::Float(x), Value::Float(y)) => Ok(order_floats(*x, *y)),
        (Value::Obj(x), Value::Obj(y)) => Ok(x.cmp(y)),
        (Value::Str(x), Value::Str(y)) => Ok(x.cmp_fold(y)),
        (Value::Bool(x), Value::Bool(y)) => Ok(x.cmp(y)),
        // They have no order, but may be asked for one.
        (Value::Anon(_), Value::Anon(_)) | (Value::Waif(_), Value::Waif(_)) => Ok(Ordering::Equal),
        _ => {
            let order = a.compare(b);
            order.ok_or_else(|| Raise::type_mismatch(b, &[a.value_type()]))
        }
    }
}

/// `a in b`: the place of an element, of a value in key order, of a byte, or of a part of a string; 0 when it is not there.
pub(crate) fn position(a: &Value, b: &Value) -> Result<Value, Box<Raise>> {
    let place = match (a, b) {
        (Value::Str(part), Value::Str(whole)) => {
            whole.find_fold(part).map(|at| at.saturating_sub(1))
        }
        (_, Value::List(list)) => list.iter().position(|item| item == a),
        (_, Value::Map(map)) => map.values().position(|value| value == a),
        (_, Value::Fly(flyweight)) => flyweight.contents().iter().position(|item| item == a),
        (Value::Int(byte), Value::Binary(whole)) => whole
            .as_slice()
            .iter()
            .position(|one| i64::from(*one) == *byte),
        _ => return Err(Raise::type_mismatch(b, &[ValueType::List, ValueType::Map])),
    };
    Ok(Value::Int(place.map_or(0, |at| at as i64 + 1)))
}
