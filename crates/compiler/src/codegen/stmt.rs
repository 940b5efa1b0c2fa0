//! Statements.

use moor_bytecode::Instruction as I;
use moor_value::Value;

use super::Codegen;
use super::emit::Operand;
use super::exits::Exit;
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
