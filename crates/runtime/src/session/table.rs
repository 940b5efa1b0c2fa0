//! All sessions, by id and by the object number that MOO code knows them by.
//!
//! In: sessions that begin, change their player, or end. Out: look-ups. An object number has at
//! most one session: a player's, or a connection's own negative number before log-in. A session that
//! has ended is found by its host alone, until the host has heard of it.

use std::sync::Arc;

use moor_value::ObjId;
use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use super::state::Session;
use crate::ids::SessionId;

/// Sessions at a time; at the bound a new connection is told so and closed.
pub(crate) const SESSIONS_MAX: usize = 200_000;
/// The number of the first connection after the start.
const FIRST_CONNECTION: ObjId = ObjId(-2);

/// Every session.
#[derive(Debug)]
pub(crate) struct SessionTable {
    inner: RwLock<Inner>,
}

#[derive(Debug)]
struct Inner {
    by_id: FxHashMap<SessionId, Arc<Session>>,
    by_object: FxHashMap<ObjId, Arc<Session>>,
    /// Those that have ended and whose last events the host has not confirmed.
    ended: FxHashMap<SessionId, Arc<Session>>,
    next_connection: ObjId,
}

impl SessionTable {
    /// No sessions.
    pub(crate) fn new() -> Self {
        Self {
            inner: RwLock::new(Inner {
                by_id: FxHashMap::default(),
                by_object: FxHashMap::default(),
                ended: FxHashMap::default(),
                next_connection: FIRST_CONNECTION,
            }),
        }
    }

    /// A negative object number that no connection has or had since the start.
    pub(crate) fn allocate_connection(&self) -> ObjId {
        let mut inner = self.inner.write();
        let number = inner.next_connection;
        inner.next_connection = ObjId(number.0 - 1);
        number
    }

    /// Adds a session under the object numbers of its record.
    pub(crate) fn insert(&self, session: Arc<Session>) {
        let (player, connection) = {
            let state = session.lock();
            (state.record.player(), state.record.connection())
        };
        let mut inner = self.inner.write();
        inner.next_connection = ObjId(inner.next_connection.0.min(connection.0 - 1));
        inner.by_id.insert(session.id, Arc::clone(&session));
        inner.by_object.insert(player, session);
    }

    /// Moves a session from one object number to another.
    pub(crate) fn rename(&self, session: &Arc<Session>, from: ObjId, to: ObjId) {
        let mut inner = self.inner.write();
        if inner
            .by_object
            .get(&from)
            .is_some_and(|found| found.id == session.id)
        {
            inner.by_object.remove(&from);
        }
        inner.by_object.insert(to, Arc::clone(session));
    }

    /// Takes a session out of both indexes. With `is_awaited`, its host still finds it.
    pub(crate) fn remove(&self, session: &Arc<Session>, player: ObjId, is_awaited: bool) {
        let mut inner = self.inner.write();
        inner.by_id.remove(&session.id);
        if is_awaited {
            inner.ended.insert(session.id, Arc::clone(session));
        }
        if inner
            .by_object
            .get(&player)
            .is_some_and(|found| found.id == session.id)
        {
            inner.by_object.remove(&player);
        }
    }

    /// The session of this id.
    pub(crate) fn by_id(&self, id: SessionId) -> Option<Arc<Session>> {
        self.inner.read().by_id.get(&id).cloned()
    }

    /// Adds a session that has ended.
    pub(crate) fn insert_ended(&self, session: Arc<Session>) {
        self.inner.write().ended.insert(session.id, session);
    }

    /// Takes out a session that has ended; false when there was none of this id.
    pub(crate) fn forget_ended(&self, id: SessionId) -> bool {
        self.inner.write().ended.remove(&id).is_some()
    }

    /// The session of this id, also when it has ended.
    pub(crate) fn even_ended(&self, id: SessionId) -> Option<Arc<Session>> {
        let inner = self.inner.read();
        inner.by_id.get(&id).or(inner.ended.get(&id)).cloned()
    }

    /// Every session that has ended.
    pub(crate) fn all_ended(&self) -> Vec<Arc<Session>> {
        self.inner.read().ended.values().cloned().collect()
    }

    /// How many sessions are kept, with those that have ended.
    pub(crate) fn kept(&self) -> usize {
        let inner = self.inner.read();
        inner.by_id.len() + inner.ended.len()
    }

    /// The session of a player or of a connection that has not logged in.
    pub(crate) fn by_object(&self, object: ObjId) -> Option<Arc<Session>> {
        self.inner.read().by_object.get(&object).cloned()
    }

    /// Every session, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.inner.read().by_id.values().cloned().collect()
    }

    /// How many sessions there are.
    pub(crate) fn len(&self) -> usize {
        self.inner.read().by_id.len()
    }
}
