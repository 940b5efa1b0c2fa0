//! Calling and returning: verbs, builtin functions that call verbs, waifs that are indexed, forked tasks.

use std::sync::Arc;

use moor_bytecode::Program;
use moor_value::{ErrorCode, List, ObjId, Str, Symbol, Value, ValueType};

use crate::context::Context;
use crate::frame::{Command, Frame};
use crate::host::{BuiltinOutcome, Call, Host, Name, WAIF_PREFIX};
use crate::outcome::{Outcome, TaskLimits};
use crate::raise::Raise;
use crate::registers::{int_over_plain, put, set_obj, shift};
use crate::run::{CalledName, Fuel};
use crate::verb::{Verb, VerbTable};
use crate::vm::{NewFrame, Vm};

/// Why a verb could not be called.
enum Refused {
    Code(ErrorCode),
    Raise(Box<Raise>),
}

/// A verb that is called, and the name that it is called by (see [`Frame`]).
struct Found {
    verb: u32,
    called_as: Option<Box<Str>>,
    operand: u16,
}

impl From<Box<Raise>> for Refused {
    fn from(raise: Box<Raise>) -> Self {
        Self::Raise(raise)
    }
}

/// The name by which a verb is called on a value: a waif's verbs are those of its class that begin with
/// [`WAIF_PREFIX`].
#[inline]
fn name_on(receiver: &Value, text: &Str) -> Str {
    match receiver {
        Value::Waif(_) => Str::from(format!("{WAIF_PREFIX}{text}")),
        _ => text.clone(),
    }
}

/// Whether a verb that a program calls inherits what the program has assigned to variables.
#[inline(always)]
fn hands_on_variables(program: &Program) -> bool {
    program.player.is_some() || !program.command.is_empty()
}

impl Vm {
    /// Raises an error in the top frame, or without its debug flag makes the code the awaited value.
    #[cold]
    pub(crate) fn fail<H: Host>(
        &mut self,
        raise: Box<Raise>,
        host: &mut H,
    ) -> Option<Outcome<H::Request>> {
        let debug = self.frames.last().is_some_and(|frame| frame.debug);
        if debug || raise.fatal {
            return self.raise(raise, host);
        }
        self.set_result(raise.code);
        None
    }

    /// Calls a verb in the usual case: an object is called by a name of the program, and this task has called it so
    /// before. `false`, and nothing happened, where it is not so simple.
    #[inline(never)]
    pub(crate) fn call_known<H: Host>(
        &mut self,
        host: &mut H,
        limits: &TaskLimits,
        base: u16,
        argc: u8,
        name: u16,
    ) -> bool {
        let depth = self.frames.len();
        let caller = &self.frames[depth - 1];
        let (player, command, window) = (caller.player, caller.command, caller.base as usize);
        let program = &self.verbs.get(caller.verb).program;
        let top = window + usize::from(program.registers);
        let receiver = window + usize::from(base);
        let Value::Obj(this) = self.stack[receiver] else {
            return false;
        };
        let symbol = program.names[usize::from(name)].symbol;
        let Some(verb) = host.known_verb(this, symbol) else {
            return false;
        };
        let Some(index) = self.verbs.known(verb) else {
            return false;
        };
        let argc = usize::from(argc);
        let callee_base = top + argc;
        let callee_top = callee_base + usize::from(verb.program.registers);
        let args = &self.stack[receiver + 1..receiver + 1 + argc];
        if hands_on_variables(program)
            || depth >= limits.stack_depth
            || callee_top > self.stack.len()
            || limits.check_args(args).is_err()
        {
            return false;
        }
        let (below, above) = self.stack.split_at_mut(top);
        for (to, from) in above
            .iter_mut()
            .zip(&mut below[receiver + 1..receiver + 1 + argc])
        {
            shift(to, from);
        }
        self.frames.push(Frame::EMPTY);
        let frame = &mut self.frames[depth];
        frame.verb = index;
        frame.base = callee_base as u32;
        frame.argc = argc as u32;
        frame.command = command;
        frame.operand = name;
        frame.debug = verb.debug;
        frame.player = player;
        frame.perms = verb.owner;
        set_obj(&mut frame.this, this);
        true
    }

