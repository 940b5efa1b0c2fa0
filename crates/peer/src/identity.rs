//! Who this process is: its node, its key, and the daemon that knows it.
//!
//! In: the program's folders. Out: an identity that is the same after a restart, so that the daemon knows at once that
//! the users or calls of the run before are gone. Processes that run at the same time with one folder get one identity
//! each: the file of an identity is locked as long as its process runs.
//!
//! Files of identity N: `node-N`, 32 hexadecimal digits, locked; `key-N`, the secret key in Z85, with `key-N.pub`
//! beside it; `daemon-N`, what the enrollment answered.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use moor_keyring::{KeyError, KeyPair, PublicKey};
use moor_link::NodeId;
use moor_node::{PrivateError, write_secret};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::home::Home;

/// Processes that may share a folder at one time.
pub const IDENTITIES_MAX: u32 = 64;

/// An identity that is ours until this is dropped.
#[derive(Debug)]
pub struct Identity {
    node: NodeId,
    number: u32,
    keys: PathBuf,
    /// Holds the lock.
    _file: File,
}

/// What is known of the daemon that enrolled us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its key.
    pub daemon: PublicKey,
    /// The name that it gave us.
    pub uuid: Uuid,
}

impl Known {
    /// What is in a `daemon-N` file; `None` when there is none.
    ///
    /// # Errors
    /// [`IdentityError::Io`], [`IdentityError::Malformed`].
    pub fn read(path: &Path) -> Result<Option<Self>, IdentityError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(path, error)),
        };
        let row: Option<KnownRow> = toml::from_str(&text).ok();
        let known = row.and_then(|row| {
            let daemon = row.daemon_key.parse().ok()?;
            let uuid = Uuid::try_parse(&row.uuid).ok()?;
            Some(Self { daemon, uuid })
        });
        known.map(Some).ok_or_else(|| IdentityError::Malformed {
            path: path.to_path_buf(),
            what: "not the answer of an enrollment",
        })
    }
}

