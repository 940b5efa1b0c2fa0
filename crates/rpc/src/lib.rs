//! The messages between the daemon and the hosts, and the one codec that turns them into bytes.
//!
//! In: message values, or bytes of a peer that may be hostile. Out: the other of the two, or a typed
//! error. [`Request`] goes from a host to the daemon, [`Reply`] from the daemon to that host, and
//! [`HostEvent`] from the daemon to a host on its event topic. docs/formats/rpc.md has the byte
//! layout and the rules of the conversation.
//!
//! It deliberately knows nothing of sockets, tasks, keys, clocks, or the values of the MOO language:
//! a transport carries the bytes, and the programs at both ends decide what a message does.

#![forbid(unsafe_code)]

mod codec;
mod event;
mod ids;
mod option;
mod reply;
mod request;

pub use codec::{DecodeError, EncodeError, MESSAGE_BYTES_MAX, Message, decode, encode};
pub use event::{Event, HostEvent, SessionEvents, Text};
pub use ids::{EventNumber, LineNumber, ListenerId, RequestId, SessionId};
pub use option::{ConnectionOption, KeepAlive};
pub use reply::{AttachedSession, Reply, ReplyBody, RpcError, SessionState};
pub use request::{
    Acknowledgement, Attach, AttachSession, CloseReason, Line, LineKind, ListenError, ListenResult,
    ListenerInfo, OpenSession, Replay, Request, RequestBody, TlsInfo,
};

/// The version of these messages. Two programs talk only when theirs are equal; the transport's
/// hello carries it and refuses a difference.
pub const PROTOCOL_VERSION: u32 = 1;
