//! Functions of floats: roots, powers, trigonometry, rounding, geometry, and `floatstr`.
//! In: floats. Out: finite floats; E_INVARG outside a function's domain, E_FLOAT where the result
//! is infinite or vanishes.

use moor_value::{ErrorCode, List, Value, write_scientific};

use super::arg::Args;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

/// Most digits after the point that `floatstr()` gives.
const DIGITS_MAX: i64 = 21;

/// Degrees in a radian to as many digits as ToastStunt has: a right angle is cut down to 89.
#[allow(
    clippy::excessive_precision,
    clippy::approx_constant,
    reason = "its value is observable"
)]
const DEGREES: f64 = 57.2957795130823;

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("acos", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::acos
    )),
    pure!("acosh", 1..=1, [Float], ToastStunt, |_, args| one(
        args,
        f64::acosh
    )),
    pure!("asin", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::asin
    )),
    pure!("asinh", 1..=1, [Float], ToastStunt, |_, args| one(
        args,
        f64::asinh
    )),
    pure!("atan", 1..=2, [Float, Float], LambdaMoo, atan),
    pure!("atan2", 2..=2, [Float, Float], ToastStunt, atan),
    pure!("atanh", 1..=1, [Float], ToastStunt, |_, args| one(
        args,
        f64::atanh
    )),
    pure!("cbrt", 1..=1, [Float], ToastStunt, |_, args| one(
        args,
        f64::cbrt
    )),
    pure!("ceil", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::ceil
    )),
    pure!("cos", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::cos
    )),
    pure!("cosh", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::cosh
    )),
    pure!("distance", 2..=2, [List, List], ToastStunt, distance),
    pure!("exp", 1..=1, [Float], LambdaMoo, exp),
    pure!("floatstr", 2..=3, [Float, Int, Any], LambdaMoo, floatstr),
    pure!("floor", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::floor
    )),
    pure!("log", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::ln
    )),
    pure!("log10", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::log10
    )),
    pure!(
        "relative_heading",
        2..=2,
        [List, List],
        ToastStunt,
        relative_heading
    ),
    pure!("round", 1..=1, [Float], ToastStunt, |_, args| one(
        args,
        f64::round
    )),
    pure!("sin", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::sin
    )),
    pure!("sinh", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::sinh
    )),
    pure!("sqrt", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::sqrt
    )),
    pure!("tan", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::tan
    )),
    pure!("tanh", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::tanh
    )),
    pure!("trunc", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::trunc
    )),
];

fn one(args: &[Value], function: fn(f64) -> f64) -> Result<Value, Raise> {
    finite(function(args.float(0)?))
}

/// A function gives no number outside its domain, and an infinite one at a pole or on overflow.
fn finite(result: f64) -> Result<Value, Raise> {
    if result.is_nan() {
        return Err(ErrorCode::InvArg.into());
    }
    if result.is_infinite() {
        return Err(ErrorCode::Float.into());
    }
    Ok(result.into())
}

fn exp(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let result = args.float(0)?.exp();
    if result == 0.0 {
        return Err(ErrorCode::Float.into());
    }
    finite(result)
}

/// `atan(y)` or `atan(y, x)`, the latter with the quadrant of the point.
fn atan(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let y = args.float(0)?;
    match args.given(1) {
        None => finite(y.atan()),
        Some(_) => finite(y.atan2(args.float(1)?)),
    }
}

fn floatstr(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let value = args.float(0)?;
    let digits = args.int(1)?.min(DIGITS_MAX);
    let digits = usize::try_from(digits).map_err(|_| ErrorCode::InvArg)?;
    if !args.flag(2) {
        return Ok(format!("{value:.digits$}").into());
    }
    let mut text = String::new();
    write_scientific(&mut text, value, digits)?;
    Ok(text.into())
}

/// The distance of two points of as many dimensions as the first has.
fn distance(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let (from, to) = (args.list(0)?, args.list(1)?);
    call.charge(from.len())?;
    if to.len() < from.len() {
        return Err(ErrorCode::InvArg.into());
    }
    let mut sum = 0.0;
    for (a, b) in from.iter().zip(to) {
        let difference = coordinate(b)? - coordinate(a)?;
        sum += difference * difference;
    }
    finite(sum.sqrt())
}

fn coordinate(value: &Value) -> Result<f64, Raise> {
    match value {
        Value::Int(n) => Ok(*n as f64),
        Value::Float(x) => Ok(*x),
        _ => Err(ErrorCode::Type.into()),
    }
}

/// The bearing in the plane (0 to 359) and the elevation, in whole degrees.
fn relative_heading(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let from = point(args.list(0)?)?;
    let to = point(args.list(1)?)?;
    let [dx, dy, dz] = [0, 1, 2].map(|i| to[i] - from[i]);
    let bearing = dy.atan2(dx) * DEGREES;
    let bearing = if bearing < 0.0 {
        bearing + 360.0
    } else {
        bearing
    };
    let elevation = dz.atan2(dx.hypot(dy)) * DEGREES;
    let whole = |angle: f64| Value::Int(angle as i64);
    Ok(vec![whole(bearing), whole(elevation)].into())
}

fn point(list: &List) -> Result<[f64; 3], Raise> {
    let [x, y, z] = list.as_slice() else {
        return Err(ErrorCode::InvArg.into());
    };
    let float = |value: &Value| value.as_float().ok_or(ErrorCode::Type);
    Ok([float(x)?, float(y)?, float(z)?])
}
