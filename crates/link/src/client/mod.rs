//! The host's and worker's side: one connection for requests and one for events, kept up for the life of
//! the program.
//!
//! In: [`ClientConfig`], payloads through [`ClientHandle`] from any thread. Out: [`ClientEvent`]s through a
//! [`ClientHandler`] on the I/O thread. Never looks into a payload, never repeats one.

pub(crate) mod core;
pub(crate) mod engine;
pub(crate) mod retry;
pub(crate) mod socket;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::frame::{FrameError, Refusal};
use crate::identity::InstanceId;
use crate::io_loop::IoThreads;
use crate::names::NameError;
use crate::outbox::{Outbox, SendError};
use crate::{ClientConfig, StartError};

/// What a client tells its program, in the order in which it happened.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The server has welcomed us and our events subscription is live. Payloads may be sent.
    Up {
        /// Which run of the server: another one than last time means that it was restarted.
        instance: InstanceId,
    },
    /// The link is lost, or an attempt to get it failed. Payloads sent and not answered may or may not have
    /// arrived; none will be sent later. The client is trying again by itself.
    Down {
        /// Why.
        reason: DownReason,
    },
    /// A payload over the RPC connection.
    Reply(Vec<u8>),
    /// A payload over the events connection.
    Published(Vec<u8>),
}

/// Why a link is down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DownReason {
    /// Nobody listens at the address.
    #[error("nobody answers at {0}")]
    Unreachable(String),
    /// A connection broke: the server died or the network did.
    #[error("the connection broke")]
    Disconnected,
    /// No ping for the server's interval times misses.
    #[error("the server is silent")]
    Silent,
    /// Connected, but not welcomed and subscribed within the time allowed.
    #[error("the server did not answer in time")]
    Timeout,
    /// The server said no.
    #[error("the server refused: {0}")]
    Refused(Refusal),
    /// The server ended our enrollment while we were there
    /// ([`RefusalCode::Revoked`](crate::RefusalCode::Revoked)).
    #[error("the server has revoked this program's enrollment")]
    Revoked,
    /// The server does not know our key, or our kind of program has no business at this address.
    #[error("{0}: the server does not admit this program's key; enroll it")]
    NotEnrolled(String),
    /// Whoever answers at the address does not have the secret of the pinned key.
    #[error("{0}: the server's key is not the one that was given at enrollment")]
    WrongServerKey(String),
    /// Whoever answers at the address does not speak CURVE, or is no ZeroMQ program at all.
    #[error("{0}: what answers there is not an encrypted moor endpoint")]
    NotSecure(String),
    /// The name of the address stands for nothing, now.
    #[error("{address}: {error}")]
    Unresolved {
        /// The address as configured.
        address: String,
        /// Why.
        error: NameError,
    },
    /// The server stops in order.
    #[error("the server is stopping")]
    ServerStopping,
    /// The server dropped this connection; a new one is made.
    #[error("the server dropped the connection")]
    Dropped,
    /// The server sent what does not belong on the link.
    #[error("the server sent a bad message: {0}")]
    Protocol(FrameError),
}

/// The program's ear, called on the I/O thread: it must not block. Implemented by the sending ends of
/// bounded `crossbeam_channel` and `tokio::sync::mpsc` channels, and by closures.
pub trait ClientHandler: Send + 'static {
    /// Takes an event.
    ///
    /// # Errors
    /// Gives the event back when there is no room: it is offered again, and until it is taken nothing more
    /// is read from the sockets.
    fn event(&mut self, event: ClientEvent) -> Result<(), ClientEvent>;
}

impl<F> ClientHandler for F
where
    F: FnMut(ClientEvent) -> Result<(), ClientEvent> + Send + 'static,
{
    fn event(&mut self, event: ClientEvent) -> Result<(), ClientEvent> {
        self(event)
    }
}

impl ClientHandler for crossbeam_channel::Sender<ClientEvent> {
    /// A closed channel swallows the event: its program is stopping.
    fn event(&mut self, event: ClientEvent) -> Result<(), ClientEvent> {
        match self.try_send(event) {
            Err(crossbeam_channel::TrySendError::Full(event)) => Err(event),
            Ok(()) | Err(crossbeam_channel::TrySendError::Disconnected(_)) => Ok(()),
        }
    }
}

