//! How a stretch of execution ends, and the limits that it has.

use moor_value::{List, Str, Value};

/// The limits of one stretch.
#[derive(Clone, Debug)]
pub struct TaskLimits {
    /// Ticks until [`AbortReason::Ticks`].
    pub ticks: i64,
    /// Frames at once; a call beyond is E_MAXREC.
    pub stack_depth: usize,
    /// Bytes of a string; one more is E_QUOTA.
    pub string_bytes: usize,
    /// Bytes of a list as `value_bytes()` counts; one more is E_QUOTA.
    pub list_bytes: usize,
    /// Bytes of a map as `value_bytes()` counts; one more is E_QUOTA.
    pub map_bytes: usize,
    /// Whether E_QUOTA for a size is raised; otherwise the task is aborted as out of seconds.
    pub quota_catchable: bool,
}

impl Default for TaskLimits {
    /// The usual limits of a foreground task.
    fn default() -> Self {
        Self {
            ticks: 60_000,
            stack_depth: 50,
            string_bytes: 64 << 20,
            list_bytes: 64 << 20,
            map_bytes: 64 << 20,
            quota_catchable: true,
        }
    }
}

/// Why a task was ended from outside its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AbortReason {
    /// Its ticks ran out.
    Ticks,
    /// Its time ran out.
    Seconds,
    /// It was killed.
    Killed,
}

impl AbortReason {
    /// What the traceback says.
    pub fn message(self) -> &'static str {
        match self {
            Self::Ticks => "Task ran out of ticks",
            Self::Seconds => "Task ran out of seconds",
            Self::Killed => "Task killed",
        }
    }
}

/// An error that no handler took.
#[derive(Clone, Debug, PartialEq)]
pub struct Uncaught {
    /// Usually an error code.
    pub code: Value,
    /// Its message.
    pub message: Str,
    /// What was raised with it.
    pub value: Value,
    /// The stack where it was raised: a list of `{this, verb name, programmer, verb location, player, line}`.
    pub stack: List,
    /// The traceback as text: a list of strings.
    pub traceback: List,
}

/// A task that was ended from outside its program.
#[derive(Clone, Debug, PartialEq)]
pub struct Abort {
    /// Why.
    pub reason: AbortReason,
    /// As in [`Uncaught`].
    pub stack: List,
    /// As in [`Uncaught`].
    pub traceback: List,
}

/// How a stretch ended.
#[derive(Debug)]
#[must_use]
pub enum Outcome<R> {
    /// The task's first frame returned.
    Returned(Value),
    /// An error went uncaught; the machine is empty.
    Raised(Box<Uncaught>),
    /// The task waits; [`Vm::resume`](crate::Vm::resume) or [`Vm::resume_raise`](crate::Vm::resume_raise) first,
    /// then it may run again.
    Suspended(R),
    /// The task was ended; the machine is empty.
    Aborted(Box<Abort>),
}
