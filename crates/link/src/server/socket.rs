//! The server over ZeroMQ: a ROUTER for RPC, an XPUB for events, a door for each, and the handler of
//! authentication.
//!
//! In: endpoints to bind, keys. Out: messages and broken connections to the core, in the order in which they
//! happened to each connection. Knows the sockets' habits and nothing of the link's rules.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use moor_keyring::KeyPair;
use moor_zmq_sys as sys;

use super::core::{Route, ServerCore, ServerWire, Way, WireError};
use super::door::Door;
use super::engine::{ServerEngine, ServerTransport};
use super::judge::RegistryJudge;
use super::{Bound, Counters, Server, ServerHandle, ServerHandler, ServerShared};
use crate::bounds::{BURST_MESSAGES_MAX, CONNECTIONS_MAX, SUBSCRIPTION_BYTES_MAX};
use crate::config::{Limits, ServerConfig};
use crate::endpoint::Endpoint;
use crate::error::StartError;
use crate::folder::SocketClaim;
use crate::frame::{Channel, Kind};
use crate::identity::{InstanceId, Proof, Ticket, random_bytes};
use crate::io_loop::Drive;
use crate::origin::Origin;
use crate::security::Security;
use crate::signal::Sources;
use crate::socket_options;
use crate::waker::Waker;
use crate::zap::{Judge, ZapHandler};
use crate::zmq::{Context, Message, Socket, has_curve};

/// First byte of what an XPUB reads: a subscription, and its end.
const SUBSCRIBE: u8 = 1;
const UNSUBSCRIBE: u8 = 0;

struct ServerSockets {
    rpc: Socket,
    rpc_door: Door,
    events: Option<(Socket, Door)>,
    /// Some endpoint is encrypted: each message's origin is read from its connection.
    has_keys: bool,
    /// A peer sent something else than a subscription to the XPUB, see `read_events`.
    events_out_of_step: bool,
    /// Last, because a socket is closed before its path is given free.
    _claims: Vec<SocketClaim>,
    /// Lets nobody new in once it is dropped; it must end for the context to end.
    _zap: Option<ZapHandler>,
}

/// Binds every endpoint and starts the I/O thread.
pub(crate) fn start<H: ServerHandler>(
    config: ServerConfig,
    handler: H,
) -> Result<Server, StartError> {
    let counters = Arc::new(Counters::default());
    let judge = config
        .security
        .keys()
        .map(|keys| RegistryJudge::new(Arc::clone(keys), Arc::clone(&counters)));
    start_with(config, handler, counters, judge)
}

/// As [`start`], with any judge of keys.
pub(super) fn start_with<H: ServerHandler>(
    config: ServerConfig,
    handler: H,
    counters: Arc<Counters>,
    judge: Option<impl Judge>,
) -> Result<Server, StartError> {
    config.check()?;
    if !has_curve() {
        return Err(StartError::NoCurve);
    }
    let context = Context::with_io_threads(config.io_threads)?;
    // Before any socket binds: an encrypted endpoint without a handler lets nobody in.
    let zap = match judge {
        Some(judge) => Some(ZapHandler::start(&context, judge)?),
        None => None,
    };
    let mut claims = Vec::new();
    let keys = config.security.keys().map(Arc::as_ref);
    let rpc = rpc_socket(&context, &config.limits)?;
    let rpc_door = Door::new(&rpc, "rpc", CONNECTIONS_MAX)?;
    let curve = keys.map(|keys| (&*keys.pair, keys.rpc.as_str()));
    let bound_rpc = bind_all(&rpc, &config.rpc, curve, &mut claims)?;
    let (mut events, mut bound_events) = (None, Vec::new());
    if !config.events.is_empty() {
        let socket = events_socket(&context, &config.limits)?;
        let door = Door::new(&socket, "events", CONNECTIONS_MAX)?;
        let curve = keys.map(|keys| (&*keys.pair, keys.events.as_str()));
        bound_events = bind_all(&socket, &config.events, curve, &mut claims)?;
        events = Some((socket, door));
    }
    let sockets = ServerSockets {
        rpc,
        rpc_door,
        events,
        has_keys: keys.is_some(),
        events_out_of_step: false,
        _claims: claims,
        _zap: zap,
    };
    let bound = Bound {
        rpc: bound_rpc,
        events: bound_events,
    };
    spawn(config, handler, counters, bound, sockets)
}

