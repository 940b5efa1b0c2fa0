//! What can go wrong in the runtime itself. Errors of MOO programs are values of the language.

use thiserror::Error;

/// A row of a task, a session or its events that cannot be read or made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RowError {
    /// The stored bytes are not what they should be.
    #[error("a stored {what} row is malformed")]
    Malformed {
        /// What the row holds.
        what: &'static str,
    },
    /// It is larger than a commit may be.
    #[error("a {what} row of {bytes} bytes is larger than the {max} that a commit may have")]
    TooLarge {
        /// What the row holds.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// The value cannot be encoded.
    #[error("a {what} row cannot be encoded")]
    Unwritable {
        /// What the row holds.
        what: &'static str,
    },
}
