//! A variable that turns out to be another one: `{x * 2 for x in ..}` names its variable behind where it is used.
//!
//! In: an expression, a variable and what it is to be. Out: the same expression with the one for the other. The variables
//! of list comprehensions and functions in it are their own, and never the one that goes.

use crate::ast::{Arg, Codes, Comprehension, Expr, ExprKind, Place, ScatterItem, Source};
use crate::names::VarId;

/// Puts one variable for another wherever the expression mentions it.
pub(super) fn rename(expr: &mut Expr, from: VarId, to: VarId) {
    Renaming { from, to }.expr(expr);
}

#[derive(Clone, Copy)]
struct Renaming {
    from: VarId,
    to: VarId,
}

impl Renaming {
    fn variable(self, id: &mut VarId) {
        if *id == self.from {
            *id = self.to;
        }
    }

    fn expr(self, expr: &mut Expr) {
        match &mut expr.kind {
            ExprKind::Literal(_) | ExprKind::First | ExprKind::Last | ExprKind::Return(None) => {}
            ExprKind::Var(id) => self.variable(id),
            ExprKind::Unary(_, a) | ExprKind::Return(Some(a)) => self.expr(a),
            ExprKind::Step(_, place) => self.place(place),
            ExprKind::Binary(_, a, b) | ExprKind::And(a, b) | ExprKind::Or(a, b) => {
                self.all([a, b]);
            }
            ExprKind::Cond {
                condition,
                consequent,
                alternate,
            } => self.all([condition, consequent, alternate]),
            ExprKind::Prop { object, name } => self.all([object, name]),
            ExprKind::Verb { object, verb, args } => {
                self.all([object, verb]);
                self.args(args);
            }
            ExprKind::Index { base, index } => self.all([base, index]),
            ExprKind::Range { base, from, to } => self.all([base, from, to]),
            ExprKind::Call { args, .. } | ExprKind::List(args) => self.args(args),
            ExprKind::Map(entries) => {
                let parts = entries.iter_mut().flat_map(|(key, value)| [key, value]);
                parts.for_each(|part| self.expr(part));
            }
            ExprKind::Error { message, .. } => self.expr(message),
            ExprKind::Flyweight {
                delegate,
                slots,
                contents,
            } => {
                let slots = slots.iter_mut().map(|(_, value)| value);
                let parts = slots.chain(contents.as_deref_mut());
                parts
                    .chain([&mut **delegate])
                    .for_each(|part| self.expr(part));
            }
            ExprKind::Assign { place, value } => {
                self.place(place);
                self.expr(value);
            }
            ExprKind::Scatter { items, value } => {
                items.iter_mut().for_each(|item| self.item(item));
                self.expr(value);
            }
            ExprKind::Catch {
                body,
                codes,
                default,
            } => {
                if let Codes::List(args) = codes {
                    self.args(args);
                }
                let parts = default.as_deref_mut().into_iter().chain([&mut **body]);
                parts.for_each(|part| self.expr(part));
            }
            ExprKind::Function(function) => {
                let captures = function.captures.iter_mut();
                captures.for_each(|capture| self.variable(&mut capture.outer));
            }
            ExprKind::Apply { function, args, .. } => {
                self.expr(function);
                self.args(args);
            }
            ExprKind::Comprehension(inner) => self.comprehension(inner),
        }
    }

    fn comprehension(self, inner: &mut Comprehension) {
        self.expr(&mut inner.element);
        match &mut inner.source {
            Source::In(container) => self.expr(container),
            Source::Range(from, to) => {
                self.expr(from);
                self.expr(to);
            }
        }
    }

    fn all<const N: usize>(self, exprs: [&mut Box<Expr>; N]) {
        exprs.into_iter().for_each(|expr| self.expr(expr));
    }

    fn args(self, args: &mut [Arg]) {
        for arg in args {
            match arg {
                Arg::One(expr) | Arg::Splice(expr) => self.expr(expr),
            }
        }
    }

    fn item(self, item: &mut ScatterItem) {
        match item {
            ScatterItem::Required(id) | ScatterItem::Rest(id) => self.variable(id),
            ScatterItem::Optional(id, default) => {
                self.variable(id);
                default.iter_mut().for_each(|default| self.expr(default));
            }
        }
    }

    fn place(self, place: &mut Place) {
        match place {
            Place::Var(id) => self.variable(id),
            Place::Prop { object, name, .. } => {
                self.expr(object);
                self.expr(name);
            }
            Place::Index { base, index, .. } => {
                self.place(base);
                self.expr(index);
            }
            Place::Range { base, from, to, .. } => {
                self.place(base);
                self.expr(from);
                self.expr(to);
            }
        }
    }
}
