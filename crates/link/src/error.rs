//! Why a server or client did not start. Each message names the thing and the mend.

use std::io;

use crate::config::ConfigError;
use crate::endpoint::Endpoint;
use crate::folder::FolderError;

/// A server or client did not start; nothing is left open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder of a Unix socket is missing, not ours, or open to others.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Another process listens there.
    #[error("{0}: in use by another running program; stop it, or choose another address")]
    EndpointInUse(Endpoint),
    /// The system or libzmq refused to listen there.
    #[error("{endpoint}: cannot listen: {source}")]
    Bind {
        /// The address.
        endpoint: Endpoint,
        /// What was answered.
        source: io::Error,
    },
    /// The linked libzmq was built without CURVE.
    #[error("the ZeroMQ library in this program has no CURVE encryption; build it with libsodium")]
    NoCurve,
    /// A socket, thread or descriptor could not be made.
    #[error("cannot start the link's I/O: {0}")]
    Io(#[from] io::Error),
    /// The operating system has no random bytes.
    #[error("no random bytes from the operating system: {0}")]
    Random(#[from] getrandom::Error),
}
