//! A stretch of execution: the dispatch loop again and again, and between its turns whatever changes frames.

use moor_value::Value;

use crate::host::{BuiltinOutcome, Host};
use crate::outcome::{AbortReason, Outcome, TaskLimits};
use crate::raise::Raise;
use crate::vm::Vm;

/// Ticks between two looks at whether the task's time is over.
const SLICE_TICKS: i64 = 1_000;

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
}

impl Fuel {
    fn new(ticks: i64) -> Self {
        let slice = ticks.clamp(0, SLICE_TICKS);
        Self {
            slice,
            reserve: ticks.max(0) - slice,
        }
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
