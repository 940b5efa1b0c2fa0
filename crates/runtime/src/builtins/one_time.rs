//! One-time passwords of authenticator programs: by a counter (RFC 4226), by time (RFC 6238).
//! In: a secret and a counter or a time. Out: digits.

use hmac::{Hmac, KeyInit, Mac};
use moor_value::{ErrorCode, Value};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::arg::Args;
use super::base32::from_base32;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

/// Digits, unless told otherwise.
const DIGITS: i64 = 6;
/// Most digits: the number behind them has 31 bits.
const DIGITS_MAX: i64 = 10;
/// Seconds for which a password by time holds, unless told otherwise.
const STEP_S: i64 = 30;

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("hotp", 2..=3, [Any, Int, Int], MooR, hotp)
        .doc(
            "secret:STR|BINARY counter digits",
            "STR",
            "The one-time password of a counter (RFC 4226), with so many digits (6 unless given). The secret is bytes, or a \
             text in base 32.",
        )
        .raises(
            "E_INVARG if the secret is no base 32, the counter is negative, or the digits are not from 1 to 10",
        ),
    pure!("totp", 1..=5, [Any, Int, Int, Name, Int], MooR, totp)
        .doc(
            "secret:STR|BINARY time step algorithm digits",
            "STR",
            "The one-time password of a time (RFC 6238): of now unless given, for `step` seconds (30 unless given), with \
             `sha1`, which most authenticator programs use, `sha256` (if none is named) or `sha512`. The secret is bytes, or \
             a text in base 32; there are 6 digits unless given.",
        )
        .raises(
            "E_INVARG if the secret is no base 32, the time is negative, the step is not positive, the algorithm is unknown, or \
             the digits are not from 1 to 10",
        ),
];

fn hotp(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let secret = secret(call, args)?;
    let counter = u64::try_from(args.int(1)?).map_err(|_| ErrorCode::InvArg)?;
    let digest = keyed::<Hmac<Sha1>>(&secret, counter);
    call.string(digits(&digest, args, 2)?)
}

fn totp(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let secret = secret(call, args)?;
    let now = i64::try_from(call.surroundings.now().as_secs()).unwrap_or(i64::MAX);
    let time = args.given(1).map_or(Ok(now), |_| args.int(1))?;
    let step = args.given(2).map_or(Ok(STEP_S), |_| args.int(2))?;
    if step <= 0 {
        return Err(ErrorCode::InvArg.into());
    }
    let counter = u64::try_from(time).map_err(|_| ErrorCode::InvArg)? / step.unsigned_abs();
    let name = args
        .given(3)
        .map_or(Ok("sha256"), |_| args.str(3).map(moor_value::Str::as_str))?;
    let digest = match name.to_ascii_lowercase().as_str() {
        "sha1" => keyed::<Hmac<Sha1>>(&secret, counter),
        "sha256" => keyed::<Hmac<Sha256>>(&secret, counter),
        "sha512" => keyed::<Hmac<Sha512>>(&secret, counter),
        _ => return Err(ErrorCode::InvArg.into()),
    };
    call.string(digits(&digest, args, 4)?)
}

/// The bytes of the first argument: a binary value, or a text in base 32.
fn secret(call: &mut Call<'_>, args: &[Value]) -> Result<Vec<u8>, Raise> {
    call.charge(args[0].bytes())?;
    match &args[0] {
        Value::Binary(bytes) => Ok(bytes.as_slice().to_vec()),
        _ => from_base32(args.str(0)?.as_str()).ok_or_else(|| ErrorCode::InvArg.into()),
    }
}

fn keyed<M: Mac + KeyInit>(secret: &[u8], counter: u64) -> Vec<u8> {
    let mac = <M as KeyInit>::new_from_slice(secret);
    mac.map(|mac| {
        let mac = mac.chain_update(counter.to_be_bytes());
        mac.finalize().into_bytes().to_vec()
    })
    .unwrap_or_default()
}

/// The digits that a digest stands for (RFC 4226, section 5.3), as many as the argument says.
fn digits(digest: &[u8], args: &[Value], index: usize) -> Result<String, Raise> {
    let wanted = args.given(index).map_or(Ok(DIGITS), |_| args.int(index))?;
    if !(1..=DIGITS_MAX).contains(&wanted) {
        return Err(ErrorCode::InvArg.into());
    }
    let at = digest.last().map_or(0, |last| usize::from(last & 0xf));
    let number = digest.get(at..at + 4).unwrap_or_default();
    let number = number
        .iter()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        & 0x7fff_ffff;
    let width = wanted.unsigned_abs() as usize;
    let digits = number % 10_u64.pow(width as u32);
    Ok(format!("{digits:0width$}"))
}
