//! The web host: users who come by HTTP and WebSocket, kept while the daemon restarts.
//!
//! In: flags, requests of browsers and programs, the daemon's events. Out: numbered lines to the daemon; JSON, and a
//! plain page. The world, its objects and its permissions are the daemon's; here a line is text and a user is a token.
//!
//! [`run`] is the whole program. [`session`], [`kept`], [`messages`], [`login_line`], [`origin`] and [`attempts`] are
//! pure; [`connection`], [`ws`], [`sign_in`] and [`eval`] give them sockets and time; [`server`], [`stalled`] and [`routes`]
//! are HTTP; [`tokens`] is what is remembered of tokens. docs/WEB.md has what a client needs to know.

pub mod app;
pub mod attempts;
pub mod config;
pub mod connection;
pub mod eval;
pub mod host;
pub mod kept;
pub mod listeners;
pub mod login_line;
pub mod messages;
pub mod origin;
pub mod routes;
pub mod server;
pub mod session;
pub mod sessions;
pub mod sign_in;
pub mod stalled;
pub mod tokens;
pub mod ws;

use std::ffi::OsString;
use std::process::ExitCode;

/// The name of the program, as in log lines.
pub const PROGRAM: &str = "moor-web-host";

/// The whole program: `argv` is its command line, the first element its path.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    moor_node::run_with_health(PROGRAM, argv, host::run)
}
