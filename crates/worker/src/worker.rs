//! What a worker is: one asynchronous function from a call to a value.
//!
//! In: a [`Call`]. Out: a value or an error for the task that waits. It does not know how calls come and answers go.

use std::time::Instant;

use moor_rpc::{WireValue, WorkerError, WorkerRequestId};

/// A task's request.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Call {
    /// Its number, for logs.
    pub id: WorkerRequestId,
    /// When nobody waits for the answer any more. The call is stopped then, at its next `await`.
    pub deadline: Instant,
    /// What `worker_request()` was given behind the kind of the worker: a list.
    pub args: WireValue,
}

impl Call {
    /// A call; the kit makes those of the daemon, tests of workers their own.
    #[must_use]
    pub fn new(id: WorkerRequestId, deadline: Instant, args: WireValue) -> Self {
        Self { id, deadline, args }
    }
}

/// What answers calls, any number at a time. Every `async fn(Call) -> Result<WireValue, WorkerError>` is one.
///
/// A call runs at most once. It may be stopped at each `await`: when its deadline passes, when the daemon cancels it,
/// when the program's drain takes too long. A panic ends that call with an error and nothing else. Work that blocks
/// belongs into `tokio::task::spawn_blocking`.
pub trait Worker: Send + Sync + 'static {
    /// Answers one call.
    ///
    /// # Errors
    /// What the waiting task is to hear of; [`failure`](crate::failure) makes one.
    fn call(&self, call: Call) -> impl Future<Output = Result<WireValue, WorkerError>> + Send;
}

impl<F, R> Worker for F
where
    F: Fn(Call) -> R + Send + Sync + 'static,
    R: Future<Output = Result<WireValue, WorkerError>> + Send,
{
    fn call(&self, call: Call) -> impl Future<Output = Result<WireValue, WorkerError>> + Send {
        self(call)
    }
}
