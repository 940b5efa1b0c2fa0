//! Elements of a page of HTML by name and attributes, however well the page is written.
//! In: HTML, a name, patterns for attributes. Out: attributes and texts of the elements that fit.

mod nesting;

use std::collections::BTreeMap;

use moor_value::{ErrorCode, Map, Str, Value};

use self::nesting::{Nested, Role};
use super::DEPTH_MAX;
use crate::builtins::arg::Args;
use crate::builtins::spec::pure;
use crate::builtins::{BuiltinSpec, Call, Raise};

pub(in crate::builtins) const SPECS: &[BuiltinSpec] = &[
    pure!("html_query", 2..=3, [Str, Name, Map], MooR, html_query)
        .doc(
            "html tag attributes",
            "LIST of MAP",
            "The elements of that name in a page of HTML: a map for each, of its attributes, and under `text` of the text in it, if there \
             is any. With `attributes` only those whose attributes are as told; `*` at either end of a pattern stands for any text. \
             Where an end tag is missing that may be, the element ends where HTML says.",
        )
        .raises(
            "E_TYPE if a pattern is no string; E_QUOTA if elements nest too deep, the answer would be too large, or the task's time is up",
        ),
];

/// Elements that have no end and hold nothing.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];
/// Elements in which there are no tags but their own end.
const RAW: [&str; 8] = [
    "iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp",
];
/// What an element counts for besides its texts.
const ELEMENT_BYTES: usize = 128;
/// The same of an attribute.
const ATTRIBUTE_BYTES: usize = 96;

fn html_query(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let html = args.str(0)?.clone();
    let filter = args
        .given(2)
        .map_or(Ok(Map::new()), |_| args.map(2).cloned())?;
    let mut query = Query {
        tag: args.str(1)?.as_str().to_ascii_lowercase(),
        filter: patterns(&filter)?,
        found: Vec::new(),
        open: Vec::new(),
        bytes: 0,
    };
    let mut rest = html.as_str();
    while !rest.is_empty() {
        let behind = query.step(call, rest)?;
        call.charge(rest.len() - behind.len())?;
        rest = behind;
    }
    let found = query.found.into_iter().map(Found::into_value);
    call.collect_list(found)
}

/// Names of attributes, and what their values must be like.
fn patterns(filter: &Map) -> Result<Vec<(String, Str)>, Raise> {
    let pattern = |(key, value): (&Value, &Value)| {
        let name = key.name_text()?.to_ascii_lowercase();
        Some((name, value.as_str()?.clone()))
    };
    let patterns: Option<Vec<_>> = filter.iter().map(pattern).collect();
    patterns.ok_or_else(|| ErrorCode::Type.into())
}

/// Whether a value is like a pattern with `*` at its ends or at neither.
fn is_like(value: &str, pattern: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => value.contains(pattern.trim_matches('*')),
        (Some(suffix), None) => value.ends_with(suffix),
        (None, Some(prefix)) => value.starts_with(prefix),
        (None, None) => value == pattern,
    }
}

/// Values of attributes by their names.
type Attributes = BTreeMap<String, String>;

/// An element that fits.
struct Found {
    attributes: Attributes,
    text: String,
}

impl Found {
    fn into_value(self) -> Value {
        let mut map = Map::new();
        for (name, value) in self.attributes {
            map.insert_value(name.into(), value.into());
        }
        let text = self.text.trim();
        if !text.is_empty() {
            map.insert_value("text".into(), text.into());
        }
        map.into()
    }
}

/// An element whose end has not come.
struct Open {
    name: String,
    role: Role,
    /// Its place among those that fit, if it does.
    found: Option<usize>,
}

impl Nested for Open {
    fn name(&self) -> &str {
        &self.name
    }

    fn role(&self) -> Role {
        self.role
    }
}

/// What stands in a start tag behind its name, and what is behind it.
struct Tag<'a> {
    attributes: Attributes,
    /// Whether it ends in `/>`.
    is_closed: bool,
    behind: &'a str,
}

/// A search through a page.
struct Query {
    tag: String,
    filter: Vec<(String, Str)>,
    found: Vec<Found>,
    open: Vec<Open>,
    bytes: usize,
}

