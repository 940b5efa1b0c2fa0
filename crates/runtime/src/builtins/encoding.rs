//! Text forms of bytes: MOO's binary strings (`~0A`), base64 and URL escapes.
//! In: text or bytes. Out: the other. A character up to U+00FF stands for the byte of that number,
//! any other for its UTF-8 bytes.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use moor_value::{ErrorCode, Value};

use super::arg::Args;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Standard base64, padded.
const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The alphabet that URLs can hold, without padding.
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!(
        "decode_base64",
        1..=2,
        [Str, Any],
        ToastStunt,
        decode_base64
    )
    .doc(
        "text url_safe",
        "STR",
        "The bytes that the text stands for, as a binary string; with `url_safe` of the \
             alphabet for URLs.",
    )
    .raises("E_INVARG if the text is no base64"),
    pure!("decode_binary", 1..=2, [Str, Any], LambdaMoo, decode_binary)
        .doc(
            "binary fully",
            "LIST",
            "The bytes of a binary string: runs of printable characters as strings and other \
             bytes as numbers; with `fully` each byte as a number.",
        )
        .raises(
            "E_INVARG if a `~` is not followed by two hexadecimal digits; E_QUOTA if the list \
             would be too large",
        ),
    pure!(
        "encode_base64",
        1..=2,
        [Str, Any],
        ToastStunt,
        encode_base64
    )
    .doc(
        "binary url_safe",
        "STR",
        "The bytes of a binary string as base64; with `url_safe` in the alphabet for URLs \
             and without `=`.",
    )
    .raises(
        "E_INVARG if a `~` is not followed by two hexadecimal digits; E_QUOTA if the text \
             would be too long",
    ),
    pure!("encode_binary", 0.., [], LambdaMoo, encode_binary)
        .doc(
            "values...",
            "STR",
            "Numbers from 0 to 255, strings, binary values, and lists of them as one binary string.",
        )
        .raises(
            "E_INVARG if a number is none of a byte, or a value is neither number, string, \
             binary nor list; E_QUOTA if the text would be too long",
        ),
    pure!("url_decode", 1..=1, [Str], ToastStunt, url_decode).doc(
        "text",
        "STR",
        "The text with every `%XX` replaced by the byte that it stands for.",
    ),
    pure!("url_encode", 1..=1, [Str], ToastStunt, url_encode)
        .doc(
            "text",
            "STR",
            "The text with everything but letters, digits and `-._~` written as `%XX`.",
        )
        .raises("E_QUOTA if the text would be too long"),
    pure!("urldecode", 1..=1, [Str], MooR, url_decode).doc(
        "text",
        "STR",
        "What `url_decode()` gives.",
    ),
    pure!("urlencode", 1..=1, [Str], MooR, url_encode)
        .doc("text", "STR", "What `url_encode()` gives.")
        .raises("E_QUOTA if the text would be too long"),
];

/// The binary string of these bytes: printable ASCII as it is, `~` and everything else as `~XX`.
pub(crate) fn binary_from_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte != b'~' && (byte == b' ' || byte.is_ascii_graphic()) {
            text.push(char::from(byte));
        } else {
            push_hex(&mut text, '~', byte);
        }
    }
    text
}

/// The bytes of a binary string; none where a `~` is not followed by two hexadecimal digits.
pub(crate) fn bytes_from_binary(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '~' {
            let high = rest.next()?.to_digit(16)?;
            let low = rest.next()?.to_digit(16)?;
            bytes.push((high << 4 | low) as u8);
        } else {
            push_char(&mut bytes, c);
        }
    }
    Some(bytes)
}

/// Appends a mark and the byte's two hexadecimal digits.
pub(super) fn push_hex(text: &mut String, mark: char, byte: u8) {
    text.push(mark);
    text.push(char::from(DIGITS[usize::from(byte >> 4)]));
    text.push(char::from(DIGITS[usize::from(byte & 15)]));
}

