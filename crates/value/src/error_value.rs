//! Errors that say more than a code: those with a message of their own, and those that a world has named itself.
//!
//! In: what the error is called, and a message. Out: a counted value. An error of the table without a message of its
//! own is never made here: it is the plain [`Value::Err`], so that each error has one form.

use std::cmp::Ordering;
use std::fmt;

use triomphe::Arc;

use crate::{ErrorCode, Str, Sym, Value};

/// What an error is called, which is all that counts when two are compared.
#[derive(Clone, Debug)]
pub enum ErrorName {
    /// One of the table.
    Known(ErrorCode),
    /// One that a world has named, such as `E_MINE`; see [`ErrorName::custom`].
    Custom(Sym),
}

impl ErrorName {
    /// The name spelled so: of the table, or a word that begins with `E_` and goes on.
    pub fn from_text(text: &str) -> Option<Self> {
        match ErrorCode::from_name(text) {
            Some(code) => Some(Self::Known(code)),
            None => Self::custom(text),
        }
    }

    /// The name of a world's own error: a word that begins with `E_`, goes on, and is not in the table.
    pub fn custom(text: &str) -> Option<Self> {
        let has_prefix = text
            .get(..2)
            .is_some_and(|prefix| prefix.eq_ignore_ascii_case("E_"));
        let is_custom = has_prefix
            && text.len() > 2
            && Sym::is_word(text)
            && ErrorCode::from_name(text).is_none();
        is_custom.then(|| Self::Custom(Sym::new(text)))
    }

    /// The spelling in source.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(code) => code.name(),
            Self::Custom(name) => name.as_str(),
        }
    }

    /// The error of that name alone.
    pub fn into_value(self) -> Value {
        ErrorValue::make(self, None)
    }
}

impl PartialEq for ErrorName {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ErrorName {}

impl PartialOrd for ErrorName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Those of the table by number, then a world's own by name.
impl Ord for ErrorName {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => a.cmp(b),
            (Self::Known(_), Self::Custom(_)) => Ordering::Less,
            (Self::Custom(_), Self::Known(_)) => Ordering::Greater,
            (Self::Custom(a), Self::Custom(b)) => a.cmp_fold(b),
        }
    }
}

/// An error with a message, or one of a world's own.
#[derive(Clone)]
pub struct ErrorValue(Arc<Body>);

struct Body {
    name: ErrorName,
    message: Option<Str>,
}

const _: () = assert!(size_of::<ErrorValue>() == 8);

impl ErrorValue {
    /// The error of that name, with a message of its own where one is given.
    pub fn make(name: ErrorName, message: Option<Str>) -> Value {
        match (name, message) {
            (ErrorName::Known(code), None) => Value::Err(code),
            (name, message) => Value::Error(Self(Arc::new(Body { name, message }))),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &ErrorName {
        &self.0.name
    }

    /// The message that was given to it.
    pub fn own_message(&self) -> Option<&Str> {
        self.0.message.as_ref()
    }

    /// What it says: its own message, else the usual one of its code, else its name.
    pub fn message(&self) -> Str {
        match (&self.0.message, &self.0.name) {
            (Some(message), _) => message.clone(),
            (None, ErrorName::Known(code)) => Str::new(code.message()),
            (None, ErrorName::Custom(name)) => Str::new(name.as_str()),
        }
    }

    /// What name and message count for in `value_bytes()`.
    pub(crate) fn bytes(&self) -> usize {
        let message = self.0.message.as_ref();
        let name = match &self.0.name {
            ErrorName::Known(_) => 0,
            ErrorName::Custom(name) => name.as_str().len() + 1,
        };
        name + message.map_or(0, |message| message.len_bytes() + 1)
    }

    /// Whether the messages are the same too, letters and case.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let text = |error: &Self| error.0.message.clone().map(Str::into_string);
        text(self) == text(other)
    }
}

impl Value {
    /// What an error is called; none for other kinds.
    pub fn error_name(&self) -> Option<ErrorName> {
        match self {
            Self::Err(code) => Some(ErrorName::Known(*code)),
            Self::Error(error) => Some(error.name().clone()),
            _ => None,
        }
    }

    /// What an error says; none for other kinds.
    pub fn error_message(&self) -> Option<Str> {
        match self {
            Self::Err(code) => Some(Str::new(code.message())),
            Self::Error(error) => Some(error.message()),
            _ => None,
        }
    }
}

impl fmt::Debug for ErrorValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:?})", self.name().as_str(), self.0.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_error_stays_plain() {
        let plain = ErrorValue::make(ErrorName::Known(ErrorCode::Perm), None);
        assert!(matches!(plain, Value::Err(ErrorCode::Perm)));
        assert!(matches!(
            ErrorName::from_text("e_perm").map(ErrorName::into_value),
            Some(Value::Err(ErrorCode::Perm))
        ));
    }

    #[test]
    fn names_are_words_behind_the_prefix() {
        for name in ["E_MINE", "e_my_own9"] {
            assert_eq!(ErrorName::custom(name).expect("a name").as_str(), name);
        }
        for other in ["E_", "EMINE", "E_PERM", "E_a b", "é_", ""] {
            assert_eq!(ErrorName::custom(other), None, "{other}");
        }
    }

    #[test]
    fn the_name_alone_decides_the_order() {
        let custom = |text| ErrorName::custom(text).expect("a name");
        assert_eq!(custom("E_A"), custom("e_a"));
        assert!(custom("E_A") < custom("E_B"));
        assert!(ErrorName::Known(ErrorCode::Intrpt) < custom("E_A"));
    }

    #[test]
    fn what_an_error_says() {
        let custom = ErrorName::custom("E_MINE").expect("a name");
        let cases = [
            (ErrorValue::make(custom.clone(), None), "E_MINE"),
            (ErrorValue::make(custom, Some("why".into())), "why"),
            (
                ErrorValue::make(ErrorName::Known(ErrorCode::Div), Some("".into())),
                "",
            ),
            (Value::Err(ErrorCode::Div), "Division by zero"),
        ];
        for (error, says) in cases {
            let message = error.error_message().expect("an error");
            assert_eq!(message.as_str(), says, "{error:?}");
        }
        assert!(Value::Int(1).error_message().is_none());
    }
}
