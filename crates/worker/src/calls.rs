//! The calls that a worker has, from the moment they arrive until nobody can ask for their answers: a pure state
//! machine.
//!
//! In: calls, cancellations, ends of calls, links that come and go, the time. Out: [`Step`]s for whoever runs calls, and
//! reports for the link. It knows neither sockets nor tasks, and reads no clock.
//!
//! A call is rejected, or it is accepted and then *waiting*, *running*, *ended*. An accepted call goes on while the link is
//! away. An answer is kept until its call's deadline: over a link that comes back to the same run of the daemon it is
//! sent again, and a repeated call gets it instead of being run twice. Another run of the daemon has woken the tasks of
//! the former one with an error; their calls are dropped.

mod ended;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use moor_link::InstanceId;
use moor_rpc::{
    EncodeError, WireValue, WorkerCall, WorkerError, WorkerReport, WorkerRequestId, encode,
};

use self::ended::Ended;

/// Reports that wait for the link before no more is read from it.
pub(crate) const REPORTS_MAX: usize = 16 << 10;

/// A call that is to be run.
#[derive(Debug, PartialEq)]
pub(crate) struct Begin {
    pub(crate) id: WorkerRequestId,
    pub(crate) deadline: Instant,
    pub(crate) args: WireValue,
}

/// What is to be done, in order.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Run this call.
    Begin(Begin),
    /// Stop running this call; its end is of no interest.
    Abort(WorkerRequestId),
}

/// What the link is to be given next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Report {
    Ready,
    Accepted(WorkerRequestId),
    Rejected(WorkerRequestId),
    Answer(WorkerRequestId),
}

/// All calls of one worker.
#[derive(Debug)]
pub(crate) struct Calls {
    /// As many again may wait.
    running_max: usize,
    /// The deadline of each.
    running: HashMap<WorkerRequestId, Instant>,
    waiting: VecDeque<Begin>,
    ended: Ended,
    reports: VecDeque<Report>,
    steps: Vec<Step>,
    daemon: Option<InstanceId>,
    is_up: bool,
    is_draining: bool,
}

impl Calls {
    /// No calls; at most `running_max` (at least one) run at a time.
    pub(crate) fn new(running_max: usize) -> Self {
        Self {
            running_max: running_max.max(1),
            running: HashMap::new(),
            waiting: VecDeque::new(),
            ended: Ended::default(),
            reports: VecDeque::new(),
            steps: Vec::new(),
            daemon: None,
            is_up: false,
            is_draining: false,
        }
    }

    /// The daemon welcomed us. Says that we are ready, what we have, and every answer that it may not have got.
    pub(crate) fn up(&mut self, daemon: InstanceId, now: Instant) {
        if self
            .daemon
            .replace(daemon)
            .is_some_and(|former| former != daemon)
        {
            self.forget();
        }
        self.is_up = true;
        self.reports.clear();
        self.reports.push_back(Report::Ready);
        let waiting = self.waiting.iter().map(|call| call.id);
        let accepted = self.running.keys().copied().chain(waiting);
        self.reports.extend(accepted.map(Report::Accepted));
        self.reports
            .extend(self.ended.answered(now).map(Report::Answer));
    }

    /// The link is lost. Calls go on.
    pub(crate) fn down(&mut self) {
        self.is_up = false;
        self.reports.clear();
    }

    /// A call arrived. One that is known is not run again: its answer is given again if there is one.
    pub(crate) fn arrived(&mut self, call: WorkerCall, now: Instant) {
        let id = call.id;
        let report = if self.has(id) {
            Report::Accepted(id)
        } else if self.ended.knows(id) {
            Report::Answer(id)
        } else if self.is_draining || self.is_full() {
            Report::Rejected(id)
        } else {
            let deadline = now + Duration::from_millis(call.deadline_ms.into());
            self.waiting.push_back(Begin {
                id,
                deadline,
                args: call.args,
            });
            Report::Accepted(id)
        };
        self.reports.push_back(report);
        self.next(now);
    }

    fn has(&self, id: WorkerRequestId) -> bool {
        self.running.contains_key(&id) || self.waiting.iter().any(|call| call.id == id)
    }

    /// As many may wait as may run: the daemon sends no more than may run, and what has ended here may still be on its way
    /// there.
    fn is_full(&self) -> bool {
        self.running.len() + self.waiting.len() >= self.running_max.saturating_mul(2)
    }

    /// Begins the next waiting call if one may run. One whose time is over is answered without being run.
    fn next(&mut self, now: Instant) {
        while self.running.len() < self.running_max
            && let Some(begin) = self.waiting.pop_front()
        {
            if begin.deadline <= now {
                self.end(begin.id, Err(late()), begin.deadline, now);
            } else {
                self.running.insert(begin.id, begin.deadline);
                self.steps.push(Step::Begin(begin));
            }
        }
    }

