//! The materialised state: what all batches so far amount to.
//!
//! [`State`] is the narrow boundary to the engine, so that a test can stand in one that forgets unsynced writes. In come
//! groups of batches in order; out go rows and the number of the last batch applied. It knows nothing of the log.

use std::ops::Bound;

use crate::batch::{Seq, Table};
use crate::error::StateError;
use crate::frame::Group;

/// Gets each row in key order: key, value. It may stop the scan by returning false.
pub(crate) type RowVisitor<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> bool;

/// Where a scan begins and ends.
pub(crate) type KeyRange<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// The range of a scan of everything.
pub(crate) const ALL_KEYS: KeyRange<'static> = (Bound::Unbounded, Bound::Unbounded);

/// An engine that applies batches atomically.
pub(crate) trait State: Send + Sync {
    /// The last batch applied, as far as the engine remembers.
    fn applied(&self) -> Result<Seq, StateError>;

    /// Applies a group atomically, with its last number. It comes right after the last batch applied.
    fn apply(&self, group: &Group) -> Result<(), StateError>;

    /// Makes everything applied so far durable.
    fn persist(&self) -> Result<(), StateError>;

    /// Opens the engine again after a failure of `apply` or `persist`. What was applied since the last successful
    /// `persist` may be lost; what is not lost must become durable by the next successful `persist`, so an engine that
    /// has seen a sync fail must write its rows anew.
    fn reopen(&self) -> Result<(), StateError>;

    /// A consistent view of the present state.
    fn snapshot(&self) -> Result<Box<dyn StateView>, StateError>;
}

/// A state that does not change.
pub(crate) trait StateView: Send + Sync {
    /// The last batch in it.
    fn seq(&self) -> Result<Seq, StateError>;

    /// One row.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;

    /// All rows of a table whose keys are in the range, in key order.
    fn scan(
        &self,
        table: Table,
        keys: KeyRange<'_>,
        visit: RowVisitor<'_>,
    ) -> Result<(), StateError>;
}
