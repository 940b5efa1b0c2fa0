//! The register machine that runs compiled MOO programs.
//!
//! Comes in: a verb with its arguments, or the bytes of a suspended task. Goes out: an [`Outcome`] per stretch:
//! a value, an uncaught error with its traceback, a request to wait for, or the end of its ticks. Everything
//! that a program sees beyond its registers it asks of one trait, [`Host`].
//! It knows nothing of source text, of how objects are stored, of tasks as the scheduler sees them, of clocks.

mod arithmetic;
mod calls;
mod collection;
mod compare;
mod context;
mod dispatch;
mod execute;
mod frame;
mod function;
mod host;
mod outcome;
mod raise;
mod registers;
mod run;
mod scatter;
mod state;
mod stopped;
mod trace;
mod unwind;
mod verb;
mod vm;
mod waiting;

pub use context::Context;
pub use frame::{Command, Frame, PendingBuiltin};
pub use host::{BuiltinOutcome, Call, Host, Name, WAIF_PREFIX};
pub use outcome::{Abort, AbortReason, Outcome, SizeLimits, TaskLimits, Uncaught};
pub use raise::{Raise, type_name};
pub use state::{StateError, StateResolver};
pub use stopped::StoppedFrame;
pub use trace::StackRow;
pub use verb::Verb;
pub use vm::{Start, Vm};
pub use waiting::{PendingFork, StandingFrame};
