//! Offsets in the bytecode of LambdaMOO's family.
//!
//! In: what its code generators emit, piece by piece. Out: the offset of a place, once the whole of a vector is known:
//! operands are as wide as the largest of their kind in the vector, so that nothing before it has an offset.
//!
//! A vector is the main program or the body of one `fork`. Opcodes and counts take one byte. An operand takes one, two or four:
//! literals, bodies of forks and variables by the largest number there is, jumps by the length of the vector. The numbers
//! that decide count what the whole program had until the vector's end, as those servers do to stay true to their own
//! old files.

use moor_value::Value;
use rustc_hash::FxHashMap;

use super::super::fold::ConstantKey;

/// The smallest integer that has an opcode of its own, in every dialect.
const IMMEDIATE_MIN: i64 = -10;
/// How many variables have opcodes of their own.
const READY_VARIABLES: u32 = 32;
/// The largest number that an operand of one byte stands for, and of two; those servers take one more for a number that fits.
const BYTE_MAX: u32 = 256;
const WORD_MAX: u32 = 256 * 256;

/// How a server lays out bytecode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The largest integer that has an opcode of its own: as many as the opcodes leave room for.
    immediate_max: i64,
    /// How a loop over elements begins.
    walk: Walk,
}

/// How a loop over elements begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// The integer 1, and an opcode.
    Number,
    /// A literal without a value, and an extended opcode.
    Literal,
}

const fn dialect(immediate_max: i64, walk: Walk) -> Dialect {
    Dialect {
        immediate_max,
        walk,
    }
}

/// LambdaMOO as it comes; then as it is when built to hold fewer references (`BYTECODE_REDUCE_REF`).
const LAMBDAMOO: [Dialect; 2] = [dialect(132, Walk::Number), dialect(99, Walk::Number)];
/// ToastStunt, which is built to hold fewer references; Stunt likewise; both without.
const TOASTSTUNT: [Dialect; 4] = [
    dialect(94, Walk::Literal),
    dialect(97, Walk::Literal),
    dialect(127, Walk::Literal),
    dialect(130, Walk::Literal),
];
/// The formats of the years between: Stunt before it had maps, and before it walked over them.
const EARLY_STUNT: [Dialect; 8] = [
    TOASTSTUNT[0],
    TOASTSTUNT[1],
    TOASTSTUNT[2],
    TOASTSTUNT[3],
    dialect(97, Walk::Number),
    dialect(130, Walk::Number),
    LAMBDAMOO[0],
    LAMBDAMOO[1],
];
/// The first format of Stunt, and the first in which loops walk over maps.
const STUNT_FORMAT: u8 = 5;
const ITERATOR_FORMAT: u8 = 12;

impl Dialect {
    /// The dialects that a textdump of this format may be in, the likeliest first. A file does not say how its server was built.
    pub fn of_format(format: u8) -> &'static [Self] {
        match format {
            ITERATOR_FORMAT.. => &TOASTSTUNT,
            STUNT_FORMAT.. => &EARLY_STUNT,
            _ => &LAMBDAMOO,
        }
    }

    /// The dialect of a server that was built as it comes.
    pub(super) fn usual(format: u8) -> Self {
        Self::of_format(format)[0]
    }

    pub(super) fn walk(self) -> Walk {
        self.walk
    }
}

/// A place in a vector: how much of each kind is before it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct At {
    /// Everything, an operand as one byte.
    bytes: u32,
    literals: u32,
    forks: u32,
    variables: u32,
    labels: u32,
}

/// How many bytes operands take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Widths {
    literal: u64,
    fork: u64,
    variable: u64,
    label: u64,
}

impl At {
    /// The offset of the place.
    pub(super) fn offset(self, widths: &Widths) -> u64 {
        u64::from(self.bytes)
            + u64::from(self.literals) * (widths.literal - 1)
            + u64::from(self.forks) * (widths.fork - 1)
            + u64::from(self.variables) * (widths.variable - 1)
            + u64::from(self.labels) * (widths.label - 1)
    }
}

/// What the vectors of a program share.
#[derive(Default)]
pub(super) struct Shared {
    literals: FxHashMap<ConstantKey, u32>,
    forks: u32,
    variable_refs: u32,
}

/// A vector that is being laid out.
#[derive(Default)]
pub(super) struct Vector {
    at: At,
    literal_max: u32,
    fork_max: u32,
    variable_max: u32,
}

impl Vector {
    /// Where the next piece will be.
    pub(super) fn here(&self) -> At {
        self.at
    }

    /// Opcodes, and operands that always take one byte.
    pub(super) fn bytes(&mut self, count: u32) {
        self.at.bytes += count;
    }

    /// A jump's target, or the number that stands in its place.
    pub(super) fn label(&mut self) {
        self.at.bytes += 1;
        self.at.labels += 1;
    }

    /// The opcode that puts an integer or another literal on the stack, with its operand.
    pub(super) fn push_literal(&mut self, value: &Value, dialect: Dialect, shared: &mut Shared) {
        self.bytes(1);
        let immediates = IMMEDIATE_MIN..=dialect.immediate_max;
        if !matches!(value, Value::Int(n) if immediates.contains(n)) {
            self.literal(value, shared);
        }
    }

    /// A literal as an operand.
    pub(super) fn literal(&mut self, value: &Value, shared: &mut Shared) {
        let next = shared.literals.len() as u32;
        let number = *shared
            .literals
            .entry(ConstantKey::of(value))
            .or_insert(next);
        self.literal_max = self.literal_max.max(number);
        self.at.bytes += 1;
        self.at.literals += 1;
    }

    /// The body of a fork as an operand; it is numbered now.
    pub(super) fn fork(&mut self, shared: &mut Shared) -> u32 {
        let number = shared.forks;
        shared.forks += 1;
        self.fork_max = self.fork_max.max(number);
        self.at.bytes += 1;
        self.at.forks += 1;
        number
    }

    /// A variable as an operand.
    pub(super) fn variable(&mut self, slot: u16, shared: &mut Shared) {
        self.variable_max = self.variable_max.max(u32::from(slot));
        self.at.bytes += 1;
        self.at.variables += 1;
        shared.variable_refs += 1;
    }

    /// The opcode that reads or writes a variable, with its operand.
    pub(super) fn use_variable(&mut self, slot: u16, shared: &mut Shared) {
        self.bytes(1);
        if u32::from(slot) >= READY_VARIABLES {
            self.variable(slot, shared);
        }
    }

    /// The widths of the vector, which is complete.
    pub(super) fn widths(&self, shared: &Shared) -> Widths {
        let literals = shared.literals.len() as u32;
        let mut widths = Widths {
            literal: width(self.literal_max.max(literals)),
            fork: width(self.fork_max.max(shared.forks)),
            variable: width(self.variable_max.max(shared.variable_refs)),
            label: 1,
        };
        let size = self.at.offset(&widths);
        if size > u64::from(BYTE_MAX) {
            let fits = size + u64::from(self.at.labels) <= u64::from(WORD_MAX);
            widths.label = if fits { 2 } else { 4 };
        }
        widths
    }
}

fn width(max: u32) -> u64 {
    if max <= BYTE_MAX {
        1
    } else if max <= WORD_MAX {
        2
    } else {
        4
    }
}
