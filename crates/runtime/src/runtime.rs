//! The runtime: one world and everything that happens in it.
//!
//! In: a loaded world, its log, an [`Outlet`]. Out: worker threads that run tasks, a housekeeper,
//! and the calls of `hosts`. Order of locks: the world's commit turn, a session, the task queue;
//! each of the other locks is taken alone.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use moor_compiler::Features;
use moor_store::{AppendError, Batch, CommitLog};
use moor_value::{ErrorCode, ObjId, STACK_BYTES_MIN, Value};
use moor_world::World;
use parking_lot::{Mutex, RwLock};

use crate::beginning::ImportedConnection;
use crate::clock::Clock;
use crate::dials::Dials;
use crate::effects::{LogLevel, ServerRequest};
use crate::eval::Evals;
use crate::exec::Programs;
use crate::finished::FinishedTasks;
use crate::hooks::Hook;
use crate::hosts::Outlet;
use crate::ids::TaskId;
use crate::listeners::Listeners;
use crate::meters::Meters;
use crate::object_text::ObjectText;
use crate::options::ServerOptions;
use crate::registry::registry;
use crate::release::{Garbage, Waiting};
use crate::restore;
use crate::rows;
use crate::session::{Session, SessionTable};
use crate::sign_in::TokenKey;
use crate::spelling::Spelling;
use crate::sql::Sql;
use crate::stored_tasks::StoredTasks;
use crate::task::{Job, TaskEntry, TaskQueue, TaskStatus};
use crate::workers::WorkerRequests;

/// Task numbers are below this: LambdaMOO worlds keep them in 32-bit integers.
const TASK_ID_LIMIT: i64 = 1 << 31;

/// Threads that step in when tasks that compute for seconds keep every worker thread busy, so that
/// other users' commands do not wait for them.
const RELIEF_THREADS: usize = 4;

/// What the names of the threads begin with that run tasks: a panic there costs one job and is caught, so a
/// program's panic hook need not end the process for it.
pub const CONTAINED_THREADS: &[&str] = &[WORKER, RELIEF];
const WORKER: &str = "worker-";
const RELIEF: &str = "relief-";

/// How the runtime is set up.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// Worker threads; 0 for one per processor.
    pub workers: usize,
    /// How long sessions live on whose host is out of touch.
    pub host_grace: Duration,
    /// Sessions at a time.
    pub sessions_max: usize,
    /// Signs the tokens with which users come back.
    pub token_key: TokenKey,
    /// How long such a token is valid.
    pub token_lifetime: Duration,
    /// Where programs have files and databases; nowhere if there is none.
    pub files: Option<Arc<moor_files::Folder>>,
    /// The programs of the machine that wizards may run; none if there is none.
    pub executables: Option<Arc<moor_files::executables::Executables>>,
    /// The word list of `spellcheck()`; none if there is none.
    pub spelling: Option<Arc<Spelling>>,
    /// The text of `dump_object()` and `load_object()`; none if there is none.
    pub object_text: Option<Arc<dyn ObjectText>>,
    /// Whether programs may open connections to elsewhere.
    pub outbound_network: bool,
    /// Whether calls of builtins are counted: see [`builtin_counts`](crate::builtin_counts).
    pub count_builtins: bool,
    /// Which additions to the language programs may use.
    pub features: Features,
    /// Who was connected when the database was written that this world has just been imported from: they are gone.
    pub imported_connections: Vec<ImportedConnection>,
    /// The lines of each script that `#0:do_start_script()` gets before anything else runs.
    pub start_scripts: Vec<Vec<String>>,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            workers: 0,
            host_grace: Duration::from_secs(300),
            sessions_max: crate::session::SESSIONS_MAX,
            token_key: TokenKey::random(),
            token_lifetime: crate::sign_in::LIFETIME,
            files: None,
            executables: None,
            spelling: None,
            object_text: None,
            outbound_network: false,
            count_builtins: false,
            features: Features::default(),
            imported_connections: Vec::new(),
            start_scripts: Vec::new(),
        }
    }
}

