//! The state kept by fjall: one keyspace per table, and one of the store's own.
//!
//! In come groups, out go rows. The number of the last batch is a row written in the same atomic batch as the changes.
//! Nothing is synced until `persist`: the log keeps what the engine may lose. It knows nothing of the log's files.
//!
//! fjall goes on writing into a journal whose sync has failed when it is opened again, and after a power loss would
//! forget everything behind the hole. So after a failed sync all rows are copied into a new folder, a *generation*.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fjall::config::{BlockSizePolicy, FilterPolicy};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use parking_lot::RwLock;

use crate::batch::{Batch, KEY_BYTES_MAX, Op, Seq, Table};
use crate::error::StateError;
use crate::frame::Group;
use crate::state::{ALL_KEYS, KeyRange, RowVisitor, State, StateView};

/// With less free than this, a disk is full.
const FREE_BYTES_MIN: u64 = 1024 * 1024;

/// The store's own keyspace; no table may have this name.
const OWN_KEYSPACE: &str = "moor.store";
/// Row of the own keyspace: the last batch applied, u64 little-endian.
const APPLIED_KEY: &[u8] = b"applied_seq";
/// Threads that flush and compact. A world is read once at start, so there is little to do.
const WORKER_THREADS: usize = 1;
/// Most bytes in fjall's journals before it flushes tables; the smallest that it takes.
const JOURNAL_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most bytes of a table's newest rows in memory before they become a file. Whoever opens the database reads them again from the journal.
const MEMTABLE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Bytes of blocks that are kept in memory: rows are read from end to end at start, and hardly ever afterwards.
const CACHE_BYTES: u64 = 1024 * 1024;
/// Bytes of rows that are found, read and compressed together.
const BLOCK_BYTES: u32 = 16 * 1024;
/// Rows are copied into a new generation in pieces of about this size.
const PIECE_BYTES: usize = 1024 * 1024;
/// A generation being made; thrown away when found at opening.
const DRAFT_FOLDER: &str = "draft";

/// No filters: rows are hardly ever looked for one by one.
fn keyspace_options() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .max_memtable_size(MEMTABLE_BYTES_MAX)
        .data_block_size_policy(BlockSizePolicy::all(BLOCK_BYTES))
        .filter_policy(FilterPolicy::disabled())
}

/// A row of a table: key, value.
type RowRef<'r> = (&'r [u8], &'r [u8]);

/// Takes the rows of a table in key order, then nothing, at which they are there. fjall has no public name for its own.
pub(crate) type Fill<'a> = Box<dyn FnMut(Option<RowRef<'_>>) -> Result<(), StateError> + 'a>;

/// An open generation, shared by views of it.
pub(crate) struct Generation {
    database: Database,
    own: Keyspace,
    tables: Vec<Keyspace>,
}

impl Generation {
    fn open(folder: &Path, names: &[&'static str]) -> Result<Generation, StateError> {
        let database = Database::builder(folder)
            .manual_journal_persist(true)
            .worker_threads(WORKER_THREADS)
            .max_journaling_size(JOURNAL_BYTES_MAX)
            .cache_size(CACHE_BYTES)
            .open()?;
        let unknown = database.list_keyspace_names().into_iter().find(|name| {
            let name: &str = name;
            name != OWN_KEYSPACE && !names.contains(&name)
        });
        if let Some(name) = unknown {
            return Err(StateError::UnknownTable {
                name: name.to_string(),
            });
        }
        let keyspace = |name: &str| database.keyspace(name, keyspace_options);
        let own = keyspace(OWN_KEYSPACE)?;
        let tables = names
            .iter()
            .map(|name| keyspace(name))
            .collect::<Result<_, _>>()?;
        Ok(Generation {
            database,
            own,
            tables,
        })
    }

    /// Begins to fill a table with rows in key order. They become files at once, without the journal.
    pub(crate) fn fill(&self, table: Table) -> Result<Fill<'_>, StateError> {
        let mut open = Some(self.table(table)?.start_ingestion()?);
        Ok(Box::new(move |row| {
            let done = match (row, &mut open) {
                (Some((key, value)), Some(rows)) => rows.write(key, value),
                (None, _) => open.take().map_or(Ok(()), |rows| rows.finish()),
                (Some(_), None) => return Err(StateError::Unavailable),
            };
            Ok(done?)
        }))
    }

    fn table(&self, table: Table) -> Result<&Keyspace, StateError> {
        self.tables
            .get(usize::from(table.0))
            .ok_or(StateError::UndeclaredTable { table: table.0 })
    }

