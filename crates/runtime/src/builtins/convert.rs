//! Conversions between types, and the questions that any value answers.
//! In: any value. Out: its type, length, text, size, or the value as another type.

use moor_value::{ErrorCode, ObjId, Value};

use super::spec::pure;
use super::text::Text;
use super::{BuiltinSpec, Call, Raise};

/// What `toint()` raises under each of its names.
const TOINT_RAISES: &str = "E_TYPE if the value is a list, a map, an anonymous object or a waif; E_FLOAT if \
                            a float is infinite or no number";

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("equal", 2..=2, [Any, Any], LambdaMoo, equal).truth().doc(
        "a b",
        "INT",
        "1 if the values are equal and upper and lower case agree as well, else 0; `==` \
             ignores case.",
    ),
    pure!("length", 1..=1, [Any], LambdaMoo, length)
        .doc(
            "value:STR|LIST|MAP|BINARY|FLYWEIGHT",
            "INT",
            "The number of characters of a string, items of a list or of a flyweight's contents, entries of a map or bytes of a binary.",
        )
        .raises("E_TYPE if the value has no length"),
    pure!("tofloat", 1..=1, [Any], LambdaMoo, tofloat)
        .doc(
            "value:INT|FLOAT|STR|OBJ|ERR",
            "FLOAT",
            "The value as a float. A string is read as a number.",
        )
        .raises(
            "E_INVARG if a string is no number; E_TYPE if the value is a list, a map, an \
             anonymous object or a waif",
        ),
    pure!("toint", 1..=1, [Any], LambdaMoo, toint)
        .doc(
            "value:INT|FLOAT|STR|OBJ|ERR|BOOL",
            "INT",
            "The value as an integer: a float loses its fraction, an object is its number, an \
             error its position among the errors. A string that is no number gives 0.",
        )
        .raises(TOINT_RAISES),
    pure!("toliteral", 1..=1, [Any], LambdaMoo, toliteral)
        .doc(
            "value",
            "STR",
            "The value as a program would write it: strings in quotes, lists and maps with \
             their contents.",
        )
        .raises("E_QUOTA if the text would be too long"),
    pure!("tonum", 1..=1, [Any], LambdaMoo, toint)
        .doc(
            "value:INT|FLOAT|STR|OBJ|ERR|BOOL",
            "INT",
            "The former name of `toint()`.",
        )
        .raises(TOINT_RAISES),
    pure!("tobool", 1..=1, [Any], MooR, |_, args| Ok(
        args[0].is_true().into()
    ))
    .doc(
        "value",
        "BOOL",
        "`true` if the value counts as true where a condition is asked for, else `false`.",
    ),
    pure!("toobj", 1..=1, [Any], LambdaMoo, toobj)
        .doc(
            "value:INT|FLOAT|STR|OBJ|ERR|BOOL",
            "OBJ",
            "The value as an object number; a string may begin with `#`. A string that is no \
             number gives #0.",
        )
        .raises("E_TYPE if the value is a list, a map, an anonymous object or a waif"),
    pure!("tostr", 0.., [], LambdaMoo, tostr)
        .doc(
            "values...",
            "STR",
            "The values as text, one after the other. Strings stand as they are; a list is \
             `{list}`, a map `[map]`.",
        )
        .raises("E_QUOTA if the text would be too long"),
    pure!("typeof", 1..=1, [Any], LambdaMoo, type_of).doc(
        "value",
        "INT",
        "The number of the value's type: INT 0, OBJ 1, STR 2, ERR 3, LIST 4, FLOAT 9, MAP \
             10, ANON 12, WAIF 13, BOOL 14.",
    ),
    pure!("value_bytes", 1..=1, [Any], LambdaMoo, value_bytes).doc(
        "value",
        "INT",
        "How much memory the value is taken to need, in bytes; the limits on values are \
             in this measure.",
    ),
];

fn type_of(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    Ok(Value::Int(args[0].value_type() as i64))
}

