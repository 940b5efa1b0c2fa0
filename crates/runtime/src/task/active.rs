//! Tasks that are being run at this moment.
//!
//! In: a task's machine when a thread begins to run it, and the end of its stretch. Out: what is known of each without looking into
//! it, for `active_tasks()`. The lists are many, so that threads seldom meet at one.

use std::sync::Arc;
use std::time::Duration;

use moor_value::{ObjId, Value};
use moor_vm::{Verb, Vm};
use parking_lot::Mutex;

use crate::ids::TaskId;

/// How many lists there are. A power of two.
const LISTS: usize = 16;

/// A task at work, as it was when its stretch began.
#[derive(Clone, Debug)]
pub(crate) struct ActiveTask {
    /// Its number.
    pub(crate) id: TaskId,
    /// Whose permissions its first verb had.
    pub(crate) programmer: ObjId,
    /// The verb that it began with.
    pub(crate) verb: Arc<Verb>,
    /// What that was called on.
    pub(crate) this: Value,
    /// When the stretch began: since 1970.
    pub(crate) since: Duration,
}

impl ActiveTask {
    /// Of a machine that is about to run; `None` of one without frames.
    pub(crate) fn of(id: TaskId, machine: &Vm, since: Duration) -> Option<Self> {
        let frame = machine.frames().first()?;
        Some(Self {
            id,
            programmer: frame.perms(),
            verb: Arc::clone(machine.verb_of(frame)),
            this: frame.this().clone(),
            since,
        })
    }
}

/// The tasks at work.
#[derive(Debug, Default)]
pub(crate) struct ActiveTasks {
    lists: [Mutex<Vec<ActiveTask>>; LISTS],
}

impl ActiveTasks {
    /// A task is at work; what was known of it before is replaced.
    pub(crate) fn enter(&self, task: ActiveTask) {
        let mut list = self.list(task.id).lock();
        match list.iter_mut().find(|known| known.id == task.id) {
            Some(known) => *known = task,
            None => list.push(task),
        }
    }

    /// A task is not at work any more, if it was.
    pub(super) fn leave(&self, id: TaskId) {
        let mut list = self.list(id).lock();
        if let Some(at) = list.iter().position(|known| known.id == id) {
            list.swap_remove(at);
        }
    }

    /// What is known of a task at work.
    pub(crate) fn get(&self, id: TaskId) -> Option<ActiveTask> {
        let list = self.list(id).lock();
        list.iter().find(|known| known.id == id).cloned()
    }

    /// All of them, those first whose stretch began first.
    pub(crate) fn all(&self) -> Vec<ActiveTask> {
        let lists = self.lists.iter();
        let mut all: Vec<ActiveTask> = lists.flat_map(|list| list.lock().clone()).collect();
        all.sort_by_key(|task| (task.since, task.id));
        all
    }

    fn list(&self, id: TaskId) -> &Mutex<Vec<ActiveTask>> {
        &self.lists[id.0 as usize % LISTS]
    }
}
