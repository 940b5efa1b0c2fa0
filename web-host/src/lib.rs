//! The host of users who come by HTTP and WebSocket: not part of this release.
//!
//! In: nothing. Out: one line that says so, and [`Exit::Unavailable`]. The name is kept so that service files and
//! `moor web-host` answer clearly; the program opens no socket and reads no flag.

use std::ffi::OsString;
use std::process::ExitCode;

use moor_node::{Exit, complain};

/// The name of the program, as in log lines.
pub const PROGRAM: &str = "moor-web-host";

/// Says that the program is not part of this release; the arguments are not looked at.
pub fn run(_argv: impl Iterator<Item = OsString>) -> ExitCode {
    let line = "not built yet: this release serves users over telnet only; run moor-telnet-host";
    complain(PROGRAM, line, Exit::Unavailable).into()
}
