//! The in-memory twin of the sockets, for tests: servers and clients of one process, joined by channels.
//!
//! In: the same configurations as the real ones; endpoints are only names here. Out: the same [`Server`] and
//! [`Client`], driven by the same rules: hello, refusal, subscription, heartbeat, credit, reconnection. A
//! server that is dropped breaks its connections as a process that dies does. Opens no file or socket.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::address::Address;
use crate::bounds::BURST_MESSAGES_MAX;
use crate::client::core::{Breakage, Broken, ClientCore, ClientWire};
use crate::client::engine::{ClientEngine, ClientTransport};
use crate::client::{Client, ClientHandle, ClientHandler, ClientShared};
use crate::config::{ClientConfig, ServerConfig};
use crate::endpoint::Endpoint;
use crate::error::StartError;
use crate::frame::{Channel, Kind};
use crate::identity::{InstanceId, Proof, Ticket, random_bytes};
use crate::io_loop::Drive;
use crate::names::{self, NameError, Target};
use crate::origin::Origin;
use crate::server::core::{Route, ServerCore, ServerWire, Way, WireError};
use crate::server::engine::{ServerEngine, ServerTransport};
use crate::server::{Bound, Counters, Server, ServerHandle, ServerHandler, ServerShared};
use crate::signal::Sources;
use crate::waker::Waker;

/// A network of its own: servers and clients of one hub see each other and nobody else. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hub(Arc<Mutex<HashMap<Endpoint, Arc<Port>>>>);

/// A server's door.
#[derive(Debug)]
struct Port {
    inbox: Sender<ToServer>,
    waker: Arc<Waker>,
    routes: AtomicU32,
}

/// What goes to a server. Without a bound of its own: credit bounds what is in flight.
#[derive(Debug)]
enum ToServer {
    Open(Route, Line),
    Message(Route, Vec<u8>),
    Subscribe(Route, Ticket),
    Closed(Route),
}

/// What goes to a client.
#[derive(Debug)]
enum ToClient {
    Message(Channel, Vec<u8>),
    Broken,
}

/// A server's way to one client; dropping it breaks the connection.
#[derive(Debug)]
struct Line {
    inbox: Sender<ToClient>,
    waker: Arc<Waker>,
}

impl Line {
    fn put(&self, message: ToClient) -> Result<(), WireError> {
        self.inbox.send(message).map_err(|_| WireError::Gone)?;
        self.waker.wake();
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // A client that is gone need not know.
        let _ = self.put(ToClient::Broken);
    }
}

impl Port {
    fn put(&self, message: ToServer) -> Result<(), Broken> {
        self.inbox.send(message).map_err(|_| Broken)?;
        self.waker.wake();
        Ok(())
    }
}

fn frame(kind: Kind, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(1 + body.len());
    message.push(kind as u8);
    message.extend_from_slice(body);
    message
}

impl Hub {
    /// An empty network.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a server at the RPC endpoints of its configuration.
    ///
    /// # Errors
    /// As [`Server::start`]; [`StartError::EndpointInUse`] if a server of this hub has one of them.
    pub fn server(
        &self,
        config: ServerConfig,
        handler: impl ServerHandler,
    ) -> Result<Server, StartError> {
        config.check()?;
        let waker = Arc::new(Waker::new()?);
        let (inbox, messages) = unbounded();
        let port = Arc::new(Port {
            inbox,
            waker: Arc::clone(&waker),
            routes: AtomicU32::new(0),
        });
        self.open(&config.rpc, &port)?;
        let limits = config.limits;
        let counters = Arc::new(Counters::default());
        let instance = InstanceId(random_bytes()?);
        let shared = Arc::new(ServerShared {
            counters: Arc::clone(&counters),
            bound: Bound {
                rpc: config.rpc.clone(),
                events: config.events.clone(),
            },
            instance,
            message_bytes_max: limits.message_bytes_max,
        });
        let transport = MemoryServer {
            hub: self.clone(),
            endpoints: config.rpc.clone(),
            messages,
            lines: FxHashMap::default(),
            topics: FxHashMap::default(),
        };
        let core = ServerCore::new(
            config,
            instance,
            Proof::SameUser,
            counters,
            handler,
            Instant::now(),
        );
        let engine = ServerEngine { core, transport };
        let (messages_max, bytes_max) = (limits.outbox_messages_max, limits.outbox_bytes_max);
        let (drive, outbox) = Drive::new(engine, messages_max, bytes_max, waker)?;
        let threads = drive.start("io-link-server")?;
        Ok(Server::new(ServerHandle { outbox, shared }, threads))
    }

