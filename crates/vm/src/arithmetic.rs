//! Arithmetic on values beyond the two-integer cases that the dispatch loop does itself.
//!
//! Integers wrap around at 64 bits; floats stay finite or are E_FLOAT; the two do not mix.

use std::cmp::Ordering;

use moor_value::{ErrorCode, Value, ValueType};

use crate::outcome::TaskLimits;
use crate::raise::Raise;

type Computed = Result<Value, Box<Raise>>;

/// A float result, if it is one.
#[inline]
pub(crate) fn float(x: f64) -> Computed {
    if x.is_finite() {
        Ok(Value::Float(x))
    } else {
        Err(Raise::new(ErrorCode::Float))
    }
}

/// `a / b` of integers. ToastStunt leaves the two lowest numbers alone when their sign would change.
#[inline]
pub(crate) fn divide_int(a: i64, b: i64) -> Option<i64> {
    if b == 0 {
        None
    } else {
        let stays = b == -1 && a <= -i64::MAX;
        Some(if stays { a } else { a / b })
    }
}

/// `a % b` of integers with the sign of `b`.
#[inline]
pub(crate) fn modulo_int(a: i64, b: i64) -> Option<i64> {
    if b == 0 {
        return None;
    }
    if (a | b) as u64 >> 31 == 0 {
        // Both small and not negative: a 32-bit division takes a fraction of a 64-bit one's time.
        return Some(i64::from(a as u32 % b as u32));
    }
    let rest = a.wrapping_rem(b);
    Some(if rest != 0 && (rest ^ b) < 0 {
        rest + b
    } else {
        rest
    })
}

/// `a + b`; `a` is used up so that a string or list that nobody else holds grows in place. On an error `a` is as
/// it was.
pub(crate) fn add(a: &mut Value, b: &Value, limits: &TaskLimits) -> Result<(), Box<Raise>> {
    match (&mut *a, b) {
        (Value::Int(x), Value::Int(y)) => *x = x.wrapping_add(*y),
        (Value::Float(x), Value::Float(y)) => *a = float(*x + *y)?,
        (Value::Str(x), Value::Str(y)) => {
            if x.len_bytes() + y.len_bytes() > limits.string_bytes() {
                return Err(limits.quota());
            }
            x.push_str(y.as_str());
        }
        (Value::Binary(x), Value::Binary(y)) => {
            if x.len() + y.len() > limits.string_bytes() {
                return Err(limits.quota());
            }
            x.extend(y.as_slice());
        }
        (Value::List(_), Value::List(_)) => crate::collection::join(a, b, limits)?,
        (Value::List(_), _) => crate::collection::append(a, b.clone(), limits)?,
        _ => return Err(add_mismatch(a, b)),
    }
    Ok(())
}

#[cold]
fn add_mismatch(a: &Value, b: &Value) -> Box<Raise> {
    use ValueType as T;
    let (left, right) = (a.value_type(), b.value_type());
    let numeric = |t| matches!(t, T::Int | T::Float);
    match (left, right) {
        (T::Str | T::Int | T::Float | T::Binary, _) => Raise::type_mismatch(b, &[left]),
        (_, T::Str) => Raise::type_mismatch(a, &[T::Str]),
        (_, right) if numeric(right) => Raise::type_mismatch(a, &[right]),
        _ => Raise::type_mismatch(a, &[T::Int, T::Float, T::Str]),
    }
}

#[cold]
fn number_mismatch(a: &Value, b: &Value) -> Box<Raise> {
    let wrong = if matches!(a, Value::Int(_) | Value::Float(_)) {
        b
    } else {
        a
    };
    Raise::type_mismatch(wrong, &[ValueType::Int, ValueType::Float])
}

#[cold]
fn int_mismatch(a: &Value, b: &Value) -> Box<Raise> {
    let wrong = if matches!(a, Value::Int(_)) { b } else { a };
    Raise::type_mismatch(wrong, &[ValueType::Int])
}

/// `a - b`.
pub(crate) fn subtract(a: &Value, b: &Value) -> Computed {
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => Ok(Value::Int(x.wrapping_sub(*y))),
        (Value::Float(x), Value::Float(y)) => float(x - y),
        _ => Err(number_mismatch(a, b)),
    }
}