    /// Applies batches in one atomic write, with the number of the last one if it has any.
    fn write<'a>(
        &self,
        batches: impl Iterator<Item = &'a Batch>,
        last: Option<Seq>,
    ) -> Result<(), StateError> {
        let mut write = self.database.batch();
        for op in batches.flat_map(Batch::ops) {
            match op {
                Op::Put { table, key, value } => write.insert(self.table(table)?, key, value),
                Op::Delete { table, key } => write.remove(self.table(table)?, key),
            }
        }
        if let Some(seq) = last {
            write.insert(&self.own, APPLIED_KEY, seq.0.to_le_bytes());
        }
        Ok(write.commit()?)
    }

    fn view(self: &Arc<Generation>) -> View {
        View {
            snapshot: self.database.snapshot(),
            open: Arc::clone(self),
        }
    }

    fn copy_from(&self, view: &View) -> Result<(), StateError> {
        for table in (0..=u8::MAX).take(self.tables.len()).map(Table) {
            let mut piece = Batch::new();
            let mut result = Ok(());
            view.scan(table, ALL_KEYS, &mut |key, value| {
                piece.put(table, key, value);
                if piece.as_bytes().len() >= PIECE_BYTES {
                    result = self.write([&std::mem::take(&mut piece)].into_iter(), None);
                }
                result.is_ok()
            })?;
            result?;
            self.write([&piece].into_iter(), None)?;
        }
        self.write(std::iter::empty(), Some(view.seq()?))?;
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }
}

/// The engine of one data directory: a folder of generations, of which the one with the highest number counts.
pub(crate) struct Engine {
    folder: PathBuf,
    names: &'static [&'static str],
    /// Empty only between a failure and a successful reopening.
    open: RwLock<Option<Arc<Generation>>>,
    /// A sync has failed: this generation must not be written again.
    spoiled: AtomicBool,
}

impl Engine {
    /// Opens the engine in `folder`, making what is missing.
    ///
    /// # Panics
    /// When a table name is not 1 to 255 bytes or is the store's own: a programmer's error.
    pub(crate) fn open(
        folder: &Path,
        names: &'static [&'static str],
    ) -> Result<Engine, StateError> {
        let valid = |name: &&str| (1..256).contains(&name.len()) && *name != OWN_KEYSPACE;
        assert!(
            names.len() <= 256 && names.iter().all(valid),
            "table names are a constant of the program"
        );
        let current = generations(folder)?.last().copied().unwrap_or(1);
        let open = Generation::open(&folder.join(current.to_string()), names)?;
        // fjall syncs what is inside the generation's folder, not its name.
        sync(folder)?;
        remove_others(folder, current);
        Ok(Engine {
            folder: folder.to_owned(),
            names,
            open: RwLock::new(Some(Arc::new(open))),
            spoiled: AtomicBool::new(false),
        })
    }

    /// The present generation, to be filled outside the log.
    pub(crate) fn current(&self) -> Result<Arc<Generation>, StateError> {
        self.open.read().clone().ok_or(StateError::Unavailable)
    }

    /// Sets the number of the last batch of a store being filled.
    pub(crate) fn set_applied(&self, seq: Seq) -> Result<(), StateError> {
        self.current()?.write(std::iter::empty(), Some(seq))
    }

    /// Remembers whether a failure says that a sync failed: that of `persist`, or one in fjall's own threads. Of the latter fjall
    /// does not tell the cause; a full disk is told apart here.
    fn note(&self, result: Result<(), StateError>, synced: bool) -> Result<(), StateError> {
        let is_poisoned = matches!(&result, Err(StateError::Engine(fjall::Error::Poisoned)));
        if is_poisoned || (synced && matches!(&result, Err(StateError::Engine(_)))) {
            self.spoiled.store(true, Ordering::Relaxed);
        }
        match is_poisoned && is_full(&self.folder) {
            true => Err(StateError::NoSpace),
            false => result,
        }
    }

    /// Copies every row of the present generation into the next one and makes that the present one, in one step.
    fn regenerate(&self) -> Result<Generation, StateError> {
        let present = generations(&self.folder)?.last().copied().unwrap_or(1);
        let next = self.folder.join((present + 1).to_string());
        let draft = self.folder.join(DRAFT_FOLDER);
        remove(&draft)?;
        let old = Arc::new(Generation::open(
            &self.folder.join(present.to_string()),
            self.names,
        )?);
        Generation::open(&draft, self.names)?.copy_from(&old.view())?;
        drop(old);
        fs::rename(&draft, &next).map_err(fjall::Error::Io)?;
        sync(&self.folder)?;
        let open = Generation::open(&next, self.names)?;
        remove_others(&self.folder, present + 1);
        Ok(open)
    }
}

/// The numbers of the finished generations, in order.
fn generations(folder: &Path) -> Result<Vec<u64>, StateError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(fjall::Error::Io)?,
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let mut numbers: Vec<u64> = names
        .filter_map(|name| name.to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Removes older generations and a draft; what cannot be removed now is tried again at the next opening.
fn remove_others(folder: &Path, current: u64) {
    let older = generations(folder)
        .unwrap_or_default()
        .into_iter()
        .filter(|number| *number < current);
    for name in older
        .map(|number| number.to_string())
        .chain([DRAFT_FOLDER.to_owned()])
    {
        if let Err(error) = remove(&folder.join(&name)) {
            tracing::warn!(name, %error, "cannot remove an old generation of the state");
        }
    }
}

fn sync(folder: &Path) -> Result<(), StateError> {
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    Ok(synced.map_err(fjall::Error::Io)?)
}

fn remove(folder: &Path) -> Result<(), StateError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(fjall::Error::Io(error).into())
        }
        _ => Ok(()),
    }
}

