//! Joining a daemon and staying with it: one thread that enrolls where that is needed, keeps a link up, and notices
//! when the daemon does not want us any more.
//!
//! In: addresses, flags, the ear of the program. Out: a [`Link`], the recency of pings in a [`Liveness`], and an exit
//! code. Whatever time can mend is waited for; what only an operator can mend ends the program with one line and a code
//! of its own.

mod ear;
mod end;
mod enrolling;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use moor_keyring::KeyPair;
use moor_link::{
    Address, Client, ClientConfig, ClientHandler, ClientKeys, ClientSecurity, ServiceType,
    ServiceTypeError, StartError,
};
use moor_node::{Drain, Exit, Liveness, Paths, complain};

use crate::args::PeerArgs;
use crate::home::{HomeError, home, local_home};
use crate::identity::{Identity, IdentityError};
use crate::link::Link;
use ear::{Ear, News, Rejection};
use end::End;

/// How often the time of the last ping is taken over, and the drain is looked at.
const TICK: Duration = Duration::from_millis(250);

/// Hosts that were told when to come back do so within this time, each at a moment of its own.
const BACK_WITHIN: Duration = Duration::from_secs(1);

/// What the link may report before this thread has looked. More of the same says nothing new.
const NEWS_MAX: usize = 16;

/// How a program joins.
#[derive(Debug, Clone)]
pub struct PeerConfig {
    /// The name of the program, for its one line at the end.
    pub program: &'static str,
    /// The kind of program that it tells the daemon it is.
    pub service: String,
    /// Version of the payloads.
    pub protocol: u32,
    /// The daemon's addresses for requests, and the name of their flag.
    pub rpc: (&'static str, Vec<Address>),
    /// The daemon's addresses for events, one for each of `rpc`.
    pub events: Vec<Address>,
    /// The shared flags.
    pub args: PeerArgs,
}

impl PeerConfig {
    /// A daemon has both its addresses on the network, or both on this machine: one that was forgotten, and so has its
    /// default, would be waited for without end.
    fn check(&self) -> Result<(), JoinError> {
        let (flag, rpc) = (self.rpc.0, &self.rpc.1);
        let mut pairs = rpc.iter().zip(&self.events);
        match pairs.find(|(rpc, events)| rpc.is_network() != events.is_network()) {
            None => Ok(()),
            Some((rpc, events)) => Err(JoinError::Mixed {
                flag,
                rpc: rpc.clone(),
                events: events.clone(),
            }),
        }
    }
}

/// A program cannot begin to join. The message names the flag and the mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// Its folders cannot be had.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Its identity cannot be had.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The kind of program has a name that no message takes.
    #[error(transparent)]
    Service(#[from] ServiceTypeError),
    /// The addresses cannot work.
    #[error("{flag}: {source}")]
    Link {
        /// The flag of the addresses.
        flag: &'static str,
        /// What is wrong.
        source: StartError,
    },
    /// One address of a daemon is on the network, the other on this machine.
    #[error(
        "{flag} {rpc} goes with {events}, which is another kind of address; give both addresses of the daemon, as \
         tcp:// or as ipc://"
    )]
    Mixed {
        /// The flag of the addresses for requests.
        flag: &'static str,
        /// The address for requests.
        rpc: Address,
        /// The one for events.
        events: Address,
    },
    /// The program is not enrolled and does not know where to enroll.
    #[error(
        "--enrollment-address is needed: this program is not enrolled yet; write tcp://HOST:7900"
    )]
    NoEnrollmentAddress,
    /// The system gives no thread.
    #[error("no thread to be had: {0}")]
    Thread(#[from] std::io::Error),
}

impl JoinError {
    /// How the program ends: [`Exit::Usage`] where its flags are wrong.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Mixed { .. } | Self::NoEnrollmentAddress | Self::Service(_) => Exit::Usage,
            Self::Link {
                source: StartError::Config(_),
                ..
            } => Exit::Usage,
            // A disk that is full, or not there yet, may be better at the next start.
            Self::Home(_) | Self::Identity(_) | Self::Link { .. } | Self::Thread(_) => {
                Exit::Failure
            }
        }
    }
}

/// A program that has joined or is about to.
#[derive(Debug)]
pub struct Joined {
    link: Link,
    liveness: Liveness,
    news: Sender<News>,
    thread: Option<JoinHandle<Exit>>,
}

