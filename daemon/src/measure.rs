//! Numbers of the moment, for whoever reads `/metrics`.
//!
//! In: the counters of the parts, once a second. Out: gauges and counters of the `metrics` facade. It also proves that
//! the process turns; it changes nothing.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use moor_keyring::Domain;
use moor_link::{ServerHandle, enrollment};
use moor_node::Heartbeat;
use moor_runtime::Runtime;

use crate::workers::Workers;

/// How often the numbers are taken.
const INTERVAL: Duration = Duration::from_secs(1);

/// What is measured.
pub(crate) struct Measured {
    /// The world.
    pub(crate) runtime: Arc<Runtime>,
    /// The load of workers.
    pub(crate) workers: Arc<Workers>,
    /// The two links, by name.
    pub(crate) links: Vec<(&'static str, ServerHandle)>,
    /// The enrollment counter.
    pub(crate) enrollment: Option<Arc<enrollment::Server>>,
    /// The proof that the thread turns.
    pub(crate) heartbeat: Heartbeat,
}

/// The running thread.
#[derive(Debug)]
pub(crate) struct Gauges {
    stop: SyncSender<()>,
    thread: JoinHandle<()>,
}

/// Numbers that others count are there before there is anything to count: what is absent raises no alarm.
fn count_from_zero() {
    let doors = [
        Domain::Rpc,
        Domain::Events,
        Domain::WorkersRequest,
        Domain::WorkersResponse,
    ];
    for door in doors {
        metrics::counter!("moor_authentication_failures_total", "endpoint" => door.as_str())
            .increment(0);
    }
}

impl Gauges {
    /// Begins to measure.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn start(measured: Measured) -> Result<Self> {
        count_from_zero();
        let (stop, stopped) = sync_channel(1);
        let thread = std::thread::Builder::new().name("measure".to_owned());
        let thread = thread.spawn(move || {
            loop {
                measured.heartbeat.beat();
                measured.once();
                if stopped.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread.
    pub(crate) fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

/// Calls of builtins, where they are counted.
fn builtins() {
    for (name, calls, nanoseconds) in moor_runtime::builtin_counts() {
        metrics::counter!("moor_builtin_calls_total", "builtin" => name).absolute(calls);
        metrics::counter!("moor_builtin_nanoseconds_total", "builtin" => name)
            .absolute(nanoseconds);
    }
}

impl Measured {
    fn once(&self) {
        self.links();
        self.enrollments();
        self.connections();
        self.workers.measure();
        builtins();
    }

    fn links(&self) {
        for (link, handle) in &self.links {
            let counts = handle.counts();
            let set = |name: &'static str, count: u64| {
                metrics::counter!(name, "endpoint" => *link).absolute(count);
            };
            set("moor_link_refused_hellos_total", counts.refused);
            set(
                "moor_link_denied_subscriptions_total",
                counts.subscriptions_denied,
            );
            set("moor_link_malformed_total", counts.malformed);
            set("moor_link_silent_peers_total", counts.silent);
            set("moor_link_slow_peers_total", counts.slow);
            set("moor_link_revoked_peers_total", counts.revoked);
            set("moor_link_requests_total", counts.requests);
            set("moor_link_published_total", counts.published);
        }
    }

    fn enrollments(&self) {
        let Some(server) = &self.enrollment else {
            return;
        };
        let counts = server.counts();
        let results = [
            ("enrolled", counts.enrolled),
            ("refused", counts.refused),
            ("malformed", counts.malformed),
        ];
        for (result, count) in results {
            metrics::counter!("moor_enrollments_total", "result" => result).absolute(count);
        }
    }

    /// What the runtime does not count itself.
    fn connections(&self) {
        let sessions = self.runtime.counts().0;
        metrics::gauge!("moor_connections").set(sessions as f64);
    }
}