fn push_char(bytes: &mut Vec<u8>, c: char) {
    match u8::try_from(c) {
        Ok(byte) => bytes.push(byte),
        Err(_) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// Bytes (0 to 255), strings and lists of them, as one binary string.
fn encode_binary(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let mut bytes = Vec::new();
    for arg in args.iter() {
        push_bytes(call, &mut bytes, arg)?;
    }
    call.string(binary_from_bytes(&bytes))
}

fn push_bytes(call: &mut Call<'_>, bytes: &mut Vec<u8>, value: &Value) -> Result<(), Raise> {
    call.charge(1)?;
    call.allow_string(bytes.len())?;
    match value {
        Value::Int(n) => bytes.push(u8::try_from(*n).map_err(|_| ErrorCode::InvArg)?),
        Value::Str(text) => {
            call.charge(text.len_bytes())?;
            text.as_str().chars().for_each(|c| push_char(bytes, c));
        }
        Value::Binary(binary) => {
            call.charge(binary.len())?;
            bytes.extend_from_slice(binary.as_slice());
        }
        Value::List(list) => {
            for item in list {
                push_bytes(call, bytes, item)?;
            }
        }
        _ => return Err(ErrorCode::InvArg.into()),
    }
    Ok(())
}

/// `decode_binary(text [, fully])`: runs of printable characters as strings and other bytes as
/// integers, or with `fully` every byte as an integer.
fn decode_binary(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let text = args.str(0)?;
    call.charge(text.len_bytes())?;
    let bytes = bytes_from_binary(text.as_str()).ok_or(ErrorCode::InvArg)?;
    if args.flag(1) {
        let numbers = bytes.iter().map(|byte| Value::Int((*byte).into()));
        return call.collect_list(numbers);
    }
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
    let runs = bytes.chunk_by(|a, b| is_text(a) && is_text(b));
    let decoded = runs.map(|run| match run {
        [byte] if !is_text(byte) => Value::Int((*byte).into()),
        text => text
            .iter()
            .map(|b| char::from(*b))
            .collect::<String>()
            .into(),
    });
    call.collect_list(decoded)
}

/// `encode_base64(binary [, url-safe])`.
fn encode_base64(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let bytes = binary_arg(call, args, 0)?;
    call.allow_string(bytes.len().div_ceil(3).saturating_mul(4))?;
    let engine = if args.flag(1) { &URL_SAFE } else { &STANDARD };
    call.string(engine.encode(bytes))
}

/// `decode_base64(text [, url-safe])`: a binary string. The padding must be right in the standard
/// form, and may be left out in the other.
fn decode_base64(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let text = args.str(0)?;
    call.charge(text.len_bytes())?;
    let text = text.as_str();
    let decoded = if args.flag(1) {
        let unpadded = text.strip_suffix('=').unwrap_or(text);
        URL_SAFE.decode(unpadded.strip_suffix('=').unwrap_or(unpadded))
    } else {
        STANDARD.decode(text)
    };
    let bytes = decoded.map_err(|_| ErrorCode::InvArg)?;
    call.string(binary_from_bytes(&bytes))
}

/// The bytes of an argument that is a binary string, or E_INVARG.
pub(super) fn binary_arg(
    call: &mut Call<'_>,
    args: &[Value],
    index: usize,
) -> Result<Vec<u8>, Raise> {
    let text = args.str(index)?;
    call.charge(text.len_bytes())?;
    bytes_from_binary(text.as_str()).ok_or_else(|| ErrorCode::InvArg.into())
}

/// Everything but letters, digits and `-._~` as `%XX` of its UTF-8 bytes.
fn url_encode(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let source = args.str(0)?;
    call.charge(source.len_bytes())?;
    let mut text = String::with_capacity(source.len_bytes());
    for &byte in source.as_bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            byte => push_hex(&mut text, '%', byte),
        }
    }
    call.string(text)
}

/// `%XX` as bytes of UTF-8, or where they are not that, as characters of that number. A `%` before
/// anything else stays.
fn url_decode(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let mut rest = args.str(0)?.as_bytes();
    call.charge(rest.len())?;
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after.first_chunk().filter(|_| byte == b'%');
        match escaped.and_then(hex_byte) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|b| char::from(*b)).collect());
    call.string(text)
}

fn hex_byte(digits: &[u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}
