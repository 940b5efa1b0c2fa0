//! The tokens that the daemon will take, one file each.
//!
//! In: a folder, the time. Out: new tokens, and whether one that is shown is good. Of a secret only its SHA-256 is
//! kept. Every change is made under the folder's lock and by a rename, so that two programs may work on one folder and
//! the last use of a token is given away once.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::domain::is_known_service;
use crate::files::{self, FileError};
use crate::hexadecimal;
use crate::keys::PublicKey;
use crate::token::{Token, TokenError, TokenId, TokenSecret, read_token_file};

/// How long a token that is of no more use is remembered, so that its bearer can be told why.
const KEPT_AFTER_ITS_END: Duration = Duration::from_secs(30 * 24 * 3600);

/// The longest time that a token is good: a hundred years.
const TTL_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Tokens that are remembered at one time. A program in the world can make tokens: it cannot fill the disk.
const TOKENS_MAX: usize = 1_000;

/// The version of the files' layout.
const FORMAT: u32 = 1;

/// What a new token is good for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenSpec {
    /// Only programs of this service type; `None` for all.
    pub service: Option<String>,
    /// How many programs it lets in; `None` for any number.
    pub uses: Option<u32>,
    /// How long it is good; `None` until it is revoked.
    pub ttl: Option<Duration>,
}

/// What is known of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its name.
    pub id: TokenId,
    /// Only programs of this service type; `None` for all.
    pub service: Option<String>,
    /// How many more programs it lets in; `None` for any number.
    pub uses_left: Option<u32>,
    /// When it was made.
    pub created: SystemTime,
    /// When it ends.
    pub expires: Option<SystemTime>,
    /// Whether it is the reusable one that `--rotate-enrollment-token` makes.
    pub is_default: bool,
}

impl TokenRecord {
    /// Whether it would let a program in at `now`.
    #[must_use]
    pub fn is_live(&self, now: SystemTime) -> bool {
        self.uses_left != Some(0) && !self.is_expired(now)
    }

    fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// A token is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedeemError {
    /// There is no such token, or its secret is another: which of the two, nobody is told.
    #[error("unknown token")]
    Unknown,
    /// Its time is over.
    #[error("expired token")]
    Expired,
    /// It has let in as many as it may.
    #[error("used-up token")]
    UsedUp,
    /// It is for programs of another kind.
    #[error("token for {0}")]
    WrongService(String),
    /// The files cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// One token's file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    format: u32,
    /// SHA-256 of the secret, in hexadecimal.
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uses_left: Option<u32>,
    /// Milliseconds since 1970.
    created_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    default: bool,
}

impl Row {
    fn record(&self, id: TokenId) -> TokenRecord {
        TokenRecord {
            id,
            service: self.service.clone(),
            uses_left: self.uses_left,
            created: at(self.created_ms),
            expires: self.expires_ms.map(at),
            is_default: self.default,
        }
    }

    fn digest(&self) -> Option<[u8; 32]> {
        hexadecimal::bytes(&self.digest)
    }
}

/// A moment as files have it. One that no clock can show is long past.
fn at(milliseconds: u64) -> SystemTime {
    UNIX_EPOCH
        .checked_add(Duration::from_millis(milliseconds))
        .unwrap_or(UNIX_EPOCH)
}

/// A moment for a file, in milliseconds since 1970.
pub(crate) fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The folder of tokens.
#[derive(Debug, Clone)]
pub struct TokenStore {
    folder: PathBuf,
}

impl TokenStore {
    /// Opens the folder, which is made private if it is new.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be made or is open to others.
    pub fn open(folder: &Path) -> Result<Self, FileError> {
        files::folder(folder)?;
        Ok(Self {
            folder: folder.to_path_buf(),
        })
    }

