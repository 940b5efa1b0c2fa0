//! What the operator is told and may ask, over the admin socket and the admin listener.
//!
//! In: questions, on the thread of whoever asks. Out: the state of the moment, gathered without waiting for tasks or
//! peers; the wish to stop. No answer holds a secret.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use moor_keyring::Registry;
use moor_link::InstanceId;
use moor_node::admin_api as api;
use moor_node::{Check, Drain, Health};
use moor_rpc::PROTOCOL_VERSION;
use moor_runtime::{HostId, Runtime, SessionOverview};
use moor_store::{CommitLog, LogStatus};
use uuid::Uuid;

use crate::dumps::Dumps;
use crate::nodes::{Door, Node, Nodes};
use crate::publisher::{Publisher, disk_bytes};
use crate::workers::Workers;

/// The longest time for which hosts are asked to stay away.
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(3600);

/// Everything that the operator may ask about.
pub(crate) struct Admin {
    /// The world.
    pub(crate) runtime: Arc<Runtime>,
    /// Its log.
    pub(crate) log: Arc<dyn CommitLog>,
    /// Who is linked.
    pub(crate) nodes: Arc<Nodes>,
    /// The load of workers.
    pub(crate) workers: Arc<Workers>,
    /// The way to hosts, who are told when to come back.
    pub(crate) publisher: Arc<Publisher>,
    /// Who may come, where anybody may from other machines.
    pub(crate) registry: Option<Arc<Registry>>,
    /// Writes the world to files.
    pub(crate) dumps: Arc<Dumps>,
    /// Ends the daemon.
    pub(crate) drain: Drain,
    /// The data directory.
    pub(crate) database: PathBuf,
    /// This run.
    pub(crate) instance: InstanceId,
    /// When it began.
    pub(crate) started: Instant,
}

impl Admin {
    fn log_position(&self) -> api::LogPosition {
        api::LogPosition {
            committed: self.log.accepted().0,
            durable: self.log.durable().0,
            bytes: disk_bytes(&self.database.join("log")).unwrap_or_default(),
        }
    }

    fn disk(&self) -> api::Disk {
        let free = rustix::fs::statvfs(&self.database);
        api::Disk {
            used_bytes: disk_bytes(&self.database).unwrap_or_default(),
            free_bytes: free.map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        }
    }

    fn drain_progress(&self) -> Option<api::DrainProgress> {
        let deadline = self.drain.deadline()?;
        let limit = self.drain.limit();
        let left = deadline.saturating_duration_since(Instant::now());
        let running = self.runtime.task_overview().running;
        let step = match running {
            0 => "flushing the log, telling peers",
            _ => "finishing tasks",
        };
        Some(api::DrainProgress {
            since_s: limit.saturating_sub(left).as_secs_f64(),
            limit_s: limit.as_secs_f64(),
            step: step.to_owned(),
            tasks_left: running as u64,
            peers_left: self.nodes.all().len() as u64,
        })
    }

    fn live_peer(&self, node: &Node, sessions: u64, in_flight: usize) -> api::LivePeer {
        api::LivePeer {
            uuid: node.name(),
            service: node.service.clone(),
            version: node.build.clone(),
            hostname: node.hostname.clone().unwrap_or_default(),
            transport: if node.is_enrolled { "tcp" } else { "ipc" }.to_owned(),
            connected_s: node.age().as_secs_f64(),
            heard_s: node.silence().as_secs_f64(),
            sessions,
            in_flight: in_flight as u64,
        }
    }
}

/// Why the world takes no changes.
fn read_only(log: &dyn CommitLog) -> Option<String> {
    match log.status() {
        LogStatus::Failed { reason, .. } => Some(reason),
        _ => None,
    }
}

/// The checks of the daemon's own parts; those of threads are registered where the threads are.
pub(crate) fn register_checks(health: &Health, log: Arc<dyn CommitLog>) {
    health.check("store", move || match read_only(&*log) {
        None => Check::passing(),
        Some(reason) => Check::failing(format!("the world is read-only: {reason}")),
    });
}

