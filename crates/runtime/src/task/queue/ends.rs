//! The end of what tasks wait for, above all of other tasks.
//!
//! In: stretches that are over, tasks that are gone. Out: tasks that are ready to go on.

use std::sync::atomic::Ordering;

use moor_value::Value;

use super::{State, TaskEntry, TaskQueue, TaskStatus};
use crate::ids::TaskId;

impl TaskQueue {
    /// Adds a task as it was at the last stop. Those that it waits for may come after it; when all are there,
    /// [`TaskQueue::check_all_awaited`] is called.
    pub(crate) fn restore(&self, entry: TaskEntry) {
        self.state.lock().insert(entry);
    }

    /// Wakes the tasks that wait for others that are not there.
    pub(crate) fn check_all_awaited(&self) {
        let mut state = self.state.lock();
        for task in state.watched.tasks() {
            self.check_awaited(&mut state, task);
        }
    }

    /// Wakes those that wait for a task, unless it exists.
    pub(super) fn check_awaited(&self, state: &mut State, task: TaskId) {
        if !state.tasks.contains_key(&task) && self.active.get(task).is_none() {
            state.end_waits(task);
        }
    }

    /// A task's stretch is over. If nothing is left of the task, it has ended.
    pub(crate) fn leave(&self, id: TaskId) {
        self.active.leave(id);
        if self.waiters.load(Ordering::SeqCst) > 0 {
            let mut state = self.state.lock();
            self.check_awaited(&mut state, id);
            state.call_one(&self.changed);
        }
    }
}

impl State {
    /// Forgets what a task has waited for.
    pub(super) fn stop_waiting(&mut self, id: TaskId, status: TaskStatus, arrival: u64) {
        match status {
            TaskStatus::Until(due) | TaskStatus::Working { until: due, .. } => {
                self.timers.remove(&(due, arrival, id));
            }
            TaskStatus::Awaiting { task, until } => {
                self.timers.remove(&(until, arrival, id));
                self.watched.remove(task, id);
            }
            _ => {}
        }
    }

    /// Makes those ready that wait for a task, which has ended.
    pub(super) fn end_waits(&mut self, task: TaskId) {
        for waiter in self.watched.waiters(task) {
            if let Some(entry) = self.tasks.get_mut(&waiter) {
                entry.value = match entry.value {
                    Value::Bool(_) => Value::Bool(true),
                    _ => Value::Int(1),
                };
            }
            self.ready(waiter);
        }
    }
}
