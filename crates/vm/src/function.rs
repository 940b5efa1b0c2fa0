//! Functions: making one where it stands, and calling one.
//!
//! A call is that of a verb without a name to look up: its frame runs the function's program with `this` and the permissions
//! of where the function was made, and begins with the values that it captured. What a function is compiled to is kept with it;
//! one that comes from the store has nothing yet, and the host is asked once.

use std::sync::Arc;

use moor_bytecode::{FunctionCode, Program};
use moor_value::{ErrorCode, Lambda, List, Origin, Ready, Str, Value, ValueType};

use crate::frame::Frame;
use crate::host::Host;
use crate::outcome::{Outcome, TaskLimits};
use crate::raise::Raise;
use crate::verb::Verb;
use crate::vm::{NewFrame, Vm};

/// What a function without a name is called in tracebacks.
const NAMELESS: &str = "fn";

/// The function of `code`, made in this frame by this verb, whose registers are `regs`.
pub(crate) fn make(
    code: &FunctionCode,
    frame: &Frame,
    verb: &Verb,
    regs: &[Value],
    limits: &TaskLimits,
) -> Result<Value, Box<Raise>> {
    let names = code.program.captures.iter().map(|(name, _)| name);
    let values = code.captures.iter().map(|r| &regs[usize::from(*r)]);
    let held = names.zip(values).filter(|(_, value)| !value.is_none());
    let captured = held.map(|(name, value)| (name.clone(), value.clone()));
    let origin = Origin {
        this: frame.this.clone(),
        programmer: frame.perms,
        definer: verb.definer.clone(),
        verb_names: verb.names.clone(),
        debug: frame.debug,
        line: code.line,
    };
    let made = Lambda::new(code.source.clone(), captured.collect(), origin);
    let function = made.ok_or_else(|| Raise::new(ErrorCode::Quota))?;
    // It is new, so nothing is kept with it yet.
    let _ = function.ready(|function| Ok::<_, ()>(ready(function, Arc::clone(&code.program))));
    let value = Value::Lambda(function);
    limits.check_value(&value)?;
    Ok(value)
}

/// What is kept with a function: its program as the machine runs it.
fn ready(function: &Lambda, program: Arc<Program>) -> Ready {
    let origin = function.origin();
    let name = match program.own {
        Some(register) => Str::new(program.variable_name(register, 0)),
        None => Str::new(NAMELESS),
    };
    let names = Str::from(format!("{}.{name}", origin.verb_names));
    Box::new(Arc::new(Verb {
        program,
        definer: origin.definer.clone(),
        names,
        owner: origin.programmer,
        debug: origin.debug,
        own_name: Some(name),
    }))
}

impl Vm {
    /// Calls the function in the register `base` with the arguments behind it, or with the list behind it.
    pub(crate) fn call_function<H: Host>(
        &mut self,
        host: &mut H,
        limits: &TaskLimits,
        base: u16,
        argc: u32,
        is_spread: bool,
    ) -> Option<Outcome<H::Request>> {
        let window = self.frames[self.frames.len() - 1].base as usize;
        let callee = window + usize::from(base);
        let called = match self.stack[callee].take() {
            Value::Lambda(function) => self
                .find_function(host, limits, &function, callee, argc, is_spread)
                .map(|verb| (function, verb)),
            other => Err(Raise::type_mismatch(&other, &[ValueType::Lambda])),
        };
        let (function, verb) = match called {
            Ok(called) => called,
            Err(raise) => return self.fail(raise, host),
        };
        let top = self.top();
        let argc = match is_spread {
            true => match self.stack[callee + 1].take() {
                Value::List(list) => self.spread(list, top),
                _ => self.spread(List::new(), top),
            },
            false => self.move_args(callee + 1, argc as usize, top),
        };
        self.enter_function(host, function, verb, argc, top);
        None
    }

    /// The function's index among the verbs, where nothing is against calling it.
    fn find_function<H: Host>(
        &mut self,
        host: &mut H,
        limits: &TaskLimits,
        function: &Lambda,
        callee: usize,
        argc: u32,
        is_spread: bool,
    ) -> Result<u32, Box<Raise>> {
        let args = callee + 1;
        match is_spread {
            true => match &self.stack[args] {
                Value::List(_) => {}
                other => return Err(Raise::type_mismatch(other, &[ValueType::List])),
            },
            false => limits.check_args(&self.stack[args..args + argc as usize])?,
        }
        if self.frames.len() >= limits.stack_depth {
            return Err(Raise::new(ErrorCode::MaxRec));
        }
        let kept = function.ready(|function| {
            let program = host.function_program(function);
            program.map(|program| ready(function, program)).ok_or(())
        });
        let verb = kept.ok().and_then(|kept| kept.downcast_ref::<Arc<Verb>>());
        let verb = verb.ok_or_else(|| Raise::new(ErrorCode::InvArg))?;
        Ok(self.verbs.intern(verb))
    }

    /// Pushes the function's frame and gives it what it captured.
    fn enter_function<H: Host>(
        &mut self,
        host: &mut H,
        function: Lambda,
        verb: u32,
        argc: u32,
        top: usize,
    ) {
        let (player, command) = self.inherited(host);
        self.push_frame(
            NewFrame {
                verb,
                argc,
                command,
                player,
                this: function.origin().this.clone(),
                called_as: None,
                operand: 0,
                via: None,
            },
            top,
        );
        let program = &self.verbs.get(verb).program;
        let regs = &mut self.stack[top + argc as usize..];
        for (at, (name, register)) in program.captures.iter().enumerate() {
            if let Some(value) = captured(&function, at, name) {
                regs[usize::from(*register)] = value.clone();
            }
        }
        if let Some(own) = program.own {
            regs[usize::from(own)] = Value::Lambda(function);
        }
        if self.verbs.is_full() {
            let frames = &mut self.frames;
            self.verbs
                .sweep(frames.iter_mut().map(|frame| &mut frame.verb));
        }
    }
}

/// The captured value of that name, which stands at that place unless others had none.
fn captured<'f>(function: &'f Lambda, at: usize, name: &Str) -> Option<&'f Value> {
    let all = function.captured();
    let is_it = |entry: &&(Str, Value)| entry.0.eq_fold(name);
    let found = all.get(at).filter(is_it).or_else(|| all.iter().find(is_it));
    found.map(|(_, value)| value)
}
