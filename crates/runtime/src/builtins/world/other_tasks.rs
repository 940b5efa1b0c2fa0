//! Tasks and other tasks: who is at work, who was, whether one exists, waiting for its end; and tasks that take back what they did.
//!
//! In: numbers of tasks. Out: rows of tasks, truth, requests to wait, the end of the calling task.

use moor_value::{ErrorCode, Value};
use moor_vm::AbortReason;

use super::tasks::{TICKS, delay, parked_owner, refused, shown_rows};
use crate::builtins::arg::Args;
use crate::builtins::env::{Answer, Env, Reply, value};
use crate::builtins::spec::world;
use crate::builtins::{BuiltinSpec, Raise};
use crate::ids::TaskId;
use crate::request::Request;
use crate::stretch::Rollback;
use crate::task::ActiveTask;

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("active_tasks", 0..=0, [], MooR, active_tasks).doc(
        "",
        "LIST",
        "The tasks that are being run at this moment, the calling one among them: the caller's, to a wizard all. A list for each, as \
         `queued_tasks()` has them, of the verb that the task began with; its line and its size are 0.",
    ),
    world!("finished_tasks", 0..=0, [], ToastStunt, finished_tasks)
        .doc(
            "",
            "LIST",
            "The last runs of tasks that are over, the newest last, as many as `$server_options.finished_tasks_limit` said when \
             `load_server_options()` was called: 1,000 at most, and none unless it is said. A task that has waited has several runs. A map \
             for each: `verb` (as it was called), `fullverb` (its names), `object` (where it is defined), `this`, `receiver`, `player`, \
             `programmer`, `foreground` (0 if the task was forked or had waited), `suspended` (1 if the run ended in waiting) and `time` \
             (in seconds). `this` is the receiver where it is no object with a number.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("rollback", 0..=1, [Any], MooR, rollback)
        .doc(
            "show_output",
            "never",
            "Ends the task, and nothing of this stretch of it happens: no change, no fork, no output, unless `show_output` is true. \
             What it did to files stays.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("suspend_if_needed", 0..=1, [Int], MooR, suspend_if_needed)
        .truth()
        .doc(
            "ticks",
            "INT",
            "1, after `commit()`, if fewer ticks are left than told (4,000 unless given); else 0, and nothing happens.",
        )
        .raises("E_INVARG if the ticks are negative"),
    world!("valid_task", 1..=1, [Int], MooR, valid_task)
        .truth()
        .doc(
            "task",
            "INT",
            "1 if there is a task of that number, at work or waiting, else 0.",
        ),
    world!("wait_task", 1..=2, [Int, Num], MooR, wait_task)
        .truth()
        .doc(
            "task seconds",
            "INT",
            "Waits until a task has ended, for so many seconds at most. 1 if there is no such task any more, else 0.",
        )
        .raises(
            "E_INVARG if it is the calling task, or the seconds are negative; E_PERM unless the task is the caller's own, or a \
             wizard calls; E_QUOTA if the owner has too many tasks already",
        )
        .permission("owners of the task and wizards"),
];

/// Ticks below which `suspend_if_needed()` yields, unless told otherwise.
const NEEDED_TICKS: i64 = 4_000;

fn active_tasks(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    let (perms, wizard) = (env.perms(), env.is_wizard());
    let mut tasks = env.stretch.runtime.queue.active.all();
    tasks.retain(|task| wizard || task.programmer == perms);
    value(shown_rows(env, tasks.iter().map(row)))
}

fn finished_tasks(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    value(env.stretch.runtime.finished.to_values())
}

/// A task at work in the columns of `queued_tasks()`.
fn row(task: &ActiveTask) -> Vec<Value> {
    vec![
        Value::Int(task.id.0),
        Value::Int(i64::try_from(task.since.as_secs()).unwrap_or(i64::MAX)),
        Value::Int(0),
        Value::Int(TICKS),
        Value::Obj(task.programmer),
        task.verb.definer.clone(),
        Value::Str(task.verb.names.clone()),
        Value::Int(0),
        task.this.clone(),
        Value::Int(0),
    ]
}

/// The task goes back to the beginning of its stretch and ends there.
fn rollback(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    env.stretch.rollback = Some(match args.flag(0) {
        true => Rollback::WithOutput,
        false => Rollback::Silent,
    });
    Ok(Answer::Abort(AbortReason::Killed))
}

fn suspend_if_needed(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let ticks = args.given(0).map_or(Ok(NEEDED_TICKS), |_| args.int(0))?;
    if ticks < 0 {
        return Err(ErrorCode::InvArg.into());
    }
    match env.context.ticks_left() < ticks {
        true => {
            let answer = env.stretch.truth(Value::Int(1));
            Ok(Answer::Suspend(Request::Yield(answer)))
        }
        false => value(0),
    }
}

fn valid_task(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let id = TaskId(args.int(0)?);
    value(i64::from(id == env.stretch.task || exists(env, id)))
}

/// Whether there is another task of that number, as this stretch leaves things.
fn exists(env: &Env<'_, '_, '_>, id: TaskId) -> bool {
    let queue = &env.stretch.runtime.queue;
    parked_owner(env, id).is_some()
        || !env.stretch.effects.kills(id) && (queue.contains(id) || queue.active.get(id).is_some())
}

fn wait_task(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let id = TaskId(args.int(0)?);
    let seconds = args.given(1).map(delay).transpose()?;
    if id == env.stretch.task {
        return Err(ErrorCode::InvArg.into());
    }
    if !exists(env, id) {
        return value(1);
    }
    may_wait_for(env, id)?;
    Ok(Answer::Suspend(Request::Task(id, seconds)))
}

/// `E_PERM` unless the caller may know when a task ends, as who may kill it.
fn may_wait_for(env: &mut Env<'_, '_, '_>, id: TaskId) -> Result<(), Raise> {
    let (perms, wizard) = (env.perms(), env.is_wizard());
    let queue = &env.stretch.runtime.queue;
    let owner = parked_owner(env, id);
    let owner = owner.or_else(|| queue.active.get(id).map(|task| task.programmer));
    match owner {
        Some(owner) if wizard || owner == perms => Ok(()),
        Some(_) => Err(ErrorCode::Perm.into()),
        None if queue.contains(id) => refused(queue.may_kill(id, perms, wizard)),
        None => Ok(()),
    }
}
