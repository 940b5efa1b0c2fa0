//! One folder that programs of a world may use: its files, and SQLite databases among them; and another one, of programs of
//! the machine that they may start.
//!
//! In: paths and names as programs give them, bytes, SQL. Out: bytes, facts about files, rows, and typed errors. No path
//! leads out of its folder, whatever stands in it; every read, list and answer has a bound.
//!
//! It does not know the language, its values and permissions, nor tasks: whoever calls decides who may.

#![forbid(unsafe_code)]

mod error;
pub mod executables;
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
