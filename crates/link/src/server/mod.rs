//! The daemon's side: takes hellos, hands requests to the program, sends replies to one peer and events to
//! one peer's topic, notices peers that go.
//!
//! In: [`ServerConfig`], replies and events through [`ServerHandle`] from any thread. Out: [`ServerEvent`]s
//! through a [`ServerHandler`] on the I/O thread. Never looks into a payload.

pub(crate) mod core;
pub(crate) mod door;
pub(crate) mod engine;
pub(crate) mod judge;
pub(crate) mod socket;
pub(crate) mod standing;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::endpoint::Endpoint;
use crate::frame::Refusal;
use crate::identity::{InstanceId, PeerId, PeerIdentity};
use crate::io_loop::IoThreads;
use crate::outbox::{Outbox, SendError};
use crate::relay::Work;
use crate::{ServerConfig, StartError};

/// What a server tells its program, in the order in which it happened. Of one peer: `Joined` first, `Gone`
/// last, nothing after it.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A peer's hello was accepted and its events subscription is live: nothing published to it from now
    /// on can miss it.
    Joined {
        /// The new connection.
        peer: PeerId,
        /// Who it is.
        identity: PeerIdentity,
    },
    /// A payload from a peer.
    Request {
        /// Where the reply goes.
        peer: PeerId,
        /// Who it is.
        identity: PeerIdentity,
        /// Opaque bytes, at most `message_bytes_max`.
        payload: Vec<u8>,
    },
    /// A connection ended. What was on its way to it may or may not have arrived.
    Gone {
        /// The connection.
        peer: PeerId,
        /// Who it was.
        identity: PeerIdentity,
        /// Why.
        reason: GoneReason,
    },
}

/// Why a peer is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GoneReason {
    /// Its connection broke: it died, or the network did.
    Disconnected,
    /// It said goodbye.
    Left,
    /// It answered no ping for interval times misses.
    Silent,
    /// It did not read what was sent to it, up to the bound of bytes in flight.
    Slow,
    /// The same node said hello on a newer connection.
    Replaced,
    /// It sent what does not belong on the link.
    Protocol,
    /// Its enrollment was ended. Requests of it that the program still holds must not be carried out, see
    /// [`PeerIdentity::is_revoked`].
    Revoked,
    /// The program asked for it.
    Asked,
}

/// The program's ear, called on the I/O thread: it must not block. Implemented by the sending ends of
/// bounded `crossbeam_channel` and `tokio::sync::mpsc` channels.
pub trait ServerHandler: Send + 'static {
    /// Whether a peer whose hello fits may come in.
    ///
    /// # Errors
    /// The refusal to send to it.
    fn admit(&mut self, identity: &PeerIdentity) -> Result<(), Refusal> {
        let _ = identity;
        Ok(())
    }

    /// Takes an event.
    ///
    /// # Errors
    /// Gives the event back when there is no room: it is offered again, and until it is taken nothing more
    /// is read from the sockets.
    fn event(&mut self, event: ServerEvent) -> Result<(), ServerEvent>;

    /// Whether there may ever be [`ServerHandler::work`]: the link has a second thread then.
    const MAY_HAVE_WORK: bool = false;

    /// Called after a burst of events: what is to be done on this thread before it sleeps. It may block, unlike the rest. What follows
    /// from one message is mostly quicker done than handed to another thread.
    fn work(&mut self) -> Option<Arc<dyn Work>> {
        None
    }
}

impl ServerHandler for crossbeam_channel::Sender<ServerEvent> {
    /// A closed channel swallows the event: its program is stopping.
    fn event(&mut self, event: ServerEvent) -> Result<(), ServerEvent> {
        match self.try_send(event) {
            Err(crossbeam_channel::TrySendError::Full(event)) => Err(event),
            Ok(()) | Err(crossbeam_channel::TrySendError::Disconnected(_)) => Ok(()),
        }
    }
}

impl ServerHandler for tokio::sync::mpsc::Sender<ServerEvent> {
    /// A closed channel swallows the event: its program is stopping.
    fn event(&mut self, event: ServerEvent) -> Result<(), ServerEvent> {
        match self.try_send(event) {
            Err(tokio::sync::mpsc::error::TrySendError::Full(event)) => Err(event),
            Ok(()) | Err(tokio::sync::mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }
}

/// What the program asks of the I/O thread.
#[derive(Debug)]
pub(crate) enum ServerCommand {
    Reply { peer: PeerId, payload: Vec<u8> },
    Publish { peer: PeerId, payload: Vec<u8> },
    Disconnect { peer: PeerId },
    Recheck,
}

/// Where a server really listens: port 0 is replaced by the port that the system chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// In the order of the configuration.
    pub rpc: Vec<Endpoint>,
    /// In the order of the configuration.
    pub events: Vec<Endpoint>,
}

/// What a server has counted since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerCounts {
    /// Peers that are in now.
    pub peers: u64,
    /// Payloads received.
    pub requests: u64,
    /// Payloads sent with [`ServerHandle::reply`].
    pub replies: u64,
    /// Payloads sent with [`ServerHandle::publish`].
    pub published: u64,
    /// Payloads that could not be sent because their peer was gone.
    pub undeliverable: u64,
    /// Hellos refused.
    pub refused: u64,
    /// Keys refused in the handshake: not enrolled, or of a kind that has no business at the endpoint.
    pub keys_refused: u64,
    /// Subscriptions not granted.
    pub subscriptions_denied: u64,
    /// Messages that are no frame, or that do not belong where they came.
    pub malformed: u64,
    /// Peers dropped because they did not read.
    pub slow: u64,
    /// Peers dropped because they were silent.
    pub silent: u64,
    /// Peers dropped because their enrollment was ended.
    pub revoked: u64,
}

