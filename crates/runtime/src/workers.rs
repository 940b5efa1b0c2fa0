//! Requests to workers between the commit that makes them and their end.
//!
//! In: requests of committed stretches; durable commits; answers; tasks that are killed or whose time is over.
//! Out: calls through [`crate::Outlet`], each at most once and only when its commit is durable; the waiting
//! task woken at most once. Which worker does the work is not known here.
//!
//! A request lives in memory only: the row of its task says that it waited, and after a restart the task goes on
//! with `E_INTRPT`. So no request is ever made a second time.

use moor_store::Seq;
use moor_value::{ErrorCode, ObjId, Value};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::cluster::{WORKER_BYTES_MAX, WorkerCall, WorkerRequestId};
use crate::curl_answer::CurlAnswer;
use crate::ids::TaskId;
use crate::release::Errand;
use crate::runtime::Runtime;
use crate::task::Failure;

/// Requests that wait for an answer.
pub(crate) const REQUESTS_MAX: usize = 1_000;
/// Requests of one owner of tasks that wait for an answer.
pub(crate) const REQUESTS_PER_OWNER_MAX: usize = 250;

/// What a task gets of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// All of it.
    Whole,
    /// As `curl()`.
    Curl(CurlAnswer),
}

/// A request that a stretch makes.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The call, with its number.
    pub(crate) call: WorkerCall,
    /// The task that waits.
    pub(crate) task: TaskId,
    /// Whose task it is.
    pub(crate) owner: ObjId,
    /// What the task gets.
    pub(crate) shape: Shape,
}

/// The requests that are not over.
#[derive(Debug)]
pub(crate) struct WorkerRequests {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: u64,
    open: FxHashMap<WorkerRequestId, Open>,
    owned: FxHashMap<ObjId, usize>,
}

#[derive(Debug)]
struct Open {
    task: TaskId,
    owner: ObjId,
    kind: String,
    shape: Shape,
    is_sent: bool,
}

impl WorkerRequests {
    /// None yet. Numbers begin anywhere.
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                next: rand::random(),
                open: FxHashMap::default(),
                owned: FxHashMap::default(),
            }),
        }
    }

    /// A number for a request.
    pub(crate) fn allocate(&self) -> WorkerRequestId {
        let mut state = self.state.lock();
        state.next = state.next.wrapping_add(1);
        WorkerRequestId(state.next)
    }

    /// Whether one more request of `owner` may be made.
    pub(crate) fn has_room(&self, owner: ObjId) -> bool {
        let state = self.state.lock();
        let own = state.owned.get(&owner).copied().unwrap_or(0);
        state.open.len() < REQUESTS_MAX && own < REQUESTS_PER_OWNER_MAX
    }

    /// Adds a request that is not sent yet.
    fn add(&self, wanted: &Wanted) {
        let mut state = self.state.lock();
        *state.owned.entry(wanted.owner).or_default() += 1;
        let open = Open {
            task: wanted.task,
            owner: wanted.owner,
            kind: wanted.call.kind.clone(),
            shape: wanted.shape,
            is_sent: false,
        };
        state.open.insert(wanted.call.id, open);
    }

    /// Notes that a request is sent now. False when it is over.
    fn note_sent(&self, id: WorkerRequestId) -> bool {
        match self.state.lock().open.get_mut(&id) {
            Some(open) => {
                open.is_sent = true;
                true
            }
            None => false,
        }
    }

    /// Ends a request: whoever gets it is the only one that does.
    fn end(&self, id: WorkerRequestId) -> Option<Open> {
        let mut state = self.state.lock();
        let open = state.open.remove(&id)?;
        if let Some(count) = state.owned.get_mut(&open.owner) {
            *count -= 1;
            if *count == 0 {
                state.owned.remove(&open.owner);
            }
        }
        Some(open)
    }
}

impl Runtime {
    /// A request has come to its end: the value for the task, or the error to raise in it. Only the first answer
    /// counts, and none after the task was killed or its time was over. An answer of more than
    /// [`WORKER_BYTES_MAX`] bytes raises `E_QUOTA` instead.
    pub fn worker_answered(&self, id: WorkerRequestId, answer: Result<Value, (ErrorCode, String)>) {
        let Some(open) = self.workers.end(id) else {
            tracing::debug!(request = id.0, "an answer that nobody waits for");
            return;
        };
        let answer = answer
            .map_err(|(code, message)| Failure { code, message })
            .and_then(|value| open.shape.of(value));
        let result = if answer.is_ok() { "answered" } else { "failed" };
        count(&open.kind, result);
        self.queue.answer(open.task, id, answer);
    }

    /// The task that made a request waits: the call leaves once `needs` is durable.
    pub(crate) fn request_worker(&self, wanted: Wanted, needs: Seq) {
        self.workers.add(&wanted);
        // A kill that came before the addition has found nothing to end.
        if self.queue.waits_for(wanted.task, wanted.call.id) {
            self.once_durable(needs, Errand::Call(wanted.call));
        } else {
            self.workers.end(wanted.call.id);
        }
    }

    /// Sends a call, unless nobody waits for it any more.
    pub(crate) fn send_call(&self, call: WorkerCall) {
        if self.workers.note_sent(call.id) {
            self.outlet.worker_request(call);
        }
    }

    /// Nobody waits for a request any more.
    pub(crate) fn cancel_request(&self, id: WorkerRequestId, why: &'static str) {
        if let Some(open) = self.workers.end(id) {
            count(&open.kind, why);
            if open.is_sent {
                self.outlet.worker_cancel(id);
            }
        } else {
            self.forget_dial(id);
            self.cancel_sql(id);
            self.cancel_exec(id);
        }
    }
}

/// Counts the end of a request.
fn count(kind: &str, result: &'static str) {
    metrics::counter!("moor_worker_requests_total", "kind" => kind.to_owned(), "result" => result)
        .increment(1);
}

impl Shape {
    /// What the task gets of an answer.
    fn of(self, value: Value) -> Result<Value, Failure> {
        if value.bytes() > WORKER_BYTES_MAX {
            let message = format!("the answer has more than {WORKER_BYTES_MAX} bytes");
            return Err(Failure {
                code: ErrorCode::Quota,
                message,
            });
        }
        match self {
            Self::Whole => Ok(value),
            Self::Curl(wanted) => wanted.of(&value),
        }
    }
}
