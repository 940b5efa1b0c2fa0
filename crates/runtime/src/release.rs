//! What waits for the log: sessions whose next event needs a commit to become durable, errands outside the world that
//! commits ask for, hooks that could not be called while it refused writes, and rows of events that hosts have
//! acknowledged and of sessions whose end they have heard of, that a later commit may delete.
//!
//! In: notes of these. Out: the sessions and errands that a durable horizon sets free; the hooks to call again;
//! the rows to delete.

use std::collections::BTreeMap;
use std::sync::Arc;

use moor_store::{Batch, Seq};
use parking_lot::Mutex;

use crate::cluster::{WorkerCall, WorkerRequestId};
use crate::eval::{EvalSink, Evaluated};
use crate::exec::Wish;
use crate::hooks::Hook;
use crate::ids::SessionId;
use crate::rows;
use crate::session::Session;
use crate::sql::Job;

/// Something outside the world that a commit asks for. It is done at most once, and only when the commit is durable.
pub(crate) enum Errand {
    /// Send a call to a worker.
    Call(WorkerCall),
    /// Tell a host to make the connection that this request asks for.
    Dial(WorkerRequestId),
    /// Run SQL.
    Sql(Job),
    /// Start a program of the machine.
    Program(Wish),
    /// Answer an evaluation.
    Answer(EvalSink, Evaluated),
}

/// Sessions, errands and hooks that wait for the disk.
#[derive(Default)]
pub(crate) struct Waiting {
    sessions: Mutex<BTreeMap<Seq, Vec<Arc<Session>>>>,
    /// In the order in which they were asked for.
    errands: Mutex<Vec<(Seq, Errand)>>,
    /// Oldest first. Few: each follows something that happened to a session before the log refused
    /// writes, or the end of a session.
    hooks: Mutex<Vec<Hook>>,
}

impl Waiting {
    /// Notes that `session` waits for `seq`.
    pub(crate) fn add(&self, seq: Seq, session: &Arc<Session>) {
        let mut sessions = self.sessions.lock();
        let waiting = sessions.entry(seq).or_default();
        if !waiting.iter().any(|known| Arc::ptr_eq(known, session)) {
            waiting.push(Arc::clone(session));
        }
    }

    /// The sessions that wait for no more than `durable`.
    pub(crate) fn take(&self, durable: Seq) -> Vec<Arc<Session>> {
        let mut sessions = self.sessions.lock();
        let later = sessions.split_off(&durable.next());
        let free = std::mem::replace(&mut *sessions, later);
        free.into_values().flatten().collect()
    }

    /// Notes an errand that waits for `seq`.
    pub(crate) fn add_errand(&self, seq: Seq, errand: Errand) {
        self.errands.lock().push((seq, errand));
    }

    /// The errands that wait for no more than `durable`; each is given out once.
    pub(crate) fn take_errands(&self, durable: Seq) -> Vec<Errand> {
        let mut errands = self.errands.lock();
        let free = errands.extract_if(.., |(seq, _)| *seq <= durable);
        free.map(|(_, errand)| errand).collect()
    }

    /// Notes a hook that is to be called when the log takes writes again.
    pub(crate) fn put_off(&self, hook: Hook) {
        self.hooks.lock().push(hook);
    }

    /// The hooks that were put off, oldest first.
    pub(crate) fn take_hooks(&self) -> Vec<Hook> {
        std::mem::take(&mut *self.hooks.lock())
    }
}

/// Rows of acknowledged events, and of sessions that are over.
#[derive(Debug, Default)]
pub(crate) struct Garbage {
    rows: Mutex<Vec<(SessionId, u64)>>,
    sessions: Mutex<Vec<SessionId>>,
}

impl Garbage {
    /// Notes rows that nobody needs.
    pub(crate) fn add(&self, session: SessionId, keys: Vec<u64>) {
        if !keys.is_empty() {
            let rows = keys.into_iter().map(|key| (session, key));
            self.rows.lock().extend(rows);
        }
    }

    /// Notes a session that nobody needs; the rows of its events are noted by themselves.
    pub(crate) fn add_session(&self, session: SessionId) {
        self.sessions.lock().push(session);
    }

    /// Deletes what is noted as part of a commit.
    pub(crate) fn sweep_into(&self, batch: &mut Batch) {
        for session in std::mem::take(&mut *self.sessions.lock()) {
            batch.delete(rows::SESSIONS, &session.0);
        }
        let rows = std::mem::take(&mut *self.rows.lock());
        for (session, key) in rows {
            batch.delete(rows::EVENTS, &rows::event_key(session, key));
        }
    }
}
