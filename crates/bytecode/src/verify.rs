//! The check that every program passes before it may run.
//!
//! It proves that no instruction can name a register, constant, name, pattern or instruction that is not there,
//! that the code never runs off its end, and that every way back costs a tick. It does not prove types: an
//! instruction that meets a value of the wrong type raises E_TYPE.

use moor_value::Value;
use thiserror::Error;

use crate::instruction::Instruction;
use crate::operand::Operand;
use crate::program::{CodeTable, CommandVariable, Filter, FunctionCode, Gives, Local, ScatterKind};

/// What is wrong with a program.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The code is empty, too long, or its last instruction lets the program run off its end.
    #[error("the code has no end within {max} instructions", max = u16::MAX)]
    Length,
    /// An operand lies outside its table.
    #[error("instruction {at}: operand {operand:?} is out of range")]
    Operand {
        /// Index of the instruction.
        at: usize,
        /// The operand.
        operand: Operand,
    },
    /// A jump backwards that costs nothing.
    #[error("instruction {at}: a jump backwards costs no tick")]
    FreeLoop {
        /// Index of the instruction.
        at: usize,
    },
    /// An entry of a table other than the code is out of range.
    #[error("entry {at} of table `{table}` is out of range")]
    Table {
        /// The table's name.
        table: &'static str,
        /// Index of the entry.
        at: usize,
    },
}

pub(crate) fn verify(table: &CodeTable) -> Result<(), VerifyError> {
    let ends = table.code.last().is_some_and(Instruction::ends_flow);
    if !ends || table.code.len() > usize::from(u16::MAX) {
        return Err(VerifyError::Length);
    }
    for (at, instruction) in table.code.iter().enumerate() {
        verify_instruction(table, at, instruction)?;
    }
    verify_variables(table)?;
    verify_handlers(table)?;
    verify_scatters(table)?;
    verify_lines(table)?;
    verify_forks(table)?;
    verify_locals(table)?;
    verify_functions(table)
}

fn verify_instruction(
    table: &CodeTable,
    at: usize,
    instruction: &Instruction,
) -> Result<(), VerifyError> {
    for (_, operand) in instruction.operands().iter() {
        if !operand_fits(table, instruction, operand) {
            return Err(VerifyError::Operand { at, operand });
        }
        if let Operand::Target(target) = operand
            && usize::from(target) <= at
            && instruction.jump_ticks() == 0
        {
            return Err(VerifyError::FreeLoop { at });
        }
    }
    Ok(())
}

fn operand_fits(table: &CodeTable, instruction: &Instruction, operand: Operand) -> bool {
    let within = |first: u16, count: u32| u32::from(first) + count <= u32::from(table.registers);
    match operand {
        Operand::Reg(r) | Operand::Dst(r) => within(r, 1),
        Operand::Pair(r) => within(r, 2),
        Operand::Triple(r) => within(r, 3),
        Operand::Base(r) => within(r, instruction.window().map_or(1, |(_, count)| count)),
        Operand::Const(k) => usize::from(k) < table.constants.len(),
        Operand::Name(n) => usize::from(n) < table.names.len(),
        Operand::Builtin(id) => table.builtins.iter().any(|&(number, _)| number == id),
        Operand::Scatter(s) => usize::from(s) < table.scatters.len(),
        Operand::Function(f) => usize::from(f) < table.functions.len(),
        Operand::Target(t) => usize::from(t) < table.code.len(),
        Operand::Command(which) => usize::from(which) < CommandVariable::ALL.len(),
        Operand::Imm(_) | Operand::Many(_) | Operand::Count(_) => true,
        Operand::Ticks(_) | Operand::Branch(_) | Operand::Flags(_) => true,
    }
}

fn verify_variables(table: &CodeTable) -> Result<(), VerifyError> {
    let fail = |name, at| Err(VerifyError::Table { table: name, at });
    if table.registers == 0 {
        // What a task waits for is always written to a register.
        return fail("registers", 0);
    }
    if table.variables.len() > usize::from(table.registers) {
        return fail("variables", table.variables.len());
    }
    if table.player.is_some_and(|r| r >= table.registers) {
        return fail("player", 0);
    }
    if let Some(at) = table
        .command
        .iter()
        .position(|&(_, r)| r >= table.registers)
    {
        return fail("command", at);
    }
    let counted = |value: &Value| {
        matches!(
            value,
            Value::None | Value::Anon(_) | Value::Waif(_) | Value::Lambda(_)
        )
    };
    match table.constants.iter().position(counted) {
        Some(at) => fail("constants", at),
        None => Ok(()),
    }
}

