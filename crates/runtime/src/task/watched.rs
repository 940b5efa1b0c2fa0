//! Tasks that wait for the end of others.
//!
//! In: who waits for whom. Out: who waited for a task that has ended. It knows nothing of how a task ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustc_hash::FxHashMap;

use crate::ids::TaskId;

/// Who waits for whom. How many wait can be asked without the lock that this stands under: nearly always nobody does.
#[derive(Debug, Default)]
pub(super) struct Watched {
    waiters: FxHashMap<TaskId, Vec<TaskId>>,
    count: Arc<AtomicUsize>,
}

impl Watched {
    /// How many wait. Whoever ends a task looks at it after the task's last trace is gone; whoever is going to wait looks for such
    /// traces after it was counted. So one of the two sees the other.
    pub(super) fn count(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.count)
    }

    /// `waiter` waits for `task`.
    pub(super) fn add(&mut self, task: TaskId, waiter: TaskId) {
        self.waiters.entry(task).or_default().push(waiter);
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// `waiter` no longer waits for `task`, if it did.
    pub(super) fn remove(&mut self, task: TaskId, waiter: TaskId) {
        let Some(waiters) = self.waiters.get_mut(&task) else {
            return;
        };
        let Some(at) = waiters.iter().position(|known| *known == waiter) else {
            return;
        };
        waiters.remove(at);
        self.count.fetch_sub(1, Ordering::SeqCst);
        if waiters.is_empty() {
            self.waiters.remove(&task);
        }
    }

    /// Those that wait for `task`, in the order in which they came.
    pub(super) fn waiters(&self, task: TaskId) -> Vec<TaskId> {
        self.waiters.get(&task).cloned().unwrap_or_default()
    }

    /// Every task that somebody waits for.
    pub(super) fn tasks(&self) -> Vec<TaskId> {
        self.waiters.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_counted_and_forgotten() {
        let mut watched = Watched::default();
        let count = watched.count();
        watched.add(TaskId(1), TaskId(2));
        watched.add(TaskId(1), TaskId(3));
        assert_eq!(count.load(Ordering::SeqCst), 2);
        assert_eq!(watched.waiters(TaskId(1)), [TaskId(2), TaskId(3)]);
        watched.remove(TaskId(1), TaskId(2));
        watched.remove(TaskId(1), TaskId(2));
        watched.remove(TaskId(9), TaskId(3));
        assert_eq!(watched.waiters(TaskId(1)), [TaskId(3)]);
        watched.remove(TaskId(1), TaskId(3));
        assert_eq!(count.load(Ordering::SeqCst), 0);
        assert!(watched.tasks().is_empty());
    }
}
