//! Numbers: integers, floats and object numbers.

use moor_value::ObjId;

use super::Lexer;
use super::token::Token;
use crate::error::ErrorKind;

impl<'s> Lexer<'s> {
    /// `#12`, `#-1`, `#048D05-1234567890`.
    pub(super) fn object(&mut self) -> Result<Token, ErrorKind> {
        self.bump();
        let text = self.rest.as_str();
        if let Some((id, rest)) = ObjId::split_unique(text) {
            self.skip_chars(text.len() - rest.len());
            return Ok(Token::Obj(id));
        }
        let negative = self.peek() == Some('-');
        if negative {
            self.bump();
        }
        let (number, digits) = integer(self.digits());
        match (digits, negative) {
            (0, _) => Err(ErrorKind::MalformedObject),
            (_, true) => Ok(Token::Obj(ObjId(number.wrapping_neg()))),
            (_, false) => Ok(Token::Obj(ObjId(number))),
        }
    }

    /// `12`, `1.5`, `1.`, `.5`, `1e9`, `1.5e-9`; a dot that begins `..` is not part of the number.
    pub(super) fn number(&mut self) -> Result<Token, ErrorKind> {
        let whole = self.rest.as_str();
        let (value, digits) = integer(self.digits());
        let dot = self.has_floats() && self.float_dot(digits > 0);
        if dot {
            self.bump();
            self.digits();
        }
        let exponent = self.has_floats() && matches!(self.peek(), Some('e' | 'E'));
        if exponent {
            self.exponent()?;
        }
        if !dot && !exponent {
            return Ok(Token::Int(value));
        }
        let text = &whole[..whole.len() - self.rest.as_str().len()];
        let float = text.parse::<f64>().map_err(|_| ErrorKind::MalformedFloat)?;
        Ok(Token::Float(float))
    }

    /// Whether a dot that belongs to a number comes next.
    fn float_dot(&self, after_digits: bool) -> bool {
        let next_is_digit = self.peek_at(1).is_some_and(|c| c.is_ascii_digit());
        self.peek() == Some('.')
            && (next_is_digit || (after_digits && self.peek_at(1) != Some('.')))
    }

    fn exponent(&mut self) -> Result<(), ErrorKind> {
        self.bump();
        if matches!(self.peek(), Some('+' | '-')) {
            self.bump();
        }
        match self.digits() {
            "" => Err(ErrorKind::MalformedFloat),
            _ => Ok(()),
        }
    }

    /// Reads digits as far as they go.
    fn digits(&mut self) -> &'s str {
        let text = self.rest.as_str();
        let length = text.bytes().take_while(u8::is_ascii_digit).count();
        self.skip_chars(length);
        &text[..length]
    }
}

/// The digits' value, wrapped around at 64 bits, and how many they are.
fn integer(digits: &str) -> (i64, usize) {
    let add = |value: i64, digit: u8| value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
    (digits.bytes().fold(0, add), digits.len())
}