fn rpc_socket(context: &Context, limits: &Limits) -> io::Result<Socket> {
    let rpc = context.socket(sys::ZMQ_ROUTER)?;
    socket_options::set_always(&rpc, limits)?;
    socket_options::set_listening(&rpc)?;
    // Unset, a reply to a peer that is gone or full would vanish without a word.
    rpc.set(sys::ZMQ_ROUTER_MANDATORY, 1)?;
    Ok(rpc)
}

fn events_socket(context: &Context, limits: &Limits) -> io::Result<Socket> {
    let events = context.socket(sys::ZMQ_XPUB)?;
    socket_options::set_always(&events, limits)?;
    socket_options::set_bytes_max(&events, SUBSCRIPTION_BYTES_MAX)?;
    socket_options::set_listening(&events)?;
    // Subscriptions take effect one by one, when we grant them.
    events.set(sys::ZMQ_XPUB_MANUAL, 1)?;
    // Unset, events to a full peer would vanish without a word.
    events.set(sys::ZMQ_XPUB_NODROP, 1)?;
    Ok(events)
}

/// Binds a socket to all its endpoints, those over TCP with the keys and the domain in `curve`.
///
/// libzmq copies a socket's options at each bind, so each endpoint keeps those of its moment. The open ones go
/// first, because a domain that was set once cannot be taken away again, and would have Unix sockets judged.
pub(crate) fn bind_all(
    socket: &Socket,
    endpoints: &[Endpoint],
    curve: Option<(&KeyPair, &str)>,
    claims: &mut Vec<SocketClaim>,
) -> Result<Vec<Endpoint>, StartError> {
    let mut bound = endpoints.to_vec();
    let is_open = |endpoint: &Endpoint| curve.is_none() || endpoint.path().is_some();
    for endpoint in bound.iter_mut().filter(|endpoint| is_open(endpoint)) {
        if let Some(path) = endpoint.path() {
            claims.push(SocketClaim::take(path)?);
        }
        *endpoint = bind(socket, endpoint)?;
    }
    if let Some((pair, domain)) = curve {
        socket_options::set_curve_door(socket, pair, domain)?;
        for endpoint in bound.iter_mut().filter(|endpoint| !is_open(endpoint)) {
            *endpoint = bind(socket, endpoint)?;
        }
    }
    Ok(bound)
}

/// Binds one endpoint and says what it became.
fn bind(socket: &Socket, endpoint: &Endpoint) -> Result<Endpoint, StartError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::EndpointInUse(endpoint.clone()),
        _ => StartError::Bind {
            endpoint: endpoint.clone(),
            source,
        },
    };
    socket_options::set_family(socket, endpoint).map_err(failed)?;
    socket.bind(&endpoint.to_string()).map_err(failed)?;
    match endpoint {
        Endpoint::Ipc(_) => Ok(endpoint.clone()),
        Endpoint::Tcp { .. } => {
            let bound = socket.last_endpoint().map_err(failed)?;
            bound
                .parse()
                .map_err(|error| failed(io::Error::other(error)))
        }
    }
}

