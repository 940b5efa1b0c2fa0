//! The server's rules without a socket or a clock: hellos, admission, subscriptions, heartbeats, credit.
//!
//! In: messages with the way they came by, subscriptions, broken connections, commands, the time, the
//! registry of enrolled peers. Out: messages through a [`ServerWire`], events through the program's handler. The ZeroMQ sockets and the
//! in-memory twin drive the same code.

mod admission;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rustc_hash::FxHashMap;

use super::standing::{self, Standing};
use super::{Counters, GoneReason, ServerCommand, ServerEvent, ServerHandler};
use crate::ServerConfig;
use crate::credit::{Credit, Tally};
use crate::frame::{self, Channel, Farewell, Kind, Refusal, RefusalCode};
use crate::identity::{InstanceId, NodeId, PeerId, PeerIdentity, Proof, Ticket};
use crate::origin::Origin;
use crate::relay::Work;
use crate::security::ServerKeys;

/// One connection as the transport names it; never used twice while the server runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Route(pub(crate) u32);

/// A message could not be handed to the transport.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WireError {
    /// The connection is gone.
    Gone,
    /// Its queue is full.
    Full,
}

/// A message's way to us: the route of its answer, the transport's name of the connection, by which its end
/// is told, and whom the connection proves it to come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Way {
    pub(crate) route: Route,
    pub(crate) connection: u64,
    pub(crate) origin: Origin,
}

/// What carries the server's messages.
pub(crate) trait ServerWire {
    /// Sends over the RPC connection.
    fn send(&mut self, route: Route, kind: Kind, body: &[u8]) -> Result<(), WireError>;
    /// Sends to the topic of a ticket.
    fn publish(&mut self, ticket: Ticket, kind: Kind, body: &[u8]) -> Result<(), WireError>;
    /// A connection belongs to a welcomed peer.
    fn settle(&mut self, channel: Channel, connection: u64);
}

/// A peer between its accepted hello and its end.
struct Peer {
    id: PeerId,
    identity: PeerIdentity,
    ticket: Ticket,
    /// Its subscription is live; only now its payloads are taken.
    joined: bool,
    heard: Instant,
    standing: Standing,
    /// The transport's name of the RPC connection.
    connection: u64,
    /// That of the events connection, once it has subscribed.
    events_connection: Option<u64>,
    credit: Credit,
    tally: Tally,
}

pub(crate) struct ServerCore<H> {
    config: ServerConfig,
    keys: Option<Arc<ServerKeys>>,
    instance: InstanceId,
    /// What a connection without a key proves.
    proof: Proof,
    counters: Arc<Counters>,
    handler: H,
    peers: FxHashMap<Route, Peer>,
    routes: FxHashMap<PeerId, Route>,
    tickets: FxHashMap<Ticket, Route>,
    nodes: FxHashMap<NodeId, Route>,
    connections: FxHashMap<u64, Route>,
    peers_seen: u64,
    /// Connections that nobody needs any more, until the transport takes them.
    ending: Vec<(Channel, u64)>,
    /// Goodbye was said; nobody comes in any more.
    stopping: bool,
    next_ping: Instant,
    /// Events that the handler had no room for, oldest first. At most the two of one message and one
    /// `Gone` for each peer, because nothing is read while any is waiting.
    stalled: VecDeque<ServerEvent>,
    /// Events wait there although the handler may have room.
    defers: bool,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// How many peers of this kind are in: as many kinds as the server admits.
fn peers_gauge(identity: &PeerIdentity) -> metrics::Gauge {
    metrics::gauge!("moor_link_peers", "service" => identity.service().as_str().to_owned())
}

impl<H: ServerHandler> ServerCore<H> {
    pub(crate) fn new(
        config: ServerConfig,
        instance: InstanceId,
        proof: Proof,
        counters: Arc<Counters>,
        handler: H,
        now: Instant,
    ) -> Self {
        let next_ping = now + config.heartbeat.interval;
        Self {
            keys: config.security.keys().cloned(),
            config,
            instance,
            proof,
            counters,
            handler,
            peers: FxHashMap::default(),
            routes: FxHashMap::default(),
            tickets: FxHashMap::default(),
            nodes: FxHashMap::default(),
            connections: FxHashMap::default(),
            peers_seen: 0,
            ending: Vec::new(),
            stopping: false,
            next_ping,
            stalled: VecDeque::new(),
            defers: false,
        }
    }

