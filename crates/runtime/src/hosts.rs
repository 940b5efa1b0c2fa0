//! What hosts tell the runtime: users that come and go, lines, acknowledgements.
//!
//! In: calls of whoever speaks with hosts. Out: jobs for worker threads, and events through
//! [`Outlet`]. Messages and sockets are not known here.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use moor_store::{AppendError, Batch, Seq};
use moor_value::{ErrorCode, ObjId, Value};

use crate::Dial;
use crate::cluster::{NodeInfo, Operator, WorkerCall, WorkerInfo, WorkerRequestId};
use crate::hooks::{After, Hook};
use crate::ids::{HostId, SessionId};
use crate::listeners::{Listener, Waiter};
use crate::release::Errand;
use crate::rows;
use crate::runtime::Runtime;
use crate::session::{
    InputLine, InputQueue, LineKind, ListenerId, Outbox, Reattached, Renumbered, Session,
    SessionEvent, SessionRecord, Stage, encode_events,
};
use crate::task::{Failure, Job};

/// Where sessions' events and wishes of hosts go. Calls come in the order of the events' numbers
/// and must not block.
pub trait Outlet: Send + Sync {
    /// Events of one session, the first with number `first`, to its host.
    fn events(&self, host: HostId, session: SessionId, first: u64, events: Vec<SessionEvent>);
    /// A host is asked to accept users at one more place.
    fn listen(&self, host: HostId, listener: &Listener);
    /// A host is asked to accept no more users at a place.
    fn unlisten(&self, host: HostId, listener: ListenerId);
    /// A host is asked for a connection to elsewhere; that commit is durable. Answered by
    /// [`Runtime::open_session`] or [`Runtime::dial_failed`].
    fn dial(&self, _host: HostId, _dial: &Dial) {}
    /// A program asked for the server to stop; the message has been shown.
    fn shutdown(&self, message: &str);
    /// A program asked for a checkpoint (`dump_database()`).
    fn checkpoint(&self);
    /// Bytes that the data directory takes on disk, where that is known.
    fn disk_bytes(&self) -> Option<u64>;
    /// A call for a live worker of its kind; its task's commit is durable. Answered by
    /// [`Runtime::worker_answered`]: also when there is no such worker, with `E_INVIND`, at the latest
    /// [`WORKER_GRACE`](crate::WORKER_GRACE) later. What is never answered ends by its timeout.
    fn worker_request(&self, _call: WorkerCall) {}
    /// Nobody waits for the answer any more.
    fn worker_cancel(&self, _id: WorkerRequestId) {}
    /// The workers that are there.
    fn workers(&self) -> Vec<WorkerInfo> {
        Vec::new()
    }
    /// The hosts and workers that are there.
    fn nodes(&self) -> Vec<NodeInfo> {
        Vec::new()
    }
    /// Tokens and peers, where programs can be enrolled.
    fn operator(&self) -> Option<&dyn Operator> {
        None
    }
}

/// A new connection, as its host describes it.
#[derive(Clone)]
pub struct NewSession {
    /// The host's name for it.
    pub id: SessionId,
    /// Where it was accepted.
    pub listener: ListenerId,
    /// The user's address, without the port.
    pub peer_address: String,
    /// The user's port.
    pub peer_port: u16,
    /// The user's host name, where it is known.
    pub hostname: Option<String>,
    /// The host's address at which the user arrived.
    pub local_address: String,
    /// The host's port at which the user arrived.
    pub local_port: u16,
    /// Protocol version and cipher, when the connection is encrypted.
    pub tls: Option<(String, String)>,
    /// The token of a player as whom the user is logged in from the beginning.
    pub token: Option<String>,
    /// Whether the host made the connection because it was asked to ([`Outlet::dial`]).
    pub outbound: bool,
}