impl Query {
    /// Takes in what stands at the beginning: text, a comment, a tag. Answers what is behind.
    fn step<'a>(&mut self, call: &mut Call<'_>, rest: &'a str) -> Result<&'a str, Raise> {
        let Some(tag) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            if !rest[..end].trim_ascii().is_empty() {
                nesting::begin_text(&mut self.open);
            }
            self.add_text(call, &rest[..end])?;
            return Ok(&rest[end..]);
        };
        // Each tag looks through the open elements.
        call.charge(self.open.len())?;
        if let Some(comment) = tag.strip_prefix("!--") {
            return Ok(behind(comment, "-->"));
        }
        if tag.starts_with(['!', '?']) {
            return Ok(behind(tag, ">"));
        }
        if let Some(name) = tag.strip_prefix('/') {
            nesting::end(&mut self.open, &name_of(name).0.to_ascii_lowercase());
            return Ok(behind(name, ">"));
        }
        if !tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
            self.add_text(call, "<")?;
            return Ok(tag);
        }
        let (name, behind_name) = name_of(tag);
        let name = name.to_ascii_lowercase();
        let tag = self.tag(call, name == self.tag, behind_name)?;
        self.open(call, name, tag)
    }

    /// An element begins; what must not be looked at for tags is taken in at once.
    fn open<'a>(
        &mut self,
        call: &mut Call<'_>,
        name: String,
        tag: Tag<'a>,
    ) -> Result<&'a str, Raise> {
        let behind = tag.behind;
        let attributes = tag.attributes;
        nesting::begin(&mut self.open, &name);
        let found = (name == self.tag && self.fits(&attributes)).then(|| {
            self.bytes += ELEMENT_BYTES + bytes_of(&attributes);
            let text = String::new();
            self.found.push(Found { attributes, text });
            self.found.len() - 1
        });
        self.check(call)?;
        let role = Role::of(&name);
        let is_foreign = role.is_foreign() || self.open.iter().any(|open| open.role.is_foreign());
        if VOID.contains(&name.as_str()) || tag.is_closed && is_foreign {
            return Ok(behind);
        }
        let is_raw = RAW.contains(&name.as_str()) && !is_foreign;
        let end = is_raw.then(|| find_end(behind, &name).unwrap_or(behind.len()));
        self.open.push(Open { name, role, found });
        if self.open.len() > DEPTH_MAX {
            return Err(ErrorCode::Quota.into());
        }
        let Some(end) = end else {
            return Ok(behind);
        };
        self.add_text(call, &behind[..end])?;
        Ok(&behind[end..])
    }

    fn fits(&self, attributes: &Attributes) -> bool {
        self.filter.iter().all(|(name, pattern)| {
            let value = attributes.get(name);
            value.is_some_and(|value| is_like(value, pattern.as_str()))
        })
    }

    /// The rest of a tag, with the attributes, of each name the first. None are kept where nobody wants them.
    fn tag<'a>(
        &self,
        call: &mut Call<'_>,
        is_wanted: bool,
        mut rest: &'a str,
    ) -> Result<Tag<'a>, Raise> {
        let mut attributes = Attributes::new();
        let mut bytes = self.bytes;
        loop {
            let before = rest;
            rest = rest
                .trim_start_matches(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '='));
            if rest.is_empty() || rest.starts_with('>') {
                return Ok(Tag {
                    attributes,
                    is_closed: before[..before.len() - rest.len()].ends_with('/'),
                    behind: rest.strip_prefix('>').unwrap_or(rest),
                });
            }
            let (name, behind_name) = name_of(rest);
            let (value, behind_value) = value_of(behind_name);
            call.charge(rest.len() - behind_value.len())?;
            rest = behind_value;
            if !is_wanted {
                continue;
            }
            bytes += ATTRIBUTE_BYTES + name.len() + value.len();
            if bytes > call.limits.list_bytes_max {
                return Err(ErrorCode::Quota.into());
            }
            let value = || unescaped(value);
            attributes
                .entry(name.to_ascii_lowercase())
                .or_insert_with(value);
        }
    }

    /// Text belongs to every element that is open; that of scripts and styles only to these.
    fn add_text(&mut self, call: &mut Call<'_>, text: &str) -> Result<(), Raise> {
        let raw = self.open.last();
        let is_hidden = raw.is_some_and(|open| matches!(&*open.name, "script" | "style"));
        let from = if is_hidden { self.open.len() - 1 } else { 0 };
        let found = self.open[from..].iter().filter_map(|open| open.found);
        let text = if is_hidden {
            text.to_owned()
        } else {
            unescaped(text)
        };
        for at in found {
            self.bytes += text.len();
            self.found[at].text.push_str(&text);
            call.charge(text.len())?;
            if self.bytes > call.limits.list_bytes_max {
                return Err(ErrorCode::Quota.into());
            }
        }
        Ok(())
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Raise> {
        match self.bytes <= call.limits.list_bytes_max {
            true => Ok(()),
            false => Err(ErrorCode::Quota.into()),
        }
    }
}

/// What stands behind the first `end`; nothing where there is none.
fn behind<'a>(text: &'a str, end: &str) -> &'a str {
    text.find(end).map_or("", |at| &text[at + end.len()..])
}

/// A name, and what is behind it.
fn name_of(text: &str) -> (&str, &str) {
    let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '=');
    text.split_at(text.find(is_end).unwrap_or(text.len()))
}

/// What attributes count for.
fn bytes_of(attributes: &Attributes) -> usize {
    let bytes = |(name, value): (&String, &String)| ATTRIBUTE_BYTES + name.len() + value.len();
    attributes.iter().map(bytes).sum()
}

/// `="value"`, `='value'` or `=value`, and what is behind it.
fn value_of(text: &str) -> (&str, &str) {
    let Some(value) = text.trim_start().strip_prefix('=') else {
        return ("", text);
    };
    let value = value.trim_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let is_end = |c: char| c.is_ascii_whitespace() || c == '>';
    value.split_at(value.find(is_end).unwrap_or(value.len()))
}

/// Where the end tag of an element stands, in letters of either case.
fn find_end(text: &str, name: &str) -> Option<usize> {
    let is_end = |at: &usize| {
        let (found, _) = name_of(&text[at + 2..]);
        found.eq_ignore_ascii_case(name)
    };
    text.match_indices("</").map(|(at, _)| at).find(is_end)
}

/// Text with its usual entities and character references replaced; others stay.
fn unescaped(text: &str) -> String {
    /// Letters of the longest of them.
    const LONGEST: usize = 8;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(LONGEST + 2).position(|byte| byte == b';');
        let known = end.and_then(|end| Some((entity(&rest[1..end])?, end + 1)));
        let (character, length) = known.unwrap_or(('&', 1));
        out.push(character);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

/// The character of `amp`, `#38` or `#x26`.
fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        _ => {
            let number = name.strip_prefix('#')?;
            let (digits, radix) = match number.strip_prefix(['x', 'X']) {
                Some(digits) => (digits, 16),
                None => (number, 10),
            };
            if digits.starts_with('+') {
                return None;
            }
            let code = u32::from_str_radix(digits, radix);
            char::from_u32(code.ok()?).filter(|c| *c != '\0')?
        }
    })
}
