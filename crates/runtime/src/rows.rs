//! The runtime's rows in the store: tasks, sessions, and events that no host has acknowledged.
//!
//! In: ids and records. Out: tables, keys and bytes. The layout is described in docs/formats/runtime-rows.md; what is
//! in the world's own table is the world's knowledge.

use moor_store::{BATCH_BYTES_MAX, Batch, Table};
use wincode::config::{self, Configuration, PREALLOCATION_SIZE_LIMIT_DISABLED};
use wincode::{SchemaRead, SchemaWrite};

use crate::error::RowError;
use crate::ids::{SessionId, TaskId};

/// How rows are written: as wincode does of itself, but without its bound of four mebibytes, as tasks have more and users are
/// shown more. What is too large for a commit is refused by the log.
type Writing = Configuration<true, PREALLOCATION_SIZE_LIMIT_DISABLED>;
/// How they are read: nothing longer than a commit was ever written.
type Reading = Configuration<true, BATCH_BYTES_MAX>;

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

/// A record's bytes; `what` names it.
///
/// # Errors
/// [`RowError::Unwritable`] when it has no encoding.
pub(crate) fn encode<T>(record: &T, what: &'static str) -> Result<Vec<u8>, RowError>
where
    T: SchemaWrite<Writing, Src = T> + ?Sized,
{
    config::serialize(record, Writing::new()).map_err(|_| RowError::Unwritable { what })
}

/// The record of these bytes.
///
/// # Errors
/// [`RowError::Malformed`] when they are not exactly one.
pub(crate) fn decode<T>(bytes: &[u8], what: &'static str) -> Result<T, RowError>
where
    T: for<'de> SchemaRead<'de, Reading, Dst = T>,
{
    config::deserialize_exact(bytes, Reading::new()).map_err(|_| RowError::Malformed { what })
}

/// The row of a task that no commit has written, if one could have.
///
/// # Errors
/// [`RowError::TooLarge`] otherwise.
pub(crate) fn committable(row: Vec<u8>) -> Result<Vec<u8>, RowError> {
    match row.len() {
        bytes if bytes > BATCH_BYTES_MAX => Err(RowError::TooLarge {
            what: "task",
            bytes,
            max: BATCH_BYTES_MAX,
        }),
        _ => Ok(row),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_larger_than_a_commit_is_refused() {
        assert!(committable(vec![0; BATCH_BYTES_MAX]).is_ok());
        let refused = committable(vec![0; BATCH_BYTES_MAX + 1]);
        assert!(matches!(refused, Err(RowError::TooLarge { .. })));
    }
}