    /// What the program wants done by the thread that read.
    pub(crate) fn work(&mut self) -> Option<Arc<dyn Work>> {
        self.handler.work()
    }

    /// Nothing may be read from the sockets: the program has no room.
    pub(crate) fn is_stalled(&self) -> bool {
        !self.stalled.is_empty()
    }

    /// Offers waiting events again. When the last is taken, every peer gets a new term: its answers may
    /// have been waiting unread.
    pub(crate) fn retry_stalled(&mut self, now: Instant) {
        while let Some(event) = self.stalled.pop_front() {
            if let Err(event) = self.handler.event(event) {
                self.stalled.push_front(event);
                return;
            }
        }
        for peer in self.peers.values_mut() {
            peer.heard = now;
        }
    }

    /// From now on events wait until they are offered again, or no longer: whoever sends must not call the program.
    pub(crate) fn defer(&mut self, deferred: bool) {
        self.defers = deferred;
    }

    fn tell(&mut self, event: ServerEvent) {
        if self.stalled.is_empty() && !self.defers {
            if let Err(event) = self.handler.event(event) {
                self.stalled.push_back(event);
            }
        } else {
            self.stalled.push_back(event);
        }
    }

    /// Takes a message from the RPC socket.
    pub(crate) fn message(
        &mut self,
        wire: &mut impl ServerWire,
        now: Instant,
        way: Way,
        message: &[u8],
    ) {
        let route = way.route;
        if !self.may_speak(wire, way) {
            return;
        }
        let known = self.peers.contains_key(&route);
        match frame::split(message) {
            Ok((Kind::Hello, body)) if !known => self.hello(wire, now, way, body),
            Ok((Kind::Data, body)) if known => self.data(wire, now, way, body),
            Ok((Kind::Received, body)) if known => self.received(wire, now, way, body),
            Ok((Kind::Bye, _)) if known => {
                // The answer says that all it sent before has been read.
                self.farewell(wire, route, Farewell::Stopping);
                self.drop_peer(route, GoneReason::Left);
            }
            Ok((Kind::Bye, _)) => {}
            // A peer of a former life or one that was dropped while it sent: it must say hello again.
            Ok((Kind::Data | Kind::Received, _)) => self.farewell(wire, route, Farewell::Dropped),
            Ok(_) | Err(_) => self.malformed(wire, way),
        }
    }

    /// Whether a message may be looked at: its sender is who its connection proved, and is enrolled now if it
    /// came in with a key. Asked for every message, so that nothing is taken of what a revoked peer sent
    /// before it heard of it.
    fn may_speak(&mut self, wire: &mut impl ServerWire, way: Way) -> bool {
        let keys = self.keys.as_deref();
        let Some(peer) = self.peers.get_mut(&way.route) else {
            let known = standing::is_known(keys, way.origin);
            if !known {
                self.refuse(wire, way.route, &standing::revoked());
                self.ending.push((Channel::Rpc, way.connection));
            }
            return known;
        };
        if !peer.standing.is_of(way.origin) {
            self.malformed(wire, way);
            return false;
        }
        let current = peer.standing.is_current(keys);
        if !current {
            self.revoke(wire, way.route);
        }
        current
    }

    /// Ends a peer whose enrollment is gone: it hears why.
    fn revoke(&mut self, wire: &mut impl ServerWire, route: Route) {
        if let Some(peer) = self.peers.get(&route) {
            peer.identity.revoke();
            self.refuse(wire, route, &standing::revoked());
            self.drop_peer(route, GoneReason::Revoked);
        }
    }

