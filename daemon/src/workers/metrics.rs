//! Numbers about workers, beside those that the runtime counts of its requests.
//!
//! In: the rules' steps and state. Out: `moor_worker_failures_total{reason}`, `moor_worker_in_flight{kind}`,
//! `moor_worker_waiting`.

use std::collections::HashMap;

use super::dispatcher::{Dispatcher, Step};

/// Counts what went wrong: a request that no worker did, a report that was nobody's.
pub(super) fn count(step: &Step) {
    let reason = match step {
        Step::Answer {
            result: Err(failure),
            ..
        } => failure.word(),
        Step::Dropped => "dropped",
        Step::Order(..) | Step::Answer { .. } => return,
    };
    metrics::counter!("moor_worker_failures_total", "reason" => reason).increment(1);
}

/// Sets the gauges of this moment; kinds whose last worker went are at 0.
pub(super) fn gauges(dispatcher: &Dispatcher, known: &mut HashMap<String, usize>) {
    known.values_mut().for_each(|count| *count = 0);
    for worker in dispatcher.workers() {
        *known.entry(worker.kind).or_default() += worker.in_flight;
    }
    for (kind, count) in known {
        metrics::gauge!("moor_worker_in_flight", "kind" => kind.clone()).set(*count as f64);
    }
    metrics::gauge!("moor_worker_waiting").set(dispatcher.waiting() as f64);
}
