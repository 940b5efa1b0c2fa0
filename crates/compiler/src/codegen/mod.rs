//! Syntax tree to bytecode.
//!
//! In comes an [`Ast`] and the numbers of the builtin functions; out comes a verified [`Program`]. Variables live in
//! registers, temporaries above them as a stack; an expression is computed into the register where it is wanted.
//! What is about to be overwritten is moved rather than copied, so that lists and strings grow in place.
//! It knows nothing of how instructions are carried out beyond what the instruction table says.
//!
//! Ticks: a jump backwards costs as many ticks as LambdaMOO would count at least for one turn of the loop: operators,
//! indexing, properties and assignments that every turn carries out. Calls cost theirs when they happen.

mod assign;
mod branch;
mod call;
mod comprehension;
mod emit;
mod exits;
mod expr;
mod fold;
mod fork;
mod function;
mod loops;
mod notes;
mod place;
mod pools;
mod stmt;
pub mod stopped;
mod try_stmt;
mod usage;

use moor_bytecode::{CodeTable, CommandVariable, Instruction as I, Local, Program, TAKE};
use moor_value::{Str, Value, ValueType};

use crate::ast::{Ast, ExprKind, Pos, Stmt, StmtKind};
use crate::error::{CompileError, CompileErrors, ErrorKind};
use crate::lexer::token::is_identifier;
use crate::names::{Predefined, VarId, kind_constant};
use crate::parser::{ParseOptions, parse};
use emit::{Labels, REGISTERS_MAX};
use exits::{FinallyScope, LoopScope};
use fork::{ForkBody, ForkTexts};
use notes::Notes;
use pools::Pools;
use usage::{ArgsUse, Usage};

/// Gives the number of a builtin function's name, which is in lower case.
pub type FindBuiltin<'a> = dyn Fn(&str) -> Option<u16> + 'a;

/// Compiles a program.
///
/// # Errors
/// [`ErrorKind::UnknownBuiltin`] and [`ErrorKind::TooLarge`]; whatever else can be wrong the parser has found.
pub fn compile(ast: &Ast, builtins: &FindBuiltin<'_>) -> Result<Program, CompileErrors> {
    let mut codegen = Codegen::new(ast, builtins, Usage::of(ast));
    codegen.prologue();
    codegen.body(&ast.body);
    codegen.finish()
}

/// Compiles a function that stands alone: its canonical source and the names of the variables that it captured.
///
/// # Errors
/// Everything that is wrong with it; [`ErrorKind::NoFunction`] for what is not one function.
pub fn compile_function<'n>(
    source: &str,
    captured: impl Iterator<Item = &'n str>,
    options: &ParseOptions<'_>,
    builtins: &FindBuiltin<'_>,
) -> Result<Program, CompileErrors> {
    let mut text = String::new();
    let mut count = 0;
    for name in captured.filter(|name| is_identifier(name)) {
        text.push_str("let ");
        text.push_str(name);
        text.push_str("; ");
        count += 1;
    }
    text.push_str(source);
    text.push(';');
    let ast = parse(&text, options)?;
    let (function, pos) = match ast.body.get(count) {
        Some(Stmt {
            kind: StmtKind::Function { function, .. },
            pos,
        }) => (function, *pos),
        Some(Stmt {
            kind: StmtKind::Expr(expr),
            ..
        }) => match &expr.kind {
            ExprKind::Function(function) => (function, expr.pos),
            _ => return Err(no_function(expr.pos)),
        },
        _ => return Err(no_function(Pos::default())),
    };
    if ast.body.len() > count + 1 {
        return Err(no_function(pos));
    }
    let is_variable = |id| ast.names.slot(id).is_some();
    function::compile(function, builtins, pos, &is_variable).map(|compiled| compiled.program)
}

fn no_function(pos: Pos) -> CompileErrors {
    CompileErrors::new(vec![CompileError::new(pos, ErrorKind::NoFunction)])
}

/// Where a variable's value is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Home {
    /// In a register.
    Register(u16),
    /// Nowhere: it is always this constant.
    Constant(Predefined),
    /// Nowhere: it is the number of a kind of values, as the program assigns no variable of the name.
    Kind(ValueType),
    /// In the frame's arguments, never as a list.
    Arguments,
}

