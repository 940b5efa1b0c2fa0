//! A queue that serves its owners in turn.
//!
//! In: jobs, each of one owner. Out: jobs, one of each owner in turn, oldest first within an owner,
//! so that nobody who queues ten thousand jobs delays another's first by more than one.

use std::collections::VecDeque;

use moor_value::ObjId;
use rustc_hash::FxHashMap;

/// Jobs by owner.
#[derive(Debug)]
pub(crate) struct FairQueue<T> {
    turn: VecDeque<ObjId>,
    jobs: FxHashMap<ObjId, VecDeque<T>>,
}

impl<T> FairQueue<T> {
    /// An empty queue.
    pub(crate) fn new() -> Self {
        Self {
            turn: VecDeque::new(),
            jobs: FxHashMap::default(),
        }
    }

    /// Adds a job behind its owner's others.
    pub(crate) fn push(&mut self, owner: ObjId, job: T) {
        let jobs = self.jobs.entry(owner).or_default();
        if jobs.is_empty() {
            self.turn.push_back(owner);
        }
        jobs.push_back(job);
    }

    /// The oldest job of the owner whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let owner = self.turn.pop_front()?;
        let jobs = self.jobs.get_mut(&owner)?;
        let job = jobs.pop_front();
        if jobs.is_empty() {
            self.jobs.remove(&owner);
        } else {
            self.turn.push_back(owner);
        }
        job
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.turn.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_served_in_turn() {
        let mut queue = FairQueue::new();
        for job in 0..3 {
            queue.push(ObjId(1), (1, job));
        }
        queue.push(ObjId(2), (2, 0));
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [(1, 0), (2, 0), (1, 1), (1, 2)]);
        assert!(queue.is_empty());
    }
}
