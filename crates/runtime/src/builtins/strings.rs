//! Searching, replacing and splitting strings.
//! In: strings, positions in characters from 1. Out: positions, strings, lists of strings.

use std::cmp::Ordering;

use moor_value::fold::{self, Case};
use moor_value::{ErrorCode, Str, Value};

use super::arg::Args;
use super::spec::pure;
use super::text::Text;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("chr", 0.., [], ToastStunt, chr)
        .doc(
            "values...",
            "STR",
            "The characters of these numbers, one after the other; strings stand as they are, \
             and lists are taken apart. Numbers from 32 to 254, for wizards from 0 to 255; the \
             text ends before a 0.",
        )
        .raises(
            "E_INVARG if a number is outside of that range, or a value is neither number, \
             string nor list",
        ),
    pure!("explode", 1..=3, [Str, Str, Int], ToastStunt, explode).doc(
        "text delimiter keep_empty",
        "LIST of STR",
        "The pieces between delimiters, of which only the first character counts (a \
             blank, if none is given). Empty pieces are left out unless `keep_empty` is true.",
    ),
    pure!("index", 2..=4, [Str, Str, Any, Int], LambdaMoo, index)
        .doc(
            "text what case_matters skip",
            "INT",
            "Where `what` begins for the first time in the text, counted from 1 after `skip` \
             characters that are not looked at; 0 if it is not there.",
        )
        .raises("E_INVARG if `skip` is negative"),
    pure!("rindex", 2..=4, [Str, Str, Any, Int], LambdaMoo, rindex)
        .doc(
            "text what case_matters skip",
            "INT",
            "Where `what` begins for the last time in the text, counted from 1; 0 if it is \
             not there. A negative `skip` leaves out as many characters at the end.",
        )
        .raises("E_INVARG if `skip` is positive"),
    pure!("strcmp", 2..=2, [Str, Str], LambdaMoo, strcmp).doc(
        "a b",
        "INT",
        "-1, 0 or 1 as the first text is before, the same as or behind the second; upper \
             and lower case differ.",
    ),
    pure!("strsub", 3..=4, [Str, Str, Str, Any], LambdaMoo, strsub)
        .doc(
            "text what with case_matters",
            "STR",
            "The text with every `what` replaced, from left to right and without overlap.",
        )
        .raises("E_INVARG if `what` is empty; E_QUOTA if the text would be too long"),
    pure!("strtr", 3..=4, [Str, Str, Str, Any], ToastStunt, strtr)
        .doc(
            "text from to case_matters",
            "STR",
            "The text with every character of `from` replaced by the one at the same place in \
             `to`, or left out where `to` is shorter.",
        )
        .raises("E_QUOTA if the text would be too long"),
];

/// `index(source, what [, case-matters [, skip]])`: the position is counted after the characters
/// skipped.
fn index(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let (source, what) = (args.str(0)?, args.str(1)?);
    let case = Case::from_matters(args.flag(2));
    let skip = match args.given(3) {
        Some(_) => usize::try_from(args.int(3)?).map_err(|_| ErrorCode::InvArg)?,
        None => 0,
    };
    call.charge(source.len_bytes())?;
    found(match skip {
        0 => source.find(what, case),
        _ if skip > source.len_chars() => None,
        _ => source.slice(skip + 1, usize::MAX).find(what, case),
    })
}

/// `rindex(source, what [, case-matters [, -skip]])`: characters skipped count from the end.
fn rindex(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let (source, what) = (args.str(0)?, args.str(1)?);
    let case = Case::from_matters(args.flag(2));
    let offset = args.given(3).map_or(Ok(0), |_| args.int(3))?;
    if offset > 0 {
        return Err(ErrorCode::InvArg.into());
    }
    call.charge(source.len_bytes())?;
    let skip = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
    let kept = source.len_chars().checked_sub(skip);
    found(kept.and_then(|kept| source.slice(1, kept).rfind(what, case)))
}

fn found(position: Option<usize>) -> Result<Value, Raise> {
    Ok(Value::Int(position.unwrap_or(0) as i64))
}

