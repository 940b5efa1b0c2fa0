//! The value that programs compute with: sixteen bytes, one of fifteen kinds.
//!
//! In: Rust data. Out: kind, truth, accessors, size and depth. Equality and order are in
//! `order.rs`, text in `literal.rs`, bytes in `codec.rs`.

use crate::{
    AnonRef, Binary, ErrorCode, ErrorName, ErrorValue, Flyweight, Lambda, List, Map, ObjId, Str,
    Sym, WaifRef,
};

/// How deeply lists and maps may nest. It bounds every recursion over values (comparison, literal
/// text, encoding, destruction). An element that would nest deeper is refused by the containers
/// (see [`Value::nestable`]); programs see E_QUOTA.
pub const DEPTH_MAX: u32 = 2_000;

/// The stack that a thread needs to handle values of [`DEPTH_MAX`], in bytes.
pub const STACK_BYTES_MIN: usize = 2 * 1024 * 1024;

/// What every value counts for in `value_bytes()`, in bytes.
pub(crate) const SLOT_BYTES: usize = 16;

/// The kinds of values, with the numbers that `typeof()` gives in ToastStunt; from 15 on in mooR.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are MOO's own")]
pub enum ValueType {
    Int = 0,
    Obj = 1,
    Str = 2,
    Err = 3,
    List = 4,
    /// Not a kind that programs see: the content of a register without a value.
    None = 6,
    Float = 9,
    Map = 10,
    Anon = 12,
    Waif = 13,
    Bool = 14,
    Flyweight = 15,
    Sym = 16,
    Binary = 17,
    Lambda = 18,
}

/// A MOO value.
#[derive(Debug, Default)]
pub enum Value {
    /// No value: an unbound variable or a hole while an element is being changed. Programs never
    /// see it.
    #[default]
    None,
    /// A 64-bit integer.
    Int(i64),
    /// A finite 64-bit float.
    Float(f64),
    /// The number of a permanent object, which need not exist.
    Obj(ObjId),
    /// An error of the table, without a message of its own.
    Err(ErrorCode),
    /// An error with a message of its own, or one that a world has named.
    Error(ErrorValue),
    /// A truth value.
    Bool(bool),
    /// A string.
    Str(Str),
    /// A list.
    List(List),
    /// A map.
    Map(Map),
    /// An anonymous object.
    Anon(AnonRef),
    /// A waif.
    Waif(WaifRef),
    /// A symbol.
    Sym(Sym),
    /// Bytes.
    Binary(Binary),
    /// A flyweight.
    Fly(Flyweight),
    /// A function.
    Lambda(Lambda),
}

const _: () = assert!(size_of::<Value>() == 16);
const _: () = assert!(size_of::<Option<Value>>() == 16);
const _: fn() = || {
    fn shared_between_threads<T: Send + Sync>() {}
    shared_between_threads::<Value>();
};

impl Value {
    /// The integer 0, which many builtins return for "nothing to say".
    pub const ZERO: Self = Self::Int(0);

    /// The empty string.
    pub const EMPTY_STR: Self = Self::Str(Str::EMPTY);

