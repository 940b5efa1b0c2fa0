//! What stands between those who commit and the two threads of the store.
//!
//! In come batches, each given the next number; the writer takes them out in groups and reports what became durable,
//! the materialiser reports what was applied. Out go the horizon, the status and back-pressure. It knows no file.
//!
//! One lock guards the queue; it is never held across a callback or any I/O. Callbacks have a lock of their own, taken
//! only by the writer's thread and by whoever adds one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::batch::{Batch, Seq};
use crate::counters::Totals;
use crate::error::{AppendError, WaitError};
use crate::frame::Group;
use crate::log::{CommitLog, DurableCallback, LogStatus};

/// Most bytes of batches in one group, unless a single batch is larger: bounds the buffer and the time of one sync.
pub(crate) const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a batch may wait for others while those who commit are busy.
pub(crate) const GATHER_TIME_MAX: Duration = Duration::from_millis(5);

/// Which half of the store fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Half {
    Log,
    State,
}

#[derive(Clone)]
struct Failure {
    reason: String,
    since: SystemTime,
}

struct Pending {
    /// Accepted, not yet taken by the writer.
    batches: Vec<Arc<Batch>>,
    /// The number of the next batch accepted.
    next: Seq,
    /// Accepted and not yet applied to the state.
    bytes: usize,
    /// The last batch applied to the state.
    applied: Seq,
    log_failure: Option<Failure>,
    state_failure: Option<Failure>,
    /// Those who commit have more to do than processors.
    is_busy: bool,
    /// No more batches are accepted; the writer finishes what it has.
    closing: bool,
    /// The writer's thread has ended.
    ended: bool,
}

impl Pending {
    fn failure(&self) -> Option<&Failure> {
        self.log_failure.as_ref().or(self.state_failure.as_ref())
    }
}

/// The shared middle of the store.
pub(crate) struct Queue {
    tables: usize,
    pending_bytes_max: usize,
    pending: Mutex<Pending>,
    /// Signalled when the writer has something to do.
    work: Condvar,
    /// Signalled when the writer need not wait for more to do.
    hurry: Condvar,
    /// Signalled when anything that a caller may wait for changes: room, horizon, applied, status, end.
    changed: Condvar,
    durable: AtomicU64,
    callbacks: Mutex<Vec<DurableCallback>>,
    pub(crate) totals: Totals,
}

impl Queue {
    /// A queue whose first batch is numbered after `last`.
    pub(crate) fn new(last: Seq, tables: usize, pending_bytes_max: usize) -> Queue {
        Queue {
            tables,
            // At 0 nothing would ever be accepted.
            pending_bytes_max: pending_bytes_max.max(1),
            pending: Mutex::new(Pending {
                batches: Vec::new(),
                next: last.next(),
                bytes: 0,
                applied: last,
                log_failure: None,
                state_failure: None,
                is_busy: false,
                closing: false,
                ended: false,
            }),
            work: Condvar::new(),
            hurry: Condvar::new(),
            changed: Condvar::new(),
            durable: AtomicU64::new(last.0),
            callbacks: Mutex::new(Vec::new()),
            totals: Totals::default(),
        }
    }

    /// Takes the next group, or nothing when the queue is empty.
    pub(crate) fn take(&self) -> Option<Group> {
        let mut pending = self.pending.lock();
        if pending.batches.is_empty() {
            return None;
        }
        let first = Seq(pending.next.0 - pending.batches.len() as u64);
        let mut bytes = 0;
        let fits = pending.batches.iter().take_while(|batch| {
            bytes += batch.as_bytes().len();
            bytes <= GROUP_BYTES_MAX
        });
        let count = fits.count().max(1);
        let rest = pending.batches.split_off(count);
        Some(Group {
            first,
            batches: std::mem::replace(&mut pending.batches, rest),
        })
    }

    /// Waits until there is a batch to write; false when the store is closing and none is left.
    pub(crate) fn wait_for_work(&self) -> bool {
        let mut pending = self.pending.lock();
        while pending.batches.is_empty() && !pending.closing {
            self.work.wait(&mut pending);
        }
        !pending.batches.is_empty()
    }

