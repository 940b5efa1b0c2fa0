//! A queue that serves its owners in turn, and runs at most one job of a family at a time.
//!
//! In: jobs, each of one owner and one family. Out: jobs, one of each owner in turn, oldest first
//! within an owner, so that nobody who queues ten thousand jobs delays another's first by more than
//! one. A family is a task with everything that it forked: its jobs run one after the other in the
//! order in which they became ready, as programs that fork and suspend expect, while different
//! families run side by side.

use std::collections::VecDeque;

use moor_value::ObjId;
use rustc_hash::FxHashMap;

/// A task and everything that it forked, by the number of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Family(pub(crate) i64);

/// Jobs by owner, and those that wait for their family.
#[derive(Debug)]
pub(crate) struct FairQueue<T> {
    turn: VecDeque<ObjId>,
    jobs: FxHashMap<ObjId, VecDeque<(Family, T)>>,
    /// Families of which a job runs, with the jobs that wait for it.
    running: FxHashMap<Family, VecDeque<(ObjId, T)>>,
}

impl<T> FairQueue<T> {
    /// An empty queue.
    pub(crate) fn new() -> Self {
        Self {
            turn: VecDeque::new(),
            jobs: FxHashMap::default(),
            running: FxHashMap::default(),
        }
    }

    /// Adds a job behind its owner's others.
    pub(crate) fn push(&mut self, owner: ObjId, family: Family, job: T) {
        let jobs = self.jobs.entry(owner).or_default();
        if jobs.is_empty() {
            self.turn.push_back(owner);
        }
        jobs.push_back((family, job));
    }

    /// The oldest job that may run of the owner whose turn it is. Its family runs until
    /// [`FairQueue::finish`].
    pub(crate) fn pop(&mut self) -> Option<(Family, T)> {
        while let Some(owner) = self.turn.pop_front() {
            let Some(jobs) = self.jobs.get_mut(&owner) else {
                continue;
            };
            let next = jobs.pop_front();
            if jobs.is_empty() {
                self.jobs.remove(&owner);
            } else {
                self.turn.push_back(owner);
            }
            let Some((family, job)) = next else { continue };
            match self.running.get_mut(&family) {
                Some(waiting) => waiting.push_back((owner, job)),
                None => {
                    self.running.insert(family, VecDeque::new());
                    return Some((family, job));
                }
            }
        }
        None
    }

    /// A family's job is over: the family's next one comes before its owner's other jobs.
    pub(crate) fn finish(&mut self, family: Family) {
        for (owner, job) in self.running.remove(&family).into_iter().flatten().rev() {
            let jobs = self.jobs.entry(owner).or_default();
            if jobs.is_empty() {
                self.turn.push_back(owner);
            }
            jobs.push_front((family, job));
        }
    }

    /// Whether exactly one job waits for its owner's turn.
    pub(crate) fn has_one(&self) -> bool {
        let mut jobs = self.turn.iter().filter_map(|owner| self.jobs.get(owner));
        jobs.next().is_some_and(|jobs| jobs.len() == 1) && jobs.next().is_none()
    }

    /// Whether nothing waits for an owner's turn.
    pub(crate) fn is_empty(&self) -> bool {
        self.turn.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_job_is_told_from_none_and_from_two() {
        let mut queue = FairQueue::new();
        assert!(!queue.has_one());
        queue.push(ObjId(1), Family(1), ());
        assert!(queue.has_one());
        queue.push(ObjId(1), Family(2), ());
        assert!(!queue.has_one(), "of one owner");
        queue.pop();
        queue.push(ObjId(2), Family(3), ());
        assert!(!queue.has_one(), "of two");
        queue.pop();
        assert!(queue.has_one());
    }

    #[test]
    fn owners_are_served_in_turn() {
        let mut queue = FairQueue::new();
        for job in 0..3 {
            queue.push(ObjId(1), Family(job), (1, job));
        }
        queue.push(ObjId(2), Family(9), (2, 0));
        let order: Vec<_> = std::iter::from_fn(|| queue.pop())
            .map(|(_, job)| job)
            .collect();
        assert_eq!(order, [(1, 0), (2, 0), (1, 1), (1, 2)]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_family_runs_one_job_at_a_time_in_order() {
        let mut queue = FairQueue::new();
        queue.push(ObjId(1), Family(7), "a");
        queue.push(ObjId(1), Family(7), "b");
        queue.push(ObjId(1), Family(7), "c");
        queue.push(ObjId(1), Family(8), "other");
        assert_eq!(queue.pop(), Some((Family(7), "a")));
        assert_eq!(queue.pop(), Some((Family(8), "other")));
        assert_eq!(queue.pop(), None);
        queue.finish(Family(7));
        assert_eq!(queue.pop(), Some((Family(7), "b")));
        assert_eq!(queue.pop(), None);
        queue.finish(Family(7));
        assert_eq!(queue.pop(), Some((Family(7), "c")));
    }
}
