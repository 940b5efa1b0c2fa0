//! Tasks: suspending, forking's kin, listing, killing, resuming.
//!
//! In: checked arguments. Out: values, requests to wait, effects on tasks.

use std::time::Duration;

use moor_value::{ErrorCode, List, Map, ObjId, Str, Value};
use moor_vm::AbortReason;

use super::super::env::{Answer, Env, Reply, named_map, nothing, value};
use super::super::spec::world;
use super::super::{BuiltinSpec, Raise};
use crate::effects::Effect;
use crate::ids::TaskId;
use crate::options::foreground;
use crate::request::Request;
use crate::session::Session;
use crate::task::{KillError, TaskEntry, TaskInfo, TaskStatus};
use crate::tasks::resumed_row;

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("suspend", 0..=1, [Num], LambdaMoo, suspend)
        .doc(
            "seconds",
            "value",
            "Ends this stretch of the task and goes on with another after that time, or when \
             `resume()` is called. Returns 0, or what `resume()` gave.",
        )
        .raises(
            "E_INVARG if the seconds are negative; E_QUOTA if the owner has too many tasks \
             already",
        ),
    world!("commit", 0..=1, [Any], MooR, commit).doc(
        "answer",
        "value",
        "Ends this stretch of the task and goes on at once with another: what was changed \
             and printed is let go. Returns what it was given, or 0.",
    ),
    world!("yin", 0..=3, [Num, Int, Int], ToastStunt, yin)
        .doc(
            "seconds ticks seconds_left",
            "INT",
            "Suspends the task as `suspend()` does, but only if fewer ticks (2,000) or \
             seconds (2) are left than told.",
        )
        .raises("E_INVARG if a number is negative, 0 or more than a task gets"),
    world!("seconds_left", 0..=0, [], LambdaMoo, seconds_left).doc(
        "",
        "INT",
        "How many seconds this stretch of the task may still run.",
    ),
    world!("ticks_left", 0..=0, [], LambdaMoo, ticks_left).doc(
        "",
        "INT",
        "How many ticks this stretch of the task has left.",
    ),
    world!("task_id", 0..=0, [], LambdaMoo, task_id).doc("", "INT", "The number of the task."),
    world!("task_local", 0..=0, [], ToastStunt, task_local)
        .doc(
            "",
            "value",
            "What `set_task_local()` has kept with the task; an empty map before that.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("set_task_local", 1..=1, [Any], ToastStunt, set_task_local)
        .doc(
            "value",
            "INT",
            "Keeps a value with the task, for whatever verb of it asks with `task_local()`.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("queued_tasks", 0..=2, [Int, Int], LambdaMoo, queued_tasks).doc(
        "with_variables count_only",
        "LIST|INT",
        "The tasks of the caller, for wizards all, that wait: `{id, start, 0, ticks, \
             programmer, definer, verb, line, this, bytes}`, with `with_variables` also their \
             variables. With `count_only` how many.",
    ),
    world!("kill_task", 1..=1, [Int], LambdaMoo, kill_task)
        .doc("id", "INT", "Ends a task that waits, or the calling one.")
        .raises(
            "E_INVARG if there is no such task; E_PERM unless it is the caller's own, or a \
             wizard calls",
        )
        .permission("owners of the task and wizards"),
    world!("resume", 1..=2, [Int, Any], LambdaMoo, resume)
        .doc(
            "id value",
            "INT",
            "Lets a task go on that waits in `suspend()`, which returns the value (0 unless \
             given), or raises it if it is an error.",
        )
        .raises(
            "E_INVARG if there is no such task, or it does not wait for that; E_PERM unless \
             it is the caller's own, or a wizard calls",
        )
        .permission("owners of the task and wizards"),
    world!("task_stack", 1..=3, [Int, Any, Any], LambdaMoo, task_stack)
        .doc(
            "id with_lines with_variables",
            "LIST",
            "A list for each verb of a task that waits, as `callers()` has them; with \
             `with_lines` their lines, with `with_variables` their variables.",
        )
        .raises(
            "E_INVARG if there is no such task, or it has not begun; E_PERM unless it is the \
             caller's own, or a wizard calls",
        )
        .permission("owners of the task and wizards"),
    world!("queue_info", 0..=1, [Obj], LambdaMoo, queue_info).doc(
        "player",
        "LIST|INT|MAP",
        "Who has tasks or a connection; of one player how many tasks wait, for wizards a \
             map with the state of the connection as well.",
    ),
    world!("threads", 0..=0, [], ToastStunt, threads)
        .doc(
            "",
            "LIST",
            "The tasks that a helper thread works for. There are no helper threads here.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("set_thread_mode", 0..=1, [Int], ToastStunt, set_thread_mode).doc(
        "on",
        "INT",
        "Whether builtins of the verb may use helper threads; without an argument what \
             was set. It makes no difference here.",
    ),
    world!(
        "thread_pool",
        2..=3,
        [Str, Str, Int],
        ToastStunt,
        thread_pool
    )
    .doc(
        "action name count",
        "INT",
        "Makes no difference here, where there are no helper threads.",
    )
    .raises("E_PERM unless a wizard calls; E_INVARG if the action or the pool is unknown")
    .permission("wizards"),
];