    /// Waits out `delay` unless the store closes; true when it does.
    pub(crate) fn pause(&self, delay: Duration) -> bool {
        self.wait_while(delay, |pending| !pending.closing);
        self.pending.lock().closing
    }

    /// Waits for more batches as long as those who commit are busy, for at most `time`.
    pub(crate) fn gather(&self, time: Duration) {
        self.wait_while(time, |pending| pending.is_busy && !pending.closing);
    }

    /// Waits for `time`, or until nothing speaks for it any more. Batches that come do not end it.
    fn wait_while(&self, time: Duration, waits: impl Fn(&Pending) -> bool) {
        let deadline = Instant::now() + time;
        let mut pending = self.pending.lock();
        while waits(&pending) && !self.hurry.wait_until(&mut pending, deadline).timed_out() {}
    }

    /// The writer made everything up to `horizon` durable.
    pub(crate) fn advance(&self, horizon: Seq) {
        {
            // Stored under the lock so that a waiter cannot miss it between its check and its wait.
            let mut pending = self.pending.lock();
            self.durable.store(horizon.0, Ordering::Release);
            pending.log_failure = None;
            self.changed.notify_all();
        }
        self.call_back(Ok(horizon));
    }

    /// The materialiser applied everything up to `seq`, `bytes` of batches.
    pub(crate) fn applied(&self, seq: Seq, bytes: usize) {
        let mut pending = self.pending.lock();
        pending.applied = seq;
        pending.bytes = pending.bytes.saturating_sub(bytes);
        self.changed.notify_all();
    }

    /// A half of the store fails; the first failure of a series is kept, with its time.
    pub(crate) fn failed(&self, half: Half, reason: &str, since: SystemTime) {
        {
            let mut pending = self.pending.lock();
            let slot = match half {
                Half::Log => &mut pending.log_failure,
                Half::State => &mut pending.state_failure,
            };
            if slot.is_some() {
                return;
            }
            *slot = Some(Failure {
                reason: reason.to_owned(),
                since,
            });
            self.changed.notify_all();
        }
        tracing::error!(
            ?half,
            reason,
            "the store is read-only until the disk accepts writes again"
        );
        if half == Half::Log {
            self.call_back(Err(reason));
        }
    }

    /// The materialiser works again.
    pub(crate) fn state_recovered(&self) {
        if self.pending.lock().state_failure.take().is_some() {
            tracing::info!("the state of the store accepts writes again");
            self.changed.notify_all();
        }
    }

    /// Refuses new batches and lets the threads finish.
    pub(crate) fn close(&self) {
        self.pending.lock().closing = true;
        self.work.notify_all();
        self.hurry.notify_all();
        self.changed.notify_all();
    }

    /// The writer's thread is gone, cleanly or not; nobody waits for it any more.
    pub(crate) fn ended(&self) {
        let mut pending = self.pending.lock();
        pending.closing = true;
        pending.ended = true;
        self.changed.notify_all();
    }

    /// Why the half fails at present.
    pub(crate) fn failure(&self, half: Half) -> Option<String> {
        let pending = self.pending.lock();
        let failure = match half {
            Half::Log => &pending.log_failure,
            Half::State => &pending.state_failure,
        };
        failure.as_ref().map(|failure| failure.reason.clone())
    }

    /// Waits until the state holds everything up to `seq`.
    pub(crate) fn wait_applied(&self, seq: Seq, timeout: Duration) -> Result<(), WaitError> {
        self.wait_until(seq, timeout, |pending| pending.applied >= seq)
    }

    pub(crate) fn pending_bytes(&self) -> usize {
        self.pending.lock().bytes
    }

    fn wait_until(
        &self,
        seq: Seq,
        timeout: Duration,
        done: impl Fn(&Pending) -> bool,
    ) -> Result<(), WaitError> {
        let deadline = Instant::now() + timeout;
        let mut pending = self.pending.lock();
        while !done(&pending) {
            if pending.ended {
                return Err(WaitError::Closed { seq });
            }
            if self.changed.wait_until(&mut pending, deadline).timed_out() && !done(&pending) {
                return Err(WaitError::Timeout {
                    seq,
                    waited: timeout,
                });
            }
        }
        Ok(())
    }

