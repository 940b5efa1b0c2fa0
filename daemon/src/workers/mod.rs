//! The work that others do for the world: requests of tasks, handed to workers.
//!
//! In: calls of the runtime, events of the workers' link, the clock. Out: orders on the link, one answer to the runtime
//! for each call. The rules are in `dispatcher`; here they meet threads. What a kind of worker does is not known.

mod dispatcher;
mod ear;
mod metrics;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::Result;
use moor_link::{NodeId, PeerId, SendError, ServerHandle};
use moor_rpc::{WireValue, WorkerError, WorkerOrder, WorkerReport, WorkerRequestId};
use moor_runtime::{Runtime, WorkerCall};
use moor_value::{ErrorCode, Value};
use parking_lot::{Condvar, Mutex};

use crate::values;
use dispatcher::{Dispatcher, Failure, Parting, Step, Wish};

pub(crate) use ear::{WorkersEar, judge_service};

/// What the service type of a worker ends in; before it stands its kind.
const SERVICE_SUFFIX: &str = "-worker";

/// The kind of worker that a service type means.
pub(crate) fn kind_of(service: &str) -> Option<&str> {
    service.strip_suffix(SERVICE_SUFFIX)
}

/// How busy a worker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Requests that it has now.
    pub(crate) in_flight: usize,
    /// Requests that it takes at a time; 0 before it is ready and when it leaves.
    pub(crate) concurrency_max: u32,
}

/// Everything about workers. Its lock is held while orders are queued, so that they leave in the order in which they
/// were decided; answers are given without it, because the runtime may ask for the next thing at once.
pub(crate) struct Workers {
    state: Mutex<State>,
    /// Something is due at another time than before, or the end has come.
    changed: Condvar,
    server: ServerHandle,
    runtime: OnceLock<Arc<Runtime>>,
}

#[derive(Default)]
struct State {
    dispatcher: Dispatcher,
    /// Kinds of which there was a worker, for their gauges.
    kinds: HashMap<String, usize>,
    stopped: bool,
}

/// An answer on its way to the runtime.
type Answer = (WorkerRequestId, Result<WireValue, Failure>);