impl api::DaemonAdmin for Admin {
    fn status(&self) -> api::Status {
        let sessions = self.runtime.session_overviews();
        let world = self.runtime.world_overview();
        let tasks = self.runtime.task_overview();
        let enrolled = self.registry.as_ref().map(|registry| registry.list().len());
        api::Status {
            version: moor_node::long_version(),
            protocol: PROTOCOL_VERSION,
            instance: Uuid::from_bytes(self.instance.0).to_string(),
            process: std::process::id(),
            database: self.database.display().to_string(),
            uptime_s: self.started.elapsed().as_secs_f64(),
            world: api::WorldSize {
                objects: world.objects as u64,
                players: world.players as u64,
            },
            sessions: sessions.len() as u64,
            sessions_logged_in: sessions.iter().filter(|one| one.is_logged_in).count() as u64,
            peers: self.nodes.all().len() as u64,
            peers_enrolled: enrolled.unwrap_or_default() as u64,
            tasks: api::TaskCounts {
                running: tasks.running as u64,
                ready: tasks.ready as u64,
                suspended: tasks.suspended as u64,
            },
            log: self.log_position(),
            disk: self.disk(),
            read_only: read_only(&*self.log),
            drain: self.drain_progress(),
        }
    }

    fn connections(&self) -> api::Connections {
        let nodes = self.nodes.all();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let service_of = |host: HostId| {
            let node = nodes
                .iter()
                .find(|node| node.door == Door::Hosts && node.id.0 == host.0);
            node.map(|node| node.service.clone()).unwrap_or_default()
        };
        let row = |(number, session): (usize, SessionOverview)| api::Connection {
            session: number as u64 + 1,
            player: session.player.0,
            name: session.name,
            host: Uuid::from_bytes(session.host.0).to_string(),
            service: service_of(session.host),
            address: session.address,
            connected_s: now.saturating_sub(session.since).as_secs_f64(),
            idle_s: session.idle.as_secs_f64(),
            lag_events: session.unacknowledged as u64,
            host_away: session.is_host_away,
        };
        let sessions = self.runtime.session_overviews().into_iter();
        api::Connections {
            connections: sessions.enumerate().map(row).collect(),
        }
    }

    fn peers(&self) -> api::Peers {
        let loads = self.workers.loads();
        let sessions = self.runtime.session_overviews();
        let held = |node: &Node| {
            let of_node = |session: &&SessionOverview| session.host.0 == node.id.0;
            sessions.iter().filter(of_node).count() as u64
        };
        let peer = |node: &Arc<Node>| match node.door {
            Door::Hosts => self.live_peer(node, held(node), 0),
            Door::Workers => {
                let load = loads.get(&node.peer).copied().unwrap_or_default();
                self.live_peer(node, 0, load.in_flight)
            }
        };
        api::Peers {
            peers: self.nodes.all().iter().map(peer).collect(),
        }
    }

    fn dump(&self, request: api::DumpRequest) -> api::DumpState {
        self.dumps.begin(&request)
    }

    fn dump_state(&self) -> api::DumpState {
        self.dumps.state()
    }

    fn drain(&self, request: api::DrainRequest) -> api::DrainAccepted {
        let already = self.drain.is_draining();
        if !already {
            let delay = Duration::from_millis(request.reconnect_delay_ms).min(RECONNECT_DELAY_MAX);
            let delay_ms = u32::try_from(delay.as_millis()).unwrap_or(u32::MAX);
            self.publisher.set_reconnect_after_ms(delay_ms);
            tracing::info!(reconnect_delay_ms = delay_ms, "asked to stop");
            self.drain.begin();
        }
        api::DrainAccepted {
            already,
            limit_s: self.drain.limit().as_secs_f64(),
        }
    }
}