    /// The kind of the value.
    #[inline]
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::None => ValueType::None,
            Self::Int(_) => ValueType::Int,
            Self::Float(_) => ValueType::Float,
            Self::Obj(_) => ValueType::Obj,
            Self::Err(_) | Self::Error(_) => ValueType::Err,
            Self::Bool(_) => ValueType::Bool,
            Self::Str(_) => ValueType::Str,
            Self::List(_) => ValueType::List,
            Self::Map(_) => ValueType::Map,
            Self::Anon(_) => ValueType::Anon,
            Self::Waif(_) => ValueType::Waif,
            Self::Sym(_) => ValueType::Sym,
            Self::Binary(_) => ValueType::Binary,
            Self::Fly(_) => ValueType::Flyweight,
            Self::Lambda(_) => ValueType::Lambda,
        }
    }

    /// Truth: a number other than zero, `true`, a symbol, a function, or a string, list, map or binary that is not empty, or a
    /// flyweight with contents. Objects, errors, anonymous objects and waifs are false.
    #[inline]
    pub fn is_true(&self) -> bool {
        match self {
            Self::Int(n) => *n != 0,
            Self::Float(x) => *x != 0.0,
            Self::Bool(b) => *b,
            Self::Str(s) => !s.is_empty(),
            Self::List(l) => !l.is_empty(),
            Self::Map(m) => !m.is_empty(),
            Self::Sym(_) | Self::Lambda(_) => true,
            Self::Binary(bytes) => !bytes.is_empty(),
            Self::Fly(flyweight) => !flyweight.contents().is_empty(),
            Self::None
            | Self::Obj(_)
            | Self::Err(_)
            | Self::Error(_)
            | Self::Anon(_)
            | Self::Waif(_) => false,
        }
    }

    /// Whether this is the hole that programs never see.
    #[inline]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// What `value_bytes()` counts, by ToastStunt's measures. O(1).
    #[inline]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Str(s) => SLOT_BYTES + s.len_bytes() + 1,
            Self::Float(_) => SLOT_BYTES + size_of::<f64>(),
            Self::List(l) => SLOT_BYTES.saturating_add(l.bytes()),
            Self::Map(m) => SLOT_BYTES.saturating_add(m.bytes()),
            Self::Sym(symbol) => SLOT_BYTES + symbol.as_str().len() + 1,
            Self::Error(error) => SLOT_BYTES + error.bytes(),
            Self::Binary(bytes) => SLOT_BYTES + bytes.len() + 1,
            Self::Fly(flyweight) => flyweight.bytes(),
            Self::Lambda(function) => SLOT_BYTES.saturating_add(function.bytes()),
            _ => SLOT_BYTES,
        }
    }

    /// How deeply lists, maps and flyweights nest: 0 for everything else, 1 for a list of such, 2 for a flyweight. O(1).
    /// It may stay too high after elements were removed.
    #[inline]
    pub fn depth(&self) -> u32 {
        match self {
            Self::List(l) => l.depth(),
            Self::Map(m) => m.depth(),
            Self::Fly(flyweight) => flyweight.depth(),
            Self::Lambda(function) => function.depth(),
            _ => 0,
        }
    }

    /// Whether the value may become an element of a list or a map. Whoever builds containers at a
    /// program's request asks this first and raises E_QUOTA.
    #[inline]
    pub fn nestable(&self) -> bool {
        self.depth() < DEPTH_MAX
    }

    /// The value if it may be an element, else E_QUOTA in its place.
    #[inline]
    pub(crate) fn nested(self) -> Self {
        if self.nestable() {
            self
        } else {
            Self::Err(ErrorCode::Quota)
        }
    }

    /// Moves the value out, leaving [`Value::None`].
    #[inline]
    pub fn take(&mut self) -> Value {
        std::mem::take(self)
    }

    /// The integer, if it is one.
    #[inline]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The float, if it is one.
    #[inline]
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(x) => Some(*x),
            _ => None,
        }
    }

    /// The object number, if it is one.
    #[inline]
    pub fn as_obj(&self) -> Option<ObjId> {
        match self {
            Self::Obj(id) => Some(*id),
            _ => None,
        }
    }

    /// The code of an error of the table, with a message or without.
    #[inline]
    pub fn as_err(&self) -> Option<ErrorCode> {
        match self {
            Self::Err(code) => Some(*code),
            Self::Error(error) => match error.name() {
                ErrorName::Known(code) => Some(*code),
                ErrorName::Custom(_) => None,
            },
            _ => None,
        }
    }

    /// The text of a string or of a symbol: what names something.
    #[inline]
    pub fn name_text(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text.as_str()),
            Self::Sym(symbol) => Some(symbol.as_str()),
            _ => None,
        }
    }

    /// The truth value, if it is a boolean.
    #[inline]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The string, if it is one.
    #[inline]
    pub fn as_str(&self) -> Option<&Str> {
        match self {
            Self::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The list, if it is one.
    #[inline]
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Self::List(l) => Some(l),
            _ => None,
        }
    }

    /// The map, if it is one.
    #[inline]
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(m) => Some(m),
            _ => None,
        }
    }

    /// The anonymous object, if it is one.
    pub fn as_anon(&self) -> Option<&AnonRef> {
        match self {
            Self::Anon(anon) => Some(anon),
            _ => None,
        }
    }

    /// The waif, if it is one.
    pub fn as_waif(&self) -> Option<&WaifRef> {
        match self {
            Self::Waif(waif) => Some(waif),
            _ => None,
        }
    }

    /// The string itself, or the value back.
    ///
    /// # Errors
    /// The value, when it is not a string.
    pub fn into_str(self) -> Result<Str, Value> {
        match self {
            Self::Str(s) => Ok(s),
            other => Err(other),
        }
    }

    /// The list itself, or the value back.
    ///
    /// # Errors
    /// The value, when it is not a list.
    pub fn into_list(self) -> Result<List, Value> {
        match self {
            Self::List(l) => Ok(l),
            other => Err(other),
        }
    }

    /// The map itself, or the value back.
    ///
    /// # Errors
    /// The value, when it is not a map.
    pub fn into_map(self) -> Result<Map, Value> {
        match self {
            Self::Map(m) => Ok(m),
            other => Err(other),
        }
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Int(n) => Self::Int(*n),
            Self::Float(x) => Self::Float(*x),
            Self::Obj(id) => Self::Obj(*id),
            Self::Err(code) => Self::Err(*code),
            Self::Bool(truth) => Self::Bool(*truth),
            Self::Str(text) => text.to_value(),
            Self::List(list) => Self::List(list.clone()),
            Self::Map(map) => Self::Map(map.clone()),
            Self::Anon(anon) => Self::Anon(anon.clone()),
            Self::Waif(waif) => Self::Waif(waif.clone()),
            Self::Error(error) => Self::Error(error.clone()),
            Self::Sym(symbol) => Self::Sym(symbol.clone()),
            Self::Binary(bytes) => Self::Binary(bytes.clone()),
            Self::Fly(flyweight) => Self::Fly(flyweight.clone()),
            Self::Lambda(function) => Self::Lambda(function.clone()),
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident;)*) => {
        $(impl From<$type> for Value {
            #[inline]
            fn from(inner: $type) -> Self {
                Self::$variant(inner.into())
            }
        })*
    };
}