    /// Holds every peer against the registry.
    fn recheck(&mut self, wire: &mut impl ServerWire) {
        let keys = self.keys.as_deref();
        let gone: Vec<Route> = self
            .peers
            .iter_mut()
            .filter_map(|(&route, peer)| (!peer.standing.is_current(keys)).then_some(route))
            .collect();
        for route in gone {
            self.revoke(wire, route);
        }
    }

    fn farewell(&mut self, wire: &mut impl ServerWire, route: Route, farewell: Farewell) {
        // The receiver may be gone already, which is what is wanted.
        let _ = wire.send(route, Kind::Bye, &farewell.encode());
    }

    /// Answers what does not belong on the link, and ends the peer if it is one.
    fn malformed(&mut self, wire: &mut impl ServerWire, way: Way) {
        count(&self.counters.malformed);
        let refusal = Refusal::new(
            RefusalCode::Protocol,
            "that message does not belong on this link",
        );
        self.refuse(wire, way.route, &refusal);
        self.drop_peer(way.route, GoneReason::Protocol);
        // Of a stranger too.
        self.ending.push((Channel::Rpc, way.connection));
    }

    fn refuse(&mut self, wire: &mut impl ServerWire, route: Route, refusal: &Refusal) {
        let _ = wire.send(route, Kind::Refused, &refusal.encode());
    }

    fn join(&mut self, route: Route) {
        let Some(peer) = self.peers.get_mut(&route) else {
            return;
        };
        peer.joined = true;
        let event = ServerEvent::Joined {
            peer: peer.id,
            identity: peer.identity.clone(),
        };
        count(&self.counters.peers);
        peers_gauge(&peer.identity).increment(1);
        self.tell(event);
    }

    /// Judges a subscription. Only the exact topic of a welcomed peer is granted, and only to that peer: no
    /// prefix, nothing longer, no other topic. The caller grants it in the transport, then calls
    /// [`Self::subscribed`].
    pub(crate) fn may_subscribe(&mut self, topic: &[u8], origin: Origin) -> Option<Ticket> {
        let keys = self.keys.as_deref();
        let granted = topic.try_into().ok().map(Ticket).filter(|ticket| {
            let route = self.tickets.get(ticket);
            let peer = route.and_then(|route| self.peers.get_mut(route));
            peer.is_some_and(|peer| peer.standing.is_of(origin) && peer.standing.is_current(keys))
        });
        if granted.is_none() {
            count(&self.counters.subscriptions_denied);
        }
        granted
    }

    /// A granted subscription is live, over this connection.
    pub(crate) fn subscribed(
        &mut self,
        wire: &mut impl ServerWire,
        ticket: Ticket,
        connection: Option<u64>,
    ) {
        let Some(&route) = self.tickets.get(&ticket) else {
            return;
        };
        if let (Some(peer), Some(connection)) = (self.peers.get_mut(&route), connection) {
            wire.settle(Channel::Events, connection);
            peer.events_connection = Some(connection);
        }
        if wire.publish(ticket, Kind::Granted, &[]).is_err() {
            return;
        }
        if self.peers.get(&route).is_some_and(|peer| !peer.joined) {
            self.join(route);
        }
    }

    /// A subscription ended: the peer's events connection broke, and events would be lost. Returns the
    /// topic if it was a peer's. The transport itself tells of a broken connection, with an open origin.
    pub(crate) fn unsubscribed(
        &mut self,
        wire: &mut impl ServerWire,
        topic: &[u8],
        origin: Origin,
    ) -> Option<Ticket> {
        let ticket = topic.try_into().ok().map(Ticket)?;
        let &route = self.tickets.get(&ticket)?;
        let is_own = |peer: &Peer| origin == Origin::Open || peer.standing.is_of(origin);
        if !self.peers.get(&route).is_some_and(is_own) {
            count(&self.counters.subscriptions_denied);
            return None;
        }
        self.farewell(wire, route, Farewell::Dropped);
        self.drop_peer(route, GoneReason::Disconnected);
        Some(ticket)
    }

