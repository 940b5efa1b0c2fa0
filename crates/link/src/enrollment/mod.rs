//! How a program on another machine becomes known: with a token it asks, over an encrypted connection to the
//! very daemon whose key the token names, that the key of that connection be enrolled.
//!
//! In: a token, a key pair, an address; on the daemon's side a [`Clerk`], who decides. Out: the UUID of the
//! enrollment, or why not. The secret of a token leaves only when the other side has proved the pinned key;
//! the key that is enrolled is the one that CURVE proved. Keeps no file.

mod client;
mod server;
mod wire;

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use moor_keyring::{Attempt, Desk, EnrollRefusal, Peer, PublicKey};
use uuid::Uuid;

use crate::names::NameError;
pub use client::{enroll, probe};
pub use server::{Server, ServerConfig, ServerCounts};

/// Decides who is enrolled. Called on the enrollment server's own thread, so it may read and write files; one
/// question at a time.
pub trait Clerk: Send + 'static {
    /// Enrolls.
    ///
    /// # Errors
    /// Why not.
    fn judge(&mut self, attempt: &Attempt<'_>) -> Result<Arc<Peer>, EnrollRefusal>;

    /// Says what [`Clerk::judge`] would, and uses nothing up.
    ///
    /// # Errors
    /// Why not.
    fn examine(&mut self, attempt: &Attempt<'_>) -> Result<(), EnrollRefusal>;
}

impl Clerk for Arc<Desk> {
    fn judge(&mut self, attempt: &Attempt<'_>) -> Result<Arc<Peer>, EnrollRefusal> {
        Desk::judge(self, attempt, SystemTime::now())
    }

    fn examine(&mut self, attempt: &Attempt<'_>) -> Result<(), EnrollRefusal> {
        Desk::examine(self, attempt, SystemTime::now())
    }
}

/// A program was enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolled {
    /// The name of its enrollment; the same key keeps it.
    pub uuid: Uuid,
    /// The daemon's key, to be pinned from now on: the one in the token.
    pub daemon_key: PublicKey,
}

/// What a look at an enrollment endpoint tells: the address is right, and the daemon there has the pinned key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Version of the payloads that the daemon speaks.
    pub protocol: u32,
    /// The daemon's build.
    pub build: String,
    /// The daemon's clock, in the middle of the question.
    pub clock: SystemTime,
    /// From the question to the answer, the handshake included.
    pub round_trip: Duration,
    /// Whether the token would be taken now; `None` if none was shown.
    pub token: Option<Result<(), EnrollRefusal>>,
}

/// Why a program is not enrolled, or an endpoint could not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrollError {
    /// The daemon says no.
    #[error(transparent)]
    Refused(EnrollRefusal),
    /// The daemon says no for a reason that this release does not know.
    #[error(
        "the daemon refused the enrollment (reason {code}); install the same release on both sides"
    )]
    RefusedOtherwise {
        /// Its number.
        code: u8,
    },
    /// Nobody listens there.
    #[error(
        "nobody answers at {0}; check the address and that the daemon runs with --enrollment-listen"
    )]
    Unreachable(String),
    /// Whoever listens there does not have the secret of the pinned key.
    #[error(
        "{0}: the daemon's key is not the one in the token; copy a new token from the daemon's machine"
    )]
    WrongServerKey(String),
    /// Whoever listens there is no enrollment endpoint.
    #[error("{0}: what answers there is no enrollment endpoint; check the port")]
    NotEnrollment(String),
    /// Connected, and nothing came back within the time.
    #[error("{0}: no answer in time")]
    Timeout(String),
    /// The name of the address stands for nothing.
    #[error("{address}: {error}")]
    Unresolved {
        /// The address.
        address: String,
        /// Why.
        error: NameError,
    },
    /// An address that enrollment has no use for.
    #[error("{0}: programs on the same machine need no enrollment; write tcp://host:7900")]
    NotNetwork(String),
    /// No socket, or the like.
    #[error("cannot ask for the enrollment: {0}")]
    Io(#[from] io::Error),
}

impl EnrollError {
    /// Whether it may be different after a while, without anybody doing anything here.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused(refusal) => matches!(
                refusal,
                EnrollRefusal::TooManyAttempts { .. }
                    | EnrollRefusal::TooManyPeers
                    | EnrollRefusal::Broken
            ),
            Self::Unreachable(_) | Self::Timeout(_) | Self::Unresolved { .. } => true,
            Self::RefusedOtherwise { .. }
            | Self::WrongServerKey(_)
            | Self::NotEnrollment(_)
            | Self::NotNetwork(_)
            | Self::Io(_) => false,
        }
    }
}

/// Reads any bytes as the questions and answers of enrollment.
#[cfg(fuzzing)]
pub(crate) fn decode_everything(bytes: &[u8]) {
    let _ = wire::Question::decode(bytes);
    if let Ok(answer) = wire::Answer::decode(bytes) {
        assert!(wire::Answer::decode(&answer.encode()).is_ok());
    }
}
