//! generate_json, and the table rows of both JSON builtins.
//! In: a value. Out: JSON text. Strings are binary strings: `~0A` is written as `\n`.

use moor_value::{ErrorCode, FloatText, Value};

use super::arg::Args;
use super::json_parser::parse_json;
use super::spec::pure;
use super::text::Text;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!(
        "generate_json",
        1..=3,
        [Any, Str, Any],
        ToastStunt,
        generate_json
    )
    .doc(
        "value mode keep_tildes",
        "STR",
        "The value as JSON. Objects and errors become strings; in the mode \
             `embedded-types` such strings end in `|obj` or `|err`, so that `parse_json()` \
             gives them back. Control characters written `~0A` are escaped unless \
             `keep_tildes` is true.",
    )
    .raises(
        "E_INVARG if the mode is unknown, or an anonymous object or a waif is in the \
             value; E_QUOTA if the text would be too long",
    ),
    pure!("parse_json", 1..=2, [Str, Str], ToastStunt, parse_json)
        .doc(
            "text mode",
            "value",
            "What the JSON says; its objects become maps. In the mode `embedded-types` \
             strings that end in `|obj`, `|int`, `|float`, `|err` or `|str` become values of \
             that type.",
        )
        .raises(
            "E_INVARG if the text is no JSON, goes deeper than 1,000 levels or \
             `$server_options.json_max_parse_depth`, or the mode is unknown; E_QUOTA if the \
             value would be too large",
        ),
];

/// How types that JSON lacks are written.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mode {
    /// As strings.
    CommonSubset,
    /// As strings that end in `|obj`, `|err`, and in keys `|int`, `|float`.
    EmbeddedTypes,
}

/// The mode that the argument names.
pub(super) fn mode(args: &[Value], index: usize) -> Result<Mode, Raise> {
    let Some(name) = args.given(index).and_then(Value::as_str) else {
        return Ok(Mode::CommonSubset);
    };
    match name.as_str().to_ascii_lowercase().as_str() {
        "common-subset" => Ok(Mode::CommonSubset),
        "embedded-types" => Ok(Mode::EmbeddedTypes),
        _ => Err(ErrorCode::InvArg.into()),
    }
}

/// `generate_json(value [, mode [, keep-tildes]])`.
fn generate_json(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let (mode, keep_tildes) = (mode(args, 1)?, args.flag(2));
    Ok(written(call, &args[0], mode, keep_tildes)?.into_value())
}

/// A value as JSON, as `generate_json()` has it without a mode.
pub(crate) fn json_text(call: &mut Call<'_>, value: &Value) -> Result<String, Raise> {
    Ok(written(call, value, Mode::CommonSubset, false)?.into_string())
}

fn written(
    call: &mut Call<'_>,
    value: &Value,
    mode: Mode,
    keep_tildes: bool,
) -> Result<Text, Raise> {
    let mut writer = Writer {
        text: Text::new(call),
        mode,
        keep_tildes,
    };
    call.charge(value.bytes())?;
    writer.value(value)?;
    Ok(writer.text)
}

struct Writer {
    text: Text,
    mode: Mode,
    keep_tildes: bool,
}

impl Writer {
    fn value(&mut self, value: &Value) -> Result<(), Raise> {
        match value {
            Value::Int(n) => self.text.push(&n.to_string()),
            Value::Float(x) => self.text.push(&FloatText(*x).to_string()),
            Value::Bool(_) => self.text.push(&value.to_literal()),
            Value::Obj(_)
            | Value::Err(_)
            | Value::Error(_)
            | Value::Str(_)
            | Value::Sym(_)
            | Value::Binary(_) => self.typed_string(value),
            Value::List(list) => self.items("[", list.iter(), "]", Self::value),
            Value::Map(map) => self.items("{", map.iter(), "}", Self::entry),
            Value::None | Value::Anon(_) | Value::Waif(_) | Value::Fly(_) | Value::Lambda(_) => {
                Err(ErrorCode::InvArg.into())
            }
        }
    }

