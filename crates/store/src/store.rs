//! A database that is open: the log, the state and the folder together.
//!
//! In come a path and options; out go appends (through [`CommitLog`]), reads of the state, exports and a clean close.
//! It does not know what is stored.
//!
//! Opening applies what the log has and the state has not, makes the state durable and empties the log, so that
//! nothing rests on a write whose sync nobody saw.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::batch::{Batch, Seq, Table};
use crate::counters::Counters;
use crate::creation::NewStore;
use crate::directory::{Directory, Presence, presence};
use crate::disk::{Disk, FolderDisk};
use crate::engine::Engine;
use crate::error::{
    AppendError, CloseError, CreateError, DirectoryError, OpenError, RecoveryError, StateError,
    WaitError,
};
use crate::log::{CommitLog, DurableCallback, LogStatus};
use crate::materialiser::{Inbox, Materialiser, PersistPolicy};
use crate::queue::{Half, Queue};
use crate::recovery::recover;
use crate::state::{ALL_KEYS, State, StateView};
use crate::writer::{Segments, Writer};

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Names of the tables (1 to 255 bytes each, at most 256); [`Table`] is an index into it. Names identify the tables
    /// on disk: append new ones at the end, and never rename. A table found on disk that is not named here is refused.
    pub tables: &'static [&'static str],
    /// Least time between two syncs of the log: 0 syncs as soon as the one before is done, more makes larger groups
    /// and later answers.
    pub group_interval: Duration,
    /// A segment of the log is closed when it is at least this long.
    pub segment_bytes_max: usize,
    /// `append` waits while this many bytes are accepted and not yet applied to the state.
    pub pending_bytes_max: usize,
    /// The state is made durable after this many applied bytes; they are also kept in memory until then.
    pub persist_bytes: usize,
    /// The state is made durable at the latest this long after a change.
    pub persist_interval: Duration,
}

impl Options {
    /// The usual options, with these tables.
    #[must_use]
    pub const fn new(tables: &'static [&'static str]) -> Options {
        Options {
            tables,
            group_interval: Duration::ZERO,
            segment_bytes_max: 8 * 1024 * 1024,
            pending_bytes_max: 64 * 1024 * 1024,
            persist_bytes: 8 * 1024 * 1024,
            persist_interval: Duration::from_secs(30),
        }
    }
}

/// An open database. Dropping it closes it, without a report.
pub struct Store {
    core: Core,
    engine: Arc<Engine>,
    directory: Directory,
    options: Options,
}

impl Store {
    /// What is at `path`.
    ///
    /// # Errors
    /// [`DirectoryError::Foreign`] for a folder with other contents, [`DirectoryError::Io`] when it cannot be read.
    pub fn presence(path: &Path) -> Result<Presence, DirectoryError> {
        presence(path)
    }

    /// Starts a new database at a vacant path; it becomes one at [`NewStore::finish`].
    ///
    /// # Errors
    /// [`CreateError::Directory`] when the path is not vacant, locked or not writable.
    pub fn create(path: &Path, options: Options) -> Result<NewStore, CreateError> {
        NewStore::begin(path, options)
    }

    /// Opens the database at `path` and replays its log.
    ///
    /// # Errors
    /// [`OpenError::Directory`] when there is none, it is in use, newer or not writable; [`OpenError::Recovery`] when
    /// the log is damaged; [`OpenError::State`] when the engine refuses.
    pub fn open(path: &Path, options: Options) -> Result<Store, OpenError> {
        let directory = Directory::open(path)?;
        let engine = Arc::new(Engine::open(&directory.state_folder(), options.tables)?);
        Store::start(directory, engine, options)
    }

