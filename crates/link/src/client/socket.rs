//! The client over ZeroMQ: a DEALER for RPC and a SUB for events, made anew for each attempt, with a
//! monitor each.
//!
//! In: addresses to connect to, our keys and the server's. Out: messages and broken connections to the core.
//! Knows the sockets' habits and nothing of the link's rules.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use moor_zmq_sys as sys;

use super::core::{Breakage, Broken, ClientCore, ClientWire};
use super::engine::{ClientEngine, ClientTransport};
use super::{Client, ClientHandle, ClientHandler, ClientShared};
use crate::address::Address;
use crate::bounds::BURST_MESSAGES_MAX;
use crate::config::{ClientConfig, Limits};
use crate::endpoint::Endpoint;
use crate::error::StartError;
use crate::folder::{FolderError, check_folder};
use crate::frame::{Channel, Kind};
use crate::identity::Ticket;
use crate::io_loop::Drive;
use crate::names::{self, NameError, Target};
use crate::scout::{Errand, Report, Scout};
use crate::security::ClientKeys;
use crate::signal::Sources;
use crate::socket_options;
use crate::waker::Waker;
use crate::zmq::{Context, Message, Monitor, Socket, has_curve};

/// Bytes of a ticket in front of every event.
const TOPIC_BYTES: usize = 16;

/// Every way in which a connection ends or does not begin.
const BROKEN_EVENTS: i32 = sys::ZMQ_EVENT_CLOSED
    | sys::ZMQ_EVENT_DISCONNECTED
    | sys::ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
    | sys::ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

struct Connection {
    socket: Socket,
    monitor: Monitor,
}

impl Connection {
    /// The connection may have ended: what it brought before that is looked for, whether its signal has come or not.
    fn raise_behind_monitor(&self) {
        if self.monitor.socket().signal().is_raised() {
            self.socket.signal().raise();
        }
    }
}

struct ClientSockets {
    context: Context,
    limits: Limits,
    rpc_addresses: Vec<Address>,
    events_addresses: Vec<Address>,
    /// For connections over the network; without them there are none, except plaintext ones of tests.
    keys: Option<Arc<ClientKeys>>,
    scout: Scout,
    rpc: Option<Connection>,
    events: Option<Connection>,
    /// Monitors are named apart by it.
    connections_made: u64,
}

/// Starts the I/O thread.
pub(crate) fn start<H: ClientHandler>(
    config: ClientConfig,
    handler: H,
) -> Result<Client, StartError> {
    config.check()?;
    if !has_curve() {
        return Err(StartError::NoCurve);
    }
    let waker = Arc::new(Waker::new()?);
    let limits = config.limits;
    let shared = Arc::new(ClientShared::new(limits.message_bytes_max));
    let transport = ClientSockets {
        context: Context::new()?,
        limits,
        rpc_addresses: config.rpc.clone(),
        events_addresses: config.events.clone(),
        keys: config.security.keys().cloned(),
        scout: Scout::new(config.names.clone(), Arc::clone(&waker)),
        rpc: None,
        events: None,
        connections_made: 0,
    };
    let core = ClientCore::new(config, Arc::clone(&shared), handler, Instant::now());
    let engine = ClientEngine { core, transport };
    let (messages_max, bytes_max) = (limits.outbox_messages_max, limits.outbox_bytes_max);
    let (drive, outbox) = Drive::new(engine, messages_max, bytes_max, waker)?;
    let threads = drive.start("io-link-client")?;
    Ok(Client::new(ClientHandle { outbox, shared }, threads))
}

/// A socket that cannot be read is logged and counts as empty; its monitor or the heartbeat ends it.
fn or_empty<T: Default>(answer: io::Result<T>) -> T {
    answer.unwrap_or_else(|error| {
        tracing::error!(%error, "a socket could not be read");
        T::default()
    })
}

/// A folder that others can enter could hold anybody's socket. A missing one is only a server not started.
fn trusted(endpoint: &Endpoint) -> Result<(), Broken> {
    let Some(folder) = endpoint.path().and_then(|path| path.parent()) else {
        return Ok(());
    };
    match check_folder(folder) {
        Ok(()) => Ok(()),
        Err(FolderError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Err(Broken)
        }
        Err(error) => {
            tracing::warn!(%endpoint, %error, "not connecting");
            Err(Broken)
        }
    }
}

impl ClientSockets {
    fn open(
        &mut self,
        kind: i32,
        endpoint: &Endpoint,
        topic: Option<Ticket>,
    ) -> Result<Connection, Broken> {
        trusted(endpoint)?;
        self.try_open(kind, endpoint, topic).map_err(|error| {
            tracing::warn!(%endpoint, %error, "cannot connect");
            Broken
        })
    }

    fn try_open(
        &mut self,
        kind: i32,
        endpoint: &Endpoint,
        topic: Option<Ticket>,
    ) -> io::Result<Connection> {
        let socket = self.context.socket(kind)?;
        socket_options::set_always(&socket, &self.limits)?;
        socket_options::set_connecting(&socket)?;
        socket_options::set_family(&socket, endpoint)?;
        if let (Some(keys), None) = (&self.keys, endpoint.path()) {
            socket_options::set_curve_client(&socket, keys)?;
        }
        if let Some(ticket) = topic {
            socket.set_bytes(sys::ZMQ_SUBSCRIBE, &ticket.0)?;
        }
        self.connections_made += 1;
        let monitor = socket.monitor(&self.connections_made.to_string(), BROKEN_EVENTS)?;
        socket.connect(&endpoint.to_string())?;
        Ok(Connection { socket, monitor })
    }

