//! The desk: from an attempt to enroll to a peer, or to a refusal that its bearer understands.
//!
//! In: what a program said over an encrypted connection, and the key that the connection proved. Out: an entry of the
//! registry, or why not; in the log an audit line (target `moor_audit`) for each, without a secret.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::domain::is_known_service;
use crate::files::FileError;
use crate::keys::PublicKey;
use crate::limiter::Limiter;
use crate::peer::{Peer, clean_hostname};
use crate::registry::{EnrollError, Registry};
use crate::token::{TokenId, TokenSecret};
use crate::tokens::{RedeemError, TokenRecord, TokenStore};

/// An attempt to enroll.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The key that the connection proved.
    pub key: PublicKey,
    /// Where it comes from: an address without a port.
    pub address: &'a str,
    /// The token's name.
    pub token_id: TokenId,
    /// The token's secret.
    pub secret: &'a TokenSecret,
    /// What the program says it is.
    pub service: &'a str,
    /// What it says its machine is called.
    pub hostname: &'a str,
}

/// Why a program is not enrolled. The text is for the operator of that program's machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnrollRefusal {
    /// No such token, or another secret.
    #[error(
        "the daemon does not know the enrollment token; copy the present one from the daemon's machine"
    )]
    UnknownToken,
    /// Its time is over.
    #[error("the enrollment token has expired; make a new one with moor token create")]
    Expired,
    /// It has let in as many as it may.
    #[error("the enrollment token is used up; make a new one with moor token create")]
    UsedUp,
    /// It is for another kind of program.
    #[error(
        "the enrollment token is for {token_is_for}; make one for this program with moor token create --type"
    )]
    WrongService {
        /// For whom it is.
        token_is_for: String,
    },
    /// There are no programs of this kind.
    #[error("the daemon knows no programs of this kind; install the same release on both sides")]
    UnknownService,
    /// The key is that of another program.
    #[error(
        "this program's key is enrolled as {enrolled_as}; give each program a --data-dir of its own"
    )]
    OtherService {
        /// What the key is enrolled as.
        enrolled_as: String,
    },
    /// The key was thrown out.
    #[error(
        "this program's key was revoked; to let it in again, make a new token with moor token create"
    )]
    Revoked,
    /// The address has failed too often.
    #[error("too many failed attempts from this address; wait {retry_after_s} s")]
    TooManyAttempts {
        /// How long to wait, in seconds.
        retry_after_s: u64,
    },
    /// No more peers are allowed.
    #[error("the daemon has as many enrolled peers as it may; remove some with moor peers revoke")]
    TooManyPeers,
    /// The daemon cannot read or write its files.
    #[error("the daemon cannot use its files of tokens and peers; its log says why")]
    Broken,
}

impl EnrollRefusal {
    /// One word for a log, a metric, a message.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::UnknownToken => "unknown-token",
            Self::Expired => "expired",
            Self::UsedUp => "used-up",
            Self::WrongService { .. } => "wrong-service",
            Self::UnknownService => "unknown-service",
            Self::OtherService { .. } => "other-service",
            Self::Revoked => "revoked",
            Self::TooManyAttempts { .. } => "too-many-attempts",
            Self::TooManyPeers => "too-many-peers",
            Self::Broken => "broken",
        }
    }

    /// Its number in a message.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::UnknownToken => 1,
            Self::Expired => 2,
            Self::UsedUp => 3,
            Self::WrongService { .. } => 4,
            Self::UnknownService => 5,
            Self::OtherService { .. } => 6,
            Self::Revoked => 7,
            Self::TooManyAttempts { .. } => 8,
            Self::TooManyPeers => 9,
            Self::Broken => 10,
        }
    }

    /// What is said beside the number: a service type, seconds, or nothing.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::WrongService {
                token_is_for: service,
            }
            | Self::OtherService {
                enrolled_as: service,
            } => service.clone(),
            Self::TooManyAttempts { retry_after_s } => retry_after_s.to_string(),
            _ => String::new(),
        }
    }

    /// The refusal of a number and its detail; `None` for a number of a later release.
    #[must_use]
    pub fn from_code(code: u8, detail: &str) -> Option<Self> {
        let service = || clean_hostname(detail);
        Some(match code {
            1 => Self::UnknownToken,
            2 => Self::Expired,
            3 => Self::UsedUp,
            4 => Self::WrongService {
                token_is_for: service(),
            },
            5 => Self::UnknownService,
            6 => Self::OtherService {
                enrolled_as: service(),
            },
            7 => Self::Revoked,
            8 => Self::TooManyAttempts {
                retry_after_s: detail.parse().unwrap_or(60),
            },
            9 => Self::TooManyPeers,
            10 => Self::Broken,
            _ => return None,
        })
    }

    /// Whether the address that caused it is slowed down: not where the daemon or the load is at fault.
    const fn is_failure(&self) -> bool {
        !matches!(
            self,
            Self::TooManyAttempts { .. } | Self::TooManyPeers | Self::Broken
        )
    }
}

impl From<RedeemError> for EnrollRefusal {
    fn from(error: RedeemError) -> Self {
        match error {
            RedeemError::Unknown => Self::UnknownToken,
            RedeemError::Expired => Self::Expired,
            RedeemError::UsedUp => Self::UsedUp,
            RedeemError::WrongService(token_is_for) => Self::WrongService { token_is_for },
            RedeemError::File(error) => broken(&error),
        }
    }
}

impl From<EnrollError> for EnrollRefusal {
    fn from(error: EnrollError) -> Self {
        match error {
            EnrollError::OtherService(enrolled_as) => Self::OtherService { enrolled_as },
            EnrollError::Revoked => Self::Revoked,
            EnrollError::TooMany => Self::TooManyPeers,
            EnrollError::File(error) => broken(&error),
        }
    }
}

