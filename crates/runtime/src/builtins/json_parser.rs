//! parse_json: JSON text to values.
//! In: text. Out: its first value; what follows it is not looked at. Control characters and
//! everything written as `\u` come out in the form of binary strings, as in ToastStunt.

use moor_value::{ErrorCode, List, Map, MapKey, ObjId, Value};

use super::arg::Args;
use super::convert::parse_int;
use super::encoding::push_hex;
use super::json::{Mode, mode, type_suffix};
use super::{Call, Raise};

/// How deeply arrays and objects may nest at most, whatever `$server_options.json_max_parse_depth` says.
pub(crate) const DEPTH_MAX: u32 = 1_000;

/// The least that a value counts for.
const VALUE_BYTES: usize = 16;

/// `parse_json(text [, mode])`.
pub(super) fn parse_json(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let mode = mode(args, 1)?;
    let text = args.str(0)?;
    call.charge(text.len_bytes().saturating_mul(4))?;
    let limits = call.limits;
    let mut parser = Parser {
        rest: text.as_str(),
        mode,
        depth_max: limits.json_depth_max,
        values_left: limits.list_bytes_max / VALUE_BYTES,
    };
    let value = parser.value(0);
    Ok(value.ok_or_else(|| parser.fault())?)
}

/// The value of a text that is JSON and nothing else, as `parse_json()` has it without a mode.
///
/// # Errors
/// `E_INVARG` when it is not, or nests deeper; `E_QUOTA` for so many values that a list of them would be too large.
pub(crate) fn json_value(
    text: &str,
    depth_max: u32,
    list_bytes_max: usize,
) -> Result<Value, ErrorCode> {
    let mut parser = Parser {
        rest: text,
        mode: Mode::CommonSubset,
        depth_max,
        values_left: list_bytes_max / VALUE_BYTES,
    };
    match parser.value(0) {
        Some(value) if parser.peek().is_none() && parser.rest.is_empty() => Ok(value),
        Some(_) => Err(ErrorCode::InvArg),
        None => Err(parser.fault()),
    }
}

struct Parser<'a> {
    rest: &'a str,
    mode: Mode,
    /// How deeply arrays and objects may nest.
    depth_max: u32,
    /// How many more values may be made; at 0 the text is too much.
    values_left: usize,
}