/// Why the runtime could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A stored task, session or event cannot be read.
    #[error("the data directory holds {what} that this version cannot read")]
    Unreadable {
        /// What it is.
        what: String,
    },
    /// The store failed.
    #[error("the data directory cannot be read")]
    Store(#[from] moor_store::StateError),
    /// No thread could be started.
    #[error("no thread could be started")]
    Thread(#[from] std::io::Error),
}

/// One world and everything that happens in it.
pub struct Runtime {
    pub(crate) world: Arc<World>,
    pub(crate) log: Arc<dyn CommitLog>,
    pub(crate) outlet: Arc<dyn Outlet>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sessions: SessionTable,
    pub(crate) queue: TaskQueue,
    pub(crate) stored_tasks: StoredTasks,
    pub(crate) listeners: Listeners,
    pub(crate) waiting: Waiting,
    pub(crate) garbage: Garbage,
    pub(crate) workers: WorkerRequests,
    pub(crate) dials: Dials,
    pub(crate) sql: Sql,
    pub(crate) programs: Programs,
    /// Itself, for threads that are started later.
    pub(crate) me: Weak<Self>,
    pub(crate) evals: Evals,
    pub(crate) finished: FinishedTasks,
    pub(crate) meters: Meters,
    /// The counter of unique ids.
    uniques: AtomicU16,
    pub(crate) limits: RuntimeConfig,
    options: RwLock<Arc<ServerOptions>>,
    stopping: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("sessions", &self.sessions.len())
            .field("tasks", &self.queue.len())
            .finish_non_exhaustive()
    }
}

impl Runtime {
    /// Restores sessions and tasks from the store, hands the start scripts to the world and waits for them, starts the threads and
    /// calls the first hooks, of which `#0:server_started()` is the last.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(
        config: RuntimeConfig,
        world: Arc<World>,
        store: &moor_store::Store,
        outlet: Arc<dyn Outlet>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StartError> {
        let log = store.log();
        let loaded = Arc::clone(&log);
        let runtime = Arc::new_cyclic(|me| Self {
            world,
            log,
            outlet,
            clock,
            sessions: SessionTable::new(),
            queue: TaskQueue::new(Box::new(move |is_loaded| loaded.set_busy(is_loaded))),
            stored_tasks: StoredTasks::default(),
            listeners: Listeners::default(),
            waiting: Waiting::default(),
            garbage: Garbage::default(),
            workers: WorkerRequests::new(),
            dials: Dials::default(),
            sql: Sql::default(),
            programs: Programs::default(),
            me: Weak::clone(me),
            evals: Evals::default(),
            finished: FinishedTasks::default(),
            meters: Meters::new(),
            uniques: AtomicU16::new(0),
            limits: config,
            options: RwLock::new(Arc::new(ServerOptions::usual())),
            stopping: AtomicBool::new(false),
            threads: Mutex::new(Vec::new()),
        });
        restore::restore(&runtime, store)?;
        runtime.world.release_loaded_handles();
        runtime.load_options();
        runtime.listen_to_log();
        runtime.prepare_alone()?;
        runtime.start_threads()?;
        runtime.begin(&runtime.limits.imported_connections);
        Ok(runtime)
    }

    /// Stops: no more jobs are begun; what runs is waited for, for at most `limit`. Tasks that
    /// wait are stored already.
    pub fn stop(&self, limit: Duration) {
        self.stopping.store(true, Ordering::Release);
        self.queue.stop();
        if !self.queue.wait_idle(limit) {
            tracing::warn!("tasks were still running at the end of the time to stop");
            return;
        }
        for thread in std::mem::take(&mut *self.threads.lock()) {
            let _ = thread.join();
        }
        self.sql.stop();
        self.programs.stop();
        let seq = self.log.accepted();
        if self.log.wait_durable(seq, limit).is_err() {
            tracing::warn!("the log was not durable at the end of the time to stop");
        }
        self.release_durable(seq);
    }

