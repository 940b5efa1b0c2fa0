//! Digests of strings, binary strings and values, and keyed digests (HMAC).
//! In: data, a key, the name of an algorithm. Out: hexadecimal digits, or a binary string.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use moor_value::{ErrorCode, Value};
use ripemd::Ripemd160;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::arg::Args;
use super::encoding::{binary_arg, push_hex};
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

/// The algorithm where none is named.
const DEFAULT: &str = "sha256";

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!(
        "binary_hash",
        1..=3,
        [Str, Str, Any],
        LambdaMoo,
        |call, args| {
            let data = binary_arg(call, args, 0)?;
            hashed(call, args, &data)
        }
    )
    .doc(
        "binary algorithm as_binary",
        "STR",
        "The digest of the bytes of a binary string, in hexadecimal digits or as a binary \
             string: `md5`, `sha1`, `sha224`, `sha256` (if none is named), `sha384`, `sha512` \
             or `ripemd160`.",
    )
    .raises(
        "E_INVARG if the algorithm is unknown, or a `~` is not followed by two \
             hexadecimal digits",
    ),
    pure!(
        "binary_hmac",
        2..=4,
        [Str, Str, Str, Any],
        ToastStunt,
        |call, args| {
            let data = binary_arg(call, args, 0)?;
            keyed(call, args, &data)
        }
    )
    .doc(
        "binary key algorithm as_binary",
        "STR",
        "The keyed digest of the bytes of a binary string, with `sha1` or `sha256` (if \
             none is named); the key is a binary string too.",
    )
    .raises(
        "E_INVARG if the algorithm is unknown, or a `~` is not followed by two \
             hexadecimal digits",
    ),
    pure!(
        "string_hash",
        1..=3,
        [Str, Str, Any],
        LambdaMoo,
        |call, args| { hashed(call, args, args.str(0)?.as_bytes()) }
    )
    .doc(
        "text algorithm as_binary",
        "STR",
        "The digest of a text, with the algorithms of `binary_hash()`.",
    )
    .raises("E_INVARG if the algorithm is unknown"),
    pure!(
        "string_hmac",
        2..=4,
        [Str, Str, Str, Any],
        ToastStunt,
        |call, args| { keyed(call, args, args.str(0)?.as_bytes()) }
    )
    .doc(
        "text key algorithm as_binary",
        "STR",
        "The keyed digest of a text, with `sha1` or `sha256` (if none is named); the key \
             is a binary string.",
    )
    .raises(
        "E_INVARG if the algorithm is unknown, or a `~` in the key is not followed by two \
             hexadecimal digits",
    ),
    pure!(
        "value_hash",
        1..=3,
        [Any, Str, Any],
        LambdaMoo,
        |call, args| digest_of(call, &args[0], args, 1)
    )
    .doc(
        "value algorithm as_binary",
        "STR",
        "The digest of what `toliteral()` makes of a value, with the algorithms of \
             `binary_hash()`.",
    )
    .raises("E_INVARG if the algorithm is unknown"),
    pure!(
        "value_hmac",
        2..=4,
        [Any, Str, Str, Any],
        ToastStunt,
        |call, args| {
            call.charge(args[0].bytes())?;
            keyed(call, args, args[0].to_literal().as_bytes())
        }
    )
    .doc(
        "value key algorithm as_binary",
        "STR",
        "The keyed digest of what `toliteral()` makes of a value, with `sha1` or `sha256` \
             (if none is named); the key is a binary string.",
    )
    .raises(
        "E_INVARG if the algorithm is unknown, or a `~` in the key is not followed by two \
             hexadecimal digits",
    ),
];

/// The digest of what `toliteral()` makes of a value, with the algorithm and form that stand in the arguments from `at` on.
///
/// # Errors
/// E_INVARG for an unknown algorithm.
pub(super) fn digest_of(
    call: &mut Call<'_>,
    value: &Value,
    args: &[Value],
    at: usize,
) -> Result<Value, Raise> {
    call.charge(value.bytes().saturating_mul(4))?;
    let digest = digest(&algorithm(args, at), value.to_literal().as_bytes());
    Ok(shown(&digest.ok_or(ErrorCode::InvArg)?, args.flag(at + 1)))
}

/// The digest of `data`; the algorithm is the second argument, whether the result is a binary
/// string the third.
fn hashed(call: &mut Call<'_>, args: &[Value], data: &[u8]) -> Result<Value, Raise> {
    call.charge(data.len().saturating_mul(4))?;
    let digest = digest(&algorithm(args, 1), data).ok_or(ErrorCode::InvArg)?;
    Ok(shown(&digest, args.flag(2)))
}

/// The keyed digest of `data`; the key is the second argument (a binary string), the algorithm the
/// third, whether the result is a binary string the fourth.
fn keyed(call: &mut Call<'_>, args: &[Value], data: &[u8]) -> Result<Value, Raise> {
    let key = binary_arg(call, args, 1)?;
    call.charge(data.len().saturating_mul(4))?;
    let digest = match algorithm(args, 2).as_str() {
        "sha1" => mac::<Hmac<Sha1>>(&key, data),
        "sha256" => mac::<Hmac<Sha256>>(&key, data),
        _ => None,
    };
    Ok(shown(&digest.ok_or(ErrorCode::InvArg)?, args.flag(3)))
}

fn algorithm(args: &[Value], index: usize) -> String {
    let name = args.given(index).and_then(Value::as_str);
    name.map_or_else(
        || DEFAULT.to_owned(),
        |name| name.as_str().to_ascii_lowercase(),
    )
}

fn digest(algorithm: &str, data: &[u8]) -> Option<Vec<u8>> {
    Some(match algorithm {
        "md5" => Md5::digest(data).to_vec(),
        "sha1" => Sha1::digest(data).to_vec(),
        "sha224" => Sha224::digest(data).to_vec(),
        "sha256" => Sha256::digest(data).to_vec(),
        "sha384" => Sha384::digest(data).to_vec(),
        "sha512" => Sha512::digest(data).to_vec(),
        "ripemd160" => Ripemd160::digest(data).to_vec(),
        _ => return None,
    })
}

fn mac<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let mac = <M as KeyInit>::new_from_slice(key).ok()?;
    Some(mac.chain_update(data).finalize().into_bytes().to_vec())
}

fn shown(digest: &[u8], binary: bool) -> Value {
    let mut text = String::with_capacity(3 * digest.len());
    for &byte in digest {
        push_hex(&mut text, '~', byte);
    }
    if !binary {
        text.retain(|c| c != '~');
    }
    text.into()
}
