//! Program text to tokens.
//!
//! In comes the text and the version of the language that it was written for; out come tokens, one at a time,
//! with their positions. White space and `/* comments */` vanish here. It does not know which token may follow
//! which.

mod number;
pub(crate) mod token;

use std::str::Chars;

use moor_value::Binary;

use crate::ast::Pos;
use crate::error::{CompileError, ErrorKind};
use crate::version::LanguageVersion;
use token::{SIGNS, Spanned, Token, continues_word, keyword, starts_word};

/// A reader of tokens.
pub(crate) struct Lexer<'s> {
    rest: Chars<'s>,
    pos: Pos,
    version: LanguageVersion,
    /// Uses of later keywords as names.
    pub(crate) warnings: Vec<CompileError>,
}

impl<'s> Lexer<'s> {
    /// A reader of this text.
    pub(crate) fn new(source: &'s str, version: LanguageVersion) -> Self {
        Self {
            rest: source.chars(),
            pos: Pos { line: 1, column: 1 },
            version,
            warnings: Vec::new(),
        }
    }

    /// The next token; at the end of the text, and ever after, [`Token::End`].
    ///
    /// # Errors
    /// When the text cannot be taken apart from here on: `UnclosedComment`, `MissingQuote`, `MalformedObject`,
    /// `MalformedFloat`, `MalformedBinary`.
    pub(crate) fn next(&mut self) -> Result<Spanned, Box<CompileError>> {
        self.skip_blank()?;
        let pos = self.pos;
        let token = self
            .token()
            .map_err(|kind| Box::new(CompileError::new(pos, kind)))?;
        Ok(Spanned { token, pos })
    }

    /// A reader of what this one has not read yet.
    pub(crate) fn ahead(&self) -> Self {
        Self {
            rest: self.rest.clone(),
            warnings: Vec::new(),
            ..*self
        }
    }

    /// How many bytes of the text it has not read yet.
    pub(crate) fn rest_bytes(&self) -> usize {
        self.rest.as_str().len()
    }

    /// The token after the one that [`next`](Self::next) gave last, which stays to be read; [`Token::End`] for none.
    pub(crate) fn peek_next(&self) -> Spanned {
        let mut ahead = self.ahead();
        let pos = self.pos;
        ahead.next().unwrap_or(Spanned {
            token: Token::End,
            pos,
        })
    }

    fn token(&mut self) -> Result<Token, ErrorKind> {
        let Some(c) = self.peek() else {
            return Ok(Token::End);
        };
        let float_dot =
            c == '.' && self.has_floats() && self.peek_at(1).is_some_and(|c| c.is_ascii_digit());
        match c {
            '#' => self.object(),
            '"' => self.string().map(Token::Str),
            'b' if self.peek_at(1) == Some('"') => self.binary(),
            _ if c.is_ascii_digit() || float_dot => self.number(),
            _ if starts_word(c) => Ok(self.word()),
            _ => Ok(self.sign(c)),
        }
    }

    fn skip_blank(&mut self) -> Result<(), Box<CompileError>> {
        loop {
            while self.peek().is_some_and(is_blank) {
                self.bump();
            }
            if !self.rest.as_str().starts_with("/*") {
                return Ok(());
            }
            self.skip_comment()?;
        }
    }

    fn skip_comment(&mut self) -> Result<(), Box<CompileError>> {
        let begin = self.pos;
        self.bump();
        self.bump();
        while !self.rest.as_str().starts_with("*/") {
            if self.bump().is_none() {
                return Err(Box::new(CompileError::new(
                    begin,
                    ErrorKind::UnclosedComment,
                )));
            }
        }
        self.bump();
        self.bump();
        Ok(())
    }

    /// `"..."`, where a backslash makes the character after it stand for itself.
    fn string(&mut self) -> Result<Box<str>, ErrorKind> {
        self.bump();
        let mut text = String::new();
        loop {
            let c = match self.bump() {
                Some('"') => return Ok(text.into()),
                Some('\\') => self.bump(),
                other => other,
            };
            match c {
                None | Some('\n') => return Err(ErrorKind::MissingQuote),
                Some(c) => text.push(c),
            }
        }
    }

    /// `b"..."` with bytes in base 64.
    fn binary(&mut self) -> Result<Token, ErrorKind> {
        self.bump();
        let bytes = Binary::from_base64(&self.string()?).ok_or(ErrorKind::MalformedBinary)?;
        Ok(Token::Binary(bytes.as_slice().into()))
    }