fn spawn<H: ServerHandler>(
    config: ServerConfig,
    handler: H,
    counters: Arc<Counters>,
    bound: Bound,
    transport: ServerSockets,
) -> Result<Server, StartError> {
    let proof = match config.security {
        Security::OwnFolder | Security::Curve(_) => Proof::SameUser,
        Security::UnprotectedLoopback => Proof::Unproven,
    };
    let waker = Arc::new(Waker::new()?);
    let limits = config.limits;
    let instance = InstanceId(random_bytes()?);
    let shared = Arc::new(ServerShared {
        counters: Arc::clone(&counters),
        bound,
        instance,
        message_bytes_max: limits.message_bytes_max,
    });
    let core = ServerCore::new(config, instance, proof, counters, handler, Instant::now());
    let engine = ServerEngine { core, transport };
    let (messages_max, bytes_max) = (limits.outbox_messages_max, limits.outbox_bytes_max);
    let (drive, outbox) = Drive::new(engine, messages_max, bytes_max, waker)?;
    let threads = drive.start("io-link-server")?;
    Ok(Server::new(ServerHandle { outbox, shared }, threads))
}

/// A routing id as a ROUTER gives it: a zero byte and four that count connections. What a peer calls itself is not
/// taken (a mend of moor-zmq-sys), so there is no other form.
pub(crate) fn route_of(routing_id: &[u8]) -> Option<Route> {
    match *routing_id {
        [0, a, b, c, d] => Some(Route(u32::from_be_bytes([a, b, c, d]))),
        _ => None,
    }
}

pub(crate) fn routing_id(route: Route) -> [u8; 5] {
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
pub(crate) fn or_empty<T: Default>(answer: io::Result<T>) -> T {
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
        let Some((events, _)) = &self.events else {
            return Err(WireError::Gone);
        };
        events
            .send([&ticket.0, &[kind as u8], body])
            .map_err(|error| wire_error(&error))
    }

    fn settle(&mut self, channel: Channel, connection: u64) {
        if let Some(door) = self.door(channel) {
            door.settle(connection);
        }
    }
}

impl ServerSockets {
    fn door(&mut self, channel: Channel) -> Option<&mut Door> {
        match channel {
            Channel::Rpc => Some(&mut self.rpc_door),
            Channel::Events => self.events.as_mut().map(|(_, door)| door),
        }
    }

    /// Without encrypted endpoints no property is looked up, which costs more than the rest of a message.
    fn origin(&self, message: &Message) -> Origin {
        match self.has_keys {
            true => Origin::of(message),
            false => Origin::Open,
        }
    }

    /// What ended before now is known afterwards, whether its signal has come or not.
    fn look_at_rpc_door<H: ServerHandler>(&mut self, core: &mut ServerCore<H>, now: Instant) {
        self.rpc_door.socket().signal().raise();
        self.read_rpc_door(core, now);
    }

    fn look_at_events_door<H: ServerHandler>(&mut self, core: &mut ServerCore<H>, now: Instant) {
        if let Some((_, door)) = &self.events {
            door.socket().signal().raise();
        }
        self.read_events_door(core, now);
    }

    fn read_rpc_door<H: ServerHandler>(&mut self, core: &mut ServerCore<H>, now: Instant) -> bool {
        let mut busy = false;
        while let Some(connection) = self.rpc_door.next_ended(now) {
            core.disconnected(connection);
            busy = true;
        }
        busy
    }

    fn read_events_door<H: ServerHandler>(
        &mut self,
        core: &mut ServerCore<H>,
        now: Instant,
    ) -> bool {
        let mut busy = false;
        let Some((_, door)) = &mut self.events else {
            return false;
        };
        while let Some(connection) = door.next_ended(now) {
            core.events_disconnected(connection);
            busy = true;
        }
        busy
    }

    /// Hears of what ended, then ends what is due: in this order a descriptor is still that connection's.
    fn read_doors<H: ServerHandler>(&mut self, core: &mut ServerCore<H>, now: Instant) -> bool {
        for (channel, connection) in core.take_ending() {
            if let Some(door) = self.door(channel) {
                door.end(now, connection);
            }
        }
        if self.due().is_none_or(|due| due > now) {
            return self.read_rpc_door(core, now) | self.read_events_door(core, now);
        }
        self.look_at_rpc_door(core, now);
        self.look_at_events_door(core, now);
        self.rpc_door.end_due(now);
        if let Some((_, door)) = &mut self.events {
            door.end_due(now);
        }
        true
    }

