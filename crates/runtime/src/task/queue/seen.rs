//! What is seen of tasks: who may end or resume one, listings, numbers.
//!
//! In: numbers of tasks and of their owners. Out: facts of the moment. Nothing is changed here.

use moor_value::ObjId;

use super::{KillError, TaskEntry, TaskQueue, TaskStatus};
use crate::ids::TaskId;
use crate::task::TaskInfo;

impl TaskQueue {
    /// Whether `perms` may kill the task; a wizard may kill any.
    pub(crate) fn may_kill(&self, id: TaskId, perms: ObjId, wizard: bool) -> Result<(), KillError> {
        let state = self.state.lock();
        let entry = state.tasks.get(&id).filter(|entry| !entry.killed);
        let entry = entry.ok_or(KillError::Unknown)?;
        let owner = entry.info.reader.unwrap_or(entry.info.owner);
        let allowed = wizard || owner == perms;
        if allowed {
            Ok(())
        } else {
            Err(KillError::NotAllowed)
        }
    }

    /// Whether `perms` may resume the task: it must be suspended.
    pub(crate) fn may_resume(
        &self,
        id: TaskId,
        perms: ObjId,
        wizard: bool,
    ) -> Result<(), KillError> {
        let state = self.state.lock();
        let entry = state.tasks.get(&id).filter(|entry| {
            !entry.info.forked
                && matches!(
                    entry.status,
                    TaskStatus::Until(_) | TaskStatus::Forever | TaskStatus::Ready
                )
        });
        let entry = entry.ok_or(KillError::Unknown)?;
        let allowed = wizard || entry.info.owner == perms;
        if allowed {
            Ok(())
        } else {
            Err(KillError::NotAllowed)
        }
    }

    /// What listings show of every waiting task, oldest number first.
    pub(crate) fn list(&self) -> Vec<(TaskId, TaskStatus, TaskInfo)> {
        let state = self.state.lock();
        let waiting = state
            .tasks
            .values()
            .filter(|entry| entry.status != TaskStatus::Running && !entry.killed);
        let mut list: Vec<_> = waiting
            .map(|entry| (entry.id, entry.status, entry.info.clone()))
            .collect();
        list.sort_by_key(|(id, _, info)| (info.start, *id));
        list
    }

    /// Looks at a suspended or reading task's machine.
    pub(crate) fn inspect<T>(&self, id: TaskId, look: impl FnOnce(&TaskEntry) -> T) -> Option<T> {
        let state = self.state.lock();
        state.tasks.get(&id).filter(|entry| !entry.killed).map(look)
    }

    /// Looks at what every task waits for.
    pub(crate) fn each_status(&self, mut look: impl FnMut(TaskStatus)) {
        let state = self.state.lock();
        state.tasks.values().for_each(|entry| look(entry.status));
    }

    /// How many tasks of `owner` wait.
    pub(crate) fn owned_by(&self, owner: ObjId) -> usize {
        self.state.lock().owned.get(&owner).copied().unwrap_or(0)
    }

    /// Everyone who has tasks waiting.
    pub(crate) fn owners(&self) -> Vec<ObjId> {
        self.state.lock().owned.keys().copied().collect()
    }

    /// How many tasks exist.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().tasks.len()
    }
}
