//! What the store counts about itself, as a plain snapshot.
//!
//! The log and the materialiser add; whoever serves metrics reads. It knows no metrics library.

use std::sync::atomic::{AtomicU64, Ordering};

/// Totals since the store was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Batches made durable.
    pub batches: u64,
    /// Bytes written to the log, framing included.
    pub log_bytes: u64,
    /// Groups written, each with one sync.
    pub groups: u64,
    /// Batches in the largest group.
    pub group_batches_max: u64,
    /// Attempts to write a group that failed.
    pub log_failures: u64,
    /// Batches applied to the state.
    pub applied: u64,
    /// Times the state was made durable.
    pub persists: u64,
    /// Attempts to apply or persist that failed.
    pub state_failures: u64,
    /// Bytes accepted and not yet applied to the state (a gauge).
    pub pending_bytes: u64,
}

/// The live counters behind [`Counters`].
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) batches: AtomicU64,
    pub(crate) log_bytes: AtomicU64,
    pub(crate) groups: AtomicU64,
    pub(crate) group_batches_max: AtomicU64,
    pub(crate) log_failures: AtomicU64,
    pub(crate) applied: AtomicU64,
    pub(crate) persists: AtomicU64,
    pub(crate) state_failures: AtomicU64,
}

/// Adds to a total; no other memory depends on it.
pub(crate) fn add(total: &AtomicU64, amount: u64) {
    total.fetch_add(amount, Ordering::Relaxed);
}

impl Totals {
    pub(crate) fn group_written(&self, batches: u64, bytes: u64) {
        add(&self.batches, batches);
        add(&self.log_bytes, bytes);
        add(&self.groups, 1);
        self.group_batches_max.fetch_max(batches, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self, pending_bytes: usize) -> Counters {
        let get = |total: &AtomicU64| total.load(Ordering::Relaxed);
        Counters {
            batches: get(&self.batches),
            log_bytes: get(&self.log_bytes),
            groups: get(&self.groups),
            group_batches_max: get(&self.group_batches_max),
            log_failures: get(&self.log_failures),
            applied: get(&self.applied),
            persists: get(&self.persists),
            state_failures: get(&self.state_failures),
            pending_bytes: pending_bytes as u64,
        }
    }
}
