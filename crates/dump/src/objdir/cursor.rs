//! The characters of a file, with their lines and columns, and the small parts that everything is made of.
//! In: text. Out: words, texts in quotes, numbers, signs; or what was expected where. It knows nothing of objects.

use std::borrow::Cow;

use moor_value::ObjId;

/// A place in a file that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextFault {
    /// The line, from 1.
    pub line: u32,
    /// The character of the line, from 1.
    pub column: u32,
    /// What is wrong.
    pub what: Cow<'static, str>,
}

#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    /// Where the line begins.
    line_at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            line_at: 0,
        }
    }

    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    fn column(&self) -> u32 {
        self.text[self.line_at..self.at].chars().count() as u32 + 1
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn step(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.at += char.len_utf8();
        if char == '\n' {
            self.line += 1;
            self.line_at = self.at;
        }
        Some(char)
    }

    pub(crate) fn fault(&self, what: impl Into<Cow<'static, str>>) -> TextFault {
        TextFault {
            line: self.line,
            column: self.column(),
            what: what.into(),
        }
    }

    /// What stands here, in an error's words.
    pub(crate) fn expected(&self, what: &str) -> TextFault {
        let found: String = self
            .rest()
            .chars()
            .take_while(|c| *c != '\n')
            .take(30)
            .collect();
        let found = match found.is_empty() {
            true if self.peek().is_none() => "the end of the file".to_owned(),
            true => "the end of the line".to_owned(),
            false => format!("{found:?}"),
        };
        self.fault(format!("expected {what}, found {found}"))
    }

    /// Spaces and tabs, not line ends.
    pub(crate) fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\r')) {
            self.step();
        }
    }

    /// Spaces, tabs and line ends.
    pub(crate) fn skip_white(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\r' | '\n')) {
            self.step();
        }
    }

    /// Whether this sign stands here; it is taken if so.
    pub(crate) fn take(&mut self, sign: char) -> bool {
        let is_here = self.peek() == Some(sign);
        if is_here {
            self.step();
        }
        is_here
    }

    pub(crate) fn must(&mut self, sign: char, what: &str) -> Result<(), TextFault> {
        match self.take(sign) {
            true => Ok(()),
            false => Err(self.expected(what)),
        }
    }

    /// The end of the line, after blanks.
    pub(crate) fn end_line(&mut self) -> Result<(), TextFault> {
        self.skip_blanks();
        if self.peek().is_none() || self.take('\n') {
            return Ok(());
        }
        Err(self.expected("the end of the line"))
    }

    /// The characters up to the end of the line, which is taken too. `None` at the end of the file.
    pub(crate) fn whole_line(&mut self) -> Option<&'a str> {
        self.peek()?;
        let rest = self.rest();
        let end = rest.find('\n').unwrap_or(rest.len());
        let line = &rest[..end];
        self.at += end;
        self.step();
        Some(line.strip_suffix('\r').unwrap_or(line))
    }

    /// Letters, digits, underscores, colons, slashes; perhaps none.
    pub(crate) fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | ':');
        let end = rest.find(|char| !is_part(char)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// A word, or a text in quotes.
    pub(crate) fn name(&mut self, what: &str) -> Result<String, TextFault> {
        if self.peek() == Some('"') {
            return self.text(what);
        }
        let before = *self;
        match self.word() {
            "" => Err(before.expected(what)),
            word => Ok(word.to_owned()),
        }
    }

    /// A text in quotes.
    pub(crate) fn text(&mut self, what: &str) -> Result<String, TextFault> {
        self.must('"', what)?;
        let mut text = String::new();
        loop {
            let before = *self;
            match self.step() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escape()?),
                None | Some('\n') => return Err(before.fault("a text without its closing quote")),
                Some(char) => text.push(char),
            }
        }
    }

    fn escape(&mut self) -> Result<char, TextFault> {
        let before = *self;
        match self.step() {
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some('r') => Ok('\r'),
            Some(char @ ('"' | '\\')) => Ok(char),
            Some('u') => self.escaped_number(),
            _ => Err(before.expected("n, t, r, u{..}, a quote or a backslash after the backslash")),
        }
    }

    fn escaped_number(&mut self) -> Result<char, TextFault> {
        let before = *self;
        let what = "the number of a character, such as u{200b}";
        self.must('{', what)?;
        let digits = self.word();
        self.must('}', what)?;
        let number = u32::from_str_radix(digits, 16).ok();
        let char = number.and_then(char::from_u32);
        char.ok_or_else(|| before.expected(what))
    }

    /// `#12` or `#048D05-1234567890`.
    pub(crate) fn object(&mut self, what: &str) -> Result<ObjId, TextFault> {
        let before = *self;
        let has_sign = self.take('#');
        if has_sign && let Some((id, rest)) = ObjId::split_unique(self.rest()) {
            self.at += self.rest().len() - rest.len();
            return Ok(id);
        }
        let number = has_sign.then(|| self.digits()).flatten();
        number.map(ObjId).ok_or_else(|| before.expected(what))
    }

    /// A whole number with or without a minus.
    pub(crate) fn digits(&mut self) -> Option<i64> {
        let rest = self.rest();
        let body = rest.strip_prefix('-').unwrap_or(rest);
        let sign = rest.len() - body.len();
        let end = body.find(|char: char| !char.is_ascii_digit());
        let end = sign + end.unwrap_or(body.len());
        let number = rest[..end].parse().ok()?;
        self.at += end;
        Some(number)
    }

    /// The characters of a number of any kind.
    pub(crate) fn number_text(&mut self) -> &'a str {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let is_part = |at: usize| {
            let after_exponent = at > 0 && matches!(bytes[at - 1], b'e' | b'E');
            match bytes[at] {
                b'-' | b'+' => at == 0 || after_exponent,
                byte => byte.is_ascii_alphanumeric() || byte == b'.',
            }
        };
        let end = (0..bytes.len()).find(|at| !is_part(*at));
        let end = end.unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }
}
