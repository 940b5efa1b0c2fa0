//! Whether what `moor up` needs is free: the world and the ports.
//!
//! In: the data folder, addresses. Out: nothing, or what is taken and the mend. Asked before any program is started: a
//! program that finds its place taken is started again, for which there is no use here. Whoever takes a place after the
//! question is found by the programs themselves.

use std::fs::File;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// The file in a data directory that its daemon holds locked.
const LOCK_FILE: &str = "lock";

/// What is taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Taken {
    /// A daemon has the world.
    #[error(
        "--data-dir {}: the world runs already, in process {process}; stop that, or name another folder", path.display()
    )]
    World {
        /// The data folder.
        path: PathBuf,
        /// The number of the daemon's process.
        process: String,
    },
    /// An address cannot be had.
    #[error("{flag} {}: cannot listen on {address}: {error}; stop what uses the port, or choose another", address.port())]
    Port {
        /// The flag of the port.
        flag: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        error: io::Error,
    },
}

/// Whether no daemon has the world of this folder.
///
/// # Errors
/// [`Taken::World`]. What is wrong with the folder otherwise is the daemon's to say.
pub(crate) fn world(folder: &Path) -> Result<(), Taken> {
    let Ok(mut lock) = File::open(folder.join(LOCK_FILE)) else {
        return Ok(());
    };
    if flock(&lock, FlockOperation::NonBlockingLockShared) != Err(rustix::io::Errno::WOULDBLOCK) {
        return Ok(());
    }
    let mut process = String::new();
    let known = lock.read_to_string(&mut process);
    Err(Taken::World {
        path: folder.to_path_buf(),
        process: match known {
            Ok(_) if !process.trim().is_empty() => process.trim().to_owned(),
            _ => "unknown".to_owned(),
        },
    })
}

/// Whether a program could listen there; port 0 always has room.
///
/// # Errors
/// [`Taken::Port`].
pub(crate) fn port(flag: &'static str, address: SocketAddr) -> Result<(), Taken> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) => Err(Taken::Port {
            flag,
            address,
            error,
        }),
    }
}