    fn path(&self, id: TokenId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    fn read(&self, id: TokenId) -> Result<Option<Row>, FileError> {
        let path = self.path(id);
        let Some(text) = files::read(&path)? else {
            return Ok(None);
        };
        let row: Row = toml::from_str(&text).map_err(|error| {
            FileError::damaged(&path, format!("not a token: {}", error.message()))
        })?;
        if row.format != FORMAT || row.digest().is_none() {
            return Err(FileError::damaged(&path, "not a token of this release"));
        }
        Ok(Some(row))
    }

    fn write(&self, id: TokenId, row: &Row) -> Result<(), FileError> {
        let path = self.path(id);
        let text =
            toml::to_string(row).map_err(|error| FileError::damaged(&path, error.to_string()))?;
        files::write(&path, &text)
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`TokenError::UnknownService`], [`TokenError::NoUse`] for one that would let nobody in;
    /// [`TokenError::TooMany`], [`TokenError::File`], [`TokenError::Random`].
    pub fn create(
        &self,
        spec: &TokenSpec,
        daemon_key: PublicKey,
        now: SystemTime,
    ) -> Result<Token, TokenError> {
        if let Some(service) = spec.service.as_ref().filter(|name| !is_known_service(name)) {
            return Err(TokenError::UnknownService(service.clone()));
        }
        if spec.uses == Some(0) || spec.ttl == Some(Duration::ZERO) {
            return Err(TokenError::NoUse);
        }
        let _lock = files::lock(&self.folder)?;
        self.forget_old(now)?;
        if self.list()?.len() >= TOKENS_MAX {
            return Err(TokenError::TooMany(TOKENS_MAX));
        }
        self.add(spec, daemon_key, now, false)
    }

    fn add(
        &self,
        spec: &TokenSpec,
        daemon_key: PublicKey,
        now: SystemTime,
        default: bool,
    ) -> Result<Token, TokenError> {
        let token = Token::generate(daemon_key)?;
        let digest = token.secret().digest();
        let row = Row {
            format: FORMAT,
            digest: hexadecimal::text(&digest),
            service: spec.service.clone(),
            uses_left: spec.uses,
            created_ms: milliseconds(now),
            expires_ms: spec.ttl.map(|ttl| milliseconds(now + ttl.min(TTL_MAX))),
            default,
        };
        self.write(token.id(), &row)?;
        Ok(token)
    }

    /// All tokens that are remembered, the oldest first. A file that is none is named in the log and passed over.
    ///
    /// # Errors
    /// [`FileError`] when the folder cannot be read.
    pub fn list(&self) -> Result<Vec<TokenRecord>, FileError> {
        let mut records = Vec::new();
        for name in files::names(&self.folder, |name| name.parse::<TokenId>().is_ok())? {
            let Ok(id) = name.parse() else { continue };
            match self.read(id) {
                Ok(row) => records.extend(row.map(|row| row.record(id))),
                Err(error) => tracing::warn!(%error, "a token is passed over"),
            }
        }
        records.sort_by_key(|record| (record.created, record.id));
        Ok(records)
    }

    /// Ends a token; `false` when there is none of that name.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be removed.
    pub fn revoke(&self, id: TokenId) -> Result<bool, FileError> {
        let _lock = files::lock(&self.folder)?;
        files::remove(&self.path(id))
    }

    /// Whether a token would be taken, without using it; what is known of it if its secret is right.
    ///
    /// # Errors
    /// [`RedeemError`].
    pub fn examine(
        &self,
        id: TokenId,
        secret: &TokenSecret,
        service: &str,
        now: SystemTime,
    ) -> Result<TokenRecord, RedeemError> {
        let record = self.verify(id, secret)?;
        judge(&record, service, now)?;
        Ok(record)
    }

    /// What is known of a token whose secret is right, whether or not it is still good.
    pub(crate) fn verify(
        &self,
        id: TokenId,
        secret: &TokenSecret,
    ) -> Result<TokenRecord, RedeemError> {
        let row = self.read(id)?.ok_or(RedeemError::Unknown)?;
        match row.digest() {
            Some(digest) if secret.matches(&digest) => Ok(row.record(id)),
            _ => Err(RedeemError::Unknown),
        }
    }

    /// Uses a token once.
    ///
    /// # Errors
    /// [`RedeemError`]; then nothing was used.
    pub fn redeem(
        &self,
        id: TokenId,
        secret: &TokenSecret,
        service: &str,
        now: SystemTime,
    ) -> Result<TokenRecord, RedeemError> {
        let _lock = files::lock(&self.folder)?;
        let mut record = self.examine(id, secret, service, now)?;
        if let Some(uses) = record.uses_left {
            let mut row = self.read(id)?.ok_or(RedeemError::Unknown)?;
            row.uses_left = Some(uses.saturating_sub(1));
            record.uses_left = row.uses_left;
            self.write(id, &row)?;
        }
        Ok(record)
    }

    /// Makes a new default token, which any program may use any number of times, writes it to the file `path`, and
    /// ends the former one.
    ///
    /// # Errors
    /// [`TokenError::File`], [`TokenError::Random`]; the former one may then still be good, and stands in the file.
    pub fn rotate_default(
        &self,
        path: &Path,
        daemon_key: PublicKey,
        now: SystemTime,
    ) -> Result<Token, TokenError> {
        if let Some(folder) = path.parent() {
            files::folder(folder)?;
        }
        let _lock = files::lock(&self.folder)?;
        self.forget_old(now)?;
        let former = self.list()?.into_iter().filter(|record| record.is_default);
        let former: Vec<TokenId> = former.map(|record| record.id).collect();
        let token = self.add(&TokenSpec::default(), daemon_key, now, true)?;
        let mut line = token.expose();
        line.push('\n');
        files::write(path, &line)?;
        for id in former {
            files::remove(&self.path(id))?;
        }
        Ok(token)
    }

    /// Makes a default token unless the one of the file `path` is good and names this daemon's key; whether it did.
    ///
    /// # Errors
    /// As [`rotate_default`](Self::rotate_default).
    pub fn ensure_default(
        &self,
        path: &Path,
        daemon_key: PublicKey,
        now: SystemTime,
    ) -> Result<bool, TokenError> {
        if let Ok(Some(token)) = read_token_file(path)
            && token.daemon_key() == daemon_key
            && self.verify(token.id(), token.secret()).is_ok()
        {
            return Ok(false);
        }
        self.rotate_default(path, daemon_key, now)?;
        Ok(true)
    }

    /// Removes what ended long ago.
    fn forget_old(&self, now: SystemTime) -> Result<(), FileError> {
        for record in self.list()? {
            let ended = match record.uses_left {
                Some(0) => Some(record.created),
                _ => record.expires,
            };
            let age = ended.and_then(|ended| now.duration_since(ended).ok());
            if !record.is_live(now) && age.is_some_and(|age| age > KEPT_AFTER_ITS_END) {
                files::remove(&self.path(record.id))?;
            }
        }
        Ok(())
    }
}

/// Whether a token whose secret is right lets a program of this service type in.
fn judge(record: &TokenRecord, service: &str, now: SystemTime) -> Result<(), RedeemError> {
    if record.is_expired(now) {
        return Err(RedeemError::Expired);
    }
    match &record.service {
        Some(wanted) if wanted != service => return Err(RedeemError::WrongService(wanted.clone())),
        _ if !is_known_service(service) => {
            return Err(RedeemError::WrongService("hosts and workers".into()));
        }
        _ => {}
    }
    match record.uses_left {
        Some(0) => Err(RedeemError::UsedUp),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
