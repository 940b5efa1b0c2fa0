//! What a server and a client are told when they start, with defaults that are right for production.
//!
//! In: plain values from a program's configuration. Out: the same, checked. Opens nothing.

use std::net::SocketAddr;
use std::time::Duration;

use crate::address::Address;
use crate::bounds;
use crate::endpoint::Endpoint;
use crate::identity::{NodeId, ServiceType};
use crate::security::{ClientSecurity, Security};

/// Who answers for names: `dns:`, `srv:` and the names in `tcp://`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameSource {
    /// The system: its hosts file and name switch for hosts, the name servers of its configuration for
    /// service records.
    #[default]
    System,
    /// These name servers alone, over UDP and TCP.
    Servers(Vec<SocketAddr>),
}

/// When a link counts as lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Time between two pings of the server; at least 1 ms.
    pub interval: Duration,
    /// Pings (for the server: answers) missed in a row; at least 1.
    pub misses: u32,
}

impl Heartbeat {
    /// Silence that is a loss.
    #[must_use]
    pub fn silence_max(&self) -> Duration {
        self.interval.saturating_mul(self.misses)
    }
}

impl Default for Heartbeat {
    /// 5 s and 3 misses.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            misses: 3,
        }
    }
}

/// Pauses between attempts to connect: before attempt n a random time between zero and `first` doubled n
/// times, never above `max` (full jitter, so that many hosts do not come back at the same moment).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The longest first pause.
    pub first: Duration,
    /// The longest pause.
    pub max: Duration,
}

impl Retry {
    /// On one machine an attempt costs nothing and users are waiting.
    pub const IPC: Self = Self {
        first: Duration::from_millis(50),
        max: Duration::from_secs(1),
    };
    /// Over a network.
    pub const TCP: Self = Self {
        first: Duration::from_secs(1),
        max: Duration::from_secs(30),
    };
}

/// Bounds that a program may lower (tests do) or raise. Defaults are in [`bounds`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// See [`bounds::MESSAGE_BYTES_MAX`]; the same on both sides.
    pub message_bytes_max: usize,
    /// See [`bounds::SERVER_IN_FLIGHT_BYTES_MAX`] and [`bounds::CLIENT_IN_FLIGHT_BYTES_MAX`]. Below
    /// [`bounds::REPORT_EVERY_BYTES`] a client waits for a ping's report.
    pub in_flight_bytes_max: u64,
    /// See [`bounds::PEERS_MAX`].
    pub peers_max: usize,
    /// See [`bounds::OUTBOX_MESSAGES_MAX`].
    pub outbox_messages_max: usize,
    /// See [`bounds::OUTBOX_BYTES_MAX`].
    pub outbox_bytes_max: usize,
}

impl Limits {
    /// The bounds of a server.
    #[must_use]
    pub fn server() -> Self {
        Self::with_in_flight(bounds::SERVER_IN_FLIGHT_BYTES_MAX)
    }

    /// The bounds of a client.
    #[must_use]
    pub fn client() -> Self {
        Self::with_in_flight(bounds::CLIENT_IN_FLIGHT_BYTES_MAX)
    }

    fn with_in_flight(in_flight_bytes_max: u64) -> Self {
        Self {
            message_bytes_max: bounds::MESSAGE_BYTES_MAX,
            in_flight_bytes_max,
            peers_max: bounds::PEERS_MAX,
            outbox_messages_max: bounds::OUTBOX_MESSAGES_MAX,
            outbox_bytes_max: bounds::OUTBOX_BYTES_MAX,
        }
    }
}

/// How a server starts.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where requests and replies pass; at least one.
    pub rpc: Vec<Endpoint>,
    /// Where events leave; empty for a server that publishes nothing.
    pub events: Vec<Endpoint>,
    /// Version of the payloads; a client with another one is refused.
    pub protocol: u32,
    /// This program's build, for the peers' logs.
    pub build: String,
    /// Kinds of programs that may come in; all others are refused.
    pub services: Vec<ServiceType>,
    /// The program itself says which kinds may come in besides, by
    /// [`ServerHandler::admit`](crate::ServerHandler::admit): there is a kind of worker for each kind of work.
    pub handler_judges_services: bool,
    /// What protects the connections.
    pub security: Security,
    /// When a peer counts as lost.
    pub heartbeat: Heartbeat,
    /// Threads of libzmq, which move, encrypt and decrypt: one for each gigabyte per second; 0 is 1.
    pub io_threads: u16,
    /// Bounds.
    pub limits: Limits,
}

impl ServerConfig {
    /// A server for `services` with every default.
    #[must_use]
    pub fn new(
        rpc: Vec<Endpoint>,
        events: Vec<Endpoint>,
        protocol: u32,
        services: Vec<ServiceType>,
    ) -> Self {
        Self {
            rpc,
            events,
            protocol,
            services,
            handler_judges_services: false,
            build: env!("CARGO_PKG_VERSION").to_owned(),
            security: Security::default(),
            heartbeat: Heartbeat::default(),
            io_threads: 1,
            limits: Limits::server(),
        }
    }
}

