//! Leaving the frame: calls of verbs and builtin functions, returns, forks, the end of a `finally` part.
//!
//! What a call or a return does to the frames is in `crate::calls`.

use moor_bytecode::{Instruction as I, RESULT, TAKE};
use moor_value::{ErrorCode, Value, ValueType};

use super::{Flow, Step, foreign};
use crate::collection;
use crate::frame::called_as;
use crate::function;
use crate::host::{BuiltinOutcome, Host};
use crate::outcome::{Outcome, TaskLimits};
use crate::raise::Raise;
use crate::registers::{clear, set_int};
use crate::run::{CalledName, Exit, Fuel};
use crate::vm::Vm;

/// The operands of a call of a verb.
struct VerbCall {
    dst: u16,
    /// The register of the receiver.
    base: u16,
    /// The register of the first argument, or of the list of all.
    args: u16,
    argc: u32,
    name: CalledName,
    is_spread: bool,
}

impl VerbCall {
    #[inline(always)]
    fn of(instruction: I) -> Self {
        let (dst, base, argc, name, is_spread) = match instruction {
            I::CallVerb {
                argc,
                dst,
                base,
                name,
            } => (dst, base, argc, CalledName::Fixed(name), false),
            I::CallVerbSpread { dst, base, name } => (dst, base, 1, CalledName::Fixed(name), true),
            I::CallVerbDyn { argc, dst, base } => {
                (dst, base, argc, CalledName::Register(base + 1), false)
            }
            I::CallVerbDynSpread { dst, base } => {
                (dst, base, 1, CalledName::Register(base + 1), true)
            }
            _ => foreign(instruction),
        };
        let before_args = match name {
            CalledName::Fixed(_) => base,
            CalledName::Register(register) => register,
        };
        Self {
            dst,
            base,
            args: before_args + 1,
            argc: u32::from(argc),
            name,
            is_spread,
        }
    }
}

/// The end of the dispatch loop where a call or a return ended the stretch.
fn ended<R>(outcome: Option<Outcome<R>>) -> Flow<R> {
    match outcome {
        None => Ok(()),
        Some(outcome) => Err(Exit::Ended(outcome)),
    }
}

impl Vm {
    /// Carries out a call of a verb.
    #[inline(always)]
    pub(super) fn execute_verb_call<H: Host>(
        &mut self,
        host: &mut H,
        limits: &TaskLimits,
        fuel: &mut Fuel,
        instruction: I,
    ) -> Flow<H::Request> {
        let call = VerbCall::of(instruction);
        let mut step = self.window(limits, fuel);
        step.tick()?;
        step.frame().result = call.dst;
        ended(self.call_verb(
            host,
            limits,
            call.base,
            call.args,
            call.argc,
            call.name,
            call.is_spread,
        ))
    }

    /// Carries out a call of a function.
    #[inline(always)]
    pub(super) fn execute_function_call<H: Host>(
        &mut self,
        host: &mut H,
        limits: &TaskLimits,
        fuel: &mut Fuel,
        instruction: I,
    ) -> Flow<H::Request> {
        let (dst, base, argc, is_spread) = match instruction {
            I::CallFunction { argc, dst, base } => (dst, base, argc, false),
            I::CallFunctionSpread { dst, base } => (dst, base, 1, true),
            _ => foreign(instruction),
        };
        let mut step = self.window(limits, fuel);
        step.tick()?;
        step.frame().result = dst;
        ended(self.call_function(host, limits, base, u32::from(argc), is_spread))
    }

    /// Carries out a return.
    #[inline(always)]
    pub(super) fn execute_return<H: Host>(
        &mut self,
        host: &mut H,
        limits: &TaskLimits,
        fuel: &mut Fuel,
        instruction: I,
    ) -> Flow<H::Request> {
        let value = match instruction {
            I::Return { a } => match self.window(limits, fuel).kept(a, TAKE) {
                Ok(value) => value,
                Err(raise) => self.window(limits, fuel).unraised(raise, &[a])?,
            },
            I::ReturnI { imm } => Value::Int(i64::from(imm)),
            _ => foreign(instruction),
        };
        ended(self.return_value(value, host, limits, fuel))
    }
}

/// Makes the function that stands in the program.
pub(super) fn make_function(step: &mut Step<'_>, instruction: I) -> Result<(), Box<Raise>> {
    let I::MakeFunction { dst, which } = instruction else {
        foreign(instruction)
    };
    let code = &step.program.functions[usize::from(which)];
    let frame = &step.frames[step.frames.len() - 1];
    let verb = step.verbs.get(frame.verb);
    let made = function::make(code, frame, verb, step.regs, step.limits);
    step.finish(made, dst, &[])
}

