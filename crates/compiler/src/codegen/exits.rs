//! Ways out of loops and of `try .. finally`: `break`, `continue`, `return`.
//!
//! A way out that leads through a `finally` part notes which one it is in the part's state register and goes to the
//! part; behind the part the note is read and the way goes on.

use moor_bytecode::{Instruction as I, Sense};

use super::Codegen;
use super::emit::{Label, Operand};
use crate::names::VarId;
use crate::parser::DEPTH_MAX;

/// What the state of a `finally` part says when there is nothing to do behind it.
pub(super) const FALL_THROUGH: i16 = 0;
/// What it says of an error, as [`EndFinally`](I::EndFinally) reads it.
pub(super) const ERROR: i16 = 1;
/// What it says of the first way out.
const FIRST_EXIT: i16 = 2;
/// There are numbers for two ways out of each loop around, and for `return`.
const _: () = assert!(2 * DEPTH_MAX < (i16::MAX - FIRST_EXIT) as usize);

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
    exits: Vec<Exit>,
}

impl FinallyScope {
    pub(super) fn new(state: u16, entry: Label) -> Self {
        Self {
            state,
            entry,
            exits: Vec::new(),
        }
    }

    /// The instruction that notes that the part is entered on this way out.
    fn note(&mut self, exit: Exit) -> I {
        let known = self.exits.iter().position(|known| *known == exit);
        let place = known.unwrap_or_else(|| {
            self.exits.push(exit);
            self.exits.len() - 1
        });
        let (dst, imm) = (self.state, FIRST_EXIT + place as i16);
        I::Int { dst, imm }
    }

    /// The ways out that lead through the part, with their numbers.
    pub(super) fn numbered(self) -> impl Iterator<Item = (Exit, i16)> {
        self.exits.into_iter().zip(FIRST_EXIT..)
    }
}

/// How a way out begins when there are `finally` parts on it, which are those behind the first `outside`: the note for the
/// innermost of them, and where that is entered.
pub(super) fn through(
    finallies: &mut [FinallyScope],
    outside: usize,
    exit: Exit,
) -> Option<(I, Label)> {
    let scope = finallies.get_mut(outside..)?.last_mut()?;
    Some((scope.note(exit), scope.entry))
}

/// Behind a `finally` part: jumps on unless it was entered on the way out of this number.
pub(super) fn unless_entered(state: u16, number: i16, on: Label) -> I {
    I::BrEqI {
        sense: Sense::new(false, 0).0,
        a: state,
        imm: number,
        target: on.0,
    }
}

/// A way out; loops by their place among the loops around.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Exit {
    /// The value is in the second register of the innermost `finally` part's state.
    Return,
    Break(usize),
    Continue(usize),
}

impl Exit {
    /// The loop that it leaves, or whose turn it ends.
    pub(super) fn of_loop(self) -> Option<usize> {
        match self {
            Self::Return => None,
            Self::Break(index) | Self::Continue(index) => Some(index),
        }
    }
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
        let outside = exit
            .of_loop()
            .map_or(0, |index| self.loops[index].finallies);
        if let Some((note, entry)) = through(&mut self.finallies, outside, exit) {
            self.emit(note);
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
