//! What a worker counts.
//!
//! In: calls that begin and end. Out: metrics, through the facade; where they go is the program's affair.

use std::time::Duration;

use moor_rpc::{WireValue, WorkerError};

/// The metrics of one worker.
pub(crate) struct Counts {
    kind: &'static str,
}

impl Counts {
    pub(crate) fn new(kind: &'static str) -> Self {
        metrics::describe_counter!(
            "moor_worker_requests_total",
            "Calls that ended, by result: ok, or the error's name"
        );
        metrics::describe_gauge!("moor_worker_in_flight", "Calls that run");
        metrics::describe_histogram!(
            "moor_worker_request_seconds",
            metrics::Unit::Seconds,
            "How long calls ran"
        );
        Self { kind }
    }

    pub(crate) fn in_flight(&self, running: usize) {
        metrics::gauge!("moor_worker_in_flight", "kind" => self.kind).set(running as f64);
    }

    pub(crate) fn ended(&self, outcome: &Result<WireValue, WorkerError>, ran: Duration) {
        let result = outcome
            .as_ref()
            .map_or_else(|error| error.code.clone(), |_| "ok".to_owned());
        metrics::counter!("moor_worker_requests_total", "kind" => self.kind, "result" => result)
            .increment(1);
        metrics::histogram!("moor_worker_request_seconds", "kind" => self.kind).record(ran);
    }
}
