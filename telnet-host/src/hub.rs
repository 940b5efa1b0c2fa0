//! The one task that knows all sessions and speaks with the daemon about them.
//!
//! In: what the link reports, connections that come and go, the drain. Out: events to sessions,
//! requests to the daemon. It owns the order of a (re)connect: attach every session, open the new ones,
//! report the ended ones. Lines go from each connection straight to the uplink and do not pass here.

mod opening;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use moor_node::Drain;
use moor_rpc::{
    Attach, AttachedSession, CloseReason, HostEvent, ListenerInfo, Replay, Reply, ReplyBody,
    RequestBody, RequestId, RpcError, SessionEvents, SessionId, SessionState,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

use crate::connection::Connection;
use crate::listener::Listeners;
use crate::notices;
use crate::session::Progress;
use crate::uplink::{Downlink, Requests, UplinkError};
use opening::Opening;

/// How many sessions a host holds. One more of either kind is refused with a word.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// All, closed ones that the daemon has not heard of included.
    pub sessions_max: usize,
    /// Those that wait for the daemon to confirm them.
    pub unopened_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            sessions_max: 100_000,
            unopened_max: 10_000,
        }
    }
}

/// Sessions in one part of an attach.
const ATTACH_SESSIONS_MAX: usize = 1_000;

/// Acknowledgements in one message.
const ACKNOWLEDGEMENTS_MAX: usize = 10_000;

/// How long an acknowledgement waits for company, or for a line to travel with.
const ACKNOWLEDGE_AFTER: Duration = Duration::from_millis(100);

/// How often what should have been answered is looked at.
const TICK: Duration = Duration::from_secs(1);

/// How long an answer may take before the question is asked again.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// How long users' last output may take to leave when the host stops.
const STOP_TIME_MAX: Duration = Duration::from_secs(3);

/// What connections and listeners tell the hub.
pub enum FromConnection {
    /// A socket was accepted.
    Accepted(Arc<Connection>),
    /// A socket is closed.
    Ended(SessionId),
}

/// How the host stands to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Down,
    /// The attach is on its way, since then.
    Attaching(Instant),
    Up,
}

/// The hub.
pub struct Hub {
    requests: Arc<Requests>,
    listeners: Listeners,
    bounds: Bounds,
    standing: Standing,
    /// Parts of the attach that are not answered.
    attaching: HashSet<RequestId>,
    sessions: HashMap<SessionId, Arc<Connection>>,
    /// Sessions that the daemon has not confirmed.
    opening: Opening,
    /// Sessions whose socket is closed and whose end the daemon has not been told.
    ended: HashSet<SessionId>,
    /// Sessions with events that are not acknowledged.
    to_acknowledge: HashSet<SessionId>,
    acknowledge_at: Option<Instant>,
    /// Sessions that miss events.
    behind: HashSet<SessionId>,
}

impl Hub {
    /// A hub with its way to the daemon and the host's listeners.
    #[must_use]
    pub fn new(requests: Arc<Requests>, listeners: Listeners, bounds: Bounds) -> Self {
        Self {
            requests,
            listeners,
            bounds,
            standing: Standing::Down,
            attaching: HashSet::new(),
            sessions: HashMap::new(),
            opening: Opening::default(),
            ended: HashSet::new(),
            to_acknowledge: HashSet::new(),
            acknowledge_at: None,
            behind: HashSet::new(),
        }
    }

