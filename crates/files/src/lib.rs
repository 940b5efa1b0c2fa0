//! One folder that programs of a world may use: its files, and SQLite databases among them.
//!
//! In: paths and names as programs give them, bytes, SQL. Out: bytes, facts about files, rows, and typed errors. No path
//! leads out of the folder, whatever stands in it; every read, list and answer has a bound.
//!
//! It does not know the language, its values and permissions, nor tasks: whoever calls decides who may.

#![forbid(unsafe_code)]

mod error;
mod folder;
mod handles;
mod mode;
mod open_file;
mod path;
pub mod sqlite;

pub use error::FileError;
pub use folder::{Entry, Folder, Kind, Status};
pub use mode::OpenMode;
pub use open_file::{Found, OpenFile, Patience};