/// Ticks below which `yin()` yields, unless told otherwise.
const YIN_TICKS: i64 = 2_000;
/// Seconds below which `yin()` yields, unless told otherwise.
const YIN_SECONDS: i64 = 2;

fn suspend(_: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    Ok(Answer::Suspend(match args.first() {
        None => Request::Forever,
        Some(seconds) => Request::Suspend {
            seconds: delay(seconds)?,
        },
    }))
}

/// `commit()`: what the task has done so far happens for good; the task goes on in a new stretch.
fn commit(_: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let answer = args.first_mut().map_or(Value::ZERO, Value::take);
    Ok(Answer::Suspend(Request::Yield(answer)))
}

/// Seconds as a number that is not negative.
pub(super) fn delay(seconds: &Value) -> Result<f64, Raise> {
    let seconds = match seconds {
        Value::Int(seconds) => *seconds as f64,
        Value::Float(seconds) => *seconds,
        _ => return Err(ErrorCode::Type.into()),
    };
    if seconds < 0.0 {
        Err(ErrorCode::InvArg.into())
    } else {
        Ok(seconds)
    }
}

/// `yin([seconds [, ticks [, seconds left]]])`: suspends where little is left of the stretch.
fn yin(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let seconds = args.first().map_or(Ok(0.0), delay)?;
    let ticks_min = args.get(1).and_then(Value::as_int).unwrap_or(YIN_TICKS);
    let seconds_min = args.get(2).and_then(Value::as_int).unwrap_or(YIN_SECONDS);
    let senseless = ticks_min <= 0 || seconds_min <= 0;
    let (ticks_max, seconds_max) = foreground(&mut env.stretch.txn);
    if senseless
        || args.len() > 1 && ticks_min >= ticks_max
        || args.len() > 2 && seconds_min >= seconds_max
    {
        return Err(ErrorCode::InvArg.into());
    }
    let left = i64::try_from(env.stretch.time_left().as_secs()).unwrap_or(i64::MAX);
    if env.context.ticks_left() < ticks_min || left < seconds_min {
        return Ok(Answer::Suspend(Request::Suspend { seconds }));
    }
    nothing()
}

fn seconds_left(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    // Rounded up: a task with time left does not see 0.
    let left = env.stretch.time_left() + Duration::from_nanos(999_999_999);
    value(i64::try_from(left.as_secs()).unwrap_or(i64::MAX))
}

fn ticks_left(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    value(env.context.ticks_left())
}

fn task_id(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    value(env.stretch.task.0)
}

fn task_local(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    Ok(Answer::Value(env.stretch.local.clone()))
}

fn set_task_local(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    env.stretch.local = std::mem::take(&mut args[0]);
    nothing()
}

