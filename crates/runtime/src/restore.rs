//! Sessions and tasks as the daemon left them, at a start.
//!
//! In: rows of the store. Out: sessions whose hosts are still to come, tasks that wait, ends of sessions that the
//! daemon's own end cut off.

use std::collections::HashMap;
use std::sync::Arc;

use moor_store::Store;
use moor_value::codec::{self, HandleResolver};
use moor_value::{AnonRef, ObjId, Value, WaifRef};
use moor_vm::{StateResolver, Vm};
use moor_world::WorldHandles;

use crate::error::RowError;
use crate::hooks::Hook;
use crate::ids::{SessionId, TaskId};
use crate::registry::registry;
use crate::rows;
use crate::runtime::{Runtime, StartError};
use crate::session::{
    InputQueue, Outbox, Session, SessionEvent, SessionRecord, Stage, decode_events,
};
use crate::task::{Failure, Family, TaskEntry, TaskRow, TaskStatus};
use crate::tasks;

/// Events of one session with the numbers of their rows.
type EventRows = Vec<(u64, Vec<SessionEvent>)>;

/// Restores sessions, their events, and tasks.
pub(crate) fn restore(runtime: &Runtime, store: &Store) -> Result<(), StartError> {
    let mut events = read_events(store)?;
    let mut failed = None;
    store.scan(rows::SESSIONS, |key, row| {
        let restored = restore_session(runtime, key, row, &mut events);
        failed = failed.take().or(restored.err());
    })?;
    store.scan(rows::TASKS, |key, row| {
        let restored = restore_task(runtime, key, row);
        failed = failed.take().or(restored.err());
    })?;
    runtime.queue.check_all_awaited();
    match failed {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Every stored event, by session.
fn read_events(store: &Store) -> Result<HashMap<SessionId, EventRows>, StartError> {
    let mut events: HashMap<SessionId, EventRows> = HashMap::new();
    let mut failed = None;
    store.scan(rows::EVENTS, |key, row| {
        match (rows::event_of_key(key), decode_events(row)) {
            (Some((session, number)), Ok(list)) => {
                events.entry(session).or_default().push((number, list))
            }
            _ => failed = Some(unreadable("events of a session")),
        }
    })?;
    match failed {
        Some(error) => Err(error),
        None => Ok(events),
    }
}

/// One session: it is there, and waits for its host.
fn restore_session(
    runtime: &Runtime,
    key: &[u8],
    row: &[u8],
    events: &mut HashMap<SessionId, EventRows>,
) -> Result<(), StartError> {
    let id = key
        .try_into()
        .map(SessionId)
        .map_err(|_| unreadable("a session"))?;
    let record = SessionRecord::decode(row).map_err(|_| unreadable("a session"))?;
    let outbox = Outbox::restored(events.remove(&id).unwrap_or_default());
    let done: Vec<u64> = outbox.lines_done().collect();
    let input = InputQueue::after_restart(done, &record.forced);
    let now = runtime.clock.steady();
    let stage = record.stage;
    let session = Arc::new(Session::new(id, record, input, outbox, now));
    {
        let mut state = session.lock();
        state.attached = false;
        state.closed = stage != Stage::Alive;
    }
    match stage {
        Stage::Alive => runtime.sessions.insert(session),
        Stage::Booted => {
            runtime.sessions.insert(Arc::clone(&session));
            runtime.submit_hook(Hook::booted(session));
        }
        Stage::Ended => runtime.sessions.insert_ended(session),
    }
    Ok(())
}

/// One task: it waits as before.
fn restore_task(runtime: &Runtime, key: &[u8], row: &[u8]) -> Result<(), StartError> {
    let id = rows::task_of_key(key).ok_or_else(|| unreadable("a task"))?;
    let entry = read_task(runtime, id, row).map_err(|error| StartError::Unreadable {
        what: format!("task {id}: {error}"),
    })?;
    if let TaskStatus::Reading(session, _) = entry.status
        && let Some(session) = runtime.sessions.by_id(session)
    {
        session.lock().reading = Some(id);
    }
    let _ = runtime.stored_tasks.put(id, row);
    runtime.queue.restore(entry);
    Ok(())
}

/// A task's row.
fn read_task(runtime: &Runtime, id: TaskId, bytes: &[u8]) -> Result<TaskEntry, TaskRowError> {
    let row = TaskRow::decode(bytes)?;
    let mut resolver = Resolver {
        handles: runtime.world.handles(),
    };
    let mut machine = Vm::decode(&row.machine, &mut resolver)?;
    let value = codec::decode(&mut row.value.as_slice(), &mut resolver)?;
    let local = codec::decode(&mut row.local.as_slice(), &mut resolver)?;
    let mut status = row.status();
    let mut reader = None;
    if let TaskStatus::Reading(session, _) = status {
        match runtime.sessions.by_id(session) {
            Some(session) => reader = Some(session.lock().record.player()),
            None => {
                // The connection that it read from ended in the moment of the stop.
                machine.resume(Value::Err(moor_value::ErrorCode::InvArg));
                status = TaskStatus::Ready;
            }
        }
    }
    let failure = row.was_working().then(Failure::restarted);
    let machine = Box::new(machine);
    let mut info = tasks::info(&machine, status, row.forked);
    info.reader = reader;
    Ok(TaskEntry {
        id,
        family: Family(row.family),
        arrival: 0,
        status,
        info,
        value,
        failure,
        overdue: None,
        machine: Some(machine),
        local,
        row: Vec::new(),
        killed: false,
    })
}

/// Why a task's row cannot be read.
#[derive(Debug, thiserror::Error)]
enum TaskRowError {
    #[error(transparent)]
    Row(#[from] RowError),
    #[error(transparent)]
    Machine(#[from] moor_vm::StateError),
    #[error(transparent)]
    Value(#[from] codec::DecodeError),
}

/// Handles of the world and numbers of builtins, for decoding.
struct Resolver<'a> {
    handles: WorldHandles<'a>,
}

impl HandleResolver for Resolver<'_> {
    fn anon(&mut self, id: u64) -> Option<AnonRef> {
        self.handles.anon(id)
    }

    fn waif(&mut self, id: u64, class: ObjId, owner: ObjId) -> Option<WaifRef> {
        self.handles.waif(id, class, owner)
    }
}

impl StateResolver for Resolver<'_> {
    fn builtin(&self, name: &str) -> Option<u16> {
        registry().number(name)
    }
}

fn unreadable(what: &str) -> StartError {
    StartError::Unreadable {
        what: what.to_owned(),
    }
}
