//! Tasks, from the words of a textdump to those of the runtime.
//!
//! In: a task as the file has it. Out: the same as the runtime wants it. It judges nothing.

use moor_dump::{Activation, ForkedTask, Frame, Slot, StoppedTask, Variable};
use moor_runtime::{
    ImportedActivation, ImportedBuiltin, ImportedCall, ImportedFork, ImportedTask, StackValue,
};
use moor_value::{Str, Value};

/// When LambdaMOO and Stunt let a task go on that was suspended for ever; ToastStunt has numbers beyond all times.
const FOREVER_S: i64 = i32::MAX as i64;
/// Seconds since 1970 that no clock comes to.
const BEYOND_S: i64 = 1_000_000_000_000_000;

/// A task that has not begun.
pub(super) fn forked(task: &ForkedTask) -> ImportedFork {
    ImportedFork {
        id: task.id,
        start_s: u64::try_from(task.start).unwrap_or(0),
        line: u32::try_from(task.first_line).unwrap_or(1),
        call: call(&task.activation, &task.source, &task.variables),
    }
}

/// A task that had begun. One that was interrupted goes on at once.
pub(super) fn stopped(task: &StoppedTask, is_interrupted: bool) -> ImportedTask {
    let is_forever = task.start == FOREVER_S || task.start >= BEYOND_S;
    let start = u64::try_from(task.start).unwrap_or(0);
    ImportedTask {
        id: task.id,
        start_s: (is_interrupted || !is_forever).then_some(start),
        value: task.value.clone(),
        local: task.local.clone(),
        fork: u32::try_from(task.root_vector).ok(),
        activations: task.frames.iter().map(activation).collect(),
    }
}

fn activation(frame: &Frame) -> ImportedActivation {
    ImportedActivation {
        call: call(&frame.activation, &frame.source, &frame.variables),
        language: frame.language,
        stack: frame.stack.iter().map(stack_value).collect(),
        offset: frame.pc,
        call_offset: frame.error_pc,
        via: (frame.builtin_pc != 0).then(|| ImportedBuiltin {
            name: Str::new(&frame.builtin.as_str().to_ascii_lowercase()),
            step: frame.builtin_pc,
            notes: frame.builtin_data.clone(),
        }),
    }
}

fn call(activation: &Activation, source: &[String], variables: &[Variable]) -> ImportedCall {
    let variables = variables.iter();
    ImportedCall {
        this: activation.this.clone(),
        player: activation.player,
        programmer: activation.progr,
        definer: activation.vloc.clone(),
        verb: activation.verb.clone(),
        verb_names: activation.verb_names.clone(),
        debug: activation.debug,
        source: source.join("\n"),
        variables: variables
            .map(|variable| (variable.name.clone(), variable.value.clone()))
            .collect(),
    }
}

fn stack_value(slot: &Slot) -> StackValue {
    match slot {
        Slot::Value(value) => StackValue::Value(value.clone()),
        Slot::Clear => StackValue::Value(Value::None),
        Slot::Iterator(key) => StackValue::Iterator(key.clone()),
        Slot::Catch(arms) => StackValue::Catch(*arms),
        Slot::Finally(offset) => StackValue::Finally(*offset),
    }
}