/// Where a task's row has the definer of its verb.
const DEFINER: usize = 5;
/// Where a task's row has `this`.
const THIS: usize = 8;

/// Rows of tasks as the calling code may see them.
pub(super) fn shown_rows(
    env: &mut Env<'_, '_, '_>,
    rows: impl Iterator<Item = Vec<Value>>,
) -> List {
    let mut shown = List::default();
    for mut row in rows {
        for at in [DEFINER, THIS] {
            row[at] = env.shown(std::mem::take(&mut row[at]));
        }
        shown.push(Value::from(row));
    }
    shown
}

/// `queued_tasks([with variables [, count only]])`.
fn queued_tasks(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let with_variables = args.first().is_some_and(Value::is_true);
    let count_only = args.get(1).is_some_and(Value::is_true);
    let (perms, wizard) = (env.perms(), env.is_wizard());
    let visible = |info: &TaskInfo| wizard || info.reader.unwrap_or(info.owner) == perms;
    let now = env.stretch.runtime.clock.wall();
    let mut rows = Vec::new();
    let effects = &env.stretch.effects;
    for (id, status, info) in env.stretch.runtime.queue.list() {
        if visible(&info) && !effects.kills(id) {
            rows.push((id, task_row(id, status, &info, now)));
        }
    }
    let parked = effects.parked().filter(|entry| visible(&entry.info));
    rows.extend(parked.map(|entry| (entry.id, task_row(entry.id, entry.status, &entry.info, now))));
    if count_only {
        return value(rows.len() as i64);
    }
    if with_variables {
        for (id, row) in &mut rows {
            row.push(variables(env, *id));
        }
    }
    value(shown_rows(env, rows.into_iter().map(|(_, row)| row)))
}

/// Ticks of a background task when clocks were still a thing.
pub(super) const TICKS: i64 = 30_000;

/// A task as `queued_tasks()` shows it: `{id, start, 0, ticks, programmer, verb-loc, verb-name, line,
/// this, bytes}`. A task whose time has come started when it came, or `now` if it waited for none.
fn task_row(id: TaskId, status: TaskStatus, info: &TaskInfo, now: Duration) -> Vec<Value> {
    /// The start time of a task that waits for `resume()`, as LambdaMOO shows it.
    const NEVER: i64 = i64::MAX;
    let seconds =
        |moment: Duration| i64::try_from(moment.as_secs_f64().round() as u64).unwrap_or(NEVER);
    let start = match status {
        TaskStatus::Until(due)
        | TaskStatus::Working { until: due, .. }
        | TaskStatus::Awaiting { until: due, .. } => seconds(due),
        TaskStatus::Forever => NEVER,
        TaskStatus::Reading(..) => -1,
        TaskStatus::Ready | TaskStatus::Running => seconds(info.start.min(now)),
    };
    vec![
        Value::Int(id.0),
        Value::Int(start),
        Value::Int(0),
        Value::Int(TICKS),
        Value::Obj(info.reader.unwrap_or(info.owner)),
        info.definer.clone(),
        info.verb.clone(),
        Value::Int(info.line),
        info.this.clone(),
        Value::Int(info.bytes),
    ]
}

/// The variables of a task's current frame, by name.
fn variables(env: &Env<'_, '_, '_>, id: TaskId) -> Value {
    let of_entry = |entry: &TaskEntry| {
        let machine = entry.machine.as_ref()?;
        machine.variables().into_iter().next().map(named_map)
    };
    let parked = env
        .stretch
        .effects
        .parked()
        .find(|entry| entry.id == id)
        .and_then(of_entry);
    let found = parked.or_else(|| env.stretch.runtime.queue.inspect(id, of_entry).flatten());
    found.unwrap_or_else(|| Value::Map(Map::new()))
}

