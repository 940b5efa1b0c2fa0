//! What a host needs of the link to the daemon, as a trait, so that tests can stand in for it.
//!
//! In: requests. Out: encoded messages to a link; answers for those who asked; and the things that a link reports,
//! for the hub. It does not know how bytes travel.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use moor_rpc::{Reply, ReplyBody, Request, RequestBody, RequestId};

use crate::meters::lines_sent;
use crate::questions::{AskError, Questions};

/// The way to the daemon. Never waits.
pub trait Uplink: Send + Sync + 'static {
    /// Takes one encoded request.
    ///
    /// # Errors
    /// [`UplinkError::Full`] when it should be tried again a little later, [`UplinkError::Down`] when
    /// there is no daemon at the moment.
    fn send(&self, payload: Vec<u8>) -> Result<(), UplinkError>;

    /// The daemon is about to go, and is not to be asked for again before this time has passed.
    fn stay_away(&self, time: Duration);

    /// Ends a pause before the next attempt to connect, if there is one.
    fn reconnect(&self);
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
    /// The daemon has thrown this host out, for good.
    Revoked,
    /// An encoded [`Reply`].
    Reply(Vec<u8>),
    /// An encoded [`HostEvent`](moor_rpc::HostEvent).
    Event(Vec<u8>),
}

/// The uplink with the numbering of requests, and with those who wait for answers.
pub struct Requests {
    uplink: Box<dyn Uplink>,
    next_id: AtomicU64,
    questions: Questions,
    attached: AtomicBool,
    lines_sent: metrics::Counter,
}

impl Requests {
    /// Numbers requests from 1.
    #[must_use]
    pub fn new(uplink: Box<dyn Uplink>) -> Self {
        Self {
            uplink,
            next_id: AtomicU64::new(1),
            questions: Questions::default(),
            attached: AtomicBool::new(false),
            lines_sent: lines_sent(),
        }
    }

    /// Sends a request and returns its id.
    ///
    /// # Errors
    /// As [`Uplink::send`], and [`UplinkError::TooLong`] for what no message can hold.
    pub fn send(&self, body: RequestBody) -> Result<RequestId, UplinkError> {
        let id = self.next_id();
        let is_line = matches!(body, RequestBody::Line(_));
        self.send_as(id, body)?;
        if is_line {
            self.lines_sent.increment(1);
        }
        Ok(id)
    }

    /// Sends a request and waits for its answer. Whoever waits no longer (by a deadline, which it must have) is
    /// forgotten; the daemon may have done what was asked all the same.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask(&self, body: RequestBody) -> Result<ReplyBody, AskError> {
        if !self.is_attached() {
            return Err(AskError::Away);
        }
        let id = self.next_id();
        // Noted before it is sent, so that no answer finds nobody.
        let answer = self.questions.note(id)?;
        self.send_as(id, body)?;
        answer.wait().await
    }

    /// Whether the daemon is there and knows this host's sessions.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        self.attached.load(Ordering::Acquire)
    }

    /// Notes whether it is; when not, nobody's answer will come.
    pub(crate) fn set_attached(&self, attached: bool) {
        self.attached.store(attached, Ordering::Release);
        if !attached {
            self.questions.forget_all();
        }
    }

    /// Lets a daemon that is about to go be away for this long.
    pub(crate) fn stay_away(&self, time: Duration) {
        self.uplink.stay_away(time);
    }

    /// Ends a pause before the next attempt to connect.
    pub(crate) fn reconnect(&self) {
        self.uplink.reconnect();
    }

    /// Gives an answer to whoever asked; back if nobody did.
    pub(crate) fn answer(&self, reply: Reply) -> Option<Reply> {
        self.questions.answer(reply)
    }

    fn next_id(&self) -> RequestId {
        RequestId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    fn send_as(&self, id: RequestId, body: RequestBody) -> Result<(), UplinkError> {
        let payload = moor_rpc::encode(&Request { id, body }).map_err(|_| UplinkError::TooLong)?;
        self.uplink.send(payload)
    }
}
