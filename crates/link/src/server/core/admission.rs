//! How a peer comes in: its hello is read and judged, and answered with a welcome or a refusal.
//!
//! In: a hello, the way it came by. Out: a peer in the server's tables, with a ticket of its own, or a
//! refusal that says why. Grants no subscription: only with that is the peer told of.

use std::time::Instant;

use super::super::standing::{self, Standing};
use super::super::{GoneReason, ServerHandler};
use super::{Peer, ServerCore, ServerWire, Way, count};
use crate::credit::{Credit, Tally};
use crate::frame::{Channel, Farewell, FrameError, Hello, Kind, Refusal, RefusalCode, Welcome};
use crate::identity::{PeerId, PeerIdentity, Ticket, random_bytes};
use crate::origin::Origin;

impl<H: ServerHandler> ServerCore<H> {
    pub(super) fn hello(
        &mut self,
        wire: &mut impl ServerWire,
        now: Instant,
        way: Way,
        body: &[u8],
    ) {
        match self.admit(way.origin, body) {
            Ok((identity, standing)) => self.welcome(wire, now, way, identity, standing),
            Err(refusal) => {
                count(&self.counters.refused);
                tracing::info!(refusal = %refusal.text, "refused a hello");
                self.refuse(wire, way.route, &refusal);
            }
        }
    }

    /// Whether a hello lets its sender in.
    fn admit(&mut self, origin: Origin, body: &[u8]) -> Result<(PeerIdentity, Standing), Refusal> {
        let hello = Hello::decode(body).map_err(|error| {
            let code = match error {
                FrameError::LinkVersion { .. } => RefusalCode::Version,
                _ => RefusalCode::Protocol,
            };
            Refusal::new(code, format!("hello: {error}"))
        })?;
        if self.stopping {
            return Err(Refusal::new(
                RefusalCode::Stopping,
                "the server is stopping",
            ));
        }
        if hello.protocol != self.config.protocol {
            let text = format!(
                "this server (build {}) speaks protocol {}, the {} (build {}) protocol {}; install the same release",
                self.config.build, self.config.protocol, hello.service, hello.build, hello.protocol
            );
            return Err(Refusal::new(RefusalCode::Version, text));
        }
        let is_named = self.config.services.contains(&hello.service);
        if !is_named && !self.config.handler_judges_services {
            let text = format!("{} has no business at this endpoint", hello.service);
            return Err(Refusal::new(RefusalCode::Service, text));
        }
        let (identity, standing) =
            standing::admit(self.keys.as_deref(), self.proof, origin, hello)?;
        let is_new = !self.nodes.contains_key(&identity.node());
        if is_new && self.peers.len() >= self.config.limits.peers_max {
            let text = format!(
                "{} peers are connected, no more are allowed",
                self.peers.len()
            );
            return Err(Refusal::new(RefusalCode::TooManyPeers, text));
        }
        self.handler.admit(&identity)?;
        Ok((identity, standing))
    }

    fn welcome(
        &mut self,
        wire: &mut impl ServerWire,
        now: Instant,
        way: Way,
        identity: PeerIdentity,
        standing: Standing,
    ) {
        let Way {
            route, connection, ..
        } = way;
        let Ok(ticket) = random_bytes().map(Ticket) else {
            self.refuse(
                wire,
                route,
                &Refusal::new(RefusalCode::Denied, "no random bytes; try again"),
            );
            return;
        };
        // The newest connection of a node is the live one; the former may be a corpse not yet noticed.
        if let Some(&former) = self.nodes.get(&identity.node()) {
            self.farewell(wire, former, Farewell::Dropped);
            self.drop_peer(former, GoneReason::Replaced);
        }
        let welcome = self.welcome_text(ticket);
        if wire.send(route, Kind::Welcome, &welcome.encode()).is_err() {
            return;
        }
        self.peers_seen += 1;
        let id = PeerId(self.peers_seen);
        self.routes.insert(id, route);
        self.tickets.insert(ticket, route);
        self.nodes.insert(identity.node(), route);
        self.connections.insert(connection, route);
        wire.settle(Channel::Rpc, connection);
        let (credit, tally) = (Credit::default(), Tally::default());
        let peer = Peer {
            id,
            identity,
            ticket,
            joined: false,
            heard: now,
            standing,
            connection,
            events_connection: None,
            credit,
            tally,
        };
        self.peers.insert(route, peer);
        if self.config.events.is_empty() {
            self.join(route);
        }
    }

    fn welcome_text(&self, ticket: Ticket) -> Welcome {
        let heartbeat = &self.config.heartbeat;
        Welcome {
            instance: self.instance,
            ticket,
            events: !self.config.events.is_empty(),
            interval_ms: u32::try_from(heartbeat.interval.as_millis()).unwrap_or(u32::MAX),
            misses: heartbeat.misses,
            build: self.config.build.clone(),
        }
    }
}
