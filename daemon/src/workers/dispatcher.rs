//! Which worker does which request: the rules, without a socket, a thread or a clock.
//!
//! In: requests of tasks, workers that come and go and what they report, the time. Out: [`Step`]s: orders to one
//! worker, and exactly one answer to each request. It does not know how orders travel, nor who waits for answers.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use moor_link::{NodeId, PeerId};
use moor_rpc::{
    WireValue, WorkerCall, WorkerCancel, WorkerError, WorkerOrder, WorkerReport, WorkerRequestId,
};

/// Requests at a time, waiting ones and those at work; one more is refused.
pub(crate) const REQUESTS_MAX: usize = 10_000;
/// Bytes of the arguments of all requests at a time; a request that would pass it is refused.
pub(crate) const ARGUMENT_BYTES_MAX: usize = 256 << 20;
/// How long a worker that rejected a call gets no other: it is full, or about to leave.
pub(crate) const REJECTION_PAUSE: Duration = Duration::from_millis(200);
/// How long a worker that went with a call, without a goodbye, is waited for: over a link that broke for a moment it says
/// that it goes on, or brings the answer.
pub(crate) const RETURN_TIME: Duration = Duration::from_secs(10);
/// How long a request waits for the first worker of its kind: one may be on its way back.
pub(crate) const ARRIVAL_TIME: Duration = moor_runtime::WORKER_GRACE;

/// A request of a task.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// Its name, never used twice.
    pub(crate) id: WorkerRequestId,
    /// What kind of worker is to do it.
    pub(crate) kind: String,
    /// The arguments.
    pub(crate) args: WireValue,
    /// Until when somebody waits for the answer.
    pub(crate) deadline: Instant,
    /// Doing it twice is as good as once, so another worker may be asked when one is lost at it.
    pub(crate) is_idempotent: bool,
}

/// Why a request gave nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Failure {
    /// The worker said so.
    #[error("{}", .0.message)]
    Reported(WorkerError),
    /// It began and did not end in time.
    #[error("the worker did not answer in time")]
    TimedOut,
    /// Workers of the kind are there, and none had room in time.
    #[error("every {0} worker was busy until the time was over")]
    Busy(String),
    /// There was none all the time.
    #[error("no {0} worker is connected")]
    NoWorker(String),
    /// The worker was lost at it.
    #[error("the worker was lost during the request; whether it was carried out is not known")]
    OutcomeUnknown,
    /// A bound is reached.
    #[error("too many requests wait for workers")]
    TooMany,
}

impl Failure {
    /// One word for a metric.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Reported(_) => "error",
            Self::TimedOut => "timeout",
            Self::Busy(_) => "busy",
            Self::NoWorker(_) => "no_worker",
            Self::OutcomeUnknown => "unknown",
            Self::TooMany => "refused",
        }
    }
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Tell a worker.
    Order(PeerId, WorkerOrder),
    /// Tell whoever waits; once for each request that was not cancelled.
    Answer {
        id: WorkerRequestId,
        result: Result<WireValue, Failure>,
    },
    /// A worker spoke of a request that is not its own, or no longer: nothing is to be done.
    Dropped,
}

/// A worker as others may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkerState {
    /// Its connection.
    pub(crate) peer: PeerId,
    /// What it does.
    pub(crate) kind: String,
    /// Requests that it has now.
    pub(crate) in_flight: usize,
    /// Requests that it takes at a time; 0 before it is ready and when it leaves.
    pub(crate) concurrency_max: u32,
}

/// How a worker went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// It said goodbye, after all that it had to report: what it has not accepted it has not begun.
    Left,
    /// It was thrown out: what it still reports is not heard.
    ThrownOut,
    /// The connection broke: its node may come back with answers.
    Broken,
}

#[derive(Debug)]
struct Worker {
    node: NodeId,
    kind: String,
    concurrency_max: u32,
    in_flight: HashSet<WorkerRequestId>,
    paused_until: Option<Instant>,
    /// When it got its last call, as a number of calls: among equals the one that rested longest is next.
    last_call: u64,
}

#[derive(Debug)]
enum State {
    /// In the queue of its kind.
    Waiting,
    /// Sent, not heard of.
    Sent(PeerId),
    /// Begun.
    Begun(PeerId),
    /// Sent to a worker that went, which may have begun; its node may come back with the answer.
    Lost(NodeId),
}

