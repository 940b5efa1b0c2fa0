//! A compiled program and its tables.
//!
//! A code generator fills a [`CodeTable`]; [`Program::new`] verifies it, and from then on nothing changes it. So
//! whoever holds a `Program` may rely on every index in it.

use std::sync::Arc;

use moor_value::{Str, Symbol, Value};

use crate::instruction::Instruction;
use crate::verify::{self, VerifyError};

/// A register number that means "none" in a table of the program.
pub const UNSET: u16 = u16::MAX;

/// A property or verb name that a program uses.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// Its identity.
    pub symbol: Symbol,
    /// As the program spells it.
    pub text: Str,
}

/// The variables of a command line, in the order of their numbers in
/// [`LoadCommand`](Instruction::LoadCommand).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)] // each is the variable of its name
pub enum CommandVariable {
    Argstr,
    Dobj,
    Dobjstr,
    Prepstr,
    Iobj,
    Iobjstr,
}

impl CommandVariable {
    /// Every variable, in order.
    pub const ALL: [Self; 6] = [
        Self::Argstr,
        Self::Dobj,
        Self::Dobjstr,
        Self::Prepstr,
        Self::Iobj,
        Self::Iobjstr,
    ];

    /// The variable's name.
    pub fn name(self) -> &'static str {
        ["argstr", "dobj", "dobjstr", "prepstr", "iobj", "iobjstr"][self as usize]
    }
}

/// Which errors a handler takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All.
    Any,
    /// The error codes whose bits (by number) are set.
    Codes(u32),
    /// Those in the list that this register holds.
    Register(u16),
}

/// What a handler is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// Nothing.
    Nothing,
    /// The error's code in this register.
    Code(u16),
    /// `{code, message, value, traceback}` in this register.
    Exception(u16),
    /// The same with an empty list for the traceback: the program asks for no more than the other three.
    Head(u16),
    /// A `finally`: this register is 1, the next one the exception, to be raised again by
    /// [`EndFinally`](Instruction::EndFinally).
    Pending(u16),
}

/// An error between `start` (inclusive) and `end` (exclusive) that passes the filter goes on at `target`. The
/// first handler of the table that fits is taken, so inner ones stand before outer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    /// First instruction covered.
    pub start: u16,
    /// First instruction no longer covered.
    pub end: u16,
    /// Where the handler begins.
    pub target: u16,
    /// Which errors it takes.
    pub filter: Filter,
    /// What it is given.
    pub gives: Gives,
}

/// How a target of a scattering assignment is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScatterKind {
    /// Must have an element.
    Required,
    /// May stay as it is.
    Optional,
    /// When there is no element for it, the instruction at this index computes it.
    Default(u16),
    /// Takes what is left as a list.
    Rest,
}

/// One target of a scattering assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScatterTarget {
    /// The variable's register.
    pub register: u16,
    /// How it is filled.
    pub kind: ScatterKind,
}

/// The left side of a scattering assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scatter {
    /// The targets in order.
    pub targets: Vec<ScatterTarget>,
    /// Where the program goes on when no default is to be computed.
    pub done: u16,
}

/// A variable of a block: which register has it between two instructions. Registers are shared by variables of different
/// blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// First instruction where it is visible.
    pub start: u16,
    /// First instruction where it is no longer.
    pub end: u16,
    /// The register.
    pub register: u16,
    /// The variable's name.
    pub name: Str,
}

/// A function that stands in a program.
#[derive(Clone, Debug)]
pub struct FunctionCode {
    /// Its canonical source, lines separated by line ends.
    pub source: Str,
    /// The line of the program where the source begins, from 1.
    pub line: u32,
    /// What it is compiled to.
    pub program: Arc<Program>,
    /// Of each variable that the function captures, in the order of its [`captures`](CodeTable::captures), the register
    /// around it.
    pub captures: Vec<u16>,
}