/// The live counters behind [`ServerCounts`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) peers: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) replies: AtomicU64,
    pub(crate) published: AtomicU64,
    pub(crate) undeliverable: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) keys_refused: AtomicU64,
    pub(crate) subscriptions_denied: AtomicU64,
    pub(crate) malformed: AtomicU64,
    pub(crate) slow: AtomicU64,
    pub(crate) silent: AtomicU64,
    pub(crate) revoked: AtomicU64,
}

impl Counters {
    fn counts(&self) -> ServerCounts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ServerCounts {
            peers: get(&self.peers),
            requests: get(&self.requests),
            replies: get(&self.replies),
            published: get(&self.published),
            undeliverable: get(&self.undeliverable),
            refused: get(&self.refused),
            keys_refused: get(&self.keys_refused),
            subscriptions_denied: get(&self.subscriptions_denied),
            malformed: get(&self.malformed),
            slow: get(&self.slow),
            silent: get(&self.silent),
            revoked: get(&self.revoked),
        }
    }
}

/// Talks to a running server from any thread; cheap to clone. Nothing here blocks.
#[derive(Debug, Clone)]
pub struct ServerHandle {
    pub(crate) outbox: Outbox<ServerCommand>,
    pub(crate) shared: Arc<ServerShared>,
}

#[derive(Debug)]
pub(crate) struct ServerShared {
    pub(crate) counters: Arc<Counters>,
    pub(crate) bound: Bound,
    pub(crate) instance: InstanceId,
    pub(crate) message_bytes_max: usize,
}

impl ServerHandle {
    /// Sends a payload to a peer over its RPC connection. Payloads to one peer arrive in order; if the peer
    /// goes, its [`ServerEvent::Gone`] says so and what was on its way is lost.
    ///
    /// # Errors
    /// [`SendError::TooLarge`], [`SendError::Full`], [`SendError::Closed`].
    pub fn reply(&self, peer: PeerId, payload: Vec<u8>) -> Result<(), SendError> {
        self.check(&payload)?;
        self.outbox
            .put(payload.len(), ServerCommand::Reply { peer, payload })
    }

    /// Sends a payload to a peer over its events connection, in order among events; nothing is promised
    /// about the order between events and replies.
    ///
    /// # Errors
    /// [`SendError::TooLarge`], [`SendError::Full`], [`SendError::Closed`].
    pub fn publish(&self, peer: PeerId, payload: Vec<u8>) -> Result<(), SendError> {
        self.check(&payload)?;
        self.outbox
            .put(payload.len(), ServerCommand::Publish { peer, payload })
    }

    /// Ends a peer's connection. It may say hello again.
    ///
    /// # Errors
    /// [`SendError::Full`], [`SendError::Closed`].
    pub fn disconnect(&self, peer: PeerId) -> Result<(), SendError> {
        self.outbox.put(0, ServerCommand::Disconnect { peer })
    }

    /// Looks up every enrolled peer in the registry again, because the registry has changed: those that are
    /// gone from it are refused and told of as [`GoneReason::Revoked`], at once. Messages and events are
    /// checked without it too; this ends peers that are silent.
    ///
    /// # Errors
    /// [`SendError::Full`], [`SendError::Closed`].
    pub fn recheck(&self) -> Result<(), SendError> {
        self.outbox.put(0, ServerCommand::Recheck)
    }

    /// Where the server listens.
    #[must_use]
    pub fn endpoints(&self) -> &Bound {
        &self.shared.bound
    }

    /// This run of the server.
    #[must_use]
    pub fn instance(&self) -> InstanceId {
        self.shared.instance
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> ServerCounts {
        self.shared.counters.counts()
    }

    fn check(&self, payload: &[u8]) -> Result<(), SendError> {
        let bytes_max = self.shared.message_bytes_max;
        if payload.len() > bytes_max {
            return Err(SendError::TooLarge {
                bytes: payload.len(),
                bytes_max,
            });
        }
        Ok(())
    }
}

/// A running server; dropping it shuts it down.
#[derive(Debug)]
pub struct Server {
    handle: ServerHandle,
    threads: Option<IoThreads>,
}

impl Server {
    /// Binds every endpoint and starts the I/O thread.
    ///
    /// # Errors
    /// [`StartError`], naming the endpoint and the mend.
    pub fn start(config: ServerConfig, handler: impl ServerHandler) -> Result<Self, StartError> {
        socket::start(config, handler)
    }

    pub(crate) fn new(handle: ServerHandle, threads: IoThreads) -> Self {
        Self {
            handle,
            threads: Some(threads),
        }
    }

    /// The server's handle.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Sends what is waiting, says goodbye to the peers, closes the sockets, and returns when the I/O
    /// thread has ended.
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

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