    /// The daemon does not want the answer any more.
    pub(crate) fn cancelled(&mut self, id: WorkerRequestId, now: Instant) {
        if let Some(at) = self.waiting.iter().position(|call| call.id == id)
            && let Some(call) = self.waiting.remove(at)
        {
            self.ended.remember(id, None, call.deadline, now);
        }
        if let Some(deadline) = self.running.remove(&id) {
            self.steps.push(Step::Abort(id));
            self.ended.remember(id, None, deadline, now);
            self.next(now);
        }
    }

    /// A call that ran has ended.
    pub(crate) fn finished(
        &mut self,
        id: WorkerRequestId,
        result: Result<WireValue, WorkerError>,
        now: Instant,
    ) {
        if let Some(deadline) = self.running.remove(&id) {
            self.end(id, result, deadline, now);
            self.next(now);
        }
    }

    fn end(
        &mut self,
        id: WorkerRequestId,
        result: Result<WireValue, WorkerError>,
        deadline: Instant,
        now: Instant,
    ) {
        let answer = encoded_answer(id, result);
        self.ended.remember(id, Some(answer), deadline, now);
        if self.is_up {
            self.reports.push_back(Report::Answer(id));
        }
    }

    /// Takes nothing new from now on; what was accepted is finished.
    pub(crate) fn drain(&mut self) {
        self.is_draining = true;
        if self.is_up {
            self.reports.push_back(Report::Ready);
        }
    }

    /// Ends all calls with this error.
    pub(crate) fn abandon(&mut self, error: &WorkerError, now: Instant) {
        for waiting in std::mem::take(&mut self.waiting) {
            self.end(waiting.id, Err(error.clone()), waiting.deadline, now);
        }
        for (id, deadline) in std::mem::take(&mut self.running) {
            self.steps.push(Step::Abort(id));
            self.end(id, Err(error.clone()), deadline, now);
        }
    }

    /// Another run of the daemon: of these calls it knows nothing.
    fn forget(&mut self) {
        let running = self.running.drain().map(|(id, _)| Step::Abort(id));
        self.steps.extend(running);
        self.waiting.clear();
        self.ended = Ended::default();
    }

    /// What is to be done since the last time.
    pub(crate) fn steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    /// The next report for the link, encoded; ask for it only while the link is up. It stays the next one until
    /// [`Calls::reported`].
    pub(crate) fn report(&mut self, now: Instant) -> Option<Vec<u8>> {
        while let Some(report) = self.reports.front() {
            match self.payload(*report, now) {
                Some(payload) => return Some(payload),
                // An answer that nobody wants any more.
                None => self.reported(),
            }
        }
        None
    }

    /// The link has taken the next report.
    pub(crate) fn reported(&mut self) {
        if let Some(Report::Answer(id)) = self.reports.pop_front() {
            self.ended.told(id);
        }
    }

    fn payload(&self, report: Report, now: Instant) -> Option<Vec<u8>> {
        let report = match report {
            Report::Ready => WorkerReport::Ready {
                concurrency_max: self.concurrency(),
            },
            Report::Accepted(id) => WorkerReport::Accepted(id),
            Report::Rejected(id) => WorkerReport::Rejected(id),
            Report::Answer(id) => return self.ended.answer(id, now).map(<[u8]>::to_vec),
        };
        // Short, and without a value: it can be encoded.
        encode(&report).ok()
    }

    /// None while draining, so that the daemon sends no more.
    fn concurrency(&self) -> u32 {
        match self.is_draining {
            true => 0,
            false => u32::try_from(self.running_max).unwrap_or(u32::MAX),
        }
    }

    /// Whether more may be read from the link.
    pub(crate) fn has_room(&self) -> bool {
        self.reports.len() < REPORTS_MAX
    }

    /// Calls that run.
    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }

    /// Whether anything runs or waits.
    pub(crate) fn has_calls(&self) -> bool {
        !self.running.is_empty() || !self.waiting.is_empty()
    }

    /// Whether nothing runs or waits, and nothing is left to tell.
    pub(crate) fn is_idle(&self) -> bool {
        !self.has_calls() && self.reports.is_empty() && !self.ended.has_untold()
    }

    /// Whether the link is up.
    pub(crate) fn is_up(&self) -> bool {
        self.is_up
    }
}

/// The answer as bytes; one that no message can hold becomes an error that says so.
fn encoded_answer(id: WorkerRequestId, result: Result<WireValue, WorkerError>) -> Vec<u8> {
    let answer = |result| encode(&WorkerReport::Answer { id, result });
    let encoded = answer(result).or_else(|error| answer(Err(unfit(&error))));
    // The second is short: it can be encoded.
    encoded.unwrap_or_default()
}

fn unfit(error: &EncodeError) -> WorkerError {
    failure(
        "E_QUOTA",
        format!("too large: the worker's answer: {error}"),
    )
}

/// The error of a call whose deadline passed.
pub(crate) fn late() -> WorkerError {
    failure("E_QUOTA", "timed out: the worker did not finish in time")
}

/// An error that the world hears of: `code` is an error's name in the language.
pub fn failure(code: &str, message: impl Into<String>) -> WorkerError {
    WorkerError {
        code: code.to_owned(),
        message: message.into(),
    }
}

#[cfg(test)]
mod tests;