    /// A connection that ended is heard of before what it had sent is read? Then that is looked for as well.
    fn raise_behind_doors(&self) {
        let doors = [
            Some((&self.rpc, &self.rpc_door)),
            self.events.as_ref().map(|(socket, door)| (socket, door)),
        ];
        for (socket, door) in doors.into_iter().flatten() {
            if door.socket().signal().is_raised() {
                socket.signal().raise();
            }
        }
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
        let (connection, origin) = (message.connection(), self.origin(message));
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
            self.look_at_rpc_door(core, now);
        }
        let way = Way {
            route,
            connection,
            origin,
        };
        core.message(self, now, way, bytes);
    }

    /// Takes subscriptions. libzmq keeps what subscribers send and whom it came from in two queues, and a
    /// message that is no subscription enters only the first, so that from then on a grant would go to the
    /// wrong connection. Such a message therefore denies everything behind it until both queues are empty;
    /// a peer that was denied by this tries again.
    fn read_events<H: ServerHandler>(&mut self, core: &mut ServerCore<H>, now: Instant) -> bool {
        let mut message = Message::new();
        let mut taken = 0;
        while taken < BURST_MESSAGES_MAX && !core.is_stalled() {
            let Some((events, _)) = &self.events else {
                break;
            };
            if !or_empty(events.receive(&mut message)) {
                self.events_out_of_step = false;
                break;
            }
            taken += 1;
            self.one_subscription(core, now, &message);
        }
        taken > 0
    }

    fn one_subscription<H: ServerHandler>(
        &mut self,
        core: &mut ServerCore<H>,
        now: Instant,
        message: &Message,
    ) {
        let origin = self.origin(message);
        let in_step = !self.events_out_of_step;
        match message.bytes().split_first() {
            Some((&SUBSCRIBE, topic)) => {
                let ticket = core.may_subscribe(topic, origin).filter(|_| in_step);
                if let Some(ticket) = ticket
                    && self.set_topic(sys::ZMQ_SUBSCRIBE, ticket)
                {
                    // As for a hello: whatever had this descriptor before must be known to be gone.
                    self.look_at_events_door(core, now);
                    core.subscribed(self, ticket, message.connection());
                }
            }
            Some((&UNSUBSCRIBE, topic)) => {
                let ticket = core.unsubscribed(self, topic, origin);
                if let Some(ticket) = ticket.filter(|_| in_step) {
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
            .is_some_and(|(events, _)| events.set_bytes(option, &ticket.0).is_ok())
    }
}

impl ServerTransport for ServerSockets {
    fn read<H: ServerHandler>(&mut self, core: &mut ServerCore<H>, now: Instant) -> bool {
        self.raise_behind_doors();
        let mut busy = self.read_rpc(core, now);
        busy |= self.read_events(core, now);
        // Last, so that what a peer sent before its connection broke is usually still its own.
        if !core.is_stalled() {
            busy |= self.read_doors(core, now);
        }
        busy
    }

    fn gather(&mut self, sources: &mut Sources) -> bool {
        let events = self.events.as_ref();
        let sockets = [
            Some(&self.rpc),
            Some(self.rpc_door.socket()),
            events.map(|(socket, _)| socket),
            events.map(|(_, door)| door.socket()),
        ];
        for socket in sockets.into_iter().flatten() {
            if or_empty(socket.has_input()) {
                return false;
            }
            sources.add(Arc::clone(socket.signal()));
        }
        true
    }

    fn has_input(&mut self) -> bool {
        let events = self.events.as_ref().map(|(socket, _)| socket);
        let mut sockets = [Some(&self.rpc), events].into_iter().flatten();
        sockets.any(|socket| or_empty(socket.has_input()))
    }

    fn due(&self) -> Option<Instant> {
        let events = self.events.as_ref().and_then(|(_, door)| door.due());
        [self.rpc_door.due(), events].into_iter().flatten().min()
    }
}