impl std::fmt::Debug for NewSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSession")
            .field("id", &self.id)
            .field("peer_address", &self.peer_address)
            .field("has_token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

/// Why a session could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The runtime stops.
    #[error("the server is stopping")]
    Stopping,
    /// Too many sessions.
    #[error("at the limit of {0} sessions")]
    Full(usize),
    /// The store takes no writes at the moment.
    #[error("the session cannot be stored")]
    NotStored(#[source] AppendError),
    /// Its token is none, or not valid any more.
    #[error("the token is not valid any more")]
    BadToken,
    /// The host was not asked for this connection, or nobody waits for it any more.
    #[error("nobody waits for this connection")]
    NotAwaited,
}

/// A session that a host still holds, as the host describes it.
#[derive(Clone, Copy, Debug)]
pub struct HeldSession {
    /// The session.
    pub id: SessionId,
    /// The last event that reached the host.
    pub last_event: u64,
}

/// What the runtime knows of a session that a host holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// It lives on.
    Alive {
        /// Every line up to this one was taken; 0 when that is not known.
        lines_done: u64,
        /// Lines beyond it that were taken.
        lines_done_early: Vec<u64>,
        /// The last event made for it.
        last_event: u64,
    },
    /// It is not known, or has ended.
    Gone,
}

impl Runtime {
    /// A host is in touch: `sessions` is one part of what it holds. Events that it has not seen
    /// are handed out again.
    pub fn attach(&self, host: HostId, sessions: &[HeldSession]) -> Vec<Held> {
        sessions
            .iter()
            .map(|held| self.attach_session(host, held))
            .collect()
    }

    /// A host has named its listeners; it is asked for those that programs want besides.
    pub fn report_listeners(&self, host: HostId, listeners: &[Listener]) {
        let wishes = self.listeners.report(host, listeners);
        for listener in wishes.close {
            self.outlet.unlisten(host, listener);
        }
        for listener in &wishes.open {
            self.outlet.listen(host, listener);
        }
    }

    /// A host has named everything that it holds: its other sessions ended while it was away.
    pub fn attached_all(&self, host: HostId, held: &HashSet<SessionId>) {
        self.lose(|session| {
            let of_host = session.lock().record.host() == host;
            of_host && !held.contains(&session.id)
        });
    }

    /// A host is out of touch: its sessions live on for the grace period.
    pub fn host_gone(&self, host: HostId) {
        let now = self.clock.steady();
        let ended = self.sessions.all_ended();
        for session in self.sessions.all().into_iter().chain(ended) {
            let mut state = session.lock();
            if state.record.host() == host && state.attached {
                state.attached = false;
                state.attached_at = now;
            }
        }
    }

    /// Ends sessions whose host has been out of touch for longer than `grace`.
    pub fn end_abandoned(&self, grace: Duration) {
        let now = self.clock.steady();
        self.lose(|session| {
            let state = session.lock();
            !state.attached && now.saturating_sub(state.attached_at) > grace
        });
    }

    /// Ends the sessions that are lost, and forgets those of them that have ended.
    fn lose(&self, is_lost: impl Fn(&Session) -> bool) {
        for session in self.sessions.all() {
            if is_lost(&session) {
                self.session_lost(&session);
            }
        }
        for session in self.sessions.all_ended() {
            if is_lost(&session) || session.lock().is_user_gone {
                self.forget_ended(&session);
            }
        }
    }

    /// A user has connected. Saying it twice is the same as saying it once.
    ///
    /// # Errors
    /// See [`OpenError`]; the host tells the user and closes the socket.
    pub fn open_session(&self, host: HostId, new: NewSession) -> Result<(), OpenError> {
        if self.is_stopping() {
            return Err(OpenError::Stopping);
        }
        if self.sessions.even_ended(new.id).is_some() {
            return Ok(());
        }
        if self.sessions.kept() >= self.limits.sessions_max {
            if new.outbound {
                self.refuse_dialed(host, new.id);
            }
            return Err(OpenError::Full(self.limits.sessions_max));
        }
        if new.outbound {
            return self.open_dialed(host, new);
        }
        let (id, mut new) = (new.id, new);
        if let Some(token) = new.token.take() {
            return self.open_signed_in(host, new, &token);
        }
        let record = self.record_of(host, new);
        self.store_record(id, &record)
            .map_err(OpenError::NotStored)?;
        self.welcome(id, record);
        Ok(())
    }

