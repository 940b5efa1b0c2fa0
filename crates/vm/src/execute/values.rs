//! Moving values between registers, and bringing in constants, arguments and what the frame inherited.

use moor_bytecode::Instruction as I;
use moor_value::{ErrorCode, List, Value};

use super::{Done, Step, foreign};
use crate::frame::called_as;
use crate::raise::Raise;
use crate::registers::copy;

/// Carries out an instruction of this family.
#[inline(always)]
pub(super) fn execute(step: &mut Step<'_>, instruction: I) -> Done {
    match instruction {
        I::Move { dst, src } => {
            let value = step.kept(src, 0);
            step.finish(value, dst, &[src])
        }
        I::Take { dst, src } => {
            let value = step.regs[usize::from(src)].take();
            put(step, dst, value)
        }
        I::Clear { dst } => put(step, dst, Value::None),
        I::Const { dst, k } => load_constant(step, dst, k),
        I::Int { dst, imm } => put(step, dst, Value::Int(i64::from(imm))),
        I::ArgIndex { dst, index } => load_argument(step, dst, index),
        I::ArgCount { dst } => put(step, dst, Value::Int(step.args.len() as i64)),
        I::LoadArgs { dst } => {
            let args = step.args.iter_mut().map(Value::take).collect::<List>();
            put(step, dst, Value::List(args))
        }
        I::LoadThis { dst } => {
            let this = copy(&step.frame().this);
            put(step, dst, this)
        }
        I::LoadCaller { dst } => put(step, dst, step.caller()),
        I::LoadPlayer { dst } => {
            let player = step.frame().player;
            put(step, dst, Value::Obj(player))
        }
        I::LoadVerb { dst } => {
            let name = called_as(step.frames, step.verbs, step.frames.len() - 1);
            put(step, dst, Value::Str(name.clone()))
        }
        I::LoadCommand { which, dst } => {
            let command = &step.commands[step.frame().command as usize];
            put(step, dst, command.fields()[usize::from(which)].clone())
        }
        _ => foreign(instruction),
    }
}

#[inline(always)]
fn put(step: &mut Step<'_>, dst: u16, value: Value) -> Done {
    step.set(dst, value);
    Ok(())
}

fn load_constant(step: &mut Step<'_>, dst: u16, k: u16) -> Done {
    let program = step.program;
    let constant = &program.constants[usize::from(k)];
    // A list of constants is still a list that the program builds.
    if let Value::List(list) = constant
        && list.len() > 1
        && constant.bytes() > step.limits.list_bytes()
    {
        let raise = step.limits.quota();
        return step.fail(raise, dst, &[]);
    }
    put(step, dst, constant.clone())
}

fn load_argument(step: &mut Step<'_>, dst: u16, index: u16) -> Done {
    match step.args.get(usize::from(index).wrapping_sub(1)) {
        Some(value) => {
            let value = copy(value);
            put(step, dst, value)
        }
        None => step.fail(Raise::new(ErrorCode::Range), dst, &[]),
    }
}

impl Step<'_> {
    /// `caller` at the frame's start.
    pub(super) fn caller(&self) -> Value {
        crate::frame::caller(self.frames, self.root_caller)
    }
}
