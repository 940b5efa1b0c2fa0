//! Symbols as values: names that programs write as `'name` and compare without regard to case.
//!
//! In: text. Out: a counted text with its own kind. Unlike a [`Symbol`](crate::Symbol) it is not interned: programs
//! make as many as they like, and each is gone with its last copy.

use std::cmp::Ordering;
use std::fmt;

use triomphe::Arc;

use crate::fold::{self, Case};

/// A symbol that a program holds.
#[derive(Clone)]
pub struct Sym(Arc<Box<str>>);

const _: () = assert!(size_of::<Sym>() == 8);

impl Sym {
    /// The symbol with that text, which may be any.
    pub fn new(text: &str) -> Self {
        Self(Arc::new(text.into()))
    }

    /// The text as it was first written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the text can follow a quote in source as it is: letters, digits and underscores, not beginning with a
    /// digit. Others are written as `'"some text"`.
    pub fn is_word(text: &str) -> bool {
        let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
        text.starts_with(is_letter) && text.chars().all(|c| is_letter(c) || c.is_ascii_digit())
    }

    /// The order, without regard to case.
    pub fn cmp_fold(&self, other: &Self) -> Ordering {
        fold::cmp(self.0.as_bytes(), other.0.as_bytes(), Case::Fold)
    }
}

/// Without regard to case.
impl PartialEq for Sym {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || fold::eq(self.0.as_bytes(), other.0.as_bytes(), Case::Fold)
    }
}

impl Eq for Sym {}

impl fmt::Debug for Sym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sym({:?})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_count_and_is_kept() {
        let (small, large) = (Sym::new("naïve"), Sym::new("NaÏve"));
        assert_eq!(small, large);
        assert_eq!(small.cmp_fold(&large), Ordering::Equal);
        assert_eq!(large.as_str(), "NaÏve");
        assert_ne!(small, Sym::new("naive"));
    }

    #[test]
    fn words_are_what_source_takes_as_names() {
        for word in ["a", "_", "A_b9", "if"] {
            assert!(Sym::is_word(word), "{word}");
        }
        for other in ["", "9a", "a b", "é", "a-b"] {
            assert!(!Sym::is_word(other), "{other}");
        }
    }
}