    /// A user has typed a line. It is ignored when it was sent before. It may wait until [`Runtime::burst_is_over`] is asked, which the
    /// caller owes.
    pub fn line(&self, host: HostId, id: SessionId, line: InputLine, last_event: u64) {
        if let Some(session) = self.held_by(host, id) {
            self.take_line(&session, line, last_event);
            if let Some((owner, job)) = next_line(&session) {
                self.queue.submit_quietly(owner, job);
            }
        }
    }

    /// Has the lines run that [`Runtime::line`] took. True if that is a single one, and nothing else runs: the caller is to
    /// run it with [`Runtime::run_one`], which takes less time than to wake a worker thread for it.
    #[must_use]
    pub fn burst_is_over(&self) -> bool {
        self.queue.hand_out()
    }

    fn take_line(&self, session: &Arc<Session>, line: InputLine, last_event: u64) {
        let flushes = {
            let mut state = session.lock();
            self.forget_acknowledged(session, &mut state, last_event);
            state.active_at = self.clock.steady();
            line.kind == LineKind::Text
                && !state.record.flush_command.is_empty()
                && line.text.eq_ignore_ascii_case(&state.record.flush_command)
        };
        if flushes {
            // Not in line: what waits in line is what it is about.
            let (fresh, owner) = {
                let mut state = session.lock();
                (state.input.note(line.number), state.record.player())
            };
            if fresh {
                self.queue
                    .submit(owner, Job::Flush(Arc::clone(session), line));
            }
        } else {
            session.lock().input.push(line);
        }
    }

    /// A user's socket is closed, by the user or for any other reason.
    pub fn closed(&self, host: HostId, id: SessionId) {
        if let Some(session) = self.held_even_ended(host, id) {
            self.session_lost(&session);
            self.forget_ended(&session);
        }
    }

    /// Events have reached the host.
    pub fn acknowledge(&self, host: HostId, id: SessionId, event: u64, queued_output_bytes: usize) {
        if let Some(session) = self.held_even_ended(host, id) {
            let mut state = session.lock();
            state.host_queued_bytes = queued_output_bytes;
            self.forget_acknowledged(&session, &mut state, event);
        }
    }

    /// A host misses events from number `from` on.
    pub fn replay(&self, host: HostId, id: SessionId, from: u64) {
        if let Some(session) = self.held_even_ended(host, id) {
            let mut state = session.lock();
            if let Some((first, events)) = state.outbox.replay(from) {
                self.outlet.events(host, session.id, first, events);
            }
        }
    }

    /// A host listens where it was asked to.
    pub fn listener_opened(&self, host: HostId, listener: ListenerId, address: &str, port: u16) {
        self.listeners.opened(host, listener, address, port);
        self.tell_waiter(listener, Ok(Value::Int(i64::from(port))));
    }

    /// A host could not listen where it was asked to; the error and a sentence about it are for the task that asked.
    pub fn listener_failed(
        &self,
        host: HostId,
        listener: ListenerId,
        code: ErrorCode,
        message: String,
    ) {
        self.listeners.remove(Some(host), listener);
        self.tell_waiter(listener, Err(Failure { code, message }));
    }

    fn tell_waiter(&self, listener: ListenerId, answer: Result<Value, Failure>) {
        if let Some(Waiter { task, until }) = self.listeners.waiter(listener) {
            self.queue.answer_early(task, until, answer);
        }
    }

    /// A program wants one more place, and its task may wait for it.
    pub(crate) fn listen(&self, mut listener: Listener, waiter: Option<Waiter>) {
        // A host may have come since the program looked.
        listener.host = listener.host.or_else(|| self.listeners.willing_host());
        let listener = self.listeners.add(listener);
        if let Some(waiter) = waiter {
            self.listeners.wait(listener.id, waiter);
        }
        if let Some(host) = listener.host {
            self.outlet.listen(host, &listener);
        }
    }