impl Parser<'_> {
    /// Why there is no value.
    fn fault(&self) -> ErrorCode {
        match self.values_left {
            0 => ErrorCode::Quota,
            _ => ErrorCode::InvArg,
        }
    }

    fn deeper(&self, depth: u32) -> Option<u32> {
        (depth < self.depth_max).then_some(depth + 1)
    }

    fn value(&mut self, depth: u32) -> Option<Value> {
        self.values_left = self.values_left.saturating_sub(1);
        if self.values_left == 0 {
            return None;
        }
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => {
                let text = self.string()?;
                Some(self.typed(text))
            }
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Err(ErrorCode::None)),
            _ => self.number(),
        }
    }

    /// The next byte that is neither blank nor comment.
    fn peek(&mut self) -> Option<u8> {
        loop {
            self.rest = self
                .rest
                .trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
            if let Some(comment) = self.rest.strip_prefix("//") {
                self.rest = &comment[comment.find('\n')?..];
            } else if let Some(comment) = self.rest.strip_prefix("/*") {
                self.rest = &comment[comment.find("*/")? + 2..];
            } else {
                return self.rest.bytes().next();
            }
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.rest = &self.rest[1..])
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(value)
    }

    fn array(&mut self, depth: u32) -> Option<Value> {
        let depth = self.deeper(depth)?;
        self.take(b'[')?;
        let mut list = List::new();
        if self.take(b']').is_some() {
            return Some(list.into());
        }
        loop {
            list.push(self.value(depth)?);
            if self.take(b',').is_none() {
                self.take(b']')?;
                return Some(list.into());
            }
        }
    }

    /// Of equal keys the first one counts.
    fn object(&mut self, depth: u32) -> Option<Value> {
        let depth = self.deeper(depth)?;
        self.take(b'{')?;
        let mut map = Map::new();
        if self.take(b'}').is_some() {
            return Some(map.into());
        }
        loop {
            self.peek().filter(|byte| *byte == b'"')?;
            let key = self.string()?;
            let key = MapKey::new(self.typed(key))?;
            self.take(b':')?;
            let value = self.value(depth)?;
            if map.get(key.value()).is_none() {
                map.insert(key, value);
            }
            if self.take(b',').is_none() {
                self.take(b'}')?;
                return Some(map.into());
            }
        }
    }

    /// An integer of 32 bits, or a float.
    fn number(&mut self) -> Option<Value> {
        let (len, is_float) = number_len(self.rest.as_bytes())?;
        let (text, rest) = self.rest.split_at(len);
        self.rest = rest;
        let integer = text.parse::<i32>().ok().filter(|_| !is_float);
        if let Some(integer) = integer {
            return Some(Value::Int(integer.into()));
        }
        let float: f64 = text.parse().ok()?;
        float.is_finite().then_some(Value::Float(float))
    }

    /// A string; the next byte is its opening quote.
    fn string(&mut self) -> Option<String> {
        self.rest = &self.rest[1..];
        let mut text = String::new();
        loop {
            let end = self
                .rest
                .find(|c: char| c == '"' || c == '\\' || u32::from(c) < 0x20)?;
            text.push_str(&self.rest[..end]);
            let special = self.rest.as_bytes()[end];
            self.rest = &self.rest[end + 1..];
            match special {
                b'"' => return Some(text),
                b'\\' => self.escape(&mut text)?,
                _ => return None,
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Option<()> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        match c {
            '"' | '\\' | '/' => text.push(c),
            'b' => push_hex(text, '~', 8),
            'f' => push_hex(text, '~', 12),
            'n' => push_hex(text, '~', 10),
            'r' => push_hex(text, '~', 13),
            't' => text.push('\t'),
            'u' => self.unicode(text)?,
            _ => return None,
        }
        Some(())
    }

    /// `\uXXXX`, or two of them for one character beyond U+FFFF. Half a pair becomes `?`.
    fn unicode(&mut self, text: &mut String) -> Option<()> {
        let mut code = self.hex4()?;
        if code & 0xfc00 == 0xd800 {
            let Some(rest) = self.rest.strip_prefix("\\u") else {
                text.push('?');
                return Some(());
            };
            self.rest = rest;
            code = 0x10000 + ((code & 0x3ff) << 10 | self.hex4()? & 0x3ff);
        }
        push_utf8(text, code);
        Some(())
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.rest.get(..4)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.rest = &self.rest[4..];
        u32::from_str_radix(digits, 16).ok()
    }

    /// The value that a string stands for in this mode.
    fn typed(&self, text: String) -> Value {
        let typed = type_suffix(&text).filter(|_| self.mode == Mode::EmbeddedTypes);
        let Some((content, name)) = typed else {
            return text.into();
        };
        let integer = |text: &str| parse_int(text.trim_start()).map_or(0, |(n, _)| n);
        match name {
            "int" => Value::Int(integer(content)),
            "obj" => ObjId(integer(content.strip_prefix('#').unwrap_or(content))).into(),
            "float" => Value::Float(leading_float(content)),
            "err" => ErrorCode::from_name(content)
                .unwrap_or(ErrorCode::None)
                .into(),
            _ => content.into(),
        }
    }
}

/// The length of the number at the front, and whether it has a fraction or an exponent.
fn number_len(bytes: &[u8]) -> Option<(usize, bool)> {
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|b| b.is_ascii_digit()).count()
    };
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let mut len = match bytes.get(sign)? {
        b'0' => sign + 1,
        _ => sign + Some(digits(sign)).filter(|n| *n > 0)?,
    };
    let whole = len;
    if bytes.get(len) == Some(&b'.') {
        len += 1 + Some(digits(len + 1)).filter(|n| *n > 0)?;
    }
    if matches!(bytes.get(len), Some(b'e' | b'E')) {
        let signed = usize::from(matches!(bytes.get(len + 1), Some(b'-' | b'+')));
        len += 1 + signed + Some(digits(len + 1 + signed)).filter(|n| *n > 0)?;
    }
    Some((len, len > whole))
}

/// The float at the front of the text, 0.0 if there is none or it is too large.
fn leading_float(text: &str) -> f64 {
    let bytes = text.as_bytes();
    let len = number_len(bytes).map_or(0, |(len, _)| len);
    text[..len]
        .parse()
        .ok()
        .filter(|x: &f64| x.is_finite())
        .unwrap_or(0.0)
}

/// The code point's UTF-8 bytes as a binary string; a lone half of a pair has bytes too.
fn push_utf8(text: &mut String, code: u32) {
    let tail = |shift: u32| (code >> shift & 0x3f | 0x80) as u8;
    let bytes: &[u8] = match code {
        0..0x80 => &[code as u8],
        0x80..0x800 => &[(code >> 6 | 0xc0) as u8, tail(0)],
        0x800..0x10000 => &[(code >> 12 | 0xe0) as u8, tail(6), tail(0)],
        _ => &[(code >> 18 | 0xf0) as u8, tail(12), tail(6), tail(0)],
    };
    bytes.iter().for_each(|byte| push_hex(text, '~', *byte));
}
