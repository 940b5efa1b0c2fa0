//! Chance: random numbers and bytes.
//! In: bounds. Out: numbers, bytes as a binary string. Where chance comes from is the call's.

use moor_value::{ErrorCode, Value};

use super::arg::Args;
use super::encoding::binary_from_bytes;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

/// Most bytes that `random_bytes()` gives.
const BYTES_MAX: usize = 10_000;

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("frandom", 1..=2, [Float, Float], ToastStunt, frandom)
        .doc(
            "from to",
            "FLOAT",
            "A random float between `from` and `to`; with one argument between 0.0 and that.",
        )
        .raises("E_FLOAT if the result is too large"),
    pure!("random", 0..=2, [Int, Int], LambdaMoo, random)
        .doc(
            "from to",
            "INT",
            "A random integer from `from` to `to`, both possible; with one argument from 1 to \
             that, without any from 1 to the greatest.",
        )
        .raises("E_INVARG if `to` is less than 1 or than `from`"),
    pure!("random_bytes", 1..=1, [Int], ToastStunt, random_bytes)
        .doc(
            "count",
            "STR",
            "That many random bytes, as a binary string.",
        )
        .raises("E_INVARG if the count is negative or above 10,000"),
    pure!("reseed_random", 0..=0, [], ToastStunt, reseed_random)
        .doc(
            "",
            "INT",
            "Gives the generator of random numbers a new seed where it has one.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
];

/// `random()`, `random(max)` or `random(min, max)`; both ends are possible.
fn random(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let (min, max) = match args.len() {
        0 => (1, i64::MAX),
        1 => (1, args.int(0)?),
        _ => (args.int(0)?, args.int(1)?),
    };
    if max <= 0 || max < min {
        return Err(ErrorCode::InvArg.into());
    }
    let offset = match max.abs_diff(min).checked_add(1) {
        Some(count) => call.random_below(count),
        None => call.random_u64(),
    };
    Ok(min.wrapping_add_unsigned(offset).into())
}

/// `frandom(max)` or `frandom(min, max)`.
fn frandom(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let (min, max) = match args.len() {
        1 => (0.0, args.float(0)?),
        _ => (args.float(0)?, args.float(1)?),
    };
    // 53 bits, as many as a float's fraction has.
    let fraction = (call.random_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let result = min + fraction * (max - min);
    if !result.is_finite() {
        return Err(ErrorCode::Float.into());
    }
    Ok(result.into())
}

fn random_bytes(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let count = args.int(0)?;
    let count = usize::try_from(count).ok().filter(|n| *n <= BYTES_MAX);
    let count =
        count.ok_or_else(|| Raise::with(ErrorCode::InvArg, "Invalid count", args[0].clone()))?;
    let mut bytes = vec![0; count];
    call.surroundings.random(&mut bytes);
    call.string(binary_from_bytes(&bytes))
}

fn reseed_random(call: &mut Call<'_>, _: &mut [Value]) -> Result<Value, Raise> {
    call.wizard_only()?;
    call.surroundings.reseed();
    Ok(Value::ZERO)
}