    pub(crate) fn start(
        directory: Directory,
        engine: Arc<Engine>,
        options: Options,
    ) -> Result<Store, OpenError> {
        let disk = Arc::new(FolderDisk::new(&directory.log_folder()));
        let parts = Parts::open(disk, Arc::clone(&engine) as Arc<dyn State>, &options)?;
        Ok(Store {
            core: Core::start(parts)?,
            engine,
            directory,
            options,
        })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The log, to be shared with those who commit. It outlives the store as a log that refuses.
    #[must_use]
    pub fn log(&self) -> Arc<dyn CommitLog> {
        Arc::clone(&self.core.queue) as Arc<dyn CommitLog>
    }

    /// Reads one row as of the last applied batch, which may lag behind the durable horizon.
    ///
    /// # Errors
    /// [`StateError`] when the engine fails.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.snapshot()?.get(table, key)
    }

    /// Gives every row of a table, key then value, in key order and as of one batch.
    ///
    /// # Errors
    /// [`StateError`] when the engine fails.
    pub fn scan(&self, table: Table, mut row: impl FnMut(&[u8], &[u8])) -> Result<(), StateError> {
        self.snapshot()?.scan(table, ALL_KEYS, |key, value| {
            row(key, value);
            true
        })
    }

    /// A consistent view of all tables as of the last applied batch. Short-lived: while it exists the engine keeps
    /// old rows, and cannot be reopened after a failure of the disk.
    ///
    /// # Errors
    /// [`StateError`] when the engine fails.
    pub fn snapshot(&self) -> Result<Snapshot, StateError> {
        let view = self.engine.snapshot()?;
        Ok(Snapshot {
            seq: view.seq()?,
            view,
        })
    }

    /// Waits until the state holds every batch up to `seq`.
    ///
    /// # Errors
    /// [`WaitError::Timeout`] after `timeout`, [`WaitError::Closed`] when the log ended without it.
    pub fn wait_applied(&self, seq: Seq, timeout: Duration) -> Result<(), WaitError> {
        self.core.queue.wait_applied(seq, timeout)
    }

    /// Writes a consistent copy as a new database at the vacant path `to`, holding every batch durable at the call, and
    /// answers with its last one. Appends go on meanwhile.
    ///
    /// # Errors
    /// [`CreateError`]; nothing is left at `to` then.
    pub fn export_snapshot(&self, to: &Path) -> Result<Seq, CreateError> {
        self.wait_applied(self.durable(), EXPORT_WAIT_MAX)?;
        let snapshot = self.snapshot()?;
        let seq = snapshot.seq();
        let new = NewStore::begin(to, self.options)?;
        new.copy(&snapshot)?;
        new.finish_closed(seq)?;
        Ok(seq)
    }

    /// What the store counts about itself.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.core
            .queue
            .totals
            .snapshot(self.core.queue.pending_bytes())
    }

    /// Refuses further batches, writes everything accepted, makes the state durable and gives the folder back.
    ///
    /// # Errors
    /// [`CloseError`] when the disk failed to the end; what is durable stays so.
    pub fn close(mut self) -> Result<(), CloseError> {
        self.core.stop()
    }
}

/// Longest wait of an export for the state to catch up with the log.
const EXPORT_WAIT_MAX: Duration = Duration::from_secs(60);

impl CommitLog for Store {
    fn append(&self, batch: Batch) -> Result<Seq, AppendError> {
        self.core.queue.append(batch)
    }

    fn accepted(&self) -> Seq {
        self.core.queue.accepted()
    }

    fn durable(&self) -> Seq {
        self.core.queue.durable()
    }

    fn wait_durable(&self, seq: Seq, timeout: Duration) -> Result<(), WaitError> {
        self.core.queue.wait_durable(seq, timeout)
    }

    fn on_durable(&self, callback: DurableCallback) {
        self.core.queue.on_durable(callback);
    }

    fn status(&self) -> LogStatus {
        self.core.queue.status()
    }

    fn set_busy(&self, is_busy: bool) {
        self.core.queue.set_busy(is_busy);
    }
}

/// A view of all tables that does not change.
pub struct Snapshot {
    seq: Seq,
    view: Box<dyn StateView>,
}

