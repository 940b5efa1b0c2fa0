//! Who is enrolled, now: the folder of allowed peers and what is known of it in memory.
//!
//! In: keys, changes by the desk, files that an operator removed. Out: the peer of a key, if there is one. A peer whose
//! file is gone was thrown out, whoever removed it and whenever: `known_keys` remembers it.
//!
//! Only whole files of this release count. What is damaged lets nobody in and is named in the log.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};
use uuid::Uuid;

use crate::files::{self, FileError};
use crate::keys::PublicKey;
use crate::known_keys::KnownKeys;
use crate::peer::{Peer, clean_hostname};

/// Peers that may be enrolled at one time.
const PEERS_MAX: usize = 10_000;

/// The folder beside that of the peers with a file for each key that was ever let in.
const KNOWN_KEYS_FOLDER: &str = "known-keys";

/// A key was not enrolled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrollError {
    /// The key belongs to a program of another kind.
    #[error("the key is enrolled as {0}")]
    OtherService(String),
    /// The key was thrown out after its token was made.
    #[error("the key was revoked")]
    Revoked,
    /// No more are allowed.
    #[error("{PEERS_MAX} peers are enrolled, no more are allowed")]
    TooMany,
    /// The files cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What tells that a file has changed: time and length, and that it is another one.
type Stamp = (i64, i64, u64, u64);

#[derive(Debug, Default)]
struct Known {
    by_key: HashMap<PublicKey, Arc<Peer>>,
    by_uuid: HashMap<Uuid, Arc<Peer>>,
    /// Of every file that was looked at, also of those that are no peers.
    stamps: HashMap<Uuid, Stamp>,
}

impl Known {
    fn put(&mut self, peer: Peer) -> Arc<Peer> {
        let peer = Arc::new(peer);
        // Two files with one key: the later one is its peer.
        if let Some(other) = self.by_key.insert(peer.key, Arc::clone(&peer)) {
            self.by_uuid.remove(&other.uuid);
        }
        self.by_uuid.insert(peer.uuid, Arc::clone(&peer));
        peer
    }

    fn drop_uuid(&mut self, uuid: Uuid) -> Option<Arc<Peer>> {
        let peer = self.by_uuid.remove(&uuid)?;
        self.by_key.remove(&peer.key);
        Some(peer)
    }
}

/// The registry. Asked by any thread, at each connection and each message.
#[derive(Debug)]
pub struct Registry {
    folder: PathBuf,
    keys: KnownKeys,
    known: RwLock<Known>,
    generation: AtomicU64,
    /// One look at the folder at a time. Taken before `known`, never the other way round.
    looking: Mutex<()>,
}

impl Registry {
    /// Opens the folder of peers, which is made private if it is new, and reads it. Peers whose files were removed
    /// since somebody looked last count as thrown out now.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be made or read, or is open to others.
    pub fn open(folder: &Path) -> Result<Self, FileError> {
        files::folder(folder)?;
        let registry = Self {
            folder: folder.to_path_buf(),
            keys: KnownKeys::open(&folder.with_file_name(KNOWN_KEYS_FOLDER))?,
            known: RwLock::default(),
            generation: AtomicU64::new(0),
            looking: Mutex::new(()),
        };
        // Under the lock: what another program enrolls at this moment is either in both folders or in neither.
        let _lock = files::lock(folder)?;
        registry.refresh()?;
        let is_in = |key: &PublicKey| registry.by_key(key).is_some();
        registry.keys.throw_out_missing(is_in, SystemTime::now())?;
        Ok(registry)
    }

    /// The peer whose key it is.
    #[must_use]
    pub fn by_key(&self, key: &PublicKey) -> Option<Arc<Peer>> {
        self.known.read().by_key.get(key).cloned()
    }

    /// The peer of a name.
    #[must_use]
    pub fn by_uuid(&self, uuid: Uuid) -> Option<Arc<Peer>> {
        self.known.read().by_uuid.get(&uuid).cloned()
    }

