//! Tasks that begin to wait.
//!
//! In: a machine that suspended, or a fork. Out: the entry and the row of a waiting task.

use std::sync::Arc;
use std::time::Duration;

use moor_value::{ErrorCode, ObjId, Value};
use moor_vm::Vm;
use moor_world::Entity;

use crate::dials::DIAL_GRACE;
use crate::effects::{Effect, ServerRequest};
use crate::exec::EXEC_WAIT_MAX;
use crate::ids::TaskId;
use crate::listeners::{LISTEN_WAIT, Waiter};
use crate::options::{integer_option, property};
use crate::request::Request;
use crate::session::Session;
use crate::sql::SQL_WAIT_MAX;
use crate::stretch::Stretch;
use crate::task::{Awaited, Family, TaskEntry, TaskInfo, TaskRow, TaskStatus};

/// Seconds beyond which a task waits for ever: a thousand million years would overflow a clock.
const SECONDS_MAX: f64 = 1e15;

/// The entry of a task that is forked to begin after `delay` seconds.
pub(crate) fn forked(
    stretch: &Stretch<'_>,
    id: TaskId,
    mut child: Box<Vm>,
    delay: f64,
) -> TaskEntry {
    child.set_task_variable(id.0);
    let waits = Waits {
        status: TaskStatus::Until(moment_after(stretch, delay)),
        value: Value::ZERO,
    };
    let local = Value::from(moor_value::Map::new());
    entry(id, stretch.family, child, waits, local, true)
}

/// The entry of a task that has suspended.
pub(crate) fn suspended(stretch: &Stretch<'_>, machine: Box<Vm>, request: &Request) -> TaskEntry {
    let status = match request {
        Request::Suspend { seconds } => TaskStatus::Until(moment_after(stretch, *seconds)),
        Request::Forever => TaskStatus::Forever,
        Request::Read(session) => TaskStatus::Reading(session.id, Awaited::Line),
        Request::ReadHttp(session, kind, _) => {
            TaskStatus::Reading(session.id, Awaited::Message(*kind))
        }
        Request::Task(task, seconds) => TaskStatus::Awaiting {
            task: *task,
            until: seconds.map_or(Duration::MAX, |seconds| moment_after(stretch, seconds)),
        },
        Request::Yield(_) => TaskStatus::Ready,
        Request::Listen(_) => TaskStatus::Until(stretch.runtime.clock.wall() + LISTEN_WAIT),
        Request::Work(wanted) => TaskStatus::Working {
            request: wanted.call.id,
            until: stretch.runtime.clock.wall() + wanted.call.timeout,
        },
        Request::Sql(asked) => TaskStatus::Working {
            request: asked.request,
            until: stretch.runtime.clock.wall() + SQL_WAIT_MAX,
        },
        Request::Exec(wish) => TaskStatus::Working {
            request: wish.request,
            until: stretch.runtime.clock.wall() + EXEC_WAIT_MAX,
        },
        Request::Dial(calling) => TaskStatus::Working {
            request: calling.request,
            until: stretch.runtime.clock.wall() + calling.dial.timeout + DIAL_GRACE,
        },
    };
    let value = match request {
        Request::Listen(listener) => Value::Int(i64::from(listener.port)),
        Request::ReadHttp(_, _, so_far) => so_far.clone(),
        Request::Yield(value) => value.clone(),
        Request::Task(..) => stretch.truth(Value::ZERO),
        _ => Value::ZERO,
    };
    let waits = Waits { status, value };
    let local = stretch.local.clone();
    let mut entry = entry(stretch.task, stretch.family, machine, waits, local, false);
    if let Request::Read(session) | Request::ReadHttp(session, ..) = request {
        entry.info.reader = Some(reader(stretch, session));
    }
    entry
}

/// What is asked of others, once the task is parked that waits for it.
pub(crate) fn asked(entry: &TaskEntry, request: Request) -> Option<Effect> {
    match (request, entry.status) {
        (Request::Work(wanted), _) => Some(Effect::Work(wanted)),
        (Request::Dial(calling), _) => Some(Effect::Dial(calling)),
        (Request::Sql(asked), _) => Some(Effect::Sql(asked)),
        (Request::Exec(wish), _) => Some(Effect::Exec(wish)),
        (Request::Listen(listener), TaskStatus::Until(until)) => {
            let task = entry.id;
            let waiter = Some(Waiter { task, until });
            Some(Effect::Server(ServerRequest::Listen(listener, waiter)))
        }
        _ => None,
    }
}

/// The row of a waiting task, as if it were to go on now with `value`.
pub(crate) fn resumed_row(entry: &TaskEntry, value: &Value) -> Vec<u8> {
    let machine = entry
        .machine
        .as_ref()
        .map(|machine| machine.encode())
        .unwrap_or_default();
    encoded(TaskRow::new(
        TaskStatus::Ready,
        entry.family,
        entry.info.forked,
        value,
        &entry.local,
        machine,
    ))
}

/// How many tasks of one owner may wait where the world does not say: what forks itself twice is to end some time.
const QUEUED_TASKS: i64 = 10_000;