    /// Runs until the drain begins, then closes every connection and returns.
    pub async fn run(
        mut self,
        mut downlink: mpsc::Receiver<Downlink>,
        mut connections: mpsc::Receiver<FromConnection>,
        drain: Drain,
    ) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let acknowledge_at = self.acknowledge_at;
            tokio::select! {
                Some(news) = downlink.recv() => self.downlink(news),
                Some(news) = connections.recv() => self.connection(news),
                () = sleep_until(acknowledge_at.unwrap_or_else(Instant::now)), if acknowledge_at.is_some() => {
                    self.acknowledge();
                }
                _ = tick.tick() => self.tick(),
                () = drain.begun() => break,
            }
        }
        self.stop(&mut connections).await;
    }

    // What the link reports.

    fn downlink(&mut self, news: Downlink) {
        match news {
            Downlink::Up => self.attach(),
            Downlink::Down => self.down(),
            Downlink::Reply(bytes) => match moor_rpc::decode::<Reply>(&bytes) {
                Ok(reply) => self.reply(reply),
                Err(error) => tracing::error!(%error, "the daemon sent a reply that is none"),
            },
            Downlink::Event(bytes) => match moor_rpc::decode::<HostEvent>(&bytes) {
                Ok(event) => self.host_event(event),
                Err(error) => tracing::error!(%error, "the daemon sent an event that is none"),
            },
        }
    }

    fn down(&mut self) {
        if self.standing == Standing::Down {
            return;
        }
        tracing::warn!(sessions = self.sessions.len(), "the daemon is away");
        self.standing = Standing::Down;
        self.forget_questions();
        for connection in self.sessions.values() {
            connection.act(|session, socket| session.daemon_away(socket));
        }
    }

    fn forget_questions(&mut self) {
        self.attaching.clear();
        self.opening.ask_all_again();
        self.behind.clear();
    }

    /// Names every session to the daemon. Repeated as a whole until every part is answered.
    fn attach(&mut self) {
        self.standing = Standing::Attaching(Instant::now());
        self.forget_questions();
        let sessions: Vec<_> = self
            .sessions
            .values()
            .map(|c| c.act(|session, _| session.attach()))
            .collect();
        let mut parts: Vec<_> = sessions
            .chunks(ATTACH_SESSIONS_MAX)
            .map(<[_]>::to_vec)
            .collect();
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        let count = parts.len();
        for (index, sessions) in parts.into_iter().enumerate() {
            let last = index + 1 == count;
            let part = Attach {
                listeners: self.listeners.infos(),
                sessions,
                last,
            };
            match self.requests.send(RequestBody::Attach(part)) {
                Ok(id) => drop(self.attaching.insert(id)),
                // The tick begins anew.
                Err(error) => return tracing::warn!(%error, "the attach waits"),
            }
        }
    }

    fn reply(&mut self, reply: Reply) {
        match reply.result {
            Ok(ReplyBody::Attached(sessions)) => self.attached(reply.id, sessions),
            Ok(ReplyBody::Opened(session)) => self.opened(session),
            Err(error) => self.refused(reply.id, &error),
        }
    }

    fn attached(&mut self, id: RequestId, sessions: Vec<AttachedSession>) {
        if !self.attaching.remove(&id) {
            return;
        }
        for AttachedSession { session, state } in sessions {
            match state {
                SessionState::Alive {
                    lines_done,
                    lines_done_early,
                    last_event,
                } => {
                    self.opening.confirmed(session);
                    self.with(session, |connection| {
                        connection.act(|session, socket| {
                            session.attached(lines_done, &lines_done_early, last_event, socket);
                        });
                    });
                    self.note_missing(session);
                }
                SessionState::Gone if self.opening.contains(session) => {}
                SessionState::Gone => self.gone(session),
            }
        }
        if self.attaching.is_empty() && self.standing != Standing::Up {
            tracing::info!(sessions = self.sessions.len(), "attached to the daemon");
            self.standing = Standing::Up;
            self.open_sessions();
            self.report_ended();
        }
    }

    fn refused(&mut self, id: RequestId, error: &RpcError) {
        let up = self.standing == Standing::Up;
        match error {
            // Before the attach is answered this is about what crossed it, and will be mended by it.
            RpcError::UnknownSession(session) if up => self.gone(*session),
            RpcError::UnknownSession(_) => {}
            RpcError::NotAttached if up => self.attach(),
            RpcError::NotAttached => {}
            RpcError::LineOutOfOrder { session, .. } => {
                tracing::warn!(%error, "lines are sent again");
                self.with(*session, |c| c.act(|session, _| session.send_lines_again()));
            }
            RpcError::LimitReached { .. } => self.refuse_opening(id, notices::FULL, error),
            RpcError::Stopping => self.refuse_opening(id, notices::STOPPING, error),
            // The tick asks again.
            RpcError::ReadOnly => tracing::warn!(%error, "a session waits"),
            _ => tracing::error!(%error, "the daemon refused a request"),
        }
    }

    fn refuse_opening(&mut self, id: RequestId, notice: &str, error: &RpcError) {
        if let Some(session) = self.opening.asked_with(id) {
            tracing::warn!(%session, %error, "the daemon refused a session");
            self.forget(session, |connection| {
                connection.close(Some(notice), CloseReason::Refused);
            });
        }
    }

    fn host_event(&mut self, event: HostEvent) {
        match event {
            HostEvent::Batch(batch) => batch.into_iter().for_each(|events| self.events(events)),
            HostEvent::Listen(wanted) => self.listen(&wanted),
            HostEvent::Unlisten(listener) => {
                let result = self.listeners.close(listener);
                self.say(RequestBody::ListenResult(result));
            }
            HostEvent::Restarting => tracing::info!("the daemon restarts"),
            HostEvent::ShuttingDown { message } => self.shut_down(&message),
        }
    }

    fn events(&mut self, events: SessionEvents) {
        let id = events.session;
        let Some(connection) = self.sessions.get(&id) else {
            return;
        };
        let progress = connection.act(|session, socket| session.apply(events, socket));
        match progress {
            Progress::Applied => {
                self.to_acknowledge.insert(id);
                self.acknowledge_at
                    .get_or_insert_with(|| Instant::now() + ACKNOWLEDGE_AFTER);
                if !self.behind.is_empty() {
                    self.note_missing(id);
                }
                if self.ended.contains(&id) {
                    self.report_end(id);
                }
            }
            Progress::Missing(from) => {
                tracing::warn!(session = %id, from = from.0, "events are missing");
                // Asked at once for the first gap; while it is open, the tick asks again.
                if self.behind.insert(id) {
                    self.say(RequestBody::Replay(Replay { session: id, from }));
                }
            }
        }
    }

    fn listen(&mut self, wanted: &ListenerInfo) {
        let result = self.listeners.open(wanted);
        self.say(RequestBody::ListenResult(result));
    }

    fn shut_down(&mut self, message: &[String]) {
        tracing::info!(sessions = self.sessions.len(), "the daemon shuts down");
        for connection in self.sessions.values() {
            connection.act(|session, socket| {
                message.iter().for_each(|line| session.notice(line, socket));
                session.close(CloseReason::ByDaemon);
            });
        }
    }

    // Connections that come and go.

    fn connection(&mut self, news: FromConnection) {
        match news {
            FromConnection::Accepted(connection) => self.accepted(connection),
            FromConnection::Ended(session) => {
                if self.sessions.contains_key(&session) {
                    self.ended.insert(session);
                    self.report_end(session);
                }
            }
        }
    }

    fn accepted(&mut self, connection: Arc<Connection>) {
        if self.sessions.len() >= self.bounds.sessions_max
            || self.opening.len() >= self.bounds.unopened_max
        {
            tracing::warn!(
                sessions = self.sessions.len(),
                "a connection is refused: too many"
            );
            connection.close(Some(notices::FULL), CloseReason::Refused);
            return;
        }
        let id = connection.id();
        self.sessions.insert(id, connection);
        self.opening.add(id);
        if self.standing == Standing::Up {
            self.open_session(id);
        }
    }

    fn open_sessions(&mut self) {
        for session in self.opening.unasked() {
            self.open_session(session);
        }
    }

    fn open_session(&mut self, id: SessionId) {
        let opening = |c: &Arc<Connection>| c.act(|session, _| session.opening().cloned());
        let Some(open) = self.sessions.get(&id).and_then(opening) else {
            return;
        };
        // When the uplink is full, the tick tries again.
        if let Some(request) = self.say(RequestBody::OpenSession(open)) {
            self.opening.asked(id, request);
        }
    }

    fn opened(&mut self, session: SessionId) {
        self.opening.confirmed(session);
        self.with(session, |c| c.act(|session, socket| session.opened(socket)));
        if self.ended.contains(&session) {
            self.report_end(session);
        }
    }

    /// The daemon does not know a session: its user is told and its socket closed.
    fn gone(&mut self, session: SessionId) {
        tracing::warn!(%session, "the daemon does not know a session");
        self.forget(session, |connection| {
            connection.close(Some(notices::SESSION_LOST), CloseReason::ByDaemon);
        });
    }

    fn forget(&mut self, session: SessionId, last_words: impl FnOnce(&Connection)) {
        self.opening.remove(session);
        self.ended.remove(&session);
        self.behind.remove(&session);
        self.to_acknowledge.remove(&session);
        if let Some(connection) = self.sessions.remove(&session) {
            last_words(&connection);
        }
    }

    fn report_ended(&mut self) {
        for session in self.ended.iter().copied().collect::<Vec<_>>() {
            self.report_end(session);
        }
    }

    /// Tells the daemon that a session has ended, once the lines typed before its end are sent.
    fn report_end(&mut self, id: SessionId) {
        let Some(connection) = self.sessions.get(&id) else {
            return;
        };
        if self.opening.was_never_asked(id) {
            return self.forget(id, |_| ());
        }
        if self.standing != Standing::Up || self.opening.contains(id) {
            return;
        }
        if !connection.send_lines(&self.requests) || !connection.act(|s, _| s.all_sent()) {
            return;
        }
        let reason = connection.act(|session, _| session.close_reason());
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

    // What is due by time.

    fn acknowledge(&mut self) {
        self.acknowledge_at = None;
        let sessions = std::mem::take(&mut self.to_acknowledge);
        let connections = sessions.iter().filter_map(|id| self.sessions.get(id));
        let due: Vec<_> = connections
            .filter_map(|c| c.act(|session, _| session.acknowledge()))
            .collect();
        for part in due.chunks(ACKNOWLEDGEMENTS_MAX) {
            // What is lost here is made up for by the next acknowledgement or attach.
            self.say(RequestBody::Acknowledge(part.to_vec()));
        }
    }

    fn tick(&mut self) {
        match self.standing {
            Standing::Down => self.tell_newcomers(),
            Standing::Attaching(since) if since.elapsed() > ANSWER_TIME_MAX => {
                tracing::warn!("the daemon does not answer the attach; asking again");
                self.attach();
            }
            Standing::Attaching(_) if self.attaching.is_empty() => self.attach(),
            Standing::Attaching(_) => {}
            Standing::Up => {
                self.opening.forget_answers_older_than(ANSWER_TIME_MAX);
                self.open_sessions();
                self.report_ended();
                self.ask_for_missing();
            }
        }
    }

    /// Users who came while the daemon is away are told once, after the moment that it may take to
    /// appear.
    fn tell_newcomers(&self) {
        for session in self.opening.all() {
            self.with(session, |c| {
                c.act(|session, socket| session.daemon_away(socket))
            });
        }
    }

    fn note_missing(&mut self, id: SessionId) {
        let missing = |c: &Arc<Connection>| c.act(|session, _| session.missing());
        match self.sessions.get(&id).and_then(missing) {
            Some(_) => self.behind.insert(id),
            None => self.behind.remove(&id),
        };
    }

    fn ask_for_missing(&mut self) {
        for id in self.behind.iter().copied().collect::<Vec<_>>() {
            let missing = |c: &Arc<Connection>| c.act(|session, _| session.missing());
            match self.sessions.get(&id).and_then(missing) {
                Some(from) => drop(self.say(RequestBody::Replay(Replay { session: id, from }))),
                None => drop(self.behind.remove(&id)),
            }
        }
    }

    // Ends.

    /// Closes every connection in order, as far as there is time.
    async fn stop(mut self, connections: &mut mpsc::Receiver<FromConnection>) {
        self.listeners.close_all();
        for connection in self.sessions.values() {
            connection.close(Some(notices::HOST_STOPS), CloseReason::HostStops);
        }
        let deadline = Instant::now() + STOP_TIME_MAX;
        while self
            .sessions
            .values()
            .any(|connection| !connection.is_closed())
        {
            match timeout_at(deadline, connections.recv()).await {
                Ok(Some(FromConnection::Accepted(connection))) => {
                    connection.close(Some(notices::HOST_STOPS), CloseReason::HostStops);
                }
                Ok(Some(ended)) => self.connection(ended),
                Ok(None) | Err(_) => break,
            }
        }
        self.report_ended();
    }

    fn with(&self, session: SessionId, action: impl FnOnce(&Connection)) {
        if let Some(connection) = self.sessions.get(&session) {
            action(connection);
        }
    }

    fn say(&self, body: RequestBody) -> Option<RequestId> {
        match self.requests.send(body) {
            Ok(id) => Some(id),
            Err(UplinkError::Down) => None,
            Err(error) => {
                tracing::warn!(%error, "a request waits");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
