//! The instructions: one table with the effect of each as an equation, from which everything else is made.
//!
//! An instruction is 8 bytes: opcode, one byte operand, up to three 16-bit operands. In the equations a register
//! name stands for its value, `->` for a jump, `unset` for a register without a value. Reading an unset register
//! raises E_VARNF. An error that an instruction raises in a verb without the debug flag becomes the value of
//! `dst` instead, and the program goes on (statement instructions say where).
//!
//! Order of the table is the encoding: new instructions go to the end, and a changed meaning is a new
//! [`FORMAT_VERSION`](crate::FORMAT_VERSION).

use crate::operand::{Field, Operand, Operands, operand_type};

/// What the table says about one opcode.
#[derive(Clone, Copy, Debug)]
pub struct OpcodeInfo {
    /// The instruction's name.
    pub name: &'static str,
    /// Its operands.
    pub operands: &'static [&'static str],
    /// Its effect.
    pub effect: &'static str,
}

macro_rules! map_target {
    (Target, $map:ident, $field:ident) => {
        $map($field)
    };
    ($other:ident, $map:ident, $field:ident) => {
        $field
    };
}

macro_rules! instructions {
    ($($name:ident { $($field:ident : $kind:ident),* } $effect:literal)*) => {
        /// One instruction; the table at the head of its module's source is its definition.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)] // the effect is the documentation; operands are named in it
        pub enum Instruction {
            $(#[doc = concat!("`", $effect, "`")] $name { $($field: operand_type!($kind)),* },)*
        }

        /// Every opcode in order of its number.
        pub const OPCODES: &[OpcodeInfo] = &[
            $(OpcodeInfo { name: stringify!($name), operands: &[$(stringify!($field)),*], effect: $effect },)*
        ];

        #[allow(clippy::upper_case_acronyms)]
        #[repr(u8)]
        enum Opcode { $($name,)* }

        impl Instruction {
            /// The opcode's number, an index into [`OPCODES`].
            pub fn opcode(&self) -> u8 {
                match self { $(Self::$name { .. } => Opcode::$name as u8,)* }
            }

            /// The operands with their names.
            pub fn operands(&self) -> Operands {
                match *self {
                    $(Self::$name { $($field),* } => Operands::new(&[$((stringify!($field), Operand::$kind($field))),*]),)*
                }
            }

            /// The same instruction with every jump target replaced by what `map` makes of it.
            #[must_use]
            pub fn map_targets(self, map: impl Fn(u16) -> u16) -> Self {
                match self {
                    $(Self::$name { $($field),* } => {
                        Self::$name { $($field: map_target!($kind, map, $field)),* }
                    })*
                }
            }

            /// The 8 bytes: opcode, byte operand or 0, words little-endian in order, 0 where there is none.
            #[allow(unused_mut, unused_variables, unused_assignments)]
            pub fn to_bytes(self) -> [u8; 8] {
                let mut out = [self.opcode(), 0, 0, 0, 0, 0, 0, 0];
                let mut word = 2;
                match self {
                    $(Self::$name { $($field),* } => { $($field.put(&mut out, &mut word);)* })*
                }
                out
            }

            /// The instruction of 8 bytes; `None` for an opcode that does not exist. Operands are unchecked.
            #[allow(unused_mut, unused_variables)]
            pub fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
                let mut word = 2;
                $(if bytes[0] == Opcode::$name as u8 {
                    return Some(Self::$name { $($field: Field::get(&bytes, &mut word)),* });
                })*
                None
            }
        }
    };
}