/// `a * b`.
pub(crate) fn multiply(a: &Value, b: &Value) -> Computed {
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => Ok(Value::Int(x.wrapping_mul(*y))),
        (Value::Float(x), Value::Float(y)) => float(x * y),
        _ => Err(number_mismatch(a, b)),
    }
}

/// `a / b`.
pub(crate) fn divide(a: &Value, b: &Value) -> Computed {
    let by_zero = || Raise::new(ErrorCode::Div);
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => divide_int(*x, *y).map(Value::Int).ok_or_else(by_zero),
        (Value::Float(_), Value::Float(0.0)) => Err(by_zero()),
        (Value::Float(x), Value::Float(y)) => float(x / y),
        _ => Err(number_mismatch(a, b)),
    }
}

/// `a % b`, with the sign of `b`.
pub(crate) fn modulo(a: &Value, b: &Value) -> Computed {
    let by_zero = || Raise::new(ErrorCode::Div);
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => modulo_int(*x, *y).map(Value::Int).ok_or_else(by_zero),
        (Value::Float(_), Value::Float(0.0)) => Err(by_zero()),
        (Value::Float(x), Value::Float(y)) => float((x % y + y) % y),
        _ => Err(number_mismatch(a, b)),
    }
}

/// `a ^ b`. A float may be raised to an integer, not an integer to a float.
pub(crate) fn power(a: &Value, b: &Value) -> Computed {
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => power_int(*x, *y).map(Value::Int),
        (Value::Float(x), Value::Int(y)) => float(x.powf(*y as f64)),
        (Value::Float(x), Value::Float(y)) => float(x.powf(*y)),
        _ => Err(Raise::new(ErrorCode::Type)),
    }
}

fn power_int(mut a: i64, b: i64) -> Result<i64, Box<Raise>> {
    if b < 0 {
        return match a {
            // Sic: ToastStunt's signs.
            -1 => Ok(if b & 1 != 0 { 1 } else { -1 }),
            0 => Err(Raise::new(ErrorCode::Div)),
            1 => Ok(1),
            _ => Ok(0),
        };
    }
    let (mut left, mut result) = (b, 1_i64);
    while left != 0 {
        if left & 1 != 0 {
            result = result.wrapping_mul(a);
        }
        a = a.wrapping_mul(a);
        left >>= 1;
    }
    Ok(result)
}

/// `-a`.
pub(crate) fn negate(a: &Value) -> Computed {
    match a {
        Value::Int(x) => Ok(Value::Int(x.wrapping_neg())),
        Value::Float(x) => Ok(Value::Float(-x)),
        _ => Err(Raise::type_mismatch(a, &[ValueType::Int, ValueType::Float])),
    }
}

/// `~a`.
pub(crate) fn complement(a: &Value) -> Computed {
    match a {
        Value::Int(x) => Ok(Value::Int(!x)),
        _ => Err(Raise::type_mismatch(a, &[ValueType::Int])),
    }
}

/// `&.`, `|.` or `^.`.
pub(crate) fn bits(a: &Value, b: &Value, operation: fn(i64, i64) -> i64) -> Computed {
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => Ok(Value::Int(operation(*x, *y))),
        _ => Err(int_mismatch(a, b)),
    }
}

/// `<<` or `>>` (which fills with zeroes); by 0 to 64 bits.
pub(crate) fn shift(a: &Value, b: &Value, left: bool) -> Computed {
    let (Value::Int(x), Value::Int(by)) = (a, b) else {
        return Err(int_mismatch(a, b));
    };
    match (*by, left) {
        (64, _) => Ok(Value::ZERO),
        (0..64, true) => Ok(Value::Int(x << by)),
        (0..64, false) => Ok(Value::Int((*x as u64 >> by) as i64)),
        _ => Err(Raise::new(ErrorCode::InvArg)),
    }
}

/// The order of two floats as programs see it: neither less nor greater counts as equal.
#[inline]
pub(crate) fn order_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}
