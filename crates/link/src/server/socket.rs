//! The server over ZeroMQ: a ROUTER for RPC, an XPUB for events, and the ROUTER's monitor.
//!
//! In: endpoints to bind. Out: messages and broken connections to the core, in the order in which they
//! happened to each connection. Knows the sockets' habits and nothing of the link's rules.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use moor_zmq_sys as sys;

use super::core::{Route, ServerCore, ServerWire, WireError};
use super::engine::{ServerEngine, ServerTransport};
use super::{Bound, Counters, Server, ServerHandle, ServerHandler, ServerShared};
use crate::bounds::BURST_MESSAGES_MAX;
use crate::config::{Limits, Security, ServerConfig};
use crate::endpoint::Endpoint;
use crate::error::StartError;
use crate::folder::SocketClaim;
use crate::frame::Kind;
use crate::identity::{InstanceId, Proof, Ticket, random_bytes};
use crate::outbox::outbox;
use crate::waker::Waker;
use crate::zmq::{Context, Message, Monitor, Socket, has_curve, poll};
use crate::{io_loop, socket_options};

/// First byte of what an XPUB reads: a subscription, and its end.
const SUBSCRIBE: u8 = 1;
const UNSUBSCRIBE: u8 = 0;

struct ServerSockets {
    rpc: Socket,
    rpc_monitor: Monitor,
    events: Option<Socket>,
    /// A peer sent something else than a subscription to the XPUB, see `read_events`.
    events_out_of_step: bool,
    /// Last, because a socket is closed before its path is given free.
    _claims: Vec<SocketClaim>,
}

/// Binds every endpoint and starts the I/O thread.
pub(crate) fn start<H: ServerHandler>(
    config: ServerConfig,
    handler: H,
) -> Result<Server, StartError> {
    config.check()?;
    if !has_curve() {
        return Err(StartError::NoCurve);
    }
    let context = Context::new()?;
    let mut claims = Vec::new();
    let rpc = context.socket(sys::ZMQ_ROUTER)?;
    socket_options::set_always(&rpc, &config.limits)?;
    socket_options::set_listening(&rpc)?;
    // Unset, a reply to a peer that is gone or full would vanish without a word.
    rpc.set(sys::ZMQ_ROUTER_MANDATORY, 1)?;
    let rpc_monitor = rpc.monitor("rpc", sys::ZMQ_EVENT_DISCONNECTED)?;
    let bound_rpc = bind_all(&rpc, &config.rpc, &mut claims)?;
    let (events, bound_events) = match config.events.is_empty() {
        true => (None, Vec::new()),
        false => {
            let events = events_socket(&context, &config.limits)?;
            let bound = bind_all(&events, &config.events, &mut claims)?;
            (Some(events), bound)
        }
    };
    let sockets = ServerSockets {
        rpc,
        rpc_monitor,
        events,
        events_out_of_step: false,
        _claims: claims,
    };
    spawn(
        config,
        handler,
        Bound {
            rpc: bound_rpc,
            events: bound_events,
        },
        sockets,
    )
}

fn events_socket(context: &Context, limits: &Limits) -> io::Result<Socket> {
    let events = context.socket(sys::ZMQ_XPUB)?;
    socket_options::set_always(&events, limits)?;
    socket_options::set_listening(&events)?;
    // Subscriptions take effect one by one, when we grant them.
    events.set(sys::ZMQ_XPUB_MANUAL, 1)?;
    // Unset, events to a full peer would vanish without a word.
    events.set(sys::ZMQ_XPUB_NODROP, 1)?;
    Ok(events)
}

fn bind_all(
    socket: &Socket,
    endpoints: &[Endpoint],
    claims: &mut Vec<SocketClaim>,
) -> Result<Vec<Endpoint>, StartError> {
    let mut bound = Vec::new();
    for endpoint in endpoints {
        if let Some(path) = endpoint.path() {
            claims.push(SocketClaim::take(path)?);
        }
        bound.push(
            bind(socket, endpoint).map_err(|source| match source.kind() {
                io::ErrorKind::AddrInUse => StartError::EndpointInUse(endpoint.clone()),
                _ => StartError::Bind {
                    endpoint: endpoint.clone(),
                    source,
                },
            })?,
        );
    }
    Ok(bound)
}