impl Snapshot {
    /// The last batch in it.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// One row.
    ///
    /// # Errors
    /// [`StateError`] when the engine fails.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.view.get(table, key)
    }

    /// Gives the rows of a table whose keys are in the range, key then value, in key order, while `row` answers true.
    /// Several threads may scan one snapshot at a time.
    ///
    /// # Errors
    /// [`StateError`] when the engine fails.
    pub fn scan(
        &self,
        table: Table,
        keys: (Bound<&[u8]>, Bound<&[u8]>),
        mut row: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StateError> {
        self.view.scan(table, keys, &mut row)
    }
}

/// The recovered log and state, not yet running: what a test drives step by step.
pub(crate) struct Parts {
    pub(crate) queue: Arc<Queue>,
    pub(crate) writer: Writer,
    pub(crate) materialiser: Materialiser,
}

impl Parts {
    /// Replays the log into the state, makes that durable, empties the log.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        state: Arc<dyn State>,
        options: &Options,
    ) -> Result<Parts, OpenError> {
        let recovered = recover(&*disk, state.applied()?)?;
        for group in &recovered.groups {
            state.apply(group)?;
        }
        state.persist()?;
        for name in &recovered.names {
            disk.remove(name).map_err(|source| RecoveryError::Io {
                segment: name.clone(),
                source,
            })?;
        }
        // Names are used again from 1: old and new files must not mix after a power loss.
        disk.sync_folder().map_err(|source| RecoveryError::Io {
            segment: "*".to_owned(),
            source,
        })?;

        let queue = Arc::new(Queue::new(
            state.applied()?,
            options.tables.len(),
            options.pending_bytes_max,
        ));
        let inbox = Arc::new(Inbox::default());
        let segments = Arc::new(Segments::new(Arc::clone(&disk)));
        let policy = PersistPolicy {
            bytes: options.persist_bytes,
            interval: options.persist_interval,
        };
        let (q, i, s) = (
            Arc::clone(&queue),
            Arc::clone(&inbox),
            Arc::clone(&segments),
        );
        let writer = Writer::new(
            disk,
            q,
            i,
            s,
            options.segment_bytes_max,
            options.group_interval,
        );
        let materialiser = Materialiser::new(state, Arc::clone(&queue), inbox, segments, policy);
        Ok(Parts {
            queue,
            writer,
            materialiser,
        })
    }
}

/// The running threads.
pub(crate) struct Core {
    pub(crate) queue: Arc<Queue>,
    writer: Option<JoinHandle<()>>,
    materialiser: Option<JoinHandle<bool>>,
}

impl Core {
    pub(crate) fn start(parts: Parts) -> Result<Core, OpenError> {
        let Parts {
            queue,
            writer,
            materialiser,
        } = parts;
        let spawn = |name: &str| thread::Builder::new().name(name.to_owned());
        let mut core = Core {
            queue,
            writer: None,
            materialiser: None,
        };
        core.writer = Some(
            spawn("store-log")
                .spawn(|| writer.run())
                .map_err(OpenError::Thread)?,
        );
        core.materialiser = Some(
            spawn("store-state")
                .spawn(|| materialiser.run())
                .map_err(OpenError::Thread)?,
        );
        Ok(core)
    }

    /// Stops both threads. Each makes at most one more attempt while its half of the disk fails.
    pub(crate) fn stop(&mut self) -> Result<(), CloseError> {
        self.queue.close();
        let written = self
            .writer
            .take()
            .is_none_or(|thread| thread.join().is_ok());
        let applied = self
            .materialiser
            .take()
            .is_none_or(|thread| thread.join().unwrap_or(false));
        let batches = self.queue.accepted().0 - self.queue.durable().0;
        if !written || batches > 0 {
            let reason = self
                .queue
                .failure(Half::Log)
                .unwrap_or_else(|| "the log's thread panicked".to_owned());
            return Err(CloseError::Unwritten { batches, reason });
        }
        if !applied {
            let reason = self
                .queue
                .failure(Half::State)
                .unwrap_or_else(|| "the state's thread panicked".to_owned());
            return Err(CloseError::Unapplied { reason });
        }
        Ok(())
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(%error, "the store was not closed cleanly");
        }
    }
}