    /// A session, if this host holds it.
    pub(crate) fn held_by(&self, host: HostId, id: SessionId) -> Option<Arc<Session>> {
        let session = self.sessions.by_id(id)?;
        let held = session.lock().record.host() == host;
        held.then_some(session)
    }

    /// A session, if this host holds it, also when it has ended.
    fn held_even_ended(&self, host: HostId, id: SessionId) -> Option<Arc<Session>> {
        let session = self.sessions.even_ended(id)?;
        let held = session.lock().record.host() == host;
        held.then_some(session)
    }

    /// Hands out what may leave now, and remembers what must wait for the disk.
    pub(crate) fn release(&self, session: &Arc<Session>) {
        let durable = self.log.durable();
        let mut state = session.lock();
        if !state.attached {
            return;
        }
        if let Some((first, events)) = state.outbox.release(durable) {
            self.outlet
                .events(state.record.host(), session.id, first, events);
        }
        let waits = state.outbox.waits();
        drop(state);
        if let Some(seq) = waits {
            self.waiting.add(seq, session);
        }
        // The log may have advanced between the look at it and the note above.
        if waits.is_some_and(|seq| seq <= self.log.durable()) {
            self.release_durable(self.log.durable());
        }
    }

    /// The log has become durable up to `durable`: what waited for it leaves.
    pub(crate) fn release_durable(&self, durable: Seq) {
        self.do_errands(durable);
        for session in self.waiting.take(durable) {
            self.release(&session);
        }
    }

    /// Does `errand` once `needs` is durable.
    pub(crate) fn once_durable(&self, needs: Seq, errand: Errand) {
        self.waiting.add_errand(needs, errand);
        // The log may have advanced before the note above.
        self.do_errands(self.log.durable());
    }

    fn do_errands(&self, durable: Seq) {
        for errand in self.waiting.take_errands(durable) {
            match errand {
                Errand::Call(call) => self.send_call(call),
                Errand::Dial(request) => self.tell_dial(request),
                Errand::Sql(job) => self.begin_sql(job),
                Errand::Program(wish) => self.begin_program(wish),
                Errand::Answer(sink, ended) => sink(ended),
            }
        }
    }

    /// Queues a session's next line for a worker thread, unless one is being run.
    pub(crate) fn submit_input(&self, session: &Arc<Session>) {
        if let Some((owner, job)) = next_line(session) {
            self.queue.submit(owner, job);
        }
    }

    /// What the runtime knows of one session that a host holds.
    fn attach_session(&self, host: HostId, held: &HeldSession) -> Held {
        let Some(session) = self.held_even_ended(host, held.id) else {
            return Held::Gone;
        };
        let mut state = session.lock();
        state.attached = true;
        let Reattached { forget, renumbered } = state.outbox.reattach(held.last_event);
        self.garbage.add(session.id, forget);
        let lines_done = state.lines_done();
        let mut early: Vec<u64> = state.input.done_early().collect();
        early.extend(state.outbox.lines_done().filter(|line| *line > lines_done));
        early.sort_unstable();
        early.dedup();
        let alive = Held::Alive {
            lines_done,
            lines_done_early: early,
            last_event: state.outbox.last(),
        };
        drop(state);
        self.rename_rows(&session, &renumbered);
        self.release(&session);
        alive
    }

    /// Stores rows under their events' new numbers; then the events may leave.
    fn rename_rows(&self, session: &Session, renumbered: &[Renumbered]) {
        if renumbered.is_empty() {
            return;
        }
        let mut batch = Batch::new();
        rows::forget_events(&mut batch, session.id, renumbered.iter().map(|row| row.old));
        for row in renumbered {
            match encode_events(&row.events) {
                Ok(bytes) => batch.put(rows::EVENTS, &rows::event_key(session.id, row.new), &bytes),
                Err(error) => tracing::error!(session = ?session.id, %error, "events not stored"),
            }
        }
        // Where the log takes no writes the events leave all the same: killed now, the daemon shows them twice.
        let seq = self.log.append(batch).unwrap_or_else(|error| {
            tracing::warn!(session = ?session.id, %error, "events keep their old names");
            Seq::ZERO
        });
        let mut state = session.lock();
        for row in renumbered {
            state.outbox.settle(row.new, row.events.len(), seq);
        }
    }

