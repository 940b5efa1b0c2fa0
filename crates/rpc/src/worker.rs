//! What the daemon and its workers say to each other.
//!
//! In: a task's call of `worker_request()`, and what became of it. Out: [`WorkerOrder`] to one worker on
//! its own topic, [`WorkerReport`] from a worker. It does not know what any kind of worker does: arguments
//! and answers are values. A worker's kind is the service type of its hello (`curl-worker` is kind `curl`).

use wincode::adapter::FromInto;
use wincode::{SchemaRead, SchemaWrite};

use crate::WireValue;
use crate::value::Parts;

/// One request to a worker. The daemon never uses a number twice, also not after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, SchemaRead, SchemaWrite)]
pub struct WorkerRequestId(pub u64);

/// What the daemon says to one worker. Tags are one byte, as numbered here.
#[derive(Clone, Debug, PartialEq, SchemaRead, SchemaWrite)]
pub enum WorkerOrder {
    /// Do this. Answered by [`WorkerReport::Accepted`] or [`WorkerReport::Rejected`] at once and, when
    /// accepted, by one [`WorkerReport::Answer`]. A call that the worker already has is the same wish twice.
    #[wincode(tag = 0)]
    Call(WorkerCall),
    /// Nobody waits for this answer any more: the worker stops as soon as it can and need not answer.
    #[wincode(tag = 1)]
    Cancel(WorkerCancel),
}

/// A request.
#[derive(Clone, Debug, PartialEq, SchemaRead, SchemaWrite)]
pub struct WorkerCall {
    /// Its name.
    pub id: WorkerRequestId,
    /// Milliseconds from the moment in which the daemon sends it until nobody waits for the answer any more.
    pub deadline_ms: u32,
    /// What `worker_request()` was given: a list of the arguments.
    #[wincode(with = "FromInto<Parts, _>")]
    pub args: WireValue,
}

/// The end of a request that nobody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct WorkerCancel {
    /// The request.
    pub id: WorkerRequestId,
}

/// What a worker says to the daemon. Tags are one byte, as numbered here.
#[derive(Clone, Debug, PartialEq, SchemaRead, SchemaWrite)]
pub enum WorkerReport {
    /// The first report after each connect, and again when the number changes: the worker takes calls.
    #[wincode(tag = 0)]
    Ready {
        /// How many calls it works on at the same time; 0 when it stops and takes no more.
        concurrency_max: u32,
    },
    /// The call has begun, or is about to: it must not go to another worker.
    #[wincode(tag = 1)]
    Accepted(WorkerRequestId),
    /// The call is over. Sent again after a reconnect until the link has delivered it; the daemon takes the
    /// first and ignores the others.
    #[wincode(tag = 2)]
    Answer {
        /// The request.
        id: WorkerRequestId,
        /// What it gave, or the error that the waiting task is to hear of.
        #[wincode(with = "Result<FromInto<Parts, WireValue>, WorkerError>")]
        result: Result<WireValue, WorkerError>,
    },
    /// The call has not begun and will not: it may go to another worker.
    #[wincode(tag = 3)]
    Rejected(WorkerRequestId),
}

/// Why a request gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite, thiserror::Error)]
#[error("{code}: {message}")]
pub struct WorkerError {
    /// The error's name in the language, such as `E_INVARG`; one that the daemon does not know becomes
    /// `E_INVARG`.
    pub code: String,
    /// One sentence about it.
    pub message: String,
}
