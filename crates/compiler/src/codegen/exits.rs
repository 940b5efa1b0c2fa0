//! Ways out of loops and of `try .. finally`: `break`, `continue`, `return`.
//!
//! A way out that leads through a `finally` part notes which one it is in the part's state register and goes to the
//! part; behind the part the note is read and the way goes on.

use moor_bytecode::Instruction as I;

use super::Codegen;
use super::emit::{Label, Operand};
use crate::names::VarId;

/// What the state of a `finally` part says when there is nothing to do behind it.
pub(super) const FALL_THROUGH: i16 = 0;
/// What it says of the first way out; 1 stands for an error.
pub(super) const FIRST_EXIT: i16 = 2;

/// A loop around the code being generated.
pub(super) struct LoopScope {
    /// The variables that name it.
    pub(super) names: Vec<VarId>,
    pub(super) end: Label,
    pub(super) next: Label,
    /// The register of the container that it walks over.
    pub(super) container: Option<u16>,
    /// How many `finally` parts are around it.
    pub(super) finallies: usize,
}

/// A `try .. finally` whose body is being generated.
pub(super) struct FinallyScope {
    /// Two registers: why the part runs, and the value or error that goes on behind it.
    pub(super) state: u16,
    pub(super) entry: Label,
    pub(super) exits: Vec<Exit>,
}

/// A way out; loops by their place among the loops around.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Exit {
    /// The value is in the second register of the innermost `finally` part's state.
    Return,
    Break(usize),
    Continue(usize),
}

impl Codegen<'_> {
    /// The loop that a `break` or `continue` means.
    pub(super) fn loop_named(&self, name: Option<VarId>) -> usize {
        let named = |scope: &LoopScope| name.is_none_or(|name| scope.names.contains(&name));
        let found = self.loops.iter().rposition(named);
        found.expect(
            "the parser allows `break` and `continue` where there is a loop of that name only",
        )
    }

    /// `return` with a value.
    pub(super) fn leave_with(&mut self, value: Operand) {
        match self.finallies.last() {
            None => self.emit(I::Return { a: value.reg }),
            Some(scope) => {
                let held = scope.state + 1;
                self.copy_to(value, held);
                self.leave(Exit::Return);
            }
        }
    }

    /// Goes the way out, through the innermost `finally` part if there is one on the way.
    pub(super) fn leave(&mut self, exit: Exit) {
        let outside = match exit {
            Exit::Return => 0,
            Exit::Break(index) | Exit::Continue(index) => self.loops[index].finallies,
        };
        if self.finallies.len() > outside
            && let Some(scope) = self.finallies.last_mut()
        {
            let number = scope
                .exits
                .iter()
                .position(|known| *known == exit)
                .unwrap_or_else(|| {
                    scope.exits.push(exit);
                    scope.exits.len() - 1
                });
            let (dst, entry) = (scope.state, scope.entry);
            let imm = FIRST_EXIT.saturating_add(i16::try_from(number).unwrap_or(i16::MAX));
            self.emit(I::Int { dst, imm });
            self.jump(entry);
            return;
        }
        match exit {
            Exit::Return => unreachable!("a return without `finally` parts has its value at hand"),
            Exit::Break(index) => self.leave_loops(index, self.loops[index].end),
            Exit::Continue(index) => self.leave_loops(index + 1, self.loops[index].next),
        }
    }

    fn leave_loops(&mut self, from: usize, to: Label) {
        let containers: Vec<u16> = self.loops[from..]
            .iter()
            .filter_map(|scope| scope.container)
            .collect();
        for dst in containers {
            self.emit(I::Clear { dst });
        }
        self.jump(to);
    }
}
