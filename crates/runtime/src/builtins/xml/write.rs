//! XML, written bit by bit.
//! In: names, attributes, texts, in the order in which they are to stand. Out: text that can be read again.

use std::fmt::Write as _;

use moor_value::{ErrorCode, Value};

use rustc_hash::FxHashSet;

use super::super::{Call, Raise};
use super::{is_name, is_text};

/// A document that is being written.
#[derive(Debug, Default)]
pub(in super::super) struct Writer {
    out: String,
    /// Whether the last start tag still wants its end.
    is_tag_open: bool,
    /// The attributes that it has.
    attributes: FxHashSet<String>,
}

impl Writer {
    /// An element begins.
    ///
    /// # Errors
    /// E_INVARG for what is no name, E_QUOTA beyond the length of a string.
    pub(in super::super) fn start(&mut self, call: &mut Call<'_>, name: &str) -> Result<(), Raise> {
        self.check(call, name)?;
        self.end_tag();
        self.out.push('<');
        self.out.push_str(name);
        self.is_tag_open = true;
        self.attributes.clear();
        Ok(())
    }

    /// The element that has just begun has an attribute.
    ///
    /// # Errors
    /// E_INVARG for what is no name or no text, and for a name that it has already; E_QUOTA beyond the length of a string.
    pub(in super::super) fn attribute(
        &mut self,
        call: &mut Call<'_>,
        name: &str,
        value: &str,
    ) -> Result<(), Raise> {
        self.check(call, name)?;
        call.charge(value.len())?;
        if !is_text(value) || !self.attributes.insert(name.to_owned()) {
            return Err(ErrorCode::InvArg.into());
        }
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        for c in value.chars() {
            match c {
                '"' => self.out.push_str("&quot;"),
                '\t' | '\n' | '\r' => {
                    let _ = write!(self.out, "&#{};", u32::from(c));
                }
                other => self.escaped(other),
            }
        }
        self.out.push('"');
        call.allow_string(self.out.len())
    }

    /// Text.
    ///
    /// # Errors
    /// E_INVARG for characters that no document has, E_QUOTA beyond the length of a string.
    pub(in super::super) fn text(&mut self, call: &mut Call<'_>, text: &str) -> Result<(), Raise> {
        self.end_tag();
        call.charge(1 + text.len())?;
        if !is_text(text) {
            return Err(ErrorCode::InvArg.into());
        }
        for c in text.chars() {
            match c {
                // As it is, a reader would take it for a line end.
                '\r' => self.out.push_str("&#13;"),
                other => self.escaped(other),
            }
        }
        call.allow_string(self.out.len())
    }

    /// The element of that name ends.
    pub(in super::super) fn end(&mut self, name: &str) {
        if std::mem::take(&mut self.is_tag_open) {
            self.out.push_str("/>");
        } else {
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
    }

    /// The document.
    pub(in super::super) fn finish(self, call: &Call<'_>) -> Result<Value, Raise> {
        call.string(self.out)
    }

    fn end_tag(&mut self) {
        if std::mem::take(&mut self.is_tag_open) {
            self.out.push('>');
        }
    }

    fn escaped(&mut self, c: char) {
        match c {
            '&' => self.out.push_str("&amp;"),
            '<' => self.out.push_str("&lt;"),
            '>' => self.out.push_str("&gt;"),
            other => self.out.push(other),
        }
    }

    fn check(&self, call: &mut Call<'_>, name: &str) -> Result<(), Raise> {
        call.charge(name.len())?;
        if !is_name(name) {
            return Err(ErrorCode::InvArg.into());
        }
        call.allow_string(self.out.len() + 2 * name.len())
    }
}
