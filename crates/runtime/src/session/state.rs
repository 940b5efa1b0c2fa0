//! One session in memory.
//!
//! In: what [`super`] says. Out: the state behind one lock, private to the runtime.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::input::InputQueue;
use super::outbox::Outbox;
use super::record::SessionRecord;
use crate::ids::{SessionId, TaskId};

/// A session. Its lock may be taken while the commit lock is held, and is never held while
/// another session's lock or the scheduler's is taken.
#[derive(Debug)]
pub(crate) struct Session {
    /// The host's name for it.
    pub(crate) id: SessionId,
    state: Mutex<SessionState>,
}

/// What changes about a session.
#[derive(Debug)]
pub(crate) struct SessionState {
    /// The durable part.
    pub(crate) record: SessionRecord,
    /// Lines that have not run.
    pub(crate) input: InputQueue,
    /// Events that the host has not acknowledged.
    pub(crate) outbox: Outbox,
    /// Whether a line of this session is being run or waits for a worker thread.
    pub(crate) busy: bool,
    /// The host's number of the line that is being run.
    pub(crate) running_line: Option<u64>,
    /// The task that waits for a line in `read()`.
    pub(crate) reading: Option<TaskId>,
    /// The task id of the last command line, for `last_input_task_id`.
    pub(crate) last_task: TaskId,
    /// When the last line came: time since the daemon's start.
    pub(crate) active_at: Duration,
    /// Whether the host holds the socket at the moment.
    pub(crate) attached: bool,
    /// When the host was last known to hold the socket: time since the daemon's start.
    pub(crate) attached_at: Duration,
    /// Whether the session has ended: nothing more is queued for it.
    pub(crate) closed: bool,
    /// Whether the user's socket is closed: nobody waits for the last events.
    pub(crate) is_user_gone: bool,
    /// Whether the user has been told that the disk refuses writes, and not yet that it takes them again.
    pub(crate) told_read_only: bool,
    /// Bytes that wait in the host for the user's socket.
    pub(crate) host_queued_bytes: usize,
}

impl Session {
    /// A session that begins, or begins again after a restart.
    pub(crate) fn new(
        id: SessionId,
        record: SessionRecord,
        input: InputQueue,
        outbox: Outbox,
        now: Duration,
    ) -> Self {
        Self {
            id,
            state: Mutex::new(SessionState {
                record,
                input,
                outbox,
                busy: false,
                running_line: None,
                reading: None,
                last_task: TaskId(0),
                active_at: now,
                attached: true,
                attached_at: now,
                closed: false,
                is_user_gone: false,
                told_read_only: false,
                host_queued_bytes: 0,
            }),
        }
    }

    /// The state, locked.
    pub(crate) fn lock(&self) -> MutexGuard<'_, SessionState> {
        self.state.lock()
    }
}

impl SessionState {
    /// Whether input waits for `read()`.
    pub(crate) fn is_held(&self) -> bool {
        self.record.hold_input && self.reading.is_none()
    }

    /// The last of the host's lines below which every line is done; 0 when that is not known.
    pub(crate) fn lines_done(&self) -> u64 {
        let Some(last) = self.input.last_number() else {
            return 0;
        };
        let open = self.input.waiting_numbers().chain(self.running_line).min();
        open.map_or(last, |first_open| first_open - 1)
    }

    /// Whether a line waits that may run now.
    pub(crate) fn has_work(&self) -> bool {
        !self.busy
            && self
                .input
                .has_ready(self.is_held(), self.record.disable_oob)
    }
}
