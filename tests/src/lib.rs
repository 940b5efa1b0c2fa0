//! What the tests of the whole system share: the real processes on loopback, telnet clients, and cases as data.
//!
//! In: the path of the multi-call binary, databases, files of cases. Out: running servers that end with their test,
//! answers of clients, outcomes of cases. It knows the programs by their flags and printed lines, and a world by what
//! telnet shows of it; no crate of the server is called from here.
//!
//! Nothing here waits for a time to pass, except where a case says so: it waits for a line, for an answer or for the
//! end of a process, and gives up after [`PATIENCE`].

mod case;
mod check;
mod client;
mod disk;
mod flags;
mod literal;
mod process;
mod ratchet;
mod report;
mod runner;
mod server;
mod session;

use std::time::Duration;

pub use case::{Action, Case, Script, Step, VerbSetup, read_cases};
pub use check::check;
pub use client::{Client, ClientError};
pub use disk::SmallDisk;
pub use flags::{TELNET_ON_FREE_PORTS, WORKER_ON_A_FREE_PORT, field, telnet_address};
pub use literal::{Literal, LiteralError};
pub use process::{Ended, Program};
pub use ratchet::{Counts, Ratchet};
pub use report::say;
pub use runner::{Gone, Outcome, Runner, Verdict};
pub use server::{Database, Server};
pub use session::{ANSWER_BEGINS, ANSWER_ENDS, Session};

/// No single step of a test takes longer, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
