//! Small text files in private folders: read within bounds, written whole, changed under a lock.
//!
//! In: paths. Out: texts, or an error that names the file and the mend. What a text means is its reader's business.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use moor_node::{PrivateError, create_private_dir, write_secret};
use rustix::fs::{FlockOperation, flock};

/// No file here is longer; one that is was not written by us.
const FILE_BYTES_MAX: u64 = 4_096;

/// The file in a folder that whoever changes the folder holds locked.
const LOCK_NAME: &str = ".lock";

/// A file or folder of keys, tokens or peers cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The operating system refused, or the folder is not private.
    #[error(transparent)]
    Private(#[from] PrivateError),
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// What is there is not what belongs there.
    #[error("{path}: {why}; remove the file, or put back a copy of it", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without its content.
        why: String,
    },
}

impl FileError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn damaged(path: &Path, why: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_path_buf(),
            why: why.into(),
        }
    }
}

/// The right to change a folder, until this is dropped. Between programs and between threads.
#[derive(Debug)]
pub(crate) struct FolderLock {
    /// Closing it ends the lock.
    _file: File,
}

/// Waits for the right to change a folder. Holders do a few small writes and no more.
pub(crate) fn lock(folder: &Path) -> Result<FolderLock, FileError> {
    let path = folder.join(LOCK_NAME);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options
        .open(&path)
        .map_err(|error| FileError::io(&path, error))?;
    loop {
        match flock(&file, FlockOperation::LockExclusive) {
            Ok(()) => return Ok(FolderLock { _file: file }),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(FileError::io(&path, error.into())),
        }
    }
}

/// Makes a private folder, or checks one.
pub(crate) fn folder(path: &Path) -> Result<(), FileError> {
    Ok(create_private_dir(path)?)
}

/// The text of a file; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, FileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::io(path, error)),
    };
    let mut text = String::new();
    match file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text) {
        Ok(_) if text.len() as u64 <= FILE_BYTES_MAX => Ok(Some(text)),
        Ok(_) => Err(FileError::damaged(path, "too long")),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(FileError::damaged(path, "not a text"))
        }
        Err(error) => Err(FileError::io(path, error)),
    }
}

/// Puts a text in place of a file, whole or not at all, with mode 0600.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), FileError> {
    Ok(write_secret(path, text.as_bytes())?)
}

/// Removes a file; `false` when there was none.
pub(crate) fn remove(path: &Path) -> Result<bool, FileError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::io(path, error)),
    }
}

/// The names in a folder that `wanted` takes, in order; none when there is no folder.
pub(crate) fn names(
    folder: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<String>, FileError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FileError::io(folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| FileError::io(folder, error))?;
        if let Ok(name) = entry.file_name().into_string()
            && wanted(&name)
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
