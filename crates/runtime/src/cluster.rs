//! Words for the programs around the daemon: workers and what they are asked, nodes, tokens, peers.
//!
//! In: what the daemon knows of its links and keys; what programs ask. Out: types that [`crate::Outlet`] and
//! [`Operator`] speak in. How a message travels and where a key is kept is not known here.

use std::time::Duration;

use moor_value::{List, Value};

/// One request to a worker. Numbers start at random, so that none is used again after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerRequestId(pub u64);

/// A request to whichever worker of a kind has the least to do.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerCall {
    /// Its name.
    pub id: WorkerRequestId,
    /// The kind of worker, such as `curl`.
    pub kind: String,
    /// What the program passes: values that can leave the daemon, nested at most [`WORKER_DEPTH_MAX`] deep
    /// (the list counted) and of at most [`WORKER_BYTES_MAX`] bytes.
    pub args: List,
    /// How long from now somebody waits for the answer. Afterwards the task has been told.
    pub timeout: Duration,
    /// Whether it may go to a second worker when the first is lost after it began.
    pub idempotent: bool,
}

/// How deep arguments and answers may nest.
pub const WORKER_DEPTH_MAX: usize = 100;

/// How many bytes arguments or an answer may have, as `value_bytes()` counts.
pub const WORKER_BYTES_MAX: usize = 4 << 20;

/// How long a call for a kind of worker of which none is there should be kept before it is answered with
/// `E_INVIND`: a worker may be on its way back.
pub const WORKER_GRACE: Duration = Duration::from_secs(5);

/// A live worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerInfo {
    /// Its kind, such as `curl`.
    pub kind: String,
    /// Its node.
    pub node: String,
    /// When it joined: time since 1970.
    pub since: Duration,
    /// Calls that it has and has not answered.
    pub in_flight: u32,
    /// Calls that it works on at the same time; 0 when it takes no more.
    pub concurrency_max: u32,
}

/// A program that is, or was, linked with the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its id: a UUID as text.
    pub node: String,
    /// What it is, such as `telnet-host` or `curl-worker`.
    pub service: String,
    /// The name of its machine, where that is known.
    pub hostname: Option<String>,
    /// When it joined: time since 1970.
    pub since: Duration,
}

impl NodeInfo {
    /// The map that programs see.
    pub(crate) fn to_value(&self) -> Value {
        let hostname = self.hostname.as_deref().unwrap_or_default();
        crate::builtins::named_map([
            ("node", Value::from(self.node.as_str())),
            ("service", Value::from(self.service.as_str())),
            ("hostname", Value::from(hostname)),
            ("since", seconds(self.since)),
        ])
    }
}

/// Why a node is no longer linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeGone {
    /// It has not been heard of for too long.
    HeartbeatTimeout,
    /// It said goodbye.
    GracefulShutdown,
    /// Its connection was lost.
    Disconnected,
    /// Its key was taken back.
    Revoked,
    /// It is there again by another connection.
    Replaced,
}

impl NodeGone {
    /// The word that `#0:node_down` gets.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HeartbeatTimeout => "heartbeat_timeout",
            Self::GracefulShutdown => "graceful_shutdown",
            Self::Disconnected => "disconnected",
            Self::Revoked => "revoked",
            Self::Replaced => "replaced",
        }
    }
}

/// What a new enrollment token is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenSpec {
    /// The only service that may use it; any when `None`.
    pub service: Option<String>,
    /// How often it may be used; without bound when `None`.
    pub uses: Option<u32>,
    /// How long it is valid; for ever when `None`.
    pub ttl: Option<Duration>,
}

/// An enrollment token as listings show it: without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Its id.
    pub id: String,
    /// The only service that may use it; any when `None`.
    pub service: Option<String>,
    /// How often it may still be used; without bound when `None`.
    pub uses_left: Option<u32>,
    /// When it was made: time since 1970.
    pub created_at: Duration,
    /// When it ends: time since 1970; never when `None`.
    pub expires_at: Option<Duration>,
}

/// An enrolled program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Its id: a UUID as text.
    pub uuid: String,
    /// What it may be, such as `curl-worker`.
    pub service: String,
    /// The name of its machine, as it told.
    pub hostname: String,
    /// Its public key, Z85.
    pub key: String,
    /// When it was enrolled: time since 1970.
    pub enrolled_at: Duration,
}

/// Why the operator's part refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// No token or peer of that name.
    #[error("there is no {what} {name}")]
    Unknown {
        /// `enrollment token` or `enrolled host`.
        what: &'static str,
        /// What was asked for.
        name: String,
    },
    /// What was asked for makes no sense.
    #[error("{0}")]
    Refused(String),
    /// Files could not be read or written.
    #[error("{0}")]
    Failed(String),
}

/// Tokens and peers: what the operator's command line and wizards can do. Calls are short, and come while a
/// task holds the world's commit turn.
pub trait Operator: Send + Sync {
    /// Replaces the reusable default token and answers its line; the former one ends at once.
    ///
    /// # Errors
    /// [`OperatorError::Failed`].
    fn rotate_token(&self) -> Result<String, OperatorError>;
    /// Makes a token and answers its line, which nobody can show again.
    ///
    /// # Errors
    /// [`OperatorError`]; `Refused` for a service that does not exist.
    fn create_token(&self, spec: TokenSpec) -> Result<String, OperatorError>;
    /// Every token that may still be used.
    ///
    /// # Errors
    /// [`OperatorError::Failed`].
    fn tokens(&self) -> Result<Vec<TokenInfo>, OperatorError>;
    /// Ends a token.
    ///
    /// # Errors
    /// [`OperatorError`].
    fn revoke_token(&self, id: &str) -> Result<(), OperatorError>;
    /// Every enrolled program.
    ///
    /// # Errors
    /// [`OperatorError::Failed`].
    fn peers(&self) -> Result<Vec<PeerInfo>, OperatorError>;
    /// Takes a program's key back: it is thrown out at once.
    ///
    /// # Errors
    /// [`OperatorError`].
    fn revoke_peer(&self, uuid: &str) -> Result<(), OperatorError>;
}

/// A time since 1970 as programs see it.
pub(crate) fn seconds(time: Duration) -> Value {
    Value::Int(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}
