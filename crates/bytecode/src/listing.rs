//! A program as text: one line per instruction with its operands explained, then the tables.
//!
//! Made from the operand kinds of the instruction table; used by `disassemble()` and by golden tests.

use std::fmt::{self, Write};

use crate::instruction::{Instruction, OPCODES};
use crate::operand::{Operand, RESULT, SENSE_WANT, TAKE};
use crate::program::{CommandVariable, Program};

/// Displays a program. Lines: `index: NAME operand=..., operand=...`.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a>(pub &'a Program);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = self.0;
        writeln!(
            f,
            "registers {}, variables {}",
            program.registers,
            program.variables.len()
        )?;
        let mut line = 0;
        for (at, instruction) in program.code.iter().enumerate() {
            if program.line(at) != line {
                line = program.line(at);
                writeln!(f, "line {line}")?;
            }
            self.instruction(f, at, instruction)?;
        }
        for (at, handler) in program.handlers.iter().enumerate() {
            writeln!(f, "handler {at}: {handler:?}")?;
        }
        for (at, scatter) in program.scatters.iter().enumerate() {
            writeln!(f, "scatter {at}: {scatter:?}")?;
        }
        for (name, register) in &program.captures {
            writeln!(f, "captured {name}: r{register}")?;
        }
        for local in &program.locals {
            let (name, register) = (local.name.as_str(), local.register);
            writeln!(
                f,
                "local {name}: r{register} from {} to {}",
                local.start, local.end
            )?;
        }
        for (at, function) in program.functions.iter().enumerate() {
            writeln!(f, "function {at}, captures {:?}", function.captures)?;
            write!(f, "{}", Listing(&function.program))?;
        }
        Ok(())
    }
}

impl Listing<'_> {
    fn instruction(
        &self,
        f: &mut fmt::Formatter<'_>,
        at: usize,
        instruction: &Instruction,
    ) -> fmt::Result {
        write!(f, "{at:5}: ")?;
        mnemonic(f, OPCODES[usize::from(instruction.opcode())].name)?;
        for (place, (name, operand)) in instruction.operands().iter().enumerate() {
            f.write_str(if place == 0 { " " } else { ", " })?;
            write!(f, "{name}=")?;
            self.operand(f, at, operand)?;
        }
        writeln!(f)
    }

    fn operand(&self, f: &mut fmt::Formatter<'_>, at: usize, operand: Operand) -> fmt::Result {
        let program = self.0;
        match operand {
            Operand::Reg(r) | Operand::Dst(r) => self.register(f, at, r),
            Operand::Pair(r) | Operand::Triple(r) | Operand::Base(r) => write!(f, "r{r}.."),
            Operand::Const(k) => f.write_str(&program.constants[usize::from(k)].to_literal()),
            Operand::Name(n) => write!(f, "{}", program.names[usize::from(n)].text),
            Operand::Builtin(id) => {
                let name = program.builtins.iter().find(|&&(number, _)| number == id);
                write!(f, "{}", name.map_or("?", |(_, symbol)| symbol.as_str()))
            }
            Operand::Scatter(s) => write!(f, "scatter{s}"),
            Operand::Function(which) => write!(f, "function{which}"),
            Operand::Target(t) => write!(f, "->{t}"),
            Operand::Imm(i) => write!(f, "{i}"),
            Operand::Many(n) => write!(f, "{n}"),
            Operand::Count(n) | Operand::Ticks(n) => write!(f, "{n}"),
            Operand::Branch(b) => write!(f, "{}/{}", b & SENSE_WANT != 0, b >> 1),
            Operand::Flags(b) => {
                f.write_str(if b & TAKE != 0 { "take" } else { "" })?;
                f.write_str(if b & RESULT != 0 { "result" } else { "" })
            }
            Operand::Command(which) => f.write_str(CommandVariable::ALL[usize::from(which)].name()),
        }
    }

    fn register(&self, f: &mut fmt::Formatter<'_>, at: usize, register: u16) -> fmt::Result {
        match self.0.variable_name(register, at) {
            "?" => write!(f, "r{register}"),
            name => f.write_str(name),
        }
    }
}

/// An instruction's name in capitals, with `_` between its words.
fn mnemonic(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    for (at, letter) in name.chars().enumerate() {
        if at > 0 && letter.is_ascii_uppercase() {
            f.write_char('_')?;
        }
        f.write_char(letter.to_ascii_uppercase())?;
    }
    Ok(())
}
