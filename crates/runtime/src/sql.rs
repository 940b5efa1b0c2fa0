//! SQL that programs want run, between the commit that asks and the rows.
//!
//! In: statements of committed stretches; durable commits; tasks that are killed or whose time is over. Out: each
//! statement run at most once, on its database's own thread and only when its commit is durable; the waiting task woken
//! with the rows. What SQL may do is the databases' knowledge.
//!
//! A statement lives in memory only: after a restart its task goes on with `E_INTRPT`, and whether it was carried out is
//! in the database.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use moor_files::sqlite::{Cell, Database, Databases, Limits, Row, SqlError};
use moor_store::Seq;
use moor_value::{ErrorCode, Value};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::cluster::WorkerRequestId;
use crate::ids::TaskId;
use crate::release::Errand;
use crate::runtime::Runtime;
use crate::task::Failure;

/// How long a statement may take; then it is interrupted.
pub(crate) const SQL_TIME_MAX: Duration = Duration::from_secs(60);
/// How long a task waits: also for those before it.
pub(crate) const SQL_WAIT_MAX: Duration = Duration::from_secs(600);
/// Statements that run or wait; one more raises `E_QUOTA`.
pub(crate) const STATEMENTS_MAX: usize = 100;
/// Bytes that rows have at most.
const ROWS_BYTES_MAX: usize = 16 << 20;

/// What is to be run.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    /// Statements without parameters.
    Query,
    /// One statement with these values for its parameters.
    Execute(Vec<Cell>),
}

/// How rows become values.
pub(crate) type Shape = fn(rows: Vec<Row>, options: i64, headers: bool) -> Value;

/// A wish of a task.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The database.
    pub(crate) handle: i64,
    /// What the task waits for.
    pub(crate) request: WorkerRequestId,
    /// The task.
    pub(crate) task: TaskId,
    /// The text.
    pub(crate) sql: String,
    /// How it is run.
    pub(crate) statement: Statement,
    /// Whether each value is shown with its column's name.
    pub(crate) headers: bool,
    /// How rows become values.
    pub(crate) shape: Shape,
}

/// A wish with the word that it is not wanted any more.
pub(crate) struct Job {
    asked: Asked,
    is_cancelled: Arc<AtomicBool>,
}

/// A database with the thread that works on it.
struct Desk {
    database: Arc<Database>,
    options: i64,
    jobs: SyncSender<Job>,
    thread: JoinHandle<()>,
}

impl Desk {
    /// Ends the thread, once it has done what waits; then the file is closed.
    fn end(self) {
        drop(self.jobs);
        // A panic is in the log already.
        let _ = self.thread.join();
    }
}

/// Facts about an open database.
pub(crate) struct DatabaseInfo {
    /// The path as it was given.
    pub(crate) name: String,
    /// How rows become values: bits.
    pub(crate) options: i64,
    /// Statements that run or wait.
    pub(crate) locks: usize,
}

/// The open databases and what they have to do.
#[derive(Default)]
pub(crate) struct Sql {
    databases: Databases,
    desks: Mutex<BTreeMap<i64, Desk>>,
    /// Statements that are not over.
    open: Mutex<FxHashMap<WorkerRequestId, Arc<AtomicBool>>>,
}

impl Sql {
    /// Whether one more statement may be asked for.
    pub(crate) fn has_room(&self) -> bool {
        self.open.lock().len() < STATEMENTS_MAX
    }

    /// The numbers of open databases.
    pub(crate) fn handles(&self) -> Vec<i64> {
        self.databases.handles()
    }

    /// Facts about an open database.
    pub(crate) fn info(&self, handle: i64) -> Option<DatabaseInfo> {
        let desks = self.desks.lock();
        let desk = desks.get(&handle)?;
        Some(DatabaseInfo {
            name: desk.database.name().to_owned(),
            options: desk.options,
            locks: desk.database.locks(),
        })
    }

    /// An open database.
    pub(crate) fn database(&self, handle: i64) -> Option<Arc<Database>> {
        self.databases.get(handle)
    }

    /// Closes a database, and ends its thread.
    pub(crate) fn close(&self, handle: i64) -> Result<(), SqlError> {
        self.databases.close(handle)?;
        let desk = self.desks.lock().remove(&handle);
        desk.into_iter().for_each(Desk::end);
        Ok(())
    }

    /// Ends all statements, and the threads.
    pub(crate) fn stop(&self) {
        for is_cancelled in self.open.lock().values() {
            is_cancelled.store(true, Ordering::Release);
        }
        let desks = std::mem::take(&mut *self.desks.lock());
        desks.into_values().for_each(Desk::end);
    }

