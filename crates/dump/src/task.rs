//! Queued tasks as a textdump holds them.
//! Forked tasks have not begun: their text and variables are all there is. Suspended and interrupted ones carry the
//! state of LambdaMOO's stack machine, which is kept here unjudged.

use std::fmt;

use moor_value::{ObjId, Str, Value};
use rustc_hash::FxHashSet;

/// All queued tasks.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tasks {
    /// Tasks of `fork` that have not begun.
    pub forked: Vec<ForkedTask>,
    /// Tasks in `suspend()` and the like.
    pub suspended: Vec<StoppedTask>,
    /// Tasks that waited for input or for another process: they go on with the value `E_INTRPT`.
    pub interrupted: Vec<StoppedTask>,
}

impl Tasks {
    /// Removes every task that has the number of one before it.
    pub(crate) fn remove_twins(&mut self) -> Vec<TwinTask> {
        let mut numbers = FxHashSet::default();
        let mut twins = Vec::new();
        let mut is_first = |id: i64, activation: Option<&Activation>| {
            let is_first = numbers.insert(id);
            if !is_first {
                twins.push(TwinTask {
                    id,
                    definer: activation.map_or(Value::None, |activation| activation.vloc.clone()),
                    verb_names: activation.map_or(Str::EMPTY, |known| known.verb_names.clone()),
                });
            }
            is_first
        };
        self.forked
            .retain(|task| is_first(task.id, Some(&task.activation)));
        for stopped in [&mut self.suspended, &mut self.interrupted] {
            stopped.retain(|task| is_first(task.id, task.activation()));
        }
        twins
    }
}

/// A task that was left out, as one before it has its number.
#[derive(Clone, PartialEq, Debug)]
pub struct TwinTask {
    /// The number.
    pub id: i64,
    /// The object that defines its verb.
    pub definer: Value,
    /// All names of the verb.
    pub verb_names: Str,
}

impl fmt::Display for TwinTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (definer, names) = (self.definer.to_literal(), &self.verb_names);
        write!(
            f,
            "task {} of {definer}:{names} is left out: a task before it has its number",
            self.id
        )
    }
}

/// A variable of a program.
#[derive(Clone, PartialEq, Debug)]
pub struct Variable {
    /// The name.
    pub name: Str,
    /// The value; `Value::None` when unbound.
    pub value: Value,
}

/// A task of `fork` that has not begun.
#[derive(Clone, PartialEq, Debug)]
pub struct ForkedTask {
    /// The task's number.
    pub id: i64,
    /// When it begins, in seconds since 1970.
    pub start: i64,
    /// The line of the verb at which the text stood.
    pub first_line: i64,
    /// In whose name it runs.
    pub activation: Activation,
    /// The variables with their values.
    pub variables: Vec<Variable>,
    /// The text of the fork's body, one line each: in the file's layout, after compilation in the canonical one.
    pub source: Vec<String>,
    /// The line of the file where the text begins, from 1.
    pub line: u64,
}

/// A task that is not in a file.
#[derive(Clone, PartialEq, Debug)]
pub struct LeftOut {
    /// The task's number.
    pub id: i64,
    /// Whose permissions it has.
    pub programmer: ObjId,
    /// The object that defines its verb.
    pub definer: Value,
    /// All names of the verb.
    pub verb_names: Str,
    /// Why, in words.
    pub reason: String,
}

/// Who runs what.
#[derive(Clone, PartialEq, Debug)]
pub struct Activation {
    /// `this`.
    pub this: Value,
    /// `player`.
    pub player: ObjId,
    /// Whose permissions it has.
    pub progr: ObjId,
    /// The object that defines the verb: an object or an anonymous object.
    pub vloc: Value,
    /// `verb`: the name that it was called by.
    pub verb: Str,
    /// All names of the verb.
    pub verb_names: Str,
    /// Whether errors are raised (the verb's `d`).
    pub debug: bool,
    /// Whether the builtins that can run on a thread of their own may (`set_thread_mode()`).
    pub threaded: bool,
}

/// A task that stopped in the middle.
#[derive(Clone, PartialEq, Debug)]
pub struct StoppedTask {
    /// The task's number.
    pub id: i64,
    /// When it goes on, in seconds since 1970; 0 for interrupted ones.
    pub start: i64,
    /// What the function in which it stopped returns.
    pub value: Value,
    /// What it waited for, in words; empty for suspended ones.
    pub status: Str,
    /// The task's local value (`task_local()`).
    pub local: Value,
    /// Which text of the first frame's program it runs: -1 the whole, else the fork of that number.
    pub root_vector: i64,
    /// The number of a builtin function at the bottom, 0 for none.
    pub root_function: i64,
    /// How many frames it may have.
    pub frames_max: i64,
    /// The frames, outermost first; never empty.
    pub frames: Vec<Frame>,
}

impl StoppedTask {
    /// Who runs what in the innermost frame.
    pub fn activation(&self) -> Option<&Activation> {
        self.frames.last().map(|frame| &frame.activation)
    }
}

/// A frame of LambdaMOO's stack machine.
#[derive(Clone, PartialEq, Debug)]
pub struct Frame {
    /// The version of the language that the program is in.
    pub language: u8,
    /// The whole program, as the file has it.
    pub source: Vec<String>,
    /// The line of the file where the program begins, from 1.
    pub line: u64,
    /// The variables with their values.
    pub variables: Vec<Variable>,
    /// The stack, bottom first.
    pub stack: Vec<Slot>,
    /// Who runs what.
    pub activation: Activation,
    /// The register that takes intermediate values.
    pub temp: Slot,
    /// The offset of the next instruction in LambdaMOO's bytecode.
    pub pc: u64,
    /// Where to go on in the builtin function that is under way; 0 for none.
    pub builtin_pc: u64,
    /// The offset of the instruction that errors and tracebacks name.
    pub error_pc: u64,
    /// The builtin function under way; empty for none.
    pub builtin: Str,
    /// What the builtin function noted, as lines of the file.
    pub builtin_data: Vec<Str>,
}

/// A place on LambdaMOO's stack.
#[derive(Clone, PartialEq, Debug)]
pub enum Slot {
    /// A value; `Value::None` for none.
    Value(Value),
    /// No value of its own: a property that shows its parent's.
    Clear,
    /// A loop over a map: the next key, or none behind the last.
    Iterator(Option<Value>),
    /// The mark of a `try` with `except`: how many arms it has.
    Catch(i64),
    /// The mark of a `try` with `finally`: where its handler is.
    Finally(i64),
}
