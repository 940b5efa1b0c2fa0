//! The thread that turns durable batches into state, and lets go of the log behind it.
//!
//! In come groups that are already durable in the log, in order; out go an up-to-date state and the removal of segments.
//! [`Materialiser::step`] is the whole logic without the thread. It knows neither the engine nor the log's files.
//!
//! Groups are kept in memory until the state is durable (bounded by `persist_bytes`): after a failure of the engine
//! nothing written since its last successful sync is trusted, and all of it is applied again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex};

use crate::counters;
use crate::error::StateError;
use crate::frame::Group;
use crate::queue::{Half, Queue};
use crate::state::State;
use crate::writer::{Segments, Step};

/// First and longest pause between attempts while the engine fails.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Arrived {
    groups: VecDeque<Arc<Group>>,
    closed: bool,
}

/// Durable groups on their way to the state. Bounded through the queue: `append` waits while too much is unapplied.
#[derive(Default)]
pub(crate) struct Inbox {
    arrived: Mutex<Arrived>,
    changed: Condvar,
}

impl Inbox {
    pub(crate) fn push(&self, group: Arc<Group>) {
        self.arrived.lock().groups.push_back(group);
        self.changed.notify_one();
    }

    /// No more groups will come.
    pub(crate) fn close(&self) {
        self.arrived.lock().closed = true;
        self.changed.notify_all();
    }

    fn pop(&self) -> Option<Arc<Group>> {
        self.arrived.lock().groups.pop_front()
    }

    /// Waits for a group until `deadline`; false when closed and empty.
    fn wait(&self, deadline: Option<Instant>) -> bool {
        let mut arrived = self.arrived.lock();
        while arrived.groups.is_empty() && !arrived.closed {
            match deadline {
                None => self.changed.wait(&mut arrived),
                Some(deadline) if self.changed.wait_until(&mut arrived, deadline).timed_out() => {
                    return true;
                }
                Some(_) => {}
            }
        }
        !arrived.groups.is_empty()
    }

    /// Waits out `delay` unless closed; true when closed.
    fn pause(&self, delay: Duration) -> bool {
        let deadline = Instant::now() + delay;
        let mut arrived = self.arrived.lock();
        while !arrived.closed && !self.changed.wait_until(&mut arrived, deadline).timed_out() {}
        arrived.closed
    }
}

/// When the state is made durable: whichever comes first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PersistPolicy {
    pub(crate) bytes: usize,
    pub(crate) interval: Duration,
}

/// The one writer of the state.
pub(crate) struct Materialiser {
    state: Arc<dyn State>,
    queue: Arc<Queue>,
    inbox: Arc<Inbox>,
    segments: Arc<Segments>,
    policy: PersistPolicy,
    /// Groups since the last successful persist; the first `applied_count` of them are applied.
    kept: VecDeque<Arc<Group>>,
    applied_count: usize,
    applied_bytes: usize,
    dirty_since: Option<Instant>,
    broken: bool,
}

impl Materialiser {
    /// A materialiser on a state that is durable up to the batch before the first group of the inbox.
    pub(crate) fn new(
        state: Arc<dyn State>,
        queue: Arc<Queue>,
        inbox: Arc<Inbox>,
        segments: Arc<Segments>,
        policy: PersistPolicy,
    ) -> Materialiser {
        Materialiser {
            state,
            queue,
            inbox,
            segments,
            policy,
            kept: VecDeque::new(),
            applied_count: 0,
            applied_bytes: 0,
            dirty_since: None,
            broken: false,
        }
    }

    /// The thread: applies until the inbox is closed and empty, then makes the state durable; true when it is.
    pub(crate) fn run(mut self) -> bool {
        let _ended = Ended(Arc::clone(&self.queue));
        let mut backoff = BACKOFF_MIN;
        loop {
            match self.step(Instant::now()) {
                Step::Wrote => backoff = BACKOFF_MIN,
                Step::Failed if self.inbox.pause(backoff) => break,
                Step::Failed => backoff = (backoff * 2).min(BACKOFF_MAX),
                Step::Idle => {
                    let persist_at = self.dirty_since.map(|since| since + self.policy.interval);
                    if !self.inbox.wait(persist_at) {
                        break;
                    }
                }
            }
        }
        // After a failure this is the last attempt; the log keeps what it does not reach.
        self.finish()
    }

    /// Applies everything left and makes the state durable; true when it is.
    pub(crate) fn finish(&mut self) -> bool {
        loop {
            match self.step(Instant::now()) {
                Step::Wrote => {}
                Step::Failed => return false,
                Step::Idle => return self.attempt(Self::persist) == Step::Wrote,
            }
        }
    }

    /// Applies one group, or makes the state durable when it is time.
    pub(crate) fn step(&mut self, now: Instant) -> Step {
        if self.applied_count == self.kept.len() {
            self.kept.extend(self.inbox.pop());
        }
        let due = self.applied_bytes >= self.policy.bytes
            || self
                .dirty_since
                .is_some_and(|since| now.duration_since(since) >= self.policy.interval);
        if due {
            return self.attempt(Self::persist);
        }
        if self.applied_count < self.kept.len() {
            self.dirty_since.get_or_insert(now);
            return self.attempt(Self::apply);
        }
        Step::Idle
    }

    fn attempt(&mut self, action: fn(&mut Self) -> Result<(), StateError>) -> Step {
        match self.mend().and_then(|()| action(self)) {
            Ok(()) => {
                self.queue.state_recovered();
                Step::Wrote
            }
            Err(error) => {
                self.broken = true;
                counters::add(&self.queue.totals.state_failures, 1);
                self.queue
                    .failed(Half::State, &error.to_string(), SystemTime::now());
                Step::Failed
            }
        }
    }

    /// After a failure: opens the engine again and applies what it has lost.
    fn mend(&mut self) -> Result<(), StateError> {
        if !self.broken {
            return Ok(());
        }
        self.state.reopen()?;
        self.broken = false;
        let held = self.state.applied()?;
        for group in self
            .kept
            .iter()
            .take(self.applied_count)
            .filter(|group| group.last() > held)
        {
            self.state.apply(group)?;
        }
        Ok(())
    }

    fn apply(&mut self) -> Result<(), StateError> {
        let Some(group) = self.kept.get(self.applied_count) else {
            return Ok(());
        };
        self.state.apply(group)?;
        self.applied_count += 1;
        self.applied_bytes += group.bytes();
        counters::add(&self.queue.totals.applied, group.batches.len() as u64);
        self.queue.applied(group.last(), group.bytes());
        Ok(())
    }

    fn persist(&mut self) -> Result<(), StateError> {
        self.state.persist()?;
        counters::add(&self.queue.totals.persists, 1);
        let persisted = self.kept.drain(..self.applied_count).next_back();
        self.applied_count = 0;
        self.applied_bytes = 0;
        self.dirty_since = None;
        if let Some(group) = persisted {
            self.segments.trim(group.last());
        }
        Ok(())
    }
}

/// Makes a panic of the engine a failure that everyone sees, instead of a wait without end.
struct Ended(Arc<Queue>);

impl Drop for Ended {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.failed(
                Half::State,
                "the thread of the state panicked",
                SystemTime::now(),
            );
        }
    }
}