/// Binds one endpoint and says what it became.
fn bind(socket: &Socket, endpoint: &Endpoint) -> io::Result<Endpoint> {
    socket_options::set_family(socket, endpoint)?;
    socket.bind(&endpoint.to_string())?;
    match endpoint {
        Endpoint::Ipc(_) => Ok(endpoint.clone()),
        Endpoint::Tcp { .. } => socket.last_endpoint()?.parse().map_err(io::Error::other),
    }
}

fn spawn<H: ServerHandler>(
    config: ServerConfig,
    handler: H,
    bound: Bound,
    transport: ServerSockets,
) -> Result<Server, StartError> {
    let proof = match config.security {
        Security::OwnFolder => Proof::SameUser,
        Security::UnprotectedLoopback => Proof::Unproven,
    };
    let waker = Arc::new(Waker::new()?);
    let limits = config.limits;
    let (outbox, reader) = outbox(
        limits.outbox_messages_max,
        limits.outbox_bytes_max,
        Arc::clone(&waker),
    );
    let counters = Arc::new(Counters::default());
    let instance = InstanceId(random_bytes()?);
    let shared = Arc::new(ServerShared {
        counters: Arc::clone(&counters),
        bound,
        instance,
        message_bytes_max: limits.message_bytes_max,
    });
    let core = ServerCore::new(config, instance, proof, counters, handler, Instant::now());
    let engine = ServerEngine { core, transport };
    let thread = thread::Builder::new()
        .name("moor-link-server".to_owned())
        .spawn(move || io_loop::run(engine, reader, waker))?;
    Ok(Server::new(ServerHandle { outbox, shared }, thread))
}

/// A routing id that a ROUTER gives by itself: a zero byte and four that count connections. An id that a
/// peer chose for itself has another form; it could be used again after its connection, and is not known.
fn route_of(routing_id: &[u8]) -> Option<Route> {
    match *routing_id {
        [0, a, b, c, d] => Some(Route(u32::from_be_bytes([a, b, c, d]))),
        _ => None,
    }
}

fn routing_id(route: Route) -> [u8; 5] {
    let [a, b, c, d] = route.0.to_be_bytes();
    [0, a, b, c, d]
}

fn wire_error(error: &io::Error) -> WireError {
    match error.kind() {
        io::ErrorKind::WouldBlock => WireError::Full,
        io::ErrorKind::HostUnreachable => WireError::Gone,
        _ => {
            tracing::warn!(%error, "a message could not be sent");
            WireError::Gone
        }
    }
}

/// A socket that fails to read is broken for good in a way that libzmq does not document; it is logged and
/// counts as empty.
fn or_empty<T: Default>(answer: io::Result<T>) -> T {
    answer.unwrap_or_else(|error| {
        tracing::error!(%error, "a socket could not be read");
        T::default()
    })
}

impl ServerWire for ServerSockets {
    fn send(&mut self, route: Route, kind: Kind, body: &[u8]) -> Result<(), WireError> {
        self.rpc
            .send_first(&routing_id(route))
            .map_err(|error| wire_error(&error))?;
        self.rpc
            .send([&[kind as u8], body, &[]])
            .map_err(|error| wire_error(&error))
    }

    fn publish(&mut self, ticket: Ticket, kind: Kind, body: &[u8]) -> Result<(), WireError> {
        let Some(events) = &self.events else {
            return Err(WireError::Gone);
        };
        events
            .send([&ticket.0, &[kind as u8], body])
            .map_err(|error| wire_error(&error))
    }
}

impl ServerSockets {
    fn read_monitor<H: ServerHandler>(&mut self, core: &mut ServerCore<H>) -> bool {
        let mut busy = false;
        while let Some((_, connection)) = or_empty(self.rpc_monitor.next()) {
            core.disconnected(connection);
            busy = true;
        }
        busy
    }

