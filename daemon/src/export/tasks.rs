//! Tasks, from the words of the runtime to those of a textdump.
//!
//! In: a task as the runtime tells it. Out: the same as the file has it. It judges nothing.

use moor_dump::{Activation, ForkedTask, Frame, Slot, StoppedTask, Variable};
use moor_runtime::{ImportedActivation, ImportedCall, ImportedFork, StackValue, ToldTask};
use moor_value::{Str, Value};

/// When a task goes on that only goes on when somebody resumes it: a time that servers of 32 bits can read, too.
const FOREVER_S: i64 = i32::MAX as i64;
/// The most frames of a task: what those servers have unless they are told otherwise.
const FRAMES_MAX: i64 = 50;
/// Which part of the first program a task runs that runs the whole.
const WHOLE: i64 = -1;

/// A task that has not begun.
pub(super) fn forked(task: ImportedFork) -> ForkedTask {
    ForkedTask {
        id: task.id,
        start: i64::try_from(task.start_s).unwrap_or(i64::MAX),
        first_line: i64::from(task.line),
        activation: activation(&task.call),
        variables: variables(&task.call),
        source: lines(&task.call),
        line: 0,
    }
}

/// A task that has begun.
pub(super) fn stopped(told: ToldTask) -> StoppedTask {
    let task = told.task;
    let frames: Vec<Frame> = task.activations.into_iter().map(frame).collect();
    let start = task.start_s.map(i64::try_from);
    StoppedTask {
        id: task.id,
        start: start.map_or(FOREVER_S, |start| start.unwrap_or(i64::MAX)),
        value: task.value,
        status: Str::new(told.status),
        local: task.local,
        root_vector: task.fork.map_or(WHOLE, i64::from),
        root_function: 0,
        frames_max: FRAMES_MAX.max(frames.len() as i64),
        frames,
    }
}

fn frame(frame: ImportedActivation) -> Frame {
    let via = frame.via;
    Frame {
        language: frame.language,
        source: lines(&frame.call),
        line: 0,
        variables: variables(&frame.call),
        stack: frame.stack.into_iter().map(slot).collect(),
        activation: activation(&frame.call),
        temp: Slot::Value(Value::None),
        pc: frame.offset,
        builtin_pc: via.as_ref().map_or(0, |via| via.step),
        error_pc: frame.call_offset,
        builtin: via.as_ref().map_or(Str::EMPTY, |via| via.name.clone()),
        builtin_data: via.map_or_else(Vec::new, |via| via.notes),
    }
}

fn activation(call: &ImportedCall) -> Activation {
    Activation {
        this: call.this.clone(),
        player: call.player,
        progr: call.programmer,
        vloc: call.definer.clone(),
        verb: call.verb.clone(),
        verb_names: call.verb_names.clone(),
        debug: call.debug,
        threaded: true,
    }
}

fn variables(call: &ImportedCall) -> Vec<Variable> {
    let variables = call.variables.iter().cloned();
    variables
        .map(|(name, value)| Variable { name, value })
        .collect()
}

fn lines(call: &ImportedCall) -> Vec<String> {
    call.source.lines().map(str::to_owned).collect()
}

fn slot(value: StackValue) -> Slot {
    match value {
        StackValue::Value(value) => Slot::Value(value),
        StackValue::Iterator(key) => Slot::Iterator(key),
        StackValue::Catch(arms) => Slot::Catch(arms),
        StackValue::Finally(offset) => Slot::Finally(offset),
    }
}