impl Home {
    /// The value of a variable that always has the same.
    fn constant(self) -> Option<Value> {
        match self {
            Self::Constant(predefined) => predefined.constant(),
            Self::Kind(kind) => Some(Value::Int(kind as i64)),
            Self::Register(_) | Self::Arguments => None,
        }
    }
}

/// Where the values of all variables are.
#[derive(Clone, Debug, Default)]
struct Homes(Vec<Home>);

impl Homes {
    fn of(&self, id: VarId) -> Home {
        self.0[id.0 as usize]
    }
}

/// The state of one compilation.
struct Codegen<'a> {
    ast: &'a Ast,
    builtins: &'a FindBuiltin<'a>,
    table: CodeTable,
    labels: Labels,
    usage: Usage,
    homes: Homes,
    /// The first register that is not a variable.
    first_temp: u32,
    /// The first register that is free.
    next_temp: u32,
    /// The most registers that were in use.
    registers: u32,
    pools: Pools,
    loops: Vec<LoopScope>,
    finallies: Vec<FinallyScope>,
    /// How many parts stand around here whose errors this code may take.
    guards: u32,
    /// The registers of the values that `^` and `$` mean, innermost last.
    indexed: Vec<u16>,
    forks: Vec<ForkBody<'a>>,
    fork_texts: ForkTexts,
    /// The variables of blocks that are visible here, and since which instruction.
    visible: Vec<(VarId, u16)>,
    /// LambdaMOO's ticks for what the current turn of the innermost loop surely carries out.
    ticks: u32,
    pos: Pos,
    error: Option<CompileError>,
    /// Where values are, if somebody is to ask.
    notes: Option<Notes<'a>>,
}

impl<'a> Codegen<'a> {
    fn new(ast: &'a Ast, builtins: &'a FindBuiltin<'a>, usage: Usage) -> Self {
        let mut codegen = Self {
            ast,
            builtins,
            table: CodeTable::default(),
            labels: Labels::default(),
            homes: Homes::default(),
            usage,
            first_temp: 0,
            next_temp: 0,
            registers: 1,
            pools: Pools::default(),
            loops: Vec::new(),
            finallies: Vec::new(),
            guards: 0,
            indexed: Vec::new(),
            forks: Vec::new(),
            fork_texts: ForkTexts::default(),
            visible: Vec::new(),
            ticks: 0,
            pos: Pos { line: 1, column: 1 },
            error: None,
            notes: None,
        };
        codegen.place_variables();
        codegen
    }

    /// Generates statements and whatever they fork.
    fn body(&mut self, body: &'a [Stmt]) {
        self.block(body);
        self.emit(I::ReturnI { imm: 0 });
        self.end_visibility(0);
        while let Some(fork) = self.forks.pop() {
            self.fork_body(fork);
        }
    }

    fn place_variables(&mut self) {
        for (id, spelling) in self.ast.names.iter() {
            if self.ast.names.slot(id).is_some() {
                // Its register is behind those of the whole program.
                self.homes.0.push(Home::Register(0));
                continue;
            }
            let home = self.home_of(id);
            if let Home::Register(_) = home {
                self.table.variables.push(Str::new(spelling));
            }
            self.homes.0.push(home);
        }
        self.first_temp = self.table.variables.len() as u32 + self.place_locals();
        self.next_temp = self.first_temp;
        self.registers = self.registers.max(self.first_temp);
        if self.first_temp > REGISTERS_MAX {
            self.too_large("variables");
        }
    }

    /// Gives each variable of a block its register, which two share that are never visible at once. Answers how many there
    /// are.
    fn place_locals(&mut self) -> u32 {
        let first = self.table.variables.len() as u32;
        let mut count = 0;
        for (id, _) in self.ast.names.iter() {
            if let Some(slot) = self.ast.names.slot(id) {
                let register = u16::try_from(first.saturating_add(slot)).unwrap_or(0);
                self.homes.0[id.0 as usize] = Home::Register(register);
                count = count.max(slot.saturating_add(1));
            }
        }
        count
    }

