//! What an operator and the machines around a program ask of it, over HTTP: health and numbers over TCP, and the admin
//! socket with its client.
//!
//! In: an address, the program's [`Health`] and [`Drain`]. Out: a listener on a thread of its own. It is off unless
//! asked for: whoever reaches it reads the program's health and numbers, but changes nothing.

pub mod api;
mod client;
mod metrics;
mod routes;
mod server;
mod socket;

use std::net::{SocketAddr, TcpListener};
use std::time::Instant;

use crate::{Drain, Health};

pub use client::{AdminClient, AdminClientError};
pub use metrics::MetricsError;
pub use socket::{ADMIN_SOCKET, AdminSocket, AdminSocketError};

use metrics::Recorder;
use routes::Program;
use server::{Listener, Server};

/// Why there is no admin listener.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The address cannot be bound: in use, or not of this machine, or a port below 1024.
    #[error("--admin-listen {address}: cannot listen: {source}; choose another address or port")]
    Bind {
        /// What was to be bound.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Nothing can be recorded for `/metrics`.
    #[error("--admin-listen: {0}")]
    Metrics(#[from] MetricsError),
}

/// A text is no address of a listener.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("is not ADDRESS:PORT; write for example 127.0.0.1:9101 or [::1]:9101")]
pub struct ListenAddressError;

/// An IP address with a port: the value parser of `--admin-listen`.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, ListenAddressError> {
    text.trim().parse().map_err(|_| ListenAddressError)
}

/// A running admin listener: `/livez`, `/readyz`, `/healthz`, `/metrics`. Dropping it ends it.
#[derive(Debug)]
pub struct AdminListener {
    address: SocketAddr,
    _server: Server,
}

impl AdminListener {
    /// Listens at `address` (port 0 chooses a free one), and records the process's metrics from now on.
    ///
    /// # Errors
    /// [`AdminError::Bind`] if it cannot listen; [`AdminError::Metrics`] if the process has another recorder.
    pub fn start(
        program: &'static str,
        address: SocketAddr,
        health: Health,
        drain: Drain,
    ) -> Result<Self, AdminError> {
        let bind = |source| AdminError::Bind { address, source };
        let listener = TcpListener::bind(address).map_err(bind)?;
        let bound = listener.local_addr().map_err(bind)?;
        let recorder = Recorder::install(program)?;
        let router = routes::router(Program {
            name: program,
            started: Instant::now(),
            health,
            drain,
            recorder: recorder.clone(),
        });
        let server = Server::start(
            "admin-listener",
            Listener::Tcp(listener),
            router,
            recorder.fold(),
        )
        .map_err(bind)?;
        tracing::info!(address = %bound, "admin listening");
        Ok(Self {
            address: bound,
            _server: server,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
