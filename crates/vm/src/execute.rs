//! One instruction with everything that it can mean: every kind of value, every error. The dispatch loop
//! (`dispatch.rs`) does the usual cases itself and comes here with the rest.
//!
//! Comes in: the instruction at the top frame's `pc`. Goes out: nothing, or the [`Exit`] that ends the dispatch loop. Each
//! family of instructions has a file; most see one frame through a [`Step`]. A register that was never set is looked for
//! only when an operation has failed. Nothing here is on the path of a program's usual loops.

mod arithmetic;
mod calls;
mod collections;
mod comparison;
mod jumps;
mod properties;
mod values;

use moor_bytecode::{CodeTable, Instruction as I, TAKE};
use moor_value::{ErrorCode, Value};

use crate::context::Context;
use crate::frame::{Command, Frame};
use crate::host::Host;
use crate::outcome::TaskLimits;
use crate::raise::Raise;
use crate::registers::{copy, put};
use crate::run::{Exit, Fuel};
use crate::verb::VerbTable;
use crate::vm::Vm;

/// A value, or why there is none.
type Computed = Result<Value, Box<Raise>>;
/// What an instruction comes to that neither jumps nor leaves the frame. An error is one that is to be raised.
type Done = Result<(), Box<Raise>>;
/// Where an instruction jumps to, if it does. An error is one that is to be raised.
type Jumped = Result<Option<Jump>, Box<Raise>>;
/// What an instruction comes to that may end the dispatch loop.
type Flow<R> = Result<(), Exit<R>>;

/// A jump within the frame.
struct Jump {
    target: u16,
    ticks: u8,
}

impl Jump {
    /// One that costs nothing.
    fn free(target: u16) -> Self {
        Self { target, ticks: 0 }
    }
}

/// The register whose value says what an instruction costs, where that may be more than its tick.
#[inline(always)]
fn large_operand(instruction: I) -> Option<u16> {
    match instruction {
        I::Add { dst: large, .. }
        | I::AddK { dst: large, .. }
        | I::Eq { b: large, .. }
        | I::Ne { b: large, .. }
        | I::In { b: large, .. }
        | I::List { dst: large, .. }
        | I::Push { list: large, .. }
        | I::Extend { list: large, .. }
        | I::Insert { map: large, .. }
        | I::Range { a: large, .. }
        | I::SetPath { a: large, .. }
        | I::SetRange { a: large, .. }
        | I::Index { a: large, .. }
        | I::IndexI { a: large, .. }
        | I::SetIndex { a: large, .. } => Some(large),
        _ => None,
    }
}

/// What an instruction sees of the machine: the top frame with its registers, and the frames as they are.
struct Step<'a> {
    program: &'a CodeTable,
    regs: &'a mut [Value],
    args: &'a mut [Value],
    /// The last one is the frame that is being executed; there is one.
    frames: &'a mut [Frame],
    verbs: &'a VerbTable,
    commands: &'a [Command],
    root_caller: &'a Value,
    limits: &'a TaskLimits,
    fuel: &'a mut Fuel,
}

impl<R> From<Box<Raise>> for Exit<R> {
    fn from(raise: Box<Raise>) -> Self {
        Self::Raise(raise)
    }
}

/// Matches an instruction by the family that it belongs to. Families are inlined into the one match: a step that calls
/// one and lets it match again takes up to 10 ns more.
macro_rules! by_family {
    ($instruction:ident, $([$($name:ident)*] => $does:expr,)*) => {
        match $instruction { $($(I::$name { .. })|* => $does,)* }
    };
}

impl Vm {
    /// Carries out the instruction that the top frame's `pc` names. `None`: go on where `pc` then points.
    #[inline(never)]
    pub(crate) fn step<H: Host>(
        &mut self,
        host: &mut H,
        limits: &TaskLimits,
        fuel: &mut Fuel,
    ) -> Option<Exit<H::Request>> {
        self.carry_out(host, limits, fuel).err()
    }

