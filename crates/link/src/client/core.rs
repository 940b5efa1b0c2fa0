//! The client's rules without a socket or a clock: attempts, hello, subscription, heartbeats, credit.
//!
//! In: messages from the server, broken connections, what addresses stand for, commands, the time. Out:
//! messages through a [`ClientWire`], events through the program's handler. The ZeroMQ sockets and the
//! in-memory twin drive the same code.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::retry::Backoff;
use super::{ClientCommand, ClientEvent, ClientHandler, ClientShared, DownReason};
use crate::bounds::{CONNECT_TIME_MAX, TARGETS_MAX};
use crate::config::{ClientConfig, Retry};
use crate::credit::{Credit, Tally};
use crate::frame::{
    self, Channel, Farewell, FrameError, Hello, Kind, Refusal, RefusalCode, Welcome,
};
use crate::greeting::Look;
use crate::identity::{InstanceId, Ticket};
use crate::names::{NameError, Target};

/// The connection does not take a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Broken;

/// In what way a connection broke.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Breakage {
    /// It ended, or never began.
    Ended,
    /// The server ended it in the middle of the handshake, without a word.
    HungUp,
    /// The server knows our key and does not admit it, or does not know it.
    NotAdmitted,
    /// The server cannot have the pinned key's secret.
    WrongKey,
    /// The other side speaks another protocol, or none.
    NotSecure,
}

/// What carries the client's messages.
pub(crate) trait ClientWire {
    /// Finds what the pair of addresses of this index stands for. `None`: [`ClientCore::found`] will be told.
    fn find(&mut self, address: usize) -> Option<Result<Vec<Target>, NameError>>;
    /// Begins a connection to a target's RPC endpoint. Failure may also be told later.
    fn connect(&mut self, target: &Target) -> Result<(), Broken>;
    /// Begins a connection to its events endpoint, subscribed to one topic.
    fn subscribe(&mut self, target: &Target, ticket: Ticket) -> Result<(), Broken>;
    /// Looks whether a target's server has the pinned key's secret: [`ClientCore::looked`] will be told.
    /// `false` if that cannot be found out.
    fn look(&mut self, target: &Target) -> bool;
    /// Sends over the RPC connection.
    fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Broken>;
    /// Drops both connections and whatever has not been read from them.
    fn close(&mut self);
}

#[derive(Debug)]
enum State {
    /// Between attempts.
    Waiting { until: Instant },
    /// Finding out what the address stands for.
    Finding { deadline: Instant },
    /// Hello sent, no answer yet.
    Greeting { deadline: Instant },
    /// The server hung up on us; finding out who it is. The connection is closed.
    Looking { deadline: Instant },
    /// Welcomed, subscription not yet live.
    Subscribing {
        deadline: Instant,
        instance: InstanceId,
        silence_max: Duration,
    },
    Up {
        heard: Instant,
        silence_max: Duration,
    },
}