impl State for Engine {
    fn applied(&self) -> Result<Seq, StateError> {
        self.snapshot()?.seq()
    }

    fn apply(&self, group: &Group) -> Result<(), StateError> {
        let open = self.current()?;
        self.note(
            open.write(group.batches.iter().map(Arc::as_ref), Some(group.last())),
            false,
        )
    }

    fn persist(&self) -> Result<(), StateError> {
        let open = self.current()?;
        self.note(
            open.database
                .persist(PersistMode::SyncAll)
                .map_err(StateError::Engine),
            true,
        )
    }

    fn reopen(&self) -> Result<(), StateError> {
        let mut slot = self.open.write();
        // The old engine must be gone before the new one can lock the folder; a view still in use delays this to a
        // later attempt.
        *slot = None;
        let open = if self.spoiled.load(Ordering::Relaxed) {
            self.regenerate()?
        } else {
            let present = generations(&self.folder)?.last().copied().unwrap_or(1);
            Generation::open(&self.folder.join(present.to_string()), self.names)?
        };
        self.spoiled.store(false, Ordering::Relaxed);
        *slot = Some(Arc::new(open));
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn StateView>, StateError> {
        Ok(Box::new(self.current()?.view()))
    }
}

/// A snapshot across all keyspaces.
struct View {
    snapshot: fjall::Snapshot,
    open: Arc<Generation>,
}

impl StateView for View {
    fn seq(&self) -> Result<Seq, StateError> {
        let Some(bytes) = self.snapshot.get(&self.open.own, APPLIED_KEY)? else {
            return Ok(Seq::ZERO);
        };
        let bytes: [u8; 8] = (*bytes).try_into().map_err(|_| StateError::Malformed {
            record: "applied_seq",
        })?;
        Ok(Seq(u64::from_le_bytes(bytes)))
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Ok(None);
        }
        Ok(self
            .snapshot
            .get(self.open.table(table)?, key)?
            .map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        table: Table,
        keys: KeyRange<'_>,
        visit: RowVisitor<'_>,
    ) -> Result<(), StateError> {
        let rows = self
            .snapshot
            .range::<&[u8], _>(self.open.table(table)?, keys);
        for row in rows {
            let (key, value) = row.into_inner()?;
            if !visit(&key, &value) {
                break;
            }
        }
        Ok(())
    }
}

/// Whether the file system of a folder has no room for what an engine writes at once.
fn is_full(folder: &Path) -> bool {
    let free = rustix::fs::statvfs(folder).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    free.is_ok_and(|free| free < FREE_BYTES_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(n: u64) -> Group {
        let mut batch = Batch::new();
        batch.put(Table((n % 2) as u8), &n.to_be_bytes(), &vec![1; 300_000]);
        Group {
            first: Seq(n),
            batches: vec![Arc::new(batch)],
        }
    }

    #[test]
    fn after_a_failed_sync_all_rows_move_to_a_new_generation() {
        let folder = tempfile::tempdir().expect("tempdir");
        let engine = Engine::open(folder.path(), &["a", "b"]).expect("open");
        (1..=10).for_each(|n| engine.apply(&group(n)).expect("apply"));
        let poisoned = engine.note(Err(fjall::Error::Poisoned.into()), false);
        assert!(poisoned.is_err());
        let view = engine.snapshot().expect("snapshot");
        engine.reopen().expect_err("a view is still in use");
        assert!(matches!(engine.applied(), Err(StateError::Unavailable)));
        drop(view);
        engine.reopen().expect("reopen");
        assert_eq!(generations(folder.path()).expect("list"), [2]);
        engine.apply(&group(11)).expect("apply");
        engine.reopen().expect("an unspoiled generation is kept");
        assert_eq!(generations(folder.path()).expect("list"), [2]);
        engine.persist().expect("persist");
        drop(engine);
        fs::create_dir_all(folder.path().join(DRAFT_FOLDER)).expect("mkdir");
        let engine = Engine::open(folder.path(), &["a", "b"]).expect("open");
        assert_eq!(engine.applied().expect("applied"), Seq(11));
        let mut rows = 0;
        let view = engine.snapshot().expect("snapshot");
        for table in [Table(0), Table(1)] {
            view.scan(table, ALL_KEYS, &mut |_, value| {
                rows += 1;
                value.len() == 300_000
            })
            .expect("scan");
        }
        assert_eq!(rows, 11);
        assert!(!folder.path().join(DRAFT_FOLDER).exists());
    }
}