    fn home_of(&mut self, id: VarId) -> Home {
        let register = u16::try_from(self.table.variables.len()).unwrap_or_else(|_| {
            self.too_large("variables");
            0
        });
        let is_assigned = self.usage.assigned.contains(&id);
        match self.ast.names.predefined(id) {
            Some(Predefined::Args) if self.usage.args != ArgsUse::List => Home::Arguments,
            Some(predefined) if predefined.constant().is_some() && !is_assigned => {
                Home::Constant(predefined)
            }
            None if !is_assigned => kind_constant(self.ast.names.spelling(id))
                .map_or(Home::Register(register), Home::Kind),
            _ => Home::Register(register),
        }
    }

    /// Loads the variables that have a value from the start.
    fn prologue(&mut self) {
        for (id, _) in self.ast.names.iter() {
            let (Some(predefined), Home::Register(dst)) =
                (self.ast.names.predefined(id), self.home(id))
            else {
                continue;
            };
            let assigned = self.usage.assigned.contains(&id);
            if let Some(which) = command_variable(predefined) {
                self.emit(I::LoadCommand {
                    which: which as u8,
                    dst,
                });
                if assigned {
                    self.table.command.push((which, dst));
                }
                continue;
            }
            match predefined {
                Predefined::This => self.emit(I::LoadThis { dst }),
                Predefined::Caller => self.emit(I::LoadCaller { dst }),
                Predefined::Verb => self.emit(I::LoadVerb { dst }),
                Predefined::Args => self.emit(I::LoadArgs { dst }),
                Predefined::Player => {
                    self.emit(I::LoadPlayer { dst });
                    self.table.player = assigned.then_some(dst);
                }
                other => {
                    if let Some(value) = other.constant() {
                        self.load(dst, &value);
                    }
                }
            }
        }
    }

    /// From the next instruction on the variable of a block is visible.
    fn begin_visibility(&mut self, id: VarId) {
        if self.ast.names.slot(id).is_some() {
            let start = self.here();
            self.visible.push((id, start));
        }
    }

    /// The variables of blocks that became visible behind the first `count` are so no more.
    fn end_visibility(&mut self, count: usize) {
        let end = self.here();
        for (id, start) in self
            .visible
            .split_off(count.min(self.visible.len()))
            .into_iter()
            .rev()
        {
            let register = self.register(id);
            let name = Str::new(self.ast.names.spelling(id));
            self.table.locals.push(Local {
                start,
                end,
                register,
                name,
            });
        }
    }

    fn home(&self, id: VarId) -> Home {
        self.homes.of(id)
    }

    /// The register of a variable that is assigned, which therefore has one.
    fn register(&self, id: VarId) -> u16 {
        match self.home(id) {
            Home::Register(register) => register,
            home => unreachable!("an assigned variable lives in a register, not {home:?}"),
        }
    }

    fn finish(mut self) -> Result<Program, CompileErrors> {
        self.table.registers = u16::try_from(self.registers).unwrap_or(0);
        if self.table.code.len() >= usize::from(u16::MAX) {
            self.too_large("instructions");
        }
        if let Some(error) = self.error {
            return Err(CompileErrors::new(vec![error]));
        }
        self.pools.fill(&mut self.table);
        self.labels.resolve(&mut self.table);
        Ok(Program::new(self.table).expect("generated code passes verification"))
    }

    fn fail(&mut self, kind: ErrorKind) {
        let pos = self.pos;
        self.error
            .get_or_insert_with(|| CompileError::new(pos, kind));
    }

    fn too_large(&mut self, what: &'static str) {
        self.fail(ErrorKind::TooLarge {
            what,
            max: usize::from(u16::MAX) - 1,
        });
    }
}

fn command_variable(predefined: Predefined) -> Option<CommandVariable> {
    Some(match predefined {
        Predefined::Argstr => CommandVariable::Argstr,
        Predefined::Dobj => CommandVariable::Dobj,
        Predefined::Dobjstr => CommandVariable::Dobjstr,
        Predefined::Prepstr => CommandVariable::Prepstr,
        Predefined::Iobj => CommandVariable::Iobj,
        Predefined::Iobjstr => CommandVariable::Iobjstr,
        _ => return None,
    })
}

/// The flag byte of an instruction whose value register may be moved out.
fn take_if(spent: bool) -> u8 {
    if spent { TAKE } else { 0 }
}
