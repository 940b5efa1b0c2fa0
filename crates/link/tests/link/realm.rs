//! Where a test's encrypted server and its enrolled clients stand: on loopback, with a registry in a
//! temporary folder.
//!
//! In: changes to the default configurations. Out: servers, clients, key pairs that are enrolled or not.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, bounded};
use moor_keyring::{Domain, KeyPair, Peer, PublicKey, Registry};
use moor_link::{
    Client, ClientConfig, ClientEvent, ClientKeys, ClientSecurity, DownReason, Endpoint, Retry,
    Security, Server, ServerConfig, ServerEvent, ServerKeys, ServiceType,
};

use crate::ground::{PROTOCOL, next, node, server_config};

/// Room for the events of a test.
const EVENTS_MAX: usize = 100_000;

pub(crate) struct Realm {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) registry: Arc<Registry>,
    /// The server's.
    pub(crate) pair: Arc<KeyPair>,
}

pub(crate) fn key_pair() -> Arc<KeyPair> {
    Arc::new(KeyPair::generate().expect("random bytes"))
}

pub(crate) fn any_port() -> Endpoint {
    "tcp://127.0.0.1:0".parse().expect("endpoint")
}

/// The secret of a pair as pyzmq wants it.
pub(crate) fn secret_text(pair: &KeyPair) -> String {
    PublicKey::from_bytes(*pair.secret_bytes()).to_string()
}

impl Realm {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let registry = Registry::open(&folder.path().join("allowed-hosts")).expect("registry");
        Self {
            folder,
            registry: Arc::new(registry),
            pair: key_pair(),
        }
    }

    /// A new key pair, enrolled.
    pub(crate) fn enroll(&self, service: &str) -> (Arc<KeyPair>, Arc<Peer>) {
        let pair = key_pair();
        let now = SystemTime::now();
        let peer = self
            .registry
            .enroll(service, "machine", pair.public(), now, now)
            .expect("enrolled");
        (pair, peer)
    }

    pub(crate) fn keys(&self, rpc: Domain, events: Domain) -> Security {
        Security::Curve(Arc::new(ServerKeys {
            pair: Arc::clone(&self.pair),
            registry: Arc::clone(&self.registry),
            rpc,
            events,
        }))
    }

    /// A server for hosts on Unix sockets and, at the second place of each list, on loopback.
    pub(crate) fn server(&self) -> (Server, Receiver<ServerEvent>) {
        self.server_with(|_| {})
    }

    pub(crate) fn server_with(
        &self,
        change: impl FnOnce(&mut ServerConfig),
    ) -> (Server, Receiver<ServerEvent>) {
        let mut config = server_config(self.folder.path());
        config.rpc.push(any_port());
        config.events.push(any_port());
        config.security = self.keys(Domain::Rpc, Domain::Events);
        change(&mut config);
        let (sender, receiver) = bounded(EVENTS_MAX);
        (Server::start(config, sender).expect("server"), receiver)
    }

    /// A client with a key pair of the server's loopback endpoints.
    pub(crate) fn client(
        &self,
        server: &Server,
        pair: &Arc<KeyPair>,
    ) -> (Client, Receiver<ClientEvent>) {
        self.client_with(server, pair, |_| {})
    }

    pub(crate) fn client_with(
        &self,
        server: &Server,
        pair: &Arc<KeyPair>,
        change: impl FnOnce(&mut ClientConfig),
    ) -> (Client, Receiver<ClientEvent>) {
        let bound = server.handle().endpoints().clone();
        let service = ServiceType::new("telnet-host").expect("service");
        let mut config = ClientConfig::new(
            [tcp(&bound.rpc).clone()],
            [tcp(&bound.events).clone()],
            PROTOCOL,
            node(1),
            service,
        );
        config.security = self.pinned(pair, self.pair.public());
        config.retry = Some(Retry {
            first: Duration::from_millis(5),
            max: Duration::from_millis(50),
        });
        change(&mut config);
        let (sender, receiver) = bounded(EVENTS_MAX);
        (Client::start(config, sender).expect("client"), receiver)
    }

    pub(crate) fn pinned(&self, pair: &Arc<KeyPair>, server: PublicKey) -> ClientSecurity {
        ClientSecurity::Curve(Arc::new(ClientKeys {
            pair: Arc::clone(pair),
            server,
        }))
    }
}

/// The first endpoint on the network.
pub(crate) fn tcp(endpoints: &[Endpoint]) -> &Endpoint {
    let mut tcp = endpoints
        .iter()
        .filter(|endpoint| endpoint.path().is_none());
    tcp.next().expect("a tcp endpoint")
}

pub(crate) fn port(endpoint: &Endpoint) -> u16 {
    match endpoint {
        Endpoint::Tcp { port, .. } => *port,
        other => panic!("{other} has no port"),
    }
}

/// The reason of the next event, which must be a loss.
pub(crate) fn next_down(events: &Receiver<ClientEvent>) -> DownReason {
    match next(events) {
        ClientEvent::Down { reason } => reason,
        other => panic!("{other:?}"),
    }
}