fn length(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let length = match &args[0] {
        Value::Str(s) => s.len_chars(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Binary(bytes) => bytes.len(),
        Value::Fly(flyweight) => flyweight.contents().len(),
        _ => return Err(ErrorCode::Type.into()),
    };
    Ok(Value::Int(length as i64))
}

fn equal(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    call.charge(args[0].bytes().min(args[1].bytes()))?;
    Ok(i64::from(args[0].equal_case_sensitive(&args[1])).into())
}

fn value_bytes(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    Ok(Value::Int(
        i64::try_from(args[0].bytes()).unwrap_or(i64::MAX),
    ))
}

fn tostr(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let mut text = Text::new(call);
    for arg in args.iter() {
        match arg {
            Value::Str(piece) => text.push_string(piece)?,
            other => other.write_text(&mut text)?,
        }
    }
    Ok(text.into_value())
}

fn toliteral(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let mut text = Text::new(call);
    args[0].write_literal(&mut text)?;
    Ok(text.into_value())
}

fn toint(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    match &args[0] {
        Value::Str(s) => Ok(int_of_text(s.as_str()).into()),
        other => Ok(int_of(other)?.into()),
    }
}

fn toobj(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let number = match &args[0] {
        Value::Str(s) => object_number_of_text(s.as_str()),
        other => int_of(other)?,
    };
    Ok(ObjId(number).into())
}

/// The integer that a value other than a string becomes.
fn int_of(value: &Value) -> Result<i64, Raise> {
    Ok(match value {
        Value::Int(n) => *n,
        Value::Obj(id) => id.0,
        Value::Err(_) | Value::Error(_) => {
            let code = value.as_err().ok_or(ErrorCode::Type)?;
            code.number().into()
        }
        Value::Bool(truth) => i64::from(*truth),
        Value::Float(x) if x.is_finite() => *x as i64,
        Value::Float(_) => return Err(ErrorCode::Float.into()),
        _ => return Err(ErrorCode::Type.into()),
    })
}

/// The integer that text means: an integer, or a float cut off at the point, with blanks around
/// it; anything else means 0.
fn int_of_text(text: &str) -> i64 {
    let text = text.trim_start_matches(is_blank);
    let (integer, rest) = match parse_int(text) {
        Some((n, rest)) if !rest.starts_with(['.', 'e', 'E']) => (n, rest),
        _ => match parse_float(text) {
            Some((x, rest)) => (x as i64, rest),
            None => return 0,
        },
    };
    if only_spaces(rest) { integer } else { 0 }
}

/// The number that text like `#12`, `12` or `#048D05-1234567890` means; anything else means 0.
fn object_number_of_text(text: &str) -> i64 {
    let text = text.trim_start_matches(' ');
    let text = text.strip_prefix('#').unwrap_or(text);
    if let Some((id, rest)) = ObjId::split_unique(text)
        && only_spaces(rest)
    {
        return id.0;
    }
    match parse_int(text.trim_start_matches(is_blank)) {
        Some((number, rest)) if only_spaces(rest) => number,
        _ => 0,
    }
}

fn tofloat(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    Ok(Value::Float(match &args[0] {
        Value::Int(n) => *n as f64,
        Value::Obj(id) => id.0 as f64,
        Value::Err(code) => f64::from(code.number()),
        Value::Float(x) => *x,
        Value::Str(s) => float_of_text(s.as_str()).ok_or(ErrorCode::InvArg)?,
        _ => return Err(ErrorCode::Type.into()),
    }))
}

/// As ToastStunt reads it: a minus may stand apart from its number.
fn float_of_text(text: &str) -> Option<f64> {
    let text = text.trim_start_matches(' ');
    let unsigned = text.strip_prefix('-');
    let (number, rest) = parse_float(unsigned.unwrap_or(text).trim_start_matches(is_blank))?;
    let number = if unsigned.is_some() { -number } else { number };
    (only_spaces(rest) && number.is_finite()).then_some(number)
}

/// C's `isspace`, which number parsing skips in front.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

fn only_spaces(text: &str) -> bool {
    text.bytes().all(|b| b == b' ')
}

/// Splits a decimal integer with an optional sign off the front of `text`. A number that is too
/// large becomes the nearest that is not.
pub(crate) fn parse_int(text: &str) -> Option<(i64, &str)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = count_digits(unsigned.as_bytes());
    if digits == 0 {
        return None;
    }
    let (number, rest) = text.split_at(text.len() - unsigned.len() + digits);
    let nearest = if number.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    Some((number.parse().unwrap_or(nearest), rest))
}

/// Splits a decimal float or integer with an optional sign off the front of `text`.
fn parse_float(text: &str) -> Option<(f64, &str)> {
    let bytes = text.as_bytes();
    let sign = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let whole = count_digits(&bytes[sign..]);
    let mut end = sign + whole;
    if bytes.get(end) == Some(&b'.') {
        let fraction = count_digits(&bytes[end + 1..]);
        if whole + fraction == 0 {
            return None;
        }
        end += 1 + fraction;
    } else if whole == 0 {
        return None;
    }
    end += exponent_len(&bytes[end..]);
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest))
}

/// How long the exponent at the front is; 0 when there is none.
fn exponent_len(bytes: &[u8]) -> usize {
    if !matches!(bytes.first(), Some(b'e' | b'E')) {
        return 0;
    }
    let sign = usize::from(matches!(bytes.get(1), Some(b'-' | b'+')));
    match count_digits(&bytes[1 + sign..]) {
        0 => 0,
        digits => 1 + sign + digits,
    }
}

fn count_digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_digit()).count()
}