/// How a client starts.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The server's RPC addresses, tried in turn; at least one.
    pub rpc: Vec<Address>,
    /// The server's events addresses, the n-th belonging to the n-th of `rpc`; empty for a server that
    /// publishes nothing. Where both are names, the same machine serves both.
    pub events: Vec<Address>,
    /// Version of the payloads.
    pub protocol: u32,
    /// This program's build, for the server's log.
    pub build: String,
    /// This installation. Over CURVE the server knows it by its enrollment instead.
    pub node: NodeId,
    /// This kind of program.
    pub service: ServiceType,
    /// What protects the connections.
    pub security: ClientSecurity,
    /// Who answers for names.
    pub names: NameSource,
    /// Pauses between attempts; `None` takes [`Retry::IPC`] or [`Retry::TCP`] by the address.
    pub retry: Option<Retry>,
    /// Bounds.
    pub limits: Limits,
}

impl ClientConfig {
    /// A client with every default.
    #[must_use]
    pub fn new(
        rpc: impl IntoIterator<Item = impl Into<Address>>,
        events: impl IntoIterator<Item = impl Into<Address>>,
        protocol: u32,
        node: NodeId,
        service: ServiceType,
    ) -> Self {
        Self {
            rpc: rpc.into_iter().map(Into::into).collect(),
            events: events.into_iter().map(Into::into).collect(),
            protocol,
            node,
            service,
            build: env!("CARGO_PKG_VERSION").to_owned(),
            security: ClientSecurity::default(),
            names: NameSource::default(),
            retry: None,
            limits: Limits::client(),
        }
    }
}

/// Why a configuration cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No RPC address.
    #[error("no RPC address; give at least one")]
    NoAddress,
    /// The two lists of a client do not pair up.
    #[error(
        "{rpc} RPC addresses and {events} events addresses; give as many of one as of the other"
    )]
    Unpaired {
        /// Length of the RPC list.
        rpc: usize,
        /// Length of the events list.
        events: usize,
    },
    /// An address on the network without encryption.
    #[error(
        "{0}: an address on the network needs encryption and an enrolled key; use ipc:// or enroll first"
    )]
    PlaintextTcp(Address),
    /// Enrollment over a Unix socket.
    #[error("{0}: enrollment is for programs on other machines; write tcp://0.0.0.0:7900")]
    LocalEnrollment(Endpoint),
    /// A heartbeat of zero.
    #[error("the heartbeat needs an interval of 1 ms or more and 1 miss or more")]
    Heartbeat,
}

impl ServerConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.rpc.is_empty() {
            return Err(ConfigError::NoAddress);
        }
        if self.heartbeat.interval < Duration::from_millis(1) || self.heartbeat.misses == 0 {
            return Err(ConfigError::Heartbeat);
        }
        self.security.check(&self.rpc)?;
        self.security.check(&self.events)
    }
}

impl ClientConfig {
    /// Whether a client can start with it, the keys apart that it may not have yet.
    ///
    /// # Errors
    /// [`ConfigError`], as at the start.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.rpc.is_empty() {
            return Err(ConfigError::NoAddress);
        }
        if !self.events.is_empty() && self.events.len() != self.rpc.len() {
            return Err(ConfigError::Unpaired {
                rpc: self.rpc.len(),
                events: self.events.len(),
            });
        }
        self.security.check(&self.rpc)?;
        self.security.check(&self.events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> ServiceType {
        ServiceType::new("telnet-host").expect("service")
    }

    fn endpoint(text: &str) -> Endpoint {
        text.parse().expect(text)
    }

    #[test]
    fn plaintext_tcp_is_refused_except_on_loopback_for_tests() {
        let mut config = ServerConfig::new(
            vec![endpoint("tcp://127.0.0.1:0")],
            vec![],
            1,
            vec![service()],
        );
        assert!(matches!(config.check(), Err(ConfigError::PlaintextTcp(_))));
        config.security = Security::UnprotectedLoopback;
        assert_eq!(config.check(), Ok(()));
        config.events = vec![endpoint("tcp://0.0.0.0:7898")];
        assert!(matches!(config.check(), Err(ConfigError::PlaintextTcp(_))));
    }

    #[test]
    fn a_clients_lists_pair_up() {
        let ipc = |n: usize| vec![endpoint("ipc:///a"); n];
        let config =
            |rpc, events| ClientConfig::new(ipc(rpc), ipc(events), 1, NodeId([0; 16]), service());
        assert_eq!(config(2, 2).check(), Ok(()));
        assert_eq!(config(2, 0).check(), Ok(()));
        assert_eq!(
            config(2, 1).check(),
            Err(ConfigError::Unpaired { rpc: 2, events: 1 })
        );
        assert_eq!(config(0, 0).check(), Err(ConfigError::NoAddress));
    }
}
