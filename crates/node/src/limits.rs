//! The operating system's limit on open files, raised at the start.
//!
//! In: nothing. Out: the limit that now holds. Every user is a socket, and the usual soft limit of 1,024 is
//! far below the hard one; the programs use poll interfaces without that bound.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit on open files to the hard one, and returns the limit that holds afterwards
/// (`None`: no limit). A refusal leaves the limit as it was: the program runs, with fewer users.
pub fn raise_open_files() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.current,
        Err(_) => before,
    }
}