instructions! {
    // Moving values.
    Move { dst: Dst, src: Reg } "dst = src"
    Take { dst: Dst, src: Reg } "dst = src; src = unset"
    Clear { dst: Dst } "dst = unset"
    Const { dst: Dst, k: Const } "dst = constants[k]"
    Int { dst: Dst, imm: Imm } "dst = imm"
    LoadThis { dst: Dst } "dst = this"
    LoadCaller { dst: Dst } "dst = the caller's this; in a task's first frame what started it"
    LoadPlayer { dst: Dst } "dst = player"
    LoadVerb { dst: Dst } "dst = the name that the verb was called by"
    LoadCommand { which: Command, dst: Dst } "dst = variable `which` of the command"
    LoadArgs { dst: Dst } "dst = {arguments}; the arguments are moved"
    ArgIndex { dst: Dst, index: Many } "dst = arguments[index]; E_RANGE"
    ArgCount { dst: Dst } "dst = number of arguments"
    // Arithmetic. Both integers, or both floats; E_TYPE. Integers wrap around.
    Add { dst: Dst, a: Reg, b: Reg } "dst = a + b; strings and lists concatenate; a is moved when it is dst"
    Sub { dst: Dst, a: Reg, b: Reg } "dst = a - b"
    Mul { dst: Dst, a: Reg, b: Reg } "dst = a * b"
    Div { dst: Dst, a: Reg, b: Reg } "dst = a / b; E_DIV"
    Mod { dst: Dst, a: Reg, b: Reg } "dst = a % b, with the sign of b; E_DIV"
    Pow { dst: Dst, a: Reg, b: Reg } "dst = a ^ b"
    AddI { dst: Dst, a: Reg, imm: Imm } "dst = a + imm"
    SubI { dst: Dst, a: Reg, imm: Imm } "dst = a - imm"
    MulI { dst: Dst, a: Reg, imm: Imm } "dst = a * imm"
    DivI { dst: Dst, a: Reg, imm: Imm } "dst = a / imm"
    ModI { dst: Dst, a: Reg, imm: Imm } "dst = a % imm"
    AddK { dst: Dst, a: Reg, k: Const } "dst = a + constants[k]; a is moved when it is dst"
    SubK { dst: Dst, a: Reg, k: Const } "dst = a - constants[k]"
    MulK { dst: Dst, a: Reg, k: Const } "dst = a * constants[k]"
    DivK { dst: Dst, a: Reg, k: Const } "dst = a / constants[k]"
    Neg { dst: Dst, a: Reg } "dst = -a"
    Not { dst: Dst, a: Reg } "dst = !a"
    Complement { dst: Dst, a: Reg } "dst = ~a"
    BitAnd { dst: Dst, a: Reg, b: Reg } "dst = a &. b"
    BitOr { dst: Dst, a: Reg, b: Reg } "dst = a |. b"
    BitXor { dst: Dst, a: Reg, b: Reg } "dst = a ^. b"
    Shl { dst: Dst, a: Reg, b: Reg } "dst = a << b; E_INVARG"
    Shr { dst: Dst, a: Reg, b: Reg } "dst = a >> b, filling with zeroes; E_INVARG"
    // Comparisons.
    Eq { dst: Dst, a: Reg, b: Reg } "dst = a == b"
    Ne { dst: Dst, a: Reg, b: Reg } "dst = a != b"
    Lt { dst: Dst, a: Reg, b: Reg } "dst = a < b; E_TYPE"
    Le { dst: Dst, a: Reg, b: Reg } "dst = a <= b; E_TYPE"
    Gt { dst: Dst, a: Reg, b: Reg } "dst = a > b; E_TYPE"
    Ge { dst: Dst, a: Reg, b: Reg } "dst = a >= b; E_TYPE"
    In { dst: Dst, a: Reg, b: Reg } "dst = a in b; E_TYPE"
    // Jumps. A condition that is an error value because nothing is raised counts as false.
    Jump { ticks: Ticks, target: Target } "ticks -= ticks; -> target"
    Br { sense: Branch, a: Reg, target: Target } "if (a is true) == want: -> target"
    BrEq { sense: Branch, a: Reg, b: Reg, target: Target } "if (a == b) == want: -> target"
    BrLt { sense: Branch, a: Reg, b: Reg, target: Target } "if (a < b) == want: -> target"
    BrLe { sense: Branch, a: Reg, b: Reg, target: Target } "if (a <= b) == want: -> target"
    BrGt { sense: Branch, a: Reg, b: Reg, target: Target } "if (a > b) == want: -> target"
    BrGe { sense: Branch, a: Reg, b: Reg, target: Target } "if (a >= b) == want: -> target"
    BrEqK { sense: Branch, a: Reg, k: Const, target: Target } "if (a == constants[k]) == want: -> target"
    BrEqI { sense: Branch, a: Reg, imm: Imm, target: Target } "if (a == imm) == want: -> target"
    BrLtI { sense: Branch, a: Reg, imm: Imm, target: Target } "if (a < imm) == want: -> target"
    BrLeI { sense: Branch, a: Reg, imm: Imm, target: Target } "if (a <= imm) == want: -> target"
    BrGtI { sense: Branch, a: Reg, imm: Imm, target: Target } "if (a > imm) == want: -> target"
    BrGeI { sense: Branch, a: Reg, imm: Imm, target: Target } "if (a >= imm) == want: -> target"
    // Loops. A range's state is {current, last}; a walk's state is {container, position, key}.
    RangePrep { var: Dst, state: Pair, end: Target } "if state[0] > state[1]: -> end; var = state[0]; E_TYPE (not raised: -> end)"
    RangeStep { ticks: Ticks, var: Dst, state: Pair, body: Target } "if state[0] < state[1]: state[0] += 1; var = state[0]; -> body"
    EachPrep { state: Triple, step: Target, end: Target } "state[1] = start; -> step; E_TYPE (not raised: -> end)"
    EachStep { ticks: Ticks, var: Dst, state: Triple, body: Target } "if another element: var = it; state[2] = its index or key; -> body; else state = unset"
    // Lists, strings, maps.
    List { dst: Dst, base: Base, count: Many } "dst = {base ... base+count-1}; the elements are moved"
    Push { flags: Flags, list: Dst, src: Reg } "list = {@list, src} in place; E_TYPE E_QUOTA"
    Extend { flags: Flags, list: Dst, src: Reg } "list = {@list, @src} in place; E_TYPE E_QUOTA"
    Insert { map: Dst, key: Reg, value: Reg } "map[key] = value in place, a new map being built; E_TYPE E_QUOTA"
    Index { dst: Dst, a: Reg, i: Reg } "dst = a[i]; E_TYPE E_RANGE"
    IndexI { dst: Dst, a: Reg, imm: Imm } "dst = a[imm]"
    Range { dst: Dst, a: Reg, range: Pair } "dst = a[range[0]..range[1]]"
    First { dst: Dst, a: Reg } "dst = what `^` means in a[^]"
    Last { dst: Dst, a: Reg } "dst = what `$` means in a[$]"
    SetIndex { flags: Flags, a: Dst, i: Reg, value: Reg } "a[i] = value in place (not raised: a = the error)"
    SetPath { count: Count, a: Dst, keys: Base, value: Reg } "a[keys]...[keys+count-1] = value in place"
    SetRange { count: Count, a: Dst, keys: Base, value: Reg } "a[keys]...[keys+count-1][keys+count..keys+count+1] = value in place"
    Length { dst: Dst, a: Reg, builtin: Builtin } "dst = length(a), by the builtin unless a is a string, list or map and the builtin is not protected"
    Scatter { src: Reg, pattern: Scatter } "targets of the pattern = elements of src; -> the first default; E_TYPE E_ARGS (not raised: -> done)"
    ScatterArgs { flags: Flags, pattern: Scatter } "as Scatter, from the arguments"
    // The world.
    GetProp { dst: Dst, obj: Reg, name: Name } "dst = obj.name"
    GetPropDyn { dst: Dst, obj: Reg, name: Reg } "dst = obj.(name)"
    GetSystem { dst: Dst, name: Name } "dst = #0.name"
    SetProp { flags: Flags, obj: Reg, name: Name, value: Reg } "obj.name = value"
    SetPropDyn { flags: Flags, obj: Reg, name: Reg, value: Reg } "obj.(name) = value"
    CallVerb { argc: Count, dst: Dst, base: Base, name: Name } "dst = base:name(base+1 ... base+argc); the registers are moved"
    CallVerbSpread { dst: Dst, base: Base, name: Name } "dst = base:name(@base+1)"
    CallVerbDyn { argc: Count, dst: Dst, base: Base } "dst = base:(base+1)(base+2 ... base+1+argc)"
    CallVerbDynSpread { dst: Dst, base: Base } "dst = base:(base+1)(@base+2)"
    CallBuiltin { argc: Count, dst: Dst, base: Base, builtin: Builtin } "dst = builtin(base ... base+argc-1); the registers are moved"
    CallBuiltinSpread { dst: Dst, base: Base, builtin: Builtin } "dst = builtin(@base)"
    Return { a: Reg } "return a, which is moved"
    ReturnI { imm: Imm } "return imm"
    Fork { flags: Flags, task: Dst, delay: Reg, body: Target } "start a task at body with a copy of the registers after `delay` seconds; with RESULT: task = its id in both"
    EndFinally { state: Pair } "if state[0] == 1: raise state[1] again"
    Error { dst: Dst, a: Reg, k: Const } "dst = the error constants[k] with the message a; E_TYPE"
    Flyweight { dst: Dst, base: Base } "dst = a flyweight of base with the slots base+1, a map, and the contents base+2; the registers are moved; E_TYPE E_INVARG E_QUOTA"
    // Functions.
    MakeFunction { dst: Dst, which: Function } "dst = functions[which], which captures what its registers hold; E_QUOTA"
    CallFunction { argc: Count, dst: Dst, base: Base } "dst = base(base+1 ... base+argc); the registers are moved; E_TYPE E_MAXREC"
    CallFunctionSpread { dst: Dst, base: Base } "dst = base(@base+1)"
}

