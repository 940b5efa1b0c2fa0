//! How often things were done, and for how long, for programs that ask (`bf_counters()` and its kin).
//!
//! In: what a thread does. Out: sums over all threads. Each thread counts for itself, in numbers that only it writes, so that counting
//! costs next to nothing; of calls of builtins one in [`SAMPLE`] is timed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use parking_lot::Mutex;

use crate::registry::registry;

/// Of so many calls of a builtin one is timed, and stands for all of them.
const SAMPLE: u64 = 64;

/// What is counted besides calls of builtins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Stretches that were committed.
    Commits,
    /// Stretches that lost a conflict.
    Conflicts,
    /// Stretches that turned out to need the commit turn.
    Turns,
    /// Stretches that the store did not take.
    Refusals,
    /// Stretches that were run, the lost ones among them.
    Stretches,
    /// Stretches that were run again.
    Retries,
    /// Lines of users, from their beginning to their commit.
    Lines,
    /// Tasks that began or went on.
    Tasks,
    /// Hooks that were called.
    Hooks,
    /// Runs of the machine.
    Runs,
}

/// How many of them there are.
const COUNTERS: usize = Counter::Runs as usize + 1;

/// One thing's number and time.
#[derive(Debug, Default)]
struct Tally {
    count: AtomicU64,
    nanos: AtomicU64,
}

/// What one thread has counted.
#[derive(Debug)]
struct Table {
    builtins: Box<[Tally]>,
    others: [Tally; COUNTERS],
}

/// The tables of all threads that ever counted.
static TABLES: LazyLock<Mutex<Vec<Arc<Table>>>> = LazyLock::new(Mutex::default);

thread_local! {
    static OWN: Arc<Table> = {
        let builtins = registry().specs().iter().map(|_| Tally::default());
        let table = Arc::new(Table {
            builtins: builtins.collect(),
            others: Default::default(),
        });
        TABLES.lock().push(Arc::clone(&table));
        table
    };
}

impl Tally {
    /// One more; how many there were before. Nobody else writes it.
    fn add_one(&self) -> u64 {
        let before = self.count.load(Ordering::Relaxed);
        self.count.store(before + 1, Ordering::Relaxed);
        before
    }

    fn add_time(&self, nanos: u64) {
        let before = self.nanos.load(Ordering::Relaxed);
        self.nanos
            .store(before.saturating_add(nanos), Ordering::Relaxed);
    }
}

/// A builtin is about to be called. Whether the call is to be timed.
#[inline]
pub(crate) fn begin_builtin(number: u16) -> bool {
    let before = OWN.try_with(|own| own.builtins.get(usize::from(number)).map(Tally::add_one));
    matches!(before, Ok(Some(before)) if before % SAMPLE == 0)
}

/// A call that was timed is over.
#[cold]
pub(crate) fn end_builtin(number: u16, took: Duration) {
    let nanos = nanos(took).saturating_mul(SAMPLE);
    let _ = OWN.try_with(|own| {
        if let Some(tally) = own.builtins.get(usize::from(number)) {
            tally.add_time(nanos);
        }
    });
}

/// Something was done, and took so long.
pub(crate) fn count(counter: Counter, took: Duration) {
    let _ = OWN.try_with(|own| {
        let tally = &own.others[counter as usize];
        tally.add_one();
        tally.add_time(nanos(took));
    });
}

/// How often each builtin was called that was, and for how many nanoseconds, which is what one call in [`SAMPLE`] took, times that.
/// Only runtimes that are told to count, count ([`RuntimeConfig::count_builtins`](crate::RuntimeConfig)); they share the numbers.
pub fn builtins() -> Vec<(&'static str, u64, u64)> {
    let specs = registry().specs().iter().enumerate();
    let sums = specs.map(|(number, spec)| (spec.name, sum(|table| table.builtins.get(number))));
    let called = sums.filter(|(_, (count, _))| *count > 0);
    called
        .map(|(name, (count, nanos))| (name, count, nanos))
        .collect()
}

/// How often something was done, and for how many nanoseconds.
pub(crate) fn of(counter: Counter) -> (u64, u64) {
    sum(|table| table.others.get(counter as usize))
}

fn sum(tally: impl Fn(&Table) -> Option<&Tally>) -> (u64, u64) {
    let tables = TABLES.lock();
    let tallies = tables.iter().filter_map(|table| tally(table));
    tallies.fold((0, 0), |(count, nanos), tally| {
        (
            count.saturating_add(tally.count.load(Ordering::Relaxed)),
            nanos.saturating_add(tally.nanos.load(Ordering::Relaxed)),
        )
    })
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
