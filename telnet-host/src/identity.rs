//! The identity of this host, kept in its data folder.
//!
//! In: the folder. Out: a node id that is the same after a restart, so that the daemon knows at once
//! that the users of the run before are gone. Hosts that run at the same time with one folder get one
//! identity each: the file of an identity is locked as long as its host runs.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use moor_link::NodeId;
use rustix::fs::{FlockOperation, flock};

/// Hosts that may share a data folder at one time.
pub const IDENTITIES_MAX: u32 = 64;

/// An identity that is ours until this is dropped.
#[derive(Debug)]
pub struct Identity {
    node: NodeId,
    /// Holds the lock.
    _file: File,
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A file could not be made, read, written or locked.
    #[error("--data-dir: {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is there and is no identity.
    #[error("--data-dir: {path}: not 32 hexadecimal digits; remove the file", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// [`IDENTITIES_MAX`] hosts run with this folder.
    #[error("--data-dir: {IDENTITIES_MAX} hosts use {path}; choose another folder", path = path.display())]
    AllTaken {
        /// The folder.
        path: PathBuf,
    },
}

impl Identity {
    /// Takes the first identity of the folder that no other host uses, and makes it if it is new.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn take(folder: &Path) -> Result<Self, IdentityError> {
        for number in 1..=IDENTITIES_MAX {
            let path = folder.join(format!("node-{number}"));
            if let Some(mut file) = open_and_lock(&path).map_err(|source| at(&path, source))? {
                let node = read_or_make(&mut file, &path)?;
                return Ok(Self { node, _file: file });
            }
        }
        Err(IdentityError::AllTaken {
            path: folder.to_path_buf(),
        })
    }

    /// The id.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }
}

fn at(path: &Path, source: io::Error) -> IdentityError {
    IdentityError::Io {
        path: path.to_path_buf(),
        source,
    }
}

/// `None` when another host holds the file.
fn open_and_lock(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// An empty file is one that was made and never written.
fn read_or_make(file: &mut File, path: &Path) -> Result<NodeId, IdentityError> {
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(|source| at(path, source))?;
    if text.is_empty() {
        let node = NodeId::random().map_err(|error| at(path, io::Error::other(error)))?;
        writeln!(file, "{node}").map_err(|source| at(path, source))?;
        return Ok(node);
    }
    let malformed = || IdentityError::Malformed {
        path: path.to_path_buf(),
    };
    let text = text.trim_end();
    if text.len() != 32 || !text.is_ascii() {
        return Err(malformed());
    }
    let mut bytes = [0; 16];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let digits = &text[index * 2..index * 2 + 2];
        *byte = u8::from_str_radix(digits, 16).map_err(|_| malformed())?;
    }
    Ok(NodeId(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_stays_and_is_given_to_one_host_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Identity::take(folder.path()).expect("an identity");
        let second = Identity::take(folder.path()).expect("another");
        assert_ne!(first.node(), second.node());
        let node = first.node();
        drop(first);
        assert_eq!(
            Identity::take(folder.path())
                .expect("the first again")
                .node(),
            node
        );
    }

    #[test]
    fn a_folder_has_a_bounded_number_of_identities() {
        let folder = tempfile::tempdir().expect("a folder");
        let taken: Vec<_> = (0..IDENTITIES_MAX)
            .map(|_| Identity::take(folder.path()).expect("an identity"))
            .collect();
        let one_more = Identity::take(folder.path());
        assert!(matches!(one_more, Err(IdentityError::AllTaken { .. })));
        drop(taken);
    }

    #[test]
    fn a_file_that_is_no_identity_is_named() {
        for text in ["short", &"g".repeat(32), &"é".repeat(16)] {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("node-1"), text).expect("written");
            let error = Identity::take(folder.path())
                .expect_err("refused")
                .to_string();
            assert!(error.contains("node-1: not 32"), "{error}");
        }
    }
}