/// Carries out an instruction of this family that stays in the frame, or leaves it by an [`Exit`].
#[inline(always)]
pub(super) fn execute<H: Host>(
    step: &mut Step<'_>,
    host: &mut H,
    instruction: I,
) -> Flow<H::Request> {
    match instruction {
        I::Length { dst, a, builtin } => length(step, host, dst, a, builtin),
        I::CallBuiltin {
            argc,
            dst,
            base,
            builtin,
        } => call_builtin(step, host, dst, (base, argc), builtin),
        I::CallBuiltinSpread { dst, base, builtin } => {
            call_builtin_spread(step, host, dst, base, builtin)
        }
        I::Fork {
            flags,
            task,
            delay,
            body,
        } => {
            let task = (flags & RESULT != 0).then_some(task);
            fork(step, host, task, delay, body)
        }
        I::EndFinally { state } => end_finally(step, state),
        _ => foreign(instruction),
    }
}

/// Goes on with what a builtin function returned; what else it wants is done outside the dispatch loop.
fn builtin_done<R>(step: &mut Step<'_>, outcome: BuiltinOutcome<R>, dst: u16) -> Flow<R> {
    match outcome {
        BuiltinOutcome::Return(value) => {
            step.set(dst, value);
            Ok(())
        }
        BuiltinOutcome::ReturnInt(n) => {
            step.set(dst, Value::Int(n));
            Ok(())
        }
        outcome => Err(Exit::Builtin(outcome)),
    }
}

/// `length()` of a value that has one needs no call, unless the world has its own.
fn length<H: Host>(
    step: &mut Step<'_>,
    host: &mut H,
    dst: u16,
    a: u16,
    builtin: u16,
) -> Flow<H::Request> {
    let value = step.get(a);
    if value.is_none() {
        return Ok(step.fail(Raise::new(ErrorCode::VarNf), dst, &[a])?);
    }
    if let Some(length) = collection::length(value)
        && !host.is_protected(builtin)
    {
        step.set(dst, Value::Int(length));
        return Ok(());
    }
    let mut args = [value.clone()];
    let (mut context, _) = step.asking(dst);
    let outcome = host.call_builtin(builtin, &mut args, &mut context);
    builtin_done(step, outcome, dst)
}

fn call_builtin<H: Host>(
    step: &mut Step<'_>,
    host: &mut H,
    dst: u16,
    (base, argc): (u16, u8),
    builtin: u16,
) -> Flow<H::Request> {
    step.tick()?;
    let args = usize::from(base)..usize::from(base) + usize::from(argc);
    if let Err(raise) = step.limits.check_args(&step.regs[args.clone()]) {
        return Ok(step.fail(raise, dst, &[])?);
    }
    let (mut context, regs) = step.asking(dst);
    let args = &mut regs[args];
    let outcome = host.call_builtin(builtin, args, &mut context);
    args.iter_mut().for_each(clear);
    builtin_done(step, outcome, dst)
}

fn call_builtin_spread<H: Host>(
    step: &mut Step<'_>,
    host: &mut H,
    dst: u16,
    base: u16,
    builtin: u16,
) -> Flow<H::Request> {
    step.tick()?;
    let mut args = match step.regs[usize::from(base)].take() {
        Value::List(list) => list.into_vec(),
        value => {
            let raise = Raise::type_mismatch(&value, &[ValueType::List]);
            return Ok(step.fail(raise, dst, &[])?);
        }
    };
    let (mut context, _) = step.asking(dst);
    let outcome = host.call_builtin(builtin, &mut args, &mut context);
    builtin_done(step, outcome, dst)
}

/// Starts a task with a copy of the frame; the register `task` gets its id in both.
fn fork<H: Host>(
    step: &mut Step<'_>,
    host: &mut H,
    task: Option<u16>,
    delay: u16,
    body: u16,
) -> Flow<H::Request> {
    step.tick()?;
    let result = seconds(step.get(delay)).and_then(|seconds| {
        let child = forked(step, body, task);
        let (mut context, _) = step.asking(delay);
        host.fork(Box::new(child), seconds, &mut context)
    });
    match result {
        Ok(id) => {
            if let Some(task) = task {
                step.set(task, Value::Int(id));
            }
            Ok(())
        }
        Err(raise) => Ok(step.fail(raise, delay, &[delay])?),
    }
}

/// The delay of a fork.
fn seconds(delay: &Value) -> Result<f64, Box<Raise>> {
    let seconds = match delay {
        Value::Int(n) => *n as f64,
        Value::Float(x) => *x,
        value => {
            let expected = &[ValueType::Int, ValueType::Float];
            return Err(Raise::type_mismatch(value, expected));
        }
    };
    if seconds < 0.0 {
        return Err(Raise::new(ErrorCode::InvArg));
    }
    Ok(seconds)
}

fn forked(step: &Step<'_>, body: u16, task: Option<u16>) -> Vm {
    let top = step.frames.len() - 1;
    let name = called_as(step.frames, step.verbs, top);
    let shared = (step.verbs, step.commands, step.caller());
    Vm::forked(
        (&step.frames[top], name),
        shared,
        step.args,
        step.regs,
        body,
        task,
    )
}

/// Raises again what a `finally` part held back, if anything.
fn end_finally<R>(step: &mut Step<'_>, state: u16) -> Flow<R> {
    let state = usize::from(state);
    if let Value::Int(1) = step.regs[state] {
        let exception = step.regs[state + 1].take();
        set_int(&mut step.regs[state], 0);
        return Err(Exit::Again(exception));
    }
    Ok(())
}
