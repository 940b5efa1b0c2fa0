//! The machine: one task's stack, frames and verbs, and how a task starts, waits and goes on.
//!
//! Invariants: frame windows stand on the stack in order, each `registers` long with the frame's arguments just
//! below; every slot above the top frame's window is [`Value::None`]; `pc` is within the code.

use std::sync::Arc;

use moor_value::{List, ObjId, Str, Value};
use rustc_hash::FxHashSet;

use crate::frame::{Command, Frame, PendingBuiltin};
use crate::raise::Raise;
use crate::registers::clear;
use crate::trace::{self, StackRow};
use crate::verb::{Verb, VerbTable};

/// What a task begins with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The code.
    pub verb: Arc<Verb>,
    /// `this`.
    pub this: Value,
    /// `verb`.
    pub called_as: Str,
    /// `args`.
    pub args: Vec<Value>,
    /// `player`.
    pub player: ObjId,
    /// `caller`.
    pub caller: Value,
    /// `argstr`, `dobj` and so on.
    pub command: Command,
}

/// One task. A copy is a task of its own; values are shared until one of them changes.
#[derive(Clone, Debug)]
pub struct Vm {
    pub(crate) stack: Vec<Value>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) verbs: VerbTable,
    pub(crate) commands: Vec<Command>,
    pub(crate) root_caller: Value,
    /// An error that is to be raised when the task goes on.
    pub(crate) pending: Option<Box<Raise>>,
    /// The register of a forked task that holds its id, until it is known.
    pub(crate) task_variable: Option<u16>,
    /// Whether the stacks of errors have the variables of their frames.
    pub(crate) tells_variables: bool,
}

/// A frame about to be pushed.
pub(crate) struct NewFrame {
    pub(crate) verb: u32,
    pub(crate) argc: u32,
    pub(crate) command: u32,
    pub(crate) player: ObjId,
    pub(crate) this: Value,
    pub(crate) called_as: Option<Box<Str>>,
    pub(crate) operand: u16,
    pub(crate) via: Option<Box<PendingBuiltin>>,
}

impl Vm {
    /// A task that has not begun.
    pub fn new(start: Start) -> Self {
        let mut vm = Self {
            stack: Vec::with_capacity(start.args.len()),
            frames: Vec::with_capacity(8),
            verbs: VerbTable::default(),
            commands: vec![start.command],
            root_caller: start.caller,
            pending: None,
            task_variable: None,
            tells_variables: false,
        };
        let argc = start.args.len() as u32;
        vm.stack.extend(start.args);
        let verb = vm.verbs.intern(&start.verb);
        let (player, this) = (start.player, start.this);
        let called_as = Some(Box::new(start.called_as));
        vm.push_frame(
            NewFrame {
                verb,
                argc,
                command: 0,
                player,
                this,
                called_as,
                operand: 0,
                via: None,
            },
            0,
        );
        vm
    }