/// Everything that a program consists of, unverified.
#[derive(Clone, Debug, Default)]
pub struct CodeTable {
    /// The instructions.
    pub code: Vec<Instruction>,
    /// The constants.
    pub constants: Vec<Value>,
    /// Property and verb names.
    pub names: Vec<Name>,
    /// The builtin functions that the code calls: number and name. Numbers belong to one server build, names are
    /// what is stored.
    pub builtins: Vec<(u16, Symbol)>,
    /// Names of the variables of the whole program; variable `i` lives in register `i`.
    pub variables: Vec<Str>,
    /// How many registers there are, variables first.
    pub registers: u16,
    /// The register of `player` when the program assigns it: verbs called by a wizard inherit that value.
    pub player: Option<u16>,
    /// The registers of the command's variables that the program assigns: verbs that it calls inherit them.
    pub command: Vec<(CommandVariable, u16)>,
    /// Error handlers, inner before outer.
    pub handlers: Vec<Handler>,
    /// Scattering assignments.
    pub scatters: Vec<Scatter>,
    /// First instruction of a run, source line from 1; ascending.
    pub lines: Vec<(u16, u32)>,
    /// Where the body of each `fork` begins and its canonical text, so that a task that waits to begin can be told to
    /// other servers. A program that was stored without them has none.
    pub forks: Vec<(u16, Str)>,
    /// The variables of blocks; of two that are visible at an instruction, the inner one stands first.
    pub locals: Vec<Local>,
    /// Of a function, the variables that it begins with because it captured them: names and registers.
    pub captures: Vec<(Str, u16)>,
    /// Of a function that has a name, the register in which it finds itself.
    pub own: Option<u16>,
    /// The functions that stand in the program.
    pub functions: Vec<FunctionCode>,
    /// The canonical text that it was compiled from, lines separated by line ends, so that a task in the middle of it can be told to other
    /// servers. A program that was stored without it has none, nor has a function.
    pub source: Option<Str>,
}

impl CodeTable {
    /// The variables that are visible at an instruction, inner ones first: their names and registers.
    pub fn variables_at(&self, pc: usize) -> impl Iterator<Item = (&Str, u16)> {
        let covers =
            move |local: &&Local| (usize::from(local.start)..usize::from(local.end)).contains(&pc);
        let locals = self.locals.iter().filter(covers);
        let locals = locals.map(|local| (&local.name, local.register));
        locals.chain(self.variables.iter().zip(0..))
    }

    /// The name of the variable that a register has at an instruction; `?` for a temporary.
    pub fn variable_name(&self, register: u16, pc: usize) -> &str {
        let mut all = self.variables_at(pc);
        let found = all.find(|(_, place)| *place == register);
        found.map_or("?", |(name, _)| name.as_str())
    }
}

/// A verified program.
#[derive(Clone, Debug)]
pub struct Program(CodeTable);

impl Program {
    /// Takes the tables when everything in them is in order.
    ///
    /// # Errors
    /// [`VerifyError`] names the first thing that is not.
    pub fn new(table: CodeTable) -> Result<Self, VerifyError> {
        verify::verify(&table)?;
        Ok(Self(table))
    }

    /// The same with the text that it was compiled from.
    #[must_use]
    pub fn with_source(mut self, source: Str) -> Self {
        self.0.source = Some(source);
        self
    }

    /// Whether the other one does the same, whatever text and lines either has.
    pub fn does_as(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        a.code == b.code
            && a.constants == b.constants
            && a.names == b.names
            && a.variables == b.variables
            && a.registers == b.registers
            && (a.player, &a.command) == (b.player, &b.command)
            && (&a.handlers, &a.scatters) == (&b.handlers, &b.scatters)
    }

    /// The text of the `fork` body that begins at that instruction.
    pub fn fork_body(&self, pc: usize) -> Option<&Str> {
        let mut forks = self.0.forks.iter();
        let found = forks.find(|(start, _)| usize::from(*start) == pc);
        found.map(|(_, text)| text)
    }

    /// The source line of an instruction, 1 when there is none.
    pub fn line(&self, pc: usize) -> u32 {
        let after = self
            .0
            .lines
            .partition_point(|&(start, _)| usize::from(start) <= pc);
        after.checked_sub(1).map_or(1, |i| self.0.lines[i].1)
    }
}

impl std::ops::Deref for Program {
    type Target = CodeTable;

    #[inline(always)]
    fn deref(&self) -> &CodeTable {
        &self.0
    }
}