impl Workers {
    /// No workers yet; `server` is their link.
    pub(crate) fn new(server: ServerHandle) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            server,
            runtime: OnceLock::new(),
        }
    }

    /// Whoever waits for answers is there.
    pub(crate) fn serve(&self, runtime: Arc<Runtime>) {
        let _ = self.runtime.set(runtime);
    }

    /// Starts the thread that keeps deadlines.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn start(self: &Arc<Self>) -> Result<JoinHandle<()>> {
        let workers = Arc::clone(self);
        let thread = std::thread::Builder::new().name("worker-deadlines".to_owned());
        Ok(thread.spawn(move || workers.keep_deadlines())?)
    }

    /// Takes no more requests and calls off those that workers have: their tasks hear of it when the daemon is back.
    pub(crate) fn stop(&self) {
        self.act(|state, _| {
            state.stopped = true;
            state.dispatcher.stop();
        });
    }

    /// A task wants something done; its answer is given to the runtime once.
    pub(crate) fn request(&self, call: WorkerCall) {
        let id = WorkerRequestId(call.id.0);
        let args = match values::to_worker(&Value::List(call.args)) {
            Ok(args) => args,
            Err(error) => return self.give([(id, Err(unfit(&error)))]),
        };
        self.act(|state, now| {
            let wish = Wish {
                id,
                kind: call.kind,
                args,
                deadline: now + call.timeout,
                is_idempotent: call.idempotent,
            };
            if !state.stopped {
                state.dispatcher.submit(wish, now);
            }
        });
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn cancel(&self, id: moor_runtime::WorkerRequestId) {
        let id = WorkerRequestId(id.0);
        self.act(|state, now| state.dispatcher.cancel(id, now));
    }

    /// How busy each worker is.
    pub(crate) fn loads(&self) -> HashMap<PeerId, Load> {
        let workers = self.state.lock().dispatcher.workers();
        let load = |worker: dispatcher::WorkerState| {
            let load = Load {
                in_flight: worker.in_flight,
                concurrency_max: worker.concurrency_max,
            };
            (worker.peer, load)
        };
        workers.into_iter().map(load).collect()
    }

    /// Sets the gauges of this moment.
    pub(crate) fn measure(&self) {
        let State {
            dispatcher, kinds, ..
        } = &mut *self.state.lock();
        metrics::gauges(dispatcher, kinds);
    }

    fn joined(&self, peer: PeerId, node: NodeId, kind: &str) {
        self.act(|state, _| state.dispatcher.joined(peer, node, kind));
    }

    fn gone(&self, peer: PeerId, parting: Parting) {
        self.act(|state, now| state.dispatcher.gone(peer, parting, now));
    }

    fn report(&self, peer: PeerId, report: WorkerReport) {
        self.act(|state, now| state.dispatcher.report(peer, report, now));
    }

    /// Changes the state, sends what follows, and gives the answers.
    fn act(&self, change: impl FnOnce(&mut State, Instant)) {
        let answers = {
            let mut state = self.state.lock();
            change(&mut state, Instant::now());
            self.carry_out(&mut state.dispatcher)
        };
        self.changed.notify_one();
        self.give(answers);
    }

    /// Sends orders; what cannot be sent is answered.
    fn carry_out(&self, dispatcher: &mut Dispatcher) -> Vec<Answer> {
        let mut answers = Vec::new();
        loop {
            let steps = dispatcher.take_steps();
            if steps.is_empty() {
                return answers;
            }
            for step in steps {
                metrics::count(&step);
                match step {
                    Step::Order(peer, order) => self.order(dispatcher, peer, &order),
                    Step::Answer { id, result, .. } => answers.push((id, result)),
                    Step::Dropped => {}
                }
            }
        }
    }

    fn order(&self, dispatcher: &mut Dispatcher, peer: PeerId, order: &WorkerOrder) {
        let failure = match self.publish(peer, order) {
            Ok(()) => return,
            Err(failure) => failure,
        };
        if let WorkerOrder::Call(call) = order {
            dispatcher.not_sent(call.id, failure);
        }
    }

    fn publish(&self, peer: PeerId, order: &WorkerOrder) -> Result<(), Failure> {
        let payload = moor_rpc::encode(order).map_err(|error| unfit(&error))?;
        self.server
            .publish(peer, payload)
            .map_err(|error| match error {
                SendError::Full => Failure::TooMany,
                error => unfit(&error),
            })
    }

    fn give(&self, answers: impl IntoIterator<Item = Answer>) {
        let Some(runtime) = self.runtime.get() else {
            return;
        };
        for (id, result) in answers {
            let id = moor_runtime::WorkerRequestId(id.0);
            let result = match result {
                Ok(value) => {
                    values::from_wire(value).map_err(|error| (ErrorCode::InvArg, error.to_string()))
                }
                Err(failure) => Err((code_of(&failure), failure.to_string())),
            };
            runtime.worker_answered(id, result);
        }
    }

    fn keep_deadlines(&self) {
        loop {
            let answers = {
                let mut state = self.state.lock();
                let now = Instant::now();
                match state.dispatcher.next_due() {
                    _ if state.stopped => return,
                    Some(due) if due <= now => state.dispatcher.tick(now),
                    Some(due) => {
                        self.changed.wait_until(&mut state, due);
                    }
                    None => self.changed.wait(&mut state),
                }
                self.carry_out(&mut state.dispatcher)
            };
            self.give(answers);
        }
    }
}

/// A request that fits no message.
fn unfit(why: &dyn std::fmt::Display) -> Failure {
    Failure::Reported(WorkerError {
        code: ErrorCode::Quota.name().to_owned(),
        message: why.to_string(),
    })
}

/// The error that the waiting task is told.
fn code_of(failure: &Failure) -> ErrorCode {
    match failure {
        Failure::Reported(error) => ErrorCode::from_name(&error.code).unwrap_or(ErrorCode::InvArg),
        Failure::NoWorker(_) => ErrorCode::InvInd,
        Failure::TooMany | Failure::Busy(_) => ErrorCode::Quota,
        Failure::TimedOut | Failure::OutcomeUnknown => ErrorCode::Intrpt,
    }
}