fn kill_task(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let id = TaskId(args[0].as_int().unwrap_or(0));
    if id == env.stretch.task {
        return Ok(Answer::Abort(AbortReason::Killed));
    }
    let (perms, wizard) = (env.perms(), env.is_wizard());
    if let Some(owner) = parked_owner(env, id) {
        if !wizard && owner != perms {
            return Err(ErrorCode::Perm.into());
        }
        env.stretch.effects.unpark(id);
        return nothing();
    }
    if env.stretch.effects.kills(id) {
        return Err(ErrorCode::InvArg.into());
    }
    refused(env.stretch.runtime.queue.may_kill(id, perms, wizard))?;
    env.stretch.effects.push(Effect::Kill(id));
    nothing()
}

/// The owner of a task that this stretch has parked.
pub(super) fn parked_owner(env: &Env<'_, '_, '_>, id: TaskId) -> Option<ObjId> {
    let parked = env.stretch.effects.parked().find(|entry| entry.id == id)?;
    Some(parked.info.owner)
}

pub(super) fn refused(result: Result<(), KillError>) -> Result<(), Raise> {
    result.map_err(|error| match error {
        KillError::Unknown => ErrorCode::InvArg.into(),
        KillError::NotAllowed => ErrorCode::Perm.into(),
    })
}

/// How often `resume()` looks for a task that has waited or is about to, and how long it pauses between.
const PARKING_LOOKS: u32 = 200;
const PARKING_PAUSE: Duration = Duration::from_micros(100);

fn resume(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let id = TaskId(args[0].as_int().unwrap_or(0));
    let given = args.get_mut(1).map_or(Value::ZERO, std::mem::take);
    let (perms, wizard) = (env.perms(), env.is_wizard());
    if env.stretch.effects.kills(id) {
        return Err(ErrorCode::InvArg.into());
    }
    let (queue, stored) = (
        &env.stretch.runtime.queue,
        &env.stretch.runtime.stored_tasks,
    );
    let may = || queue.may_resume(id, perms, wizard);
    let mut allowed = may();
    // What it wrote before it waited can be seen a moment before it is in the queue.
    for _ in 0..PARKING_LOOKS {
        if !matches!(allowed, Err(KillError::Unknown)) || !stored.has(id) {
            break;
        }
        std::thread::sleep(PARKING_PAUSE);
        allowed = may();
    }
    refused(allowed)?;
    let row = queue.inspect(id, |entry| resumed_row(entry, &given));
    let row = row.ok_or(ErrorCode::InvArg)?;
    env.stretch.effects.push(Effect::Resume(id, given, row));
    nothing()
}

/// `task_stack(id [, with lines [, with variables]])`.
fn task_stack(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let id = TaskId(args[0].as_int().unwrap_or(0));
    let with_lines = args.get(1).is_some_and(Value::is_true);
    let with_variables = args.get(2).is_some_and(Value::is_true);
    let (perms, wizard) = (env.perms(), env.is_wizard());
    let rows = env.stretch.runtime.queue.inspect(id, |entry| {
        let machine = entry.machine.as_ref().filter(|_| !entry.info.forked)?;
        let owner = entry.info.reader.unwrap_or(entry.info.owner);
        if !wizard && owner != perms {
            return Some(Err(ErrorCode::Perm));
        }
        let variables = if with_variables {
            machine.variables()
        } else {
            Vec::new()
        };
        Some(Ok((machine.stack_rows(), variables)))
    });
    let (rows, variables) = rows.flatten().ok_or(ErrorCode::InvArg)??;
    let rows = rows
        .into_iter()
        .map(|row| env.shown_row(row).to_value(with_lines));
    let mut rows: Vec<Value> = rows.collect();
    add_variables(&mut rows, variables);
    Ok(Answer::Value(Value::from(rows)))
}

/// Appends to each row the variables of its frame, as far as they are given.
fn add_variables(rows: &mut [Value], variables: Vec<Vec<(Str, Value)>>) {
    for (row, variables) in rows.iter_mut().zip(variables) {
        if let Value::List(row) = row {
            row.push(named_map(variables));
        }
    }
}

