//! Effects of a stretch at its commit.
//!
//! In: the effects of a stretch that is being committed, in commit order. Out: changed sessions,
//! their numbered events, rows for the commit's batch; afterwards parked tasks, hooks and wishes.
//!
//! Two steps. [`prepare`] runs while the commit lock is held, so that events are numbered in
//! commit order; it touches sessions only. [`Prepared::finish`] runs after the commit is in the
//! log, when the number of the commit is known, or takes everything back when the log refused it.

use std::sync::Arc;

use moor_store::{Batch, Seq};
use moor_value::ObjId;

use crate::effects::{Effect, Effects, EndReason, SessionChange};
use crate::ids::TaskId;
use crate::rows;
use crate::session::{
    HostOption, Session, SessionEvent, SessionRecord, SessionState, SessionTable, Stage, UNKNOWN,
    encode_events,
};
use crate::stored_tasks::{Former, StoredTasks};

/// Events of one session, made by one commit.
#[derive(Debug)]
pub(crate) struct Touched {
    /// The session.
    pub(crate) session: Arc<Session>,
    /// The number of the first event.
    key: u64,
    /// How many events.
    count: usize,
}

/// Effects whose commit is not in the log yet.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    /// Sessions that have new events.
    pub(crate) touched: Vec<Touched>,
    /// The rows that tasks had before.
    tasks: Vec<Former>,
    /// The effects that do something besides.
    pub(crate) rest: Vec<Effect>,
}

/// What one commit does to one session.
struct Change {
    session: Arc<Session>,
    events: Vec<SessionEvent>,
    record_changed: bool,
    /// Forced lines have come or gone, which the record has to say.
    forced_changed: bool,
    /// The session has ended, and nobody waits for its events.
    is_over: bool,
}