    /// The name of a symbol directly behind its quote: a word, keywords included, or a string. `None` when there is
    /// neither.
    ///
    /// # Errors
    /// `MissingQuote`.
    pub(crate) fn symbol(&mut self) -> Result<Option<Box<str>>, ErrorKind> {
        match self.peek() {
            Some('"') => self.string().map(Some),
            Some(c) if starts_word(c) => Ok(Some(self.word_text().into())),
            _ => Ok(None),
        }
    }

    /// Whether what comes next could be the name of a symbol, were a quote before it.
    pub(crate) fn is_at_symbol_name(&self) -> bool {
        self.peek().is_some_and(|c| c == '"' || starts_word(c))
    }

    fn word_text(&mut self) -> &'s str {
        let text = self.rest.as_str();
        let length = text.find(|c| !continues_word(c)).unwrap_or(text.len());
        self.skip_chars(length);
        &text[..length]
    }

    fn word(&mut self) -> Token {
        let begin = self.pos;
        let word = self.word_text();
        match keyword(word) {
            Some((token, since)) if since <= self.version => return token,
            Some(_) => {
                let kind = ErrorKind::RenamedKeyword(word.into());
                self.warnings.push(CompileError::new(begin, kind));
            }
            None => {}
        }
        Token::Id(word.into())
    }

    fn sign(&mut self, first: char) -> Token {
        let text = self.rest.as_str();
        // `[^..x]` is a range from the first element, not an exclusive or.
        let sign = if text.starts_with("^..") {
            Some("^")
        } else {
            SIGNS.into_iter().find(|sign| text.starts_with(sign))
        };
        match sign {
            Some(sign) => {
                self.skip_chars(sign.len());
                Token::Sign(sign)
            }
            None => {
                self.bump();
                Token::Stray(first)
            }
        }
    }

    fn has_floats(&self) -> bool {
        self.version >= LanguageVersion::FLOAT
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn peek_at(&self, distance: usize) -> Option<char> {
        self.rest.clone().nth(distance)
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.pos.line += 1;
            self.pos.column = 1;
        } else {
            self.pos.column += 1;
        }
        Some(c)
    }

    fn skip_chars(&mut self, count: usize) {
        for _ in 0..count {
            self.bump();
        }
    }
}

/// The white space of C, which is what separates tokens.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(source: &str) -> Vec<Token> {
        let mut lexer = Lexer::new(source, LanguageVersion::CURRENT);
        let next = move || lexer.next().map(|spanned| spanned.token);
        std::iter::repeat_with(next)
            .map_while(Result::ok)
            .take_while(|token| *token != Token::End)
            .collect()
    }

    #[test]
    fn signs_are_read_longest_first() {
        let texts = |source| {
            tokens(source)
                .iter()
                .map(|token| token.text().unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(texts("<<=>==->"), ["<<", "=>", "==", "->"]);
        assert_eq!(texts("^..^.^"), ["^", "..", "^.", "^"]);
        assert_eq!(texts("---+++"), ["--", "-", "++", "+"]);
        assert_eq!(texts("|||.|&&&."), ["||", "|.", "|", "&&", "&."]);
        for (i, sign) in SIGNS.iter().enumerate() {
            assert!(
                !SIGNS[i + 1..].iter().any(|later| later.starts_with(sign)),
                "{sign} hides a longer sign"
            );
        }
    }

    #[test]
    fn every_sign_can_be_read() {
        for sign in SIGNS {
            assert_eq!(tokens(sign), [Token::Sign(sign)]);
        }
    }

    #[test]
    fn positions_count_lines_and_characters() {
        let mut lexer = Lexer::new("a\n /* é\n */ \"é\" b", LanguageVersion::CURRENT);
        let mut next = || lexer.next().unwrap().pos;
        assert_eq!(next(), Pos { line: 1, column: 1 });
        assert_eq!(next(), Pos { line: 3, column: 5 });
        assert_eq!(next(), Pos { line: 3, column: 9 });
    }

    #[test]
    fn keywords_of_later_versions_are_names_with_a_warning() {
        let mut lexer = Lexer::new("Try IF", LanguageVersion::PREHISTORY);
        assert_eq!(lexer.next().unwrap().token, Token::Id("Try".into()));
        assert_eq!(lexer.next().unwrap().token, Token::Word("if"));
        assert_eq!(
            lexer.warnings[0].to_string(),
            "Line 1:  Renaming old use of new keyword: Try"
        );
    }
}
