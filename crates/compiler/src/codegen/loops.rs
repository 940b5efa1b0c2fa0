//! Loops, of statements and of comprehensions: what stands before a turn, what a turn costs, and the way to the next one.
//!
//! A loop over elements has three registers: the container, and two for how far it is. One over a range has two: how far it
//! is, and the last value. The step to the next turn stands at the end of a turn; `continue` goes there.

use moor_bytecode::{Instruction as I, Sense};

use super::Codegen;
use super::emit::Label;
use super::exits::LoopScope;
use crate::ast::{Expr, Stmt};
use crate::names::VarId;

impl<'a> Codegen<'a> {
    pub(super) fn for_range(
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
        let end = scope.end;
        self.over_range(var, state, end, |codegen| codegen.turns(stmt, scope, body));
    }

    pub(super) fn for_in(
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
        let labels = (scope.next, scope.end);
        self.over_elements((value, key), state, labels, |codegen| {
            codegen.turns(stmt, scope, body)
        });
    }

    /// The condition stands before the loop and again at its end, so that a turn makes one jump.
    pub(super) fn while_loop(
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
        let ticks = self.turns(stmt, scope, body);
        self.uncounted(|codegen| codegen.test(label, condition, true, top, ticks));
        self.bind(end);
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

    /// The turns of a statement; what follows belongs to its first line again.
    fn turns(&mut self, stmt: &'a Stmt, scope: LoopScope, body: &'a [Stmt]) -> u8 {
        self.turn(scope.next, |codegen| {
            codegen.loops.push(scope);
            codegen.block(body);
            codegen.loops.pop();
            codegen.at(stmt.pos);
        })
    }

    /// A loop over the elements of the container in the first register of the state. `turn` generates a turn up to the label
    /// `next` and answers what it costs.
    pub(super) fn over_elements(
        &mut self,
        (value, key): (VarId, Option<VarId>),
        state: u16,
        (next, end): (Label, Label),
        turn: impl FnOnce(&mut Self) -> u8,
    ) {
        self.emit(I::EachPrep {
            state,
            step: next.0,
            end: end.0,
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
        let ticks = turn(self);
        self.emit(I::EachStep {
            ticks,
            var,
            state,
            body: top.0,
        });
        self.bind(end);
    }

    /// A loop over the range in the two registers of the state; `turn` as for elements.
    pub(super) fn over_range(
        &mut self,
        var: VarId,
        state: u16,
        end: Label,
        turn: impl FnOnce(&mut Self) -> u8,
    ) {
        let var = self.register(var);
        self.emit(I::RangePrep {
            var,
            state,
            end: end.0,
        });
        let top = self.label_here();
        let ticks = turn(self);
        self.emit(I::RangeStep {
            ticks,
            var,
            state,
            body: top.0,
        });
        self.bind(end);
    }

    /// Generates what a turn does, and the label at its end. Answers what it costs: what it surely carries out, and the step. Around
    /// it, the whole loop counts for one tick.
    pub(super) fn turn(&mut self, next: Label, generate: impl FnOnce(&mut Self)) -> u8 {
        let outside = std::mem::take(&mut self.ticks);
        generate(self);
        self.bind(next);
        let cost = self.ticks.saturating_add(1);
        self.ticks = outside.saturating_add(1);
        cost.min(u32::from(Sense::TICKS_MAX)) as u8
    }
}
