//! One task between its stretches.
//!
//! In: a suspended machine and what it waits for. Out: the same, with what listings show of it.

use std::time::Duration;

use moor_value::{ErrorCode, ObjId, Value};
use moor_vm::Vm;

use super::fair::Family;
use crate::cluster::WorkerRequestId;
use crate::http_message::MessageKind;
use crate::ids::{SessionId, TaskId};

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskStatus {
    /// This moment: time since 1970. A forked task that has not begun, or a suspended one.
    Until(Duration),
    /// `resume()`, for ever.
    Forever,
    /// Input of this session.
    Reading(SessionId, Awaited),
    /// A worker's or host's answer to this request, until this moment: time since 1970.
    Working {
        /// The request.
        request: WorkerRequestId,
        /// When the time is over.
        until: Duration,
    },
    /// The end of another task, until this moment: time since 1970, or never.
    Awaiting {
        /// The other task.
        task: TaskId,
        /// When the time is over; [`Duration::MAX`] for never.
        until: Duration,
    },
    /// Nothing: it is queued for a worker thread.
    Ready,
    /// Nothing: a worker thread runs it.
    Running,
}

impl TaskStatus {
    /// Whether it is an answer to this request.
    pub(crate) fn waits_for(self, request: WorkerRequestId) -> bool {
        matches!(self, Self::Working { request: known, .. } if known == request)
    }
}

/// What a task reads from a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The next line.
    Line,
    /// Lines until they are a message. The task's value is the state of what has come.
    Message(MessageKind),
}

/// An error that is raised where a task waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The error.
    pub(crate) code: ErrorCode,
    /// One sentence about it.
    pub(crate) message: String,
}

impl Failure {
    /// What a task hears whose time for an answer is over.
    pub(crate) fn timed_out() -> Self {
        Self {
            code: ErrorCode::Intrpt,
            message: "no answer came in time".to_owned(),
        }
    }

    /// What a task hears that waited for an answer when the server was stopped.
    pub(crate) fn restarted() -> Self {
        Self {
            code: ErrorCode::Intrpt,
            message: "the server was restarted before an answer came".to_owned(),
        }
    }
}

/// What `queued_tasks()` shows of a task, fixed when it was suspended or forked.
#[derive(Clone, Debug)]
pub(crate) struct TaskInfo {
    /// Whose permissions it runs with; who may kill it.
    pub(crate) owner: ObjId,
    /// For a reading task, the connection or player that it reads from.
    pub(crate) reader: Option<ObjId>,
    /// When it is to run: seconds since 1970.
    pub(crate) start: Duration,
    /// The object that defines the verb.
    pub(crate) definer: Value,
    /// The verb's name.
    pub(crate) verb: Value,
    /// The line that comes next.
    pub(crate) line: i64,
    /// The object that the verb was called on.
    pub(crate) this: Value,
    /// Size in bytes.
    pub(crate) bytes: i64,
    /// Whether it was forked and has not begun: `resume()` and `task_stack()` do not see it.
    pub(crate) forked: bool,
}

/// A task that exists between stretches.
#[derive(Debug)]
pub(crate) struct TaskEntry {
    /// Its number.
    pub(crate) id: TaskId,
    /// The family that it belongs to.
    pub(crate) family: Family,
    /// Its place among those that came to wait for the same moment; the queue's business.
    pub(crate) arrival: u64,
    /// What it waits for.
    pub(crate) status: TaskStatus,
    /// What listings show.
    pub(crate) info: TaskInfo,
    /// The value that `suspend()` or `read()` returns.
    pub(crate) value: Value,
    /// The error that it goes on with instead.
    pub(crate) failure: Option<Failure>,
    /// The request whose time is over and that nobody has been told of.
    pub(crate) overdue: Option<WorkerRequestId>,
    /// The suspended machine; absent while a worker thread has it.
    pub(crate) machine: Option<Box<Vm>>,
    /// `task_local()`.
    pub(crate) local: Value,
    /// The row for the commit that parks it; empty afterwards.
    pub(crate) row: Vec<u8>,
    /// Set by `kill_task()` while it runs: it is not to be suspended again.
    pub(crate) killed: bool,
}

impl TaskEntry {
    /// Takes out what a worker thread runs. `None` when one runs it already.
    pub(crate) fn begin(&mut self) -> Option<Begun> {
        let machine = self.machine.take()?;
        self.status = TaskStatus::Running;
        Some(Begun {
            machine,
            value: self.value.clone(),
            failure: self.failure.clone(),
            overdue: self.overdue.take(),
            local: self.local.clone(),
            family: self.family,
            forked: self.info.forked,
        })
    }
}

/// A task that a worker thread has begun to run.
#[derive(Debug)]
pub(crate) struct Begun {
    /// The machine.
    pub(crate) machine: Box<Vm>,
    /// `task_local()`.
    pub(crate) local: Value,
    /// The family that it belongs to.
    pub(crate) family: Family,
    /// The value that it is resumed with.
    pub(crate) value: Value,
    /// The error that it goes on with instead.
    pub(crate) failure: Option<Failure>,
    /// The request whose answer it waited for until the time was over.
    pub(crate) overdue: Option<WorkerRequestId>,
    /// Whether it begins, rather than goes on.
    pub(crate) forked: bool,
}
