//! Statements.

use moor_bytecode::{Instruction as I, Sense};
use moor_value::Value;

use super::Codegen;
use super::emit::{Label, Operand};
use super::exits::{Exit, LoopScope};
use crate::ast::{CondArm, Declarator, Expr, ScatterItem, Stmt, StmtKind};
use crate::names::VarId;

impl<'a> Codegen<'a> {
    pub(super) fn block(&mut self, body: &'a [Stmt]) {
        let around = self.visible.len();
        for stmt in body {
            self.statement(stmt);
        }
        self.end_visibility(around);
    }

    fn statement(&mut self, stmt: &'a Stmt) {
        let mark = self.next_temp;
        self.at(stmt.pos);
        match &stmt.kind {
            StmtKind::If { arms, otherwise } => self.if_chain(arms, otherwise),
            StmtKind::ForIn {
                value,
                key,
                container,
                body,
            } => {
                self.for_in(stmt, *value, *key, container, body);
            }
            StmtKind::ForRange {
                var,
                from,
                to,
                body,
            } => self.for_range(stmt, *var, (from, to), body),
            StmtKind::While {
                label,
                condition,
                body,
            } => self.while_loop(stmt, *label, condition, body),
            StmtKind::Fork { task, delay, body } => self.fork(*task, delay, body),
            StmtKind::TryExcept { body, arms } => self.try_except(body, arms),
            StmtKind::TryFinally { body, handler } => self.try_finally(body, handler),
            StmtKind::Break(name) => self.leave(Exit::Break(self.loop_named(*name))),
            StmtKind::Continue(name) => self.leave(Exit::Continue(self.loop_named(*name))),
            StmtKind::Return(value) => self.return_statement(value.as_ref()),
            StmtKind::Expr(expr) => self.effect(expr),
            StmtKind::Declare {
                declarator,
                id,
                value,
            } => self.declaration(*declarator, *id, value.as_ref()),
            StmtKind::DeclareScatter { items, value, .. } => {
                self.clear_optional(items);
                self.scatter_statement(items, value);
                let ids = items.iter().map(ScatterItem::variable);
                ids.for_each(|id| self.begin_visibility(id));
            }
            StmtKind::Function { id, function } => {
                self.function(function, self.register(*id));
                self.begin_visibility(*id);
            }
            StmtKind::Begin(body) => self.block(body),
        }
        self.release(mark);
    }

    fn declaration(&mut self, declarator: Declarator, id: VarId, value: Option<&'a Expr>) {
        let dst = self.register(id);
        match value {
            Some(value) => self.assign_variable(id, dst, value),
            // Another variable may have had the register.
            None if declarator == Declarator::Let => self.emit(I::Clear { dst }),
            None => {}
        }
        self.begin_visibility(id);
    }

    /// Variables of a block that a scattering assignment may leave as they are begin without a value.
    fn clear_optional(&mut self, items: &[ScatterItem]) {
        for item in items {
            if let ScatterItem::Optional(id, None) = item
                && self.ast.names.slot(*id).is_some()
            {
                let dst = self.register(*id);
                self.emit(I::Clear { dst });
            }
        }
    }

    fn if_chain(&mut self, arms: &'a [CondArm], otherwise: &'a [Stmt]) {
        let end = self.label();
        for (place, arm) in arms.iter().enumerate() {
            let next = self.label();
            let is_last = place + 1 == arms.len() && otherwise.is_empty();
            self.at(arm.pos);
            let generate = |codegen: &mut Self| codegen.branch(&arm.condition, false, next, 0);
            if place == 0 {
                generate(self);
            } else {
                self.uncounted(generate);
            }
            self.uncounted(|codegen| codegen.block(&arm.body));
            if !is_last {
                self.jump(end);
            }
            self.bind(next);
        }
        self.uncounted(|codegen| codegen.block(otherwise));
        self.bind(end);
    }

