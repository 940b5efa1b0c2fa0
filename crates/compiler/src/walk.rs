//! What a tree is made of, one level at a time, for whoever looks for something in a program.
//!
//! In: a statement or an expression. Out: what stands directly in it, in the order of evaluation. What is looked for, and how deep, is
//! the caller's.

use crate::ast::{
    Codes, Comprehension, Expr, ExprKind, Place, ScatterItem, Source, Stmt, StmtKind,
};
use crate::names::VarId;

/// What stands directly in a statement.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// A variable that the statement assigns.
    Variable(VarId),
    /// An expression.
    Expr(&'a Expr),
    /// Statements.
    Block(&'a [Stmt]),
}

/// Calls `visit` with each part of a statement.
pub fn parts<'a>(stmt: &'a Stmt, visit: &mut dyn FnMut(Part<'a>)) {
    match &stmt.kind {
        StmtKind::If { arms, otherwise } => {
            for arm in arms {
                visit(Part::Expr(&arm.condition));
                visit(Part::Block(&arm.body));
            }
            visit(Part::Block(otherwise));
        }
        StmtKind::ForIn {
            value,
            key,
            container,
            body,
        } => {
            visit(Part::Variable(*value));
            key.iter().for_each(|key| visit(Part::Variable(*key)));
            visit(Part::Expr(container));
            visit(Part::Block(body));
        }
        StmtKind::ForRange {
            var,
            from,
            to,
            body,
        } => {
            visit(Part::Variable(*var));
            visit(Part::Expr(from));
            visit(Part::Expr(to));
            visit(Part::Block(body));
        }
        StmtKind::While {
            label,
            condition,
            body,
        } => {
            label.iter().for_each(|label| visit(Part::Variable(*label)));
            visit(Part::Expr(condition));
            visit(Part::Block(body));
        }
        StmtKind::Fork { task, delay, body } => {
            task.iter().for_each(|task| visit(Part::Variable(*task)));
            visit(Part::Expr(delay));
            visit(Part::Block(body));
        }
        StmtKind::TryExcept { body, arms } => {
            visit(Part::Block(body));
            for arm in arms {
                arm.var.iter().for_each(|var| visit(Part::Variable(*var)));
                codes(&arm.codes, &mut |expr| visit(Part::Expr(expr)));
                visit(Part::Block(&arm.body));
            }
        }
        StmtKind::TryFinally { body, handler } => {
            visit(Part::Block(body));
            visit(Part::Block(handler));
        }
        StmtKind::Declare { .. } | StmtKind::DeclareScatter { .. } => declared(&stmt.kind, visit),
        StmtKind::Function { id, .. } => visit(Part::Variable(*id)),
        StmtKind::Begin(body) => visit(Part::Block(body)),
        StmtKind::Break(_) | StmtKind::Continue(_) | StmtKind::Return(None) => {}
        StmtKind::Return(Some(expr)) | StmtKind::Expr(expr) => visit(Part::Expr(expr)),
    }
}

fn declared<'a>(kind: &'a StmtKind, visit: &mut dyn FnMut(Part<'a>)) {
    match kind {
        StmtKind::Declare { id, value, .. } => {
            value.iter().for_each(|value| visit(Part::Expr(value)));
            visit(Part::Variable(*id));
        }
        StmtKind::DeclareScatter { items, value, .. } => {
            visit(Part::Expr(value));
            for item in items {
                if let ScatterItem::Optional(_, Some(default)) = item {
                    visit(Part::Expr(default));
                }
                visit(Part::Variable(item.variable()));
            }
        }
        _ => unreachable!("only declarations declare"),
    }
}

fn codes<'a>(codes: &'a Codes, visit: &mut dyn FnMut(&'a Expr)) {
    if let Codes::List(args) = codes {
        args.iter().for_each(|arg| visit(arg.expr()));
    }
}

/// Calls `visit` with each expression directly within `expr`, in the order of evaluation. What stands in a function is of
/// another program.
pub fn children<'a>(expr: &'a Expr, visit: &mut dyn FnMut(&'a Expr)) {
    match &expr.kind {
        ExprKind::Literal(_)
        | ExprKind::Var(_)
        | ExprKind::First
        | ExprKind::Last
        | ExprKind::Function(_)
        | ExprKind::Return(None) => {}
        ExprKind::Unary(_, a) | ExprKind::Return(Some(a)) => visit(a),
        ExprKind::Step(_, place) => place_children(place, visit),
        ExprKind::Binary(_, a, b) | ExprKind::And(a, b) | ExprKind::Or(a, b) => {
            visit(a);
            visit(b);
        }
        ExprKind::Cond {
            condition,
            consequent,
            alternate,
        } => {
            [condition, consequent, alternate]
                .into_iter()
                .for_each(|e| visit(e));
        }
        ExprKind::Prop { object, name } => [object, name].into_iter().for_each(|e| visit(e)),
        ExprKind::Verb { object, verb, args } => {
            visit(object);
            visit(verb);
            args.iter().for_each(|arg| visit(arg.expr()));
        }
        ExprKind::Index { base, index } => [base, index].into_iter().for_each(|e| visit(e)),
        ExprKind::Range { base, from, to } => [base, from, to].into_iter().for_each(|e| visit(e)),
        ExprKind::Apply { function, args, .. } => {
            visit(function);
            args.iter().for_each(|arg| visit(arg.expr()));
        }
        ExprKind::Call { args, .. } | ExprKind::List(args) => {
            args.iter().for_each(|arg| visit(arg.expr()));
        }
        ExprKind::Error { message, .. } => visit(message),
        ExprKind::Flyweight {
            delegate,
            slots,
            contents,
        } => flyweight(delegate, slots, contents.as_deref(), visit),
        ExprKind::Comprehension(inner) => comprehension(inner, visit),
        ExprKind::Map(entries) => {
            for (key, value) in entries {
                visit(value);
                visit(key);
            }
        }
        ExprKind::Assign { place, value } => {
            place_children(place, visit);
            visit(value);
        }
        ExprKind::Scatter { items, value } => {
            visit(value);
            items.iter().filter_map(default).for_each(visit);
        }
        ExprKind::Catch {
            body,
            codes: taken,
            default,
        } => {
            codes(taken, visit);
            visit(body);
            default.iter().for_each(|e| visit(e));
        }
    }
}

/// The default of a target, if it has one.
fn default(item: &ScatterItem) -> Option<&Expr> {
    match item {
        ScatterItem::Optional(_, default) => default.as_ref(),
        ScatterItem::Required(_) | ScatterItem::Rest(_) => None,
    }
}

fn flyweight<'a>(
    delegate: &'a Expr,
    slots: &'a [(Box<str>, Expr)],
    contents: Option<&'a Expr>,
    visit: &mut dyn FnMut(&'a Expr),
) {
    visit(delegate);
    slots.iter().for_each(|(_, value)| visit(value));
    contents.into_iter().for_each(visit);
}

fn comprehension<'a>(inner: &'a Comprehension, visit: &mut dyn FnMut(&'a Expr)) {
    match &inner.source {
        Source::In(container) => visit(container),
        Source::Range(from, to) => {
            visit(from);
            visit(to);
        }
    }
    visit(&inner.element);
}

fn place_children<'a>(place: &'a Place, visit: &mut dyn FnMut(&'a Expr)) {
    match place {
        Place::Var(_) => {}
        Place::Prop { object, name, .. } => [object, name].into_iter().for_each(visit),
        Place::Index { base, index, .. } => {
            place_children(base, visit);
            visit(index);
        }
        Place::Range { base, from, to, .. } => {
            place_children(base, visit);
            visit(from);
            visit(to);
        }
    }
}
