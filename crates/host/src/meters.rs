//! What a host counts.
//!
//! In: sessions that come and go, lines that are sent. Out: metrics, where the program has somebody who reads them.

use metrics::{Counter, Gauge};

/// Handles on the metrics, made once: the way of a line looks nothing up.
pub(crate) struct Meters {
    connections: Gauge,
    sessions: Gauge,
    behind: Gauge,
}

impl Meters {
    pub(crate) fn new() -> Self {
        metrics::describe_gauge!("moor_connections", "Users who are connected");
        metrics::describe_gauge!(
            "moor_sessions",
            "Sessions, ended ones that the daemon has not heard of included"
        );
        metrics::describe_gauge!("moor_sessions_behind", "Sessions that miss events");
        Self {
            connections: metrics::gauge!("moor_connections"),
            sessions: metrics::gauge!("moor_sessions"),
            behind: metrics::gauge!("moor_sessions_behind"),
        }
    }

    pub(crate) fn sessions(&self, all: usize, ended: usize, behind: usize) {
        self.connections.set(all.saturating_sub(ended) as f64);
        self.sessions.set(all as f64);
        self.behind.set(behind as f64);
    }
}

/// The counter of lines that were sent to the daemon.
pub(crate) fn lines_sent() -> Counter {
    metrics::describe_counter!(
        "moor_commands_total",
        "Lines of users that were sent to the daemon"
    );
    metrics::counter!("moor_commands_total")
}
