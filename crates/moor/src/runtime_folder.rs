//! The private folder that holds the sockets of one `moor up`.
//!
//! In: the user's runtime folder. Out: a fresh folder of mode 0700 inside it, removed at the end; folders that a killed
//! `moor up` left are removed by the next one. It does not know what is put there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use moor_node::{PrivateError, create_private_dir};

/// What the names of these folders begin with.
const PREFIX: &str = "up-";

/// The file whose lock says that the folder is in use. Process numbers would not do: containers share folders, not
/// numbers.
const LOCK: &str = "lock";

/// The longest path of a socket that the operating system takes, without the closing zero byte.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Why there is no folder for the sockets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RuntimeFolderError {
    /// It cannot be made private.
    #[error(transparent)]
    Private(#[from] PrivateError),
    /// Its lock cannot be had.
    #[error("{}: {source}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Sockets in it would have names that the operating system does not take.
    #[error(
        "{}: too long for a socket (at most {SOCKET_PATH_BYTES_MAX} bytes); set XDG_RUNTIME_DIR to a shorter path",
        path.display()
    )]
    TooLong {
        /// The path of a socket.
        path: PathBuf,
    },
}

/// The folder of this run; dropping it removes it.
#[derive(Debug)]
pub(crate) struct RuntimeFolder {
    path: PathBuf,
    _lock: File,
}

impl RuntimeFolder {
    /// Makes a fresh folder in `base` (made too, if missing), after removing those that nobody uses any more.
    ///
    /// # Errors
    /// [`RuntimeFolderError::Private`] if `base` is not private or a folder cannot be made;
    /// [`RuntimeFolderError::Lock`] if the lock cannot be taken.
    pub(crate) fn create(base: &Path) -> Result<Self, RuntimeFolderError> {
        create_private_dir(base)?;
        sweep(base);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let path = base.join(format!(
            "{PREFIX}{}-{:x}",
            std::process::id(),
            now.as_nanos()
        ));
        create_private_dir(&path)?;
        let lock = path.join(LOCK);
        let taken = File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let _lock = taken.map_err(|source| RuntimeFolderError::Lock { path: lock, source })?;
        Ok(Self { path, _lock })
    }

    /// The path of a socket of this name in the folder.
    ///
    /// # Errors
    /// [`RuntimeFolderError::TooLong`] if the operating system would not take it.
    pub(crate) fn socket(&self, name: &str) -> Result<PathBuf, RuntimeFolderError> {
        let path = self.path.join(name);
        match path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
            true => Err(RuntimeFolderError::TooLong { path }),
            false => Ok(path),
        }
    }

    /// The `ipc://` address of that socket.
    ///
    /// # Errors
    /// As [`RuntimeFolder::socket`].
    pub(crate) fn ipc(&self, name: &str) -> Result<String, RuntimeFolderError> {
        Ok(format!("ipc://{}", self.socket(name)?.display()))
    }
}

impl Drop for RuntimeFolder {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the sweep of the next run.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The folders in `base` of every `moor up` that runs now.
pub(crate) fn in_use(base: &Path) -> impl Iterator<Item = PathBuf> {
    folders(base).filter(|folder| is_held(folder) == Some(true))
}

/// Removes the folders in `base` whose lock nobody holds. One without a lock file is being made at this moment.
fn sweep(base: &Path) {
    for folder in folders(base).filter(|folder| is_held(folder) == Some(false)) {
        let _ = fs::remove_dir_all(folder);
    }
}

fn folders(base: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .map(|entry| entry.path())
}

/// Whether somebody holds the folder's lock; `None` if it has none.
fn is_held(folder: &Path) -> Option<bool> {
    let lock = File::open(folder.join(LOCK)).ok()?;
    Some(lock.try_lock().is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_removed_at_the_end_or_by_the_next_run() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let base = temp.path().join("moor");
        let count = || fs::read_dir(&base).expect("listed").count();
        let live = RuntimeFolder::create(&base).expect("made");
        let stale = base.join("up-1-dead");
        fs::create_dir(&stale).expect("made");
        fs::write(stale.join(LOCK), "").expect("written");
        fs::write(stale.join("rpc.sock"), "").expect("written");
        let other = RuntimeFolder::create(&base).expect("made");
        assert!(!stale.exists(), "the unused folder is still there");
        assert!(live.path.exists(), "a folder in use was swept away");
        assert_eq!(count(), 2);
        drop((live, other));
        assert_eq!(count(), 0);
    }

    #[test]
    fn long_socket_paths_are_refused() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let folder = RuntimeFolder::create(&temp.path().join("moor")).expect("made");
        let room = SOCKET_PATH_BYTES_MAX - folder.path.as_os_str().len() - 1;
        assert!(folder.ipc(&"x".repeat(room)).is_ok());
        assert!(matches!(
            folder.ipc(&"x".repeat(room + 1)),
            Err(RuntimeFolderError::TooLong { .. })
        ));
    }
}