    /// Enters a server's endpoints, all or none.
    fn open(&self, endpoints: &[Endpoint], port: &Arc<Port>) -> Result<(), StartError> {
        let mut ports = self.0.lock();
        if let Some(taken) = endpoints
            .iter()
            .find(|endpoint| ports.contains_key(endpoint))
        {
            return Err(StartError::EndpointInUse(taken.clone()));
        }
        ports.extend(
            endpoints
                .iter()
                .map(|endpoint| (endpoint.clone(), Arc::clone(port))),
        );
        Ok(())
    }

    /// Starts a client.
    ///
    /// # Errors
    /// As [`Client::start`].
    pub fn client(
        &self,
        config: ClientConfig,
        handler: impl ClientHandler,
    ) -> Result<Client, StartError> {
        config.check()?;
        let waker = Arc::new(Waker::new()?);
        let limits = config.limits;
        let shared = Arc::new(ClientShared::new(limits.message_bytes_max));
        let transport = MemoryClient {
            hub: self.clone(),
            rpc: config.rpc.clone(),
            events: config.events.clone(),
            waker: Arc::clone(&waker),
            connection: None,
        };
        let core = ClientCore::new(config, Arc::clone(&shared), handler, Instant::now());
        let engine = ClientEngine { core, transport };
        let (messages_max, bytes_max) = (limits.outbox_messages_max, limits.outbox_bytes_max);
        let (drive, outbox) = Drive::new(engine, messages_max, bytes_max, waker)?;
        let threads = drive.start("io-link-client")?;
        Ok(Client::new(ClientHandle { outbox, shared }, threads))
    }
}

struct MemoryServer {
    hub: Hub,
    endpoints: Vec<Endpoint>,
    messages: Receiver<ToServer>,
    lines: FxHashMap<Route, Line>,
    topics: FxHashMap<Ticket, Route>,
}

impl Drop for MemoryServer {
    fn drop(&mut self) {
        let mut ports = self.hub.0.lock();
        for endpoint in &self.endpoints {
            ports.remove(endpoint);
        }
    }
}

impl MemoryServer {
    fn put(
        &self,
        route: Route,
        channel: Channel,
        kind: Kind,
        body: &[u8],
    ) -> Result<(), WireError> {
        let line = self.lines.get(&route).ok_or(WireError::Gone)?;
        line.put(ToClient::Message(channel, frame(kind, body)))
    }

    fn close(&mut self, route: Route) {
        self.lines.remove(&route);
        self.topics.retain(|_, owner| *owner != route);
    }
}

impl ServerWire for MemoryServer {
    fn send(&mut self, route: Route, kind: Kind, body: &[u8]) -> Result<(), WireError> {
        self.put(route, Channel::Rpc, kind, body)
    }

    fn publish(&mut self, ticket: Ticket, kind: Kind, body: &[u8]) -> Result<(), WireError> {
        match self.topics.get(&ticket) {
            Some(&route) => self.put(route, Channel::Events, kind, body),
            // As on a socket: a topic without a subscriber is no error.
            None => Ok(()),
        }
    }

    /// Nobody keeps a silent connection to a hub.
    fn settle(&mut self, _channel: Channel, _connection: u64) {}
}

