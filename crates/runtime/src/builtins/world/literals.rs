//! Values out of the text that programs have for them, without running anything.
//!
//! In: text. Out: the value that it stands for. How values are written is the compiler's knowledge.

use moor_compiler::ast::{Arg, Ast, Expr, ExprKind, Literal, StmtKind};
use moor_value::{Binary, ErrorCode, ErrorName, ErrorValue, Flyweight, List, Map, Str, Sym, Value};

use crate::builtins::BuiltinSpec;
use crate::builtins::arg::Args;
use crate::builtins::env::{Answer, Env, Reply};
use crate::builtins::spec::world;
use crate::program;

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("fromliteral", 1..=1, [Str], MooR, fromliteral)
        .doc(
            "text",
            "value",
            "The value that a text stands for, as `toliteral()` writes it. Nothing is run: a text is one literal value, or an error.",
        )
        .raises("E_INVARG if the text is not one literal value; E_QUOTA if the text is longer than 1 MiB, or the value would be too large"),
];

/// Bytes of the longest text that is read.
const TEXT_BYTES_MAX: usize = 1 << 20;

fn fromliteral(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let text = args.str(0)?;
    if text.len_bytes() > TEXT_BYTES_MAX {
        return Err(ErrorCode::Quota.into());
    }
    // In a list, as there no semicolon can end it.
    let source = format!("return {{{text}}};");
    let parsed = program::parse_stored(&source, env.features());
    let value = parsed.ok().and_then(|ast| returned(&ast));
    let value = value.ok_or(ErrorCode::InvArg)?;
    match value.bytes() <= env.stretch.options.value_limits.list_bytes_max {
        true => Ok(Answer::Value(value)),
        false => Err(ErrorCode::Quota.into()),
    }
}

/// The one literal value in the list that a program returns which does nothing else.
fn returned(ast: &Ast) -> Option<Value> {
    let [statement] = ast.body.as_slice() else {
        return None;
    };
    let StmtKind::Return(Some(expr)) = &statement.kind else {
        return None;
    };
    match &expr.kind {
        ExprKind::List(items) => match items.as_slice() {
            [Arg::One(item)] => value(ast, item),
            _ => None,
        },
        _ => None,
    }
}

/// The value of an expression that is a literal. It nests no deeper than the compiler reads.
fn value(ast: &Ast, expr: &Expr) -> Option<Value> {
    Some(match &expr.kind {
        ExprKind::Literal(literal) => plain(literal)?,
        ExprKind::Var(id) => match ast.names.predefined(*id)?.constant()? {
            truth @ Value::Bool(_) => truth,
            _ => return None,
        },
        ExprKind::List(items) => Value::List(items_of(ast, items)?),
        ExprKind::Map(entries) => {
            let mut map = Map::new();
            for (key, of) in entries {
                map.insert_value(value(ast, key)?, value(ast, of)?)
                    .then_some(())?;
            }
            Value::Map(map)
        }
        ExprKind::Error { name, message } => {
            let message = value(ast, message)?.into_str().ok()?;
            ErrorValue::make(name.clone(), Some(message))
        }
        ExprKind::Flyweight {
            delegate,
            slots,
            contents,
        } => {
            let mut map = Map::new();
            for (name, of) in slots {
                map.insert_value(Value::from(&**name), value(ast, of)?);
            }
            let contents = contents
                .as_ref()
                .map(|expr| value(ast, expr)?.into_list().ok());
            let contents = contents.map_or(Some(List::new()), |contents| contents)?;
            Flyweight::with_slots(value(ast, delegate)?.as_obj()?, &map, contents)?.into()
        }
        _ => return None,
    })
}

fn items_of(ast: &Ast, items: &[Arg]) -> Option<List> {
    let item = |item: &Arg| match item {
        Arg::One(expr) => value(ast, expr),
        Arg::Splice(_) => None,
    };
    items.iter().map(item).collect()
}

fn plain(literal: &Literal) -> Option<Value> {
    Some(match literal {
        Literal::Int(n) => Value::Int(*n),
        Literal::Float(x) => Value::Float(*x),
        Literal::Str(text) => Value::Str(Str::new(text)),
        Literal::Obj(id) => Value::Obj(*id),
        Literal::Err(code) => Value::Err(*code),
        Literal::Custom(name) => ErrorName::from_text(name)?.into_value(),
        Literal::Sym(name) => Value::Sym(Sym::new(name)),
        Literal::Binary(bytes) => Value::Binary(Binary::from_vec(bytes.to_vec())),
    })
}
