//! Tasks that stopped in the middle of a program on a server of LambdaMOO's family, compiled so that they go on here.
//!
//! In: the program's tree, its variables, the offset in that server's bytecode at which it stands, and what is on that
//! machine's stack. Out: a program that says the same, its registers, and the instruction at which it goes on.
//!
//! Those servers have a stack machine. The program is generated as their code generator does, opcode by opcode, but in
//! instructions of this machine, each place of that stack in a register of its own. So there is for every
//! offset at which a task can stand, which is behind a call, one place here, and for all that it has
//! on its stack a register. Such code does more than that of [`compile`](super::compile): it serves the
//! activations that were under way, and no call made since.
//!
//! The other way, `tell.rs` says of a program of this server that stands behind a call where one of those would have it.
//!
//! It knows nothing of files and of how tasks are stored. What it is given may be anything: what does not fit is refused.

mod expressions;
mod fill;
mod generator;
mod layout;
mod numbering;
mod places;
mod stack;
mod statements;
mod tell;

use moor_bytecode::{Program, VerifyError};
use moor_value::{Str, Value};
use thiserror::Error;

use super::FindBuiltin;
use super::emit::REGISTERS_MAX;
use crate::ast::Ast;
use generator::{Generator, Wanted};
pub use layout::Dialect;
pub use tell::{Standing, Target, Told, tell_stopped};

/// What stands on the stack of a machine of LambdaMOO's family.
#[derive(Clone, Debug, PartialEq)]
pub enum StackValue {
    /// A value; `Value::None` for none.
    Value(Value),
    /// An iterator over a map: the next key, or none behind the last.
    Iterator(Option<Value>),
    /// The mark of a `try` with `except`, or of an expression that catches errors: how many arms it has.
    Catch(i64),
    /// The mark of a `try` with `finally`: the offset of its handler.
    Finally(i64),
}

/// Where a program stands.
#[derive(Clone, Copy, Debug)]
pub struct StoppedAt<'a> {
    /// The `fork` whose body it runs, as the server numbers them; `None` for the main program.
    pub fork: Option<u32>,
    /// The offset of the next instruction.
    pub offset: u64,
    /// The offset of the instruction of the call, or again that of the next one where it is not known.
    pub call_offset: u64,
    /// The stack, bottom first.
    pub stack: &'a [StackValue],
}

/// What is called at the place where a program stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callee {
    /// A verb.
    Verb,
    /// The builtin function of this name, in lower case.
    Builtin(Box<str>),
}

/// A program that goes on.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// The program.
    pub program: Program,
    /// The instruction at which it goes on.
    pub pc: u16,
    /// The register that receives the value of the call.
    pub result: u16,
    /// All registers.
    pub registers: Vec<Value>,
    /// What is called.
    pub callee: Callee,
}

/// Why a program cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StopError {
    /// The program mentions a variable that the stopped one has not got.
    #[error("it has no variable `{0}'")]
    Variable(String),
    /// The program has what those servers do not know.
    #[error("its program has {0} that the old server cannot have had")]
    Construct(&'static str),
    /// No call ends there with as much on the stack.
    #[error(
        "no call of its program ends at offset {offset} of the old server's code, near line {line}"
    )]
    Place {
        /// The offset.
        offset: u64,
        /// The line of the last call before it, from 1.
        line: u32,
    },
    /// What is on the stack is not what the program has there.
    #[error("place {place} of the old server's stack does not fit its program in line {line}")]
    Stack {
        /// The place, from 0 at the bottom.
        place: usize,
        /// The line of the call, from 1.
        line: u32,
    },
    /// What the program has computed so far is not known where it stands.
    #[error("what it has computed so far in line {line} is not known")]
    Untold {
        /// The line of the call, from 1.
        line: u32,
    },
    /// The program was not made from the tree by this server.
    #[error("its program was compiled by another version of this server")]
    Changed,
    /// There are more instructions, registers or constants than a program may have.
    #[error("its program is too large")]
    TooLarge,
    /// The generated program breaks a rule, which is a defect of this server.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Compiles a program that stopped.
///
/// `variables` are those of the stopped program in the order of its server, which numbers them; a value is `Value::None`
/// where a variable has none.
///
/// # Errors
/// See [`StopError`].
pub fn compile_stopped(
    ast: &Ast,
    variables: &[(Str, Value)],
    at: StoppedAt<'_>,
    dialect: Dialect,
    builtins: &FindBuiltin<'_>,
) -> Result<Stopped, StopError> {
    if variables.len() >= REGISTERS_MAX as usize {
        return Err(StopError::TooLarge);
    }
    // Offsets are known when all is generated; then it is known which call to look at.
    let given = Given {
        ast,
        dialect,
        builtins,
        is_there: &|_| true,
    };
    let names: Vec<Str> = variables.iter().map(|(name, _)| name.clone()).collect();
    let whole = given.generate(&names, Wanted::None)?;
    let depth = at.stack.len();
    let site = whole.site_at(at.fork, at.offset, at.call_offset, depth);
    let misplaced = || StopError::Place {
        offset: at.offset,
        line: whole.line_near(at.fork, at.offset),
    };
    let site = site.ok_or_else(misplaced)?;
    let mut generator = given.generate(&names, Wanted::Site(site))?;
    let found = generator.found.take().ok_or_else(misplaced)?;
    let mut registers: Vec<Value> = variables.iter().map(|(_, value)| value.clone()).collect();
    registers.resize(generator.registers_count(), Value::None);
    generator
        .fill(found.part, &found.slots, at.stack, &mut registers)
        .map_err(|place| StopError::Stack {
            place,
            line: generator.line_of(site),
        })?;
    let (program, starts) = generator.program()?;
    Ok(Stopped {
        pc: starts[found.part] + found.pc,
        program,
        result: found.result,
        registers,
        callee: found.callee,
    })
}

/// What all generations of a program share.
#[derive(Clone, Copy)]
struct Given<'a> {
    ast: &'a Ast,
    dialect: Dialect,
    builtins: &'a FindBuiltin<'a>,
    /// Whether the other server has a builtin function of the name.
    is_there: &'a dyn Fn(&str) -> bool,
}

impl<'a> Given<'a> {
    /// The program, with variables in this order.
    fn generate(&self, variables: &[Str], wanted: Wanted<'a>) -> Result<Generator<'a>, StopError> {
        let mut generator = Generator::new(*self, variables, wanted)?;
        generator.block(&self.ast.body);
        generator.end_part();
        match generator.error.take() {
            Some(error) => Err(error),
            None => Ok(generator),
        }
    }
}
