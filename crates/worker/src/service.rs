//! The one loop of a worker: orders in, calls run as tasks, reports out.
//!
//! In: what the link reports, ends of tasks, the drain. Out: payloads for the link. What to do is decided by
//! [`Calls`]; here it is done.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moor_link::{ClientEvent, SendError};
use moor_node::Drain;
use moor_rpc::{WireValue, WorkerError, WorkerOrder, WorkerRequestId, decode};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use crate::calls::{Begin, Calls, Step, failure, late};
use crate::counts::Counts;
use crate::worker::{Call, Worker};

/// How soon a link that was full is tried again.
const RETRY: Duration = Duration::from_millis(10);

/// What is kept of the drain's time for telling the last answers.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// The way to the daemon.
pub(crate) trait Way: Send + 'static {
    /// Takes a payload, never waits.
    fn send(&self, payload: Vec<u8>) -> Result<(), SendError>;
}

impl Way for moor_peer::Link {
    fn send(&self, payload: Vec<u8>) -> Result<(), SendError> {
        Self::send(self, payload)
    }
}

type Outcome = Result<WireValue, WorkerError>;

/// A running worker.
pub(crate) struct Service<W, L> {
    worker: Arc<W>,
    way: L,
    calls: Calls,
    counts: Counts,
    tasks: JoinSet<Outcome>,
    /// The calls of the tasks.
    by_task: HashMap<Id, Running>,
    /// The tasks of the calls.
    handles: HashMap<WorkerRequestId, AbortHandle>,
}

struct Running {
    id: WorkerRequestId,
    began: Instant,
}

impl<W: Worker, L: Way> Service<W, L> {
    /// A worker of `kind` that runs at most `concurrency` calls at a time.
    pub(crate) fn new(kind: &'static str, concurrency: usize, worker: W, way: L) -> Self {
        Self {
            worker: Arc::new(worker),
            way,
            calls: Calls::new(concurrency),
            counts: Counts::new(kind),
            tasks: JoinSet::new(),
            by_task: HashMap::new(),
            handles: HashMap::new(),
        }
    }

    /// Runs until the drain has begun and everything is finished and told, or its time is almost over.
    pub(crate) async fn run(mut self, mut events: mpsc::Receiver<ClientEvent>, drain: Drain) {
        let mut ending: Option<Ending> = None;
        loop {
            self.do_steps();
            let is_full = self.report();
            if ending.as_ref().is_some_and(|ending| self.is_over(ending)) {
                return;
            }
            let alarm = ending
                .as_ref()
                .map(|ending| ending.next(self.calls.has_calls()));
            tokio::select! {
                event = events.recv(), if self.calls.has_room() => match event {
                    Some(event) => self.event(event),
                    None => return,
                },
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
                () = tokio::time::sleep(RETRY), if is_full => {}
                () = drain.begun(), if ending.is_none() => {
                    self.calls.drain();
                    ending = Some(Ending::of(drain.limit()));
                }
                () = sleep_until(alarm), if alarm.is_some() => {
                    self.calls.abandon(&failure("E_QUOTA", "stopped: the worker is shutting down"), Instant::now());
                }
            }
        }
    }

    fn is_over(&self, ending: &Ending) -> bool {
        self.calls.is_idle() || Instant::now() >= ending.leave_at
    }

    fn event(&mut self, event: ClientEvent) {
        let now = Instant::now();
        match event {
            ClientEvent::Up { instance } => {
                tracing::info!(%instance, "the daemon is there");
                self.calls.up(instance, now);
            }
            ClientEvent::Down { reason } => {
                tracing::debug!(%reason, "no link to the daemon");
                self.calls.down();
            }
            ClientEvent::Published(payload) => self.order(&payload, now),
            // The daemon has nothing to say over the other connection.
            _ => {}
        }
    }

    fn order(&mut self, payload: &[u8], now: Instant) {
        match decode(payload) {
            Ok(WorkerOrder::Call(call)) => self.calls.arrived(call, now),
            Ok(WorkerOrder::Cancel(cancel)) => self.calls.cancelled(cancel.id, now),
            Err(error) => tracing::warn!(%error, "an order of the daemon makes no sense"),
        }
    }

    fn do_steps(&mut self) {
        for step in self.calls.steps() {
            match step {
                Step::Begin(begin) => self.begin(begin),
                Step::Abort(id) => self.abort(id),
            }
        }
        self.counts.in_flight(self.calls.running());
    }

    fn begin(&mut self, begin: Begin) {
        let Begin { id, deadline, args } = begin;
        tracing::debug!(call = id.0, "began");
        let worker = self.worker.clone();
        let handle = self.tasks.spawn(async move {
            let answer = worker.call(Call { id, deadline, args });
            let in_time = tokio::time::timeout_at(deadline.into(), answer).await;
            in_time.unwrap_or_else(|_| Err(late()))
        });
        self.by_task.insert(
            handle.id(),
            Running {
                id,
                began: Instant::now(),
            },
        );
        self.handles.insert(id, handle);
    }

    fn abort(&mut self, id: WorkerRequestId) {
        if let Some(handle) = self.handles.remove(&id) {
            handle.abort();
        }
    }

    fn ended(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let (task, outcome) = match ended {
            Ok((task, outcome)) => (task, outcome),
            Err(error) => (error.id(), Err(broken(&error))),
        };
        let Some(running) = self.by_task.remove(&task) else {
            return;
        };
        self.handles.remove(&running.id);
        self.counts.ended(&outcome, running.began.elapsed());
        if let Err(error) = &outcome {
            tracing::debug!(call = running.id.0, %error, "ended");
        }
        self.calls.finished(running.id, outcome, Instant::now());
    }

    /// Gives the link what it takes; whether it is full and must be tried again.
    fn report(&mut self) -> bool {
        let now = Instant::now();
        while self.calls.is_up()
            && let Some(payload) = self.calls.report(now)
        {
            match self.way.send(payload) {
                Ok(()) => self.calls.reported(),
                Err(SendError::Full) => return true,
                // Word of it is on its way.
                Err(_) => return false,
            }
        }
        false
    }
}

fn broken(error: &JoinError) -> WorkerError {
    match error.is_panic() {
        true => failure("E_EXEC", "defect: the worker panicked on this call"),
        false => failure("E_INTRPT", "cancelled"),
    }
}

/// The end of a draining worker.
struct Ending {
    /// Calls that still run are stopped and answered with an error.
    abandon_at: Instant,
    /// What is not told by then is lost.
    leave_at: Instant,
}

impl Ending {
    /// Both before `limit` is over, when the process is ended.
    fn of(limit: Duration) -> Self {
        let farewell = FAREWELL_MAX.min(limit / 4);
        let deadline = Instant::now() + limit;
        Self {
            abandon_at: deadline - farewell,
            leave_at: deadline - farewell / 2,
        }
    }

    fn next(&self, has_calls: bool) -> Instant {
        match has_calls {
            true => self.abandon_at,
            false => self.leave_at,
        }
    }
}

async fn sleep_until(alarm: Option<Instant>) {
    match alarm {
        Some(alarm) => tokio::time::sleep_until(alarm.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
