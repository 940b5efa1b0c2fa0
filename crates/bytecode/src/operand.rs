//! What the operands of an instruction are: kinds, their Rust types, and the two flag bytes.
//!
//! The instruction table names a kind per operand; the verifier and the listing work on [`Operand`] values and
//! know nothing of single instructions.

/// The value register of an instruction is a temporary that nothing reads again: its value may be moved out.
pub const TAKE: u8 = 1;
/// The value register of an instruction is also the result of the expression: an error that is not raised
/// (debug flag off) is written to it.
pub const RESULT: u8 = 2;

/// The bit of a [`Sense`] byte that holds the truth value on which the branch is taken.
pub const SENSE_WANT: u8 = 1;

/// The first byte of a branch: bit 0 is the truth value on which it jumps, bits 1-7 the ticks that the jump
/// costs. A jump backwards always costs at least one tick, so that no program runs without spending any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sense(pub u8);

impl Sense {
    /// The most ticks that one jump can cost.
    pub const TICKS_MAX: u8 = 127;

    /// Jump when the condition is `want`, at a cost of `ticks`, which is cut to [`Self::TICKS_MAX`].
    pub fn new(want: bool, ticks: u8) -> Self {
        Self(u8::from(want) | ticks.min(Self::TICKS_MAX) << 1)
    }

    /// The truth value on which the branch is taken.
    #[inline(always)]
    pub fn want(self) -> bool {
        self.0 & SENSE_WANT != 0
    }

    /// What the jump costs.
    #[inline(always)]
    pub fn ticks(self) -> u8 {
        self.0 >> 1
    }
}

/// One operand of an instruction, with its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A register that is read.
    Reg(u16),
    /// A register that is written.
    Dst(u16),
    /// Two neighbouring registers.
    Pair(u16),
    /// Three neighbouring registers.
    Triple(u16),
    /// The first of a run of registers; the instruction says how many.
    Base(u16),
    /// An index into the constants.
    Const(u16),
    /// An index into the names.
    Name(u16),
    /// The number of a builtin function.
    Builtin(u16),
    /// An index into the scatter patterns.
    Scatter(u16),
    /// An index into the functions.
    Function(u16),
    /// The index of an instruction.
    Target(u16),
    /// A small integer.
    Imm(i16),
    /// How many registers or keys.
    Many(u16),
    /// How many registers or keys.
    Count(u8),
    /// What a jump costs.
    Ticks(u8),
    /// Truth value and cost of a branch.
    Branch(u8),
    /// [`TAKE`] and [`RESULT`].
    Flags(u8),
    /// Which variable of the command, see [`CommandVariable`](crate::CommandVariable).
    Command(u8),
}

/// The operands of one instruction, in the order of the table.
#[derive(Clone, Copy, Debug)]
pub struct Operands {
    items: [(&'static str, Operand); 4],
    len: usize,
}

impl Operands {
    pub(crate) fn new(list: &[(&'static str, Operand)]) -> Self {
        let mut items = [("", Operand::Count(0)); 4];
        items[..list.len()].copy_from_slice(list);
        Self {
            items,
            len: list.len(),
        }
    }

    /// Names and operands.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Operand)> + '_ {
        self.items[..self.len].iter().copied()
    }
}

/// The Rust type of an operand kind.
macro_rules! operand_type {
    (Imm) => {
        i16
    };
    (Count) => {
        u8
    };
    (Ticks) => {
        u8
    };
    (Branch) => {
        u8
    };
    (Flags) => {
        u8
    };
    (Command) => {
        u8
    };
    ($wide:ident) => {
        u16
    };
}

/// An operand that takes one byte in an encoded instruction, or two.
pub(crate) trait Field: Copy {
    /// Puts the value into the encoded instruction: a byte at 1, words at 2, 4 and 6, in order of appearance.
    fn put(self, out: &mut [u8; 8], word: &mut usize);
    /// Reads what `put` wrote.
    fn get(from: &[u8; 8], word: &mut usize) -> Self;
}

impl Field for u8 {
    fn put(self, out: &mut [u8; 8], _: &mut usize) {
        out[1] = self;
    }
    fn get(from: &[u8; 8], _: &mut usize) -> Self {
        from[1]
    }
}

impl Field for u16 {
    fn put(self, out: &mut [u8; 8], word: &mut usize) {
        out[*word..*word + 2].copy_from_slice(&self.to_le_bytes());
        *word += 2;
    }
    fn get(from: &[u8; 8], word: &mut usize) -> Self {
        let at = *word;
        *word += 2;
        u16::from_le_bytes([from[at], from[at + 1]])
    }
}

impl Field for i16 {
    fn put(self, out: &mut [u8; 8], word: &mut usize) {
        (self as u16).put(out, word);
    }
    fn get(from: &[u8; 8], word: &mut usize) -> Self {
        u16::get(from, word) as i16
    }
}

pub(crate) use operand_type;
