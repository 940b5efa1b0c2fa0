//! The durable half of a world: an ordered commit log and the key-value state it amounts to.
//!
//! In comes a [`Batch`] of puts and deletes per commit; out goes its [`Seq`], a durable horizon that advances once
//! per group sync, and at the next start every row in key order. After a crash the state is exactly a prefix of the
//! batches in the order of their numbers, and holds every batch that was ever reported durable.
//!
//! | part | file |
//! |---|---|
//! | what is stored: tables, batches, sequence numbers | `batch` |
//! | the log: trait, queue, writer, bytes, recovery | `log`, `queue`, `writer`, `frame`, `recovery` |
//! | the state: trait, engine, the thread that applies batches | `state`, `engine`, `materialiser` |
//! | the folder: lock, format marker, creation, export | `directory`, `creation`, `store` |
//! | the disk under the log, so that a test can break it | `disk` |
//!
//! It does not know what a key or a value means, nothing of objects or tasks, and no network. The bytes on disk are
//! described in `docs/formats/commit-log.md` and `docs/formats/data-directory.md`.

mod batch;
mod counters;
mod creation;
mod directory;
mod disk;
mod engine;
mod error;
mod frame;
mod log;
mod materialiser;
mod queue;
mod recovery;
mod state;
mod store;
mod writer;

#[cfg(test)]
mod tests;

pub use batch::{BATCH_BYTES_MAX, Batch, KEY_BYTES_MAX, Op, Seq, Table};
pub use counters::Counters;
pub use creation::{BulkWriter, NewStore};
pub use directory::{FORMAT_VERSION, Presence};
pub use disk::{Disk, DiskFile, FolderDisk};
pub use error::{
    AppendError, CloseError, CreateError, DecodeError, DirectoryError, OpenError, RecoveryError,
    StateError, WaitError,
};
pub use log::{CommitLog, DurableCallback, LogStatus};
pub use store::{Options, Snapshot, Store};
