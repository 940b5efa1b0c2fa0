//! The runtime's rows in the store: tasks, sessions, and events that no host has acknowledged.
//!
//! In: ids. Out: tables and keys. The layout is described in docs/formats/runtime-rows.md; what is
//! in the world's own table is the world's knowledge.

use moor_store::{Batch, Table};

use crate::ids::{SessionId, TaskId};

/// The tables of a data directory by name; a [`Table`] is the index of its name.
pub const TABLES: [&str; 4] = ["world", "tasks", "sessions", "events"];
/// The world's rows.
pub const WORLD: Table = Table(0);
/// Waiting tasks, by task number.
pub const TASKS: Table = Table(1);
/// Sessions, by id.
pub const SESSIONS: Table = Table(2);
/// Events that no host has acknowledged, by session and number of the first event.
pub(crate) const EVENTS: Table = Table(3);

/// The key of a task's row: its number, big-endian.
pub(crate) fn task_key(id: TaskId) -> [u8; 8] {
    id.0.to_be_bytes()
}

/// The task of a key.
pub(crate) fn task_of_key(key: &[u8]) -> Option<TaskId> {
    key.try_into()
        .ok()
        .map(|bytes| TaskId(i64::from_be_bytes(bytes)))
}

/// The key of a row of events: session id, then the number of the first event, big-endian.
pub(crate) fn event_key(session: SessionId, number: u64) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&session.0);
    key[16..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The session and the number of a key of events.
pub(crate) fn event_of_key(key: &[u8]) -> Option<(SessionId, u64)> {
    let (session, number) = key.split_at_checked(16)?;
    let number = u64::from_be_bytes(number.try_into().ok()?);
    Some((SessionId(session.try_into().ok()?), number))
}

/// Deletes rows of events.
pub(crate) fn forget_events(
    batch: &mut Batch,
    session: SessionId,
    keys: impl IntoIterator<Item = u64>,
) {
    for number in keys {
        batch.delete(EVENTS, &event_key(session, number));
    }
}