    /// How many sessions and waiting tasks there are.
    pub fn counts(&self) -> (usize, usize) {
        (self.sessions.len(), self.queue.len())
    }

    /// Calls a hook of `#0` that has no player, such as `checkpoint_started`.
    pub fn call_system_hook(&self, verb: &'static str, args: Vec<Value>) {
        self.submit_hook(Hook::of_system(verb, args));
    }

    /// The server options as last loaded.
    pub(crate) fn options(&self) -> Arc<ServerOptions> {
        Arc::clone(&self.options.read())
    }

    /// Whether the runtime stops.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// `load_server_options()`.
    pub(crate) fn load_options(&self) {
        let loaded = read_options(&mut self.world.begin());
        self.finished.limit(loaded.finished_tasks_max);
        *self.options.write() = Arc::new(loaded);
    }

    /// A unique id that this server has not given yet.
    pub(crate) fn new_unique_id(&self) -> ObjId {
        let counter = self.uniques.fetch_add(1, Ordering::Relaxed);
        let time = self.clock.wall().as_millis();
        ObjId::unique(counter, rand::random(), time as u64)
    }

    /// A number for a new task.
    pub(crate) fn new_task_id(&self) -> TaskId {
        loop {
            let id = TaskId(rand::random_range(1..TASK_ID_LIMIT));
            // An evaluation that runs is in no queue, and its answer must not be another's.
            if !self.queue.contains(id) && !self.evals.has(id) {
                return id;
            }
        }
    }

    /// The wall clock in microseconds since 1970.
    pub(crate) fn wall_us(&self) -> u64 {
        u64::try_from(self.clock.wall().as_micros()).unwrap_or(u64::MAX)
    }

    /// Queues a hook for a worker thread.
    pub(crate) fn submit_hook(&self, hook: Hook) {
        self.queue.submit(hook.player, Job::Hook(hook));
    }

    /// Queues a command of somebody without a session.
    pub(crate) fn submit_command(&self, player: ObjId, line: String) {
        self.queue.submit(player, Job::Command(player, line));
    }

    /// A task waits from now on.
    pub(crate) fn park(&self, entry: TaskEntry) {
        let id = entry.id;
        let status = entry.status;
        if !self.queue.park(entry) {
            self.forget_task_row(id);
            return;
        }
        if let TaskStatus::Reading(session, _) = status {
            match self.sessions.by_id(session) {
                Some(session) => self.wait_for_line(id, &session),
                None => self.stop_reading(id),
            }
        }
    }

    /// A parked task gets the next line of a session. If that ended while the task was on its way to wait for it, or
    /// another task was quicker, it goes on at once.
    pub(crate) fn wait_for_line(&self, id: TaskId, session: &Arc<Session>) {
        let waits = {
            let mut state = session.lock();
            let is_free = !state.closed && state.reading.is_none_or(|other| other == id);
            if is_free {
                state.reading = Some(id);
            }
            is_free
        };
        if waits {
            self.submit_input(session);
        } else {
            self.stop_reading(id);
        }
    }

    /// There is no line for a task that waits for one: it goes on with `E_INVARG`.
    pub(crate) fn stop_reading(&self, id: TaskId) {
        self.queue.wake(id, Value::Err(ErrorCode::InvArg));
    }

    /// A task was killed while it waited.
    pub(crate) fn kill_parked(&self, id: TaskId) {
        if let Some(request) = self.queue.kill(id) {
            self.cancel_request(request, "cancelled");
        }
        drop(self.silence_of(id));
        for session in self.sessions.all() {
            let mut state = session.lock();
            if state.reading == Some(id) {
                state.reading = None;
            }
        }
    }

    /// Deletes the row of a task that was killed while it ran.
    pub(crate) fn forget_task_row(&self, id: TaskId) {
        let mut batch = Batch::new();
        batch.delete(rows::TASKS, &rows::task_key(id));
        let _ = self.stored_tasks.delete(id);
        self.append_alone(batch);
    }

