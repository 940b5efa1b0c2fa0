//! What a programmer may have meant, where a mistake is a common one.
//!
//! In: a name that is nobody's, a token that cannot stand where it stands, what is open there. Out: a [`Hint`], or
//! nothing. It changes nothing about what is accepted.

use thiserror::Error;

use crate::ast::Pos;

/// Longest name that another one is looked for, in bytes.
const NAME_BYTES_MAX: usize = 40;

/// The characters of names of builtins.
const NAME_BYTES: &[u8] = b"_0123456789abcdefghijklmnopqrstuvwxyz";

/// What begins something that has to be ended, and what ends it.
const PAIRS: [(&str, &str); 9] = [
    ("(", ")"),
    ("[", "]"),
    ("{", "}"),
    ("`", "'"),
    ("if", "endif"),
    ("for", "endfor"),
    ("while", "endwhile"),
    ("fork", "endfork"),
    ("try", "endtry"),
];

/// What may be meant.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum Hint {
    /// Something that begins earlier has no end.
    #[error("`{opener}' of line {}, column {} has no `{closer}'", pos.line, pos.column)]
    Unclosed {
        /// What begins it.
        opener: &'static str,
        /// What would end it.
        closer: &'static str,
        /// Where it begins.
        pos: Pos,
    },
    /// The token ends something that nothing begins.
    #[error("nothing is open that `{0}' could end")]
    NothingOpen(&'static str),
    /// The statement before has no end.
    #[error("is a `;' missing at the end of line {line}?")]
    MissingSemicolon {
        /// Its last line.
        line: u32,
    },
    /// There is a builtin whose name differs in one place.
    #[error("is `{0}' meant?")]
    Nearest(Box<str>),
    /// The line ends before the string.
    #[error("the string that begins here has no end on this line")]
    OpenString,
}

impl Hint {
    /// The same for a program that begins so many lines further down.
    pub(crate) fn lower(self, by: u32) -> Self {
        match self {
            Self::Unclosed {
                opener,
                closer,
                pos,
            } => Self::Unclosed {
                opener,
                closer,
                pos: pos.lower(by),
            },
            Self::MissingSemicolon { line } => Self::MissingSemicolon {
                line: line.saturating_add(by),
            },
            other @ (Self::NothingOpen(_) | Self::Nearest(_) | Self::OpenString) => other,
        }
    }
}

/// What is open at a place of a program: brackets and statements, outermost first.
#[derive(Debug, Default)]
pub(crate) struct Open(Vec<(usize, Pos)>);

impl Open {
    /// Notes a keyword or sign that was taken.
    pub(crate) fn take(&mut self, text: &'static str, pos: Pos) {
        if let Some(pair) = PAIRS.iter().position(|(opener, _)| *opener == text) {
            self.0.push((pair, pos));
        } else if let Some(&(pair, _)) = self.0.last()
            && PAIRS[pair].1 == text
        {
            self.0.pop();
        }
    }

    /// What a token may mean that cannot stand where it stands; `expected` is what could, `line` the line of the token
    /// before it.
    pub(crate) fn hint(
        &self,
        found: Option<&'static str>,
        expected: &str,
        line: u32,
        pos: Pos,
    ) -> Option<Hint> {
        if let Some(&(pair, begin)) = self.0.last() {
            let (opener, closer) = PAIRS[pair];
            if expected.contains(&format!("`{closer}'")) {
                let pos = begin;
                return Some(Hint::Unclosed {
                    opener,
                    closer,
                    pos,
                });
            }
        }
        if expected.contains("`;'") && pos.line > line {
            return Some(Hint::MissingSemicolon { line });
        }
        let closer = found.filter(|text| PAIRS.iter().any(|(_, closer)| closer == text))?;
        let is_open = self.0.iter().any(|(pair, _)| PAIRS[*pair].1 == closer);
        (!is_open).then_some(Hint::NothingOpen(closer))
    }
}

/// The builtin whose name is this one with a character more, less or other, or with two exchanged.
pub(crate) fn nearest(name: &str, is_builtin: &dyn Fn(&str) -> bool) -> Option<Hint> {
    let name = name.to_ascii_lowercase().into_bytes();
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let known = |name: Vec<u8>| String::from_utf8(name).ok().filter(|name| is_builtin(name));
    let found = variants(&name).find_map(known)?;
    Some(Hint::Nearest(found.into()))
}

/// Every name that differs in one place; the likelier mistakes first.
fn variants(name: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let exchanged = (1..name.len()).map(|at| {
        let mut other = name.to_vec();
        other.swap(at - 1, at);
        other
    });
    let shorter = (0..name.len()).map(|at| [&name[..at], &name[at + 1..]].concat());
    let with = move |from: usize, to: usize| {
        NAME_BYTES
            .iter()
            .map(move |byte| [&name[..from], &[*byte], &name[to..]].concat())
    };
    let longer = (0..=name.len()).flat_map(move |at| with(at, at));
    let other = (0..name.len()).flat_map(move |at| with(at, at + 1));
    exchanged.chain(shorter).chain(longer).chain(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mistake_in_a_name_is_seen_through() {
        let is_builtin = |name: &str| name == "length" || name == "notify";
        let meant = |name| nearest(name, &is_builtin).map(|hint| hint.to_string());
        for name in ["lenght", "LENTH", "lengthh", "lengfh", "ength"] {
            assert_eq!(meant(name).as_deref(), Some("is `length' meant?"), "{name}");
        }
        assert_eq!(meant("size"), None);
        assert_eq!(meant(&"x".repeat(100_000)), None);
    }
}
