//! Where a test's server and clients stand: in memory, on Unix sockets in a temporary folder, or on loopback.
//!
//! In: changes to the default configurations. Out: running servers and clients with their event channels.

use std::path::Path;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use moor_link::memory::Hub;
use moor_link::{
    Client, ClientConfig, ClientEvent, Endpoint, Heartbeat, NodeId, PeerId, Retry, Security,
    Server, ServerConfig, ServerEvent, ServiceType,
};

/// Longer than anything takes on a busy machine; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Room for the events of a test.
const EVENTS_MAX: usize = 1_000_000;

pub(crate) const PROTOCOL: u32 = 7;

pub(crate) enum Ground {
    Memory(Hub, tempfile::TempDir),
    Ipc(tempfile::TempDir),
}

pub(crate) fn service() -> ServiceType {
    ServiceType::new("telnet-host").expect("service")
}

pub(crate) fn node(number: u8) -> NodeId {
    NodeId([number; 16])
}

/// A server's configuration for Unix sockets below `folder`, with a heartbeat for tests.
pub(crate) fn server_config(folder: &Path) -> ServerConfig {
    let (rpc, events) = endpoints(folder);
    let mut config = ServerConfig::new(vec![rpc], vec![events], PROTOCOL, vec![service()]);
    config.heartbeat = Heartbeat {
        interval: Duration::from_millis(100),
        misses: 50,
    };
    config
}

/// The configuration of a client of that server.
pub(crate) fn client_config(folder: &Path, number: u8) -> ClientConfig {
    let (rpc, events) = endpoints(folder);
    let mut config = ClientConfig::new(vec![rpc], vec![events], PROTOCOL, node(number), service());
    config.retry = Some(Retry {
        first: Duration::from_millis(5),
        max: Duration::from_millis(50),
    });
    config
}

fn endpoints(folder: &Path) -> (Endpoint, Endpoint) {
    let endpoint = |name: &str| Endpoint::ipc(folder.join("moor").join(name)).expect("short path");
    (endpoint("rpc.sock"), endpoint("events.sock"))
}

impl Ground {
    pub(crate) fn ipc() -> Self {
        Self::Ipc(tempfile::tempdir().expect("temporary folder"))
    }

    pub(crate) fn both() -> [Self; 2] {
        [
            Self::Memory(Hub::new(), tempfile::tempdir().expect("temporary folder")),
            Self::ipc(),
        ]
    }

    pub(crate) fn folder(&self) -> &Path {
        match self {
            Self::Memory(_, folder) | Self::Ipc(folder) => folder.path(),
        }
    }

    pub(crate) fn server(&self) -> (Server, Receiver<ServerEvent>) {
        self.server_with(EVENTS_MAX, |_| {})
    }

    pub(crate) fn server_with(
        &self,
        events_max: usize,
        change: impl FnOnce(&mut ServerConfig),
    ) -> (Server, Receiver<ServerEvent>) {
        let mut config = server_config(self.folder());
        change(&mut config);
        let (sender, receiver) = bounded(events_max);
        let server = match self {
            Self::Memory(hub, _) => hub.server(config, sender),
            Self::Ipc(_) => Server::start(config, sender),
        };
        (server.expect("server"), receiver)
    }

    pub(crate) fn client(&self, number: u8) -> (Client, Receiver<ClientEvent>) {
        self.client_with(number, EVENTS_MAX, |_| {})
    }

    pub(crate) fn client_with(
        &self,
        number: u8,
        events_max: usize,
        change: impl FnOnce(&mut ClientConfig),
    ) -> (Client, Receiver<ClientEvent>) {
        let mut config = client_config(self.folder(), number);
        change(&mut config);
        let (sender, receiver) = bounded(events_max);
        let client = match self {
            Self::Memory(hub, _) => hub.client(config, sender),
            Self::Ipc(_) => Client::start(config, sender),
        };
        (client.expect("client"), receiver)
    }
}

pub(crate) fn next<T>(events: &Receiver<T>) -> T {
    events.recv_timeout(PATIENCE).expect("an event in time")
}

/// Waits for the first event that `pick` takes, passing over the others.
pub(crate) fn until<T, R>(events: &Receiver<T>, mut pick: impl FnMut(T) -> Option<R>) -> R {
    loop {
        if let Some(picked) = pick(next(events)) {
            return picked;
        }
    }
}

pub(crate) fn until_up(events: &Receiver<ClientEvent>) -> moor_link::InstanceId {
    until(events, |event| match event {
        ClientEvent::Up { instance } => Some(instance),
        _ => None,
    })
}

pub(crate) fn until_joined(events: &Receiver<ServerEvent>) -> PeerId {
    until(events, |event| match event {
        ServerEvent::Joined { peer, .. } => Some(peer),
        _ => None,
    })
}

pub(crate) fn until_request(events: &Receiver<ServerEvent>) -> (PeerId, Vec<u8>) {
    until(events, |event| match event {
        ServerEvent::Request { peer, payload, .. } => Some((peer, payload)),
        _ => None,
    })
}

/// A link carries requests and events, both ways.
pub(crate) fn carries(
    (client, answers): (Client, Receiver<ClientEvent>),
    server: &Server,
    requests: &Receiver<ServerEvent>,
) {
    until_up(&answers);
    client.handle().send(b"well?".to_vec()).expect("up");
    let (peer, payload) = until_request(requests);
    assert_eq!(payload, b"well?");
    let published = server.handle().publish(peer, b"well".to_vec());
    published.expect("room");
    assert_eq!(next(&answers), ClientEvent::Published(b"well".to_vec()));
}

/// The security that lets a test use TCP.
pub(crate) const LOOPBACK: Security = Security::UnprotectedLoopback;
