//! What a builtin function may see and change of the task that calls it.

use moor_value::{List, ObjId, Str, Value};

use crate::frame::{Command, Frame, called_as, caller};
use crate::trace::{self, StackRow};
use crate::verb::{Verb, VerbTable};

/// The calling task as a builtin function sees it. The calling frame is the top one.
#[derive(Debug)]
pub struct Context<'a> {
    pub(crate) frames: &'a mut [Frame],
    pub(crate) verbs: &'a VerbTable,
    pub(crate) commands: &'a [Command],
    pub(crate) root_caller: &'a Value,
    pub(crate) ticks_left: i64,
}

impl Context<'_> {
    /// The calling frame.
    pub fn frame(&self) -> &Frame {
        self.frames.last().expect("a builtin is called by a frame")
    }

    /// The frame's verb.
    pub fn verb(&self) -> &Verb {
        self.verbs.get(self.frame().verb)
    }

    /// The name that the frame's verb was called by.
    pub fn called_as(&self) -> &Str {
        called_as(self.frames, self.verbs, self.frames.len() - 1)
    }

    /// How many frames there are, at least 1.
    pub fn depth(&self) -> usize {
        self.frames.len()
    }

    /// Whose permissions the calling code has.
    pub fn perms(&self) -> ObjId {
        self.frame().perms
    }

    /// `set_task_perms()`.
    pub fn set_perms(&mut self, perms: ObjId) {
        self.frames
            .last_mut()
            .expect("a builtin is called by a frame")
            .perms = perms;
    }

    /// `caller_perms()`: `#-1` in a task's first frame, and in a verb that is called as a command.
    pub fn caller_perms(&self) -> ObjId {
        match &*self.frames {
            [.., below, frame] if !frame.as_command => below.perms,
            _ => ObjId::NOTHING,
        }
    }

    /// The value of `caller` at the frame's start.
    pub fn caller(&self) -> Value {
        caller(self.frames, self.root_caller)
    }

    /// The variables of the command as the calling frame inherited them.
    pub fn command(&self) -> &Command {
        &self.commands[self.frame().command as usize]
    }

    /// Who is playing in the task's first frame.
    pub fn task_player(&self) -> ObjId {
        self.frames[0].player
    }

    /// The ticks that are left of this stretch.
    pub fn ticks_left(&self) -> i64 {
        self.ticks_left
    }

    /// The stack from the calling frame outwards, builtin functions that called verbs included. The first row is
    /// the calling frame itself.
    pub fn stack(&self) -> Vec<StackRow> {
        trace::rows(self.frames, self.verbs, 0)
    }

    /// `callers()`: the rows outside the calling frame, as values.
    pub fn callers(&self, with_lines: bool) -> List {
        self.stack()
            .iter()
            .skip(1)
            .map(|row| row.to_value(with_lines))
            .collect()
    }

    /// The lines of a traceback from here, as the server log shows them.
    pub fn traceback(&self, message: &str) -> Vec<Str> {
        trace::lines(self.frames, self.verbs, message)
    }
}