    /// A connection to the events socket ended; its name may be given anew.
    pub(crate) fn events_disconnected(&mut self, connection: u64) {
        for peer in self.peers.values_mut() {
            if peer.events_connection == Some(connection) {
                peer.events_connection = None;
            }
        }
    }

    fn data(&mut self, wire: &mut impl ServerWire, now: Instant, way: Way, body: &[u8]) {
        let route = way.route;
        let Some(peer) = self.peers.get_mut(&route) else {
            return;
        };
        if !peer.joined || body.len() > self.config.limits.message_bytes_max {
            self.malformed(wire, way);
            return;
        }
        peer.heard = now;
        if peer.tally.received(body.len()) {
            // A full or broken connection is found by the next payload or ping.
            let _ = wire.send(route, Kind::Received, &peer.tally.report().to_le_bytes());
        }
        let (peer, identity) = (peer.id, peer.identity.clone());
        count(&self.counters.requests);
        self.tell(ServerEvent::Request {
            peer,
            identity,
            payload: body.to_vec(),
        });
    }

    fn received(&mut self, wire: &mut impl ServerWire, now: Instant, way: Way, body: &[u8]) {
        let Some(peer) = self.peers.get_mut(&way.route) else {
            return;
        };
        match frame::decode_received(body) {
            Ok(total) => {
                peer.heard = now;
                peer.credit.report(total);
            }
            Err(_) => self.malformed(wire, way),
        }
    }

    /// The transport lost a connection.
    pub(crate) fn disconnected(&mut self, connection: u64) {
        if let Some(route) = self.connections.remove(&connection) {
            self.drop_peer(route, GoneReason::Disconnected);
        }
    }

    /// A command has left events to tell or connections to end.
    pub(crate) fn has_news(&self) -> bool {
        self.is_stalled() || !self.ending.is_empty()
    }

    /// Connections to be ended by force, once their last messages have had time to arrive: a peer that is
    /// dropped may be a machine that is gone, or one that does not want to leave.
    pub(crate) fn take_ending(&mut self) -> Vec<(Channel, u64)> {
        std::mem::take(&mut self.ending)
    }

    /// Forgets a peer and tells the program, if it had been told of it.
    fn drop_peer(&mut self, route: Route, reason: GoneReason) {
        let Some(peer) = self.peers.remove(&route) else {
            return;
        };
        self.routes.remove(&peer.id);
        self.tickets.remove(&peer.ticket);
        // A newer connection may have taken these places.
        if self.nodes.get(&peer.identity.node()) == Some(&route) {
            self.nodes.remove(&peer.identity.node());
        }
        if self.connections.get(&peer.connection) == Some(&route) {
            self.connections.remove(&peer.connection);
            self.ending.push((Channel::Rpc, peer.connection));
        }
        let events = peer.events_connection;
        self.ending
            .extend(events.map(|events| (Channel::Events, events)));
        match reason {
            GoneReason::Slow => count(&self.counters.slow),
            GoneReason::Silent => count(&self.counters.silent),
            GoneReason::Revoked => count(&self.counters.revoked),
            _ => {}
        }
        if peer.joined {
            self.counters.peers.fetch_sub(1, Ordering::Relaxed);
            peers_gauge(&peer.identity).decrement(1);
            self.tell(ServerEvent::Gone {
                peer: peer.id,
                identity: peer.identity,
                reason,
            });
        }
    }

    /// Carries out a command of the program.
    pub(crate) fn command(&mut self, wire: &mut impl ServerWire, command: ServerCommand) {
        match command {
            ServerCommand::Reply { peer, payload } => {
                self.payload(wire, peer, Channel::Rpc, &payload);
            }
            ServerCommand::Publish { peer, payload } => {
                self.payload(wire, peer, Channel::Events, &payload);
            }
            ServerCommand::Recheck => self.recheck(wire),
            ServerCommand::Disconnect { peer } => {
                if let Some(&route) = self.routes.get(&peer) {
                    self.farewell(wire, route, Farewell::Dropped);
                    self.drop_peer(route, GoneReason::Asked);
                }
            }
        }
    }