fn broken(error: &FileError) -> EnrollRefusal {
    tracing::error!(%error, "nobody can be enrolled");
    EnrollRefusal::Broken
}

/// Tokens, peers, and who fails too often.
#[derive(Debug)]
pub struct Desk {
    tokens: TokenStore,
    registry: Arc<Registry>,
    limiter: Mutex<Limiter>,
}

impl Desk {
    /// A desk over a folder of tokens and a registry.
    #[must_use]
    pub fn new(tokens: TokenStore, registry: Arc<Registry>) -> Self {
        Self {
            tokens,
            registry,
            limiter: Mutex::default(),
        }
    }

    /// A desk over the folders `tokens` and `allowed-hosts` in a data folder.
    ///
    /// # Errors
    /// [`FileError`] when one cannot be made or read, or is open to others.
    pub fn open(data: &Path) -> Result<Self, FileError> {
        let tokens = TokenStore::open(&data.join("tokens"))?;
        let registry = Registry::open(&data.join("allowed-hosts"))?;
        Ok(Self::new(tokens, Arc::new(registry)))
    }

    /// The tokens.
    #[must_use]
    pub fn tokens(&self) -> &TokenStore {
        &self.tokens
    }

    /// The peers.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Enrolls, or says why not.
    ///
    /// # Errors
    /// [`EnrollRefusal`].
    pub fn judge(
        &self,
        attempt: &Attempt<'_>,
        now: SystemTime,
    ) -> Result<Arc<Peer>, EnrollRefusal> {
        let result = self.slow_down(attempt, now, || self.enroll(attempt, now));
        audit("enroll", attempt, result.as_ref().map(|peer| Some(&**peer)));
        result
    }

    /// Says what [`judge`](Self::judge) would, and uses nothing.
    ///
    /// # Errors
    /// [`EnrollRefusal`].
    pub fn examine(&self, attempt: &Attempt<'_>, now: SystemTime) -> Result<(), EnrollRefusal> {
        let result = self.slow_down(attempt, now, || {
            let record = self.tokens.verify(attempt.token_id, attempt.secret)?;
            if !self.is_enrolled(attempt, &record, now) {
                self.tokens
                    .examine(attempt.token_id, attempt.secret, attempt.service, now)?;
            }
            Ok(())
        });
        audit("examine", attempt, result.as_ref().map(|()| None));
        result
    }

    fn slow_down<T>(
        &self,
        attempt: &Attempt<'_>,
        now: SystemTime,
        work: impl FnOnce() -> Result<T, EnrollRefusal>,
    ) -> Result<T, EnrollRefusal> {
        if let Some(wait) = self.limiter.lock().wait(attempt.address, now) {
            // Rounded up: who waits as long as this is let through.
            let retry_after_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            return Err(EnrollRefusal::TooManyAttempts { retry_after_s });
        }
        work().inspect_err(|refusal| {
            if refusal.is_failure() {
                self.limiter.lock().failed(attempt.address, now);
            }
        })
    }

    fn enroll(&self, attempt: &Attempt<'_>, now: SystemTime) -> Result<Arc<Peer>, EnrollRefusal> {
        if !is_known_service(attempt.service) {
            return Err(EnrollRefusal::UnknownService);
        }
        let mut record = self.tokens.verify(attempt.token_id, attempt.secret)?;
        if !self.is_enrolled(attempt, &record, now) {
            self.refuse_before_use(attempt, &record)?;
            record = self
                .tokens
                .redeem(attempt.token_id, attempt.secret, attempt.service, now)?;
        }
        let Attempt {
            service,
            hostname,
            key,
            ..
        } = *attempt;
        Ok(self
            .registry
            .enroll(service, hostname, key, record.created, now)?)
    }

    /// Whether the key is in already, and the token, though it may be used up, is one that could have let it in: the
    /// answer to a former attempt was lost.
    fn is_enrolled(&self, attempt: &Attempt<'_>, record: &TokenRecord, now: SystemTime) -> bool {
        let peer = self.registry.by_key(&attempt.key);
        peer.is_some_and(|peer| peer.service == attempt.service)
            && record
                .service
                .as_deref()
                .is_none_or(|service| service == attempt.service)
            && record.expires.is_none_or(|expires| now < expires)
    }

    /// What the registry would refuse must not use up a token.
    fn refuse_before_use(
        &self,
        attempt: &Attempt<'_>,
        record: &TokenRecord,
    ) -> Result<(), EnrollRefusal> {
        match self.registry.by_key(&attempt.key) {
            Some(peer) if peer.service != attempt.service => {
                Err(EnrollError::OtherService(peer.service.clone()).into())
            }
            Some(_) => Ok(()),
            None => Ok(self
                .registry
                .check_not_revoked(&attempt.key, record.created)?),
        }
    }
}

fn audit(what: &str, attempt: &Attempt<'_>, result: Result<Option<&Peer>, &EnrollRefusal>) {
    let Attempt {
        key,
        address,
        token_id,
        ..
    } = attempt;
    let (service, hostname) = (
        clean_hostname(attempt.service),
        clean_hostname(attempt.hostname),
    );
    let only_a_look = match what {
        "examine" => ", if it were tried",
        _ => "",
    };
    match result {
        Ok(peer) => {
            let uuid = peer.map(|peer| tracing::field::display(peer.uuid));
            tracing::info!(target: "moor_audit", what, address, service, hostname, %key, token = %token_id, uuid, "enrollment allowed{only_a_look}");
        }
        Err(refusal) => {
            let why = refusal.word();
            tracing::warn!(target: "moor_audit", what, address, service, hostname, %key, token = %token_id, why, "enrollment refused{only_a_look}");
        }
    }
}

#[cfg(test)]
mod tests;
