//! What the daemon answers to a host's request.
//!
//! In: what the daemon decided. Out: one [`Reply`] with the request's id. Output and everything else
//! that must not be lost travels as numbered events instead; a lost reply is mended by asking again.

use wincode::adapter::FromInto;
use wincode::{SchemaRead, SchemaWrite};

use crate::value::Parts;
use crate::{AuthToken, EventNumber, LineNumber, RequestId, SessionId, WireValue};

/// One answer.
#[derive(Clone, Debug, PartialEq, SchemaRead, SchemaWrite)]
pub struct Reply {
    /// The id of the request that this answers.
    pub id: RequestId,
    /// The answer, or why there is none.
    pub result: Result<ReplyBody, RpcError>,
}

/// An answer. Tags are one byte, as numbered here.
#[derive(Clone, Debug, PartialEq, SchemaRead, SchemaWrite)]
pub enum ReplyBody {
    /// To [`RequestBody::Attach`](crate::RequestBody::Attach): the state of each session of that part, in its order.
    #[wincode(tag = 0)]
    Attached(Vec<AttachedSession>),
    /// To [`RequestBody::OpenSession`](crate::RequestBody::OpenSession): the session exists and its lines are welcome.
    #[wincode(tag = 1)]
    Opened(SessionId),
    /// To [`RequestBody::IssueToken`](crate::RequestBody::IssueToken).
    #[wincode(tag = 2)]
    Token {
        /// The token.
        token: AuthToken,
        /// The player whose it is.
        player: i64,
        /// When it expires: seconds since 1970.
        expires_unix_s: u64,
    },
    /// To [`RequestBody::Eval`](crate::RequestBody::Eval): the code was run, and its commit is durable; or why there is no value.
    #[wincode(tag = 3)]
    Evaluated(Result<EvalOutput, EvalFailure>),
}

/// What code gave.
#[derive(Clone, Debug, PartialEq, SchemaRead, SchemaWrite)]
pub struct EvalOutput {
    /// What it returned. Anonymous objects and waifs in it are their literals, as strings.
    #[wincode(with = "FromInto<Parts, _>")]
    pub value: WireValue,
    /// The same as `toliteral()` writes it.
    pub literal: String,
}

/// Why code gave no value. Tags are one byte, as numbered here.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite, thiserror::Error)]
#[non_exhaustive]
pub enum EvalFailure {
    /// It is not a program; nothing was run.
    #[error("the code does not compile")]
    #[wincode(tag = 0)]
    Compile {
        /// What is wrong, one line each, with line and column.
        errors: Vec<String>,
    },
    /// An error went uncaught.
    #[error("{code}: {message}")]
    #[wincode(tag = 1)]
    Raised {
        /// The error as `toliteral()` writes it, such as `E_PERM`.
        code: String,
        /// Its sentence.
        message: String,
        /// The traceback as users see it, one line each.
        traceback: Vec<String>,
    },
    /// It was ended: out of ticks or seconds, or killed.
    #[error("the task was ended: {why}")]
    #[wincode(tag = 2)]
    Aborted {
        /// Why.
        why: String,
    },
    /// It did not end in time. What it had committed by then stays; the rest of the task was killed.
    #[error("the code did not end in time")]
    #[wincode(tag = 3)]
    TimedOut,
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
    /// The token is none, has expired, or its player is no more or has ended it: sign in again.
    #[error("the token is not valid any more")]
    #[wincode(tag = 7)]
    BadToken,
    /// The session has not logged in.
    #[error("the session has not logged in")]
    #[wincode(tag = 8)]
    NotLoggedIn,
    /// The player may not do that.
    #[error("not allowed: {why}")]
    #[wincode(tag = 9)]
    NotAllowed {
        /// What stands against it.
        why: String,
    },
    /// Nobody waits for this connection any more: the host closes it.
    #[error("nobody waits for this connection")]
    #[wincode(tag = 10)]
    NotAwaited,
}
