//! abs, min and max.
//! In: numbers of one kind. Out: a number of that kind.

use moor_value::{ErrorCode, Value};

use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("abs", 1..=1, [Num], LambdaMoo, abs).doc(
        "number",
        "INT|FLOAT",
        "The number without its sign.",
    ),
    pure!("max", 1.., [Num], LambdaMoo, max)
        .doc(
            "number numbers...",
            "INT|FLOAT",
            "The greatest of the numbers, which are all of one type.",
        )
        .raises("E_TYPE if the types differ"),
    pure!("min", 1.., [Num], LambdaMoo, min)
        .doc(
            "number numbers...",
            "INT|FLOAT",
            "The least of the numbers, which are all of one type.",
        )
        .raises("E_TYPE if the types differ"),
];

fn abs(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    match args[0] {
        // The least integer has no positive counterpart and stays as it is.
        Value::Int(n) => Ok(n.wrapping_abs().into()),
        Value::Float(x) => Ok(x.abs().into()),
        _ => Err(ErrorCode::Type.into()),
    }
}

fn max(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    extreme(call, args, |a, b| a > b, |a, b| a > b)
}

fn min(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    extreme(call, args, |a, b| a < b, |a, b| a < b)
}

fn extreme(
    call: &mut Call<'_>,
    args: &[Value],
    better_int: fn(i64, i64) -> bool,
    better_float: fn(f64, f64) -> bool,
) -> Result<Value, Raise> {
    call.charge(args.len())?;
    let mut best = &args[0];
    for arg in &args[1..] {
        let better = match (arg, best) {
            (Value::Int(a), Value::Int(b)) => better_int(*a, *b),
            (Value::Float(a), Value::Float(b)) => better_float(*a, *b),
            _ => return Err(ErrorCode::Type.into()),
        };
        if better {
            best = arg;
        }
    }
    Ok(best.clone())
}
