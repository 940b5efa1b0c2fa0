//! The number of files that this process may have open, sockets included.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::bounds::OPEN_FILES_WANTED;

/// Raises the soft limit of open files to 65,536 or as near as the hard limit allows, and returns the limit
/// now in force. libzmq aborts the process when it cannot accept a connection for want of a descriptor, and
/// a host holds one for every user, so programs call this at start.
///
/// # Errors
/// The system refused a value within its own hard limit.
pub fn raise_open_files() -> io::Result<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(OPEN_FILES_WANTED, |maximum| maximum.min(OPEN_FILES_WANTED));
    match current {
        None => Ok(u64::MAX),
        Some(current) if current >= wanted => Ok(current),
        Some(_) => {
            setrlimit(
                Resource::Nofile,
                Rlimit {
                    current: Some(wanted),
                    maximum,
                },
            )?;
            Ok(wanted)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_and_stays() {
        let limit = raise_open_files().expect("within the hard limit");
        assert_eq!(raise_open_files().expect("again"), limit);
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current.unwrap_or(u64::MAX), limit);
        assert!(limit >= OPEN_FILES_WANTED || maximum == Some(limit));
    }
}
