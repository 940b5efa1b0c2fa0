//! The one task that knows all sessions and speaks with the daemon about them.
//!
//! In: what the link reports, connections that come and go, the drain. Out: requests to the daemon, news of it to
//! sessions. It owns the order of a (re)connect: attach every session, open the new ones, report the ended ones. Lines go from each
//! connection straight to the uplink, and events from the link straight to each connection ([`SessionTable`]): they do not pass here.

mod due;
mod opening;
mod users;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use moor_node::Drain;
use moor_rpc::{
    Attach, AttachedSession, CloseReason, Dial, DialFailed, HostEvent, ListenerInfo, Replay, Reply,
    ReplyBody, RequestBody, RequestId, RpcError, SessionId, SessionState,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::meters::Meters;
use crate::{
    Connection, DaemonNews, Downlink, Listeners, Requests, SessionTable, UplinkError, notices,
};
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

/// How long an acknowledgement waits for company, or for a line to travel with.
const ACKNOWLEDGE_AFTER: Duration = Duration::from_millis(100);

/// How often what should have been answered is looked at.
const TICK: Duration = Duration::from_secs(1);

/// The longest restart that a daemon's announcement is believed; later the link's own pauses count.
const RECONNECT_AFTER_MAX: Duration = Duration::from_secs(300);

/// What connections may tell the hub before it has looked; then they wait.
pub const CONNECTION_NEWS_MAX: usize = 1_024;

/// What connections and listeners tell the hub.
pub enum FromConnection<C> {
    /// A user has come, or a connection that the daemon asked for has been made.
    Accepted(Arc<C>),
    /// A connection that the daemon asked for could not be made.
    NotConnected(DialFailed),
    /// A user's connection is closed.
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
pub struct Hub<C, L> {
    requests: Arc<Requests>,
    listeners: L,
    bounds: Bounds,
    standing: Standing,
    /// Parts of the attach that are not answered.
    attaching: HashSet<RequestId>,
    sessions: Arc<SessionTable<C>>,
    /// Sessions that the daemon has not confirmed.
    opening: Opening,
    /// Sessions whose socket is closed and whose end the daemon has not been told.
    ended: HashSet<SessionId>,
    /// When sessions acknowledge their events.
    acknowledge_at: Option<Instant>,
    /// Sessions that miss events.
    behind: HashSet<SessionId>,
    /// When a daemon that restarts said that it would be back.
    reconnect_at: Option<Instant>,
    /// What users are told when the host stops.
    farewell: &'static str,
    meters: Meters,
}

impl<C: Connection, L: Listeners> Hub<C, L> {
    /// A hub with its way to the daemon, a place for its sessions, and the host's listeners.
    #[must_use]
    pub fn new(
        requests: Arc<Requests>,
        sessions: Arc<SessionTable<C>>,
        listeners: L,
        bounds: Bounds,
    ) -> Self {
        Self {
            requests,
            listeners,
            bounds,
            standing: Standing::Down,
            attaching: HashSet::new(),
            sessions,
            opening: Opening::default(),
            ended: HashSet::new(),
            acknowledge_at: None,
            behind: HashSet::new(),
            reconnect_at: None,
            farewell: notices::HOST_STOPS,
            meters: Meters::new(),
        }
    }

    /// Runs until the drain begins, then closes every connection and returns.
    pub async fn run(
        mut self,
        mut downlink: mpsc::Receiver<Downlink>,
        mut connections: mpsc::Receiver<FromConnection<C>>,
        drain: Drain,
    ) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let sessions = Arc::clone(&self.sessions);
        loop {
            let (acknowledge_at, reconnect_at) = (self.acknowledge_at, self.reconnect_at);
            if sessions.watch(!self.ended.is_empty() || !self.behind.is_empty()) {
                self.report_ended();
            }
            tokio::select! {
                () = sessions.changed() => self.arrived(),
                Some(news) = downlink.recv() => self.downlink(news),
                Some(news) = connections.recv() => self.connection(news),
                () = sleep_until(acknowledge_at.unwrap_or_else(Instant::now)), if acknowledge_at.is_some() => {
                    self.acknowledge();
                }
                () = sleep_until(reconnect_at.unwrap_or_else(Instant::now)), if reconnect_at.is_some() => {
                    self.reconnect();
                }
                _ = tick.tick() => self.tick(),
                () = drain.begun() => break,
            }
        }
        // What was reported before the end still counts: last output, and why it ends.
        while let Ok(news) = downlink.try_recv() {
            self.downlink(news);
        }
        self.stop(&mut connections).await;
    }

    // What the link reports.

    fn downlink(&mut self, news: Downlink) {
        match news {
            Downlink::Up => self.attach(),
            Downlink::Down => self.down(),
            Downlink::Revoked => {
                tracing::error!("the daemon has revoked this host");
                self.farewell = notices::REVOKED;
                self.down();
            }
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
        self.stand(Standing::Down);
        self.forget_questions();
        for connection in self.sessions.all() {
            connection.hear(DaemonNews::Away);
        }
    }

    fn stand(&mut self, standing: Standing) {
        self.standing = standing;
        self.requests.set_attached(standing == Standing::Up);
    }

    fn forget_questions(&mut self) {
        self.attaching.clear();
        self.opening.ask_all_again();
        self.behind.clear();
    }

    /// Names every session to the daemon. Repeated as a whole until every part is answered.
    fn attach(&mut self) {
        self.reconnect_at = None;
        self.stand(Standing::Attaching(Instant::now()));
        self.forget_questions();
        let sessions: Vec<_> = self
            .sessions
            .all()
            .iter()
            .map(|connection| connection.course(|course| course.attach()))
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
        if reply.result == Err(RpcError::NotAttached) {
            self.not_attached();
        }
        let Some(reply) = self.requests.answer(reply) else {
            return;
        };
        match reply.result {
            Ok(ReplyBody::Attached(sessions)) => self.attached(reply.id, sessions),
            Ok(ReplyBody::Opened(session)) => self.opened(session),
            // An answer to a question that is not waited for any more.
            Ok(_) => {}
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
                        connection.hear(DaemonNews::Attached {
                            lines_done,
                            lines_done_early: &lines_done_early,
                            last_event,
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
            self.stand(Standing::Up);
            self.open_sessions();
            self.report_ended();
        }
    }

    /// The daemon has forgotten the attach, or what it refuses crossed it.
    fn not_attached(&mut self) {
        if self.standing == Standing::Up {
            self.attach();
        }
    }

    fn refused(&mut self, id: RequestId, error: &RpcError) {
        let up = self.standing == Standing::Up;
        match error {
            // Before the attach is answered this is about what crossed it, and will be mended by it.
            RpcError::UnknownSession(session) if up => self.gone(*session),
            RpcError::UnknownSession(_) => {}
            RpcError::NotAttached => {}
            RpcError::LineOutOfOrder { session, .. } => {
                tracing::warn!(%error, "lines are sent again");
                self.with(*session, |connection| {
                    connection.course(|course| course.send_lines_again());
                });
            }
            RpcError::NotAwaited => self.refuse_opening(id, notices::SESSION_LOST, error),
            RpcError::BadToken => self.refuse_opening(id, notices::SIGN_IN_AGAIN, error),
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
                connection.tell(notice);
                connection.close(CloseReason::Refused);
            });
        }
    }

    fn host_event(&mut self, event: HostEvent) {
        match event {
            HostEvent::Batch(batch) => {
                batch
                    .into_iter()
                    .for_each(|events| self.sessions.apply(events));
            }
            HostEvent::Listen(wanted) => self.listen(&wanted),
            HostEvent::Unlisten(listener) => {
                let result = self.listeners.close(listener);
                self.say(RequestBody::ListenResult(result));
            }
            HostEvent::Dial(wanted) => self.dial(wanted),
            HostEvent::Restarting { reconnect_after_ms } => {
                tracing::info!(reconnect_after_ms, "the daemon restarts");
                let after = Duration::from_millis(reconnect_after_ms.into());
                let after = after.min(RECONNECT_AFTER_MAX);
                self.requests.stay_away(after);
                self.reconnect_at = Some(Instant::now() + after);
            }
            HostEvent::ShuttingDown { message } => self.shut_down(&message),
        }
    }

    /// Sees to what events have brought.
    fn arrived(&mut self) {
        let (arrived, is_to_acknowledge) = self.sessions.take_arrived();
        if is_to_acknowledge {
            self.acknowledge_at
                .get_or_insert_with(|| Instant::now() + ACKNOWLEDGE_AFTER);
        }
        for id in arrived.fresh {
            if self.behind.contains(&id) {
                self.note_missing(id);
            }
            if self.ended.contains(&id) {
                self.report_end(id);
            }
        }
        for (session, from) in arrived.gaps {
            tracing::warn!(%session, from = from.0, "events are missing");
            // Asked at once for the first gap; while it is open, the tick asks again.
            if self.behind.insert(session) {
                self.say(RequestBody::Replay(Replay { session, from }));
            }
        }
    }

    fn listen(&mut self, wanted: &ListenerInfo) {
        let result = self.listeners.open(wanted);
        self.say(RequestBody::ListenResult(result));
    }

    fn dial(&mut self, wanted: Dial) {
        let session = wanted.session;
        if let Err(error) = self.listeners.dial(wanted) {
            self.say(RequestBody::DialFailed(DialFailed { session, error }));
        }
    }

    fn shut_down(&mut self, message: &[String]) {
        tracing::info!(sessions = self.sessions.len(), "the daemon shuts down");
        for connection in self.sessions.all() {
            message.iter().for_each(|line| connection.tell(line));
            connection.close(CloseReason::ByDaemon);
        }
    }

    fn with(&self, session: SessionId, action: impl FnOnce(&C)) {
        if let Some(connection) = self.sessions.get(session) {
            action(&connection);
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
