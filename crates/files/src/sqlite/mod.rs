//! SQLite databases of the folder, and in memory.
//!
//! In: SQL with values for its parameters. Out: rows, within bounds of size and time. A database is one file of the
//! folder: SQL that would reach another, load code, or change what is shared with other databases is refused.

mod database;
mod databases;
mod error;
mod guard;
mod place;

pub use database::{Cell, Database, Limits, Regexp, Row};
pub use databases::Databases;
pub use error::SqlError;
