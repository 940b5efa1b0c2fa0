//! What waits for the log: sessions whose next event needs a commit to become durable, and rows
//! of events that hosts have acknowledged and that a later commit may delete.
//!
//! In: notes of both. Out: the sessions that a durable horizon sets free; the rows to delete.

use std::collections::BTreeMap;
use std::sync::Arc;

use moor_store::{Batch, Seq};
use parking_lot::Mutex;

use crate::ids::SessionId;
use crate::rows;
use crate::session::Session;

/// Sessions that wait for the disk.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    sessions: Mutex<BTreeMap<Seq, Vec<Arc<Session>>>>,
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
}

/// Rows of acknowledged events.
#[derive(Debug, Default)]
pub(crate) struct Garbage {
    rows: Mutex<Vec<(SessionId, u64)>>,
}

impl Garbage {
    /// Notes rows that nobody needs.
    pub(crate) fn add(&self, session: SessionId, keys: Vec<u64>) {
        if !keys.is_empty() {
            let rows = keys.into_iter().map(|key| (session, key));
            self.rows.lock().extend(rows);
        }
    }

    /// Deletes what is noted as part of a commit.
    pub(crate) fn sweep_into(&self, batch: &mut Batch) {
        let rows = std::mem::take(&mut *self.rows.lock());
        for (session, key) in rows {
            batch.delete(rows::EVENTS, &rows::event_key(session, key));
        }
    }
}
