//! The messages between the daemon, the hosts and the workers, and the one codec that turns them into bytes.
//!
//! In: message values, or bytes of a peer that may be hostile. Out: the other of the two, or a typed
//! error. [`Request`] goes from a host to the daemon, [`Reply`] from the daemon to that host, and
//! [`HostEvent`] from the daemon to a host on its event topic; [`WorkerOrder`] from the daemon to a worker
//! on its topic, [`WorkerReport`] from a worker to the daemon. docs/formats/rpc.md has the byte layout and
//! the rules of the conversation.
//!
//! It deliberately knows nothing of sockets, tasks, keys, clocks, or the daemon's own values: a transport
//! carries the bytes, and the programs at both ends decide what a message does.

#![forbid(unsafe_code)]

mod codec;
mod dial;
mod event;
mod ids;
mod option;
mod reply;
mod request;
mod value;
mod worker;

pub use codec::{DecodeError, EncodeError, MESSAGE_BYTES_MAX, Message, decode, encode};
pub use dial::{Dial, DialError, DialFailed};
pub use event::{Event, HostEvent, SessionEvents, Text};
pub use ids::{AuthToken, EventNumber, LineNumber, ListenerId, RequestId, SessionId};
pub use option::{ConnectionOption, KeepAlive};
pub use reply::{
    AttachedSession, EvalFailure, EvalOutput, Reply, ReplyBody, RpcError, SessionState,
};
pub use request::{
    Acknowledgement, Attach, AttachSession, CloseReason, Eval, Line, LineKind, ListenError,
    ListenResult, ListenerInfo, ListenerTls, OpenSession, Replay, Request, RequestBody, TlsInfo,
};
pub use value::{WIRE_DEPTH_MAX, WIRE_VALUES_MAX, WireValue};
pub use worker::{
    WorkerCall, WorkerCancel, WorkerError, WorkerOrder, WorkerReport, WorkerRequestId,
};

/// The version of these messages. Two programs talk only when theirs are equal; the transport's
/// hello carries it and refuses a difference.
pub const PROTOCOL_VERSION: u32 = 4;
