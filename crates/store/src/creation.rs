//! Making a new database: all of it or nothing.
//!
//! In come rows in any order, straight into the state without the log; out comes an open store, or, when the maker is
//! dropped before [`NewStore::finish`], a path as vacant as before. It does not know where the rows come from.

use std::path::Path;
use std::sync::Arc;

use crate::batch::{Batch, KEY_BYTES_MAX, Seq, Table};
use crate::directory::Draft;
use crate::engine::Engine;
use crate::error::{CreateError, OpenError, StateError};
use crate::state::State;
use crate::store::{Options, Snapshot, Store};

/// Rows are handed to the engine in pieces of about this size.
const PIECE_BYTES: usize = 1024 * 1024;

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
        let mut writer = BulkWriter {
            engine: &self.engine,
            piece: Batch::new(),
        };
        fill(&mut writer)?;
        writer.flush()?;
        Ok(())
    }

    pub(crate) fn copy(&self, snapshot: &Snapshot) -> Result<(), StateError> {
        self.bulk(|writer| {
            for table in (0..=u8::MAX).take(self.options.tables.len()).map(Table) {
                let mut result = Ok(());
                snapshot.scan(table, &[], |key, value| {
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

/// Writes rows into a database being made.
pub struct BulkWriter<'a> {
    engine: &'a Engine,
    piece: Batch,
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

    fn flush(&mut self) -> Result<(), StateError> {
        self.engine.load(&std::mem::take(&mut self.piece))
    }
}
