//! Statements: each leaves the stack as it found it.

use moor_bytecode::{Filter, Gives, Instruction as I, RESULT};
use moor_value::Value;

use super::super::emit::Label;
use super::super::exits::{Exit, FALL_THROUGH, FinallyScope, through, unless_entered};
use super::StopError;
use super::generator::{Generator, Loop, Part};
use super::layout::Walk;
use super::stack::{Mark, Origin, Slot, There, Way};
use crate::ast::{CondArm, ExceptArm, Expr, Stmt, StmtKind};
use crate::names::VarId;

/// What a jump back to the head of a loop costs; calls cost theirs when they happen.
const TURN_TICKS: u8 = 3;

impl<'a> Generator<'a> {
    pub(super) fn block(&mut self, body: &'a [Stmt]) {
        body.iter().for_each(|stmt| self.statement(stmt));
    }

    /// Once it has failed, what is left is passed over.
    fn statement(&mut self, stmt: &'a Stmt) {
        if self.error.is_some() {
            return;
        }
        self.at(stmt.pos);
        match &stmt.kind {
            StmtKind::If { arms, otherwise } => self.if_chain(arms, otherwise),
            StmtKind::ForIn {
                value,
                key,
                container,
                body,
            } => self.for_in(*value, *key, container, body),
            StmtKind::ForRange {
                var,
                from,
                to,
                body,
            } => self.for_range(*var, from, to, body),
            StmtKind::While {
                label,
                condition,
                body,
            } => self.while_loop(*label, condition, body),
            StmtKind::Fork { task, delay, body } => self.fork(*task, delay, body),
            StmtKind::TryExcept { body, arms } => self.try_except(body, arms),
            StmtKind::TryFinally { body, handler } => self.try_finally(body, handler),
            StmtKind::Break(name) => self.leave_loop(*name, false),
            StmtKind::Continue(name) => self.leave_loop(*name, true),
            StmtKind::Return(value) => self.return_statement(value.as_ref()),
            StmtKind::Expr(expr) => {
                self.expr(expr);
                self.bytes(1);
                self.drop_top();
            }
            StmtKind::Declare { .. }
            | StmtKind::DeclareScatter { .. }
            | StmtKind::Function { .. }
            | StmtKind::Begin(_) => self.fail(StopError::Construct("a statement")),
        }
    }

    /// Takes a value from the stack that nobody wants.
    fn drop_top(&mut self) {
        let dst = self.top();
        self.emit(I::Clear { dst });
        self.pop(1);
    }

    fn if_chain(&mut self, arms: &'a [CondArm], otherwise: &'a [Stmt]) {
        let end = self.label();
        for arm in arms {
            let next = self.label();
            self.at(arm.pos);
            self.expr(&arm.condition);
            self.unless(1, next);
            self.block(&arm.body);
            self.jump_bytes(1);
            self.jump(end);
            self.bind(next);
        }
        self.block(otherwise);
        self.bind(end);
    }

    /// Begins a loop: `below` places of the stack are its own and go with it.
    fn enter_loop(&mut self, names: Vec<VarId>, top: Mark, below: usize) -> (Label, Label) {
        let (end, next) = (self.label(), self.label());
        let bottom = self.mark();
        let top_depth = self.depth();
        let finallies = self.here().finallies.len();
        self.here().loops.push(Loop {
            names,
            end,
            next,
            top,
            bottom,
            top_depth,
            bottom_depth: top_depth - below,
            finallies,
        });
        (next, end)
    }

    /// Ends the loop's layout: behind it is the jump back.
    fn exit_loop(&mut self) {
        self.jump_bytes(1);
        if let Some(scope) = self.here().loops.pop() {
            self.set_mark(scope.bottom);
        }
    }

    fn for_in(&mut self, value: VarId, key: Option<VarId>, container: &'a Expr, body: &'a [Stmt]) {
        self.expr(container);
        let state = self.top();
        match self.dialect.walk() {
            Walk::Number => self.bytes(1),
            Walk::Literal => {
                self.bytes(1);
                let vector = &mut self.parts[self.part].vector;
                vector.literal(&Value::None, &mut self.shared);
            }
        }
        self.push(Slot::Position(state));
        self.stands_for(Origin::Value(container));
        let top = self.mark();
        self.set_mark(top);
        self.bytes(match self.dialect.walk() {
            Walk::Number => 1,
            Walk::Literal => 2,
        });
        self.variable_operand(value);
        key.into_iter().for_each(|key| self.variable_operand(key));
        self.jump_bytes(0);
        let names = key.into_iter().chain([value]).collect();
        let (next, end) = self.enter_loop(names, top, 2);
        self.emit(I::EachPrep {
            state,
            step: next.0,
            end: end.0,
        });
        let again = self.label();
        self.bind(again);
        if let Some(key) = key {
            let dst = self.variable(key);
            self.emit(I::Move {
                dst,
                src: state + 2,
            });
        }
        self.block(body);
        self.exit_loop();
        self.bind(next);
        let var = self.variable(value);
        self.emit(I::EachStep {
            ticks: TURN_TICKS,
            var,
            state,
            body: again.0,
        });
        self.bind(end);
        self.pop(2);
    }