    #[inline]
    #[allow(clippy::too_many_arguments)] // the parts of one instruction
    pub(crate) fn call_verb<H: Host>(
        &mut self,
        host: &mut H,
        limits: &TaskLimits,
        base: u16,
        args: u16,
        argc: u32,
        name: CalledName,
        is_spread: bool,
    ) -> Option<Outcome<H::Request>> {
        let window = self.frames[self.frames.len() - 1].base as usize;
        let receiver = window + usize::from(base);
        if !is_spread {
            let from = window + usize::from(args);
            if let Err(raise) = limits.check_args(&self.stack[from..from + argc as usize]) {
                return self.fail(raise, host);
            }
        }
        let refused = match self.find(host, limits, window, receiver, name) {
            Ok(found) => {
                let top = self.top();
                let from = window + usize::from(args);
                if !is_spread {
                    let argc = self.move_args(from, argc as usize, top);
                    self.enter(host, found, receiver, argc, top);
                    return None;
                }
                match self.stack[from].take() {
                    Value::List(list) => {
                        let argc = self.spread(list, top);
                        self.enter(host, found, receiver, argc, top);
                        return None;
                    }
                    value => Raise::type_mismatch(&value, &[ValueType::List]),
                }
            }
            Err(Refused::Raise(raise)) => raise,
            Err(Refused::Code(code)) => self.refusal(code, window, receiver, name),
        };
        self.fail(refused, host)
    }

    /// Moves arguments to where a callee's belong.
    #[inline(always)] // a part of each call
    pub(crate) fn move_args(&mut self, from: usize, argc: usize, top: usize) -> u32 {
        if self.stack.len() < top + argc {
            self.grow(top + argc);
        }
        let (below, above) = self.stack.split_at_mut(top);
        for (to, from) in above.iter_mut().zip(&mut below[from..from + argc]) {
            shift(to, from);
        }
        argc as u32
    }

    #[cold]
    fn refusal(
        &self,
        code: ErrorCode,
        window: usize,
        receiver: usize,
        name: CalledName,
    ) -> Box<Raise> {
        let text = match name {
            CalledName::Fixed(n) => {
                let frame = &self.frames[self.frames.len() - 1];
                self.verbs.get(frame.verb).program.names[usize::from(n)]
                    .text
                    .clone()
            }
            CalledName::Register(r) => match &self.stack[window + usize::from(r)] {
                Value::Str(text) => text.clone(),
                _ => Str::EMPTY,
            },
        };
        let text = name_on(&self.stack[receiver], &text);
        Raise::verb(code, &self.stack[receiver], text.as_str())
    }

    /// Makes a symbol that names a verb the string that it stands for.
    fn spell_out(&mut self, register: usize) {
        if let Value::Sym(name) = &self.stack[register] {
            self.stack[register] = Value::from(name.as_str());
        }
    }

    /// Finds the verb; nothing is changed when there is none, but a symbol in place of its name.
    #[inline(always)]
    fn find<H: Host>(
        &mut self,
        host: &mut H,
        limits: &TaskLimits,
        window: usize,
        receiver: usize,
        name: CalledName,
    ) -> Result<Found, Refused> {
        if let CalledName::Register(r) = name {
            self.spell_out(window + usize::from(r));
        }
        let frame = &self.frames[self.frames.len() - 1];
        let program = &self.verbs.get(frame.verb).program;
        let (call_name, text) = match name {
            CalledName::Fixed(n) => {
                let name = &program.names[usize::from(n)];
                (
                    Name {
                        symbol: Some(name.symbol),
                        text: name.text.as_str(),
                    },
                    &name.text,
                )
            }
            CalledName::Register(r) => match &self.stack[window + usize::from(r)] {
                Value::Str(text) => (
                    Name {
                        symbol: Symbol::lookup(text.as_str()),
                        text: text.as_str(),
                    },
                    text,
                ),
                _ => return Err(Refused::Code(ErrorCode::Type)),
            },
        };
        let receiver_value = &self.stack[receiver];
        if receiver_value.is_none() {
            return Err(Refused::Raise(self.unset_register(receiver - window)));
        }
        let verb = host
            .find_verb(receiver_value, call_name)
            .map_err(Refused::Code)?;
        if self.frames.len() >= limits.stack_depth {
            return Err(Refused::Code(ErrorCode::MaxRec));
        }
        let called_as = match (receiver_value, name) {
            (Value::Waif(_), _) | (_, CalledName::Register(_)) => {
                Some(Box::new(name_on(receiver_value, text)))
            }
            (_, CalledName::Fixed(_)) => None,
        };
        let operand = match name {
            CalledName::Fixed(n) => n,
            CalledName::Register(_) => 0,
        };
        let verb = self.verbs.intern(verb);
        Ok(Found {
            verb,
            called_as,
            operand,
        })
    }