    fn payload(
        &mut self,
        wire: &mut impl ServerWire,
        id: PeerId,
        channel: Channel,
        payload: &[u8],
    ) {
        let Some(&route) = self.routes.get(&id) else {
            count(&self.counters.undeliverable);
            return;
        };
        let Some(peer) = self.peers.get_mut(&route) else {
            return;
        };
        if !peer.standing.is_current(self.keys.as_deref()) {
            count(&self.counters.undeliverable);
            self.revoke(wire, route);
            return;
        }
        peer.credit.sent(payload.len());
        let sent = if peer.credit.in_flight() > self.config.limits.in_flight_bytes_max {
            Err(WireError::Full)
        } else {
            match channel {
                Channel::Events => wire.publish(peer.ticket, Kind::Data, payload),
                Channel::Rpc => wire.send(route, Kind::Data, payload),
            }
        };
        match sent {
            Ok(()) if channel == Channel::Events => count(&self.counters.published),
            Ok(()) => count(&self.counters.replies),
            Err(error) => {
                count(&self.counters.undeliverable);
                self.failed(wire, route, error);
            }
        }
    }

    fn failed(&mut self, wire: &mut impl ServerWire, route: Route, error: WireError) {
        match error {
            WireError::Gone => self.drop_peer(route, GoneReason::Disconnected),
            WireError::Full => {
                self.farewell(wire, route, Farewell::Dropped);
                self.drop_peer(route, GoneReason::Slow);
            }
        }
    }

    /// Does what is due, and says when to call again.
    pub(crate) fn tick(&mut self, wire: &mut impl ServerWire, now: Instant) -> Instant {
        if now >= self.next_ping {
            self.next_ping = now + self.config.heartbeat.interval;
            self.recheck(wire);
            if !self.is_stalled() {
                self.drop_silent(wire, now);
            }
            self.ping_all(wire);
        }
        self.next_ping
    }

    fn drop_silent(&mut self, wire: &mut impl ServerWire, now: Instant) {
        let silence_max = self.config.heartbeat.silence_max();
        let silent = |peer: &Peer| now.saturating_duration_since(peer.heard) > silence_max;
        let routes: Vec<Route> = self
            .peers
            .iter()
            .filter(|(_, peer)| silent(peer))
            .map(|(&route, _)| route)
            .collect();
        for route in routes {
            self.farewell(wire, route, Farewell::Dropped);
            self.drop_peer(route, GoneReason::Silent);
        }
    }

    /// A ping goes the way that events go, its answer comes the way that requests come, so one round proves
    /// both. With it goes a report, for a client whose credit waits for less than a full report.
    fn ping_all(&mut self, wire: &mut impl ServerWire) {
        let events = !self.config.events.is_empty();
        let mut failures = Vec::new();
        for (&route, peer) in self.peers.iter_mut().filter(|(_, peer)| peer.joined) {
            let ping = match events {
                true => wire.publish(peer.ticket, Kind::Ping, &[]),
                false => wire.send(route, Kind::Ping, &[]),
            };
            let report = wire.send(route, Kind::Received, &peer.tally.report().to_le_bytes());
            if let Err(error) = ping.and(report) {
                failures.push((route, error));
            }
        }
        for (route, error) in failures {
            self.failed(wire, route, error);
        }
    }

    /// Says goodbye to every peer, on both connections, each behind all that was sent there. A peer leaves
    /// when it has heard it on both.
    pub(crate) fn stop(&mut self, wire: &mut impl ServerWire) {
        self.stopping = true;
        let farewell = Farewell::Stopping.encode();
        for (&route, peer) in &self.peers {
            // A peer that cannot be told will find out by itself.
            let _ = wire.send(route, Kind::Bye, &farewell);
            let _ = wire.publish(peer.ticket, Kind::Bye, &farewell);
        }
    }

    /// Every peer has left.
    pub(crate) fn is_finished(&self) -> bool {
        self.peers.is_empty()
    }
}
