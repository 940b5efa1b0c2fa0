//! The worker that makes HTTP requests for the world: not part of this release.
//!
//! In: nothing. Out: one line that says so, and [`Exit::Unavailable`]. The name is kept so that service files and
//! `moor curl-worker` answer clearly; the program opens no socket and reads no flag.

use std::ffi::OsString;
use std::process::ExitCode;

use moor_node::{Exit, complain};

/// The name of the program, as in log lines.
pub const PROGRAM: &str = "moor-curl-worker";

/// Says that the program is not part of this release; the arguments are not looked at.
pub fn run(_argv: impl Iterator<Item = OsString>) -> ExitCode {
    let line = "not built yet: worlds of this release make no HTTP requests; remove it from what you start";
    complain(PROGRAM, line, Exit::Unavailable).into()
}
