//! Connections that programs ask for (`open_network_connection()`), between the commit that asks and the first words.
//!
//! In: wishes of committed stretches; durable commits; what hosts say came of them; tasks that are killed or whose time
//! is over. Out: wishes through [`crate::Outlet`], each at most once and only when its commit is durable; a session
//! and the waiting task that goes on with its number, in one commit; or an error in that task. How a host connects is
//! not known here.
//!
//! A wish lives in memory only, as a request to a worker does: after a restart its task goes on with `E_INTRPT`, and a
//! host that comes with the connection is sent away.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use moor_store::{Batch, Seq};
use moor_value::{ErrorCode, ObjId, Value};
use parking_lot::Mutex;

use crate::cluster::WorkerRequestId;
use crate::hosts::{NewSession, OpenError};
use crate::ids::{HostId, SessionId, TaskId};
use crate::release::Errand;
use crate::rows;
use crate::runtime::Runtime;
use crate::session::{InputQueue, Outbox, Session, SessionRecord};
use crate::task::Failure;
use crate::tasks;

/// Connections that are being made at a time; one more raises `E_QUOTA`.
pub(crate) const DIALS_MAX: usize = 64;
/// How much longer than the host's own limit a task waits for the host.
pub(crate) const DIAL_GRACE: Duration = Duration::from_secs(5);
/// Bytes that a host's name may have.
const NAME_BYTES_MAX: usize = 255;

/// A connection that a host is to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// The session that it becomes.
    pub session: SessionId,
    /// A host name, or an address.
    pub name: String,
    /// The port.
    pub port: u16,
    /// Whether it is reached through IPv6; otherwise through IPv4.
    pub ipv6: bool,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// After how long it is given up.
    pub timeout: Duration,
}

impl Dial {
    /// Whether no host could be called so: not a name, or a numeric address of the other kind.
    pub(crate) fn is_hopeless(name: &str, ipv6: bool) -> bool {
        let other_kind = |address: IpAddr| address.is_ipv6() != ipv6;
        name.is_empty()
            || name.len() > NAME_BYTES_MAX
            || name.contains('\0')
            || name.parse().is_ok_and(other_kind)
    }
}

/// A wish of a task.
#[derive(Clone, Debug)]
pub(crate) struct Calling {
    /// What the host is told.
    pub(crate) dial: Dial,
    /// What the task waits for.
    pub(crate) request: WorkerRequestId,
    /// The task.
    pub(crate) task: TaskId,
    /// The host.
    pub(crate) host: HostId,
    /// The object whose verbs handle the connection.
    pub(crate) handler: ObjId,
    /// Whether the server's own messages are shown on it.
    pub(crate) print_messages: bool,
    /// Whether the handler hears of it at once, by an empty line.
    pub(crate) is_announced: bool,
}

/// The wishes that are not over.
#[derive(Debug, Default)]
pub(crate) struct Dials {
    open: Mutex<Vec<Calling>>,
    /// Connections that say nothing to the world until the task that asked for them has gone on. Never locked
    /// together with `open`.
    silent: Mutex<Vec<(TaskId, Arc<Session>)>>,
}

impl Dials {
    /// Whether one more may be made.
    pub(crate) fn has_room(&self) -> bool {
        self.open.lock().len() < DIALS_MAX
    }

    fn add(&self, calling: Calling) {
        self.open.lock().push(calling);
    }

    /// What the host of a wish is told. `None` when the wish is over.
    fn of(&self, request: WorkerRequestId) -> Option<(HostId, Dial)> {
        let open = self.open.lock();
        let calling = open.iter().find(|calling| calling.request == request)?;
        Some((calling.host, calling.dial.clone()))
    }

    /// The wish that a host speaks of.
    fn find(&self, host: HostId, session: SessionId) -> Option<Calling> {
        let open = self.open.lock();
        open.iter()
            .find(|calling| calling.host == host && calling.dial.session == session)
            .cloned()
    }

    /// Ends a wish: whoever gets it is the only one that does.
    fn end(&self, request: WorkerRequestId) -> Option<Calling> {
        let mut open = self.open.lock();
        let at = open.iter().position(|calling| calling.request == request)?;
        Some(open.swap_remove(at))
    }

    fn keep_silent(&self, task: TaskId, session: Arc<Session>) {
        self.silent.lock().push((task, session));
    }

    fn take_silent(&self, task: TaskId) -> Option<Arc<Session>> {
        let mut silent = self.silent.lock();
        let at = silent.iter().position(|(known, _)| *known == task)?;
        Some(silent.swap_remove(at).1)
    }
}

/// Keeps a connection silent until it is dropped: while the stretch runs that may say how its lines are handled.
pub(crate) struct Silence<'r> {
    runtime: &'r Runtime,
    session: Option<Arc<Session>>,
}