    /// Accounts for an instruction that has been carried out and whose cost goes by the size of this register's value.
    #[inline(always)]
    fn toil<R>(&self, register: u16, fuel: &mut Fuel) -> Flow<R> {
        let base = self.frames[self.frames.len() - 1].base as usize;
        let bytes = self.stack[base + usize::from(register)].bytes();
        if fuel.toil(bytes) {
            return Err(Exit::Toil);
        }
        Ok(())
    }

    #[inline(always)]
    fn carry_out<H: Host>(
        &mut self,
        host: &mut H,
        limits: &TaskLimits,
        fuel: &mut Fuel,
    ) -> Flow<H::Request> {
        let top = self.frames.len() - 1;
        let frame = &mut self.frames[top];
        let instruction = self.verbs.get(frame.verb).program.code[frame.pc as usize];
        // Line numbers and handlers go by the instruction before `pc`.
        frame.pc += 1;
        by_family! { instruction,
            [Move Take Clear Const Int LoadThis LoadCaller LoadPlayer LoadVerb LoadCommand LoadArgs ArgIndex ArgCount]
                => values::execute(&mut self.window(limits, fuel), instruction)?,
            [Add Sub Mul Div Mod Pow Neg Complement BitAnd BitOr BitXor Shl Shr]
                => arithmetic::registers(&mut self.window(limits, fuel), instruction)?,
            [AddI SubI MulI DivI ModI AddK SubK MulK DivK]
                => arithmetic::constants(&mut self.window(limits, fuel), instruction)?,
            [Eq Ne Lt Le Gt Ge In Not]
                => comparison::execute(&mut self.window(limits, fuel), instruction)?,
            [BrEq BrLt BrLe BrGt BrGe]
                => self.window(limits, fuel).follow(comparison::branch_registers, instruction)?,
            [Br BrEqK BrEqI BrLtI BrLeI BrGtI BrGeI]
                => self.window(limits, fuel).follow(comparison::branch_constant, instruction)?,
            [Jump RangePrep RangeStep EachPrep EachStep Scatter ScatterArgs]
                => self.window(limits, fuel).follow(jumps::execute, instruction)?,
            [List Push Extend Insert Range First Last SetPath SetRange Error Flyweight]
                => collections::execute(&mut self.window(limits, fuel), instruction)?,
            [Index IndexI SetIndex]
                => collections::index(&mut self.window(limits, fuel), instruction)?,
            [GetProp GetPropDyn GetSystem SetProp SetPropDyn]
                => properties::execute(&mut self.window(limits, fuel), host, instruction)?,
            [Length CallBuiltin CallBuiltinSpread Fork EndFinally]
                => calls::execute(&mut self.window(limits, fuel), host, instruction)?,
            [CallVerb CallVerbSpread CallVerbDyn CallVerbDynSpread]
                => self.execute_verb_call(host, limits, fuel, instruction)?,
            [MakeFunction]
                => calls::make_function(&mut self.window(limits, fuel), instruction)?,
            [CallFunction CallFunctionSpread]
                => self.execute_function_call(host, limits, fuel, instruction)?,
            [Return ReturnI]
                => self.execute_return(host, limits, fuel, instruction)?,
        }
        match large_operand(instruction) {
            Some(register) => self.toil(register, fuel),
            None => Ok(()),
        }
    }

    /// The top frame as an instruction sees it.
    #[inline(always)]
    fn window<'a>(&'a mut self, limits: &'a TaskLimits, fuel: &'a mut Fuel) -> Step<'a> {
        let frame = &self.frames[self.frames.len() - 1];
        let (base, argc) = (frame.base as usize, frame.argc as usize);
        let program: &CodeTable = &self.verbs.get(frame.verb).program;
        let (below, above) = self.stack.split_at_mut(base);
        Step {
            program,
            regs: &mut above[..usize::from(program.registers)],
            args: &mut below[base - argc..],
            frames: &mut self.frames,
            verbs: &self.verbs,
            commands: &self.commands,
            root_caller: &self.root_caller,
            limits,
            fuel,
        }
    }
}

