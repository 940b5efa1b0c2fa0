//! The state kept by fjall: one keyspace per table, and one of the store's own.
//!
//! In come groups, out go rows. The number of the last batch is a row written in the same atomic batch as the changes.
//! Nothing is synced until `persist`: the log keeps what the engine may lose. It knows nothing of the log's files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use parking_lot::RwLock;

use crate::batch::{Batch, KEY_BYTES_MAX, Op, Seq, Table};
use crate::error::StateError;
use crate::frame::Group;
use crate::state::{RowVisitor, State, StateView};

/// The store's own keyspace; no table may have this name.
const OWN_KEYSPACE: &str = "moor.store";
/// Row of the own keyspace: the last batch applied, u64 little-endian.
const APPLIED_KEY: &[u8] = b"applied_seq";
/// Threads that flush and compact. A world is read once at start, so there is little to do.
const WORKER_THREADS: usize = 1;
/// Most bytes in fjall's journals before it flushes tables; the smallest that it takes.
const JOURNAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// An open engine, shared by views of it.
struct Open {
    database: Database,
    own: Keyspace,
    tables: Vec<Keyspace>,
}

impl Open {
    fn open(folder: &Path, names: &[&'static str]) -> Result<Open, StateError> {
        let database = Database::builder(folder)
            .manual_journal_persist(true)
            .worker_threads(WORKER_THREADS)
            .max_journaling_size(JOURNAL_BYTES_MAX)
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
        let keyspace = |name: &str| database.keyspace(name, KeyspaceCreateOptions::default);
        let own = keyspace(OWN_KEYSPACE)?;
        let tables = names
            .iter()
            .map(|name| keyspace(name))
            .collect::<Result<_, _>>()?;
        Ok(Open {
            database,
            own,
            tables,
        })
    }

    fn table(&self, table: Table) -> Result<&Keyspace, StateError> {
        self.tables
            .get(usize::from(table.0))
            .ok_or(StateError::UndeclaredTable { table: table.0 })
    }

    fn add(&self, into: &mut fjall::OwnedWriteBatch, batch: &Batch) -> Result<(), StateError> {
        for op in batch.ops() {
            match op {
                Op::Put { table, key, value } => into.insert(self.table(table)?, key, value),
                Op::Delete { table, key } => into.remove(self.table(table)?, key),
            }
        }
        Ok(())
    }
}

/// The engine of one data directory.
pub(crate) struct Engine {
    folder: PathBuf,
    names: &'static [&'static str],
    /// Empty only between a failure and a successful reopening.
    open: RwLock<Option<Arc<Open>>>,
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
        assert!(
            names.len() <= 256
                && names
                    .iter()
                    .all(|name| (1..256).contains(&name.len()) && *name != OWN_KEYSPACE)
        );
        let open = Open::open(folder, names)?;
        Ok(Engine {
            folder: folder.to_owned(),
            names,
            open: RwLock::new(Some(Arc::new(open))),
        })
    }

    fn current(&self) -> Result<Arc<Open>, StateError> {
        self.open.read().clone().ok_or(StateError::Unavailable)
    }

    /// Writes rows outside the log, atomically; used to fill a new store.
    pub(crate) fn load(&self, batch: &Batch) -> Result<(), StateError> {
        let open = self.current()?;
        let mut write = fjall::OwnedWriteBatch::with_capacity(open.database.clone(), batch.len());
        open.add(&mut write, batch)?;
        Ok(write.commit()?)
    }

    /// Sets the number of the last batch of a store being filled.
    pub(crate) fn set_applied(&self, seq: Seq) -> Result<(), StateError> {
        Ok(self
            .current()?
            .own
            .insert(APPLIED_KEY, seq.0.to_le_bytes())?)
    }
}

impl State for Engine {
    fn applied(&self) -> Result<Seq, StateError> {
        self.snapshot()?.seq()
    }

    fn apply(&self, group: &Group) -> Result<(), StateError> {
        let open = self.current()?;
        let rows: usize = group.batches.iter().map(|batch| batch.len()).sum();
        let mut write = fjall::OwnedWriteBatch::with_capacity(open.database.clone(), rows + 1);
        for batch in &group.batches {
            open.add(&mut write, batch)?;
        }
        write.insert(&open.own, APPLIED_KEY, group.last().0.to_le_bytes());
        Ok(write.commit()?)
    }

    fn persist(&self) -> Result<(), StateError> {
        Ok(self.current()?.database.persist(PersistMode::SyncAll)?)
    }

    fn reopen(&self) -> Result<(), StateError> {
        let mut slot = self.open.write();
        // The old engine must be gone before the new one can lock the folder; a view still in use delays this to a
        // later attempt.
        *slot = None;
        *slot = Some(Arc::new(Open::open(&self.folder, self.names)?));
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn StateView>, StateError> {
        let open = self.current()?;
        Ok(Box::new(View {
            snapshot: open.database.snapshot(),
            open,
        }))
    }
}

/// A snapshot across all keyspaces.
struct View {
    snapshot: fjall::Snapshot,
    open: Arc<Open>,
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

    fn scan(&self, table: Table, prefix: &[u8], visit: RowVisitor<'_>) -> Result<(), StateError> {
        let keyspace = self.open.table(table)?;
        let rows = match prefix {
            [] => self.snapshot.iter(keyspace),
            _ => self.snapshot.prefix(keyspace, prefix),
        };
        for row in rows {
            let (key, value) = row.into_inner()?;
            if !visit(&key, &value) {
                break;
            }
        }
        Ok(())
    }
}
