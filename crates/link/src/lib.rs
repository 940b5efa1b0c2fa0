//! The transport between moor's programs: a [`Server`] in the daemon, a [`Client`] in each host and worker,
//! joined by ZeroMQ sockets or, in tests, by the in-memory twin in [`memory`]; and the [`enrollment`] of
//! programs on other machines.
//!
//! In: payloads as opaque bytes, addresses, identities, keys and the registry of who is enrolled. Out:
//! payloads with the [`PeerIdentity`] they came from, peers that come and go, links that go up and down.
//! Deliberately does not know what a payload means, does not repeat one, and does not keep one for a peer
//! that is away: numbering, acknowledging and replaying belong to the programs. Who may be enrolled is
//! decided by the keyring.
//!
//! Each side has one I/O thread that owns its sockets, drains everything that is ready, and sleeps in one
//! poll. Programs talk to it through bounded queues that never block, and are called back on it. On the
//! network each connection is encrypted by CURVE, and its key judged by a thread of its own.

mod address;
pub mod bounds;
mod client;
pub mod config;
mod credit;
mod endpoint;
pub mod enrollment;
mod error;
mod folder;
mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
mod greeting;
mod identity;
mod io_loop;
mod knock;
mod limits;
pub mod memory;
mod names;
mod origin;
mod outbox;
mod relay;
mod scout;
mod security;
mod server;
mod signal;
mod socket_options;
mod waker;
mod zap;
#[allow(unsafe_code)]
mod zmq;

pub use address::{Address, AddressError};
pub use client::{Client, ClientCounts, ClientEvent, ClientHandle, ClientHandler, DownReason};
pub use config::{ClientConfig, ConfigError, Heartbeat, Limits, NameSource, Retry, ServerConfig};
pub use endpoint::{Endpoint, EndpointError, PortHint};
pub use error::StartError;
pub use folder::{FolderError, runtime_folder};
pub use frame::{FrameError, LINK_VERSION, Refusal, RefusalCode};
pub use identity::{
    InstanceId, NodeId, PeerId, PeerIdentity, Proof, ServiceType, ServiceTypeError,
};
pub use knock::{DoorKind, Knock, knock, resolve};
pub use limits::raise_open_files;
pub use names::NameError;
pub use outbox::SendError;
pub use relay::Work;
pub use security::{ClientKeys, ClientSecurity, Security, ServerKeys};
pub use server::{
    Bound, GoneReason, Server, ServerCounts, ServerEvent, ServerHandle, ServerHandler,
};
