//! Text that stops growing at a limit.
//! In: pieces of text. Out: a string value, or E_QUOTA as soon as it is too long.

use std::fmt;

use moor_value::{ErrorCode, Str, Value};

use super::{Call, Raise};

/// A string under construction. Writing past the limit fails, so nothing larger is ever held. A short one needs no
/// allocation.
pub(super) struct Text {
    text: Str,
    bytes_max: usize,
}

impl Text {
    /// An empty text with the call's limit.
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self {
            text: Str::EMPTY,
            bytes_max: call.limits.string_bytes_max,
        }
    }

    /// Appends a piece.
    pub(super) fn push(&mut self, piece: &str) -> Result<(), Raise> {
        self.allow(piece.len())?;
        self.text.push_str(piece);
        Ok(())
    }

    /// Appends a string, whose characters need not be counted again.
    pub(super) fn push_string(&mut self, piece: &Str) -> Result<(), Raise> {
        self.allow(piece.len_bytes())?;
        self.text.push(piece);
        Ok(())
    }

    /// E_QUOTA unless that many bytes more may be held.
    fn allow(&self, bytes: usize) -> Result<(), Raise> {
        if bytes > self.bytes_max.saturating_sub(self.text.len_bytes()) {
            return Err(ErrorCode::Quota.into());
        }
        Ok(())
    }

    /// Appends one character.
    pub(super) fn push_char(&mut self, c: char) -> Result<(), Raise> {
        self.push(c.encode_utf8(&mut [0; 4]))
    }

    /// What was written.
    pub(super) fn into_string(self) -> String {
        self.text.into_string()
    }

    /// What was written, as a value.
    pub(super) fn into_value(self) -> Value {
        Value::Str(self.text)
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.push(piece).map_err(|_| fmt::Error)
    }
}

/// A failed write means that the limit was reached: it is the only cause.
impl From<fmt::Error> for Raise {
    fn from(_: fmt::Error) -> Self {
        ErrorCode::Quota.into()
    }
}
