//! The object database: every object, property and verb of a world in memory, in versions, changed only by
//! serializable transactions.
//!
//! In come transactions ([`World::begin`]) and, at start, the rows of a store ([`Loader`]); out go the values that a
//! transaction's snapshot sees, and one batch of rows per commit for the log. Permissions are checked here, once, on
//! the operation.
//!
//! | part | files |
//! |---|---|
//! | names of things; what properties and verbs are | `ids`, `property`, `verb` |
//! | committed state: cells and their versions, where they live | `cell`, `members`, `arena`, `world` |
//! | a transaction: reads, writes, lookups, its end | `transaction`, `lookup`, `commit` |
//! | what only refers to each other | `cycles` |
//! | the operations of the language | `ops` |
//! | rows of the store, start, import, export | `rows`, `load`, `image`, `imaging`, `import`, `snapshot`, `handles` |
//! | an object as it is written down, for people and for `ops` | `spec` |
//!
//! It knows nothing of programs being compiled or run, of tasks and sessions, of time, files or the network.

mod arena;
mod cell;
mod cells;
mod commit;
mod cycles;
mod handles;
mod ids;
mod image;
mod imaging;
mod import;
mod known;
mod load;
mod lookup;
mod members;
mod ops;
mod property;
mod rows;
mod snapshot;
mod spec;
mod transaction;
mod verb;
mod world;

#[cfg(test)]
mod tests;

pub use arena::OBJECTS_MAX;
pub use commit::{CommitError, CommitInfo, Conflict, Receipt};
pub use handles::WorldHandles;
pub use ids::{Entity, EntityKind, PropId, VerbId};
pub use image::{AnonImage, ObjectImage, PropImage, VerbImage, WaifImage, WorldImage};
pub use import::{CheckedImage, ImportError};
pub use load::{LoadError, Loader};
pub use ops::{
    Builtin, BuiltinSet, MakeCode, Misfit, MooResult, NewObject, ObjectFlags, VerbDesc, VerbInfo,
};
pub use property::{PropDef, PropFlags, PropInfo};
pub use rows::{ROWS_VERSION, RowError};
pub use snapshot::WorldSnapshot;
pub use spec::{Access, At, ObjectSpec, OverrideSpec, PropertyName, PropertySpec, VerbSpec};
pub use transaction::Transaction;
pub use verb::{
    ArgSpec, Compiled, PrepSpec, ResolvedVerb, Verb, VerbArgs, VerbCode, VerbFlags, names_match,
};
pub use world::{World, WorldCounters};