impl Stretch<'_> {
    /// Whether `owner` may have one more waiting task (`queued_task_limit`; without one, [`QUEUED_TASKS`] unless a wizard).
    pub(crate) fn may_queue_task(&mut self, owner: ObjId) -> bool {
        let own = match property(&mut self.txn, owner, "queued_task_limit") {
            Some(Value::Int(limit)) if self.txn.valid(Entity::object(owner)) => limit,
            _ => -1,
        };
        let limit = if own < 0 {
            let usual = match self.txn.is_wizard(owner) {
                true => -1,
                false => QUEUED_TASKS,
            };
            integer_option(&mut self.txn, "queued_task_limit", usual)
        } else {
            own
        };
        let Ok(limit) = usize::try_from(limit) else {
            return true;
        };
        let queue = &self.runtime.queue;
        let waiting = queue.owned_by(owner);
        if waiting + self.effects.len() < limit {
            return true;
        }
        let owned = |entry: &TaskEntry| entry.info.owner == owner;
        let parked = self.effects.parked().filter(|entry| owned(entry)).count();
        let killed = self.effects.killed();
        let killed = killed
            .filter(|id| queue.inspect(*id, owned) == Some(true))
            .count();
        (waiting + parked).saturating_sub(killed) < limit
    }

    /// Whether a task that suspends may wait: `E_QUOTA` beyond its owner's limit, `E_INVARG` for a
    /// `read()` from a connection that another task reads from.
    pub(crate) fn may_wait(&mut self, owner: ObjId, request: &Request) -> Result<(), ErrorCode> {
        match request {
            Request::Suspend { .. } | Request::Forever | Request::Task(..) => {
                if self.may_queue_task(owner) {
                    Ok(())
                } else {
                    Err(ErrorCode::Quota)
                }
            }
            Request::Read(session) | Request::ReadHttp(session, ..) => {
                let busy = session
                    .lock()
                    .reading
                    .is_some_and(|reading| reading != self.task);
                if busy { Err(ErrorCode::InvArg) } else { Ok(()) }
            }
            Request::Work(_) => {
                if self.may_queue_task(owner) && self.runtime.workers.has_room(owner) {
                    Ok(())
                } else {
                    Err(ErrorCode::Quota)
                }
            }
            Request::Dial(_) => {
                if self.may_queue_task(owner) && self.runtime.dials.has_room() {
                    Ok(())
                } else {
                    Err(ErrorCode::Quota)
                }
            }
            Request::Sql(_) => {
                if self.may_queue_task(owner) && self.runtime.sql.has_room() {
                    Ok(())
                } else {
                    Err(ErrorCode::Quota)
                }
            }
            Request::Exec(_) => {
                if self.may_queue_task(owner) && self.runtime.programs.has_room() {
                    Ok(())
                } else {
                    Err(ErrorCode::Quota)
                }
            }
            Request::Listen(_) | Request::Yield(_) => Ok(()),
        }
    }
}

/// What a machine waits for, and with which value it goes on if nobody gives it another.
struct Waits {
    status: TaskStatus,
    value: Value,
}

/// The entry of a machine that waits.
fn entry(
    id: TaskId,
    family: Family,
    machine: Box<Vm>,
    waits: Waits,
    local: Value,
    forked: bool,
) -> TaskEntry {
    let Waits { status, value } = waits;
    let info = info(&machine, status, forked);
    let row = encoded(TaskRow::new(
        status,
        family,
        forked,
        &value,
        &local,
        machine.encode(),
    ));
    TaskEntry {
        id,
        family,
        arrival: 0,
        status,
        info,
        value,
        failure: None,
        overdue: None,
        machine: Some(machine),
        local,
        row,
        killed: false,
    }
}

/// A row's bytes. A task is made of values that are encodable; should it fail, the task waits but
/// does not survive a restart, and the log says so.
fn encoded(row: TaskRow) -> Vec<u8> {
    row.encode().unwrap_or_else(|error| {
        tracing::error!(%error, "task not stored");
        Vec::new()
    })
}

/// What listings show of a waiting machine.
pub(crate) fn info(machine: &Vm, status: TaskStatus, forked: bool) -> TaskInfo {
    let row = machine.stack_rows().into_iter().next();
    let verb = machine
        .frames()
        .last()
        .map(|frame| Arc::clone(machine.verb_of(frame)));
    let bytes = machine.values().map(Value::bytes).sum::<usize>();
    TaskInfo {
        owner: machine.perms(),
        reader: None,
        start: match status {
            TaskStatus::Until(due)
            | TaskStatus::Working { until: due, .. }
            | TaskStatus::Awaiting { until: due, .. } => due,
            _ => Duration::MAX,
        },
        definer: row
            .as_ref()
            .map_or(Value::Obj(ObjId::NOTHING), |row| row.location.clone()),
        verb: verb.map_or_else(|| Value::from(""), |verb| Value::Str(verb.names.clone())),
        line: row.as_ref().map_or(0, |row| i64::from(row.line)),
        this: row.map_or(Value::Obj(ObjId::NOTHING), |row| row.this),
        bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        forked,
    }
}

/// The moment `seconds` from now.
fn moment_after(stretch: &Stretch<'_>, seconds: f64) -> Duration {
    let now = stretch.runtime.clock.wall();
    let delay = Duration::try_from_secs_f64(seconds.clamp(0.0, SECONDS_MAX)).unwrap_or_default();
    now.saturating_add(delay)
}

/// The player or connection that a session stands for, as the stretch sees it.
fn reader(stretch: &Stretch<'_>, session: &Arc<Session>) -> ObjId {
    stretch.effects.object_of(session)
}
