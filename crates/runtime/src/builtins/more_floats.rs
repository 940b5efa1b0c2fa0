//! Further functions of numbers, as mooR has them: powers, logarithms, signs, angles.
//! In: integers or floats. Out: finite floats; E_INVARG outside a function's domain, E_FLOAT where the result is infinite.

use moor_value::{ErrorCode, Value};

use super::floats::finite;
use super::spec::pure;
use super::{BuiltinSpec, Raise};

/// A row for a function of one number.
macro_rules! of_one {
    ($name:literal, $text:literal, $function:expr) => {
        pure!($name, 1..=1, [Num], MooR, |_, args| finite($function(
            number(&args[0])?
        )))
        .doc("x", "FLOAT", $text)
    };
}

/// A row for a function of two numbers.
macro_rules! of_two {
    ($name:literal, $args:literal, $text:literal, $function:expr) => {
        pure!($name, 2..=2, [Num, Num], MooR, |_, args| finite($function(
            number(&args[0])?,
            number(&args[1])?
        )))
        .doc($args, "FLOAT", $text)
    };
}

pub(super) const SPECS: &[BuiltinSpec] = &[
    of_two!(
        "copysign",
        "size sign",
        "The first number with the sign of the second.",
        f64::copysign
    ),
    of_one!("exp2", "Two to the power of x.", f64::exp2)
        .raises("E_FLOAT if the result is too large"),
    of_one!(
        "expm1",
        "e to the power of x, less one, exact for small x too.",
        f64::exp_m1
    )
    .raises("E_FLOAT if the result is too large"),
    of_one!(
        "fract",
        "What is behind the point of x, with its sign.",
        f64::fract
    ),
    of_two!(
        "hypot",
        "x y",
        "The length of the line from (0, 0) to (x, y).",
        f64::hypot
    )
    .raises("E_FLOAT if the result is too large"),
    of_one!(
        "ln1p",
        "The natural logarithm of x and one, exact for small x too.",
        |x: f64| if x > -1.0 { x.ln_1p() } else { f64::NAN }
    )
    .raises("E_INVARG if x is not above -1"),
    of_one!(
        "log2",
        "The logarithm of x to the base of two.",
        |x: f64| { if x > 0.0 { x.log2() } else { f64::NAN } }
    )
    .raises("E_INVARG if x is not above 0"),
    of_one!("recip", "One divided by x.", |x: f64| {
        if x == 0.0 { f64::INFINITY } else { x.recip() }
    })
    .raises("E_FLOAT if x is 0, or the result is too large"),
    of_one!(
        "signum",
        "1.0 if x is above 0, -1.0 if it is below, else 0.0.",
        |x: f64| if x == 0.0 { 0.0 } else { x.signum() }
    ),
    of_one!(
        "to_degrees",
        "An angle in radians, in degrees.",
        f64::to_degrees
    )
    .raises("E_FLOAT if the result is too large"),
    of_one!(
        "to_radians",
        "An angle in degrees, in radians.",
        f64::to_radians
    ),
];

/// An integer or a float.
fn number(value: &Value) -> Result<f64, Raise> {
    match value {
        Value::Int(n) => Ok(*n as f64),
        Value::Float(x) => Ok(*x),
        _ => Err(ErrorCode::Type.into()),
    }
}
