//! A stretch of execution: the dispatch loop again and again, and between its turns whatever changes frames.

use moor_value::Value;

use crate::host::{BuiltinOutcome, Host};
use crate::outcome::{AbortReason, Outcome, TaskLimits};
use crate::raise::Raise;
use crate::vm::Vm;

/// Ticks between two looks at whether the task's time is over.
const SLICE_TICKS: i64 = 1_000;
/// Values below this cost no more than their tick.
pub(crate) const TOIL_BYTES_MIN: usize = 64 << 10;
/// Bytes of larger values that are worked on between two looks: some milliseconds, in straight code too.
const TOIL_BYTES_MAX: usize = 8 << 20;
/// Bytes of all variables of a task, as `value_bytes()` counts, beyond which it gets `E_QUOTA`.
const TASK_BYTES_MAX: usize = 2 << 30;

/// Why the dispatch loop stops.
pub(crate) enum Exit<R> {
    /// An error in this frame.
    Raise(Box<Raise>),
    /// Another frame is the top one: a verb was called, or one returned.
    Frames,
    /// The task ended, or waits.
    Ended(Outcome<R>),
    /// A builtin function wants something other than to return.
    Builtin(BuiltinOutcome<R>),
    /// A `finally` part is over and raises again what it held back.
    Again(Value),
    /// The slice of ticks is used up; afterwards the frame goes on at this instruction.
    Slice(u16),
    /// Much has been done to large values; afterwards the frame goes on.
    Toil,
    /// A waif is indexed by its own verb.
    Waif {
        waif: Value,
        verb: &'static str,
        args: [Value; 2],
        argc: usize,
    },
}

/// How a call names its verb.
#[derive(Clone, Copy)]
pub(crate) enum CalledName {
    /// By the program's name of this index.
    Fixed(u16),
    /// By the string in this register.
    Register(u16),
}

/// The ticks of a stretch.
pub(crate) struct Fuel {
    /// What is left of the current slice.
    pub(crate) slice: i64,
    /// What is left after it.
    pub(crate) reserve: i64,
    /// Bytes of large values that were worked on since the last look at the clock and the memory.
    toil_bytes: usize,
}

impl Fuel {
    fn new(ticks: i64) -> Self {
        let slice = ticks.clamp(0, SLICE_TICKS);
        Self {
            slice,
            reserve: ticks.max(0) - slice,
            toil_bytes: 0,
        }
    }

    /// Accounts for an instruction that worked on so many bytes; whether it is time for a look.
    #[inline]
    pub(crate) fn toil(&mut self, bytes: usize) -> bool {
        if bytes < TOIL_BYTES_MIN {
            return false;
        }
        self.toil_bytes = self.toil_bytes.saturating_add(bytes);
        self.toil_bytes >= TOIL_BYTES_MAX && std::mem::take(&mut self.toil_bytes) > 0
    }

    /// Ticks left in all.
    pub(crate) fn left(&self) -> i64 {
        self.slice + self.reserve
    }

    /// Begins the next slice. `false`: there is none.
    fn next_slice(&mut self) -> bool {
        let slice = self.reserve.min(SLICE_TICKS);
        self.reserve -= slice;
        self.slice += slice;
        self.slice >= 0 && slice > 0
    }
}

impl Vm {
    /// Runs until the task ends or waits.
    pub fn run<H: Host>(&mut self, host: &mut H, limits: &TaskLimits) -> Outcome<H::Request> {
        let mut fuel = Fuel::new(limits.ticks);
        if let Some(raise) = self.pending.take()
            && let Some(outcome) = self.fail(raise, host)
        {
            return outcome;
        }
        while !self.frames.is_empty() {
            let exit = self.dispatch(host, limits, &mut fuel);
            if let Some(outcome) = self.leave(exit, host, limits, &mut fuel) {
                self.settle();
                return outcome;
            }
        }
        Outcome::Returned(Value::ZERO)
    }

    /// Does what the dispatch loop stopped for. `None`: go on with the top frame.
    #[inline(always)]
    fn leave<H: Host>(
        &mut self,
        exit: Exit<H::Request>,
        host: &mut H,
        limits: &TaskLimits,
        fuel: &mut Fuel,
    ) -> Option<Outcome<H::Request>> {
        match exit {
            Exit::Frames => None,
            Exit::Ended(outcome) => Some(outcome),
            Exit::Raise(raise) => self.raise(raise, host),
            Exit::Builtin(outcome) => self.builtin_outcome(outcome, host, limits),
            Exit::Again(exception) => self.raise_again(exception, host),
            Exit::Slice(target) => self.next_slice(target, host, fuel),
            Exit::Toil => self.look(host, limits),
            Exit::Waif {
                waif,
                verb,
                args,
                argc,
            } => {
                let args = args.into_iter().take(argc).collect();
                self.call_waif(waif, verb, args, host, limits)
            }
        }
    }

    /// After work on large values: whether the task's time is over, or its variables hold too much.
    #[cold]
    fn look<H: Host>(&mut self, host: &mut H, limits: &TaskLimits) -> Option<Outcome<H::Request>> {
        if host.is_interrupted() {
            return Some(self.abort(AbortReason::Seconds));
        }
        let bytes = self.values().map(Value::bytes);
        if bytes.fold(0, usize::saturating_add) > TASK_BYTES_MAX {
            return self.raise(limits.quota(), host);
        }
        None
    }

    #[cold]
    fn next_slice<H: Host>(
        &mut self,
        target: u16,
        host: &mut H,
        fuel: &mut Fuel,
    ) -> Option<Outcome<H::Request>> {
        if !fuel.next_slice() {
            return Some(self.abort(AbortReason::Ticks));
        }
        if host.is_interrupted() {
            return Some(self.abort(AbortReason::Seconds));
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.pc = u32::from(target);
        }
        None
    }
}
