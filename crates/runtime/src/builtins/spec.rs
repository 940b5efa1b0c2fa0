//! What a builtin is: its name, its arguments and how to run it; and what one raises.
//! In: nothing. Out: the types that the families' tables are made of.

use moor_value::{ErrorCode, Str, Value, ValueType};

use super::Call;
use super::Reference;
use super::env::{ContextFn, ResumeFn};

/// A MOO error that a builtin raises.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Raise {
    /// What `except` compares, nearly always an error code.
    pub(crate) code: Value,
    /// The sentence of the traceback.
    pub(crate) message: Str,
    /// More about the error; 0 where there is nothing to say.
    pub(crate) value: Value,
}

impl Raise {
    /// An error with its own message and a value.
    pub(crate) fn with(code: ErrorCode, message: impl Into<Str>, value: Value) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            value,
        }
    }
}

impl From<ErrorCode> for Raise {
    fn from(code: ErrorCode) -> Self {
        Self::with(code, code.message(), Value::ZERO)
    }
}

/// A pure builtin's code. The arguments are already checked for count and types, and may be taken
/// to be changed in place.
pub(crate) type PureFn = fn(&mut Call<'_>, &mut [Value]) -> Result<Value, Raise>;

/// One row of the table of builtins.
#[derive(Debug)]
pub struct BuiltinSpec {
    /// The name that programs call.
    pub name: &'static str,
    /// The least number of arguments.
    pub args_min: u8,
    /// The greatest number of arguments; none where there is no bound.
    pub args_max: Option<u8>,
    /// The types of the first arguments; later ones may be anything.
    pub types: &'static [ArgType],
    /// Who had it first.
    pub origin: Origin,
    /// What the reference says.
    pub reference: Reference,
    /// Whether its answers 1 and 0 stand for true and false.
    pub answers_truth: bool,
    /// How to run it.
    pub(crate) run: Run,
}

/// Which server a builtin comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// LambdaMOO 1.8.3 has it.
    LambdaMoo,
    /// ToastStunt adds it.
    ToastStunt,
    /// mooR adds it.
    MooR,
    /// It is this server's own.
    Own,
}

/// How a builtin runs.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub(crate) enum Run {
    /// On its arguments alone.
    Pure(PureFn),
    /// With the world, the task and the sessions; the second function goes on after a verb that
    /// the first one called.
    Context(ContextFn, Option<ResumeFn>),
}

/// What an argument may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are MOO's own")]
pub enum ArgType {
    /// Anything.
    Any,
    /// An integer or a float.
    Num,
    Int,
    Obj,
    Str,
    Err,
    List,
    Float,
    Map,
    Anon,
    Waif,
    Bool,
    Flyweight,
    Sym,
    Binary,
    /// A string that names something, or a symbol, which the argument check makes the string that it stands for.
    Name,
}

impl ArgType {
    /// The number that `function_info()` shows: -1 for anything, -2 for a number, else `typeof()`'s.
    pub fn number(self) -> i64 {
        match self.value_type() {
            Some(value_type) => value_type as i64,
            None if self == Self::Any => -1,
            None => -2,
        }
    }

    /// Whether a value may be passed.
    #[inline]
    pub fn accepts(self, value: &Value) -> bool {
        self.mask() >> value.value_type() as u32 & 1 != 0
    }

    /// The types that it stands for, each as the bit of its number. The compiler makes a table of it, as long as each arm is a
    /// number and nothing else.
    #[inline]
    fn mask(self) -> u32 {
        const fn bit(one: ValueType) -> u32 {
            1 << one as u32
        }
        match self {
            Self::Any => u32::MAX,
            Self::Num => bit(ValueType::Int) | bit(ValueType::Float),
            Self::Int => bit(ValueType::Int),
            Self::Obj => bit(ValueType::Obj),
            Self::Str | Self::Name => bit(ValueType::Str),
            Self::Err => bit(ValueType::Err),
            Self::List => bit(ValueType::List),
            Self::Float => bit(ValueType::Float),
            Self::Map => bit(ValueType::Map),
            Self::Anon => bit(ValueType::Anon),
            Self::Waif => bit(ValueType::Waif),
            Self::Bool => bit(ValueType::Bool),
            Self::Flyweight => bit(ValueType::Flyweight),
            Self::Sym => bit(ValueType::Sym),
            Self::Binary => bit(ValueType::Binary),
        }
    }

