//! The table of programs in this binary.
//!
//! In: nothing. Out: for each program its word, its name and its entry. What they do is theirs.

use std::ffi::OsString;
use std::process::ExitCode;

/// The arguments of a program; the first is the path by which it was called.
type Argv = std::vec::IntoIter<OsString>;

/// One program of this binary.
pub(crate) struct Program {
    /// The first word of the command line that means it.
    pub(crate) word: &'static str,
    /// Its own name, as a binary and in log lines.
    pub(crate) name: &'static str,
    /// What it is, for `moor help`.
    pub(crate) about: &'static str,
    /// Runs it to its end.
    pub(crate) run: fn(Argv) -> ExitCode,
}

/// All programs, in the order of `moor help`.
pub(crate) static PROGRAMS: [Program; 4] = [DAEMON, TELNET_HOST, WEB_HOST, CURL_WORKER];

/// The program that owns the world.
pub(crate) const DAEMON: Program = Program {
    word: "daemon",
    name: "moor-daemon",
    about: "Own the world: database, compiler, tasks",
    run: |argv| moor_daemon::run(argv),
};

/// The program that holds the users' telnet connections.
pub(crate) const TELNET_HOST: Program = Program {
    word: "telnet-host",
    name: "moor-telnet-host",
    about: "Hold the connections of telnet users",
    run: |argv| moor_telnet_host::run(argv),
};

/// The program that serves users who come with a browser.
pub(crate) const WEB_HOST: Program = Program {
    word: "web-host",
    name: "moor-web-host",
    about: "Hold the connections of web users",
    run: |argv| moor_web_host::run(argv),
};

/// The program that makes HTTP requests.
pub(crate) const CURL_WORKER: Program = Program {
    word: "curl-worker",
    name: "moor-curl-worker",
    about: "Make HTTP requests for the world",
    run: |argv| moor_curl_worker::run(argv),
};