    #[cold]
    fn unset_register(&self, register: usize) -> Box<Raise> {
        let frame = &self.frames[self.frames.len() - 1];
        let program = &self.verbs.get(frame.verb).program;
        let register = u16::try_from(register).unwrap_or(moor_bytecode::UNSET);
        Raise::variable(program.variable_name(register, frame.at()))
    }

    /// Puts the elements of a list where the callee's arguments belong.
    pub(crate) fn spread(&mut self, list: List, top: usize) -> u32 {
        let argc = list.len();
        if self.stack.len() < top + argc {
            self.grow(top + argc);
        }
        for (slot, value) in self.stack[top..].iter_mut().zip(list.into_vec()) {
            *slot = value;
        }
        argc as u32
    }

    /// Pushes the frame of a verb that the top frame calls.
    #[inline(always)]
    fn enter<H: Host>(
        &mut self,
        host: &mut H,
        found: Found,
        receiver: usize,
        argc: u32,
        top: usize,
    ) {
        let (player, command) = self.inherited(host);
        self.push_frame(
            NewFrame {
                verb: found.verb,
                argc,
                command,
                player,
                this: Value::None,
                called_as: found.called_as,
                operand: found.operand,
                via: None,
            },
            top,
        );
        let callee = self.frames.len() - 1;
        shift(&mut self.frames[callee].this, &mut self.stack[receiver]);
        if self.verbs.is_full() {
            let frames = &mut self.frames;
            self.verbs
                .sweep(frames.iter_mut().map(|frame| &mut frame.verb));
        }
    }

    /// What a callee of the top frame inherits: who is playing, and the variables of the command.
    #[inline(always)]
    pub(crate) fn inherited<H: Host>(&mut self, host: &mut H) -> (ObjId, u32) {
        let frame = &self.frames[self.frames.len() - 1];
        let program = &self.verbs.get(frame.verb).program;
        if !hands_on_variables(program) {
            return (frame.player, frame.command);
        }
        self.inherited_from_variables(host)
    }

    /// As [`inherited`](Self::inherited), for a program that assigns some of these variables.
    #[cold]
    fn inherited_from_variables<H: Host>(&mut self, host: &mut H) -> (ObjId, u32) {
        let frame = &self.frames[self.frames.len() - 1];
        let program = self.verbs.get(frame.verb).program.clone();
        let registers = &self.stack[frame.base as usize..];
        let mut player = frame.player;
        if let Some(register) = program.player
            && let Value::Obj(assigned) = registers[usize::from(register)]
            && host.is_wizard(frame.perms)
        {
            player = assigned;
        }
        let mut index = frame.command;
        if !program.command.is_empty() {
            let mut command = self.commands[index as usize].clone();
            for &(variable, register) in &program.command {
                *command.fields_mut()[variable as usize] = registers[usize::from(register)].clone();
            }
            index = self.commands.len() as u32;
            self.commands.push(command);
        }
        (player, index)
    }

    /// Calls code for a builtin function.
    pub(crate) fn call<H: Host>(
        &mut self,
        mut call: Call,
        host: &mut H,
        limits: &TaskLimits,
    ) -> Option<Outcome<H::Request>> {
        if self.frames.len() >= limits.stack_depth {
            return match call.then {
                // The function goes on as if its verb had returned 0: it may have changes to finish.
                Some(then) => {
                    self.unwind_builtin(*then, host);
                    self.fail(Raise::new(ErrorCode::MaxRec), host)
                }
                None => self.fail(Raise::new(ErrorCode::MaxRec), host),
            };
        }
        let (player, mut command) = self.inherited(host);
        if let Some(own) = call.command.take() {
            command = self.commands.len() as u32;
            self.commands.push(own);
        }
        let verb = self.verbs.intern(&call.verb);
        let top = self.top();
        let argc = self.spread(List::from_vec(std::mem::take(&mut call.args)), top);
        let Call {
            this,
            called_as,
            then: via,
            as_command,
            ..
        } = call;
        self.push_frame(
            NewFrame {
                verb,
                argc,
                command,
                player,
                this,
                called_as: Some(Box::new(called_as)),
                operand: 0,
                via,
            },
            top,
        );
        if let Some(frame) = self.frames.last_mut() {
            frame.as_command = as_command;
        }
        None
    }

