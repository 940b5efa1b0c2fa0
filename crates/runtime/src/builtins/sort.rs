//! sort: by value, by a list of keys, in natural order, backwards.
//! In: a list, and a list of keys as long or empty. Out: the list sorted.

use std::cmp::Ordering;

use moor_value::{ErrorCode, Value};

use super::arg::Args;
use super::natural::natural_order;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] =
    &[
        pure!("sort", 1..=4, [List, List, Int, Int], ToastStunt, sort)
            .doc(
                "list keys natural reversed",
                "LIST",
                "The items in ascending order, or in that of a list of keys of the same length. \
             With `natural`, numbers in strings count by their value; with `reversed` the \
             result is backwards.",
            )
            .raises(
                "E_INVARG if there are not as many keys as items; E_TYPE if keys are of different \
             types, or are lists, maps, flyweights, anonymous objects or waifs",
            ),
    ];

/// `sort(list [, keys [, natural [, reverse]]])`. Equal keys keep their order.
fn sort(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let list = args.list(0)?;
    let keys = args.given(1).and_then(Value::as_list);
    let keys = keys.filter(|keys| !keys.is_empty()).unwrap_or(list);
    if keys.is_empty() {
        return Ok(Vec::new().into());
    }
    if keys.len() != list.len() {
        return Err(ErrorCode::InvArg.into());
    }
    require_one_scalar_type(keys.as_slice())?;
    call.charge(sort_cost(&args[0], keys.len()))?;
    let compare = order_of(args.flag(2));
    let mut indices: Vec<usize> = (0..keys.len()).collect();
    indices.sort_by(|a, b| compare(&keys.as_slice()[*a], &keys.as_slice()[*b]));
    if args.flag(3) {
        indices.reverse();
    }
    let sorted = indices.iter().map(|i| list.as_slice()[*i].clone());
    let sorted: Vec<Value> = sorted.collect();
    Ok(sorted.into())
}

/// About as many bytes as the comparisons read.
fn sort_cost(list: &Value, len: usize) -> usize {
    let rounds = len.ilog2() as usize + 1;
    (list.bytes() / 8).saturating_mul(rounds)
}

fn require_one_scalar_type(keys: &[Value]) -> Result<(), Raise> {
    let first = keys[0].value_type();
    let sortable = matches!(
        keys[0],
        Value::Int(_)
            | Value::Float(_)
            | Value::Obj(_)
            | Value::Err(_)
            | Value::Str(_)
            | Value::Error(_)
            | Value::Bool(_)
            | Value::Sym(_)
            | Value::Binary(_)
    );
    if !sortable || keys.iter().any(|key| key.value_type() != first) {
        return Err(ErrorCode::Type.into());
    }
    Ok(())
}

fn order_of(natural: bool) -> fn(&Value, &Value) -> Ordering {
    if !natural {
        return |a, b| a.compare(b).unwrap_or(Ordering::Equal);
    }
    |a, b| match (a, b) {
        (Value::Str(a), Value::Str(b)) => natural_order(a.as_str(), b.as_str()),
        _ => a.compare(b).unwrap_or(Ordering::Equal),
    }
}
