//! The sessions that the daemon has not confirmed, and which request asked for each.
//!
//! In: sessions, request ids, answers. Out: which to ask for now. A session stays here until the daemon
//! confirms it, however often the daemon goes away meanwhile; opening one twice is the same as once.

use std::collections::HashMap;
use std::time::Duration;

use moor_rpc::{RequestId, SessionId};
use tokio::time::Instant;

/// Sessions that are to be opened.
#[derive(Debug, Default)]
pub(super) struct Opening {
    sessions: HashMap<SessionId, Asked>,
}

#[derive(Debug, Clone, Copy)]
enum Asked {
    Never,
    /// Asked, and the answer will not come any more.
    InVain,
    Since(Instant, RequestId),
}

impl Opening {
    pub(super) fn add(&mut self, session: SessionId) {
        self.sessions.insert(session, Asked::Never);
    }

    pub(super) fn remove(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }

    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn contains(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    /// Whether the daemon cannot have heard of it.
    pub(super) fn was_never_asked(&self, session: SessionId) -> bool {
        matches!(self.sessions.get(&session), Some(Asked::Never))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = SessionId> {
        self.sessions.keys().copied()
    }

    /// Those that are to be asked for now.
    pub(super) fn unasked(&self) -> Vec<SessionId> {
        let waiting = |asked: &Asked| !matches!(asked, Asked::Since(..));
        self.sessions
            .iter()
            .filter(|(_, asked)| waiting(asked))
            .map(|(id, _)| *id)
            .collect()
    }

    pub(super) fn asked(&mut self, session: SessionId, request: RequestId) {
        self.sessions
            .insert(session, Asked::Since(Instant::now(), request));
    }

    /// The session that a request asked for.
    pub(super) fn asked_with(&self, request: RequestId) -> Option<SessionId> {
        let asked = |asked: &Asked| matches!(asked, Asked::Since(_, id) if *id == request);
        self.sessions
            .iter()
            .find(|(_, state)| asked(state))
            .map(|(id, _)| *id)
    }

    pub(super) fn confirmed(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }

    /// No answer will come to what was asked: the daemon was away since.
    pub(super) fn ask_all_again(&mut self) {
        self.forget_answers_older_than(Duration::ZERO);
    }

    /// Gives up waiting for answers that take too long.
    pub(super) fn forget_answers_older_than(&mut self, age: Duration) {
        for asked in self.sessions.values_mut() {
            if matches!(asked, Asked::Since(since, _) if since.elapsed() >= age) {
                *asked = Asked::InVain;
            }
        }
    }
}
