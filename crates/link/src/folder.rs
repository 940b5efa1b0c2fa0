//! The folder of Unix sockets, and the right to listen at one path in it.
//!
//! In: paths of sockets. Out: a folder that only our user can enter, and a [`SocketClaim`] that no other
//! process holds. The folder's mode is what protects `ipc://`, so it is checked by whoever listens and by
//! whoever connects: somebody else could have made `/tmp/moor-1000` first.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock};

use crate::endpoint::Endpoint;
use crate::error::StartError;

/// Mode of the folder: nobody else may even see which sockets there are.
const FOLDER_MODE: u32 = 0o700;

/// Every right of group and others.
const OTHERS_MASK: u32 = 0o077;

/// A folder is not fit to hold sockets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Something else has its name.
    #[error(
        "{0}: not a folder (a symbolic link is not accepted either); remove it or choose another path"
    )]
    NotAFolder(PathBuf),
    /// Another user owns it.
    #[error("{path}: belongs to user {owner}, not to {us}; choose a folder of your own")]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// The owner's user id.
        owner: u32,
        /// Our user id.
        us: u32,
    },
    /// Others have rights in it.
    #[error("{path}: mode {mode:03o} lets other users in; run chmod 700 {path}")]
    Open {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The socket's name is taken by something that is no socket.
    #[error("{0}: exists and is not a socket; move it away or choose another path")]
    NotASocket(PathBuf),
    /// It cannot be made, read or locked.
    #[error("{path}: {source}")]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The folder where sockets live unless the operator says otherwise: `$XDG_RUNTIME_DIR/moor`, or
/// `/tmp/moor-UID` where that variable is unset. Not made yet: listening makes it.
#[must_use]
pub fn runtime_folder() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) {
        Some(runtime) if runtime.is_absolute() => runtime.join("moor"),
        _ => PathBuf::from(format!("/tmp/moor-{}", rustix::process::getuid().as_raw())),
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> FolderError + '_ {
    |source| FolderError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Makes the folder if it is missing, and checks that it is ours alone.
fn make_folder(path: &Path) -> Result<(), FolderError> {
    match std::fs::DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(io_error(path)(error)),
        Ok(()) | Err(_) => check_folder(path),
    }
}

/// Checks that a folder is ours alone.
pub(crate) fn check_folder(path: &Path) -> Result<(), FolderError> {
    let found = std::fs::symlink_metadata(path).map_err(io_error(path))?;
    if !found.is_dir() {
        return Err(FolderError::NotAFolder(path.to_owned()));
    }
    let us = rustix::process::geteuid().as_raw();
    if found.uid() != us {
        return Err(FolderError::NotOurs {
            path: path.to_owned(),
            owner: found.uid(),
            us,
        });
    }
    let mode = found.mode() & 0o777;
    if mode & OTHERS_MASK != 0 {
        return Err(FolderError::Open {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

/// The right to listen at a path: a lock on the file `PATH.lock` beside the socket, held as long as this
/// lives. libzmq removes whatever is at the path before it listens, so without the lock a second daemon
/// would silently take the first one's place.
#[derive(Debug)]
pub(crate) struct SocketClaim {
    path: PathBuf,
    _lock: OwnedFd,
}

impl SocketClaim {
    /// Makes the folder, takes the lock, and makes sure that nobody answers at the path.
    pub(crate) fn take(path: &Path) -> Result<Self, StartError> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        make_folder(folder)?;
        let in_use = || StartError::EndpointInUse(Endpoint::Ipc(path.to_owned()));
        let mut lock_path = path.as_os_str().to_owned();
        lock_path.push(".lock");
        let lock_path = PathBuf::from(lock_path);
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let lock = rustix::fs::open(&lock_path, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|errno| io_error(&lock_path)(errno.into()))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(in_use()),
            Err(errno) => return Err(io_error(&lock_path)(errno.into()).into()),
        }
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error(path)(error).into()),
            Ok(found) if !found.file_type().is_socket() => {
                return Err(FolderError::NotASocket(path.to_owned()).into());
            }
            // Another program than moor may listen there without our lock.
            Ok(_) if UnixStream::connect(path).is_ok() => return Err(in_use()),
            Ok(_) => {}
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }
}

impl Drop for SocketClaim {
    /// Removes the socket while the lock is still held. The lock file stays: removing it would let two
    /// processes lock two files of one name.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    fn temporary() -> tempfile::TempDir {
        tempfile::tempdir().expect("temporary folder")
    }

    #[test]
    fn a_missing_folder_is_made_for_us_alone() {
        let root = temporary();
        let folder = root.path().join("moor");
        let claim = SocketClaim::take(&folder.join("rpc.sock")).expect("claim");
        assert_eq!(
            std::fs::metadata(&folder).expect("folder").mode() & 0o777,
            FOLDER_MODE
        );
        drop(claim);
    }

    #[test]
    fn a_folder_open_to_others_is_refused() {
        let root = temporary();
        for mode in [0o750, 0o701, 0o777] {
            std::fs::set_permissions(root.path(), PermissionsExt::from_mode(mode)).expect("chmod");
            let error = SocketClaim::take(&root.path().join("rpc.sock")).expect_err("open folder");
            assert!(error.to_string().contains("chmod 700"), "{error}");
        }
    }

    #[test]
    fn a_symbolic_link_is_refused() {
        let root = temporary();
        std::fs::create_dir(root.path().join("real")).expect("folder");
        let link = root.path().join("link");
        std::os::unix::fs::symlink(root.path().join("real"), &link).expect("link");
        let error = SocketClaim::take(&link.join("rpc.sock")).expect_err("link");
        assert!(
            matches!(error, StartError::Folder(FolderError::NotAFolder(_))),
            "{error}"
        );
    }

    #[test]
    fn a_second_claim_is_in_use_until_the_first_ends() {
        let root = temporary();
        let path = root.path().join("moor/rpc.sock");
        let first = SocketClaim::take(&path).expect("first");
        let error = SocketClaim::take(&path).expect_err("second");
        assert!(matches!(error, StartError::EndpointInUse(_)), "{error}");
        drop(first);
        SocketClaim::take(&path).expect("after the first");
    }

    #[test]
    fn a_dead_socket_is_replaced_and_a_foreign_live_one_is_not() {
        let root = temporary();
        let path = root.path().join("moor/rpc.sock");
        make_folder(&root.path().join("moor")).expect("folder");
        let listener = UnixListener::bind(&path).expect("listen");
        let error = SocketClaim::take(&path).expect_err("live");
        assert!(matches!(error, StartError::EndpointInUse(_)), "{error}");
        drop(listener);
        assert!(path.exists());
        SocketClaim::take(&path).expect("stale");
    }

    #[test]
    fn a_file_is_never_removed() {
        let root = temporary();
        let path = root.path().join("moor/rpc.sock");
        make_folder(&root.path().join("moor")).expect("folder");
        std::fs::write(&path, "precious").expect("file");
        let error = SocketClaim::take(&path).expect_err("file");
        assert!(
            matches!(error, StartError::Folder(FolderError::NotASocket(_))),
            "{error}"
        );
        assert_eq!(
            std::fs::read_to_string(&path).expect("still there"),
            "precious"
        );
    }
}
