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
    ))
    .doc("x", "FLOAT", "The angle, in radians, whose cosine is x.")
    .raises("E_INVARG if x is not between -1.0 and 1.0"),
    pure!("acosh", 1..=1, [Float], ToastStunt, |_, args| one(
        args,
        f64::acosh
    ))
    .doc("x", "FLOAT", "The inverse hyperbolic cosine of x.")
    .raises("E_INVARG if x is below 1.0"),
    pure!("asin", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::asin
    ))
    .doc("x", "FLOAT", "The angle, in radians, whose sine is x.")
    .raises("E_INVARG if x is not between -1.0 and 1.0"),
    pure!("asinh", 1..=1, [Float], ToastStunt, |_, args| one(
        args,
        f64::asinh
    ))
    .doc("x", "FLOAT", "The inverse hyperbolic sine of x."),
    pure!("atan", 1..=2, [Float, Float], LambdaMoo, atan).doc(
        "y x",
        "FLOAT",
        "The angle, in radians, whose tangent is y; with x the angle of the point (x, y), \
             in its quadrant.",
    ),
    pure!("atan2", 2..=2, [Float, Float], ToastStunt, atan).doc(
        "y x",
        "FLOAT",
        "The angle, in radians, of the point (x, y).",
    ),
    pure!("atanh", 1..=1, [Float], ToastStunt, |_, args| one(
        args,
        f64::atanh
    ))
    .doc("x", "FLOAT", "The inverse hyperbolic tangent of x.")
    .raises("E_INVARG if x is below -1.0 or above 1.0; E_FLOAT if x is -1.0 or 1.0"),
    pure!("cbrt", 1..=1, [Float], ToastStunt, |_, args| one(
        args,
        f64::cbrt
    ))
    .doc("x", "FLOAT", "The cube root of x."),
    pure!("ceil", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::ceil
    ))
    .doc("x", "FLOAT", "The least whole number that is not below x."),
    pure!("cos", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::cos
    ))
    .doc("x", "FLOAT", "The cosine of an angle in radians."),
    pure!("cosh", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::cosh
    ))
    .doc("x", "FLOAT", "The hyperbolic cosine of x.")
    .raises("E_FLOAT if the result is too large"),
    pure!("distance", 2..=2, [List, List], ToastStunt, distance)
        .doc(
            "from to",
            "FLOAT",
            "The distance of two points, each a list of coordinates (INT or FLOAT).",
        )
        .raises(
            "E_INVARG if the second point has fewer coordinates than the first; E_TYPE if a \
             coordinate is no number",
        ),
    pure!("exp", 1..=1, [Float], LambdaMoo, exp)
        .doc("x", "FLOAT", "e to the power of x.")
        .raises("E_FLOAT if the result is too large, or too small to be told from 0.0"),
    pure!("floatstr", 2..=3, [Float, Int, Any], LambdaMoo, floatstr)
        .doc(
            "x digits scientific",
            "STR",
            "x as text with that many digits behind the point (at most 21); with `scientific` \
             as `1.5e+10`.",
        )
        .raises("E_INVARG if the digits are negative"),
    pure!("floor", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::floor
    ))
    .doc(
        "x",
        "FLOAT",
        "The greatest whole number that is not above x.",
    ),
    pure!("log", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::ln
    ))
    .doc("x", "FLOAT", "The natural logarithm of x.")
    .raises("E_INVARG if x is negative; E_FLOAT if x is 0.0"),
    pure!("log10", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::log10
    ))
    .doc("x", "FLOAT", "The logarithm of x to the base 10.")
    .raises("E_INVARG if x is negative; E_FLOAT if x is 0.0"),
    pure!(
        "relative_heading",
        2..=2,
        [List, List],
        ToastStunt,
        relative_heading
    )
    .doc(
        "from to",
        "LIST of INT",
        "`{bearing, elevation}` in whole degrees from one point to another; a point is a \
             list of three FLOATs, and the bearing is from 0 to 359.",
    )
    .raises(
        "E_INVARG if a point has not got three coordinates; E_TYPE if a coordinate is no \
             float",
    ),
    pure!("round", 1..=1, [Float], ToastStunt, |_, args| one(
        args,
        f64::round
    ))
    .doc(
        "x",
        "FLOAT",
        "The whole number next to x; halves go away from zero.",
    ),
    pure!("sin", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::sin
    ))
    .doc("x", "FLOAT", "The sine of an angle in radians."),
    pure!("sinh", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::sinh
    ))
    .doc("x", "FLOAT", "The hyperbolic sine of x.")
    .raises("E_FLOAT if the result is too large"),
    pure!("sqrt", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::sqrt
    ))
    .doc("x", "FLOAT", "The square root of x.")
    .raises("E_INVARG if x is negative"),
    pure!("tan", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::tan
    ))
    .doc("x", "FLOAT", "The tangent of an angle in radians."),
    pure!("tanh", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::tanh
    ))
    .doc("x", "FLOAT", "The hyperbolic tangent of x."),
    pure!("trunc", 1..=1, [Float], LambdaMoo, |_, args| one(
        args,
        f64::trunc
    ))
    .doc("x", "FLOAT", "x without what is behind the point."),
];

fn one(args: &[Value], function: fn(f64) -> f64) -> Result<Value, Raise> {
    finite(function(args.float(0)?))
}

/// A function gives no number outside its domain, and an infinite one at a pole or on overflow.
pub(super) fn finite(result: f64) -> Result<Value, Raise> {
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
