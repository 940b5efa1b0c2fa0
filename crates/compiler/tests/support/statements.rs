//! Statements.

use moor_compiler::Feature;
use moor_compiler::ast::{
    Arg, Codes, CondArm, Declarator, ExceptArm, Expr, ExprKind, Literal, Pos, Stmt, StmtKind,
};
use moor_compiler::names::VarId;
use moor_value::ErrorCode;

use super::level::Name;
use super::{Source, VARIABLES, expression, statement};

impl Source<'_> {
    pub(super) fn statements(&mut self, depth: usize) -> Vec<Stmt> {
        self.several(0, |source| statement(source.statement(depth)))
    }

    /// A declaration of names that this block has not declared.
    fn declaration(&mut self, depth: usize) -> StmtKind {
        if !self.has(Feature::LexicalScopes) {
            return StmtKind::Return(None);
        }
        let declarator = self.of(&[Declarator::Let, Declarator::Const, Declarator::Global]);
        if self.flip() {
            return self.scatter_declaration(declarator, depth);
        }
        let name = self.declarable(declarator);
        if self.levels.is_declared_here(name) {
            return StmtKind::Return(None);
        }
        let value = match declarator {
            Declarator::Const => Some(self.expr(depth)),
            _ => self.maybe(|source| source.expr(depth)),
        };
        StmtKind::Declare {
            declarator,
            id: self.levels.declare(name, declarator),
            value,
        }
    }

    /// A name for a declaration.
    pub(super) fn declarable(&mut self, declarator: Declarator) -> Name {
        match declarator {
            Declarator::Const => 1 + self.below(VARIABLES.len() - 1),
            Declarator::Let | Declarator::Global => self.below(VARIABLES.len()),
        }
    }

    fn scatter_declaration(&mut self, declarator: Declarator, depth: usize) -> StmtKind {
        let before = self.levels.count();
        let items = self.declared_items(1, declarator, depth);
        if items.is_empty() {
            return StmtKind::Return(None);
        }
        // The value sees none of the names.
        let hidden = self.levels.hide(before);
        let value = self.expr(depth);
        self.levels.show(hidden);
        StmtKind::DeclareScatter {
            declarator,
            items,
            value,
        }
    }

    fn statement(&mut self, depth: usize) -> StmtKind {
        let choices = if depth == 0 { 5 } else { 13 };
        let below = depth.saturating_sub(1);
        match self.below(choices) {
            0 => StmtKind::Return(self.maybe(|source| source.expr(below))),
            1 => match self.expr(below) {
                Expr {
                    kind: ExprKind::Return(value),
                    ..
                } => StmtKind::Return(value.map(|value| *value)),
                expr => StmtKind::Expr(expr),
            },
            2 => self.exit(StmtKind::Break),
            3 => self.exit(StmtKind::Continue),
            4 => self.declaration(below),
            5 => StmtKind::If {
                arms: self.several(1, |source| source.cond_arm(below)),
                otherwise: self.block(below),
            },
            6 => self.for_in(below),
            7 => self.for_range(below),
            8 => self.while_loop(below),
            9 => self.fork(below),
            10 if self.has(Feature::LexicalScopes) => StmtKind::Begin(self.block(below)),
            11 => self.function_statement(below),
            _ => self.try_statement(below),
        }
    }

    fn exit(&mut self, make: fn(Option<VarId>) -> StmtKind) -> StmtKind {
        if self.levels.here().loops.is_empty() {
            return StmtKind::Return(None);
        }
        let names = 0..VARIABLES.len();
        let names: Vec<VarId> = names.filter_map(|name| self.levels.loop_of(name)).collect();
        match names.is_empty() {
            true => make(None),
            false => make(self.maybe(|source| source.of(&names))),
        }
    }

    fn cond_arm(&mut self, depth: usize) -> CondArm {
        CondArm {
            pos: Pos::default(),
            condition: self.expr(depth),
            body: self.block(depth),
        }
    }

    fn loop_body(&mut self, names: Vec<VarId>, depth: usize) -> Vec<Stmt> {
        self.levels.here().loops.push(names);
        let body = self.block(depth);
        self.levels.here().loops.pop();
        body
    }

    fn for_in(&mut self, depth: usize) -> StmtKind {
        let (value, key) = (self.assigned(), self.maybe(Self::assigned));
        StmtKind::ForIn {
            value,
            key,
            container: self.expr(depth),
            body: self.loop_body([value].into_iter().chain(key).collect(), depth),
        }
    }

    fn for_range(&mut self, depth: usize) -> StmtKind {
        let var = self.assigned();
        StmtKind::ForRange {
            var,
            from: self.expr(depth),
            to: self.expr(depth),
            body: self.loop_body(vec![var], depth),
        }
    }

    fn while_loop(&mut self, depth: usize) -> StmtKind {
        let label = self.maybe(Self::assigned);
        StmtKind::While {
            label,
            condition: self.expr(depth),
            body: self.loop_body(label.into_iter().collect(), depth),
        }
    }

    fn fork(&mut self, depth: usize) -> StmtKind {
        let task = self.maybe(Self::assigned);
        let delay = self.expr(depth);
        let around = std::mem::take(&mut self.levels.here().loops);
        let body = self.block(depth);
        self.levels.here().loops = around;
        StmtKind::Fork { task, delay, body }
    }

    fn try_statement(&mut self, depth: usize) -> StmtKind {
        let body = self.block(depth);
        if self.flip() {
            let handler = self.block(depth);
            return StmtKind::TryFinally { body, handler };
        }
        let mut arms = self.several(1, |source| source.except_arm(depth));
        // Only the last may catch everything.
        let last = arms.len() - 1;
        for arm in &mut arms[..last] {
            if arm.codes == Codes::Any {
                arm.codes = Codes::List(vec![Arg::One(expression(ExprKind::Literal(
                    Literal::Err(ErrorCode::Perm),
                )))]);
            }
        }
        StmtKind::TryExcept { body, arms }
    }

    fn except_arm(&mut self, depth: usize) -> ExceptArm {
        ExceptArm {
            pos: Pos::default(),
            var: self.maybe(Self::assigned),
            codes: self.codes(depth),
            body: self.block(depth),
        }
    }
}
