//! Making a new database: all of it or nothing.
//!
//! In come rows in any order, straight into the state without the log; out comes an open store, or, when the maker is
//! dropped before [`NewStore::finish`], a path as vacant as before. It does not know where the rows come from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::batch::{Batch, KEY_BYTES_MAX, Op, Seq, Table};
use crate::directory::Draft;
use crate::engine::{Engine, Fill, Generation};
use crate::error::{CreateError, OpenError, StateError};
use crate::state::{ALL_KEYS, State};
use crate::store::{Options, Snapshot, Store};

/// Rows are sorted in pieces of about this size.
const PIECE_BYTES: usize = 4 * 1024 * 1024;

/// A database being made. Dropping it removes everything.
pub struct NewStore {
    // Dropped before the draft, which removes the engine's files.
    engine: Arc<Engine>,
    draft: Draft,
    options: Options,
}

impl NewStore {
    pub(crate) fn begin(path: &Path, options: Options) -> Result<NewStore, CreateError> {
        let draft = Draft::begin(path)?;
        let engine = Arc::new(Engine::open(
            &draft.directory().state_folder(),
            options.tables,
        )?);
        Ok(NewStore {
            engine,
            draft,
            options,
        })
    }

    /// Lets `fill` write rows, in any order; the last write of a key stays. An error of `fill` is handed on.
    ///
    /// # Errors
    /// Whatever `fill` answers, and [`StateError`] of the engine.
    pub fn bulk<E: From<StateError>>(
        &self,
        fill: impl FnOnce(&mut BulkWriter<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let generation = self.engine.current()?;
        let mut writer = BulkWriter {
            generation: &generation,
            piece: Batch::new(),
            runs: BTreeMap::new(),
        };
        fill(&mut writer)?;
        Ok(writer.finish()?)
    }

    pub(crate) fn copy(&self, snapshot: &Snapshot) -> Result<(), StateError> {
        self.bulk(|writer| {
            for table in (0..=u8::MAX).take(self.options.tables.len()).map(Table) {
                let mut result = Ok(());
                snapshot.scan(table, ALL_KEYS, |key, value| {
                    result = writer.put(table, key, value);
                    result.is_ok()
                })?;
                result?;
            }
            Ok(())
        })
    }

    /// Makes the rows durable, then makes the folder a database, and opens it.
    ///
    /// # Errors
    /// [`OpenError`] when the disk refuses; nothing is left behind unless the database was already complete.
    pub fn finish(self) -> Result<Store, OpenError> {
        // Bound in this order, so that on an error the engine is gone before the draft removes its files.
        let draft = self.draft;
        let engine = self.engine;
        engine.persist()?;
        let directory = draft.finish()?;
        Store::start(directory, engine, self.options)
    }

    /// As [`NewStore::finish`], with a last batch and without opening.
    pub(crate) fn finish_closed(self, seq: Seq) -> Result<(), CreateError> {
        self.engine.set_applied(seq)?;
        self.engine.persist()?;
        drop(self.engine);
        self.draft.finish()?;
        Ok(())
    }
}

/// Writes rows into a database being made. It is fastest when they come in key order.
pub struct BulkWriter<'a> {
    generation: &'a Generation,
    /// Rows that have come and are not sorted yet.
    piece: Batch,
    runs: BTreeMap<Table, Run<'a>>,
}

/// Rows of a table, each behind the one before it.
struct Run<'a> {
    rows: Fill<'a>,
    last: Vec<u8>,
}

impl BulkWriter<'_> {
    /// Sets a row.
    ///
    /// # Errors
    /// [`StateError::KeyLength`], [`StateError::UndeclaredTable`], or a failure of the engine.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(StateError::KeyLength { bytes: key.len() });
        }
        self.piece.put(table, key, value);
        if self.piece.as_bytes().len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Sorts what has come, and adds it to the runs.
    fn flush(&mut self) -> Result<(), StateError> {
        let piece = std::mem::take(&mut self.piece);
        let puts = piece.ops().filter_map(|op| match op {
            Op::Put { table, key, value } => Some((table, key, value)),
            Op::Delete { .. } => None,
        });
        let mut rows: Vec<_> = puts.collect();
        // Stable, so that the last of equal keys is the last that came.
        rows.sort_by_key(|(table, key, _)| (*table, *key));
        for (at, (table, key, value)) in rows.iter().enumerate() {
            let next = rows.get(at + 1).map(|(table, key, _)| (*table, *key));
            if next != Some((*table, *key)) {
                self.add(*table, key, value)?;
            }
        }
        Ok(())
    }

    /// Adds a row to the table's run, or begins another when it does not come behind the last one.
    fn add(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        let known = self.runs.get(&table).map(|run| run.last.as_slice() < key);
        if known == Some(false) {
            self.end(table)?;
        }
        if known != Some(true) {
            let run = Run {
                rows: self.generation.fill(table)?,
                last: Vec::new(),
            };
            self.runs.insert(table, run);
        }
        if let Some(run) = self.runs.get_mut(&table) {
            (run.rows)(Some((key, value)))?;
            run.last.clear();
            run.last.extend_from_slice(key);
        }
        Ok(())
    }

    fn end(&mut self, table: Table) -> Result<(), StateError> {
        match self.runs.remove(&table) {
            Some(mut run) => (run.rows)(None),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<(), StateError> {
        self.flush()?;
        while let Some(table) = self.runs.keys().next().copied() {
            self.end(table)?;
        }
        Ok(())
    }
}