    /// Carries out a wish that concerns the whole server.
    pub(crate) fn serve(&self, request: ServerRequest) {
        match request {
            ServerRequest::LoadOptions => self.load_options(),
            ServerRequest::Collect => self.collect_cycles(),
            ServerRequest::Checkpoint => self.outlet.checkpoint(),
            ServerRequest::Shutdown { message } => self.outlet.shutdown(&message),
            ServerRequest::Listen(listener, waiter) => self.listen(*listener, waiter),
            ServerRequest::InterruptSql(handle) => {
                if let Some(database) = self.sql.database(handle) {
                    database.interrupt();
                }
            }
            ServerRequest::Unlisten(id) => {
                let found = self
                    .listeners
                    .list()
                    .into_iter()
                    .find(|known| known.id == id);
                if let Some(listener) = found {
                    self.listeners.remove(listener.host, id);
                    if let Some(host) = listener.host {
                        self.outlet.unlisten(host, id);
                    }
                }
            }
        }
    }

    /// Appends rows that belong to no transaction; a failure is logged, and mended by the next
    /// start, which finds rows of things that are over.
    pub(crate) fn append_alone(&self, batch: Batch) {
        match self.log.append(batch) {
            Ok(_) => {}
            Err(AppendError::Closed) if self.is_stopping() => {}
            Err(error) => tracing::warn!(%error, "rows not stored"),
        }
    }

    /// Hands out events as their commits become durable.
    fn listen_to_log(self: &Arc<Self>) {
        let runtime: Weak<Self> = Arc::downgrade(self);
        self.log.on_durable(Box::new(move |advance| {
            let Some(runtime) = runtime.upgrade() else {
                return;
            };
            match advance {
                Ok(durable) => runtime.release_durable(durable),
                Err(reason) => {
                    tracing::error!(reason, "the disk refuses writes: the world is read-only");
                }
            }
        }));
    }

    /// Does what comes before the threads, on one that has their stack.
    fn prepare_alone(&self) -> Result<(), StartError> {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new()
                .name(format!("{WORKER}first"))
                .stack_size(STACK_BYTES_MIN);
            let prepared = thread.spawn_scoped(scope, || self.prepare())?.join();
            if prepared.is_err() {
                tracing::error!("what comes before the first task panicked");
            }
            Ok(())
        })
    }

    fn start_threads(self: &Arc<Self>) -> Result<(), StartError> {
        let workers = match self.limits.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            workers => workers,
        };
        let mut threads = Vec::with_capacity(workers + 1);
        for number in 0..workers {
            let runtime = Arc::clone(self);
            let thread = std::thread::Builder::new()
                .name(format!("{WORKER}{number}"))
                .stack_size(STACK_BYTES_MIN)
                .spawn(move || runtime.work(number))?;
            threads.push(thread);
        }
        for number in 0..RELIEF_THREADS {
            let runtime = Arc::clone(self);
            let thread = std::thread::Builder::new()
                .name(format!("{RELIEF}{number}"))
                .stack_size(STACK_BYTES_MIN)
                .spawn(move || runtime.relieve())?;
            threads.push(thread);
        }
        let runtime = Arc::clone(self);
        let keeper = std::thread::Builder::new()
            .name("housekeeper".to_owned())
            .stack_size(STACK_BYTES_MIN)
            .spawn(move || runtime.keep_house())?;
        threads.push(keeper);
        self.threads.lock().extend(threads);
        Ok(())
    }
}

/// Writes a line of `server_log()`.
pub(crate) fn log_line(level: LogLevel, text: &str) {
    match level {
        LogLevel::Info => tracing::info!(target: "moo", "{text}"),
        LogLevel::Error => tracing::error!(target: "moo", "{text}"),
    }
}

/// The server options as a transaction sees them.
pub(crate) fn read_options(txn: &mut moor_world::Transaction) -> ServerOptions {
    let builtins = registry().specs().iter().map(|spec| spec.name);
    let properties = moor_world::Builtin::ALL.iter().map(|(_, name)| *name);
    ServerOptions::read(txn, builtins.chain(properties))
}