impl Silence<'_> {
    /// The stretch came to nothing: the connection is silent until the task has gone on.
    pub(crate) fn keep_for(mut self, task: TaskId) {
        if let Some(session) = self.session.take() {
            self.runtime.dials.keep_silent(task, session);
        }
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.runtime.line_is_over(&session);
        }
    }
}

impl Runtime {
    /// The task that asked waits: the host is told once `needs` is durable.
    pub(crate) fn dial(&self, calling: Calling, needs: Seq) {
        let (task, request) = (calling.task, calling.request);
        self.dials.add(calling);
        // A kill that came before the addition has found nothing to end.
        if self.queue.waits_for(task, request) {
            self.once_durable(needs, Errand::Dial(request));
        } else {
            self.dials.end(request);
        }
    }

    /// Tells a host what connection to make, unless nobody waits for it any more.
    pub(crate) fn tell_dial(&self, request: WorkerRequestId) {
        if let Some((host, dial)) = self.dials.of(request) {
            tracing::info!(session = ?dial.session, to = dial.name, port = dial.port, "dials");
            self.outlet.dial(host, &dial);
        }
    }

    /// Nobody waits for a connection any more: the host that comes with it is sent away.
    pub(crate) fn forget_dial(&self, request: WorkerRequestId) {
        self.dials.end(request);
    }

    /// A host could not make a connection that it was asked for; the error and a sentence about it are for the task.
    pub fn dial_failed(&self, host: HostId, session: SessionId, code: ErrorCode, message: String) {
        let calling = self.dials.find(host, session);
        if let Some(calling) = calling.and_then(|known| self.dials.end(known.request)) {
            let failure = Failure { code, message };
            self.queue
                .answer(calling.task, calling.request, Err(failure));
        }
    }

    /// A host has made a connection that it was asked for: the session begins, and its task goes on with its number,
    /// in one commit.
    pub(crate) fn open_dialed(&self, host: HostId, new: NewSession) -> Result<(), OpenError> {
        let id = new.id;
        let calling = self.dials.find(host, id).ok_or(OpenError::NotAwaited)?;
        let record = SessionRecord {
            handler: calling.handler.0,
            print_messages: calling.print_messages,
            outbound: true,
            ..self.record_of(host, new)
        };
        let connection = Value::Obj(record.connection());
        let (task, request) = (calling.task, calling.request);
        let resumed = |entry: &_| tasks::resumed_row(entry, &connection);
        // From here on its time cannot be over: whatever the task does next is behind this in the log.
        let row = self.queue.claim(task, request, resumed);
        self.dials.end(request);
        let row = row.ok_or(OpenError::NotAwaited)?;
        let mut batch = Batch::new();
        self.add_record(&mut batch, id, &record);
        batch.put(rows::TASKS, &rows::task_key(task), &row);
        if let Err(error) = self.log.append(batch) {
            tracing::warn!(session = ?id, %error, "the connection cannot be stored");
            let message = "the world cannot be changed at the moment".to_owned();
            let code = ErrorCode::Quota;
            self.queue
                .answer(task, request, Err(Failure { code, message }));
            return Err(OpenError::NotAwaited);
        }
        let session = self.begin_silent(id, record, &calling);
        if self.queue.answer(task, request, Ok(connection)) {
            return Ok(());
        }
        // Killed in this moment.
        self.forget_task_row(task);
        self.dials.take_silent(task);
        self.session_lost(&session);
        Err(OpenError::NotAwaited)
    }

    /// There is no room for a session that a host comes with: the task that asked for it hears so.
    pub(crate) fn refuse_dialed(&self, host: HostId, id: SessionId) {
        let message = "at the limit of sessions".to_owned();
        self.dial_failed(host, id, ErrorCode::Quota, message);
    }

    /// The task that asked for a connection is about to go on: its lines wait until that stretch is over.
    pub(crate) fn silence_of(&self, task: TaskId) -> Silence<'_> {
        Silence {
            runtime: self,
            session: self.dials.take_silent(task),
        }
    }

    /// Adds a session whose lines wait for its task.
    fn begin_silent(
        &self,
        id: SessionId,
        record: SessionRecord,
        calling: &Calling,
    ) -> Arc<Session> {
        tracing::info!(
            session = ?id, connection = record.connection, peer = record.peer_name(),
            port = record.peer_port, "connected to"
        );
        let mut input = InputQueue::default();
        if calling.is_announced {
            input.force("", false);
        }
        let now = self.clock.steady();
        let session = Arc::new(Session::new(id, record, input, Outbox::new(), now));
        session.lock().busy = true;
        self.dials.keep_silent(calling.task, Arc::clone(&session));
        self.sessions.insert(Arc::clone(&session));
        session
    }
}
