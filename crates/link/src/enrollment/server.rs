//! The daemon's enrollment endpoint: a ROUTER on a thread of its own, encrypted, open to any key.
//!
//! In: endpoints, the daemon's key pair, a [`Clerk`]. Out: answers. What strangers can cost here is bounded:
//! connections, their length of life, the size of a message, the messages that wait. How often an address may
//! try is the clerk's business.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use moor_keyring::{Attempt, Domain, KeyPair, PublicKey};
use moor_zmq_sys as sys;

use super::Clerk;
use super::wire::{Answer, Question, Refused, Wish};
use crate::bounds::{
    BURST_MESSAGES_MAX, ENROLLMENT_BYTES_MAX, ENROLLMENT_CONNECTIONS_MAX, ENROLLMENT_HWM,
};
use crate::config::{ConfigError, Limits};
use crate::endpoint::Endpoint;
use crate::error::StartError;
use crate::server::door::Door;
use crate::server::socket::{bind_all, or_empty};
use crate::socket_options;
use crate::waker::Waker;
use crate::zap::{Judge, Knock, ZapHandler};
use crate::zmq::{Context, Message, Socket, has_curve, wait};

/// The longest sleep; everything that happens ends it.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// How an enrollment server starts.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where to listen: `tcp://` only, at least one.
    pub listen: Vec<Endpoint>,
    /// The daemon's key pair, whose public key is in every token.
    pub pair: Arc<KeyPair>,
    /// Version of the payloads on the link, for those who look.
    pub protocol: u32,
    /// This program's build, for those who look.
    pub build: String,
}

impl ServerConfig {
    /// A server that says it is this crate's build.
    #[must_use]
    pub fn new(listen: Vec<Endpoint>, pair: Arc<KeyPair>, protocol: u32) -> Self {
        Self {
            listen,
            pair,
            protocol,
            build: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.listen.is_empty() {
            return Err(ConfigError::NoAddress);
        }
        match self
            .listen
            .iter()
            .find(|endpoint| endpoint.path().is_some())
        {
            Some(endpoint) => Err(ConfigError::LocalEnrollment(endpoint.clone())),
            None => Ok(()),
        }
    }
}

/// What an enrollment server has counted since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerCounts {
    /// Programs enrolled, those that were before included.
    pub enrolled: u64,
    /// Questions refused.
    pub refused: u64,
    /// Looks answered.
    pub seen: u64,
    /// Messages that are no question.
    pub malformed: u64,
}

#[derive(Debug, Default)]
struct Counters {
    enrolled: AtomicU64,
    refused: AtomicU64,
    seen: AtomicU64,
    malformed: AtomicU64,
}

/// A running enrollment server; dropping it shuts it down.
#[derive(Debug)]
pub struct Server {
    endpoints: Vec<Endpoint>,
    counters: Arc<Counters>,
    waker: Arc<Waker>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Any key may knock: who it is matters only with a token.
struct AnyKey;

impl Judge for AnyKey {
    fn judge(&mut self, knock: Knock<'_>) -> Option<String> {
        (knock.domain == Domain::Enrollment.as_str())
            .then(|| PublicKey::from_bytes(knock.key).to_string())
    }
}

impl Server {
    /// Binds every endpoint and starts the thread.
    ///
    /// # Errors
    /// [`StartError`], naming the endpoint and the mend.
    pub fn start(config: ServerConfig, clerk: impl Clerk) -> Result<Self, StartError> {
        config.check()?;
        if !has_curve() {
            return Err(StartError::NoCurve);
        }
        let context = Context::new()?;
        let zap = ZapHandler::start(&context, AnyKey)?;
        let socket = socket(&context)?;
        let door = Door::new(&socket, "enrollment", ENROLLMENT_CONNECTIONS_MAX)?;
        let curve = Some((&*config.pair, Domain::Enrollment.as_str()));
        let endpoints = bind_all(&socket, &config.listen, curve, &mut Vec::new())?;
        let counters = Arc::new(Counters::default());
        let (waker, stop) = (Arc::new(Waker::new()?), Arc::new(AtomicBool::new(false)));
        let counter = Counter {
            config,
            clerk,
            counters: Arc::clone(&counters),
            socket,
            door,
            _zap: zap,
        };
        let thread = {
            let (waker, stop) = (Arc::clone(&waker), Arc::clone(&stop));
            thread::Builder::new()
                .name("moor-link-enroll".to_owned())
                .spawn(move || counter.serve(&waker, &stop))?
        };
        Ok(Self {
            endpoints,
            counters,
            waker,
            stop,
            thread: Some(thread),
        })
    }

