//! The log's writer: turns queued batches into durable groups in segment files.
//!
//! In come groups from the queue; out go the durable horizon and, to the materialiser, the same groups. One thread
//! runs [`Writer::run`]; [`Writer::step`] is the whole logic without the thread, so that a test can break every call
//! to the disk. It knows nothing of the state.
//!
//! Invariants: a group is written only after the sync of the one before it succeeded; after any failure the file is
//! never written again, and the same group goes into a new segment, because pages of a failed sync may be lost even
//! if a later sync succeeds.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

use crate::batch::Seq;
use crate::counters;
use crate::disk::{Disk, DiskFile};
use crate::frame::{Group, write_group, write_header};
use crate::materialiser::Inbox;
use crate::queue::{GATHER_TIME_MAX, Half, Queue};

/// First and longest pause between attempts while the disk fails.
const BACKOFF_MIN: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// A write buffer above this is given back after use.
const BUFFER_KEEP_BYTES: usize = 1024 * 1024;

/// The file name of the segment with this ordinal; names sort as their ordinals.
pub(crate) fn segment_name(ordinal: u64) -> String {
    format!("{ordinal:020}.log")
}

/// The ordinal of a segment's file name; 0 for any other name.
pub(crate) fn segment_ordinal(name: &str) -> u64 {
    let ordinal = name
        .strip_suffix(".log")
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0);
    if segment_name(ordinal) == name {
        ordinal
    } else {
        0
    }
}

struct Sealed {
    name: String,
    /// The last durable batch in it; `Seq::ZERO` if its first write failed.
    last: Seq,
}

/// The finished segments, removed when the state no longer needs them.
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    sealed: Mutex<Vec<Sealed>>,
}

impl Segments {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Segments {
        Segments {
            disk,
            sealed: Mutex::default(),
        }
    }

    fn seal(&self, name: String, last: Seq) {
        self.sealed.lock().push(Sealed { name, last });
    }

    /// Removes every segment whose batches are all part of the durable state. A file that cannot be removed is tried
    /// again next time; until then it costs only space and time at the next start.
    pub(crate) fn trim(&self, persisted: Seq) {
        let mut sealed = self.sealed.lock();
        let before = sealed.len();
        sealed.retain(|segment| segment.last > persisted || self.remove(&segment.name).is_err());
        if sealed.len() < before {
            // A removal undone by a power loss is recognised by its old numbers, so a failure here does no harm.
            let _ = self.disk.sync_folder();
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk
            .remove(name)
            .inspect_err(|error| tracing::warn!(segment = name, %error, "cannot remove"))
    }
}

struct Active {
    file: Box<dyn DiskFile>,
    name: String,
    bytes: usize,
    last: Seq,
}

/// What one step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// There was nothing to write.
    Idle,
    /// One group became durable.
    Wrote,
    /// The disk failed; the group is kept for the next step.
    Failed,
}

/// The one writer of a log.
pub(crate) struct Writer {
    disk: Arc<dyn Disk>,
    queue: Arc<Queue>,
    inbox: Arc<Inbox>,
    segments: Arc<Segments>,
    segment_bytes_max: usize,
    group_interval: Duration,
    active: Option<Active>,
    next_ordinal: u64,
    unwritten: Option<Arc<Group>>,
    buffer: Vec<u8>,
}

impl Writer {
    /// A writer on a folder that holds no segments (recovery has emptied it).
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        queue: Arc<Queue>,
        inbox: Arc<Inbox>,
        segments: Arc<Segments>,
        segment_bytes_max: usize,
        group_interval: Duration,
    ) -> Writer {
        Writer {
            disk,
            queue,
            inbox,
            segments,
            segment_bytes_max,
            group_interval,
            active: None,
            next_ordinal: 1,
            unwritten: None,
            buffer: Vec::new(),
        }
    }

    /// The thread: writes until the queue is closed and empty, or closed while the disk fails.
    pub(crate) fn run(mut self) {
        let _ended = Ended {
            queue: Arc::clone(&self.queue),
            inbox: Arc::clone(&self.inbox),
        };
        let mut last_write = None::<Instant>;
        while self.queue.wait_for_work() {
            let rest = last_write.map(|at| self.group_interval.saturating_sub(at.elapsed()));
            if let Some(rest) = rest.filter(|rest| !rest.is_zero()) {
                self.queue.pause(rest);
            }
            self.queue.gather(GATHER_TIME_MAX);
            if !self.write_stubbornly() {
                return;
            }
            last_write = Some(Instant::now());
        }
        self.seal();
    }

    /// Repeats a step until it succeeds; false when the store closes while it fails.
    fn write_stubbornly(&mut self) -> bool {
        let mut backoff = BACKOFF_MIN;
        while self.step() == Step::Failed {
            if self.queue.pause(backoff) {
                return self.step() != Step::Failed;
            }
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
        true
    }

    /// Writes one group and makes it durable.
    pub(crate) fn step(&mut self) -> Step {
        let Some(group) = self
            .unwritten
            .take()
            .or_else(|| self.queue.take().map(Arc::new))
        else {
            return Step::Idle;
        };
        match self.write(&group) {
            Ok(bytes) => {
                self.queue
                    .totals
                    .group_written(group.batches.len() as u64, bytes as u64);
                self.queue.advance(group.last());
                self.inbox.push(group);
                Step::Wrote
            }
            Err(error) => {
                self.unwritten = Some(group);
                self.seal();
                // A file without a durable group is of no use, and on a full disk in the way of the next attempt.
                self.segments.trim(Seq::ZERO);
                counters::add(&self.queue.totals.log_failures, 1);
                self.queue.failed(
                    Half::Log,
                    &format!("cannot write the commit log: {error}"),
                    SystemTime::now(),
                );
                Step::Failed
            }
        }
    }

    fn write(&mut self, group: &Group) -> io::Result<usize> {
        if self
            .active
            .as_ref()
            .is_some_and(|active| active.bytes >= self.segment_bytes_max)
        {
            self.seal();
        }
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_KEEP_BYTES);
        if self.active.is_none() {
            write_header(&mut self.buffer, group.first);
        }
        write_group(&mut self.buffer, group);
        let active = match &mut self.active {
            Some(active) => active,
            None => open_segment(&*self.disk, &mut self.next_ordinal, &mut self.active)?,
        };
        active.file.append(&self.buffer)?;
        active.file.sync()?;
        if active.bytes == 0 {
            self.disk.sync_folder()?;
        }
        active.bytes += self.buffer.len();
        active.last = group.last();
        Ok(self.buffer.len())
    }

    /// Stops writing to the active segment, whatever its tail looks like.
    pub(crate) fn seal(&mut self) {
        if let Some(active) = self.active.take() {
            self.segments.seal(active.name, active.last);
        }
    }
}

fn open_segment<'a>(
    disk: &dyn Disk,
    next_ordinal: &mut u64,
    slot: &'a mut Option<Active>,
) -> io::Result<&'a mut Active> {
    let name = segment_name(*next_ordinal);
    // The ordinal is spent even if the creation fails half-way: names are never used twice.
    *next_ordinal += 1;
    let file = disk.create(&name)?;
    Ok(slot.insert(Active {
        file,
        name,
        bytes: 0,
        last: Seq::ZERO,
    }))
}

/// Tells everyone who waits that the writer is gone, also when a callback panicked.
struct Ended {
    queue: Arc<Queue>,
    inbox: Arc<Inbox>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.queue.ended();
        self.inbox.close();
    }
}