    /// Pushes a frame whose arguments already stand on the stack from `args_at`.
    #[inline(always)]
    pub(crate) fn push_frame(&mut self, new: NewFrame, args_at: usize) {
        let verb = self.verbs.get(new.verb);
        let base = args_at + new.argc as usize;
        let top = base + usize::from(verb.program.registers);
        let (debug, perms) = (verb.debug, verb.owner);
        if self.stack.len() < top {
            self.grow(top);
        }
        // An empty frame first, then part by part: nothing is built elsewhere and copied.
        self.frames.push(Frame::EMPTY);
        let at = self.frames.len() - 1;
        let frame = &mut self.frames[at];
        frame.verb = new.verb;
        frame.base = base as u32;
        frame.argc = new.argc;
        frame.command = new.command;
        frame.operand = new.operand;
        frame.debug = debug;
        frame.player = new.player;
        frame.perms = perms;
        frame.this = new.this;
        if new.called_as.is_some() || new.via.is_some() {
            frame.called_as = new.called_as;
            frame.via = new.via;
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn grow(&mut self, len: usize) {
        // `resize` would clone a value for each place.
        let len = len.max(self.stack.len() * 2);
        self.stack.resize_with(len, || Value::None);
    }

    /// Gives up what the stack has beyond the frames, which a task that waits does not need.
    pub(crate) fn settle(&mut self) {
        let top = self.top();
        self.stack.truncate(top);
        self.stack.shrink_to_fit();
    }

    /// Where the arguments of a frame called by the top frame go.
    #[inline]
    pub(crate) fn top(&self) -> usize {
        self.frames.last().map_or(0, |frame| {
            frame.base as usize + usize::from(self.verbs.get(frame.verb).program.registers)
        })
    }

    /// Removes the top frame and clears its window. Answers the builtin function that called it.
    #[inline(always)]
    pub(crate) fn pop_frame(&mut self) -> Option<Box<PendingBuiltin>> {
        let frame = self.frames.last_mut().expect("there is a frame to remove");
        let via = frame.via.take();
        let registers = self.verbs.get(frame.verb).program.registers;
        let start = (frame.base - frame.argc) as usize;
        let end = frame.base as usize + usize::from(registers);
        for slot in &mut self.stack[start..end] {
            clear(slot);
        }
        self.frames.truncate(self.frames.len() - 1);
        if let Some(caller) = self.frames.last()
            && self.commands.len() > caller.command as usize + 1
        {
            self.commands.truncate(caller.command as usize + 1);
        }
        via
    }

    /// As [`pop_frame`](Self::pop_frame), for a frame that code has called by a name of its program, where no further
    /// command was begun. `false`, and nothing happened, for another.
    #[inline(always)]
    pub(crate) fn pop_plain_frame(&mut self) -> bool {
        let depth = self.frames.len();
        let frame = &mut self.frames[depth - 1];
        let has_more = frame.via.is_some() || frame.called_as.is_some();
        if has_more || self.commands.len() > frame.command as usize + 1 {
            return false;
        }
        clear(&mut frame.this);
        let registers = self.verbs.get(frame.verb).program.registers;
        let start = (frame.base - frame.argc) as usize;
        let end = frame.base as usize + usize::from(registers);
        for slot in &mut self.stack[start..end] {
            clear(slot);
        }
        // Nothing in it is to be dropped any more.
        if let Some(frame) = self.frames.pop() {
            std::mem::forget(frame);
        }
        true
    }

    /// Empties the machine after its end.
    pub(crate) fn reset(&mut self) {
        self.frames.clear();
        self.stack.clear();
        self.pending = None;
    }

    /// Gives a suspended task the value that it waited for. An error is raised, see [`resume_raise`](Self::resume_raise).
    pub fn resume(&mut self, value: Value) {
        match Raise::of(&value) {
            Some(raise) => self.resume_raise(raise),
            None => self.set_result(value),
        }
    }

    /// Gives a suspended task an error instead: it is raised (or, without the debug flag, its code is the value).
    pub fn resume_raise(&mut self, raise: Box<Raise>) {
        self.pending = Some(raise);
    }

    /// The error that is raised when the task goes on.
    pub fn pending_raise(&self) -> Option<&Raise> {
        self.pending.as_deref()
    }

    pub(crate) fn set_result(&mut self, value: Value) {
        if let Some(frame) = self.frames.last() {
            self.stack[frame.base as usize + usize::from(frame.result)] = value;
        }
    }

    /// Tells a forked task its own id, for `fork NAME (..)`. Does nothing for other tasks.
    pub fn set_task_variable(&mut self, id: i64) {
        if let (Some(register), Some(frame)) = (self.task_variable.take(), self.frames.first()) {
            self.stack[frame.base as usize + usize::from(register)] = Value::Int(id);
        }
    }

    /// Gives a variable of the task's first frame a value before the task begins. False when its program does not
    /// mention the variable. Predefined variables are set by [`Start`] instead.
    pub fn set_variable(&mut self, name: &str, value: Value) -> bool {
        let Some(frame) = self.frames.first() else {
            return false;
        };
        let variables = &self.verbs.get(frame.verb).program.variables;
        let place = variables
            .iter()
            .position(|known| known.as_str().eq_ignore_ascii_case(name));
        let Some(place) = place else { return false };
        self.stack[frame.base as usize + place] = value;
        true
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.frames.is_empty()
    }

    /// The frames, the task's first one first.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The verb of a frame.
    pub fn verb_of(&self, frame: &Frame) -> &Arc<Verb> {
        self.verbs.get(frame.verb)
    }

    /// Whose permissions the task's current code has; `#-1` after its end.
    pub fn perms(&self) -> ObjId {
        self.frames
            .last()
            .map_or(ObjId::NOTHING, |frame| frame.perms)
    }

    /// `task_stack()`: from the current frame outwards.
    pub fn stack_rows(&self) -> Vec<StackRow> {
        trace::rows(&self.frames, &self.verbs, 0)
    }

    /// The stack as errors have it, which see `Uncaught::stack`.
    pub fn stack_list(&self) -> List {
        self.error_stack(0)
    }

    /// The variables of each frame that have values, by name, from the current frame outwards.
    pub fn variables(&self) -> Vec<Vec<(Str, Value)>> {
        let frames = self.frames.iter().rev();
        frames.map(|frame| self.variables_of(frame)).collect()
    }

    /// The variables of a frame that have values, by name.
    pub(crate) fn variables_of(&self, frame: &Frame) -> Vec<(Str, Value)> {
        let program = &self.verbs.get(frame.verb).program;
        // A task that has not begun stands at its first instruction, any other behind one.
        let at = match frame.pc as usize {
            pc if program.fork_body(pc).is_some() => pc,
            _ => frame.at(),
        };
        let values = &self.stack[frame.base as usize..];
        let mut named = FxHashSet::default();
        // Only a variable of a block hides another.
        let visible = program.variables_at(at).filter(|(name, _)| {
            program.locals.is_empty() || named.insert(name.as_str().to_ascii_lowercase())
        });
        let values = visible.map(|(name, register)| (name, &values[usize::from(register)]));
        let bound = values.filter(|(_, value)| !value.is_none());
        bound
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// Whether the stacks of errors and of ended tasks have a map of each frame's variables behind the line, for whom
    /// they are given to; not so unless said. It is no part of the task's stored state.
    pub fn tell_variables(&mut self, on: bool) {
        self.tells_variables = on;
    }

    /// Every value that the task holds, for what must know which handles are reachable.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        let this = self.frames.iter().map(|frame| &frame.this);
        let state = self
            .frames
            .iter()
            .filter_map(|frame| frame.via.as_ref().map(|via| &via.state));
        let commands = self.commands.iter().flat_map(|command| command.fields());
        self.stack
            .iter()
            .chain(this)
            .chain(state)
            .chain(commands)
            .chain([&self.root_caller])
    }
}