    /// Waits for room and refuses what cannot be accepted.
    fn admit(&self) -> Result<MutexGuard<'_, Pending>, AppendError> {
        let mut pending = self.pending.lock();
        loop {
            if pending.closing {
                return Err(AppendError::Closed);
            }
            if let Some(failure) = pending.failure() {
                return Err(AppendError::ReadOnly {
                    reason: failure.reason.clone(),
                });
            }
            if pending.bytes < self.pending_bytes_max {
                return Ok(pending);
            }
            self.changed.wait(&mut pending);
        }
    }

    fn call_back(&self, event: Result<Seq, &str>) {
        for callback in self.callbacks.lock().iter() {
            callback(event);
        }
    }
}

impl CommitLog for Queue {
    fn append(&self, batch: Batch) -> Result<Seq, AppendError> {
        batch.check(self.tables)?;
        let mut pending = self.admit()?;
        let seq = pending.next;
        pending.next = seq.next();
        pending.bytes += batch.as_bytes().len();
        pending.batches.push(Arc::new(batch));
        self.work.notify_one();
        Ok(seq)
    }

    fn accepted(&self) -> Seq {
        Seq(self.pending.lock().next.0 - 1)
    }

    fn durable(&self) -> Seq {
        Seq(self.durable.load(Ordering::Acquire))
    }

    fn wait_durable(&self, seq: Seq, timeout: Duration) -> Result<(), WaitError> {
        if self.durable() >= seq {
            return Ok(());
        }
        self.wait_until(seq, timeout, |_| self.durable() >= seq)
    }

    fn on_durable(&self, callback: DurableCallback) {
        self.callbacks.lock().push(callback);
    }

    fn status(&self) -> LogStatus {
        match self.pending.lock().failure() {
            None => LogStatus::Ok,
            Some(failure) => LogStatus::Failed {
                reason: failure.reason.clone(),
                since: failure.since,
            },
        }
    }

    fn set_busy(&self, is_busy: bool) {
        self.pending.lock().is_busy = is_busy;
        if !is_busy {
            self.hurry.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Table;

    /// A batch of exactly so many encoded bytes.
    fn sized(bytes: usize) -> Batch {
        let mut empty = Batch::new();
        empty.put(Table(0), b"k", b"");
        let mut batch = Batch::new();
        batch.put(Table(0), b"k", &vec![0; bytes - empty.as_bytes().len()]);
        assert_eq!(batch.as_bytes().len(), bytes);
        batch
    }

    #[test]
    fn a_group_is_full_at_its_bound_and_a_larger_batch_goes_alone() {
        let queue = Queue::new(Seq(10), 1, usize::MAX);
        let half = GROUP_BYTES_MAX / 2;
        for bytes in [half, half, half, half + 1, GROUP_BYTES_MAX + 1, 20] {
            queue.append(sized(bytes)).expect("accepted");
        }
        let mut groups =
            std::iter::from_fn(|| queue.take()).map(|group| (group.first.0, group.batches.len()));
        assert_eq!(groups.next(), Some((11, 2)), "at the bound");
        assert_eq!(groups.next(), Some((13, 1)), "one past it");
        assert_eq!(groups.next(), Some((14, 1)));
        assert_eq!(groups.next(), Some((15, 1)), "a batch above the bound");
        assert_eq!(groups.next(), Some((16, 1)));
        assert_eq!(groups.next(), None);
    }

    #[test]
    fn batches_are_gathered_until_nobody_is_busy() {
        const NEVER: Duration = Duration::from_secs(3600);
        let queue = Arc::new(Queue::new(Seq(0), 1, usize::MAX));
        queue.append(sized(20)).expect("accepted");
        queue.gather(NEVER);
        queue.set_busy(true);
        let gatherer = {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || {
                queue.gather(NEVER);
                queue.take().map(|group| group.batches.len())
            })
        };
        queue.append(sized(20)).expect("accepted");
        queue.append(sized(20)).expect("accepted");
        queue.set_busy(false);
        assert_eq!(gatherer.join().expect("it ends"), Some(3));
        queue.set_busy(true);
        queue.gather(Duration::ZERO);
        queue.close();
        queue.gather(NEVER);
    }
}