    /// The one type that it is; none for anything and for numbers.
    #[inline]
    pub(crate) fn value_type(self) -> Option<ValueType> {
        Some(match self {
            Self::Any | Self::Num => return None,
            Self::Int => ValueType::Int,
            Self::Obj => ValueType::Obj,
            Self::Str | Self::Name => ValueType::Str,
            Self::Err => ValueType::Err,
            Self::List => ValueType::List,
            Self::Float => ValueType::Float,
            Self::Map => ValueType::Map,
            Self::Anon => ValueType::Anon,
            Self::Waif => ValueType::Waif,
            Self::Bool => ValueType::Bool,
            Self::Flyweight => ValueType::Flyweight,
            Self::Sym => ValueType::Sym,
            Self::Binary => ValueType::Binary,
        })
    }
}

/// A row for a pure builtin: name, least and most arguments, types, origin, code.
macro_rules! pure {
    ($name:literal, $min:literal ..= $max:literal, [$($type:ident),*], $origin:ident, $run:expr) => {
        pure!(@row $name, $min, Some($max), [$($type),*], $origin, $run)
    };
    ($name:literal, $min:literal .., [$($type:ident),*], $origin:ident, $run:expr) => {
        pure!(@row $name, $min, None, [$($type),*], $origin, $run)
    };
    (@row $name:literal, $min:literal, $max:expr, [$($type:ident),*], $origin:ident, $run:expr) => {
        $crate::builtins::BuiltinSpec {
            name: $name,
            args_min: $min,
            args_max: $max,
            types: &[$($crate::builtins::ArgType::$type),*],
            origin: $crate::builtins::Origin::$origin,
            reference: $crate::builtins::Reference::NONE,
            answers_truth: false,
            run: $crate::builtins::Run::Pure($run),
        }
    };
}

pub(super) use pure;

/// A row for a builtin that knows the world: as for `pure!`, and after the code, separated by
/// `then`, the function that goes on after a verb that it called.
macro_rules! world {
    ($name:literal, $min:literal ..= $max:literal, [$($type:ident),*], $origin:ident, $run:expr $(, then $then:expr)?) => {
        world!(@row $name, $min, Some($max), [$($type),*], $origin, $run $(, $then)?)
    };
    ($name:literal, $min:literal .., [$($type:ident),*], $origin:ident, $run:expr $(, then $then:expr)?) => {
        world!(@row $name, $min, None, [$($type),*], $origin, $run $(, $then)?)
    };
    (@row $name:literal, $min:literal, $max:expr, [$($type:ident),*], $origin:ident, $run:expr) => {
        world!(@spec $name, $min, $max, [$($type),*], $origin, $crate::builtins::Run::Context($run, None))
    };
    (@row $name:literal, $min:literal, $max:expr, [$($type:ident),*], $origin:ident, $run:expr, $then:expr) => {
        world!(@spec $name, $min, $max, [$($type),*], $origin, $crate::builtins::Run::Context($run, Some($then)))
    };
    (@spec $name:literal, $min:literal, $max:expr, [$($type:ident),*], $origin:ident, $how:expr) => {
        $crate::builtins::BuiltinSpec {
            name: $name,
            args_min: $min,
            args_max: $max,
            types: &[$($crate::builtins::ArgType::$type),*],
            origin: $crate::builtins::Origin::$origin,
            reference: $crate::builtins::Reference::NONE,
            answers_truth: false,
            run: $how,
        }
    };
}

pub(super) use world;