impl ClientHandler for tokio::sync::mpsc::Sender<ClientEvent> {
    /// A closed channel swallows the event: its program is stopping.
    fn event(&mut self, event: ClientEvent) -> Result<(), ClientEvent> {
        match self.try_send(event) {
            Err(tokio::sync::mpsc::error::TrySendError::Full(event)) => Err(event),
            Ok(()) | Err(tokio::sync::mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }
}

/// What the program asks of the I/O thread.
#[derive(Debug)]
pub(crate) enum ClientCommand {
    /// Goes out only if the link is still the one that was up when it was put.
    Send {
        epoch: u64,
        payload: Vec<u8>,
    },
    Reconnect,
}

/// What a client has counted since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientCounts {
    /// Payloads sent.
    pub sent: u64,
    /// Payloads taken by [`ClientHandle::send`] and dropped because the link went down first.
    pub dropped: u64,
    /// Payloads received over the RPC connection.
    pub replies: u64,
    /// Payloads received over the events connection.
    pub published: u64,
    /// Pings received.
    pub pings: u64,
    /// Times that the link came up.
    pub ups: u64,
    /// Attempts that failed and links that were lost.
    pub downs: u64,
}

/// State that the I/O thread shows to other threads.
#[derive(Debug)]
pub(crate) struct ClientShared {
    /// Odd while the link is up; every change of state adds one.
    pub(crate) epoch: AtomicU64,
    /// Start of `ping_ms`.
    pub(crate) origin: Instant,
    /// Milliseconds since `origin` of the last ping, plus one; zero before the first.
    pub(crate) ping_ms: AtomicU64,
    pub(crate) message_bytes_max: usize,
    pub(crate) sent: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) replies: AtomicU64,
    pub(crate) published: AtomicU64,
    pub(crate) pings: AtomicU64,
    pub(crate) ups: AtomicU64,
    pub(crate) downs: AtomicU64,
}

impl ClientShared {
    pub(crate) fn new(message_bytes_max: usize) -> Self {
        Self {
            epoch: AtomicU64::new(0),
            origin: Instant::now(),
            ping_ms: AtomicU64::new(0),
            message_bytes_max,
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            replies: AtomicU64::new(0),
            published: AtomicU64::new(0),
            pings: AtomicU64::new(0),
            ups: AtomicU64::new(0),
            downs: AtomicU64::new(0),
        }
    }
}

/// Talks to a running client from any thread; cheap to clone. Nothing here blocks.
#[derive(Debug, Clone)]
pub struct ClientHandle {
    pub(crate) outbox: Outbox<ClientCommand>,
    pub(crate) shared: Arc<ClientShared>,
}

impl ClientHandle {
    /// Sends a payload to the server. Payloads arrive in order. One that was taken here may still be lost
    /// with the link; [`ClientEvent::Down`] says so.
    ///
    /// # Errors
    /// [`SendError::Down`], [`SendError::TooLarge`], [`SendError::Full`], [`SendError::Closed`].
    pub fn send(&self, payload: Vec<u8>) -> Result<(), SendError> {
        let bytes_max = self.shared.message_bytes_max;
        if payload.len() > bytes_max {
            return Err(SendError::TooLarge {
                bytes: payload.len(),
                bytes_max,
            });
        }
        let epoch = self.shared.epoch.load(Ordering::Acquire);
        if epoch.is_multiple_of(2) {
            return Err(SendError::Down);
        }
        self.outbox
            .put(payload.len(), ClientCommand::Send { epoch, payload })
    }

    /// Whether the link is up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        !self.shared.epoch.load(Ordering::Acquire).is_multiple_of(2)
    }

    /// Time since the last ping of a server, over all links; `None` before the first.
    #[must_use]
    pub fn ping_age(&self) -> Option<Duration> {
        let at = self.shared.ping_ms.load(Ordering::Acquire).checked_sub(1)?;
        Some(
            self.shared
                .origin
                .elapsed()
                .saturating_sub(Duration::from_millis(at)),
        )
    }

    /// The truth for a health check: a ping came within `age_max` (30 s by the design of the programs).
    #[must_use]
    pub fn is_healthy(&self, age_max: Duration) -> bool {
        self.ping_age().is_some_and(|age| age <= age_max)
    }

    /// Gives up the present link or pause, and connects anew at once.
    ///
    /// # Errors
    /// [`SendError::Full`], [`SendError::Closed`].
    pub fn reconnect(&self) -> Result<(), SendError> {
        self.outbox.put(0, ClientCommand::Reconnect)
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> ClientCounts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ClientCounts {
            sent: get(&self.shared.sent),
            dropped: get(&self.shared.dropped),
            replies: get(&self.shared.replies),
            published: get(&self.shared.published),
            pings: get(&self.shared.pings),
            ups: get(&self.shared.ups),
            downs: get(&self.shared.downs),
        }
    }
}

/// A running client; dropping it shuts it down.
#[derive(Debug)]
pub struct Client {
    handle: ClientHandle,
    threads: Option<IoThreads>,
}

impl Client {
    /// Starts the I/O thread, which connects by itself; a server that is not there yet is no error.
    ///
    /// # Errors
    /// [`StartError`] when the configuration cannot work or the system gives no thread or descriptor.
    pub fn start(config: ClientConfig, handler: impl ClientHandler) -> Result<Self, StartError> {
        socket::start(config, handler)
    }

    pub(crate) fn new(handle: ClientHandle, threads: IoThreads) -> Self {
        Self {
            handle,
            threads: Some(threads),
        }
    }

    /// The client's handle.
    #[must_use]
    pub fn handle(&self) -> ClientHandle {
        self.handle.clone()
    }

    /// Sends what is waiting, says goodbye, and returns when the I/O thread has ended.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        let Some(threads) = self.threads.take() else {
            return;
        };
        self.handle.outbox.close();
        threads.join();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop();
    }
}