impl Joined {
    /// Takes the identity and begins to join. What the link reports goes to `handler`, on a thread that it must not
    /// block. When only an operator can help, one line is written, `drain` begins, and [`stop`](Self::stop) tells the
    /// exit code.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn start(
        config: PeerConfig,
        handler: impl ClientHandler,
        drain: Drain,
    ) -> Result<Self, JoinError> {
        let paths = Paths::from_environment();
        config.check()?;
        let mut addresses = config.rpc.1.iter().chain(&config.events);
        let is_network = addresses.any(Address::is_network);
        let make = if is_network { home } else { local_home };
        let home = make(&config.service, config.args.data_dir.as_deref(), &paths)?;
        let identity = Identity::take(&home)?;
        let service = ServiceType::new(&config.service)?;
        let pair = match is_network {
            true => Some(Arc::new(identity.key()?)),
            false => None,
        };
        if pair.is_some()
            && identity.known()?.is_none()
            && config.args.enrollment_address.is_empty()
        {
            return Err(JoinError::NoEnrollmentAddress);
        }
        let (sender, news) = bounded(NEWS_MAX);
        let (link, liveness) = (Link::default(), Liveness::new());
        let ear = Ear::new(handler, sender.clone(), list(&config.rpc.1));
        let joining = Joining {
            config,
            service,
            paths,
            identity,
            pair,
            link: link.clone(),
            liveness: liveness.clone(),
            news,
            drain,
            ear,
            pings: pings(),
        };
        // What can be wrong with the addresses themselves is told to the caller, not later in the log.
        let first = match &joining.pair {
            None => Some(joining.connect(ClientSecurity::OwnFolder)?),
            Some(pair) => {
                joining.check_addresses(pair)?;
                None
            }
        };
        let thread = std::thread::Builder::new()
            .name("joining".into())
            .spawn(move || joining.run(first))?;
        Ok(Self {
            link,
            liveness,
            news: sender,
            thread: Some(thread),
        })
    }

    /// The link. Until the program is enrolled it is down.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link.clone()
    }

    /// How recent the daemon's pings are.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        self.liveness.clone()
    }

    /// Sends what is waiting, leaves the daemon, and tells how the program ends: [`Exit::Success`] unless it could not
    /// join or stay. Blocks until all is done.
    pub fn stop(mut self) -> Exit {
        self.end()
    }

    fn end(&mut self) -> Exit {
        let Some(thread) = self.thread.take() else {
            return Exit::Success;
        };
        // Room comes, as the thread reads; if it has ended there is nobody to tell.
        let _ = self.news.send(News::Stop);
        thread.join().unwrap_or(Exit::Panic)
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.end();
    }
}

/// Why a connection was given up.
enum Left {
    /// The daemon does not let us in.
    Rejected {
        rejection: Rejection,
        /// Whether it had let us in before.
        was_up: bool,
    },
    /// It is gone, and has said for how long.
    Away(Duration),
}

fn pings() -> metrics::Counter {
    metrics::describe_counter!("moor_pings_total", "Pings of the daemon that came");
    metrics::counter!("moor_pings_total")
}

/// As an operator writes them.
fn list(addresses: &[Address]) -> String {
    let texts: Vec<String> = addresses.iter().map(Address::to_string).collect();
    texts.join(",")
}

/// What the thread owns.
struct Joining {
    config: PeerConfig,
    service: ServiceType,
    paths: Paths,
    identity: Identity,
    /// Where an address is on the network.
    pair: Option<Arc<KeyPair>>,
    link: Link,
    liveness: Liveness,
    news: Receiver<News>,
    drain: Drain,
    ear: Ear,
    pings: metrics::Counter,
}

impl Joining {
    fn run(self, first: Option<Client>) -> Exit {
        match self.stay(first) {
            Ok(()) => Exit::Success,
            Err(End::Stopped) => Exit::Success,
            Err(End::Hopeless { exit, text }) => {
                complain(self.config.program, &text, exit);
                self.drain.begin();
                exit
            }
        }
    }

    /// Joins again and again, until the program stops or nothing helps.
    fn stay(&self, first: Option<Client>) -> Result<(), End> {
        let (mut client, mut is_new) = match (first, &self.pair) {
            (Some(client), _) => (client, false),
            (None, None) => return Ok(()),
            (None, Some(pair)) => {
                let (daemon, is_new) = self.first_daemon()?;
                (self.connect_as(pair, daemon)?, is_new)
            }
        };
        loop {
            let left = self.watch();
            self.link.forget();
            client.shutdown();
            let Some(left) = left.filter(|_| !self.drain.is_draining()) else {
                return Ok(());
            };
            (client, is_new) = match (left, &self.pair) {
                (Left::Away(time), pair) => (self.connect_after(time, pair.as_ref())?, false),
                (Left::Rejected { .. }, None) => return Ok(()),
                (Left::Rejected { rejection, was_up }, Some(pair)) => {
                    if is_new && !was_up && rejection == Rejection::NotEnrolled {
                        return Err(self.in_vain());
                    }
                    let daemon = self.daemon_after(&rejection)?;
                    (self.connect_as(pair, daemon)?, true)
                }
            };
        }
    }