    /// The host has heard of a session's end, or never will: what was kept for it is forgotten.
    fn forget_ended(&self, session: &Session) {
        if self.sessions.forget_ended(session.id) {
            let keys = session.lock().outbox.row_keys().collect();
            self.garbage.add(session.id, keys);
            self.garbage.add_session(session.id);
        }
    }

    /// The record of a new connection.
    pub(crate) fn record_of(&self, host: HostId, new: NewSession) -> SessionRecord {
        let listener = self.listeners.find(host, new.listener);
        SessionRecord {
            version: SessionRecord::VERSION,
            host: host.0,
            connection: 0,
            player: 0,
            handler: listener
                .as_ref()
                .map_or(ObjId::SYSTEM, |known| known.handler)
                .0,
            print_messages: listener.as_ref().is_none_or(|known| known.print_messages),
            listener: new.listener,
            peer_address: new.peer_address,
            peer_port: new.peer_port,
            hostname: new.hostname,
            local_address: new.local_address,
            local_port: new.local_port,
            tls: new.tls,
            outbound: false,
            since_us: self.wall_us(),
            prefix: String::new(),
            suffix: String::new(),
            flush_command: self.options().default_flush_command.clone(),
            hold_input: false,
            disable_oob: false,
            intrinsic: SessionRecord::INTRINSIC_ALL,
            client_echo: true,
            binary: false,
            keep_alive: Some(crate::session::KeepAlive::default()),
            forced: Vec::new(),
            programming: None,
            stage: Stage::Alive,
        }
        .with_connection(self.sessions.allocate_connection())
    }

    /// A session's row, by itself.
    fn store_record(&self, id: SessionId, record: &SessionRecord) -> Result<(), AppendError> {
        let mut batch = Batch::new();
        self.add_record(&mut batch, id, record);
        self.log.append(batch).map(|_| ())
    }

    /// Adds a session's row to a batch.
    pub(crate) fn add_record(&self, batch: &mut Batch, id: SessionId, record: &SessionRecord) {
        match record.encode() {
            Ok(bytes) => batch.put(rows::SESSIONS, &id.0, &bytes),
            Err(error) => tracing::error!(session = ?id, %error, "session not stored"),
        }
    }

    /// Adds a session and shows its user the welcome: an empty line is its first.
    fn welcome(&self, id: SessionId, record: SessionRecord) {
        tracing::info!(
            session = ?id, connection = record.connection, peer = record.peer_name(),
            port = record.local_port, "connected"
        );
        let mut input = InputQueue::default();
        input.force("", false);
        let now = self.clock.steady();
        let session = Arc::new(Session::new(id, record, input, Outbox::new(), now));
        self.sessions.insert(Arc::clone(&session));
        self.submit_input(&session);
    }

    /// The user is gone: the session ends after the hook that says so.
    pub(crate) fn session_lost(&self, session: &Arc<Session>) {
        let (handler, player) = {
            let mut state = session.lock();
            state.is_user_gone = true;
            if state.closed {
                return;
            }
            state.closed = true;
            (state.record.handler(), state.record.player())
        };
        let mut hook = Hook::about(handler, "user_client_disconnected", player);
        hook.after = After::EndSession {
            session: Arc::clone(session),
            message: None,
        };
        self.queue.submit(player, Job::Hook(hook));
    }

    /// Forgets events that have reached the host.
    fn forget_acknowledged(
        &self,
        session: &Session,
        state: &mut crate::session::SessionState,
        event: u64,
    ) {
        let keys = state.outbox.acknowledge(event);
        self.garbage.add(session.id, keys);
    }
}

/// The job that runs a session's next line, with the owner in whose turn; from now on the session is busy.
fn next_line(session: &Arc<Session>) -> Option<(ObjId, Job)> {
    let mut state = session.lock();
    if !state.has_work() {
        return None;
    }
    state.busy = true;
    Some((state.record.player(), Job::Line(Arc::clone(session))))
}
