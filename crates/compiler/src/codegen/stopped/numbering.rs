//! In which order the servers of LambdaMOO's family number the variables of a program.
//!
//! In: a tree. Out: its variables. Their parsers number a name when a grammar rule with it is complete: that of a loop, of a `fork`
//! or of an `except` when its last statement has been read, that of an optional target behind its default.

use rustc_hash::FxHashSet;

use crate::ast::{Arg, Ast, Codes, Expr, ExprKind, Place, ScatterItem, Stmt, StmtKind};
use crate::names::VarId;
use crate::walk::{Part, children, parts};

/// Every variable that the program mentions, each once.
pub(super) fn numbered(ast: &Ast) -> Vec<VarId> {
    let mut numbering = Numbering::default();
    numbering.block(&ast.body);
    numbering.order
}

#[derive(Default)]
struct Numbering {
    order: Vec<VarId>,
    known: FxHashSet<VarId>,
}

impl Numbering {
    fn name(&mut self, id: VarId) {
        if self.known.insert(id) {
            self.order.push(id);
        }
    }

    fn block(&mut self, body: &[Stmt]) {
        body.iter().for_each(|stmt| self.statement(stmt));
    }

    fn statement(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::TryExcept { body, arms } => {
                self.block(body);
                for arm in arms {
                    self.codes(&arm.codes);
                    self.block(&arm.body);
                    arm.var.iter().for_each(|id| self.name(*id));
                }
            }
            StmtKind::Break(name) | StmtKind::Continue(name) => {
                name.iter().for_each(|id| self.name(*id));
            }
            _ => {
                let mut names = Vec::new();
                parts(stmt, &mut |part| match part {
                    Part::Variable(id) => names.push(id),
                    Part::Expr(expr) => self.expr(expr),
                    Part::Block(body) => self.block(body),
                });
                names.into_iter().for_each(|id| self.name(id));
            }
        }
    }

    fn codes(&mut self, codes: &Codes) {
        if let Codes::List(args) = codes {
            self.args(args);
        }
    }

    fn args(&mut self, args: &[Arg]) {
        args.iter().for_each(|arg| self.expr(arg.expr()));
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Var(id) => self.name(*id),
            ExprKind::Assign { place, value } => {
                self.place(place);
                self.expr(value);
            }
            ExprKind::Step(_, place) => self.place(place),
            ExprKind::Scatter { items, value } => {
                items.iter().for_each(|item| self.target(item));
                self.expr(value);
            }
            // As they are written, which is not how they are evaluated.
            ExprKind::Catch {
                body,
                codes,
                default,
            } => {
                self.expr(body);
                self.codes(codes);
                default.iter().for_each(|default| self.expr(default));
            }
            ExprKind::Map(entries) => {
                for (key, value) in entries {
                    self.expr(key);
                    self.expr(value);
                }
            }
            _ => children(expr, &mut |child| self.expr(child)),
        }
    }

    fn target(&mut self, item: &ScatterItem) {
        if let ScatterItem::Optional(_, Some(default)) = item {
            self.expr(default);
        }
        self.name(item.variable());
    }

    fn place(&mut self, place: &Place) {
        match place {
            Place::Var(id) => self.name(*id),
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