    /// Where it listens, in the order of the configuration: port 0 is replaced by the port that the system
    /// chose.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> ServerCounts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ServerCounts {
            enrolled: get(&self.counters.enrolled),
            refused: get(&self.counters.refused),
            seen: get(&self.counters.seen),
            malformed: get(&self.counters.malformed),
        }
    }

    /// Closes the sockets, and returns when the thread has ended.
    pub fn shutdown(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        self.stop.store(true, Ordering::Release);
        self.waker.wake();
        if thread.join().is_err() {
            tracing::error!("the enrollment thread panicked");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn socket(context: &Context) -> io::Result<Socket> {
    let socket = context.socket(sys::ZMQ_ROUTER)?;
    let mut limits = Limits::server();
    limits.message_bytes_max = ENROLLMENT_BYTES_MAX;
    limits.in_flight_bytes_max = ENROLLMENT_BYTES_MAX as u64;
    socket_options::set_always(&socket, &limits)?;
    socket_options::set_listening(&socket)?;
    // One question for each connection: what a stranger sends beyond it waits on its own machine.
    socket.set(sys::ZMQ_RCVHWM, ENROLLMENT_HWM)?;
    socket.set(sys::ZMQ_ROUTER_MANDATORY, 1)?;
    Ok(socket)
}

/// The counter at which programs ask, one after the other.
struct Counter<C> {
    config: ServerConfig,
    clerk: C,
    counters: Arc<Counters>,
    socket: Socket,
    door: Door,
    /// Last: it must end for the context to end.
    _zap: ZapHandler,
}

impl<C: Clerk> Counter<C> {
    fn serve(mut self, waker: &Waker, stop: &AtomicBool) {
        loop {
            waker.prepare_sleep();
            if stop.load(Ordering::Acquire) {
                return;
            }
            let busy = self.read();
            let now = Instant::now();
            // Whether its signal has come or not: then a descriptor is that connection's still.
            self.door.socket().signal().raise();
            while self.door.next_ended(now).is_some() {}
            self.door.end_due(now);
            if !busy {
                let due = self.door.due();
                let time_max = due.map_or(SLEEP_MAX, |due| due.saturating_duration_since(now));
                let sockets = [&self.socket, self.door.socket()];
                or_empty(wait(sockets, waker, time_max.min(SLEEP_MAX)));
            }
            waker.awake(true);
        }
    }

    fn read(&mut self) -> bool {
        let mut taken = 0;
        let mut message = Message::new();
        while taken < BURST_MESSAGES_MAX && or_empty(self.socket.receive(&mut message)) {
            taken += 1;
            self.one(&mut message);
        }
        taken > 0
    }

    /// Takes one message, whose first part, the routing id, has been read.
    fn one(&mut self, message: &mut Message) {
        let route = message.bytes().to_vec();
        let whole = message.has_more() && or_empty(self.socket.receive(message));
        if !whole || message.has_more() {
            or_empty(self.socket.skip_parts(message));
            self.counters.malformed.fetch_add(1, Ordering::Relaxed);
        } else if let Some(answer) = self.answer(message) {
            // Whoever is gone needs no answer.
            let _ = self
                .socket
                .send_first(&route)
                .and_then(|()| self.socket.send([&answer.encode(), &[], &[]]));
        }
        if let Some(connection) = message.connection() {
            self.door.end(Instant::now(), connection);
        }
    }

    /// The answer to a question; none to what is no question.
    fn answer(&mut self, message: &Message) -> Option<Answer> {
        // Given by our own judge, and so the key that the connection proved.
        let key = message
            .property(c"User-Id")
            .and_then(|key| key.parse().ok());
        let question = Question::decode(message.bytes()).ok();
        let (Some(key), Some(question)) = (key, question) else {
            self.counters.malformed.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let address = message.property(c"Peer-Address").unwrap_or("unknown");
        let attempt = question.token.as_ref().map(|(token_id, secret)| Attempt {
            key,
            address,
            token_id: *token_id,
            secret,
            service: question.service,
            hostname: question.hostname,
        });
        match (question.wish, attempt) {
            (Wish::Enroll, Some(attempt)) => Some(self.enroll(&attempt)),
            (Wish::Look, attempt) => Some(self.look(attempt.as_ref())),
            (Wish::Enroll, None) => {
                self.counters.malformed.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    fn enroll(&mut self, attempt: &Attempt<'_>) -> Answer {
        match self.clerk.judge(attempt) {
            Ok(peer) => {
                self.counters.enrolled.fetch_add(1, Ordering::Relaxed);
                Answer::Enrolled(peer.uuid)
            }
            Err(refusal) => {
                self.counters.refused.fetch_add(1, Ordering::Relaxed);
                Answer::Refused(Refused::from(&refusal))
            }
        }
    }

    fn look(&mut self, attempt: Option<&Attempt<'_>>) -> Answer {
        self.counters.seen.fetch_add(1, Ordering::Relaxed);
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let clock_ms = since.map_or(0, |since| since.as_millis());
        let token = attempt.map(|attempt| self.clerk.examine(attempt));
        Answer::Seen {
            protocol: self.config.protocol,
            build: self.config.build.clone(),
            clock_ms: u64::try_from(clock_ms).unwrap_or(u64::MAX),
            token: token.map(|answer| answer.map_err(|refusal| Refused::from(&refusal))),
        }
    }
}