    fn for_range(&mut self, var: VarId, from: &'a Expr, to: &'a Expr, body: &'a [Stmt]) {
        self.expr(from);
        self.expr(to);
        // The same two registers, known as the state of a loop.
        self.pop(2);
        let state = self.above(2);
        self.push(Slot::Next(state));
        self.stands_for(Origin::Value(from));
        self.push(Slot::Last(state + 1));
        self.stands_for(Origin::Value(to));
        let top = self.mark();
        self.set_mark(top);
        self.bytes(1);
        self.variable_operand(var);
        self.jump_bytes(0);
        let (next, end) = self.enter_loop(vec![var], top, 2);
        let var = self.variable(var);
        self.emit(I::RangePrep {
            var,
            state,
            end: end.0,
        });
        let again = self.label();
        self.bind(again);
        self.block(body);
        self.exit_loop();
        self.bind(next);
        self.emit(I::RangeStep {
            ticks: TURN_TICKS,
            var,
            state,
            body: again.0,
        });
        self.bind(end);
        self.pop(2);
    }

    fn while_loop(&mut self, name: Option<VarId>, condition: &'a Expr, body: &'a [Stmt]) {
        let top = self.mark();
        self.set_mark(top);
        let (next, end) = self.enter_loop(name.into_iter().collect(), top, 0);
        self.bind(next);
        self.expr(condition);
        match name {
            Some(name) => {
                let (dst, src) = (self.variable(name), self.top());
                self.emit(I::Move { dst, src });
                self.bytes(2);
                self.variable_operand(name);
                self.unless(0, end);
            }
            None => self.unless(1, end),
        }
        self.block(body);
        self.exit_loop();
        self.emit(I::Jump {
            ticks: TURN_TICKS,
            target: next.0,
        });
        self.bind(end);
    }

    fn fork(&mut self, task: Option<VarId>, delay: &'a Expr, body: &'a [Stmt]) {
        self.expr(delay);
        let delay = self.top();
        self.bytes(1);
        let label = self.fork_body(body);
        if let Some(id) = task {
            self.variable_operand(id);
        }
        let (flags, task) = match task {
            Some(id) => (RESULT, self.variable(id)),
            None => (0, delay),
        };
        self.emit(I::Fork {
            flags,
            task,
            delay,
            body: label.0,
        });
        self.pop(1);
    }

    /// Generates the body of a `fork` as a part of its own, with a stack of its own.
    fn fork_body(&mut self, body: &'a [Stmt]) -> Label {
        let outer = self.part;
        self.part = self.parts.len();
        self.parts.push(Part::default());
        let next = self.begin_stack();
        let label = self.label();
        self.bind(label);
        self.keep_text(body);
        self.block(body);
        self.end_part();
        let inner = std::mem::replace(&mut self.part, outer);
        self.end_stack(next);
        let number = self.parts[outer].vector.fork(&mut self.shared);
        self.parts[inner].number = Some(number);
        label
    }

    /// Keeps the text of a body, so that the task can be told to other servers while it waits to begin.
    fn keep_text(&mut self, body: &'a [Stmt]) {
        let text = self.fork_texts.of(&self.ast.names, body);
        if let (Some(text), Ok(part)) = (text, u16::try_from(self.part)) {
            self.table.forks.push((part, text));
        }
    }

    fn try_except(&mut self, body: &'a [Stmt], arms: &'a [ExceptArm]) {
        let around = self.depth();
        let mut handlers = Vec::with_capacity(arms.len());
        for arm in arms {
            let mark = self.mark();
            handlers.push((mark, self.codes(&arm.codes, mark)));
        }
        self.bytes(3);
        self.push(Slot::Catch(arms.len()));
        let start = self.pc();
        self.block(body);
        let end = self.pc();
        self.jump_bytes(2);
        let after = self.label();
        self.jump(after);
        self.pop(self.depth() - around);
        for (place, (arm, (mark, filter))) in arms.iter().zip(handlers).enumerate() {
            self.at(arm.pos);
            self.set_mark(mark);
            let target = self.label();
            self.bind(target);
            let gives = match arm.var {
                Some(id) => Gives::Exception(self.variable(id)),
                None => Gives::Nothing,
            };
            self.handle(start, end, target, (filter, gives));
            arm.var.into_iter().for_each(|id| self.variable_bytes(id));
            self.bytes(1);
            self.block(&arm.body);
            if place + 1 < arms.len() {
                self.jump_bytes(1);
            }
            self.jump(after);
        }
        self.bind(after);
    }