from! {
    i64 => Int;
    f64 => Float;
    ObjId => Obj;
    ErrorCode => Err;
    bool => Bool;
    Str => Str;
    &str => Str;
    String => Str;
    List => List;
    Vec<Value> => List;
    Map => Map;
    AnonRef => Anon;
    WaifRef => Waif;
    Sym => Sym;
    Binary => Binary;
    Flyweight => Fly;
    Lambda => Lambda;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Graveyard;

    fn flyweight(contents: Vec<Value>) -> Flyweight {
        Flyweight::new(ObjId(1), contents.into()).expect("it is not deep")
    }

    #[test]
    fn truth_is_toaststunts() {
        let graveyard = Graveyard::new();
        let mut map = Map::new();
        map.insert_value(Value::Int(1), Value::Int(0));
        let truths: Vec<Value> = vec![
            1.into(),
            (-1).into(),
            0.5.into(),
            true.into(),
            "0".into(),
            vec![Value::Int(0)].into(),
            map.into(),
            Sym::new("").into(),
            Binary::from_vec(vec![0]).into(),
            flyweight(vec![Value::Int(0)]).into(),
        ];
        let falsehoods: Vec<Value> = vec![
            0.into(),
            0.0.into(),
            (-0.0).into(),
            false.into(),
            "".into(),
            List::new().into(),
            Map::new().into(),
            ObjId(1).into(),
            ErrorCode::Type.into(),
            AnonRef::new(1, graveyard.clone()).into(),
            WaifRef::new(1, ObjId(1), ObjId(1), graveyard).into(),
            ErrorValue::make(ErrorName::Known(ErrorCode::Type), Some("so".into())),
            Binary::default().into(),
            flyweight(Vec::new()).into(),
        ];
        assert!(truths.iter().all(Value::is_true));
        assert!(!falsehoods.iter().any(Value::is_true));
    }

    #[test]
    fn sizes_are_toaststunts() {
        let mut map = Map::new();
        map.insert_value(Value::Int(1), Value::from("ab"));
        let cases: Vec<(Value, usize)> = vec![
            (1.into(), 16),
            (1.5.into(), 24),
            ("".into(), 17),
            ("hello".into(), 22),
            (List::new().into(), 32),
            (vec![Value::Int(1), Value::from("hello")].into(), 70),
            (Map::new().into(), 32),
            (map.into(), 32 + 24 + 16 + 19),
            (Sym::new("abc").into(), 20),
            (Binary::from_vec(vec![1, 2]).into(), 19),
            (flyweight(vec![Value::Int(1)]).into(), 32 + 16 + 32),
            (
                ErrorValue::make(ErrorName::Known(ErrorCode::Type), Some("abc".into())),
                20,
            ),
        ];
        for (value, bytes) in cases {
            assert_eq!(value.bytes(), bytes, "{value:?}");
        }
    }
}
