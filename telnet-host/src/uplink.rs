//! What this program needs of the link to the daemon, as a trait, so that tests can stand in for it.
//!
//! In: requests. Out: encoded messages to a link; and the things that a link reports, for the hub. It
//! does not know how bytes travel.

use std::sync::atomic::{AtomicU64, Ordering};

use moor_rpc::{Request, RequestBody, RequestId};

/// The way to the daemon. Never waits.
pub trait Uplink: Send + Sync + 'static {
    /// Takes one encoded request.
    ///
    /// # Errors
    /// [`UplinkError::Full`] when it should be tried again a little later, [`UplinkError::Down`] when
    /// there is no daemon at the moment.
    fn send(&self, payload: Vec<u8>) -> Result<(), UplinkError>;
}

/// Why a request was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UplinkError {
    /// Too much is waiting to be sent.
    #[error("too much is waiting to be sent to the daemon")]
    Full,
    /// There is no daemon.
    #[error("the daemon is away")]
    Down,
    /// The request cannot be encoded: it is longer than a message may be.
    #[error("the request is too long")]
    TooLong,
}

/// What the link reports, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Downlink {
    /// The daemon is there, for the first time or again.
    Up,
    /// The daemon is away.
    Down,
    /// An encoded [`Reply`](moor_rpc::Reply).
    Reply(Vec<u8>),
    /// An encoded [`HostEvent`](moor_rpc::HostEvent).
    Event(Vec<u8>),
}

/// The uplink with the numbering of requests.
pub struct Requests {
    uplink: Box<dyn Uplink>,
    next_id: AtomicU64,
}

impl Requests {
    /// Numbers requests from 1.
    #[must_use]
    pub fn new(uplink: Box<dyn Uplink>) -> Self {
        Self {
            uplink,
            next_id: AtomicU64::new(1),
        }
    }

    /// Sends a request and returns its id.
    ///
    /// # Errors
    /// As [`Uplink::send`], and [`UplinkError::TooLong`] for what no message can hold.
    pub fn send(&self, body: RequestBody) -> Result<RequestId, UplinkError> {
        let id = RequestId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let payload = moor_rpc::encode(&Request { id, body }).map_err(|_| UplinkError::TooLong)?;
        self.uplink.send(payload)?;
        Ok(id)
    }
}
