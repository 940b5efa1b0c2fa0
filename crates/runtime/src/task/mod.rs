//! Tasks that are not running at the moment, and the queue of what may run.
//!
//! In: what committed stretches suspend, fork, resume and kill; lines of sessions. Out: the next
//! [`Job`] for a worker thread, fairly between owners. This module knows nothing of how a job is
//! run.

mod active;
mod entry;
mod fair;
mod queue;
mod row;
mod watched;

pub(crate) use active::ActiveTask;
pub(crate) use entry::{Awaited, Begun, Failure, TaskEntry, TaskInfo, TaskStatus};
pub(crate) use fair::Family;
pub(crate) use queue::{Job, KillError, TaskQueue, Wake};
pub(crate) use row::TaskRow;
