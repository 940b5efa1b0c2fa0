//! The commit log as its users see it.
//!
//! In come batches in commit order; out go their numbers at once and, later, the durable horizon: every batch up to it
//! survives a crash. [`CommitLog`] is a trait because a log kept by a replicated engine, fenced by an epoch, can stand
//! in for the local one. It does not know how durability is reached.

use std::time::{Duration, SystemTime};

use crate::batch::{Batch, Seq};
use crate::error::{AppendError, WaitError};

/// Called from the log's own thread: `Ok(horizon)` each time the durable horizon advances, `Err(reason)` once when
/// the log stops being writable (the next `Ok` says that it recovered). It must not block, append or
/// add a callback: while it runs nothing else becomes durable.
pub type DurableCallback = Box<dyn Fn(Result<Seq, &str>) + Send>;

/// Whether the log accepts batches.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LogStatus {
    /// It does.
    Ok,
    /// It does not; what was accepted before is being retried.
    Failed {
        /// The failure, as the operating system words it.
        reason: String,
        /// When the first of the present failures happened.
        since: SystemTime,
    },
}

/// A durable, ordered log of commits.
pub trait CommitLog: Send + Sync {
    /// Accepts a batch and gives it the next number. Cheap: it waits only while more than the named bound of bytes is
    /// accepted and unprocessed. Callers that need commit order call it in that order.
    ///
    /// # Errors
    /// [`AppendError::ReadOnly`] while the disk fails, [`AppendError::Closed`] after the close began, and the limits of
    /// a batch. Nothing of a refused batch is stored.
    fn append(&self, batch: Batch) -> Result<Seq, AppendError>;

    /// The last batch accepted.
    fn accepted(&self) -> Seq;

    /// The durable horizon: this batch and all before it survive a crash. One atomic load.
    fn durable(&self) -> Seq;

    /// Waits until the horizon reaches `seq`.
    ///
    /// # Errors
    /// [`WaitError::Timeout`] after `timeout`, [`WaitError::Closed`] when the log ended without it.
    fn wait_durable(&self, seq: Seq, timeout: Duration) -> Result<(), WaitError>;

    /// Adds a callback for advances of the horizon. Callbacks are kept until the log ends.
    fn on_durable(&self, callback: DurableCallback);

    /// Whether batches are accepted.
    fn status(&self) -> LogStatus;

    /// A hint: whether those who append have more work waiting than processors to do it. A sync then takes processor time from them, and
    /// helps nobody by coming at once: a batch may wait for others, for some milliseconds at most. Cheap.
    fn set_busy(&self, _is_busy: bool) {}
}