    fn try_finally(&mut self, body: &'a [Stmt], handler: &'a [Stmt]) {
        let mark = self.mark();
        self.jump_bytes(2);
        let state = self.above(2);
        self.push(Slot::Finally(mark));
        let entry = self.label();
        self.here().finallies.push(FinallyScope::new(state, entry));
        let start = self.pc();
        self.block(body);
        let end = self.pc();
        let scope = self.here().finallies.pop().into_iter();
        let exits: Vec<_> = scope.flat_map(FinallyScope::numbered).collect();
        self.bytes(2);
        self.set_mark(mark);
        self.handle(start, end, entry, (Filter::Any, Gives::Pending(state)));
        self.emit(I::Int {
            dst: state,
            imm: FALL_THROUGH,
        });
        self.bind(entry);
        self.pop(1);
        let ways = exits.iter().map(|&(exit, number)| Way {
            number,
            exit,
            there: self.way(exit),
        });
        let ways = ways.collect();
        self.push(Slot::Reason(state, ways));
        self.stands_for(Origin::Handler(handler));
        self.push(Slot::Held);
        self.stands_for(Origin::Handler(handler));
        self.block(handler);
        self.bytes(2);
        for (exit, number) in exits {
            self.resume_exit(state, exit, number);
        }
        self.emit(I::EndFinally { state });
        self.pop(2);
    }

    /// A way out as the other machine notes it.
    fn way(&self, exit: Exit) -> There {
        let loops = &self.parts[self.part].loops;
        match exit {
            Exit::Return => There::Return,
            Exit::Break(index) => There::Jump {
                depth: loops[index].bottom_depth,
                mark: loops[index].bottom,
            },
            Exit::Continue(index) => There::Jump {
                depth: loops[index].top_depth,
                mark: loops[index].top,
            },
        }
    }

    /// Behind a `finally` part: if it was entered on this way out, the way goes on.
    fn resume_exit(&mut self, state: u16, exit: Exit, number: i16) {
        let skip = self.label();
        self.emit(unless_entered(state, number, skip));
        match exit {
            Exit::Return => self.return_register(state + 1),
            exit => self.leave(exit),
        }
        self.bind(skip);
    }

    fn return_statement(&mut self, value: Option<&'a Expr>) {
        let Some(value) = value else {
            self.bytes(1);
            let dst = self.above(1);
            self.load(dst, &Value::ZERO);
            return self.return_register(dst);
        };
        self.expr(value);
        self.bytes(1);
        self.return_register(self.top());
        self.pop(1);
    }

    fn return_register(&mut self, a: u16) {
        match self.here().finallies.last() {
            None => self.emit(I::Return { a }),
            Some(scope) => {
                let held = scope.state + 1;
                if held != a {
                    self.emit(I::Take { dst: held, src: a });
                }
                self.leave(Exit::Return);
            }
        }
    }

    /// `break` or `continue`: an extended opcode, the loop's name, how much stays on the stack, where to.
    fn leave_loop(&mut self, name: Option<VarId>, goes_on: bool) {
        self.bytes(2);
        name.into_iter()
            .for_each(|name| self.variable_operand(name));
        self.bytes(1);
        self.jump_bytes(0);
        let named = |scope: &Loop| name.is_none_or(|name| scope.names.contains(&name));
        match self.here().loops.iter().rposition(named) {
            Some(index) if goes_on => self.leave(Exit::Continue(index)),
            Some(index) => self.leave(Exit::Break(index)),
            None => self.fail(StopError::Construct("a way out of no loop")),
        }
    }

    /// Goes the way out, through the innermost `finally` part if there is one on the way.
    fn leave(&mut self, exit: Exit) {
        let part = self.here();
        let outside = exit
            .of_loop()
            .map_or(0, |index| part.loops[index].finallies);
        if let Some((note, entry)) = through(&mut part.finallies, outside, exit) {
            self.emit(note);
            return self.jump(entry);
        }
        match exit {
            // Only where a `finally` part is around, and then it goes through that.
            Exit::Return => {}
            Exit::Break(index) => {
                let label = self.here().loops[index].end;
                self.jump(label);
            }
            Exit::Continue(index) => {
                let label = self.here().loops[index].next;
                self.jump_on(label);
            }
        }
    }

    /// To the step of a loop, which stands behind it, or to the condition of a `while`, which stands before.
    fn jump_on(&mut self, target: Label) {
        self.emit(I::Jump {
            ticks: TURN_TICKS,
            target: target.0,
        });
    }
}
