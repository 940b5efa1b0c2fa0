//! A waiting task as a row of the store.
//!
//! In: what a task waits for, and its machine's own encoding. Out: bytes, and back.

use std::time::Duration;

use moor_value::Value;
use moor_value::codec;
use wincode::{SchemaRead, SchemaWrite};

use super::entry::{Awaited, TaskStatus};
use super::fair::Family;
use crate::error::RowError;
use crate::http_message::MessageKind;
use crate::ids::{SessionId, TaskId};
use crate::rows;

/// The stored form of a waiting task.
#[derive(Clone, Debug, SchemaRead, SchemaWrite)]
pub(crate) struct TaskRow {
    /// Layout of this record; [`TaskRow::VERSION`].
    pub(crate) version: u16,
    /// What it waits for.
    pub(crate) status: StoredStatus,
    /// The family that it belongs to.
    pub(crate) family: i64,
    /// Whether it was forked and has not begun.
    pub(crate) forked: bool,
    /// The value that it is resumed with, encoded.
    pub(crate) value: Vec<u8>,
    /// `task_local()`, encoded.
    pub(crate) local: Vec<u8>,
    /// The machine's encoding.
    pub(crate) machine: Vec<u8>,
}

/// The stored form of [`TaskStatus`]. Tags are one byte, as numbered here.
#[derive(Clone, Copy, Debug, SchemaRead, SchemaWrite)]
pub(crate) enum StoredStatus {
    /// Microseconds since 1970.
    #[wincode(tag = 0)]
    Until(u64),
    /// `resume()`.
    #[wincode(tag = 1)]
    Forever,
    /// A line of this session.
    #[wincode(tag = 2)]
    Reading([u8; 16]),
    /// A worker thread.
    #[wincode(tag = 3)]
    Ready,
    /// A worker or a host, whose answer a restart loses.
    #[wincode(tag = 4)]
    Working,
    /// An HTTP request from this session; the row's value is what has come of it.
    #[wincode(tag = 5)]
    ReadingRequest([u8; 16]),
    /// The same for a response.
    #[wincode(tag = 6)]
    ReadingResponse([u8; 16]),
    /// The end of another task.
    #[wincode(tag = 7)]
    Awaiting {
        /// That task.
        task: i64,
        /// Until when it waits: microseconds since 1970; the highest number stands for ever.
        until_us: u64,
    },
}

impl TaskRow {
    /// The present layout.
    pub(crate) const VERSION: u16 = 1;

    /// The row of a task.
    pub(crate) fn new(
        status: TaskStatus,
        family: Family,
        forked: bool,
        value: &Value,
        local: &Value,
        machine: Vec<u8>,
    ) -> Self {
        Self {
            version: Self::VERSION,
            status: match status {
                TaskStatus::Until(due) => StoredStatus::Until(microseconds(due)),
                TaskStatus::Awaiting { task, until } => StoredStatus::Awaiting {
                    task: task.0,
                    until_us: microseconds(until),
                },
                TaskStatus::Forever => StoredStatus::Forever,
                TaskStatus::Reading(session, awaited) => match awaited {
                    Awaited::Line => StoredStatus::Reading(session.0),
                    Awaited::Message(MessageKind::Request) => {
                        StoredStatus::ReadingRequest(session.0)
                    }
                    Awaited::Message(MessageKind::Response) => {
                        StoredStatus::ReadingResponse(session.0)
                    }
                },
                TaskStatus::Working { .. } => StoredStatus::Working,
                TaskStatus::Ready | TaskStatus::Running => StoredStatus::Ready,
            },
            family: family.0,
            forked,
            value: encoded(value),
            local: encoded(local),
            machine,
        }
    }

    /// Whether the task waited for a worker when the row was written.
    pub(crate) fn was_working(&self) -> bool {
        matches!(self.status, StoredStatus::Working)
    }

    /// What the task waits for after a restart.
    pub(crate) fn status(&self) -> TaskStatus {
        match self.status {
            StoredStatus::Until(due_us) => TaskStatus::Until(Duration::from_micros(due_us)),
            StoredStatus::Forever => TaskStatus::Forever,
            StoredStatus::Awaiting { task, until_us } => TaskStatus::Awaiting {
                task: TaskId(task),
                until: match until_us {
                    u64::MAX => Duration::MAX,
                    us => Duration::from_micros(us),
                },
            },
            StoredStatus::Reading(session) => reading(session, Awaited::Line),
            StoredStatus::ReadingRequest(session) => {
                reading(session, Awaited::Message(MessageKind::Request))
            }
            StoredStatus::ReadingResponse(session) => {
                reading(session, Awaited::Message(MessageKind::Response))
            }
            StoredStatus::Ready | StoredStatus::Working => TaskStatus::Ready,
        }
    }

    /// The row's bytes.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, RowError> {
        rows::encode(self, "task")
    }

    /// The row of these bytes.
    ///
    /// # Errors
    /// [`RowError::Malformed`] when they are not a task of the present layout.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RowError> {
        let row: Self = rows::decode(bytes, "task")?;
        if row.version != Self::VERSION {
            return Err(RowError::Malformed { what: "task" });
        }
        Ok(row)
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn reading(session: [u8; 16], awaited: Awaited) -> TaskStatus {
    TaskStatus::Reading(SessionId(session), awaited)
}

/// A value's bytes.
fn encoded(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(value, &mut bytes);
    bytes
}
