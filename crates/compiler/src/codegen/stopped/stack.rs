//! The places of the other machine's stack: what stands for each here, and what each holds in terms of the program.

use super::super::exits::Exit;
use crate::ast::{Arg, Expr, Place, Stmt};

/// A place in the code that a mark on the stack names: its number among those of the part.
pub(super) type Mark = usize;

/// A place on the other machine's stack, and the register that stands for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Slot {
    /// A value.
    Value(u16),
    /// The offset of a handler.
    Label(Mark),
    /// The mark of a `try` with so many arms.
    Catch(usize),
    /// The mark of a `finally`; the two registers of its state are reserved.
    Finally(Mark),
    /// How far a loop is in the container that this register holds; two registers behind it are the loop's.
    Position(u16),
    /// The next value of a loop over a range, in the first of two registers.
    Next(u16),
    /// Its last value, in the second.
    Last(u16),
    /// Why a `finally` part runs: the first register of its state, and the ways out that lead through it.
    Reason(u16, Vec<Way>),
    /// The value or error that goes on behind it, in the second register of the state.
    Held,
}

/// A way out through a `finally` part.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Way {
    /// Its number here.
    pub(super) number: i16,
    pub(super) exit: Exit,
    pub(super) there: There,
}

/// A way out as the other machine notes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum There {
    Return,
    /// To a place, with so much of the stack left.
    Jump {
        depth: usize,
        mark: Mark,
    },
}

impl Slot {
    /// How many registers the place takes.
    pub(super) fn width(&self) -> u32 {
        match self {
            Self::Value(_) | Self::Next(_) | Self::Last(_) => 1,
            Self::Label(_) | Self::Catch(_) | Self::Held => 0,
            Self::Finally(_) | Self::Position(_) | Self::Reason(..) => 2,
        }
    }
}

/// What a place on the stack holds, in terms of the program.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin<'a> {
    /// Nothing of the program's: a mark.
    Mark,
    /// The integer 0.
    Zero,
    /// What the expression gives. Of the state of a loop: what it walks over, the first or the last value of its range.
    Value(&'a Expr),
    /// A list that begins with the name, if there is one, and has so many of the arguments.
    Elements {
        before: Option<&'a str>,
        args: &'a [Arg],
        count: usize,
    },
    /// A map that has as many of the entries as were computed so far.
    Entries(&'a [(Expr, Expr)]),
    /// What a place holds of which a part is to be assigned.
    Container(&'a Place),
    /// Why this handler of a `finally` runs, or what goes on behind it.
    Handler(&'a [Stmt]),
}
