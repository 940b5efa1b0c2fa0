//! Constants: which expressions are one, and when two constants are the same.

use moor_value::{Binary, ErrorName, ErrorValue, List, Str, Sym, Value, codec};

use super::{Codegen, Homes};
use crate::ast::{Arg, Expr, ExprKind, Literal};

/// Identity of a constant: its bytes, because `==` ignores case. Both zeroes are one: a program has the one that
/// it spells first, as in ToastStunt.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct ConstantKey(Vec<u8>);

impl ConstantKey {
    pub(super) fn of(value: &Value) -> Self {
        let mut bytes = Vec::new();
        let value = match value {
            Value::Float(0.0) => &Value::Float(0.0),
            value => value,
        };
        codec::encode(value, &mut bytes);
        Self(bytes)
    }
}

pub(super) fn literal(literal: &Literal) -> Value {
    match literal {
        Literal::Int(n) => Value::Int(*n),
        Literal::Float(x) => Value::Float(*x),
        Literal::Str(text) => Value::from(&**text),
        Literal::Obj(id) => Value::Obj(*id),
        Literal::Err(code) => Value::Err(*code),
        // The parser takes no other word for one.
        Literal::Custom(name) => {
            ErrorName::from_text(name).map_or(Value::None, ErrorName::into_value)
        }
        Literal::Sym(name) => Value::Sym(Sym::new(name)),
        Literal::Binary(bytes) => Value::Binary(Binary::from_vec(bytes.to_vec())),
    }
}

impl Homes {
    /// The value of an expression that is always the same: a literal, a type's number, a list of such.
    pub(super) fn constant_value(&self, expr: &Expr) -> Option<Value> {
        match &expr.kind {
            ExprKind::Literal(one) => Some(literal(one)),
            ExprKind::Var(id) => self.of(*id).constant(),
            ExprKind::Error { name, message } => match &message.kind {
                ExprKind::Literal(Literal::Str(text)) => {
                    Some(ErrorValue::make(name.clone(), Some(Str::new(text))))
                }
                _ => None,
            },
            ExprKind::List(args) => {
                let one = |arg: &Arg| match arg {
                    Arg::One(expr) => self.constant_value(expr).filter(Value::nestable),
                    Arg::Splice(_) => None,
                };
                args.iter()
                    .map(one)
                    .collect::<Option<Vec<_>>>()
                    .map(List::from_vec)
                    .map(Value::List)
            }
            _ => None,
        }
    }
}

impl Codegen<'_> {
    /// See [`Homes::constant_value`].
    pub(super) fn constant_value(&self, expr: &Expr) -> Option<Value> {
        self.homes.constant_value(expr)
    }

    /// The value of an expression that fits into an instruction.
    pub(super) fn immediate(&self, expr: &Expr) -> Option<i16> {
        match self.constant_value(expr)? {
            Value::Int(n) => i16::try_from(n).ok(),
            _ => None,
        }
    }
}
