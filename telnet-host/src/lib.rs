//! The telnet host: it holds the sockets of telnet users, and keeps them while the daemon restarts.
//!
//! In: flags, users' bytes, the daemon's events. Out: numbered lines to the daemon, text to users. The
//! world, its objects and its language are the daemon's; here a line is text and a user is a socket.
//!
//! [`run`] is the whole program. [`telnet`], [`session`] and [`output`] are pure; [`connection`] and
//! [`listener`] give them sockets and time, `tls` keys where users speak TLS. What is not telnet's own (the order of lines and events, the
//! reconnect to the daemon) is in `moor-host`.

pub mod config;
pub mod connection;
mod dialer;
pub mod host;
pub mod listener;
pub mod notices;
pub mod output;
pub mod reception;
pub mod session;
pub mod telnet;
mod tls;

use std::ffi::OsString;
use std::process::ExitCode;

/// The name of the program, as in log lines.
pub const PROGRAM: &str = "moor-telnet-host";

/// The whole program: `argv` is its command line, the first element its path.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    moor_node::run_with_health(PROGRAM, argv, host::run)
}