    /// Generates a loop's body, then `again`, which is given what one turn costs, behind it.
    fn turns(
        &mut self,
        stmt: &'a Stmt,
        scope: LoopScope,
        body: &'a [Stmt],
        again: impl FnOnce(&mut Self, u8),
    ) {
        let (next, end) = (scope.next, scope.end);
        let outside = std::mem::take(&mut self.ticks);
        self.loops.push(scope);
        self.block(body);
        self.loops.pop();
        self.bind(next);
        self.at(stmt.pos);
        let cost = self
            .ticks
            .saturating_add(1)
            .min(u32::from(Sense::TICKS_MAX)) as u8;
        again(self, cost);
        self.bind(end);
        self.ticks = outside.saturating_add(1);
    }

    fn loop_scope(&mut self, names: Vec<VarId>, container: Option<u16>) -> LoopScope {
        let (end, next) = (self.label(), self.label());
        LoopScope {
            names,
            end,
            next,
            container,
            finallies: self.finallies.len(),
        }
    }

    fn for_range(
        &mut self,
        stmt: &'a Stmt,
        var: VarId,
        (from, to): (&'a Expr, &'a Expr),
        body: &'a [Stmt],
    ) {
        let state = self.temps(2);
        self.expr_to(from, state);
        self.expr_to(to, state + 1);
        let scope = self.loop_scope(vec![var], None);
        let var = self.register(var);
        self.emit(I::RangePrep {
            var,
            state,
            end: scope.end.0,
        });
        let top = self.label_here();
        self.turns(stmt, scope, body, |codegen, ticks| {
            codegen.emit(I::RangeStep {
                ticks,
                var,
                state,
                body: top.0,
            });
        });
    }

    fn for_in(
        &mut self,
        stmt: &'a Stmt,
        value: VarId,
        key: Option<VarId>,
        container: &'a Expr,
        body: &'a [Stmt],
    ) {
        let state = self.temps(3);
        self.expr_to(container, state);
        let names = key.into_iter().chain([value]).collect();
        let scope = self.loop_scope(names, Some(state));
        self.emit(I::EachPrep {
            state,
            step: scope.next.0,
            end: scope.end.0,
        });
        let top = self.label_here();
        if let Some(key) = key {
            let dst = self.register(key);
            self.emit(I::Move {
                dst,
                src: state + 2,
            });
        }
        let var = self.register(value);
        self.turns(stmt, scope, body, |codegen, ticks| {
            codegen.emit(I::EachStep {
                ticks,
                var,
                state,
                body: top.0,
            });
        });
    }

    /// The condition stands before the loop and again at its end, so that a turn makes one jump.
    fn while_loop(
        &mut self,
        stmt: &'a Stmt,
        label: Option<VarId>,
        condition: &'a Expr,
        body: &'a [Stmt],
    ) {
        let scope = self.loop_scope(label.into_iter().collect(), None);
        let end = scope.end;
        self.test(label, condition, false, end, 0);
        let top = self.label_here();
        self.turns(stmt, scope, body, |codegen, ticks| {
            codegen.test(label, condition, true, top, ticks);
        });
    }

    /// Jumps when the condition of a `while` loop, kept in the variable that names it, is `want`.
    fn test(&mut self, name: Option<VarId>, condition: &'a Expr, want: bool, to: Label, ticks: u8) {
        let Some(name) = name else {
            self.branch(condition, want, to, ticks);
            return;
        };
        let a = self.register(name);
        self.expr_to(condition, a);
        self.emit(I::Br {
            sense: Sense::new(want, ticks).0,
            a,
            target: to.0,
        });
    }

    pub(super) fn return_statement(&mut self, value: Option<&'a Expr>) {
        let constant = match value {
            Some(expr) => self.constant_value(expr),
            None => Some(Value::ZERO),
        };
        if let (Some(Value::Int(n)), true) = (&constant, self.finallies.is_empty())
            && let Ok(imm) = i16::try_from(*n)
        {
            self.emit(I::ReturnI { imm });
            return;
        }
        let result = match (constant, value) {
            (None, Some(expr)) => self.operand(expr, None, &[]),
            (constant, _) => {
                let reg = self.temp();
                self.load(reg, &constant.unwrap_or(Value::ZERO));
                Operand { reg, spent: true }
            }
        };
        self.leave_with(result);
    }
}
