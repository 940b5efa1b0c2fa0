//! Calls that have ended, with their answers, for as long as anybody may ask.
//!
//! In: answers as bytes, with the deadlines of their calls; word that the link has taken one. Out: the same answers.
//! Bounded: beyond the bounds the oldest is forgotten, and a repetition of such a call would be run again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use moor_rpc::WorkerRequestId;

/// Ended calls that are remembered.
pub(crate) const ENDED_MAX: usize = 8 << 10;

/// Bytes of their answers.
pub(crate) const ANSWER_BYTES_MAX: usize = 128 << 20;

/// How long after its deadline an answer is still told: the daemon's clock began earlier, and a call that ran out of time
/// is answered just after it.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(crate) struct Ended {
    by_id: HashMap<WorkerRequestId, Answer>,
    /// In the order in which they ended.
    order: VecDeque<WorkerRequestId>,
    bytes: usize,
    /// Answers that the link has not taken yet.
    untold: HashSet<WorkerRequestId>,
}

#[derive(Debug)]
struct Answer {
    /// None for a call that was cancelled.
    payload: Option<Vec<u8>>,
    wanted_until: Instant,
}

impl Ended {
    /// Remembers a call that ended now.
    pub(crate) fn remember(
        &mut self,
        id: WorkerRequestId,
        payload: Option<Vec<u8>>,
        deadline: Instant,
        now: Instant,
    ) {
        let wanted_until = deadline + GRACE;
        self.bytes += payload.as_ref().map_or(0, Vec::len);
        self.order.push_back(id);
        if payload.is_some() {
            self.untold.insert(id);
        }
        self.by_id.insert(
            id,
            Answer {
                payload,
                wanted_until,
            },
        );
        self.trim(now);
    }

    /// The newest stays in any case: it has just been made.
    fn trim(&mut self, now: Instant) {
        while self.order.len() > 1 && (self.is_over() || self.oldest_is_unwanted(now)) {
            if let Some(oldest) = self.order.pop_front() {
                self.forget(oldest);
            }
        }
    }

    fn forget(&mut self, id: WorkerRequestId) {
        self.untold.remove(&id);
        let payload = self.by_id.remove(&id).and_then(|answer| answer.payload);
        self.bytes -= payload.map_or(0, |payload| payload.len());
    }

    /// The link has taken the answer; whether it arrives is another matter.
    pub(crate) fn told(&mut self, id: WorkerRequestId) {
        self.untold.remove(&id);
    }

    /// Whether an answer waits for the link.
    pub(crate) fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    fn is_over(&self) -> bool {
        self.order.len() > ENDED_MAX || self.bytes > ANSWER_BYTES_MAX
    }

    fn oldest_is_unwanted(&self, now: Instant) -> bool {
        let oldest = self.order.front().and_then(|id| self.by_id.get(id));
        oldest.is_some_and(|answer| answer.wanted_until < now)
    }

    /// Whether the call is remembered.
    pub(crate) fn knows(&self, id: WorkerRequestId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// The answer, if there is one and it is still wanted.
    pub(crate) fn answer(&self, id: WorkerRequestId, now: Instant) -> Option<&[u8]> {
        let answer = self
            .by_id
            .get(&id)
            .filter(|answer| answer.wanted_until >= now)?;
        answer.payload.as_deref()
    }

    /// The calls whose answers are still wanted, oldest first.
    pub(crate) fn answered(&self, now: Instant) -> impl Iterator<Item = WorkerRequestId> {
        self.order
            .iter()
            .copied()
            .filter(move |id| self.answer(*id, now).is_some())
    }
}
