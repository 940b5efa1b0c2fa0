//! A task as bytes (docs/formats/task.md), so that it survives the server's end.
//!
//! The bytes are self-contained: they hold each program once, the frames, the registers. What is decoded is checked
//! as strictly as a program is verified; damaged or hostile bytes are an error and nothing else.

use std::sync::Arc;

use moor_bytecode::bytes::{ReadError, Reader, Writer};
use moor_bytecode::{DecodeError, Program};
use moor_value::codec::HandleResolver;
use moor_value::{ObjId, Str, Symbol};
use thiserror::Error;

use crate::frame::{Command, Frame, PendingBuiltin, called_as};
use crate::raise::Raise;
use crate::verb::{Verb, VerbTable};
use crate::vm::Vm;

/// The version that [`Vm::encode`] writes, the first byte of the encoding.
const FORMAT_VERSION: u8 = 1;
/// No register.
const NO_REGISTER: u16 = u16::MAX;

/// Why bytes are not a task.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StateError {
    /// Written by another version of the format.
    #[error("task format {0}; this server reads format {FORMAT_VERSION}")]
    Version(u8),
    /// Damaged bytes.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A program is damaged.
    #[error(transparent)]
    Program(#[from] DecodeError),
    /// The task waits in a builtin function that this server has not got.
    #[error("unknown builtin function {0}")]
    Builtin(String),
    /// A number points outside its table.
    #[error("the task's {0} is out of range")]
    Range(&'static str),
}

/// What decoding a task needs from outside.
pub trait StateResolver: HandleResolver {
    /// The number of the builtin function of that name.
    fn builtin(&self, name: &str) -> Option<u16>;
}

impl Vm {
    /// The task's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.u8(FORMAT_VERSION);
        let mut verbs = self.verbs.clone();
        let mut frames = self.frames.clone();
        verbs.sweep(frames.iter_mut().map(|frame| &mut frame.verb));
        w.count(verbs.all().len());
        verbs.all().iter().for_each(|verb| put_verb(&mut w, verb));
        w.count(self.commands.len());
        for command in &self.commands {
            command
                .fields()
                .into_iter()
                .for_each(|value| w.value(value));
        }
        w.value(&self.root_caller);
        w.u16(self.task_variable.unwrap_or(NO_REGISTER));
        put_raise(&mut w, self.pending.as_deref());
        w.count(frames.len());
        for (at, frame) in frames.iter().enumerate() {
            put_frame(&mut w, frame, called_as(&frames, &verbs, at));
        }
        let top = self.top();
        w.count(top);
        self.stack[..top].iter().for_each(|value| w.value(value));
        w.out
    }

    /// The task of these bytes.
    ///
    /// # Errors
    /// Each [`StateError`] as its own description says.
    pub fn decode<R: StateResolver>(bytes: &[u8], resolver: &mut R) -> Result<Self, StateError> {
        let mut r = Reader { input: bytes };
        let version = r.u8()?;
        if version != FORMAT_VERSION {
            return Err(StateError::Version(version));
        }
        let mut verbs = VerbTable::default();
        // Equal verbs were written once each and are distinct here, so each gets its own index in order.
        for verb in r.many(|r| take_verb(r, resolver))? {
            verbs.intern(&Arc::new(verb));
        }
        let commands = r.many(|r| take_command(r, resolver))?;
        let root_caller = r.value(resolver)?;
        let task_variable = Some(r.u16()?).filter(|&register| register != NO_REGISTER);
        let pending = take_raise(&mut r, resolver)?;
        let frames = r.many(|r| take_frame(r, resolver))?;
        let stack = r.many(|r| Ok::<_, StateError>(r.value(resolver)?))?;
        let vm = Self {
            stack,
            frames,
            verbs,
            commands,
            root_caller,
            pending,
            task_variable,
            tells_variables: false,
        };
        vm.check()?;
        Ok(vm)
    }

    /// The machine's invariants, for what comes from outside.
    pub(crate) fn check(&self) -> Result<(), StateError> {
        let range = |holds: bool, what| {
            if holds {
                Ok(())
            } else {
                Err(StateError::Range(what))
            }
        };
        range(!self.frames.is_empty(), "stack of frames")?;
        let mut top = 0_usize;
        for frame in &self.frames {
            range((frame.verb as usize) < self.verbs.all().len(), "verb")?;
            let program = &self.verbs.get(frame.verb).program;
            let start = (frame.base as usize).checked_sub(frame.argc as usize);
            range(start == Some(top), "frame")?;
            top = frame.base as usize + usize::from(program.registers);
            range((frame.pc as usize) < program.code.len(), "instruction")?;
            range(frame.result < program.registers, "result")?;
            range((frame.command as usize) < self.commands.len(), "command")?;
        }
        let first = &self.verbs.get(self.frames[0].verb).program;
        range(
            self.task_variable.is_none_or(|r| r < first.registers),
            "task variable",
        )?;
        range(self.stack.len() == top, "stack")
    }
}