const _: () = assert!(size_of::<Instruction>() == 8);

impl Instruction {
    /// The run of registers that a `Base` operand begins.
    pub fn window(&self) -> Option<(u16, u32)> {
        use Instruction as I;
        Some(match *self {
            I::List { base, count, .. } => (base, u32::from(count)),
            I::SetPath { keys, count, .. } => (keys, u32::from(count)),
            I::SetRange { keys, count, .. } => (keys, u32::from(count) + 2),
            I::CallVerb { base, argc, .. } => (base, u32::from(argc) + 1),
            I::CallVerbSpread { base, .. } => (base, 2),
            I::CallVerbDyn { base, argc, .. } => (base, u32::from(argc) + 2),
            I::CallVerbDynSpread { base, .. } => (base, 3),
            I::CallBuiltin { base, argc, .. } => (base, u32::from(argc)),
            I::CallBuiltinSpread { base, .. } => (base, 1),
            I::CallFunction { base, argc, .. } => (base, u32::from(argc) + 1),
            I::CallFunctionSpread { base, .. } => (base, 2),
            I::Flyweight { base, .. } => (base, 3),
            _ => return None,
        })
    }

    /// What a jump of this instruction costs; 0 when it has no cost.
    pub fn jump_ticks(&self) -> u8 {
        for (_, operand) in self.operands().iter() {
            match operand {
                Operand::Ticks(ticks) => return ticks,
                Operand::Branch(sense) => return sense >> 1,
                _ => {}
            }
        }
        0
    }

    /// Whether the next instruction is never reached from this one.
    pub fn ends_flow(&self) -> bool {
        matches!(
            self,
            Instruction::Jump { .. } | Instruction::Return { .. } | Instruction::ReturnI { .. }
        )
    }
}