#[derive(Serialize, Deserialize)]
struct KnownRow {
    /// Z85.
    daemon_key: String,
    uuid: String,
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
    /// A file is there and is not what belongs there.
    #[error("--data-dir: {path}: {what}; remove the file", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// [`IDENTITIES_MAX`] processes run with this folder.
    #[error("--data-dir: {IDENTITIES_MAX} programs use {path}; choose another folder", path = path.display())]
    AllTaken {
        /// The folder.
        path: PathBuf,
    },
    /// The key cannot be read or made.
    #[error("--data-dir: {0}")]
    Key(#[from] KeyError),
    /// What the enrollment answered cannot be kept.
    #[error("--data-dir: {0}")]
    Private(#[from] PrivateError),
}

impl Identity {
    /// Takes the first identity of the folder that no other process uses, and makes it if it is new.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn take(home: &Home) -> Result<Self, IdentityError> {
        for number in 1..=IDENTITIES_MAX {
            let path = home.data.join(format!("node-{number}"));
            if let Some(mut file) = open_and_lock(&path).map_err(|source| at(&path, source))? {
                let node = read_or_make(&mut file, &path)?;
                return Ok(Self {
                    node,
                    number,
                    keys: home.keys.clone(),
                    _file: file,
                });
            }
        }
        Err(IdentityError::AllTaken {
            path: home.data.clone(),
        })
    }

    /// The id, for a daemon of the same machine.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The key pair, made at its first use.
    ///
    /// # Errors
    /// [`IdentityError::Key`].
    pub fn key(&self) -> Result<KeyPair, IdentityError> {
        let path = self.keys.join(format!("key-{}", self.number));
        Ok(KeyPair::load_or_create(&path)?)
    }

    fn known_path(&self) -> PathBuf {
        self.keys.join(format!("daemon-{}", self.number))
    }

    /// The daemon that enrolled us; `None` when none has.
    ///
    /// # Errors
    /// [`IdentityError::Io`], [`IdentityError::Malformed`].
    pub fn known(&self) -> Result<Option<Known>, IdentityError> {
        Known::read(&self.known_path())
    }

    /// Keeps what an enrollment answered.
    ///
    /// # Errors
    /// [`IdentityError::Private`].
    pub fn keep(&self, known: Known) -> Result<(), IdentityError> {
        let (key, uuid) = (known.daemon, known.uuid);
        let text = format!("daemon_key = '{key}'\nuuid = \"{uuid}\"\n");
        Ok(write_secret(&self.known_path(), text.as_bytes())?)
    }
}

fn at(path: &Path, source: io::Error) -> IdentityError {
    IdentityError::Io {
        path: path.to_path_buf(),
        source,
    }
}

/// `None` when another process holds the file.
fn open_and_lock(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.mode(0o600).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// An empty file is one that was made and never written.
fn read_or_make(file: &mut File, path: &Path) -> Result<NodeId, IdentityError> {
    let mut text = String::new();
    let read = file.take(100).read_to_string(&mut text);
    read.map_err(|source| at(path, source))?;
    if text.is_empty() {
        let node = NodeId::random().map_err(|error| at(path, io::Error::other(error)))?;
        writeln!(file, "{node}").map_err(|source| at(path, source))?;
        return Ok(node);
    }
    parse_node(text.trim_end()).ok_or(IdentityError::Malformed {
        path: path.to_path_buf(),
        what: "not 32 hexadecimal digits",
    })
}

fn parse_node(text: &str) -> Option<NodeId> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let number = u128::from_str_radix(text, 16).ok()?;
    Some(NodeId(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = moor_node::Paths::from_lookup(|_| None, 0);
        let home = crate::home("telnet-host", Some(&folder.path().join("own")), &paths);
        (folder, home.expect("made"))
    }

    #[test]
    fn an_identity_stays_and_is_given_to_one_process_at_a_time() {
        let (_folder, home) = home();
        let first = Identity::take(&home).expect("an identity");
        let second = Identity::take(&home).expect("another");
        assert_ne!(first.node(), second.node());
        let (node, key) = (first.node(), first.key().expect("made").public());
        assert_ne!(second.key().expect("made").public(), key);
        let known = Known {
            daemon: PublicKey::from_bytes([3; 32]),
            uuid: Uuid::new_v4(),
        };
        assert_eq!(first.known().expect("readable"), None);
        first.keep(known).expect("kept");
        drop(first);
        let again = Identity::take(&home).expect("the first again");
        assert_eq!(
            (again.node(), again.key().expect("there").public()),
            (node, key)
        );
        assert_eq!(again.known().expect("readable"), Some(known));
        assert_eq!(second.known().expect("readable"), None);
    }

    #[test]
    fn a_folder_has_a_bounded_number_of_identities() {
        let (_folder, home) = home();
        let taken: Vec<_> = (0..IDENTITIES_MAX)
            .map(|_| Identity::take(&home).expect("an identity"))
            .collect();
        let one_more = Identity::take(&home);
        assert!(matches!(one_more, Err(IdentityError::AllTaken { .. })));
        drop(taken);
    }

    #[test]
    fn a_file_that_is_no_identity_is_named() {
        for text in ["short", &"g".repeat(32), &"é".repeat(16), &"+".repeat(32)] {
            let (_folder, home) = home();
            std::fs::write(home.data.join("node-1"), text).expect("written");
            let error = Identity::take(&home).expect_err("refused").to_string();
            assert!(error.contains("node-1: not 32"), "{error}");
        }
        let (_folder, home) = home();
        std::fs::write(home.keys.join("daemon-1"), "x").expect("written");
        let identity = Identity::take(&home).expect("an identity");
        let error = identity.known().expect_err("refused").to_string();
        assert!(error.contains("daemon-1: not the answer"), "{error}");
    }
}
