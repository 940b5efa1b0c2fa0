//! Errors of the store, one enum per kind of operation.
//!
//! Messages name the thing and, where the reader is an operator, the mend. They hold no row contents.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::batch::Seq;

/// Why a batch was not accepted by the log. Nothing of it was stored.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The disk refuses writes at the moment; what was accepted before is being retried.
    #[error("the store is read-only: {reason}")]
    ReadOnly {
        /// The failure, as the operating system words it.
        reason: String,
    },
    /// The store is closing.
    #[error("the store is closed")]
    Closed,
    /// The encoded batch is above [`crate::BATCH_BYTES_MAX`].
    #[error("a commit of {bytes} bytes is above the limit of {max}")]
    TooLarge {
        /// Encoded size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A key is empty or above [`crate::KEY_BYTES_MAX`].
    #[error("a key of {bytes} bytes is outside 1 to {max}")]
    KeyLength {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A row names a table that the opener did not declare.
    #[error("table {table} is not one of the {tables} declared tables")]
    UnknownTable {
        /// Its number.
        table: u8,
        /// How many were declared.
        tables: usize,
    },
}

/// Why a wait for durability ended without it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The time was up.
    #[error("batch {seq} was not durable within {waited:?}")]
    Timeout {
        /// The batch waited for.
        seq: Seq,
        /// How long.
        waited: Duration,
    },
    /// The store was closed before the batch became durable.
    #[error("the store was closed before batch {seq} was durable")]
    Closed {
        /// The batch waited for.
        seq: Seq,
    },
}

/// Why bytes are not an encoded batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// They end inside a row.
    #[error("the batch ends inside a row")]
    Short,
    /// A row is neither a put nor a delete.
    #[error("unknown kind of row {kind}")]
    Kind {
        /// The byte found.
        kind: u8,
    },
    /// A key is empty or too long.
    #[error("a key of {bytes} bytes")]
    KeyLength {
        /// Its length.
        bytes: usize,
    },
}

/// Why the log on disk cannot be replayed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// Reading or removing a segment failed.
    #[error("commit log segment {segment}: {source}")]
    Io {
        /// The file name inside the log folder.
        segment: String,
        /// The cause.
        source: io::Error,
    },
    /// A damaged stretch has valid records after it: this is not the tail of a crash.
    #[error(
        "commit log segment {segment} is damaged at byte {offset} and has valid records from byte {valid_again}; \
         restore the data directory from a copy"
    )]
    Corrupt {
        /// The file name inside the log folder.
        segment: String,
        /// Where the damage begins.
        offset: u64,
        /// Where the next valid group begins.
        valid_again: u64,
    },
    /// A valid group holds a batch that does not decode: written by a broken program.
    #[error("commit log segment {segment}: batch {seq} is malformed: {source}")]
    Batch {
        /// The file name inside the log folder.
        segment: String,
        /// The batch.
        seq: Seq,
        /// The cause.
        source: DecodeError,
    },
    /// Batches are missing between two segments, or between the state and the log.
    #[error(
        "commit log segment {segment} begins at batch {found} where {expected} was expected; \
         restore the data directory from a copy"
    )]
    Gap {
        /// The file name inside the log folder.
        segment: String,
        /// The batch that should come next.
        expected: Seq,
        /// The first batch found.
        found: Seq,
    },
    /// The segment was written by a newer program.
    #[error(
        "commit log segment {segment} has version {found}; this program reads up to {supported}"
    )]
    NewerVersion {
        /// The file name inside the log folder.
        segment: String,
        /// Its version.
        found: u32,
        /// The newest version known here.
        supported: u32,
    },
}

/// A failure of the engine under the state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The engine failed.
    #[error("state: {0}")]
    Engine(#[from] fjall::Error),
    /// The engine has stopped, which it does without a reason, and the disk is full.
    #[error("state: no space left on the disk")]
    NoSpace,
    /// The engine is being reopened after a failure.
    #[error("state: the engine is being reopened after a failure")]
    Unavailable,
    /// A record of the store's own table is malformed.
    #[error("state: the record {record} is malformed")]
    Malformed {
        /// Its name.
        record: &'static str,
    },
    /// The state has a table that the opener did not declare: data of a newer program.
    #[error("state: unknown table {name:?}; this data was written by a newer program")]
    UnknownTable {
        /// Its name.
        name: String,
    },
    /// The caller named a table that was not declared.
    #[error("state: table {table} was not declared")]
    UndeclaredTable {
        /// Its number.
        table: u8,
    },
    /// A key outside the limits of [`crate::KEY_BYTES_MAX`].
    #[error("state: a key of {bytes} bytes")]
    KeyLength {
        /// Its length.
        bytes: usize,
    },
    /// A failure injected by a test.
    #[cfg(test)]
    #[error("state: injected failure")]
    Injected,
}

/// Why a folder cannot be used as a data directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// No database there.
    #[error("{}: no database here; create or import one first", path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// A non-empty folder that is something else.
    #[error("{}: not a data directory (it holds {found:?}); give an empty or a new folder", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// A name found in it.
        found: String,
    },
    /// A database is there already.
    #[error("{}: there is a database here already", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// Another process uses it.
    #[error("{}: in use by process {}; stop that daemon first, or name another directory", path.display(), pid.map_or("unknown".to_owned(), |p| p.to_string()))]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that wrote its number into the lock file, when readable.
        pid: Option<u32>,
    },
    /// Written by a newer program.
    #[error("{}: format version {found}; this program reads up to {supported}", path.display())]
    NewerVersion {
        /// The format file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version known here.
        supported: u32,
    },
    /// The format file cannot be understood.
    #[error("{}: not the format file of a data directory", path.display())]
    Malformed {
        /// The format file.
        path: PathBuf,
    },
    /// The file system is mounted read-only.
    #[error("{}: the file system is read-only; a database needs to write", path.display())]
    ReadOnlyDisk {
        /// What was to be written.
        path: PathBuf,
    },
    /// Anything else that the operating system refuses.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The cause.
        source: io::Error,
    },
}

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The commit log.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The materialised state.
    #[error(transparent)]
    State(#[from] StateError),
    /// A thread could not be started.
    #[error("cannot start a thread of the store: {0}")]
    Thread(io::Error),
}

/// Why a new store, or an export, was not made. No half-made database is left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The folder.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The state being filled.
    #[error(transparent)]
    State(#[from] StateError),
    /// What was to be exported did not become part of the state in time.
    #[error(transparent)]
    Wait(#[from] WaitError),
}

/// Why a close was not clean. The data directory stays valid; the next open replays what was durable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// The log could not be written to its end.
    #[error("{batches} commits could not be written: {reason}")]
    Unwritten {
        /// How many batches were accepted but are not durable.
        batches: u64,
        /// The failure.
        reason: String,
    },
    /// The state could not be written to its end; the log keeps the batches.
    #[error("the state was not flushed, the log keeps what is missing: {reason}")]
    Unapplied {
        /// The failure.
        reason: String,
    },
}