#[derive(Debug)]
struct Request {
    wish: Wish,
    bytes: usize,
    state: State,
    /// When something happens to it by itself; its entry in `due`.
    due: Instant,
}

/// The rules' memory.
#[derive(Debug, Default)]
pub(crate) struct Dispatcher {
    workers: HashMap<PeerId, Worker>,
    requests: HashMap<WorkerRequestId, Request>,
    queues: HashMap<String, VecDeque<WorkerRequestId>>,
    due: BTreeSet<(Instant, WorkerRequestId)>,
    bytes: usize,
    calls: u64,
    steps: Vec<Step>,
}

impl Dispatcher {
    /// What is to be done since the last call of this, in order.
    pub(crate) fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    /// A worker has come. It gets calls when it is ready.
    pub(crate) fn joined(&mut self, peer: PeerId, node: NodeId, kind: &str) {
        let worker = Worker {
            node,
            kind: kind.to_owned(),
            concurrency_max: 0,
            in_flight: HashSet::new(),
            paused_until: None,
            last_call: 0,
        };
        self.workers.insert(peer, worker);
        self.time_waiting(kind, None);
    }

    /// A task wants something done.
    pub(crate) fn submit(&mut self, wish: Wish, now: Instant) {
        let bytes = size_of(&wish.args);
        let kind = wish.kind.clone();
        if self.requests.len() >= REQUESTS_MAX || self.bytes + bytes > ARGUMENT_BYTES_MAX {
            let (id, result) = (wish.id, Err(Failure::TooMany));
            self.steps.push(Step::Answer { id, result });
            return;
        }
        let (id, due) = (wish.id, wish.deadline.min(now + ARRIVAL_TIME));
        let request = Request {
            wish,
            bytes,
            state: State::Waiting,
            due,
        };
        self.bytes += bytes;
        self.due.insert((due, id));
        self.requests.insert(id, request);
        self.queues.entry(kind.clone()).or_default().push_back(id);
        if self.has_worker(&kind) {
            self.set_due(id, |wish| wish.deadline);
        }
        self.pump(&kind, now);
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn cancel(&mut self, id: WorkerRequestId, now: Instant) {
        if let Some(request) = self.take(id) {
            self.call_off(&request);
            self.pump(&request.wish.kind, now);
        }
    }

    /// A worker says something.
    pub(crate) fn report(&mut self, peer: PeerId, report: WorkerReport, now: Instant) {
        let Some(worker) = self.workers.get_mut(&peer) else {
            return;
        };
        let kind = worker.kind.clone();
        match report {
            WorkerReport::Ready { concurrency_max } => worker.concurrency_max = concurrency_max,
            WorkerReport::Accepted(id) => self.accepted(peer, id),
            WorkerReport::Rejected(id) => self.rejected(peer, id, now),
            WorkerReport::Answer { id, result } => self.answered(peer, id, result),
        }
        self.pump(&kind, now);
    }

    fn accepted(&mut self, peer: PeerId, id: WorkerRequestId) {
        let node = self.workers.get(&peer).map(|worker| worker.node);
        match self.requests.get_mut(&id) {
            Some(request) if matches!(request.state, State::Sent(to) if to == peer) => {
                request.state = State::Begun(peer);
            }
            Some(request) if matches!(request.state, State::Lost(of) if Some(of) == node) => {
                request.state = State::Begun(peer);
                self.goes_on(peer, id);
            }
            _ => self.dropped(),
        }
    }

    /// A worker has come back, and has not lost this request.
    fn goes_on(&mut self, peer: PeerId, id: WorkerRequestId) {
        if let Some(worker) = self.workers.get_mut(&peer) {
            worker.in_flight.insert(id);
        }
        self.set_due(id, |wish| wish.deadline);
    }

    fn rejected(&mut self, peer: PeerId, id: WorkerRequestId, now: Instant) {
        let is_its = self
            .requests
            .get(&id)
            .is_some_and(|request| matches!(request.state, State::Sent(to) if to == peer));
        if !is_its {
            self.dropped();
            return;
        }
        if let Some(worker) = self.workers.get_mut(&peer) {
            worker.in_flight.remove(&id);
            worker.paused_until = Some(now + REJECTION_PAUSE);
        }
        self.wait_again(id);
    }

    fn answered(
        &mut self,
        peer: PeerId,
        id: WorkerRequestId,
        result: Result<WireValue, WorkerError>,
    ) {
        let node = self.workers.get(&peer).map(|worker| worker.node);
        let is_its = self
            .requests
            .get(&id)
            .is_some_and(|request| match &request.state {
                State::Sent(to) | State::Begun(to) => *to == peer,
                State::Lost(to) => Some(*to) == node,
                State::Waiting => false,
            });
        if is_its {
            self.answer(id, result.map_err(Failure::Reported));
        } else {
            self.dropped();
        }
    }

    fn dropped(&mut self) {
        self.steps.push(Step::Dropped);
    }

    /// A worker has gone. What it may have begun is nobody else's, unless doing it twice is harmless.
    pub(crate) fn gone(&mut self, peer: PeerId, parting: Parting, now: Instant) {
        let Some(worker) = self.workers.remove(&peer) else {
            return;
        };
        // The oldest first, so that they wait in the order in which they came.
        let mut orphans: Vec<_> = worker.in_flight.into_iter().collect();
        orphans.sort_unstable();
        for id in orphans.into_iter().rev() {
            let Some(request) = self.requests.get(&id) else {
                continue;
            };
            let has_begun = matches!(request.state, State::Begun(_));
            match parting {
                _ if request.wish.is_idempotent => self.wait_again(id),
                Parting::Left if !has_begun => self.wait_again(id),
                Parting::Left | Parting::ThrownOut => {
                    self.answer(id, Err(Failure::OutcomeUnknown));
                }
                Parting::Broken => self.lose(id, worker.node, now + RETURN_TIME),
            }
        }
        if !self.has_worker(&worker.kind) {
            self.time_waiting(&worker.kind, Some(now + ARRIVAL_TIME));
        }
        self.pump(&worker.kind, now);
    }

    fn lose(&mut self, id: WorkerRequestId, node: NodeId, until: Instant) {
        if let Some(request) = self.requests.get_mut(&id) {
            request.state = State::Lost(node);
            self.set_due(id, |wish| wish.deadline.min(until));
        }
    }

    fn has_worker(&self, kind: &str) -> bool {
        self.workers.values().any(|worker| worker.kind == kind)
    }

    /// What waits for a kind of worker does so until its deadline, or until `until` if there is none of that kind.
    fn time_waiting(&mut self, kind: &str, until: Option<Instant>) {
        let waiting: Vec<_> = self
            .queues
            .get(kind)
            .into_iter()
            .flatten()
            .copied()
            .collect();
        for id in waiting {
            self.set_due(id, |wish| {
                until.map_or(wish.deadline, |until| until.min(wish.deadline))
            });
        }
    }

    fn set_due(&mut self, id: WorkerRequestId, due: impl FnOnce(&Wish) -> Instant) {
        if let Some(request) = self.requests.get_mut(&id) {
            self.due.remove(&(request.due, id));
            request.due = due(&request.wish);
            self.due.insert((request.due, id));
        }
    }

    /// Puts a request in front of its queue: it has waited longest.
    fn wait_again(&mut self, id: WorkerRequestId) {
        if let Some(request) = self.requests.get_mut(&id) {
            request.state = State::Waiting;
            let queue = self.queues.entry(request.wish.kind.clone()).or_default();
            queue.push_front(id);
        }
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let pauses = self
            .workers
            .values()
            .filter_map(|worker| worker.paused_until);
        let request = self.due.first().map(|(due, _)| *due);
        pauses.chain(request).min()
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Instant) {
        while let Some(&(due, id)) = self.due.first()
            && due <= now
        {
            self.expire(id);
        }
        for worker in self.workers.values_mut() {
            worker.paused_until = worker.paused_until.filter(|until| *until > now);
        }
        let kinds: Vec<String> = self.queues.keys().cloned().collect();
        for kind in kinds {
            self.pump(&kind, now);
        }
    }

    fn expire(&mut self, id: WorkerRequestId) {
        let Some(request) = self.requests.get(&id) else {
            return;
        };
        let kind = request.wish.kind.clone();
        let failure = match request.state {
            State::Waiting if self.has_worker(&kind) => Failure::Busy(kind),
            State::Waiting => Failure::NoWorker(kind),
            State::Sent(_) | State::Begun(_) => Failure::TimedOut,
            State::Lost(_) => Failure::OutcomeUnknown,
        };
        self.answer(id, Err(failure));
    }

    fn answer(&mut self, id: WorkerRequestId, result: Result<WireValue, Failure>) {
        let Some(request) = self.take(id) else {
            return;
        };
        // One that has reported has ended it by itself.
        if matches!(result, Err(Failure::TimedOut)) {
            self.call_off(&request);
        }
        self.steps.push(Step::Answer { id, result });
    }

    /// Forgets a request, and frees its place at a worker.
    fn take(&mut self, id: WorkerRequestId) -> Option<Request> {
        let request = self.requests.remove(&id)?;
        self.bytes -= request.bytes;
        self.due.remove(&(request.due, id));
        match request.state {
            State::Waiting => {
                if let Some(queue) = self.queues.get_mut(&request.wish.kind) {
                    queue.retain(|waiting| *waiting != id);
                }
            }
            State::Sent(peer) | State::Begun(peer) => {
                if let Some(worker) = self.workers.get_mut(&peer) {
                    worker.in_flight.remove(&id);
                }
            }
            State::Lost(_) => {}
        }
        Some(request)
    }

    fn call_off(&mut self, request: &Request) {
        if let State::Sent(peer) | State::Begun(peer) = request.state {
            let id = request.wish.id;
            let order = WorkerOrder::Cancel(WorkerCancel { id });
            self.steps.push(Step::Order(peer, order));
        }
    }

    /// Hands out what waits for a kind of worker while one has room.
    fn pump(&mut self, kind: &str, now: Instant) {
        while let Some(queue) = self.queues.get_mut(kind) {
            let Some(&id) = queue.front() else {
                self.queues.remove(kind);
                return;
            };
            let Some(peer) = self.freest(kind) else {
                return;
            };
            if let Some(queue) = self.queues.get_mut(kind) {
                queue.pop_front();
            }
            self.send(id, peer, now);
        }
    }

    /// The worker of a kind with the fewest requests that has room for one more.
    fn freest(&self, kind: &str) -> Option<PeerId> {
        let has_room = |worker: &Worker| {
            worker.kind == kind
                && worker.paused_until.is_none()
                && (worker.in_flight.len() as u64) < u64::from(worker.concurrency_max)
        };
        let free = self.workers.iter().filter(|(_, worker)| has_room(worker));
        free.min_by_key(|(_, worker)| (worker.in_flight.len(), worker.last_call))
            .map(|(peer, _)| *peer)
    }

    fn send(&mut self, id: WorkerRequestId, peer: PeerId, now: Instant) {
        let (Some(request), Some(worker)) =
            (self.requests.get_mut(&id), self.workers.get_mut(&peer))
        else {
            return;
        };
        self.calls += 1;
        worker.last_call = self.calls;
        worker.in_flight.insert(id);
        request.state = State::Sent(peer);
        let left = request.wish.deadline.saturating_duration_since(now);
        let order = WorkerOrder::Call(WorkerCall {
            id,
            deadline_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
            args: request.wish.args.clone(),
        });
        self.steps.push(Step::Order(peer, order));
    }

    /// A call could not be sent, and will not be: its worker's queue is full, or it does not fit a message.
    pub(crate) fn not_sent(&mut self, id: WorkerRequestId, failure: Failure) {
        self.answer(id, Err(failure));
    }

    /// Ends every request without an answer: the daemon stops, and tells the tasks when it is back.
    pub(crate) fn stop(&mut self) {
        let mut ids: Vec<_> = self.requests.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            if let Some(request) = self.take(id) {
                self.call_off(&request);
            }
        }
    }

    /// Every worker that is connected.
    pub(crate) fn workers(&self) -> Vec<WorkerState> {
        let state = |(peer, worker): (&PeerId, &Worker)| WorkerState {
            peer: *peer,
            kind: worker.kind.clone(),
            in_flight: worker.in_flight.len(),
            concurrency_max: worker.concurrency_max,
        };
        self.workers.iter().map(state).collect()
    }

    /// Requests that wait for a worker.
    pub(crate) fn waiting(&self) -> usize {
        self.queues.values().map(VecDeque::len).sum()
    }
}

/// About how many bytes a value occupies.
fn size_of(value: &WireValue) -> usize {
    let inside = match value {
        WireValue::Str(text) | WireValue::Err(text) => text.len(),
        WireValue::List(items) => items.iter().map(size_of).sum(),
        WireValue::Map(entries) => entries
            .iter()
            .map(|(key, value)| size_of(key) + size_of(value))
            .sum(),
        WireValue::Int(_) | WireValue::Float(_) | WireValue::Bool(_) | WireValue::Obj(_) => 0,
    };
    size_of_val(value) + inside
}

#[cfg(test)]
mod tests;