/// `queue_info([player])`: everyone who has tasks or a connection; of one player how many tasks wait, or for
/// wizards everything about them and the connection, by name.
fn queue_info(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let Some(who) = args.first().and_then(Value::as_obj) else {
        return Ok(Answer::Value(Value::List(queue_owners(env))));
    };
    let session = env.stretch.session_of(who);
    let tasks = Value::Int(background_tasks(env, who) as i64);
    if !env.is_wizard() || session.is_none() && !tasks.is_true() {
        return Ok(Answer::Value(tasks));
    }
    let mut entries = vec![
        ("player", Value::Obj(who)),
        ("num_bg_tasks", tasks),
        ("connected", Value::Bool(session.is_some())),
    ];
    if let Some(session) = session {
        entries.extend(connection_entries(&session));
    }
    Ok(Answer::Value(named_map(entries)))
}

/// How many tasks of a player wait for a time or for `resume()`, as this stretch leaves them.
fn background_tasks(env: &Env<'_, '_, '_>, who: ObjId) -> usize {
    let waits =
        |status: &TaskStatus| !matches!(status, TaskStatus::Reading(..) | TaskStatus::Running);
    let effects = &env.stretch.effects;
    let stored = env.stretch.runtime.queue.list().into_iter();
    let stored = stored
        .filter(|(id, status, info)| info.owner == who && waits(status) && !effects.kills(*id));
    let own = effects
        .parked()
        .filter(|entry| entry.info.owner == who && waits(&entry.status));
    stored.count() + own.count()
}

fn queue_owners(env: &Env<'_, '_, '_>) -> List {
    let mut owners = env.stretch.runtime.queue.owners();
    owners.extend(
        env.stretch
            .runtime
            .sessions
            .all()
            .iter()
            .map(|session| session.lock().record.player()),
    );
    owners.sort_unstable();
    owners.dedup();
    owners.into_iter().map(Value::Obj).collect()
}

/// What `queue_info()` tells of a connection.
fn connection_entries(session: &Session) -> Vec<(&'static str, Value)> {
    let state = session.lock();
    let record = &state.record;
    let input_bytes: usize = state.input.waiting().map(|line| line.text.len()).sum();
    vec![
        ("handler", Value::Obj(record.handler())),
        ("total_input_length", Value::Int(input_bytes as i64)),
        ("last_input_task_id", Value::Int(state.last_task.0)),
        ("output_prefix", record.prefix.as_str().into()),
        ("output_suffix", record.suffix.as_str().into()),
        ("flush_cmd", record.flush_command.as_str().into()),
        ("hold_input", Value::Bool(record.hold_input)),
        ("disable_oob", Value::Bool(record.disable_oob)),
        ("reading", Value::Bool(state.reading.is_some())),
        ("icmds", Value::Int(i64::from(record.intrinsic))),
    ]
}

/// Tasks that a helper thread works for: there are none, every task runs on any thread.
fn threads(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    Ok(Answer::Value(Value::List(List::default())))
}

/// Whether builtins may run on helper threads. They always run where the task runs, so the mode
/// changes nothing; it is what the stretch has set, and 1 at its beginning.
fn set_thread_mode(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    match args.first() {
        None => value(i64::from(env.stretch.threaded)),
        Some(mode) => {
            env.stretch.threaded = mode.is_true();
            nothing()
        }
    }
}

/// `thread_pool("INIT", "MAIN" [, threads])`: there is no pool to set up.
fn thread_pool(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let named = |at: usize, name: &str| {
        args.get(at)
            .and_then(Value::as_str)
            .is_some_and(|text| text.as_str().eq_ignore_ascii_case(name))
    };
    let negative = args
        .get(2)
        .and_then(Value::as_int)
        .is_some_and(|threads| threads < 0);
    if named(0, "INIT") && named(1, "MAIN") && !negative {
        value(1)
    } else {
        Err(ErrorCode::InvArg.into())
    }
}
