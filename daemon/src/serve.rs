//! The life of the daemon: open, serve, stop.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use moor_files::executables::Executables;
use moor_node::admin_api::daemon_routes;
use moor_node::{AdminSocket, Drain, Exit, Health, Paths};
use moor_runtime::{ImportedConnection, Runtime, RuntimeConfig, SystemClock};
use moor_store::Store;

use crate::admin::{self, Admin};
use crate::args::Args;
use crate::bridge::Bridge;
use crate::checkpoint::{self, Checkpointer, Checkpointing};
use crate::credentials::Credentials;
use crate::database::{self, Database};
use crate::dumps::Dumps;
use crate::gate::{Gate, Opener};
use crate::links::{LinkOptions, Links};
use crate::machine;
use crate::measure::{Gauges, Measured};
use crate::nodes::Nodes;
use crate::object_text::ObjectFiles;
use crate::operator::Wizardry;
use crate::publisher::{Publisher, Ways};
use crate::signals::SignalEar;
use crate::start_script;
use crate::token_key;
use crate::topics::Topics;
use crate::watcher::{Watched, Watcher};
use crate::workers::{self, Workers, WorkersEar};

/// A thread that proves its turns and has not for this long stands still.
const TURN_TIME_MAX: Duration = Duration::from_secs(30);

/// The body of the program.
pub(crate) fn serve(args: Args, drain: Drain, health: Health) -> Result<Exit> {
    let addresses = match args.addresses.endpoints() {
        Ok(addresses) => addresses,
        Err(error) => {
            let text = format!("{error:#}");
            return Ok(moor_node::complain(crate::PROGRAM, text, Exit::Usage));
        }
    };
    if args.rotate_enrollment_token {
        return rotate();
    }
    if let Some(path) = &args.export {
        database::convert(&args, path)?;
        return Ok(Exit::Success);
    }
    let credentials = match addresses.has_network() {
        true => Some(Credentials::open(&Paths::from_environment())?),
        false => None,
    };
    let executables = machine::executables(&args)?;
    let start_scripts = start_script::read(&args)?;
    // The addresses before the data directory: one that is in use must not leave a new world behind.
    let (hosts_gate, hosts) = Gate::new(|_| Ok(()));
    let (workers_gate, workers) = Gate::new(workers::judge_service);
    let options = LinkOptions {
        addresses,
        credentials: credentials.as_ref(),
        heartbeat: args.heartbeat.heartbeat(),
        io_threads: args.addresses.num_io_threads,
    };
    let links = Links::start(options, hosts_gate, workers_gate)?;
    let database = database::open(&args)?;
    let daemon = Daemon {
        args: &args,
        executables,
        start_scripts,
        credentials,
        links,
        health,
        drain,
        started: Instant::now(),
    };
    daemon.run(database, Doors { hosts, workers })
}

/// `--rotate-enrollment-token`: says where the token is, and never what it is.
fn rotate() -> Result<Exit> {
    let credentials = Credentials::open(&Paths::from_environment())?;
    credentials.rotate()?;
    let file = credentials.token_file().display();
    println!("enrollment token written to {file}");
    Ok(Exit::Success)
}

/// What opens the links' gates.
struct Doors {
    hosts: Opener<Bridge>,
    workers: Opener<WorkersEar>,
}

/// A daemon whose addresses are bound.
struct Daemon<'a> {
    args: &'a Args,
    executables: Option<Arc<Executables>>,
    start_scripts: Vec<Vec<String>>,
    credentials: Option<Credentials>,
    links: Links,
    health: Health,
    drain: Drain,
    started: Instant,
}

/// The parts that others share.
struct Parts {
    runtime: Arc<Runtime>,
    publisher: Arc<Publisher>,
    workers: Arc<Workers>,
    nodes: Arc<Nodes>,
    wizardry: Arc<Wizardry>,
}

/// Threads beside those of the links and the world.
struct Threads {
    checkpointer: Checkpointer,
    gauges: Gauges,
    watcher: Option<Watcher>,
}

