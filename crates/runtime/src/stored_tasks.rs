//! The rows of waiting tasks as the log has them: what an export takes, together with the world of the same moment.
//!
//! In: what commits put and delete, in commit order. Out: all rows. The task queue cannot tell this: a task that runs
//! is not in it, and one that has ended may still be.

use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::ids::TaskId;

/// A row; shared, so that all of them can be had at once.
pub(crate) type Row = Arc<[u8]>;

/// Every row of a waiting task. Its lock may be taken below the commit turn.
#[derive(Debug, Default)]
pub(crate) struct StoredTasks(Mutex<FxHashMap<TaskId, Row>>);

/// What a task's row was before a commit.
#[derive(Debug)]
pub(crate) struct Former {
    task: TaskId,
    row: Option<Row>,
}

impl StoredTasks {
    /// A task waits with this row. Answers what was there before.
    pub(crate) fn put(&self, task: TaskId, row: &[u8]) -> Former {
        let row = self.0.lock().insert(task, Row::from(row));
        Former { task, row }
    }

    /// A task has no row any more. Answers what was there before.
    pub(crate) fn delete(&self, task: TaskId) -> Former {
        let row = self.0.lock().remove(&task);
        Former { task, row }
    }

    /// Takes back what a commit did that the log has refused; in reverse order.
    pub(crate) fn restore(&self, former: impl DoubleEndedIterator<Item = Former>) {
        let mut rows = self.0.lock();
        for Former { task, row } in former.rev() {
            match row {
                Some(row) => rows.insert(task, row),
                None => rows.remove(&task),
            };
        }
    }

    /// Whether the task has begun to wait, and has not ended since.
    pub(crate) fn has(&self, task: TaskId) -> bool {
        self.0.lock().contains_key(&task)
    }

    /// Every row, by task number.
    pub(crate) fn all(&self) -> Vec<(TaskId, Row)> {
        let rows = self.0.lock();
        let mut all: Vec<_> = rows.iter().map(|(id, row)| (*id, row.clone())).collect();
        drop(rows);
        all.sort_by_key(|(id, _)| *id);
        all
    }
}
