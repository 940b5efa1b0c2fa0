//! Every key that was ever let in, and whether it was thrown out since.
//!
//! In: peers that are in, peers that are in no more. Out: whether a key may come by a token of some age. Without it a
//! reusable token would let in again, at once, whoever has just been thrown out; and a peer whose file was removed
//! while no daemon ran would not be missed.
//!
//! One file for each key, named by the key's 64 hexadecimal digits (Z85 has characters that no file name should).

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::files::{self, FileError};
use crate::hexadecimal;
use crate::keys::PublicKey;
use crate::peer::Peer;
use crate::tokens::milliseconds;

/// The version of the files' layout.
const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    format: u32,
    /// What it is or was enrolled as.
    uuid: String,
    service: String,
    /// When it was found to be in no more, in milliseconds since 1970; absent while it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at_ms: Option<u64>,
}

/// The folder of known keys.
#[derive(Debug)]
pub(crate) struct KnownKeys {
    folder: PathBuf,
}

impl KnownKeys {
    /// Opens the folder, which is made private if it is new.
    pub(crate) fn open(folder: &Path) -> Result<Self, FileError> {
        files::folder(folder)?;
        Ok(Self {
            folder: folder.to_path_buf(),
        })
    }

    fn path(&self, key: &PublicKey) -> PathBuf {
        self.folder.join(hexadecimal::text(key.as_bytes()))
    }

    /// `None` for a key that was never in. What is damaged counts as thrown out at the end of time.
    fn row(&self, key: &PublicKey) -> Result<Option<Row>, FileError> {
        let path = self.path(key);
        let Some(text) = files::read(&path)? else {
            return Ok(None);
        };
        let row = toml::from_str(&text)
            .ok()
            .filter(|row: &Row| row.format == FORMAT);
        if row.is_none() {
            tracing::warn!(file = %path.display(), "not a known key: the key is not enrolled again");
        }
        Ok(Some(row.unwrap_or(Row {
            format: FORMAT,
            uuid: String::new(),
            service: String::new(),
            revoked_at_ms: Some(u64::MAX),
        })))
    }

    fn write(&self, key: &PublicKey, row: &Row) -> Result<(), FileError> {
        let path = self.path(key);
        let text =
            toml::to_string(row).map_err(|error| FileError::damaged(&path, error.to_string()))?;
        files::write(&path, &text)
    }

    /// Remembers that a peer is in; what was held against its key is forgotten.
    pub(crate) fn let_in(&self, peer: &Peer) -> Result<(), FileError> {
        let row = Row {
            format: FORMAT,
            uuid: peer.uuid.to_string(),
            service: peer.service.clone(),
            revoked_at_ms: None,
        };
        if self.row(&peer.key)?.as_ref() == Some(&row) {
            return Ok(());
        }
        self.write(&peer.key, &row)
    }

    /// Remembers that a peer is in no more since `now`, unless somebody else has remembered it before.
    pub(crate) fn throw_out(&self, peer: &Peer, now: SystemTime) -> Result<(), FileError> {
        let row = self.row(&peer.key)?;
        if row.is_some_and(|row| row.revoked_at_ms.is_some()) {
            return Ok(());
        }
        self.write(
            &peer.key,
            &Row {
                format: FORMAT,
                uuid: peer.uuid.to_string(),
                service: peer.service.clone(),
                revoked_at_ms: Some(milliseconds(now)),
            },
        )
    }

    /// Remembers that the keys which are known as being in, and which `is_in` does not find, are in no more.
    pub(crate) fn throw_out_missing(
        &self,
        is_in: impl Fn(&PublicKey) -> bool,
        now: SystemTime,
    ) -> Result<(), FileError> {
        let key_of = |name: &str| hexadecimal::bytes(name).map(PublicKey::from_bytes);
        for name in files::names(&self.folder, |name| key_of(name).is_some())? {
            let Some(key) = key_of(&name).filter(|key| !is_in(key)) else {
                continue;
            };
            if let Some(mut row) = self.row(&key)?
                && row.revoked_at_ms.is_none()
            {
                row.revoked_at_ms = Some(milliseconds(now));
                self.write(&key, &row)?;
            }
        }
        Ok(())
    }

    /// Whether a key that is not in may come by a token that was made at `token_created`: one that was thrown out needs
    /// a token that is newer than that.
    pub(crate) fn may_come(
        &self,
        key: &PublicKey,
        token_created: SystemTime,
    ) -> Result<bool, FileError> {
        let row = self.row(key)?;
        let revoked_at = row.map(|row| row.revoked_at_ms.unwrap_or(u64::MAX));
        Ok(revoked_at.is_none_or(|at| milliseconds(token_created) > at))
    }
}