    fn read_rpc<H: ServerHandler>(&mut self, core: &mut ServerCore<H>, now: Instant) -> bool {
        let mut message = Message::new();
        let mut taken = 0;
        while taken < BURST_MESSAGES_MAX
            && !core.is_stalled()
            && or_empty(self.rpc.receive(&mut message))
        {
            taken += 1;
            self.one_rpc(core, now, &mut message);
        }
        taken > 0
    }

    /// Takes one message, whose first part, the routing id, has been read.
    fn one_rpc<H: ServerHandler>(
        &mut self,
        core: &mut ServerCore<H>,
        now: Instant,
        message: &mut Message,
    ) {
        let route = route_of(message.bytes());
        let whole = message.has_more() && or_empty(self.rpc.receive(message));
        let connection = message.connection();
        let mut bytes = message.bytes();
        if !whole || message.has_more() {
            // A message of several parts is none of ours; the empty one stands for it.
            or_empty(self.rpc.skip_parts(message));
            bytes = &[];
        }
        let (Some(route), Some(connection)) = (route, connection) else {
            return;
        };
        if bytes.first() == Some(&(Kind::Hello as u8)) {
            // Descriptors are used again: whatever had this one before must be known to be gone.
            self.read_monitor(core);
        }
        core.message(self, now, route, connection, bytes);
    }

    /// Takes subscriptions. libzmq keeps what subscribers send and whom it came from in two queues, and a
    /// message that is no subscription enters only the first, so that from then on a grant would go to the
    /// wrong connection. Such a message therefore denies everything behind it until both queues are empty;
    /// a peer that was denied by this tries again.
    fn read_events<H: ServerHandler>(&mut self, core: &mut ServerCore<H>) -> bool {
        let mut message = Message::new();
        let mut taken = 0;
        while taken < BURST_MESSAGES_MAX && !core.is_stalled() {
            let Some(events) = &self.events else { break };
            if !or_empty(events.receive(&mut message)) {
                self.events_out_of_step = false;
                break;
            }
            taken += 1;
            self.one_subscription(core, message.bytes());
        }
        taken > 0
    }

    fn one_subscription<H: ServerHandler>(&mut self, core: &mut ServerCore<H>, message: &[u8]) {
        match message.split_first() {
            Some((&SUBSCRIBE, topic)) => {
                let ticket = core
                    .may_subscribe(topic)
                    .filter(|_| !self.events_out_of_step);
                if let Some(ticket) = ticket
                    && self.set_topic(sys::ZMQ_SUBSCRIBE, ticket)
                {
                    core.subscribed(self, ticket);
                }
            }
            Some((&UNSUBSCRIBE, topic)) => {
                if let Some(ticket) = core
                    .unsubscribed(self, topic)
                    .filter(|_| !self.events_out_of_step)
                {
                    self.set_topic(sys::ZMQ_UNSUBSCRIBE, ticket);
                }
            }
            _ => {
                tracing::warn!("a peer sent a message to the events socket");
                self.events_out_of_step = true;
            }
        }
    }

    /// Grants or takes back a topic, for the connection whose message was read last.
    fn set_topic(&self, option: std::ffi::c_int, ticket: Ticket) -> bool {
        self.events
            .as_ref()
            .is_some_and(|events| events.set_bytes(option, &ticket.0).is_ok())
    }
}

impl ServerTransport for ServerSockets {
    fn read<H: ServerHandler>(&mut self, core: &mut ServerCore<H>, now: Instant) -> bool {
        let mut busy = self.read_rpc(core, now);
        busy |= self.read_events(core);
        // Last, so that what a peer sent before its connection broke is usually still its own.
        if !core.is_stalled() {
            busy |= self.read_monitor(core);
        }
        busy
    }

    fn sleep(&mut self, waker: &Waker, reading: bool, time_max: Duration) {
        let sockets = [
            Some(&self.rpc),
            Some(self.rpc_monitor.socket()),
            self.events.as_ref(),
        ];
        let sockets = sockets.map(|socket| socket.filter(|_| reading));
        or_empty(poll(sockets, waker.as_fd(), time_max));
    }
}
