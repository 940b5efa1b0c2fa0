//! How a stretch of execution ends, and the limits that it has.

use std::cell::Cell;

use moor_value::{List, Str, Value};

use crate::raise::Raise;

/// What `value_bytes()` counts for every value.
pub(crate) const SLOT_BYTES: usize = 16;
/// What `value_bytes()` counts for a list without items.
pub(crate) const LIST_HEAD_BYTES: usize = 2 * SLOT_BYTES;

/// The limits of one stretch.
#[derive(Clone, Debug)]
pub struct TaskLimits {
    /// Ticks until [`AbortReason::Ticks`].
    pub ticks: i64,
    /// Frames at once; a call beyond is E_MAXREC.
    pub stack_depth: usize,
    /// How large values may become. A builtin function may set them anew while the stretch runs
    /// ([`BuiltinOutcome::Resize`](crate::BuiltinOutcome::Resize)).
    pub sizes: Cell<SizeLimits>,
}

/// How large the values may become that a program builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeLimits {
    /// Bytes of a string; one more is E_QUOTA.
    pub string_bytes: usize,
    /// Bytes of a list as `value_bytes()` counts; one more is E_QUOTA. Lists that `+` joins are bounded by
    /// [`LIST_BYTES_MAX`](Self::LIST_BYTES_MAX) alone.
    pub list_bytes: usize,
    /// Bytes of a map as `value_bytes()` counts; one more is E_QUOTA.
    pub map_bytes: usize,
    /// Whether E_QUOTA for a size is raised; otherwise the task is aborted as out of seconds.
    pub quota_catchable: bool,
}

impl SizeLimits {
    /// Bytes of a list that no world may allow more of.
    pub const LIST_BYTES_MAX: usize = i32::MAX as usize - 1021;
}

impl Default for SizeLimits {
    /// 64 MiB of everything.
    fn default() -> Self {
        Self {
            string_bytes: 64 << 20,
            list_bytes: 64 << 20,
            map_bytes: 64 << 20,
            quota_catchable: true,
        }
    }
}

impl TaskLimits {
    /// Bytes of a string.
    #[inline]
    pub(crate) fn string_bytes(&self) -> usize {
        self.sizes.get().string_bytes
    }

    /// Bytes of a list.
    #[inline]
    pub(crate) fn list_bytes(&self) -> usize {
        self.sizes.get().list_bytes
    }

    /// Bytes of a map.
    #[inline]
    pub(crate) fn map_bytes(&self) -> usize {
        self.sizes.get().map_bytes
    }

    /// What a value that is too large raises.
    #[cold]
    pub(crate) fn quota(&self) -> Box<Raise> {
        Raise::quota(self.sizes.get().quota_catchable)
    }

    /// E_QUOTA where a list of these items is larger than a list may be. A list of one is never too large:
    /// whatever could be built can be put into one.
    #[inline]
    pub(crate) fn check_items(&self, items: &[Value]) -> Result<(), Box<Raise>> {
        self.check(items, Value::bytes)
    }

    /// The same of a list of arguments, where strings count for no more than numbers: how long they may be is
    /// another limit's business.
    #[inline]
    pub(crate) fn check_args(&self, args: &[Value]) -> Result<(), Box<Raise>> {
        self.check(args, |arg| match arg {
            Value::Str(_) => SLOT_BYTES,
            arg => arg.bytes(),
        })
    }

    /// E_QUOTA when a value that holds others is larger than a list may be.
    pub(crate) fn check_value(&self, value: &Value) -> Result<(), Box<Raise>> {
        match value.bytes() > self.list_bytes() {
            true => Err(self.quota()),
            false => Ok(()),
        }
    }

    #[inline]
    fn check(&self, items: &[Value], bytes: impl Fn(&Value) -> usize) -> Result<(), Box<Raise>> {
        if items.len() < 2 {
            return Ok(());
        }
        let bytes = items
            .iter()
            .map(bytes)
            .fold(LIST_HEAD_BYTES, usize::saturating_add);
        if bytes > self.list_bytes() {
            return Err(self.quota());
        }
        Ok(())
    }
}

impl Default for TaskLimits {
    /// The usual limits of a foreground task.
    fn default() -> Self {
        Self {
            ticks: 60_000,
            stack_depth: 50,
            sizes: Cell::default(),
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
    /// The stack where it was raised: a list of `{this, verb name, programmer, verb location, player, line}`, and at the
    /// end of each a map of variables if they are told ([`Vm::tell_variables`](crate::Vm::tell_variables)).
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