impl Daemon<'_> {
    /// Serves the world until told to stop.
    fn run(self, database: Database, doors: Doors) -> Result<Exit> {
        // A line that meets a defect must not end the daemon: the host would send it again, each time.
        moor_node::contain_panics(moor_runtime::CONTAINED_THREADS);
        let Database {
            store,
            world,
            imported_connections,
        } = database;
        let topics = Arc::new(Topics::default());
        let (checkpoints, wishes) = checkpoint::wishes();
        let wished = checkpoints.clone();
        let ways = Ways {
            topics: Arc::clone(&topics),
            workers: Arc::new(Workers::new(self.links.workers.handle())),
            nodes: Arc::new(Nodes::new(self.registry())),
            wizardry: Arc::new(Wizardry::new(self.credentials.clone())),
            drain: self.drain.clone(),
            checkpoints,
            database: self.args.database.clone(),
        };
        let parts = self.start_world(ways, &store, world, imported_connections)?;
        let threads = self.start_threads(&parts, &store, wishes)?;
        let signals = SignalEar::start(Arc::clone(&parts.runtime), wished)?;
        let deadlines = parts.workers.start()?;
        doors
            .workers
            .open(WorkersEar::new(parts.workers.clone(), parts.nodes.clone()));
        doors.hosts.open(Bridge::new(
            Arc::clone(&parts.runtime),
            topics,
            Arc::clone(&parts.publisher),
            Arc::clone(&parts.nodes),
        ));
        let dumps = Dumps::new(Arc::clone(&parts.runtime));
        let admin_socket = self.open_admin_socket(&parts, &store, Arc::clone(&dumps))?;
        self.links.announce();
        tracing::info!("ready");
        self.drain.wait();
        tracing::info!("stopping");
        signals.stop();
        threads.stop();
        dumps.finish();
        parts.workers.stop();
        // The rest of the time is for telling peers and closing files.
        parts.runtime.stop(self.drain.limit() * 3 / 4);
        parts.publisher.tell_stop();
        self.links.shutdown();
        // It ends with the last of its requests.
        let _ = deadlines.join();
        store
            .close()
            .context("the database was not closed properly")?;
        // Last: whoever waits for the end waits for this.
        drop(admin_socket);
        Ok(Exit::Success)
    }

    fn registry(&self) -> Option<Arc<moor_keyring::Registry>> {
        let credentials = self.credentials.as_ref()?;
        Some(Arc::clone(credentials.desk.registry()))
    }

    fn start_world(
        &self,
        ways: Ways,
        store: &Store,
        world: Arc<moor_world::World>,
        imported_connections: Vec<ImportedConnection>,
    ) -> Result<Parts> {
        let (workers, nodes) = (Arc::clone(&ways.workers), Arc::clone(&ways.nodes));
        let wizardry = Arc::clone(&ways.wizardry);
        let publisher = Arc::new(Publisher::new(ways, self.links.hosts.handle()));
        let config = RuntimeConfig {
            workers: usize::from(self.args.worker_threads),
            host_grace: self.args.host_grace,
            token_key: token_key::open(&self.args.database)?,
            token_lifetime: self.args.token_lifetime,
            executables: self.executables.clone(),
            spelling: Some(machine::spelling(self.args)),
            object_text: Some(Arc::new(ObjectFiles)),
            files: Some(machine::files(self.args)?),
            outbound_network: self.args.outbound_network,
            count_builtins: self.args.count_builtins,
            features: self.args.features.features(),
            imported_connections,
            start_scripts: self.start_scripts.clone(),
            ..RuntimeConfig::default()
        };
        let outlet = Arc::clone(&publisher);
        let clock = Arc::new(SystemClock::default());
        let runtime = Runtime::start(config, world, store, outlet, clock)
            .context("the world cannot start")?;
        workers.serve(Arc::clone(&runtime));
        nodes.serve(Arc::clone(&runtime));
        Ok(Parts {
            runtime,
            publisher,
            workers,
            nodes,
            wizardry,
        })
    }

    fn start_threads(
        &self,
        parts: &Parts,
        store: &Store,
        wishes: checkpoint::Wishes,
    ) -> Result<Threads> {
        let runtime = &parts.runtime;
        let checkpointer = Checkpointer::start(
            wishes,
            Checkpointing {
                interval: self.args.checkpoint_interval,
                export: self.args.checkpoint_export.clone(),
                format: self.args.checkpoint_export_format,
                runtime: Arc::clone(runtime),
                log: store.log(),
            },
        )?;
        let handles = [
            ("workers", self.links.workers.handle()),
            ("hosts", self.links.hosts.handle()),
        ];
        let gauges = Gauges::start(Measured {
            runtime: Arc::clone(runtime),
            workers: Arc::clone(&parts.workers),
            links: handles.to_vec(),
            enrollment: self.links.enrollment.clone(),
            heartbeat: self.health.heartbeat("measure", TURN_TIME_MAX),
        })?;
        let watcher = match self.registry() {
            Some(registry) => {
                let watcher = Watcher::start(Watched {
                    registry,
                    links: handles.map(|(_, handle)| handle).to_vec(),
                    runtime: Arc::clone(runtime),
                    heartbeat: self.health.heartbeat("peer_watcher", TURN_TIME_MAX),
                })?;
                let nudge = watcher.nudge();
                parts.wizardry.on_change(move || nudge.look());
                Some(watcher)
            }
            None => None,
        };
        Ok(Threads {
            checkpointer,
            gauges,
            watcher,
        })
    }

    fn open_admin_socket(
        &self,
        parts: &Parts,
        store: &Store,
        dumps: Arc<Dumps>,
    ) -> Result<AdminSocket> {
        admin::register_checks(&self.health, store.log());
        let path = self.args.addresses.admin_socket();
        let admin = Admin {
            runtime: Arc::clone(&parts.runtime),
            log: store.log(),
            nodes: Arc::clone(&parts.nodes),
            workers: Arc::clone(&parts.workers),
            publisher: Arc::clone(&parts.publisher),
            registry: self.registry(),
            dumps,
            drain: self.drain.clone(),
            database: absolute(&self.args.database),
            instance: self.links.hosts.handle().instance(),
            started: self.started,
        };
        let socket = AdminSocket::start(&path, daemon_routes(Arc::new(admin)))?;
        tracing::info!(path = %socket.path().display(), "admin socket");
        Ok(socket)
    }
}

impl Threads {
    fn stop(self) {
        self.checkpointer.stop();
        self.gauges.stop();
        if let Some(watcher) = self.watcher {
            watcher.stop();
        }
    }
}

/// The path as an operator finds it from anywhere.
fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