pub(crate) struct ClientCore<H> {
    config: ClientConfig,
    shared: Arc<ClientShared>,
    handler: H,
    state: State,
    /// Index of the address that is tried or in use.
    address: usize,
    /// What it stands for and is tried or in use; `None` before the first attempt.
    target: Option<Target>,
    /// What this address stood for and was tried since its turn began.
    tried: Vec<Target>,
    /// It stands for more than was tried.
    has_untried: bool,
    backoff: Backoff,
    credit: Credit,
    tally: Tally,
    /// The server has said goodbye on one of two connections.
    server_stops: bool,
    /// We have said goodbye.
    stopping: bool,
    /// Events that wait for the handler, or while `defers`, oldest first: a few, because nothing is read while any waits.
    stalled: VecDeque<ClientEvent>,
    defers: bool,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl<H: ClientHandler> ClientCore<H> {
    pub(crate) fn new(
        config: ClientConfig,
        shared: Arc<ClientShared>,
        handler: H,
        now: Instant,
    ) -> Self {
        Self {
            config,
            shared,
            handler,
            state: State::Waiting { until: now },
            address: 0,
            target: None,
            tried: Vec::new(),
            has_untried: false,
            backoff: Backoff::default(),
            credit: Credit::default(),
            tally: Tally::default(),
            server_stops: false,
            stopping: false,
            stalled: VecDeque::new(),
            defers: false,
        }
    }

    /// Nothing may be read from the sockets: the program has no room.
    pub(crate) fn is_stalled(&self) -> bool {
        !self.stalled.is_empty()
    }

    /// Offers waiting events again. When the last is taken, the server gets a new term: its pings may have
    /// been waiting unread.
    pub(crate) fn retry_stalled(&mut self, now: Instant) {
        while let Some(event) = self.stalled.pop_front() {
            if let Err(event) = self.handler.event(event) {
                self.stalled.push_front(event);
                return;
            }
        }
        if let State::Up { heard, .. } = &mut self.state {
            *heard = now;
        }
    }

    /// From now on events wait until they are offered again, or no longer: whoever sends must not call the program.
    pub(crate) fn defer(&mut self, deferred: bool) {
        self.defers = deferred;
    }

    fn tell(&mut self, event: ClientEvent) {
        if self.stalled.is_empty() && !self.defers {
            if let Err(event) = self.handler.event(event) {
                self.stalled.push_back(event);
            }
        } else {
            self.stalled.push_back(event);
        }
    }

    /// Whether a command may be taken from the outbox: payloads wait while too much is in flight.
    pub(crate) fn takes_commands(&self) -> bool {
        !self.is_up() || self.credit.in_flight() < self.config.limits.in_flight_bytes_max
    }

    /// A command has left events to tell or an attempt to plan.
    pub(crate) fn has_news(&self) -> bool {
        self.is_stalled() || !self.is_up()
    }

    fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// Takes a message; `message` is without its topic when it came by events.
    pub(crate) fn message(
        &mut self,
        wire: &mut impl ClientWire,
        now: Instant,
        channel: Channel,
        message: &[u8],
    ) {
        if channel == self.heartbeat_channel()
            && let State::Up { heard, .. } = &mut self.state
        {
            *heard = now;
        }
        let taken = frame::split(message)
            .and_then(|(kind, body)| self.frame(wire, now, channel, kind, body));
        if let Err(error) = taken {
            self.down(wire, now, DownReason::Protocol(error));
        }
    }

    /// Where the server's pings come.
    fn heartbeat_channel(&self) -> Channel {
        if self.config.events.is_empty() {
            Channel::Rpc
        } else {
            Channel::Events
        }
    }

    fn frame(
        &mut self,
        wire: &mut impl ClientWire,
        now: Instant,
        channel: Channel,
        kind: Kind,
        body: &[u8],
    ) -> Result<(), FrameError> {
        match (channel, kind) {
            (Channel::Rpc, Kind::Welcome) => self.welcome(wire, now, Welcome::decode(body)?),
            (Channel::Rpc, Kind::Refused) => {
                let refusal = Refusal::decode(body)?;
                let reason = match refusal.code {
                    RefusalCode::Revoked => DownReason::Revoked,
                    _ => DownReason::Refused(refusal),
                };
                self.down(wire, now, reason);
                Ok(())
            }
            (_, Kind::Bye) => {
                self.farewell(wire, now, Farewell::decode(body)?);
                Ok(())
            }
            (Channel::Rpc, Kind::Received) => {
                self.credit.report(frame::decode_received(body)?);
                Ok(())
            }
            (Channel::Events, Kind::Granted) => {
                self.granted(now);
                Ok(())
            }
            (_, Kind::Ping) => {
                self.ping(wire, now);
                Ok(())
            }
            (_, Kind::Data) => self.data(wire, now, channel, body),
            _ => Err(FrameError::Malformed("message for a client")),
        }
    }

    /// A server that stops says so on both connections, each time behind all that it sent there: only after
    /// the second everything has been read.
    fn farewell(&mut self, wire: &mut impl ClientWire, now: Instant, farewell: Farewell) {
        match farewell {
            Farewell::Dropped => self.down(wire, now, DownReason::Dropped),
            Farewell::Stopping
                if self.server_stops || self.stopping || self.config.events.is_empty() =>
            {
                self.down(wire, now, DownReason::ServerStopping);
            }
            Farewell::Stopping => self.server_stops = true,
        }
    }

    fn welcome(
        &mut self,
        wire: &mut impl ClientWire,
        now: Instant,
        welcome: Welcome,
    ) -> Result<(), FrameError> {
        let State::Greeting { deadline } = self.state else {
            return Err(FrameError::Malformed("welcome without a hello"));
        };
        if welcome.events == self.config.events.is_empty() {
            return Err(FrameError::Malformed(
                "welcome: one side has an events endpoint, the other none",
            ));
        }
        let interval = Duration::from_millis(u64::from(welcome.interval_ms));
        let silence_max = interval.saturating_mul(welcome.misses);
        let instance = welcome.instance;
        self.state = State::Subscribing {
            deadline,
            instance,
            silence_max,
        };
        if !welcome.events {
            self.granted(now);
        } else {
            let target = self.target.as_ref();
            if target.is_none_or(|target| wire.subscribe(target, welcome.ticket).is_err()) {
                self.down(wire, now, DownReason::Disconnected);
            }
        }
        Ok(())
    }

    /// The last step up. A second grant of the same subscription changes nothing.
    fn granted(&mut self, now: Instant) {
        let State::Subscribing {
            instance,
            silence_max,
            ..
        } = self.state
        else {
            return;
        };
        self.state = State::Up {
            heard: now,
            silence_max,
        };
        self.backoff.reset();
        self.mark_ping(now);
        count(&self.shared.ups);
        // Even to odd: up. Before the event, so that the program can send as soon as it hears of it.
        self.shared.epoch.fetch_add(1, Ordering::AcqRel);
        self.tell(ClientEvent::Up { instance });
    }

    fn ping(&mut self, wire: &mut impl ClientWire, now: Instant) {
        count(&self.shared.pings);
        self.mark_ping(now);
        self.report(wire, now);
    }

    fn mark_ping(&self, now: Instant) {
        let since = now
            .saturating_duration_since(self.shared.origin)
            .as_millis();
        let ms = u64::try_from(since).unwrap_or(u64::MAX - 1);
        self.shared.ping_ms.store(ms + 1, Ordering::Release);
    }

    fn report(&mut self, wire: &mut impl ClientWire, now: Instant) {
        if wire
            .send(Kind::Received, &self.tally.report().to_le_bytes())
            .is_err()
        {
            self.down(wire, now, DownReason::Disconnected);
        }
    }

    fn data(
        &mut self,
        wire: &mut impl ClientWire,
        now: Instant,
        channel: Channel,
        body: &[u8],
    ) -> Result<(), FrameError> {
        if !self.is_up() {
            return Err(FrameError::Malformed("payload before the welcome"));
        }
        if body.len() > self.config.limits.message_bytes_max {
            return Err(FrameError::Malformed("payload: too large"));
        }
        let (counter, event) = match channel {
            Channel::Rpc => (&self.shared.replies, ClientEvent::Reply(body.to_vec())),
            Channel::Events => (
                &self.shared.published,
                ClientEvent::Published(body.to_vec()),
            ),
        };
        count(counter);
        self.tell(event);
        if self.tally.received(body.len()) {
            self.report(wire, now);
        }
        Ok(())
    }

    /// A connection broke, or an attempt to connect failed.
    pub(crate) fn broken(&mut self, wire: &mut impl ClientWire, now: Instant, how: Breakage) {
        let connected = match self.state {
            State::Waiting { .. } | State::Finding { .. } | State::Looking { .. } => return,
            State::Greeting { .. } => false,
            State::Subscribing { .. } | State::Up { .. } => true,
        };
        let at = || self.config.rpc[self.address].to_string();
        let reason = match how {
            Breakage::NotAdmitted => DownReason::NotEnrolled(at()),
            Breakage::WrongKey => DownReason::WrongServerKey(at()),
            Breakage::NotSecure => DownReason::NotSecure(at()),
            Breakage::HungUp if !connected => {
                self.look(wire, now);
                return;
            }
            Breakage::Ended | Breakage::HungUp if !connected => DownReason::Unreachable(at()),
            Breakage::Ended | Breakage::HungUp => match self.server_stops {
                true => DownReason::ServerStopping,
                false => DownReason::Disconnected,
            },
        };
        self.down(wire, now, reason);
    }

    /// A CURVE server that has another secret than the pinned key's hangs up without a word, and so does one
    /// that dies: which of the two is found out by a look at it.
    fn look(&mut self, wire: &mut impl ClientWire, now: Instant) {
        wire.close();
        if self.target.as_ref().is_some_and(|target| wire.look(target)) {
            self.state = State::Looking {
                deadline: now + CONNECT_TIME_MAX,
            };
        } else {
            self.down(wire, now, DownReason::Disconnected);
        }
    }

    /// The look at a server that hung up on us has an answer.
    pub(crate) fn looked(&mut self, wire: &mut impl ClientWire, now: Instant, look: Look) {
        if !matches!(self.state, State::Looking { .. }) {
            return;
        }
        let at = self.config.rpc[self.address].to_string();
        let reason = match look {
            Look::OtherKey => DownReason::WrongServerKey(at),
            Look::NotSecure => DownReason::NotSecure(at),
            Look::Unreachable => DownReason::Unreachable(at),
            Look::Right => DownReason::Disconnected,
        };
        self.down(wire, now, reason);
    }

    /// Drops the connections and plans the next attempt, at the next address of the list.
    fn down(&mut self, wire: &mut impl ClientWire, now: Instant, reason: DownReason) {
        if matches!(self.state, State::Waiting { .. }) {
            return;
        }
        if self.is_up() {
            self.shared.epoch.fetch_add(1, Ordering::AcqRel);
        }
        wire.close();
        let retry =
            self.config
                .retry
                .unwrap_or_else(|| match self.config.rpc[self.address].is_network() {
                    false => Retry::IPC,
                    true => Retry::TCP,
                });
        // Without random bytes the longest pause is taken, which is safe.
        let pause = self
            .backoff
            .pause(&retry, getrandom::u64().unwrap_or(u64::MAX));
        self.state = State::Waiting { until: now + pause };
        if !self.has_untried {
            self.tried.clear();
            self.address = (self.address + 1) % self.config.rpc.len();
        }
        self.credit = Credit::default();
        self.tally = Tally::default();
        self.server_stops = false;
        count(&self.shared.downs);
        if !self.stopping {
            self.tell(ClientEvent::Down { reason });
        }
    }

    /// Carries out a command of the program.
    pub(crate) fn command(
        &mut self,
        wire: &mut impl ClientWire,
        now: Instant,
        command: ClientCommand,
    ) {
        match command {
            ClientCommand::Send { epoch, payload } => self.payload(wire, now, epoch, &payload),
            ClientCommand::Reconnect => {
                self.down(wire, now, DownReason::Dropped);
                self.backoff.reset();
                self.state = State::Waiting { until: now };
            }
        }
    }

    fn payload(&mut self, wire: &mut impl ClientWire, now: Instant, epoch: u64, payload: &[u8]) {
        if !self.is_up() || epoch != self.shared.epoch.load(Ordering::Acquire) {
            count(&self.shared.dropped);
            return;
        }
        self.credit.sent(payload.len());
        if wire.send(Kind::Data, payload).is_ok() {
            count(&self.shared.sent);
        } else {
            count(&self.shared.dropped);
            self.down(wire, now, DownReason::Disconnected);
        }
    }

    /// Does what is due, and says when to call again.
    pub(crate) fn tick(&mut self, wire: &mut impl ClientWire, now: Instant) -> Instant {
        match self.state {
            State::Waiting { until } if now >= until && !self.stopping => self.attempt(wire, now),
            State::Finding { deadline } if now >= deadline => {
                self.unresolved(wire, now, NameError::NoAnswer);
            }
            State::Greeting { deadline }
            | State::Looking { deadline }
            | State::Subscribing { deadline, .. }
                if now >= deadline =>
            {
                self.down(wire, now, DownReason::Timeout);
            }
            State::Up { heard, silence_max } if !self.is_stalled() && now > heard + silence_max => {
                self.down(wire, now, DownReason::Silent);
            }
            _ => {}
        }
        match self.state {
            State::Waiting { until } => until,
            State::Finding { deadline }
            | State::Greeting { deadline }
            | State::Looking { deadline }
            | State::Subscribing { deadline, .. } => deadline,
            State::Up { heard, silence_max } => {
                (heard + silence_max).max(now) + Duration::from_millis(1)
            }
        }
    }

    fn attempt(&mut self, wire: &mut impl ClientWire, now: Instant) {
        self.state = State::Finding {
            deadline: now + CONNECT_TIME_MAX,
        };
        self.has_untried = false;
        if let Some(answer) = wire.find(self.address) {
            self.found(wire, now, answer);
        }
    }

    fn unresolved(&mut self, wire: &mut impl ClientWire, now: Instant, error: NameError) {
        let address = self.config.rpc[self.address].to_string();
        self.down(wire, now, DownReason::Unresolved { address, error });
    }

    /// What the address stands for is known: the first that was not tried in this turn is tried.
    pub(crate) fn found(
        &mut self,
        wire: &mut impl ClientWire,
        now: Instant,
        answer: Result<Vec<Target>, NameError>,
    ) {
        if !matches!(self.state, State::Finding { .. }) {
            return;
        }
        let targets = match answer {
            Ok(targets) => targets,
            Err(error) => return self.unresolved(wire, now, error),
        };
        let untried = |target: &&Target| !self.tried.contains(target);
        let Some(target) = targets.iter().find(untried).or(targets.first()).cloned() else {
            return self.unresolved(wire, now, NameError::Unknown);
        };
        self.tried.push(target.clone());
        // A name that stands for something else each time ends its turn all the same.
        self.has_untried = self.tried.len() < TARGETS_MAX
            && targets.iter().any(|target| !self.tried.contains(target));
        self.target = Some(target);
        self.greet(wire, now);
    }

    fn greet(&mut self, wire: &mut impl ClientWire, now: Instant) {
        self.state = State::Greeting {
            deadline: now + CONNECT_TIME_MAX,
        };
        let hello = Hello {
            protocol: self.config.protocol,
            node: self.config.node,
            service: self.config.service.clone(),
            build: self.config.build.clone(),
        };
        let connected = self
            .target
            .as_ref()
            .is_some_and(|target| wire.connect(target).is_ok());
        if !connected {
            self.broken(wire, now, Breakage::Ended);
            return;
        }
        // A hello that is not taken is a connection that has broken already: the transport will say how.
        let _ = wire.send(Kind::Hello, &hello.encode());
    }

    /// Says goodbye. The server answers when it has read all that was sent before.
    pub(crate) fn stop(&mut self, wire: &mut impl ClientWire, now: Instant) {
        self.stopping = true;
        let welcomed = matches!(self.state, State::Subscribing { .. } | State::Up { .. });
        if !welcomed || wire.send(Kind::Bye, &Farewell::Stopping.encode()).is_err() {
            self.down(wire, now, DownReason::Disconnected);
        }
    }

    /// There is no connection left.
    pub(crate) fn is_finished(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }
}