    /// Does what a builtin function wants; its calling frame is the top one.
    pub(crate) fn builtin_outcome<H: Host>(
        &mut self,
        outcome: BuiltinOutcome<H::Request>,
        host: &mut H,
        limits: &TaskLimits,
    ) -> Option<Outcome<H::Request>> {
        match outcome {
            BuiltinOutcome::Return(value) => {
                self.set_result(value);
                None
            }
            BuiltinOutcome::ReturnInt(n) => {
                self.set_result(Value::Int(n));
                None
            }
            BuiltinOutcome::Raise(raise) => self.fail(raise, host),
            BuiltinOutcome::Call(call) => self.call(*call, host, limits),
            BuiltinOutcome::Suspend(request) => Some(Outcome::Suspended(request)),
            BuiltinOutcome::Abort(reason) => Some(self.abort(reason)),
            BuiltinOutcome::Resize(sizes) => {
                limits.sizes.set(sizes);
                self.set_result(Value::ZERO);
                None
            }
        }
    }

    /// The top frame returns an integer to code, the usual case of a return. `false`, and nothing happened, when it was
    /// not called by code.
    #[inline(always)]
    pub(crate) fn return_int(&mut self, n: i64) -> bool {
        let depth = self.frames.len();
        if depth < 2 || !self.pop_plain_frame() {
            return false;
        }
        let caller = &self.frames[depth - 2];
        let at = caller.base as usize + usize::from(caller.result);
        int_over_plain(&mut self.stack[at], n);
        true
    }

    /// The top frame returns.
    #[inline]
    pub(crate) fn return_value<H: Host>(
        &mut self,
        value: Value,
        host: &mut H,
        limits: &TaskLimits,
        fuel: &mut Fuel,
    ) -> Option<Outcome<H::Request>> {
        let via = self.pop_frame();
        let Some(caller) = self.frames.last() else {
            self.reset();
            return Some(Outcome::Returned(value));
        };
        match via {
            None => {
                let at = caller.base as usize + usize::from(caller.result);
                put(&mut self.stack[at], value);
                None
            }
            Some(pending) => {
                let mut context = Context {
                    frames: &mut self.frames,
                    verbs: &self.verbs,
                    commands: &self.commands,
                    root_caller: &self.root_caller,
                    ticks_left: fuel.left(),
                };
                let outcome = host.resume_builtin(*pending, value, false, &mut context);
                self.builtin_outcome(outcome, host, limits)
            }
        }
    }

    /// Calls a waif's verb for indexing it.
    #[cold]
    pub(crate) fn call_waif<H: Host>(
        &mut self,
        waif: Value,
        name: &'static str,
        args: Vec<Value>,
        host: &mut H,
        limits: &TaskLimits,
    ) -> Option<Outcome<H::Request>> {
        let text = Str::new(name);
        let call_name = Name {
            symbol: Some(Symbol::intern(name)),
            text: name,
        };
        let found =
            host.waif_is_indexable(&waif)
                .and_then(|()| match host.find_verb(&waif, call_name) {
                    Ok(verb) => Ok(verb.clone()),
                    Err(ErrorCode::VerbNf) => Err(ErrorCode::Type),
                    Err(code) => Err(code),
                });
        match found {
            Ok(verb) => {
                let called_as = name_on(&waif, &text);
                let call = Call {
                    verb,
                    this: waif,
                    called_as,
                    args,
                    command: None,
                    as_command: false,
                    then: None,
                };
                self.call(call, host, limits)
            }
            Err(code) => self.fail(Raise::new(code), host),
        }
    }

    /// The task that a `fork` statement starts: one frame with a copy of the registers.
    pub(crate) fn forked(
        (frame, called_as): (&Frame, &Str),
        (verbs, commands, caller): (&VerbTable, &[Command], Value),
        args: &[Value],
        registers: &[Value],
        body: u16,
        task_variable: Option<u16>,
    ) -> Self {
        let mut table = VerbTable::default();
        let verb: &Arc<Verb> = verbs.get(frame.verb);
        let verb = table.intern(verb);
        let called_as = Some(Box::new(called_as.clone()));
        let stack: Vec<Value> = args.iter().chain(registers).cloned().collect();
        let base = args.len() as u32;
        let child = Frame {
            verb,
            base,
            command: 0,
            pc: u32::from(body),
            via: None,
            as_command: false,
            called_as,
            ..frame.clone()
        };
        Self {
            stack,
            frames: vec![child],
            verbs: table,
            commands: vec![commands[frame.command as usize].clone()],
            root_caller: caller,
            pending: None,
            task_variable,
            tells_variables: false,
        }
    }
}
