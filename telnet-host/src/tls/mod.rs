//! TLS on users' sockets, and on connections that programs open.
//!
//! | part | file |
//! |---|---|
//! | files of certificates and keys, read again when they change | `certificate` |
//! | the beginning of a connection, within its time | `handshake` |
//! | bytes of a connection, in and out | `stream` |
//!
//! TLS 1.2 and 1.3, without client certificates and without ALPN. What is said through it is not known here.

mod certificate;
mod handshake;
mod stream;

use std::io;

pub(crate) use certificate::{Certificate, CertificateFiles, Further};
pub(crate) use handshake::{Callers, HANDSHAKES_MAX, accept};
pub(crate) use stream::{Heard, Tls};

/// Why there is no TLS on a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum HandshakeError {
    /// The other side did not finish in time.
    #[error("no handshake in time")]
    Late,
    /// The other side does not speak TLS at all.
    #[error("the client does not speak TLS")]
    Plain,
    /// The name is none that a certificate could have.
    #[error("{0} is no name that a certificate could have")]
    BadName(String),
    /// The other side left, or what it said was not accepted, nor this side's certificate by it.
    #[error(transparent)]
    Failed(#[from] io::Error),
}
