//! What is counted of a runtime, for whoever listens to the `metrics` facade.
//!
//! In: commits, conflicts, lines; once a second, how many sessions and tasks there are. Out: counters, gauges and one
//! histogram. Their handles are made once, at the start: a program that wants them installs its recorder before.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

use crate::runtime::Runtime;
use crate::task::TaskStatus;

/// States of tasks, as the label of `moor_tasks` names them.
const STATES: [&str; 6] = [
    "delayed",
    "suspended",
    "reading",
    "working",
    "ready",
    "running",
];

/// Handles of everything that is counted.
pub(crate) struct Meters {
    /// Stretches that were committed.
    pub(crate) commits: Counter,
    /// Stretches that lost a conflict.
    pub(crate) conflicts: Counter,
    /// Stretches that were run again.
    pub(crate) retries: Counter,
    /// Lines of users that were run.
    commands: Counter,
    /// From the moment a line begins to run until its commit.
    command_seconds: Histogram,
    sessions: Gauge,
    event_lag: Gauge,
    tasks: [Gauge; STATES.len()],
}

impl Meters {
    /// The handles of the recorder that is installed; without one, handles that count nothing.
    pub(crate) fn new() -> Self {
        describe();
        Self {
            commits: metrics::counter!("moor_commits_total"),
            conflicts: metrics::counter!("moor_conflicts_total"),
            retries: metrics::counter!("moor_retries_total"),
            commands: metrics::counter!("moor_commands_total"),
            command_seconds: metrics::histogram!("moor_command_seconds"),
            sessions: metrics::gauge!("moor_sessions"),
            event_lag: metrics::gauge!("moor_event_lag"),
            tasks: STATES.map(|state| metrics::gauge!("moor_tasks", "state" => state)),
        }
    }

    /// A line was run and took so long.
    pub(crate) fn command(&self, took: Duration) {
        self.commands.increment(1);
        self.command_seconds.record(took.as_secs_f64());
    }
}

impl Runtime {
    /// Sets what is looked at rather than counted.
    pub(crate) fn measure(&self) {
        let sessions = self.sessions.all();
        let waiting: usize = sessions
            .iter()
            .map(|session| session.lock().outbox.len())
            .sum();
        self.meters.sessions.set(sessions.len() as f64);
        self.meters.event_lag.set(waiting as f64);
        let mut counts = [0_u32; STATES.len()];
        self.queue
            .each_status(|status| counts[state_of(status)] += 1);
        for (gauge, count) in self.meters.tasks.iter().zip(counts) {
            gauge.set(f64::from(count));
        }
    }
}

/// Where a state is in [`STATES`].
fn state_of(status: TaskStatus) -> usize {
    match status {
        TaskStatus::Until(_) => 0,
        TaskStatus::Forever | TaskStatus::Awaiting { .. } => 1,
        TaskStatus::Reading(..) => 2,
        TaskStatus::Working { .. } => 3,
        TaskStatus::Ready => 4,
        TaskStatus::Running => 5,
    }
}

fn describe() {
    metrics::describe_counter!(
        "moor_commits_total",
        "Stretches of tasks that were committed"
    );
    metrics::describe_counter!("moor_conflicts_total", "Stretches that lost a conflict");
    metrics::describe_counter!("moor_retries_total", "Stretches that were run again");
    metrics::describe_counter!("moor_commands_total", "Lines of users that were run");
    metrics::describe_histogram!(
        "moor_command_seconds",
        metrics::Unit::Seconds,
        "Time from the moment a line begins to run until its commit"
    );
    metrics::describe_gauge!("moor_sessions", "Sessions");
    metrics::describe_gauge!("moor_event_lag", "Events that no host has acknowledged");
    metrics::describe_gauge!("moor_tasks", "Tasks by what they wait for");
    metrics::describe_counter!(
        "moor_worker_requests_total",
        "Requests of tasks to workers that are over"
    );
}