/// Numbers the events of `effects` and changes sessions' records; it is `now_us` microseconds since
/// 1970. With `batch`, everything that
/// must survive a restart becomes rows of it; without, the stretch wrote nothing and its events
/// are kept in memory only.
pub(crate) fn prepare(
    effects: Effects,
    (table, stored): (&SessionTable, &StoredTasks),
    now_us: u64,
    mut batch: Option<&mut Batch>,
) -> Prepared {
    let (mut changes, mut tasks, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for effect in effects.into_list() {
        match effect {
            Effect::Output(session, event) => change_of(&mut changes, session).events.push(event),
            effect => {
                if let Some(batch) = batch.as_deref_mut() {
                    tasks.extend(task_rows(&effect, stored, batch));
                }
                session_effect(&effect, table, now_us, &mut changes);
                rest.push(effect);
            }
        }
    }
    let touched = changes
        .into_iter()
        .map(|change| push_events(change, batch.as_deref_mut()))
        .collect();
    Prepared {
        touched,
        tasks,
        rest,
    }
}

impl Prepared {
    /// The commit is in the log under `needs` (or wrote nothing and needs that much to be
    /// durable): the events may leave when it is durable.
    pub(crate) fn finish(&self, needs: Seq) {
        for touched in &self.touched {
            let mut state = touched.session.lock();
            state.outbox.settle(touched.key, touched.count, needs);
        }
    }

    /// The log refused the commit: its events will never leave, and tasks wait as before.
    pub(crate) fn withdraw(self, stored: &StoredTasks) {
        stored.restore(self.tasks.into_iter());
        for touched in &self.touched {
            let mut state = touched.session.lock();
            state.outbox.withdraw(touched.key, touched.count);
        }
    }
}

/// Rows of the tasks that an effect concerns.
fn task_rows(effect: &Effect, stored: &StoredTasks, batch: &mut Batch) -> Option<Former> {
    let mut put = |id: TaskId, row: &[u8]| {
        batch.put(rows::TASKS, &rows::task_key(id), row);
        stored.put(id, row)
    };
    match effect {
        Effect::Park(entry) => Some(put(entry.id, &entry.row)),
        Effect::Resume(id, _, row) => Some(put(*id, row)),
        Effect::Kill(id) | Effect::TaskOver(id) => {
            batch.delete(rows::TASKS, &rows::task_key(*id));
            Some(stored.delete(*id))
        }
        _ => None,
    }
}

/// Adds what an effect does to a session.
fn session_effect(effect: &Effect, table: &SessionTable, now_us: u64, changes: &mut Vec<Change>) {
    match effect {
        Effect::Change(session, wanted) => {
            let change = change_of(changes, Arc::clone(session));
            change.record_changed = true;
            let mut state = session.lock();
            change
                .events
                .extend(change_record(&mut state.record, wanted));
        }
        Effect::Switch(session, to) => {
            let change = change_of(changes, Arc::clone(session));
            change.record_changed = true;
            change.events.push(SessionEvent::LoggedIn(to.0));
            switch(session, table, *to, now_us);
        }
        Effect::End(session, reason) => {
            let change = change_of(changes, Arc::clone(session));
            change.record_changed = true;
            if *reason == EndReason::Booted {
                let mut state = session.lock();
                state.closed = true;
                state.record.stage = Stage::Booted;
            } else {
                end(session, table, change);
            }
        }
        Effect::ForceInput {
            session: Some(session),
            text,
            at_front,
            ..
        } => {
            change_of(changes, Arc::clone(session)).forced_changed = true;
            session.lock().input.force(text, *at_front);
        }
        Effect::TakeLine(session, line) => {
            let change = change_of(changes, Arc::clone(session));
            change.forced_changed |= line.number.is_none();
            change
                .events
                .extend(line.number.map(SessionEvent::LineDone));
            session.lock().input.remove(line);
        }
        Effect::FlushInput(session, numbers) => {
            let change = change_of(changes, Arc::clone(session));
            change.record_changed = true;
            flush(session, numbers, change);
        }
        _ => {}
    }
}

/// The entry of a session in `changes`.
fn change_of(changes: &mut Vec<Change>, session: Arc<Session>) -> &mut Change {
    let at = changes
        .iter()
        .position(|change| Arc::ptr_eq(&change.session, &session));
    let at = at.unwrap_or_else(|| {
        changes.push(Change {
            session,
            events: Vec::new(),
            record_changed: false,
            forced_changed: false,
            is_over: false,
        });
        changes.len() - 1
    });
    &mut changes[at]
}

/// Moves a session to another player. Whoever had that player before is expected to end.
fn switch(session: &Arc<Session>, table: &SessionTable, to: ObjId, now_us: u64) {
    let from = {
        let mut state = session.lock();
        let from = state.record.player();
        state.record.player = to.0;
        state.record.since_us = now_us;
        from
    };
    table.rename(session, from, to);
}

/// Ends a session now: its user sees what was printed, then the socket is closed. Until its host has
/// confirmed that, the last events are kept.
fn end(session: &Arc<Session>, table: &SessionTable, change: &mut Change) {
    let (player, was_logged_in, is_awaited) = {
        let mut state = session.lock();
        state.closed = true;
        state.record.stage = Stage::Ended;
        let record = &state.record;
        (record.player(), record.is_logged_in(), !state.is_user_gone)
    };
    table.remove(session, player, is_awaited);
    change.is_over = !is_awaited;
    if was_logged_in {
        change.events.push(SessionEvent::LoggedOut);
    }
    change.events.push(SessionEvent::Close);
}

/// Throws waiting lines away: the host's lines among them are done.
fn flush(session: &Session, numbers: &[u64], change: &mut Change) {
    let mut state = session.lock();
    let kept: Vec<_> = state
        .input
        .drain()
        .into_iter()
        .filter(|line| line.number.is_some_and(|number| !numbers.contains(&number)))
        .collect();
    for line in kept.into_iter().rev() {
        state.input.put_back(line);
    }
    state.record.forced.clear();
    change
        .events
        .extend(numbers.iter().copied().map(SessionEvent::LineDone));
}

/// Changes a record; the event that tells the host, where the option is the host's business.
pub(crate) fn change_record(
    record: &mut SessionRecord,
    change: &SessionChange,
) -> Option<SessionEvent> {
    match change {
        SessionChange::HoldInput(on) => record.hold_input = *on,
        SessionChange::DisableOob(on) => record.disable_oob = *on,
        SessionChange::FlushCommand(command) => record.flush_command.clone_from(command),
        SessionChange::Intrinsic(bits) => record.intrinsic = *bits,
        SessionChange::Prefix(line) => record.prefix.clone_from(line),
        SessionChange::Suffix(line) => record.suffix.clone_from(line),
        SessionChange::Programming(state) => record.programming.clone_from(state),
        SessionChange::ProgramLine(line) => {
            if let Some(programming) = &mut record.programming {
                programming.lines.push(line.clone());
            }
        }
        SessionChange::QueuedOutput(bytes) => {
            return Some(SessionEvent::Option(HostOption::MaxQueuedOutput(*bytes)));
        }
        SessionChange::Proxied(ends) => record.set_ends(ends),
        SessionChange::ClientEcho(on) => {
            record.client_echo = *on;
            return Some(SessionEvent::Option(HostOption::ClientEcho(*on)));
        }
        SessionChange::Binary(on) => {
            record.binary = *on;
            return Some(SessionEvent::Option(HostOption::Binary(*on)));
        }
        SessionChange::KeepAlive(times) => {
            record.keep_alive = *times;
            return Some(SessionEvent::Option(HostOption::KeepAlive(*times)));
        }
    }
    None
}

/// Numbers the events and, with `batch`, stores them and the record.
fn push_events(change: Change, batch: Option<&mut Batch>) -> Touched {
    let Change {
        session,
        mut events,
        record_changed,
        forced_changed,
        is_over,
    } = change;
    let mut state = session.lock();
    if forced_changed {
        // Once for all lines of the stretch.
        state.record.forced = state.input.forced().map(str::to_owned).collect();
    }
    let record_changed = record_changed || forced_changed;
    state.outbox.admit(&mut events);
    let count = events.len();
    let key = match batch {
        None => state.outbox.push(events, UNKNOWN, false),
        Some(batch) => store_events(&session, &mut state, events, record_changed, is_over, batch),
    };
    drop(state);
    Touched {
        session,
        key,
        count,
    }
}

/// Rows of a session's new events and of its record. A session that is over leaves no row: after a
/// restart its host hears that it is gone.
fn store_events(
    session: &Session,
    state: &mut SessionState,
    events: Vec<SessionEvent>,
    record_changed: bool,
    is_over: bool,
    batch: &mut Batch,
) -> u64 {
    if is_over {
        batch.delete(rows::SESSIONS, &session.id.0);
        rows::forget_events(batch, session.id, state.outbox.row_keys());
        return state.outbox.push(events, UNKNOWN, false);
    }
    if record_changed {
        match state.record.encode() {
            Ok(bytes) => batch.put(rows::SESSIONS, &session.id.0, &bytes),
            Err(error) => tracing::error!(session = ?session.id, %error, "session not stored"),
        }
    }
    if events.is_empty() {
        return state.outbox.push(events, UNKNOWN, false);
    }
    match encode_events(&events) {
        Ok(bytes) => {
            let key = state.outbox.push(events, UNKNOWN, true);
            batch.put(rows::EVENTS, &rows::event_key(session.id, key), &bytes);
            key
        }
        Err(error) => {
            tracing::error!(session = ?session.id, %error, "events not stored");
            state.outbox.push(events, UNKNOWN, false)
        }
    }
}