    fn add(&self, asked: Asked) -> Job {
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let mut open = self.open.lock();
        open.insert(asked.request, Arc::clone(&is_cancelled));
        Job {
            asked,
            is_cancelled,
        }
    }

    fn forget(&self, request: WorkerRequestId) {
        self.open.lock().remove(&request);
    }
}

impl Runtime {
    /// Opens a database for programs; its number. `options` are bits that only programs know.
    pub(crate) fn open_database(
        &self,
        path: &str,
        options: i64,
        databases_max: usize,
    ) -> Result<i64, SqlError> {
        let folder = self.limits.files.as_deref();
        let regexp = crate::builtins::is_found;
        let databases = &self.sql.databases;
        let (handle, database) = databases.open(folder, path, databases_max, regexp)?;
        let (jobs, queue) = sync_channel(STATEMENTS_MAX);
        let (worker, runtime) = (Arc::clone(&database), Weak::clone(&self.me));
        let thread = std::thread::Builder::new()
            .name(format!("sqlite-{handle}"))
            .spawn(move || work(&worker, options, &queue, &runtime));
        let thread = thread.map_err(|error| {
            // Nothing waits for it yet.
            let _ = databases.close(handle);
            SqlError::Unopened(error.to_string())
        })?;
        let desk = Desk {
            database,
            options,
            jobs,
            thread,
        };
        self.sql.desks.lock().insert(handle, desk);
        Ok(handle)
    }

    /// The task that asked waits: the statement is run once `needs` is durable.
    pub(crate) fn run_sql(&self, asked: Asked, needs: Seq) {
        let (task, request) = (asked.task, asked.request);
        if let Some(database) = self.sql.database(asked.handle) {
            database.lock();
        }
        let job = self.sql.add(asked);
        // A kill that came before the addition has found nothing to end.
        if !self.queue.waits_for(task, request) {
            self.cancel_sql(request);
        }
        self.once_durable(needs, Errand::Sql(job));
    }

    /// Hands a statement to its database's thread.
    pub(crate) fn begin_sql(&self, job: Job) {
        let desks = self.sql.desks.lock();
        let sent = match desks.get(&job.asked.handle) {
            Some(desk) => desk.jobs.try_send(job),
            None => Err(TrySendError::Disconnected(job)),
        };
        drop(desks);
        if let Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) = sent {
            self.sql_over(&job.asked, Ok(Value::Err(ErrorCode::InvArg)));
        }
    }

    /// Nobody waits for a statement any more: it is interrupted, or not begun.
    pub(crate) fn cancel_sql(&self, request: WorkerRequestId) {
        if let Some(is_cancelled) = self.sql.open.lock().get(&request) {
            is_cancelled.store(true, Ordering::Release);
        }
    }

    fn sql_over(&self, asked: &Asked, answer: Result<Value, Failure>) {
        self.sql.forget(asked.request);
        if let Some(database) = self.sql.database(asked.handle) {
            database.unlock();
        }
        self.queue.answer(asked.task, asked.request, answer);
    }
}

/// The life of a database's thread.
fn work(database: &Database, options: i64, queue: &Receiver<Job>, runtime: &Weak<Runtime>) {
    for Job {
        asked,
        is_cancelled,
    } in queue
    {
        let Some(runtime) = runtime.upgrade() else {
            return;
        };
        let clock = Arc::clone(&runtime.clock);
        let deadline = clock.steady() + SQL_TIME_MAX;
        let is_wanted = !is_cancelled.load(Ordering::Acquire);
        let limits = Limits {
            bytes_max: ROWS_BYTES_MAX,
            has_time: Box::new(move || {
                !is_cancelled.load(Ordering::Acquire) && clock.steady() < deadline
            }),
        };
        let rows = match &asked.statement {
            _ if !is_wanted => Ok(Vec::new()),
            Statement::Query => database.query(&asked.sql, limits),
            Statement::Execute(values) => database.execute(&asked.sql, values, limits),
        };
        let answer = match rows {
            Ok(rows) => Ok((asked.shape)(rows, options, asked.headers)),
            // What SQLite says is the answer, as in ToastStunt.
            Err(SqlError::Sql(message)) => Ok(Value::from(message.as_str())),
            Err(error) => Err(Failure {
                code: ErrorCode::Quota,
                message: error.to_string(),
            }),
        };
        runtime.sql_over(&asked, answer);
    }
}