impl ServerTransport for MemoryServer {
    fn read<H: ServerHandler>(&mut self, core: &mut ServerCore<H>, now: Instant) -> bool {
        let mut taken = 0;
        // A client that was dropped leaves by itself.
        core.take_ending();
        while taken < BURST_MESSAGES_MAX && !core.is_stalled() {
            let Ok(message) = self.messages.try_recv() else {
                break;
            };
            taken += 1;
            match message {
                ToServer::Open(route, line) => {
                    self.lines.insert(route, line);
                }
                ToServer::Message(route, bytes) => {
                    let way = Way {
                        route,
                        connection: u64::from(route.0),
                        origin: Origin::Open,
                    };
                    core.message(self, now, way, &bytes);
                }
                ToServer::Subscribe(route, ticket) => {
                    if let Some(ticket) = core.may_subscribe(&ticket.0, Origin::Open) {
                        self.topics.insert(ticket, route);
                        core.subscribed(self, ticket, None);
                    }
                }
                ToServer::Closed(route) => {
                    self.close(route);
                    core.disconnected(u64::from(route.0));
                }
            }
        }
        taken > 0
    }

    /// Whoever puts a message wakes the loop: there is nothing to sleep on besides.
    fn gather(&mut self, _sources: &mut Sources) -> bool {
        self.messages.is_empty()
    }

    fn has_input(&mut self) -> bool {
        false
    }

    fn due(&self) -> Option<Instant> {
        None
    }
}

struct MemoryConnection {
    port: Arc<Port>,
    route: Route,
    messages: Receiver<ToClient>,
}

impl Drop for MemoryConnection {
    fn drop(&mut self) {
        // A server that is gone need not know.
        let _ = self.port.put(ToServer::Closed(self.route));
    }
}

struct MemoryClient {
    hub: Hub,
    rpc: Vec<Address>,
    events: Vec<Address>,
    waker: Arc<Waker>,
    connection: Option<MemoryConnection>,
}

impl MemoryClient {
    fn put(&self, message: impl FnOnce(Route) -> ToServer) -> Result<(), Broken> {
        let connection = self.connection.as_ref().ok_or(Broken)?;
        connection.port.put(message(connection.route))
    }
}

impl ClientWire for MemoryClient {
    /// A hub has no name servers.
    fn find(&mut self, address: usize) -> Option<Result<Vec<Target>, NameError>> {
        let rpc = self.rpc.get(address);
        let target = rpc.and_then(|rpc| names::at_once(rpc, self.events.get(address)));
        Some(target.map(|target| vec![target]).ok_or(NameError::Unknown))
    }

    fn look(&mut self, _target: &Target) -> bool {
        false
    }

    fn connect(&mut self, target: &Target) -> Result<(), Broken> {
        let port = self.hub.0.lock().get(&target.rpc).cloned().ok_or(Broken)?;
        let route = Route(port.routes.fetch_add(1, Ordering::Relaxed));
        let (inbox, messages) = unbounded();
        port.put(ToServer::Open(
            route,
            Line {
                inbox,
                waker: Arc::clone(&self.waker),
            },
        ))?;
        self.connection = Some(MemoryConnection {
            port,
            route,
            messages,
        });
        Ok(())
    }

    fn subscribe(&mut self, _target: &Target, ticket: Ticket) -> Result<(), Broken> {
        self.put(|route| ToServer::Subscribe(route, ticket))
    }

    fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Broken> {
        self.put(|route| ToServer::Message(route, frame(kind, body)))
    }

    fn close(&mut self) {
        self.connection = None;
    }
}

impl ClientTransport for MemoryClient {
    fn read<H: ClientHandler>(&mut self, core: &mut ClientCore<H>, now: Instant) -> bool {
        let mut taken = 0;
        while taken < BURST_MESSAGES_MAX && !core.is_stalled() {
            let Some(connection) = &self.connection else {
                break;
            };
            let Ok(message) = connection.messages.try_recv() else {
                break;
            };
            taken += 1;
            match message {
                ToClient::Message(channel, bytes) => core.message(self, now, channel, &bytes),
                ToClient::Broken => core.broken(self, now, Breakage::Ended),
            }
        }
        taken > 0
    }

    fn gather(&mut self, _sources: &mut Sources) -> bool {
        let connection = self.connection.as_ref();
        connection.is_none_or(|connection| connection.messages.is_empty())
    }

    fn has_input(&mut self) -> bool {
        false
    }
}
