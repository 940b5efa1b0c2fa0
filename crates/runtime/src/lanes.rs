//! A copy for each worker thread of what all of them use again and again.
//!
//! In: a value, and how it is copied. Out: the copy of the thread that asks. Each use of a program's long texts and lists changes their
//! reference counts; where several processors do that at once, each waits for the others. What a thread uses seldom need not be copied.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many copies there are at most; threads beyond it share.
const LANES: usize = 16;

thread_local! {
    static LANE: Cell<usize> = const { Cell::new(0) };
}

/// From here on this thread is the worker thread of this number.
pub(crate) fn enter(worker: usize) {
    LANE.set(worker % LANES);
}

/// A value, and copies of it.
#[derive(Debug)]
pub(crate) struct Lanes<T> {
    first: T,
    /// Of the lanes behind the first one; made when one of them asks.
    others: OnceLock<Box<[Lane<T>; LANES - 1]>>,
}

#[derive(Debug)]
struct Lane<T> {
    uses: AtomicU32,
    copy: OnceLock<T>,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self {
            uses: AtomicU32::new(0),
            copy: OnceLock::new(),
        }
    }
}

impl<T> Lanes<T> {
    /// A value without copies.
    pub(crate) fn new(first: T) -> Self {
        Self {
            first,
            others: OnceLock::new(),
        }
    }

    /// The original.
    pub(crate) fn first(&self) -> &T {
        &self.first
    }

    /// What this thread is to use: a copy, if it has asked more than `seldom` times.
    pub(crate) fn own(&self, seldom: u32, copy: impl FnOnce(&T) -> T) -> &T {
        let Some(lane) = LANE.get().checked_sub(1) else {
            return &self.first;
        };
        let lane = &self.others.get_or_init(Box::default)[lane];
        if lane.copy.get().is_none() && lane.uses.fetch_add(1, Ordering::Relaxed) < seldom {
            return &self.first;
        }
        lane.copy.get_or_init(|| copy(&self.first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_asks_often_gets_its_own() {
        let lanes = Lanes::new(0);
        let ask = |worker| {
            enter(worker);
            (0..=3).map(|_| *lanes.own(3, |_| worker)).last()
        };
        let asked = |worker| std::thread::scope(|scope| scope.spawn(|| ask(worker)).join());
        assert_eq!(asked(0).expect("no panic"), Some(0));
        assert_eq!(asked(2).expect("no panic"), Some(2));
        assert_eq!(asked(LANES).expect("no panic"), Some(0), "as the first");
        assert_eq!(*lanes.own(0, |_| unreachable!()), 0, "no worker thread");
        enter(1);
        assert!((0..3).all(|_| *lanes.own(3, |_| unreachable!()) == 0));
        enter(0);
    }
}
