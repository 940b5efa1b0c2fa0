//! What can be wrong with a textdump, and where.
//! In: what was expected and what was found. Out: one line that names the file, its line and both.

use std::borrow::Cow;
use std::fmt;

use moor_value::ObjId;
use thiserror::Error;

/// Why a file is not a textdump that can be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read at all.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Something else stands where the format asks for something.
    #[error(transparent)]
    Mismatch(Box<Mismatch>),
    /// A value mentions an anonymous object that is not among those of the file.
    #[error("{file}: anonymous object {number} is mentioned, but is not there")]
    MissingAnonymous {
        /// The file.
        file: String,
        /// Its number in the file.
        number: i64,
    },
    /// A list of children or contents, kept as links from object to object, leads back into itself.
    #[error("{file}: the list of {list} of {object} has no end")]
    EndlessList {
        /// The file.
        file: String,
        /// Whose list.
        object: ObjId,
        /// "children" or "contents".
        list: &'static str,
    },
}

/// A place in the file where the format asks for something else.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{file}: line {line}{place}: expected {expected}, found {found}")]
pub struct Mismatch {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The part of the file.
    pub place: Place,
    /// What should stand there.
    pub expected: Cow<'static, str>,
    /// What does: the line, quoted and cut short when long, or "the end of the file".
    pub found: String,
}

/// A part of a textdump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the texts below say it")]
pub enum Place {
    Header,
    Players,
    Pending,
    Objects,
    Object(i64),
    Anonymous(i64),
    Programs,
    Program { object: i64, verb: i64 },
    Tasks,
    Forked(u64),
    Suspended(u64),
    Interrupted(u64),
    Connections,
    End,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header | Self::End => Ok(()),
            Self::Players => f.write_str(" (players)"),
            Self::Pending => f.write_str(" (values pending finalization)"),
            Self::Objects => f.write_str(" (objects)"),
            Self::Object(id) => write!(f, " (object #{id})"),
            Self::Anonymous(id) => write!(f, " (anonymous object {id})"),
            Self::Programs => f.write_str(" (programs)"),
            Self::Program { object, verb } => write!(f, " (program #{object}:{verb})"),
            Self::Tasks => f.write_str(" (tasks)"),
            Self::Forked(number) => write!(f, " (forked task {number})"),
            Self::Suspended(number) => write!(f, " (suspended task {number})"),
            Self::Interrupted(number) => write!(f, " (interrupted task {number})"),
            Self::Connections => f.write_str(" (connections)"),
        }
    }
}

/// Writes a line for each, without a break behind the last.
pub(crate) fn write_lines<T: std::fmt::Display>(
    f: &mut std::fmt::Formatter<'_>,
    lines: impl IntoIterator<Item = T>,
) -> std::fmt::Result {
    for (index, line) in lines.into_iter().enumerate() {
        let pause = if index > 0 { "\n" } else { "" };
        write!(f, "{pause}{line}")?;
    }
    Ok(())
}
