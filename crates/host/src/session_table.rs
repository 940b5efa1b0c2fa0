//! The sessions of a host by id, and the way of events into them.
//!
//! In: events on the link's own thread, which carries them straight to the connections, so that no other thread has to wake for them;
//! sessions that the hub adds and removes. Out: what the hub has to see to afterwards: acknowledgements, gaps. It does not know
//! what an event means.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use moor_rpc::{EventNumber, SessionEvents, SessionId};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use crate::{Connection, Progress};

/// All sessions of a host.
pub struct SessionTable<C> {
    by_id: RwLock<HashMap<SessionId, Arc<C>>>,
    arrived: Mutex<Arrived>,
    /// Wakes the hub.
    changed: Notify,
    /// Whether some session waits for events: the hub wants to hear of each that came.
    is_watched: AtomicBool,
}

/// What has come and the hub has not seen to.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// Sessions that were given events, noted while sessions are watched.
    pub(crate) fresh: Vec<SessionId>,
    /// Sessions that miss events, and the first one missing.
    pub(crate) gaps: Vec<(SessionId, EventNumber)>,
    /// Sessions with events that may not be acknowledged.
    to_acknowledge: HashSet<SessionId>,
}

impl<C> Default for SessionTable<C> {
    fn default() -> Self {
        Self {
            by_id: RwLock::default(),
            arrived: Mutex::default(),
            changed: Notify::new(),
            is_watched: AtomicBool::new(false),
        }
    }
}

impl<C: Connection> SessionTable<C> {
    /// Gives events to their session. One that is not known, or not any more, needs none.
    pub fn apply(&self, events: SessionEvents) {
        let id = events.session;
        let Some(connection) = self.get(id) else {
            return;
        };
        let progress = connection.apply(events);
        let mut arrived = self.arrived.lock();
        let is_first = match progress {
            Progress::Applied => {
                let is_watched = self.is_watched.load(Ordering::SeqCst);
                if is_watched {
                    arrived.fresh.push(id);
                }
                let was_empty = arrived.to_acknowledge.is_empty();
                arrived.to_acknowledge.insert(id);
                was_empty || is_watched
            }
            Progress::Missing(from) => {
                arrived.gaps.push((id, from));
                true
            }
        };
        drop(arrived);
        if is_first {
            self.changed.notify_one();
        }
    }

    /// Returns when there is something new to see to.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether the hub wants to hear of each session that is given events, at once. True when it begins to: what came just before
    /// is for itself to look for.
    pub(crate) fn watch(&self, is_watched: bool) -> bool {
        let was_watched = self.is_watched.swap(is_watched, Ordering::SeqCst);
        is_watched && !was_watched
    }

    /// What has come since the last call; whether there is something to acknowledge.
    pub(crate) fn take_arrived(&self) -> (Arrived, bool) {
        let mut arrived = self.arrived.lock();
        let taken = Arrived {
            fresh: std::mem::take(&mut arrived.fresh),
            gaps: std::mem::take(&mut arrived.gaps),
            to_acknowledge: HashSet::new(),
        };
        (taken, !arrived.to_acknowledge.is_empty())
    }

    /// The connections whose events may not be acknowledged, once.
    pub(crate) fn take_to_acknowledge(&self) -> Vec<Arc<C>> {
        let ids = std::mem::take(&mut self.arrived.lock().to_acknowledge);
        let by_id = self.by_id.read();
        ids.iter().filter_map(|id| by_id.get(id).cloned()).collect()
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<Arc<C>> {
        self.by_id.read().get(&id).cloned()
    }

    pub(crate) fn contains(&self, id: SessionId) -> bool {
        self.by_id.read().contains_key(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.read().len()
    }

    pub(crate) fn all(&self) -> Vec<Arc<C>> {
        self.by_id.read().values().cloned().collect()
    }

    pub(crate) fn insert(&self, id: SessionId, connection: Arc<C>) {
        self.by_id.write().insert(id, connection);
    }

    pub(crate) fn remove(&self, id: SessionId) -> Option<Arc<C>> {
        self.by_id.write().remove(&id)
    }
}
