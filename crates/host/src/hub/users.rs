//! Connections that come and go.
//!
//! In: connections, their ends, the daemon's answers about them. Out: sessions to open, ends to report, each when
//! the daemon is there and in its place behind the lines typed before.

use std::sync::Arc;

use moor_rpc::{CloseReason, DialError, DialFailed, RequestBody, SessionId};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, timeout_at};

use super::{FromConnection, Hub, Standing};
use crate::{Connection, Course, DaemonNews, Listeners, notices};

/// How long users' last output may take to leave when the host stops.
const STOP_TIME_MAX: Duration = Duration::from_secs(3);

impl<C: Connection, L: Listeners> Hub<C, L> {
    pub(super) fn connection(&mut self, news: FromConnection<C>) {
        match news {
            FromConnection::Accepted(connection) => self.accepted(connection),
            FromConnection::NotConnected(failed) => {
                self.say(RequestBody::DialFailed(failed));
            }
            FromConnection::Ended(session) => {
                if self.sessions.contains(session) {
                    self.ended.insert(session);
                    self.report_end(session);
                }
            }
        }
    }

    fn accepted(&mut self, connection: Arc<C>) {
        if self.sessions.len() >= self.bounds.sessions_max
            || self.opening.len() >= self.bounds.unopened_max
        {
            tracing::warn!(
                sessions = self.sessions.len(),
                "a connection is refused: too many"
            );
            connection.tell(notices::FULL);
            connection.close(CloseReason::Refused);
            self.fail_dialed(&connection);
            return;
        }
        let id = connection.id();
        self.sessions.insert(id, connection);
        self.opening.add(id);
        if self.standing == Standing::Up {
            self.open_session(id);
        }
    }

    /// Tells the daemon of a refused connection, if it is one that it asked for.
    fn fail_dialed(&self, connection: &C) {
        let is_dialed = |course: &mut Course| course.opening().is_some_and(|open| open.outbound);
        if connection.course(is_dialed) {
            let why = "too many sessions".to_owned();
            self.say(RequestBody::DialFailed(DialFailed {
                session: connection.id(),
                error: DialError::NoRoom { why },
            }));
        }
    }

    pub(super) fn open_sessions(&mut self) {
        for session in self.opening.unasked() {
            self.open_session(session);
        }
    }

    fn open_session(&mut self, id: SessionId) {
        let opening = |c: Arc<C>| c.course(|course| course.opening().cloned());
        let Some(open) = self.sessions.get(id).and_then(opening) else {
            return;
        };
        // When the uplink is full, the tick tries again.
        if let Some(request) = self.say(RequestBody::OpenSession(open)) {
            self.opening.asked(id, request);
        }
    }

    pub(super) fn opened(&mut self, session: SessionId) {
        self.opening.confirmed(session);
        self.with(session, |connection| connection.hear(DaemonNews::Opened));
        if self.ended.contains(&session) {
            self.report_end(session);
        }
    }

    /// The daemon does not know a session: its user is told and its socket closed.
    pub(super) fn gone(&mut self, session: SessionId) {
        tracing::warn!(%session, "the daemon does not know a session");
        self.forget(session, |connection| {
            connection.tell(notices::SESSION_LOST);
            connection.close(CloseReason::ByDaemon);
        });
    }

    pub(super) fn forget(&mut self, session: SessionId, last_words: impl FnOnce(&C)) {
        self.opening.remove(session);
        self.ended.remove(&session);
        self.behind.remove(&session);
        if let Some(connection) = self.sessions.remove(session) {
            last_words(&connection);
        }
    }

    pub(super) fn report_ended(&mut self) {
        for session in self.ended.iter().copied().collect::<Vec<_>>() {
            self.report_end(session);
        }
    }

    /// Tells the daemon that a session has ended, once the lines typed before its end are sent.
    pub(super) fn report_end(&mut self, id: SessionId) {
        let Some(connection) = self.sessions.get(id) else {
            return;
        };
        if self.opening.was_never_asked(id) {
            return self.forget(id, |_| ());
        }
        if self.standing != Standing::Up || self.opening.contains(id) {
            return;
        }
        if !connection.send_lines(&self.requests) {
            return;
        }
        let Some(reason) = connection.last_word() else {
            return;
        };
        if self
            .say(RequestBody::Closed {
                session: id,
                reason,
            })
            .is_some()
        {
            self.forget(id, |_| ());
        }
    }

    /// Closes every connection in order, as far as there is time.
    pub(super) async fn stop(mut self, connections: &mut mpsc::Receiver<FromConnection<C>>) {
        self.listeners.close_all();
        let all = self.sessions.all();
        for connection in &all {
            self.say_goodbye(&**connection);
        }
        let deadline = Instant::now() + STOP_TIME_MAX;
        while all.iter().any(|connection| !connection.is_closed()) {
            match timeout_at(deadline, connections.recv()).await {
                Ok(Some(FromConnection::Accepted(connection))) => {
                    self.say_goodbye(&*connection);
                }
                Ok(Some(ended)) => self.connection(ended),
                Ok(None) | Err(_) => break,
            }
        }
        self.report_ended();
    }

    fn say_goodbye(&self, connection: &C) {
        connection.tell(self.farewell);
        connection.close(CloseReason::HostStops);
    }
}