impl Step<'_> {
    #[inline(always)]
    fn frame(&mut self) -> &mut Frame {
        let top = self.frames.len() - 1;
        &mut self.frames[top]
    }

    #[inline(always)]
    fn get(&self, register: u16) -> &Value {
        &self.regs[usize::from(register)]
    }

    #[inline(always)]
    fn set(&mut self, register: u16, value: Value) {
        put(&mut self.regs[usize::from(register)], value);
    }

    /// The value of a register for something that keeps it: moved where the instruction's flags say so.
    #[inline(always)]
    fn kept(&mut self, register: u16, flags: u8) -> Computed {
        let slot = &mut self.regs[usize::from(register)];
        let value = if flags & TAKE != 0 {
            slot.take()
        } else {
            copy(slot)
        };
        if value.is_none() {
            return Err(Raise::new(ErrorCode::VarNf));
        }
        Ok(value)
    }

    /// Makes what was computed from the registers `used` the value of `dst`.
    #[inline(always)]
    fn finish(&mut self, computed: Computed, dst: u16, used: &[u16]) -> Done {
        match computed {
            Ok(value) => {
                self.set(dst, value);
                Ok(())
            }
            Err(raise) => self.fail(raise, dst, used),
        }
    }

    /// The same of something that changed `dst` in place.
    #[inline(always)]
    fn finish_change(&mut self, changed: Done, dst: u16, used: &[u16]) -> Done {
        match changed {
            Ok(()) => Ok(()),
            Err(raise) => self.fail(raise, dst, used),
        }
    }

    /// Raises, or without the debug flag makes the code the value of `dst`.
    #[cold]
    fn fail(&mut self, raise: Box<Raise>, dst: u16, used: &[u16]) -> Done {
        let code = self.unraised(raise, used)?;
        self.set(dst, code);
        Ok(())
    }

    /// The code of an error that is not raised because the frame has no debug flag; otherwise the error itself: E_VARNF
    /// when one of the registers `used` was never set.
    #[cold]
    fn unraised(&mut self, raise: Box<Raise>, used: &[u16]) -> Computed {
        let raise = self.unset(used).unwrap_or(raise);
        if self.frame().debug || raise.fatal {
            return Err(raise);
        }
        Ok(raise.code)
    }

    /// E_VARNF when one of these registers was never set.
    #[cold]
    fn unset(&self, used: &[u16]) -> Option<Box<Raise>> {
        let register = *used.iter().find(|r| self.get(**r).is_none())?;
        let at = self.frames[self.frames.len() - 1].at();
        Some(Raise::variable(self.program.variable_name(register, at)))
    }

    /// Carries out an instruction that may jump.
    #[inline(always)]
    fn follow<R>(
        &mut self,
        execute: impl FnOnce(&mut Self, I) -> Jumped,
        instruction: I,
    ) -> Flow<R> {
        let Some(Jump { target, ticks }) = execute(self, instruction)? else {
            return Ok(());
        };
        self.fuel.slice -= i64::from(ticks);
        if self.fuel.slice < 0 {
            return Err(Exit::Slice(target));
        }
        self.frame().pc = u32::from(target);
        Ok(())
    }

    /// Pays for a call. Without a tick left in the slice the same instruction runs again when the next has begun.
    fn tick<R>(&mut self) -> Flow<R> {
        self.fuel.slice -= 1;
        if self.fuel.slice < 0 {
            return Err(Exit::Slice(self.frame().at() as u16));
        }
        Ok(())
    }

    /// What the host sees of the task while it does something whose result `dst` awaits; and the registers.
    #[inline(always)]
    fn asking(&mut self, dst: u16) -> (Context<'_>, &mut [Value]) {
        self.frame().result = dst;
        let context = Context {
            ticks_left: self.fuel.left(),
            frames: self.frames,
            verbs: self.verbs,
            commands: self.commands,
            root_caller: self.root_caller,
        };
        (context, self.regs)
    }
}

/// An instruction that the table of families gives to a family that does not know it.
#[cold]
fn foreign(instruction: I) -> ! {
    unreachable!("{instruction:?} is listed with another family")
}
