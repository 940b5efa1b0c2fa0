//! What the daemon answers to a host's request.
//!
//! In: what the daemon decided. Out: one [`Reply`] with the request's id. Output and everything else
//! that must not be lost travels as numbered events instead; a lost reply is mended by asking again.

use wincode::{SchemaRead, SchemaWrite};

use crate::{EventNumber, LineNumber, RequestId, SessionId};

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Reply {
    /// The id of the request that this answers.
    pub id: RequestId,
    /// The answer, or why there is none.
    pub result: Result<ReplyBody, RpcError>,
}

/// An answer. Tags are one byte, as numbered here.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum ReplyBody {
    /// To [`RequestBody::Attach`](crate::RequestBody::Attach): the state of each session of that part, in its order.
    #[wincode(tag = 0)]
    Attached(Vec<AttachedSession>),
    /// To [`RequestBody::OpenSession`](crate::RequestBody::OpenSession): the session exists and its lines are welcome.
    #[wincode(tag = 1)]
    Opened(SessionId),
}

/// What the daemon knows of a session that a host named.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct AttachedSession {
    /// The session.
    pub session: SessionId,
    /// Whether it lives, and how far it is.
    pub state: SessionState,
}

/// A session's state in the daemon. Tags are one byte, as numbered here.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum SessionState {
    /// It lives on.
    #[wincode(tag = 0)]
    Alive {
        /// Every line up to this one was taken, and its effects are durable.
        lines_done: LineNumber,
        /// Lines beyond it that were taken out of turn (out-of-band lines while input is held).
        lines_done_early: Vec<LineNumber>,
        /// The last event that was made for it; those after the host's last one are being replayed.
        last_event: EventNumber,
    },
    /// The daemon does not know it, or has ended it: the host says so and closes the socket. A host
    /// whose [`OpenSession`](crate::OpenSession) was never answered opens it again instead.
    #[wincode(tag = 1)]
    Gone,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite, thiserror::Error)]
#[non_exhaustive]
pub enum RpcError {
    /// The session is not known, or belongs to another host.
    #[error("unknown session {0}")]
    #[wincode(tag = 0)]
    UnknownSession(SessionId),
    /// The host has not attached since it connected.
    #[error("attach first")]
    #[wincode(tag = 1)]
    NotAttached,
    /// The daemon is at a limit, named with its value.
    #[error("at the limit of {limit} {what}")]
    #[wincode(tag = 2)]
    LimitReached {
        /// What is limited, in the plural, such as `sessions`.
        what: String,
        /// How many there may be.
        limit: u64,
    },
    /// The daemon is stopping and takes no new sessions.
    #[error("the server is stopping")]
    #[wincode(tag = 3)]
    Stopping,
    /// A line's number leaves a gap: the host must send from `expected` on.
    #[error("line {got} of session {session} came before line {expected}", got = got.0, expected = expected.0)]
    #[wincode(tag = 4)]
    LineOutOfOrder {
        /// The session.
        session: SessionId,
        /// The number that the next line must have.
        expected: LineNumber,
        /// The number that it had.
        got: LineNumber,
    },
    /// The request was not understood or broke a rule of the protocol.
    #[error("malformed request: {why}")]
    #[wincode(tag = 5)]
    Malformed {
        /// What was wrong with it.
        why: String,
    },
    /// The daemon could not store what the request needs; the same request may succeed later.
    #[error("the world cannot be written at the moment")]
    #[wincode(tag = 6)]
    ReadOnly,
}
