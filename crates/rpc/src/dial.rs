//! Connections that a host makes on the daemon's behalf.
//!
//! In: whom a program wants to be connected with. Out: the wish, and why it could not be fulfilled; a connection that
//! came about is opened like any other session. It does not know how names are looked up.

use wincode::{SchemaRead, SchemaWrite};

use crate::SessionId;

/// A wish to be connected with somebody.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Dial {
    /// The session that the connection becomes. The daemon names it, at random.
    pub session: SessionId,
    /// A host name, or an address without a port.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether it is reached through IPv6; otherwise through IPv4.
    pub ipv6: bool,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Milliseconds until it is given up, the look-up of the name included.
    pub timeout_ms: u32,
}

/// A [`Dial`] that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct DialFailed {
    /// The session of the daemon's wish. It will not be opened.
    pub session: SessionId,
    /// Why.
    pub error: DialError,
}

/// Why there is no connection. Tags are one byte, as numbered here.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The name has no address of the kind that was asked for.
    #[error("{host} has no {family} address", family = if *ipv6 { "IPv6" } else { "IPv4" })]
    #[wincode(tag = 0)]
    NoAddress {
        /// The name as asked for.
        host: String,
        /// Whether an address of IPv6 was asked for.
        ipv6: bool,
    },
    /// Nobody accepts the connection.
    #[error("no connection to {host}, port {port}: {why}")]
    #[wincode(tag = 1)]
    Unreachable {
        /// The name as asked for.
        host: String,
        /// The port as asked for.
        port: u16,
        /// What the operating system says.
        why: String,
    },
    /// There was no answer in time.
    #[error("no answer from {host}, port {port}, in {timeout_ms} ms")]
    #[wincode(tag = 2)]
    TimedOut {
        /// The name as asked for.
        host: String,
        /// The port as asked for.
        port: u16,
        /// The time that it was given.
        timeout_ms: u32,
    },
    /// The host makes no such connections (TLS without the means for it).
    #[error("not allowed: {why}")]
    #[wincode(tag = 3)]
    NotAllowed {
        /// What stands against it.
        why: String,
    },
    /// The host has no room for it, or the operating system has not.
    #[error("no room for a connection: {why}")]
    #[wincode(tag = 4)]
    NoRoom {
        /// What there is too little of.
        why: String,
    },
}
