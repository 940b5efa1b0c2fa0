//! What protects a link's connections: the folder of a Unix socket, or CURVE with enrolled keys.
//!
//! In: key pairs, the registry of enrolled peers, endpoints. Out: which endpoints may be used, and with
//! what. Makes no socket. Keys are shared, never copied, and never shown.

use std::fmt;
use std::sync::Arc;

use moor_keyring::{Domain, KeyPair, PublicKey, Registry};

use crate::address::Address;
use crate::config::ConfigError;
use crate::endpoint::Endpoint;

/// What protects a server's connections.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Security {
    /// Unix sockets only, in a folder of mode 0700. A `tcp://` endpoint is refused.
    #[default]
    OwnFolder,
    /// Plaintext TCP on numeric loopback addresses, for tests: any process of the machine may connect.
    UnprotectedLoopback,
    /// `tcp://` endpoints are encrypted and open to enrolled keys only; `ipc://` endpoints are as with
    /// [`Security::OwnFolder`].
    Curve(Arc<ServerKeys>),
}

/// What a server needs to know friend from foe on `tcp://`.
pub struct ServerKeys {
    /// The server's own key pair, which clients have pinned.
    pub pair: Arc<KeyPair>,
    /// Who is enrolled, now: asked at each connection and each message.
    pub registry: Arc<Registry>,
    /// The domain of the RPC endpoints: who may enter.
    pub rpc: Domain,
    /// The domain of the events endpoints.
    pub events: Domain,
}

impl fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerKeys")
            .field("public", &self.pair.public())
            .field("rpc", &self.rpc.as_str())
            .field("events", &self.events.as_str())
            .finish_non_exhaustive()
    }
}

/// What protects a client's connections.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum ClientSecurity {
    /// Unix sockets only, in a folder of mode 0700. Any other address is refused.
    #[default]
    OwnFolder,
    /// Plaintext TCP on numeric loopback addresses, for tests.
    UnprotectedLoopback,
    /// Addresses on the network are encrypted; `ipc://` ones are as with [`ClientSecurity::OwnFolder`].
    Curve(Arc<ClientKeys>),
}

/// What a client needs on the network.
pub struct ClientKeys {
    /// The client's own key pair, the one that was enrolled.
    pub pair: Arc<KeyPair>,
    /// The only server that the client talks to.
    pub server: PublicKey,
}

impl fmt::Debug for ClientKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKeys")
            .field("public", &self.pair.public())
            .field("server", &self.server)
            .finish()
    }
}

impl Security {
    /// The keys, with [`Security::Curve`].
    pub(crate) fn keys(&self) -> Option<&Arc<ServerKeys>> {
        match self {
            Self::Curve(keys) => Some(keys),
            Self::OwnFolder | Self::UnprotectedLoopback => None,
        }
    }

    pub(crate) fn check(&self, endpoints: &[Endpoint]) -> Result<(), ConfigError> {
        let allowed = |endpoint: &&Endpoint| match self {
            Self::OwnFolder => endpoint.path().is_some(),
            Self::UnprotectedLoopback => endpoint.path().is_some() || endpoint.is_loopback_tcp(),
            Self::Curve(_) => true,
        };
        match endpoints.iter().find(|endpoint| !allowed(endpoint)) {
            Some(endpoint) => Err(ConfigError::PlaintextTcp(endpoint.clone().into())),
            None => Ok(()),
        }
    }
}

impl ClientSecurity {
    /// The keys, with [`ClientSecurity::Curve`].
    pub(crate) fn keys(&self) -> Option<&Arc<ClientKeys>> {
        match self {
            Self::Curve(keys) => Some(keys),
            Self::OwnFolder | Self::UnprotectedLoopback => None,
        }
    }

    pub(crate) fn check(&self, addresses: &[Address]) -> Result<(), ConfigError> {
        let allowed = |address: &&Address| match self {
            Self::OwnFolder => !address.is_network(),
            Self::UnprotectedLoopback => address
                .endpoint()
                .is_some_and(|endpoint| endpoint.path().is_some() || endpoint.is_loopback_tcp()),
            Self::Curve(_) => true,
        };
        match addresses.iter().find(|address| !allowed(address)) {
            Some(address) => Err(ConfigError::PlaintextTcp(address.clone())),
            None => Ok(()),
        }
    }
}
