//! The process between this one and a program that it runs: it sees that nothing of the program outlives this process.
//!
//! In: a command line that only [`Guard::command`] makes. Out: the program's exit code. The guard leads a process group,
//! and the kernel tells it when the thread that started it ends; then it kills the group, itself included. So a program
//! ends even with a process that was killed and could do nothing any more.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use rustix::process::{Resource, Rlimit, Signal};

/// The first argument of a guard.
const WORD: &str = "--guard-an-executable";
/// The exit code where the program could not be run; as ToastStunt's.
const NOT_RUN: u8 = 255;
/// What the code of a program that a signal ended begins at, as shells have it.
const SIGNALLED: i32 = 128;
/// Files that a program may have open.
const OPEN_FILES_MAX: u64 = 1_024;

/// How to start guards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    program: PathBuf,
    name: OsString,
}

impl Guard {
    /// Guards are further processes of `program`, called by `name`, which hands its arguments to [`guard`] first.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, name: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            name: name.into(),
        }
    }

    /// What starts a guard over `path`.
    pub(super) fn command(&self, path: &Path, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg0(&self.name)
            .arg(WORD)
            .arg(std::process::id().to_string())
            .arg(path)
            .arg(name);
        command
    }
}

/// Acts as a guard if the arguments say so; the code to exit with. The first argument is the program's own path.
pub fn guard<A: AsRef<OsStr>>(argv: &[A]) -> Option<ExitCode> {
    let [_, word, parent, path, name, args @ ..] = argv else {
        return None;
    };
    if word.as_ref() != WORD {
        return None;
    }
    let code = match follow_parent(parent.as_ref()) {
        Ok(()) => watch(path.as_ref(), name.as_ref(), args),
        Err(error) => not_run(path.as_ref(), &error),
    };
    Some(ExitCode::from(code))
}

/// Has the kernel tell of the parent's end, and kills the group then.
fn follow_parent(parent: &OsStr) -> std::io::Result<()> {
    let mut ends = signal_hook::iterator::Signals::new([signal_hook::consts::SIGTERM])?;
    std::thread::Builder::new().spawn(move || {
        if ends.forever().next().is_some() {
            let group = rustix::process::getpgrp();
            // It ends this process too.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    })?;
    rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
    // Asked after, so that a parent that ended in between is noticed by one or the other.
    let found = std::os::unix::process::parent_id().to_string();
    match parent == OsStr::new(&found) {
        true => Ok(()),
        false => Err(std::io::Error::other("the server has ended")),
    }
}

/// Runs the program to its end.
fn watch<A: AsRef<OsStr>>(path: &OsStr, name: &OsStr, args: &[A]) -> u8 {
    let limit = |resource, max| {
        let limit = Rlimit {
            current: Some(max),
            maximum: Some(max),
        };
        // Lower limits are a courtesy to the program.
        let _ = rustix::process::setrlimit(resource, limit);
    };
    limit(Resource::Core, 0);
    limit(Resource::Nofile, OPEN_FILES_MAX);
    let ended = Command::new(path).arg0(name).args(args).status();
    match ended {
        Ok(status) => u8::try_from(code(status)).unwrap_or(NOT_RUN),
        Err(error) => not_run(path, &error),
    }
}

fn not_run(path: &OsStr, error: &std::io::Error) -> u8 {
    // Whoever asked reads what can be said of it.
    let _ = writeln!(std::io::stderr(), "{}: {error}", path.to_string_lossy());
    NOT_RUN
}

/// The exit code, or 128 and the number of the signal.
pub(super) fn code(status: ExitStatus) -> i32 {
    let signalled = || SIGNALLED + status.signal().unwrap_or_default();
    status.code().unwrap_or_else(signalled)
}
