//! A task made of frames that stopped elsewhere.
//!
//! In: verbs with the registers and the place of each. Out: a machine that waits as if it had suspended itself. What the frames
//! say is checked as strictly as the bytes of a stored task.

use std::sync::Arc;

use moor_value::{ObjId, Str, Value};

use crate::frame::{Command, Frame, PendingBuiltin};
use crate::state::StateError;
use crate::verb::{Verb, VerbTable};
use crate::vm::Vm;

/// A frame of a task that stopped.
#[derive(Clone, Debug)]
pub struct StoppedFrame {
    /// What it runs.
    pub verb: Arc<Verb>,
    /// The instruction at which it goes on.
    pub pc: u16,
    /// The register that receives what it called or waits for.
    pub result: u16,
    /// All registers of its program.
    pub registers: Vec<Value>,
    /// `this`.
    pub this: Value,
    /// The name that the verb was called by.
    pub called_as: Str,
    /// `player`.
    pub player: ObjId,
    /// Whose permissions it has.
    pub perms: ObjId,
    /// The variables of the command.
    pub command: Command,
    /// The builtin function that called it and goes on with its result; none where code did.
    pub via: Option<Box<PendingBuiltin>>,
}

impl Vm {
    /// A task that waits in the last of these frames, each called by the one before it. `caller` is what called the first.
    ///
    /// # Errors
    /// [`StateError::Range`]: there is no frame, or a number is outside its program.
    pub fn stopped(frames: Vec<StoppedFrame>, caller: Value) -> Result<Self, StateError> {
        let mut vm = Self {
            stack: Vec::new(),
            frames: Vec::with_capacity(frames.len()),
            verbs: VerbTable::default(),
            commands: Vec::with_capacity(frames.len()),
            root_caller: caller,
            pending: None,
            task_variable: None,
            tells_variables: false,
        };
        for (at, frame) in frames.into_iter().enumerate() {
            vm.frames.push(Frame {
                verb: vm.verbs.intern(&frame.verb),
                pc: u32::from(frame.pc),
                base: vm.stack.len() as u32,
                command: at as u32,
                result: frame.result,
                debug: frame.verb.debug,
                player: frame.player,
                perms: frame.perms,
                this: frame.this,
                called_as: Some(Box::new(frame.called_as)),
                via: frame.via,
                ..Frame::EMPTY
            });
            vm.stack.extend(frame.registers);
            vm.commands.push(frame.command);
        }
        vm.check()?;
        Ok(vm)
    }
}