    /// All peers, those that were enrolled first in front.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Peer>> {
        let mut peers: Vec<_> = self.known.read().by_uuid.values().cloned().collect();
        peers.sort_by_key(|peer| (peer.enrolled_at, peer.uuid));
        peers
    }

    /// A number that is another one after every change of who is enrolled.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn changed(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Reads again the files that are new, changed or gone; whether who is enrolled is another than before. A peer
    /// whose file is gone counts as thrown out: it is remembered, with the time of the look.
    ///
    /// # Errors
    /// [`FileError`] when the folder cannot be read, and then all stays as it was known; or when it cannot be
    /// remembered who was thrown out.
    pub fn refresh(&self) -> Result<bool, FileError> {
        let _looking = self.looking.lock();
        let found = self.stamps()?;
        let (gone, fresh) = {
            let known = self.known.read();
            let gone: Vec<Uuid> = known
                .stamps
                .keys()
                .filter(|uuid| !found.contains_key(uuid))
                .copied()
                .collect();
            let is_fresh = |(uuid, stamp): &(&Uuid, &Stamp)| known.stamps.get(uuid) != Some(stamp);
            let fresh: Vec<Uuid> = found
                .iter()
                .filter(is_fresh)
                .map(|(uuid, _)| *uuid)
                .collect();
            (gone, fresh)
        };
        if gone.is_empty() && fresh.is_empty() {
            return Ok(false);
        }
        let read: Vec<(Uuid, Option<Peer>)> = fresh
            .into_iter()
            .map(|uuid| (uuid, self.read(uuid)))
            .collect();
        let (mut came, mut lost) = (Vec::new(), Vec::new());
        {
            let mut known = self.known.write();
            for uuid in gone {
                lost.extend(known.drop_uuid(uuid));
            }
            for (uuid, peer) in read {
                // Another key under the same name: the former one is in no more.
                lost.extend(known.drop_uuid(uuid));
                came.extend(peer.map(|peer| known.put(peer)));
            }
            known.stamps = found;
        }
        // Before anything that can fail: who is out is out.
        self.changed();
        self.remember(&came, &lost)?;
        Ok(true)
    }

    fn remember(&self, came: &[Arc<Peer>], lost: &[Arc<Peer>]) -> Result<(), FileError> {
        for peer in came {
            self.keys.let_in(peer)?;
        }
        for peer in lost {
            // One whose key came back, under this name or another, is not lost.
            if self.by_key(&peer.key).is_none() {
                self.keys.throw_out(peer, SystemTime::now())?;
            }
        }
        Ok(())
    }

    /// Every file in the folder whose name is a uuid.
    fn stamps(&self) -> Result<HashMap<Uuid, Stamp>, FileError> {
        let mut stamps = HashMap::new();
        for name in files::names(&self.folder, |name| uuid_of(name).is_some())? {
            let Some(uuid) = uuid_of(&name) else { continue };
            // One that goes at this moment is gone.
            if let Ok(found) = std::fs::symlink_metadata(self.folder.join(&name))
                && found.is_file()
            {
                stamps.insert(
                    uuid,
                    (found.mtime(), found.mtime_nsec(), found.len(), found.ino()),
                );
            }
        }
        Ok(stamps)
    }

    fn path(&self, uuid: Uuid) -> PathBuf {
        self.folder.join(uuid.to_string())
    }

    /// The peer of a file; nobody, with a line in the log, when it is damaged.
    fn read(&self, uuid: Uuid) -> Option<Peer> {
        let path = self.path(uuid);
        let text = match files::read(&path) {
            Ok(text) => text?,
            Err(error) => {
                tracing::warn!(%error, "a peer is not let in");
                return None;
            }
        };
        Peer::parse(uuid, &text)
            .inspect_err(|why| tracing::warn!(file = %path.display(), why, "a peer is not let in"))
            .ok()
    }

    /// Enrolls a key by a token that was made at `token_created`. A key that is enrolled keeps its name.
    ///
    /// # Errors
    /// [`EnrollError`].
    pub fn enroll(
        &self,
        service: &str,
        hostname: &str,
        key: PublicKey,
        token_created: SystemTime,
        now: SystemTime,
    ) -> Result<Arc<Peer>, EnrollError> {
        let _lock = files::lock(&self.folder)?;
        self.refresh()?;
        let hostname = clean_hostname(hostname);
        let mut peer = match self.by_key(&key) {
            Some(known) if known.service != service => {
                return Err(EnrollError::OtherService(known.service.clone()));
            }
            Some(known) if known.hostname == hostname => return Ok(known),
            Some(known) => Peer::clone(&known),
            None => {
                self.check_not_revoked(&key, token_created)?;
                if self.known.read().by_uuid.len() >= PEERS_MAX {
                    return Err(EnrollError::TooMany);
                }
                Peer {
                    uuid: Uuid::new_v4(),
                    service: service.to_owned(),
                    hostname: String::new(),
                    key,
                    enrolled_at: seconds(now),
                }
            }
        };
        peer.hostname = hostname;
        let path = self.path(peer.uuid);
        let text = peer
            .text()
            .map_err(|error| FileError::damaged(&path, error.to_string()))?;
        files::write(&path, &text)?;
        self.refresh()?;
        self.by_key(&key)
            .ok_or_else(|| FileError::damaged(&path, "does not stay as it was written").into())
    }

    /// Throws a peer out; `false` when there is none of that name.
    ///
    /// # Errors
    /// [`FileError`]; the peer may then still be in.
    pub fn revoke(&self, uuid: Uuid) -> Result<bool, FileError> {
        let _lock = files::lock(&self.folder)?;
        let is_there = files::remove(&self.path(uuid))?;
        self.refresh()?;
        Ok(is_there)
    }

    /// Whether a key that is not in may come by a token that was made at `token_created`.
    pub(crate) fn check_not_revoked(
        &self,
        key: &PublicKey,
        token_created: SystemTime,
    ) -> Result<(), EnrollError> {
        if self.keys.may_come(key, token_created)? {
            Ok(())
        } else {
            Err(EnrollError::Revoked)
        }
    }
}

/// The uuid that a file's name is, in the one spelling that we write.
fn uuid_of(name: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(name).ok()?;
    (uuid.to_string() == name).then_some(uuid)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}

#[cfg(test)]
mod tests;