fn strcmp(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let (a, b) = (args.str(0)?, args.str(1)?);
    call.charge(a.len_bytes().min(b.len_bytes()))?;
    Ok(Value::Int(match a.cmp_exact(b) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }))
}

/// `strsub(source, what, with [, case-matters])`: from the left, without overlap.
fn strsub(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let (source, what, with) = (args.str(0)?, args.str(1)?, args.str(2)?);
    if what.is_empty() {
        return Err(ErrorCode::InvArg.into());
    }
    let (source, with) = (source.as_str(), with.as_str());
    call.charge(source.len())?;
    let case = Case::from_matters(args.flag(3));
    let mut text = Text::new(call);
    let mut copied = 0;
    fold::find_each(source.as_bytes(), what.as_bytes(), case, |at| {
        call.charge(with.len())?;
        text.push(&source[copied..at])?;
        copied = at + what.len_bytes();
        text.push(with)
    })?;
    text.push(&source[copied..])?;
    Ok(text.into_value())
}

/// `strtr(source, from, to [, case-matters])`: each character of `from` becomes the one at its
/// place in `to`, or nothing where `to` is shorter.
fn strtr(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let (source, from, to) = (args.str(0)?, args.str(1)?, args.str(2)?);
    call.charge(source.len_bytes() + from.len_bytes())?;
    let table = translation(from.as_str(), to.as_str(), args.flag(3));
    let mut text = Text::new(call);
    for c in source.as_str().chars() {
        match table.get(&c) {
            Some(Some(other)) => text.push_char(*other)?,
            Some(None) => {}
            None => text.push_char(c)?,
        }
    }
    Ok(text.into_value())
}

type Translation = std::collections::HashMap<char, Option<char>>;

/// What each character of `from` becomes; of a character that occurs twice the last counts.
fn translation(from: &str, to: &str, case_matters: bool) -> Translation {
    let mut to = to.chars();
    let mut table = Translation::new();
    for c in from.chars() {
        let other = to.next();
        if case_matters || !c.is_ascii_alphabetic() {
            table.insert(c, other);
        } else {
            table.insert(
                c.to_ascii_uppercase(),
                other.map(|o| o.to_ascii_uppercase()),
            );
            table.insert(
                c.to_ascii_lowercase(),
                other.map(|o| o.to_ascii_lowercase()),
            );
        }
    }
    table
}

/// `explode(text [, delimiter [, keep-empty]])`: only the delimiter's first character counts.
fn explode(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let text = args.str(0)?;
    let delimiter = args.given(1).and_then(Value::as_str);
    let delimiter = delimiter.and_then(|d| d.as_str().chars().next());
    let keep_empty = args.flag(2);
    call.charge(text.len_bytes())?;
    let pieces = text.as_str().split(delimiter.unwrap_or(' '));
    let pieces = pieces.filter(|piece| keep_empty || !piece.is_empty());
    call.collect_list(pieces.map(Value::from))
}

/// Characters of these numbers, strings as they are, lists of such; the text ends before a character 0. Only wizards
/// get the characters that a line of text cannot hold.
fn chr(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let allowed = if call.surroundings.is_wizard() {
        0..=255
    } else {
        32..=254
    };
    let mut text = Text::new(call);
    for arg in args.iter() {
        push_chars(call, &mut text, arg, &allowed)?;
    }
    let text = text.into_string();
    Ok(text.split('\0').next().unwrap_or_default().into())
}

fn push_chars(
    call: &mut Call<'_>,
    text: &mut Text,
    value: &Value,
    allowed: &std::ops::RangeInclusive<i64>,
) -> Result<(), Raise> {
    call.charge(1)?;
    match value {
        Value::Int(n) if allowed.contains(n) => {
            let byte = u8::try_from(*n).map_err(|_| ErrorCode::InvArg)?;
            text.push_char(char::from(byte))
        }
        Value::Str(s) => text.push(s.as_str()),
        Value::List(list) => list
            .iter()
            .try_for_each(|item| push_chars(call, text, item, allowed)),
        _ => Err(ErrorCode::InvArg.into()),
    }
}

/// The characters in reverse order.
pub(super) fn reversed(text: &Str) -> Str {
    text.as_str().chars().rev().collect::<String>().into()
}
