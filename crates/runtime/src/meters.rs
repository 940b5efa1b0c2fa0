//! What is counted of a runtime, for whoever listens to the `metrics` facade.
//!
//! In: lines; once a second, what was tallied, and how many sessions and tasks there are. Out: counters, gauges and one
//! histogram. Their handles are made once, at the start: a program that wants them installs its recorder before.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

use crate::runtime::Runtime;
use crate::tally;
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

/// Of what the threads tally, what is counted here too.
const TALLIED: [(&str, tally::Counter); 3] = [
    ("moor_commits_total", tally::Counter::Commits),
    ("moor_conflicts_total", tally::Counter::Conflicts),
    ("moor_retries_total", tally::Counter::Retries),
];

/// Handles of everything that is counted.
pub(crate) struct Meters {
    /// What the threads tally ([`TALLIED`]).
    tallied: [Counter; TALLIED.len()],
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
            tallied: TALLIED.map(|(name, _)| metrics::counter!(name)),
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
        for (counter, (_, what)) in self.meters.tallied.iter().zip(TALLIED) {
            counter.absolute(tally::of(what).0);
        }
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
