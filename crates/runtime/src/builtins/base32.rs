//! Base 32 as authenticator programs write secrets (RFC 4648).
//! In: a binary string or a binary value, or text. Out: text, or a binary value.

use data_encoding::{BASE32, BASE32_NOPAD};
use moor_value::{Binary, ErrorCode, Value};

use super::arg::Args;
use super::encoding::binary_arg;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("decode_base32", 1..=1, [Str], MooR, decode_base32)
        .doc(
            "text",
            "BINARY",
            "The bytes that the text stands for; letters of either case, `=` at the end or not.",
        )
        .raises("E_INVARG if the text is no base 32"),
    pure!("encode_base32", 1..=1, [Any], MooR, encode_base32)
        .doc(
            "bytes:STR|BINARY",
            "STR",
            "The bytes of a binary value or binary string as base 32, with `=` at the end.",
        )
        .raises(
            "E_INVARG if a `~` is not followed by two hexadecimal digits; E_QUOTA if the text would be too long",
        ),
];

fn encode_base32(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let bytes = bytes_arg(call, args, 0)?;
    call.allow_string(BASE32.encode_len(bytes.len()))?;
    call.string(BASE32.encode(&bytes))
}

fn decode_base32(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let text = args.str(0)?;
    call.charge(text.len_bytes())?;
    let bytes = from_base32(text.as_str()).ok_or(ErrorCode::InvArg)?;
    Ok(Binary::from_vec(bytes).into())
}

/// The bytes of a text in base 32.
pub(super) fn from_base32(text: &str) -> Option<Vec<u8>> {
    let letters = text.trim_end_matches('=').to_ascii_uppercase();
    BASE32_NOPAD.decode(letters.as_bytes()).ok()
}

/// The bytes of an argument that is a binary value or a binary string.
pub(super) fn bytes_arg(
    call: &mut Call<'_>,
    args: &[Value],
    index: usize,
) -> Result<Vec<u8>, Raise> {
    match args.given(index) {
        Some(Value::Binary(bytes)) => {
            call.charge(bytes.len())?;
            Ok(bytes.as_slice().to_vec())
        }
        _ => binary_arg(call, args, index),
    }
}
