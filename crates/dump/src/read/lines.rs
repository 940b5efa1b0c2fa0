//! The lines of a textdump, with their numbers.
//! In: the bytes of a file. Out: lines, numbers and strings, or an error that names the place. It knows nothing of
//! what the lines mean.

use std::borrow::Cow;

use moor_value::{ObjId, Str};

use crate::error::{Mismatch, Place, ReadError};
use crate::model::Encoding;

/// How much of a line an error quotes, in characters.
const FOUND_CHARS_MAX: usize = 60;

/// A line without its end.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) bytes: &'a [u8],
    number: u64,
    /// The same as text, where the file is UTF-8.
    text: Option<&'a str>,
}

impl<'a> Line<'a> {
    pub(crate) fn text(self) -> Cow<'a, str> {
        match self.text {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(self.bytes.iter().map(|byte| char::from(*byte)).collect()),
        }
    }

    /// Decimal numbers between blanks, exactly `N` of them.
    pub(crate) fn numbers<const N: usize>(self) -> Option<[i64; N]> {
        let text = std::str::from_utf8(self.bytes).ok()?;
        let mut words = text.split_ascii_whitespace();
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = words.next()?.parse().ok()?;
        }
        words.next().is_none().then_some(numbers)
    }

    fn number(self) -> Option<i64> {
        std::str::from_utf8(self.bytes).ok()?.parse().ok()
    }
}

pub(crate) struct LineReader<'a> {
    file: &'a str,
    bytes: &'a [u8],
    text: Option<&'a str>,
    at: usize,
    /// The number of the line that was read last.
    number: u64,
    /// Which part of the file this is, for errors.
    pub(crate) place: Place,
}

impl<'a> LineReader<'a> {
    pub(crate) fn new(file: &'a str, bytes: &'a [u8]) -> Self {
        Self {
            file,
            bytes,
            text: std::str::from_utf8(bytes).ok(),
            at: 0,
            number: 0,
            place: Place::Header,
        }
    }

    pub(crate) fn encoding(&self) -> Encoding {
        match self.text {
            Some(_) => Encoding::Utf8,
            None => Encoding::Latin1,
        }
    }

    pub(crate) fn file(&self) -> &'a str {
        self.file
    }

    pub(crate) fn bytes_read(&self) -> usize {
        self.at
    }

    pub(crate) fn bytes_left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.bytes_left() == 0
    }

    /// The number of the line that comes next, from 1.
    pub(crate) fn next_number(&self) -> u64 {
        self.number + 1
    }

    /// The next line; `None` where the file ends, or ends within a line.
    pub(crate) fn peek(&self) -> Option<Line<'a>> {
        let rest = self.bytes.get(self.at..)?;
        let end = self.at + memchr::memchr(b'\n', rest)?;
        Some(Line {
            bytes: &self.bytes[self.at..end],
            number: self.next_number(),
            text: self.text.and_then(|text| text.get(self.at..end)),
        })
    }

    pub(crate) fn next(&mut self, expected: &'static str) -> Result<Line<'a>, ReadError> {
        match self.peek() {
            Some(line) => {
                self.at += line.bytes.len() + 1;
                self.number += 1;
                Ok(line)
            }
            None => Err(self.cut_short(expected)),
        }
    }

    fn cut_short(&self, expected: &'static str) -> ReadError {
        let found = match self.is_at_end() {
            true => "the end of the file".to_owned(),
            false => "the end of the file within the line".to_owned(),
        };
        self.mismatch(self.next_number(), expected.into(), found)
    }

    fn mismatch(&self, line: u64, expected: Cow<'static, str>, found: String) -> ReadError {
        ReadError::Mismatch(Box::new(Mismatch {
            file: self.file.to_owned(),
            line,
            place: self.place,
            expected,
            found,
        }))
    }

    /// An error about that line.
    pub(crate) fn unexpected(
        &self,
        line: Line<'_>,
        expected: impl Into<Cow<'static, str>>,
    ) -> ReadError {
        let text = line.text();
        let mut quoted: String = text.chars().take(FOUND_CHARS_MAX).collect();
        let cut = quoted.len() < text.len();
        quoted = format!("{quoted:?}");
        if cut {
            quoted.push_str("...");
        }
        self.mismatch(line.number, expected.into(), quoted)
    }

    pub(crate) fn string(&mut self, expected: &'static str) -> Result<Str, ReadError> {
        Ok(Str::new(&self.next(expected)?.text()))
    }

    pub(crate) fn int(&mut self, expected: &'static str) -> Result<i64, ReadError> {
        let line = self.next(expected)?;
        line.number()
            .ok_or_else(|| self.unexpected(line, format!("{expected} (a number)")))
    }

    pub(crate) fn obj(&mut self, expected: &'static str) -> Result<ObjId, ReadError> {
        self.int(expected).map(ObjId)
    }

    /// A number from 0 to `max`.
    pub(crate) fn number_to(&mut self, max: i64, expected: &'static str) -> Result<i64, ReadError> {
        let line = self.next(expected)?;
        let number = line.number().filter(|number| (0..=max).contains(number));
        number
            .ok_or_else(|| self.unexpected(line, format!("{expected} (a number from 0 to {max})")))
    }

    /// How many of something follow, each of which takes a line or more.
    pub(crate) fn count(&mut self, expected: &'static str) -> Result<usize, ReadError> {
        let line = self.next(expected)?;
        self.checked_count(line, line.number(), expected)
    }

    /// How many of something follow, from a line such as `3 queued tasks`.
    pub(crate) fn count_of(
        &mut self,
        suffix: &str,
        expected: &'static str,
    ) -> Result<usize, ReadError> {
        let line = self.next(expected)?;
        let number = line.bytes.strip_suffix(suffix.as_bytes());
        let number = number.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        self.checked_count(line, number, expected)
    }

    fn checked_count(
        &self,
        line: Line<'_>,
        number: Option<i64>,
        expected: &'static str,
    ) -> Result<usize, ReadError> {
        let count = number.and_then(|number| usize::try_from(number).ok());
        match count {
            Some(count) if count <= self.bytes_left() => Ok(count),
            Some(_) => Err(self.unexpected(
                line,
                format!("{expected} (no more than the rest of the file can hold)"),
            )),
            None => Err(self.unexpected(line, format!("{expected} (a number from 0)"))),
        }
    }

    /// The lines of a program up to the `.` that ends it.
    pub(crate) fn program(&mut self) -> Result<Vec<Cow<'a, str>>, ReadError> {
        let mut lines = Vec::new();
        loop {
            let line = self.next("a line of a program, or `.` to end it")?;
            if line.bytes == b"." {
                return Ok(lines);
            }
            lines.push(line.text());
        }
    }
}