    fn entry(&mut self, (key, value): (&Value, &Value)) -> Result<(), Raise> {
        self.typed_string(key)?;
        self.text.push(":")?;
        self.value(value)
    }

    fn items<T>(
        &mut self,
        open: &str,
        items: impl Iterator<Item = T>,
        close: &str,
        write: fn(&mut Self, T) -> Result<(), Raise>,
    ) -> Result<(), Raise> {
        self.text.push(open)?;
        for (i, item) in items.enumerate() {
            if i > 0 {
                self.text.push(",")?;
            }
            write(self, item)?;
        }
        self.text.push(close)
    }

    /// A value other than a list or map as a string, with its type where the mode wants it.
    fn typed_string(&mut self, value: &Value) -> Result<(), Raise> {
        let (text, suffix) = match value {
            Value::Str(s) => {
                let ambiguous = type_suffix(s.as_str()).is_some();
                (s.as_str().to_owned(), if ambiguous { "|str" } else { "" })
            }
            Value::Int(_) => (value.to_literal(), "|int"),
            Value::Float(_) => (value.to_literal(), "|float"),
            Value::Obj(_) => (value.to_literal(), "|obj"),
            Value::Err(_) | Value::Error(_) => {
                let name = value.error_name();
                let name = name.map(|name| name.as_str().to_owned());
                (name.unwrap_or_default(), "|err")
            }
            Value::Sym(symbol) => (symbol.as_str().to_owned(), ""),
            Value::Binary(bytes) => (bytes.to_base64(), ""),
            Value::Bool(_) => (value.to_literal(), ""),
            _ => return Err(ErrorCode::InvArg.into()),
        };
        self.text.push("\"")?;
        self.escaped(&text)?;
        if self.mode == Mode::EmbeddedTypes {
            self.text.push(suffix)?;
        }
        self.text.push("\"")
    }

    /// The inside of a string. `~XX` of a control character becomes JSON's escape for it, unless a
    /// backslash stands before the tilde; that backslash is dropped.
    fn escaped(&mut self, text: &str) -> Result<(), Raise> {
        let mut rest = text;
        let mut after_backslash = false;
        while let Some(c) = rest.chars().next() {
            let mut taken = c.len_utf8();
            let literal = after_backslash;
            after_backslash = c == '\\';
            let control = tilde_control(rest).filter(|_| !literal && !self.keep_tildes);
            match control {
                Some(control) => {
                    self.control(control, true)?;
                    taken = 3;
                }
                None if c == '\\' && rest[1..].starts_with('~') => {}
                None if u32::from(c) < 0x20 => self.control(c as u8, false)?,
                None if matches!(c, '"' | '\\') => {
                    self.text.push("\\")?;
                    self.text.push_char(c)?;
                }
                None => self.text.push_char(c)?,
            }
            rest = &rest[taken..];
        }
        Ok(())
    }

    /// A control character. `~09` has no short form, so that it can be told from a tab.
    fn control(&mut self, byte: u8, from_tilde: bool) -> Result<(), Raise> {
        match byte {
            8 => self.text.push("\\b"),
            9 if !from_tilde => self.text.push("\\t"),
            10 => self.text.push("\\n"),
            12 => self.text.push("\\f"),
            13 => self.text.push("\\r"),
            other => self.text.push(&format!("\\u{other:04X}")),
        }
    }
}

/// The byte of a `~XX` below 32 that the text begins with.
fn tilde_control(text: &str) -> Option<u8> {
    let [b'~', high @ (b'0' | b'1'), low, ..] = text.as_bytes() else {
        return None;
    };
    let low = char::from(*low).to_digit(16)?;
    Some((high - b'0') << 4 | low as u8)
}

/// Splits off a type that a string names at its end.
pub(super) fn type_suffix(text: &str) -> Option<(&str, &str)> {
    const TYPES: [&str; 5] = ["obj", "int", "float", "err", "str"];
    let (content, name) = text.rsplit_once('|')?;
    TYPES.contains(&name).then_some((content, name))
}
