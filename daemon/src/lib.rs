//! The daemon: it owns the world and everything that happens in it.
//!
//! In: a data directory, perhaps a database to import into it, and what hosts report of users.
//! Out: a served world. Tasks and sessions are the runtime's knowledge, sockets the link's; this
//! crate joins them.
//!
//! | part | file |
//! |---|---|
//! | flags | `args` |
//! | opening, importing, the starter world | `database`, `import` |
//! | runtime and hosts | `gate`, `bridge`, `convert`, `topics` |
//! | the life of the program, checkpoints | `serve`, `checkpoint` |

mod args;
mod bridge;
mod checkpoint;
mod convert;
mod database;
mod gate;
mod import;
mod serve;
mod topics;

use std::ffi::OsString;
use std::process::ExitCode;

/// The name of the program, as in log lines.
pub const PROGRAM: &str = "moor-daemon";

/// The whole program: `argv` is its command line, the first element its path.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    moor_node::run(PROGRAM, argv, serve::serve)
}