fn verify_handlers(table: &CodeTable) -> Result<(), VerifyError> {
    let (code, registers) = (table.code.len(), table.registers);
    for (at, h) in table.handlers.iter().enumerate() {
        let filter = match h.filter {
            Filter::Register(r) => r < registers,
            Filter::Any | Filter::Codes(_) => true,
        };
        let gives = match h.gives {
            Gives::Nothing => true,
            Gives::Code(r) | Gives::Exception(r) | Gives::Head(r) => r < registers,
            Gives::Pending(r) => u32::from(r) + 1 < u32::from(registers),
        };
        // A handler before or within what it covers could be entered for ever without spending a tick.
        let order = h.start <= h.end && h.end <= h.target && usize::from(h.target) < code;
        if !(filter && gives && order) {
            return Err(VerifyError::Table {
                table: "handlers",
                at,
            });
        }
    }
    Ok(())
}

fn verify_scatters(table: &CodeTable) -> Result<(), VerifyError> {
    let code = table.code.len();
    let latest = latest_uses(table);
    for (at, scatter) in table.scatters.iter().enumerate() {
        // Defaults and the end stand behind the instruction, so that it never leads back.
        let ahead = |target: u16| usize::from(target) > latest[at] && usize::from(target) < code;
        let rests = scatter
            .targets
            .iter()
            .filter(|t| t.kind == ScatterKind::Rest)
            .count();
        let fits = scatter.targets.iter().all(|t| {
            let kind = match t.kind {
                ScatterKind::Default(target) => ahead(target),
                ScatterKind::Required | ScatterKind::Optional | ScatterKind::Rest => true,
            };
            kind && t.register < table.registers
        });
        if !fits || rests > 1 || !ahead(scatter.done) {
            return Err(VerifyError::Table {
                table: "scatters",
                at,
            });
        }
    }
    Ok(())
}

/// For each scatter pattern the index of the last instruction that uses it.
fn latest_uses(table: &CodeTable) -> Vec<usize> {
    let mut latest = vec![0; table.scatters.len()];
    for (at, instruction) in table.code.iter().enumerate() {
        for (_, operand) in instruction.operands().iter() {
            if let Operand::Scatter(pattern) = operand {
                latest[usize::from(pattern)] = at;
            }
        }
    }
    latest
}

fn verify_lines(table: &CodeTable) -> Result<(), VerifyError> {
    match table
        .lines
        .windows(2)
        .position(|pair| pair[0].0 >= pair[1].0)
    {
        Some(at) => Err(VerifyError::Table { table: "lines", at }),
        None => Ok(()),
    }
}

fn verify_forks(table: &CodeTable) -> Result<(), VerifyError> {
    let outside = |(start, _): &(u16, _)| usize::from(*start) >= table.code.len();
    match table.forks.iter().position(outside) {
        Some(at) => Err(VerifyError::Table { table: "forks", at }),
        None => Ok(()),
    }
}

fn verify_locals(table: &CodeTable) -> Result<(), VerifyError> {
    let outside = |local: &Local| {
        let range = local.start <= local.end && usize::from(local.end) <= table.code.len();
        !range || local.register >= table.registers
    };
    match table.locals.iter().position(outside) {
        Some(at) => Err(VerifyError::Table {
            table: "locals",
            at,
        }),
        None => Ok(()),
    }
}

fn verify_functions(table: &CodeTable) -> Result<(), VerifyError> {
    let fail = |name, at| Err(VerifyError::Table { table: name, at });
    let outside = |register: u16| register >= table.registers;
    let captures = &table.captures;
    if let Some(at) = captures.iter().position(|(_, register)| outside(*register)) {
        return fail("captures", at);
    }
    if table.own.is_some_and(outside) {
        return fail("own", 0);
    }
    let is_wrong = |function: &FunctionCode| {
        let wanted = function.program.captures.len();
        function.captures.len() != wanted || function.captures.iter().copied().any(outside)
    };
    match table.functions.iter().position(is_wrong) {
        Some(at) => fail("functions", at),
        None => Ok(()),
    }
}
