//! Instructions, labels and temporaries: what the rest of the generator writes with.

use moor_bytecode::{CodeTable, Instruction as I, ScatterKind};
use moor_value::Value;

use super::Codegen;
use super::pools::Full;
use crate::ast::Pos;
use crate::error::ErrorKind;

/// The most registers of a program. Runs that begin below stay within 16 bits.
pub(super) const REGISTERS_MAX: u32 = 65_000;

/// A place in the code that may not be known yet. Until the end, jump targets hold label numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(pub(super) u16);

/// Every label and, once bound, its place.
#[derive(Default)]
pub(super) struct Labels(Vec<u16>);

impl Labels {
    /// Labels whose places are known, in order of their numbers.
    pub(super) fn at(places: Vec<u16>) -> Self {
        Self(places)
    }

    /// Puts places for label numbers into everything that jumps.
    pub(super) fn resolve(&self, table: &mut CodeTable) {
        let place = |label: u16| self.0[usize::from(label)];
        for instruction in &mut table.code {
            *instruction = instruction.map_targets(place);
        }
        for handler in &mut table.handlers {
            handler.target = place(handler.target);
        }
        for scatter in &mut table.scatters {
            scatter.done = place(scatter.done);
            for target in &mut scatter.targets {
                if let ScatterKind::Default(label) = &mut target.kind {
                    *label = place(*label);
                }
            }
        }
    }
}

/// A register that holds an operand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Operand {
    /// The register.
    pub(super) reg: u16,
    /// Whether it is a temporary that nothing else reads.
    pub(super) spent: bool,
}

impl Codegen<'_> {
    pub(super) fn emit(&mut self, instruction: I) {
        let at = self.here();
        let line = self.pos.line;
        if self
            .table
            .lines
            .last()
            .is_none_or(|&(_, last)| last != line)
        {
            match self.table.lines.last_mut() {
                Some(last) if last.0 == at => last.1 = line,
                _ => self.table.lines.push((at, line)),
            }
        }
        if self.table.code.len() < usize::from(u16::MAX) {
            self.table.code.push(instruction);
        }
    }

    /// The place of the next instruction.
    pub(super) fn here(&self) -> u16 {
        self.table.code.len() as u16
    }

    /// Later instructions belong to this place in the source.
    pub(super) fn at(&mut self, pos: Pos) {
        if pos.line > 0 {
            self.pos = pos;
        }
    }

    pub(super) fn label(&mut self) -> Label {
        if self.labels.0.len() >= usize::from(u16::MAX) {
            self.too_large("jumps");
            return Label(0);
        }
        self.labels.0.push(0);
        Label(self.labels.0.len() as u16 - 1)
    }

    /// A label for the place of the next instruction.
    pub(super) fn label_here(&mut self) -> Label {
        let label = self.label();
        self.bind(label);
        label
    }

    pub(super) fn bind(&mut self, label: Label) {
        let here = self.here();
        self.labels.0[usize::from(label.0)] = here;
    }

    pub(super) fn jump(&mut self, label: Label) {
        self.emit(I::Jump {
            ticks: 0,
            target: label.0,
        });
    }

    /// Reserves `count` neighbouring temporaries.
    pub(super) fn temps(&mut self, count: u32) -> u16 {
        let first = self.next_temp;
        self.next_temp = self.next_temp.saturating_add(count);
        if self.next_temp > REGISTERS_MAX {
            self.fail(ErrorKind::TooLarge {
                what: "variables and temporaries",
                max: REGISTERS_MAX as usize,
            });
            return 0;
        }
        self.registers = self.registers.max(self.next_temp);
        first as u16
    }

    pub(super) fn temp(&mut self) -> u16 {
        self.temps(1)
    }

    /// Gives back every temporary reserved since `next_temp` was `mark`.
    pub(super) fn release(&mut self, mark: u32) {
        self.next_temp = mark;
    }

    pub(super) fn is_variable(&self, register: u16) -> bool {
        u32::from(register) < self.first_temp
    }

    /// `dst` itself when it may be written before the expression is finished, else a temporary.
    pub(super) fn scratch(&mut self, dst: u16) -> u16 {
        if self.is_variable(dst) {
            self.temp()
        } else {
            dst
        }
    }

    /// Brings a finished value from where it was built to where it is wanted.
    pub(super) fn deliver(&mut self, dst: u16, from: u16) {
        if dst != from {
            self.emit(I::Take { dst, src: from });
        }
    }

    /// Drops what a temporary holds, so that it does not keep a list from changing in place.
    pub(super) fn forget(&mut self, operand: Operand, dst: u16) {
        if operand.spent && operand.reg != dst {
            self.emit(I::Clear { dst: operand.reg });
        }
    }

    pub(super) fn load(&mut self, dst: u16, value: &Value) {
        match self.pools.load(dst, value) {
            Ok(instruction) => self.emit(instruction),
            Err(Full(what)) => self.too_large(what),
        }
    }

    pub(super) fn constant(&mut self, value: &Value) -> u16 {
        let place = self.pools.constant(value);
        self.pooled(place)
    }

    pub(super) fn name(&mut self, text: &str) -> u16 {
        let place = self.pools.name(text);
        self.pooled(place)
    }

    fn pooled(&mut self, place: Result<u16, Full>) -> u16 {
        place.unwrap_or_else(|Full(what)| {
            self.too_large(what);
            0
        })
    }
}
