//! Why something could not be done with a database.

use crate::FileError;

/// Why something could not be done with a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqlError {
    /// The path leads out of the folder.
    #[error(transparent)]
    Path(FileError),
    /// No database is open under this number.
    #[error("invalid database handle")]
    UnknownHandle,
    /// As many databases are open as may be.
    #[error("too many database connections open")]
    TooManyDatabases,
    /// The same file is open already.
    #[error("database already open with handle: {handle}")]
    AlreadyOpen {
        /// Under this number.
        handle: i64,
    },
    /// It cannot be opened.
    #[error("unable to open database file: {0}")]
    Unopened(String),
    /// It works on something.
    #[error("handle can't be closed or changed until its queries are finished")]
    Busy,
    /// There is no such limit, or it cannot have this value.
    #[error("no such limit")]
    UnknownLimit,
    /// The rows are larger than is allowed.
    #[error("the rows have more than {bytes_max} bytes")]
    TooLarge {
        /// The bound.
        bytes_max: usize,
    },
    /// What SQLite says.
    #[error("{0}")]
    Sql(String),
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(_, Some(message))
            | rusqlite::Error::SqlInputError { msg: message, .. } => Self::Sql(message),
            other => Self::Sql(other.to_string()),
        }
    }
}
