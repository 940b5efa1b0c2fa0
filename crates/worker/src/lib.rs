//! The kit for workers: programs that do for the world what the daemon must not. A worker is one asynchronous
//! function; flags, enrollment, the link, deadlines, the drain, health and metrics are here.
//!
//! In: a command line, calls of `worker_request(KIND, ARGS)` in the world. Out: one answer for each. It deliberately does not
//! know what any worker does. docs/WORKERS.md builds one step by step.
//!
//! ```no_run
//! use moor_worker::{Call, WireValue, WorkerError, failure};
//!
//! /// The sum of the arguments.
//! async fn sum(call: Call) -> Result<WireValue, WorkerError> {
//!     let WireValue::List(items) = call.args else {
//!         return Err(failure("E_ARGS", "give a list of integers"));
//!     };
//!     let numbers = items.iter().map(|item| match item {
//!         WireValue::Int(number) => Ok(*number),
//!         _ => Err(failure("E_TYPE", "give integers")),
//!     });
//!     let sum = numbers.sum::<Result<i64, _>>()?;
//!     Ok(WireValue::Int(sum))
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     moor_worker::run("moor-sum-worker", "sum", std::env::args_os(), sum)
//! }
//! ```

mod args;
mod calls;
mod counts;
mod program;
mod service;
mod worker;

pub use args::{Flags, NoArgs, WorkerArgs};
pub use calls::failure;
pub use moor_rpc::{WireValue, WorkerError, WorkerRequestId};
pub use program::{run, run_with};
pub use worker::{Call, Worker};