    fn read_channel<H: ClientHandler>(
        &mut self,
        core: &mut ClientCore<H>,
        now: Instant,
        channel: Channel,
    ) -> bool {
        let mut message = Message::new();
        let mut taken = 0;
        while taken < BURST_MESSAGES_MAX && !core.is_stalled() {
            let connection = match channel {
                Channel::Rpc => &self.rpc,
                Channel::Events => &self.events,
            };
            let Some(Connection { socket, .. }) = connection else {
                break;
            };
            if !or_empty(socket.receive(&mut message)) {
                break;
            }
            taken += 1;
            let single = !message.has_more();
            let topic_bytes = if channel == Channel::Events {
                TOPIC_BYTES
            } else {
                0
            };
            // A message of several parts is none of ours; the empty one stands for it.
            let body = message
                .bytes()
                .get(topic_bytes..)
                .filter(|_| single)
                .unwrap_or(&[]);
            core.message(self, now, channel, body);
        }
        taken > 0
    }

    fn read_monitors<H: ClientHandler>(&mut self, core: &mut ClientCore<H>, now: Instant) -> bool {
        // Of several events the first is the cause.
        let event = [&mut self.rpc, &mut self.events]
            .into_iter()
            .flatten()
            .find_map(|connection| or_empty(connection.monitor.next()));
        let Some((event, value)) = event else {
            return false;
        };
        let how = breakage(event, value, self.keys.is_some());
        core.broken(self, now, how);
        true
    }

    fn read_scout<H: ClientHandler>(&mut self, core: &mut ClientCore<H>, now: Instant) -> bool {
        let Some(report) = self.scout.report() else {
            return false;
        };
        match report {
            Report::Found(answer) => core.found(self, now, answer),
            Report::Looked(look) => core.looked(self, now, look),
        }
        true
    }
}

/// What a monitor's event says of the connection. Only a CURVE server hangs up for a reason worth a look.
fn breakage(event: i32, value: u64, is_curve: bool) -> Breakage {
    match event {
        sys::ZMQ_EVENT_HANDSHAKE_FAILED_AUTH => Breakage::NotAdmitted,
        sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
            if value == sys::ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC =>
        {
            Breakage::WrongKey
        }
        sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL => Breakage::NotSecure,
        sys::ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL if is_curve => Breakage::HungUp,
        _ => Breakage::Ended,
    }
}

impl ClientWire for ClientSockets {
    fn find(&mut self, address: usize) -> Option<Result<Vec<Target>, NameError>> {
        let Some(rpc) = self.rpc_addresses.get(address) else {
            return Some(Err(NameError::Unknown));
        };
        let events = self.events_addresses.get(address);
        if let Some(target) = names::at_once(rpc, events) {
            return Some(Ok(vec![target]));
        }
        let errand = Errand::Find(rpc.clone(), events.cloned());
        // One that cannot go is still held up by a name server that does not answer.
        (!self.scout.send(errand)).then_some(Err(NameError::NoAnswer))
    }

    fn connect(&mut self, target: &Target) -> Result<(), Broken> {
        self.rpc = Some(self.open(sys::ZMQ_DEALER, &target.rpc, None)?);
        Ok(())
    }

    fn subscribe(&mut self, target: &Target, ticket: Ticket) -> Result<(), Broken> {
        let events = target.events.as_ref().ok_or(Broken)?;
        self.events = Some(self.open(sys::ZMQ_SUB, events, Some(ticket))?);
        Ok(())
    }

    fn look(&mut self, target: &Target) -> bool {
        let Some(keys) = self.keys.as_ref().filter(|_| target.rpc.path().is_none()) else {
            return false;
        };
        let key = *keys.server.as_bytes();
        self.scout.send(Errand::Look(target.rpc.clone(), key))
    }

    fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Broken> {
        let Some(rpc) = &self.rpc else {
            return Err(Broken);
        };
        // A full queue is a server that has not read for a long time: credit would have stopped us before.
        rpc.socket
            .send([&[kind as u8], body, &[]])
            .map_err(|_| Broken)
    }

    fn close(&mut self) {
        self.rpc = None;
        self.events = None;
    }
}

impl ClientTransport for ClientSockets {
    fn read<H: ClientHandler>(&mut self, core: &mut ClientCore<H>, now: Instant) -> bool {
        let connections = || [&self.rpc, &self.events].into_iter().flatten();
        connections().for_each(Connection::raise_behind_monitor);
        let mut busy = self.read_channel(core, now, Channel::Rpc);
        busy |= self.read_channel(core, now, Channel::Events);
        busy |= !core.is_stalled() && self.read_scout(core, now);
        // Only when all else is read: a server's last word, its refusal or goodbye, comes before the end of
        // its connection.
        if !busy && !core.is_stalled() {
            busy = self.read_monitors(core, now);
        }
        busy
    }

    fn gather(&mut self, sources: &mut Sources) -> bool {
        // A report that came while we were awake has not woken us.
        if self.scout.has_report() {
            return false;
        }
        for connection in [&self.rpc, &self.events].into_iter().flatten() {
            for socket in [&connection.socket, connection.monitor.socket()] {
                if or_empty(socket.has_input()) {
                    return false;
                }
                sources.add(Arc::clone(socket.signal()));
            }
        }
        true
    }

    fn has_input(&mut self) -> bool {
        let rpc = self.rpc.as_ref();
        rpc.is_some_and(|rpc| or_empty(rpc.socket.has_input()))
    }
}