    /// Waits for as long as the daemon said, and a little more, so that many hosts do not come back at the same moment.
    fn connect_after(&self, time: Duration, pair: Option<&Arc<KeyPair>>) -> Result<Client, End> {
        tracing::info!(
            seconds = time.as_secs_f64(),
            "waiting as long as the daemon said"
        );
        self.pause(time + BACK_WITHIN.mul_f64(rand::random::<f64>()))?;
        match pair {
            Some(pair) => self.connect_as(pair, self.first_daemon()?.0),
            None => self.connect(ClientSecurity::OwnFolder).map_err(End::broken),
        }
    }

    /// Enrolled and not let in: once more would be the same.
    fn in_vain(&self) -> End {
        let (flag, addresses) = &self.config.rpc;
        let (addresses, service) = (list(addresses), &self.config.service);
        End::new(
            Exit::Usage,
            format!(
                "{flag} {addresses}: the daemon has enrolled this program and does not let a {service} in there; \
                 check that address and port are those for a {service}"
            ),
        )
    }

    fn connect_as(
        &self,
        pair: &Arc<KeyPair>,
        server: moor_keyring::PublicKey,
    ) -> Result<Client, End> {
        let pair = Arc::clone(pair);
        let keys = ClientKeys { pair, server };
        self.connect(ClientSecurity::Curve(Arc::new(keys)))
            .map_err(End::broken)
    }

    fn check_addresses(&self, pair: &Arc<KeyPair>) -> Result<(), JoinError> {
        // No daemon's key is known yet, and which one it is does not matter here.
        let (pair, server) = (Arc::clone(pair), pair.public());
        let config = self.link_config(ClientSecurity::Curve(Arc::new(ClientKeys { pair, server })));
        let flag = self.config.rpc.0;
        config.check().map_err(|error| JoinError::Link {
            flag,
            source: error.into(),
        })
    }

    fn connect(&self, security: ClientSecurity) -> Result<Client, JoinError> {
        let flag = self.config.rpc.0;
        self.link
            .connect(|| Client::start(self.link_config(security), self.ear.clone()))
            .map_err(|source| JoinError::Link { flag, source })
    }

    fn link_config(&self, security: ClientSecurity) -> ClientConfig {
        let mut config = ClientConfig::new(
            self.config.rpc.1.clone(),
            self.config.events.clone(),
            self.config.protocol,
            self.identity.node(),
            self.service.clone(),
        );
        config.build = moor_node::BUILD.to_owned();
        config.security = security;
        config
    }

    /// Follows the pings until the daemon rejects us for good or is gone for a time that it told, or the program stops
    /// (`None`).
    fn watch(&self) -> Option<Left> {
        // One of several addresses may lead astray: only when none is left that lets us in is it a rejection.
        let patience = self.config.rpc.1.len();
        let mut rejected = 0;
        let mut was_up = false;
        let mut pings = 0;
        loop {
            let before = std::mem::replace(&mut pings, self.link.counts().pings);
            self.pings.increment(pings - before);
            if let Some(at) = self
                .link
                .ping_age()
                .and_then(|age| Instant::now().checked_sub(age))
            {
                self.liveness.ping_at(at);
            }
            if let Some(time) = self.link.time_away().filter(|_| !self.link.is_up()) {
                return Some(Left::Away(time));
            }
            match self.news.recv_timeout(TICK) {
                Err(RecvTimeoutError::Timeout) | Ok(News::Down) => {}
                Ok(News::Up) => (rejected, was_up) = (0, true),
                Ok(News::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
                // Without a key there is nothing that enrolling again would change.
                Ok(News::Rejected(_)) if self.pair.is_none() => {}
                Ok(News::Rejected(rejection)) => {
                    rejected += 1;
                    if rejection == Rejection::Revoked || rejected > patience {
                        return Some(Left::Rejected { rejection, was_up });
                    }
                }
            }
        }
    }

    /// Waits; [`End::Stopped`] if the program stops meanwhile.
    fn pause(&self, pause: Duration) -> Result<(), End> {
        let until = Instant::now() + pause;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.drain.is_draining() {
                return Err(End::Stopped);
            }
            match self.news.recv_timeout(left.min(TICK)) {
                Ok(News::Stop) | Err(RecvTimeoutError::Disconnected) => return Err(End::Stopped),
                // Of a connection that is no more.
                Ok(News::Up | News::Down | News::Rejected(_)) => {}
                Err(RecvTimeoutError::Timeout) if left <= TICK => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}