fn put_verb(w: &mut Writer, verb: &Verb) {
    w.value(&verb.definer);
    w.bytes(verb.names.as_bytes());
    w.i64(verb.owner.0);
    w.u8(u8::from(verb.debug));
    w.bytes(&verb.program.encode());
}

fn take_verb<R: StateResolver>(r: &mut Reader<'_>, resolver: &mut R) -> Result<Verb, StateError> {
    let definer = r.value(resolver)?;
    let names = r.text()?;
    let owner = ObjId(r.i64()?);
    let debug = r.u8()? != 0;
    let program = Program::decode(&mut r.bytes()?, &|name| resolver.builtin(name))?;
    Ok(Verb {
        program: Arc::new(program),
        definer,
        names,
        owner,
        debug,
        own_name: None,
    })
}

fn take_command<R: StateResolver>(
    r: &mut Reader<'_>,
    resolver: &mut R,
) -> Result<Command, StateError> {
    let mut command = Command::default();
    for field in command.fields_mut() {
        *field = r.value(resolver)?;
    }
    Ok(command)
}

fn put_raise(w: &mut Writer, raise: Option<&Raise>) {
    w.u8(u8::from(raise.is_some()));
    if let Some(raise) = raise {
        w.value(&raise.code);
        w.bytes(raise.message().as_bytes());
        w.value(&raise.value);
    }
}

fn take_raise<R: StateResolver>(
    r: &mut Reader<'_>,
    resolver: &mut R,
) -> Result<Option<Box<Raise>>, StateError> {
    if r.u8()? == 0 {
        return Ok(None);
    }
    let code = r.value(resolver)?;
    let message = r.text()?;
    Ok(Some(Raise::with(code, message, r.value(resolver)?)))
}

fn put_frame(w: &mut Writer, frame: &Frame, called_as: &Str) {
    for number in [frame.verb, frame.pc, frame.base, frame.argc, frame.command] {
        w.u32(number);
    }
    w.u16(frame.result);
    w.u8(u8::from(frame.debug) | u8::from(frame.as_command) << 1);
    w.i64(frame.player.0);
    w.i64(frame.perms.0);
    w.value(&frame.this);
    w.bytes(called_as.as_bytes());
    w.u8(u8::from(frame.via.is_some()));
    if let Some(via) = &frame.via {
        w.bytes(via.name.as_str().as_bytes());
        w.u32(via.step);
        w.value(&via.state);
    }
}

fn take_frame<R: StateResolver>(r: &mut Reader<'_>, resolver: &mut R) -> Result<Frame, StateError> {
    let [verb, pc, base, argc, command] = [r.u32()?, r.u32()?, r.u32()?, r.u32()?, r.u32()?];
    let (result, flags) = (r.u16()?, r.u8()?);
    Ok(Frame {
        verb,
        pc,
        base,
        argc,
        command,
        result,
        debug: flags & 1 != 0,
        as_command: flags & 2 != 0,
        player: ObjId(r.i64()?),
        perms: ObjId(r.i64()?),
        this: r.value(resolver)?,
        called_as: Some(Box::new(r.text()?)),
        operand: 0,
        via: take_pending(r, resolver)?,
    })
}

fn take_pending<R: StateResolver>(
    r: &mut Reader<'_>,
    resolver: &mut R,
) -> Result<Option<Box<PendingBuiltin>>, StateError> {
    if r.u8()? == 0 {
        return Ok(None);
    }
    let name: Str = r.text()?;
    let unknown = || StateError::Builtin(name.as_str().to_owned());
    let builtin = resolver.builtin(name.as_str()).ok_or_else(unknown)?;
    let (step, state) = (r.u32()?, r.value(resolver)?);
    let name = Symbol::intern(name.as_str());
    Ok(Some(Box::new(PendingBuiltin {
        builtin,
        name,
        step,
        state,
    })))
}
