//! Expressions: into a register that is wanted, into any register, or for their effect alone.

use moor_bytecode::{Filter, Gives, Handler, Instruction as I};
use moor_value::Value;

use super::emit::Operand;
use super::notes::Spot;
use super::usage::{argument_index, assigns, has_edge};
use super::{Codegen, Home};
use crate::ast::{BinaryOp, Codes, Expr, ExprKind, UnaryOp};

impl<'a> Codegen<'a> {
    /// Computes the expression into `dst`. A variable is written by the last instruction only; a temporary may be
    /// used on the way.
    pub(super) fn expr_to(&mut self, expr: &'a Expr, dst: u16) {
        match self.constant_value(expr) {
            Some(value) => self.load(dst, &value),
            None => {
                let mark = self.next_temp;
                let outer = self.pos;
                self.at(expr.pos);
                self.compound_to(expr, dst);
                self.pos = outer;
                self.release(mark);
            }
        }
        self.note(Spot::Value(expr), dst);
    }

    fn compound_to(&mut self, expr: &'a Expr, dst: u16) {
        match &expr.kind {
            ExprKind::Literal(_) => unreachable!("literals are constants"),
            ExprKind::Var(id) => self.variable_to(*id, dst),
            ExprKind::First => self.edge(dst, true),
            ExprKind::Last => self.edge(dst, false),
            ExprKind::Unary(op, a) => self.unary(*op, a, dst),
            ExprKind::Step(op, place) => self.step(*op, place, dst),
            ExprKind::Binary(op, a, b) => self.binary(*op, a, b, dst),
            ExprKind::And(a, b) => self.short_circuit(a, b, false, dst),
            ExprKind::Or(a, b) => self.short_circuit(a, b, true, dst),
            ExprKind::Cond {
                condition,
                consequent,
                alternate,
            } => {
                self.conditional(condition, consequent, alternate, dst);
            }
            ExprKind::Prop { object, name } => self.property(object, name, dst),
            ExprKind::Verb { object, verb, args } => {
                self.call_verb(object, verb, args, dst);
                self.note_call(expr);
            }
            ExprKind::Index { base, index } => self.index(base, index, dst),
            ExprKind::Range { base, from, to } => self.range(base, from, to, dst),
            ExprKind::Call { builtin, args } => {
                self.call_builtin(builtin, args, dst, None);
                self.note_call(expr);
            }
            ExprKind::Error { name, message } => self.error(name, message, dst),
            ExprKind::Flyweight {
                delegate,
                slots,
                contents,
            } => self.flyweight(delegate, slots, contents.as_deref(), dst),
            ExprKind::List(args) => self.list(args, dst),
            ExprKind::Map(entries) => self.map(entries, dst),
            ExprKind::Assign { place, value } => {
                let result = self.assign(place, value, true);
                self.copy_to(result, dst);
            }
            ExprKind::Scatter { items, value } => {
                let result = self.scatter(items, value);
                self.copy_to(result, dst);
            }
            ExprKind::Function(function) => self.function(function, dst),
            ExprKind::Apply { function, args, .. } => self.apply(function, args, dst),
            ExprKind::Comprehension(inner) => self.comprehension(inner, dst),
            ExprKind::Return(value) => self.return_statement(value.as_deref()),
            ExprKind::Catch {
                body,
                codes,
                default,
            } => self.catch(body, codes, default.as_deref(), dst),
        }
    }

    fn variable_to(&mut self, id: crate::names::VarId, dst: u16) {
        match self.home(id) {
            Home::Register(src) => self.emit(I::Move { dst, src }),
            Home::Constant(_) | Home::Kind(_) => unreachable!("constants are loaded before"),
            // Only `{...} = args;` asks, and that reads the arguments where they are.
            Home::Arguments => self.emit(I::LoadArgs { dst }),
        }
    }

    /// Brings a result to `dst`: moved from a temporary, copied from a variable.
    pub(super) fn copy_to(&mut self, result: Operand, dst: u16) {
        if result.reg == dst {
            return;
        }
        match result.spent {
            true => self.emit(I::Take {
                dst,
                src: result.reg,
            }),
            false => self.emit(I::Move {
                dst,
                src: result.reg,
            }),
        }
    }

    /// The expression's value in some register: a variable's own, or `spare`, or a new temporary. The expressions
    /// of `later` are evaluated before the register is read.
    pub(super) fn operand(
        &mut self,
        expr: &'a Expr,
        spare: Option<u16>,
        later: &[&Expr],
    ) -> Operand {
        if let ExprKind::Var(id) = &expr.kind
            && let Home::Register(reg) = self.home(*id)
            && !later.iter().any(|other| assigns(other, *id))
        {
            self.note(Spot::Value(expr), reg);
            return Operand { reg, spent: false };
        }
        let reg = spare.unwrap_or_else(|| self.temp());
        self.expr_to(expr, reg);
        Operand { reg, spent: true }
    }

    /// `dst` as a place for a left operand, unless it is a variable.
    fn spare(&self, dst: u16) -> Option<u16> {
        (!self.is_variable(dst)).then_some(dst)
    }

    fn unary(&mut self, op: UnaryOp, a: &'a Expr, dst: u16) {
        self.ticks += 1;
        let a = self.operand(a, self.spare(dst), &[]).reg;
        self.emit(unary(op, dst, a));
    }

    fn binary(&mut self, op: BinaryOp, a: &'a Expr, b: &'a Expr, dst: u16) {
        self.ticks += 1;
        let (a, b) = match op {
            // The order of evaluation does not matter beside a constant, and products commute.
            BinaryOp::Mul if self.immediate(a).is_some() => (b, a),
            _ => (a, b),
        };
        if let Some(right) = self.constant_value(b)
            && self.binary_constant(op, a, &right, dst)
        {
            return;
        }
        let left = self.operand(a, self.spare(dst), &[b]);
        let right = self.operand(b, None, &[]);
        self.emit(binary(op, dst, left.reg, right.reg));
        if op == BinaryOp::In {
            self.forget(right, dst);
        }
    }

    /// An arithmetic operator whose right side is a constant; `false` when there is no instruction for it.
    fn binary_constant(&mut self, op: BinaryOp, a: &'a Expr, right: &Value, dst: u16) -> bool {
        use BinaryOp as B;
        let imm = right.as_int().and_then(|n| i16::try_from(n).ok());
        let fits = match op {
            B::Add | B::Sub | B::Mul | B::Div => true,
            B::Mod => imm.is_some(),
            _ => false,
        };
        if !fits {
            return false;
        }
        let a = self.operand(a, self.spare(dst), &[]).reg;
        let instruction = match (op, imm) {
            (B::Add, Some(imm)) => I::AddI { dst, a, imm },
            (B::Sub, Some(imm)) => I::SubI { dst, a, imm },
            (B::Mul, Some(imm)) => I::MulI { dst, a, imm },
            (B::Div, Some(imm)) => I::DivI { dst, a, imm },
            (B::Mod, Some(imm)) => I::ModI { dst, a, imm },
            (op, _) => {
                let k = self.constant(right);
                match op {
                    B::Add => I::AddK { dst, a, k },
                    B::Sub => I::SubK { dst, a, k },
                    B::Mul => I::MulK { dst, a, k },
                    _ => I::DivK { dst, a, k },
                }
            }
        };
        self.emit(instruction);
        true
    }

    fn short_circuit(&mut self, a: &'a Expr, b: &'a Expr, stop_on: bool, dst: u16) {
        self.ticks += 1;
        let result = self.scratch(dst);
        let end = self.label();
        self.expr_to(a, result);
        self.branch_on(result, stop_on, end);
        self.uncounted(|codegen| codegen.expr_to(b, result));
        self.bind(end);
        self.deliver(dst, result);
    }

    fn conditional(&mut self, condition: &'a Expr, yes: &'a Expr, no: &'a Expr, dst: u16) {
        let result = self.scratch(dst);
        let (otherwise, end) = (self.label(), self.label());
        self.branch(condition, false, otherwise, 0);
        self.uncounted(|codegen| codegen.expr_to(yes, result));
        self.jump(end);
        self.bind(otherwise);
        self.uncounted(|codegen| codegen.expr_to(no, result));
        self.bind(end);
        self.deliver(dst, result);
    }

    /// Generates what is not carried out in every turn, and so is not counted in the turn's ticks.
    pub(super) fn uncounted(&mut self, generate: impl FnOnce(&mut Self)) {
        let ticks = self.ticks;
        generate(self);
        self.ticks = ticks;
    }

    fn edge(&mut self, dst: u16, first: bool) {
        let a = *self
            .indexed
            .last()
            .expect("the parser allows `^` and `$` in brackets only");
        self.emit(if first {
            I::First { dst, a }
        } else {
            I::Last { dst, a }
        });
    }

    fn index(&mut self, base: &'a Expr, index: &'a Expr, dst: u16) {
        self.ticks += 1;
        if let ExprKind::Var(id) = &base.kind
            && self.home(*id) == Home::Arguments
            && let Some(index) = argument_index(index)
        {
            self.emit(I::ArgIndex { dst, index });
            return;
        }
        let container = self.operand(base, self.spare(dst), &[index]);
        let a = container.reg;
        if let Some(imm) = self.immediate(index) {
            self.emit(I::IndexI { dst, a, imm });
        } else {
            let i = self
                .within(a, |codegen| codegen.operand(index, None, &[]))
                .reg;
            self.emit(I::Index { dst, a, i });
        }
        self.forget(container, dst);
    }

    /// Generates what stands between the brackets behind the value in this register.
    pub(super) fn within<T>(&mut self, register: u16, generate: impl FnOnce(&mut Self) -> T) -> T {
        self.indexed.push(register);
        let result = generate(self);
        self.indexed.pop();
        result
    }

    fn range(&mut self, base: &'a Expr, from: &'a Expr, to: &'a Expr, dst: u16) {
        self.ticks += 1;
        let container = self.operand(base, self.spare(dst), &[from, to]);
        let range = self.temps(2);
        self.within(container.reg, |codegen| {
            codegen.expr_to(from, range);
            codegen.expr_to(to, range + 1);
        });
        self.emit(I::Range {
            dst,
            a: container.reg,
            range,
        });
        self.forget(container, dst);
    }

    fn catch(&mut self, body: &'a Expr, codes: &'a Codes, default: Option<&'a Expr>, dst: u16) {
        self.ticks += 1;
        let filter = self.filter(codes);
        let result = self.scratch(dst);
        let start = self.here();
        self.guards += 1;
        self.expr_to(body, result);
        self.guards -= 1;
        let end = self.here();
        let (handler, after) = (self.label(), self.label());
        let gives = match default {
            Some(_) => Gives::Nothing,
            None => Gives::Code(result),
        };
        self.handle(Handler {
            start,
            end,
            target: handler.0,
            filter,
            gives,
        });
        if let Some(default) = default {
            self.jump(after);
            self.bind(handler);
            self.uncounted(|codegen| codegen.expr_to(default, result));
        } else {
            self.bind(handler);
        }
        self.bind(after);
        self.deliver(dst, result);
    }

    /// Which errors the codes name; a list that is not constant is computed into a temporary.
    pub(super) fn filter(&mut self, codes: &'a Codes) -> Filter {
        let Codes::List(args) = codes else {
            return Filter::Any;
        };
        let mut mask = 0_u32;
        for arg in args {
            match arg {
                crate::ast::Arg::One(expr) => match self.constant_value(expr) {
                    Some(constant) if constant.as_err().is_some() => {
                        mask |= constant.as_err().map_or(0, |code| 1 << code.number());
                    }
                    _ => return self.computed_filter(args),
                },
                crate::ast::Arg::Splice(_) => return self.computed_filter(args),
            }
        }
        Filter::Codes(mask)
    }

    fn computed_filter(&mut self, args: &'a [crate::ast::Arg]) -> Filter {
        let register = self.temp();
        self.list(args, register);
        Filter::Register(register)
    }

    pub(super) fn handle(&mut self, handler: Handler) {
        if self.table.handlers.len() >= usize::from(u16::MAX) {
            self.too_large("error handlers");
        }
        self.table.handlers.push(handler);
    }

    /// Carries the expression out; its value is not wanted.
    pub(super) fn effect(&mut self, expr: &'a Expr) {
        let mark = self.next_temp;
        self.at(expr.pos);
        match &expr.kind {
            ExprKind::Literal(_) => {}
            ExprKind::Assign { place, value } => {
                self.assign(place, value, false);
            }
            ExprKind::Scatter { items, value } => self.scatter_statement(items, value),
            ExprKind::Cond {
                condition,
                consequent,
                alternate,
            } => {
                let (otherwise, end) = (self.label(), self.label());
                self.branch(condition, false, otherwise, 0);
                self.uncounted(|codegen| codegen.effect(consequent));
                self.jump(end);
                self.bind(otherwise);
                self.uncounted(|codegen| codegen.effect(alternate));
                self.bind(end);
            }
            ExprKind::And(a, b) => self.effect_if(a, b, true),
            ExprKind::Or(a, b) => self.effect_if(a, b, false),
            _ => {
                let dst = self.temp();
                self.expr_to(expr, dst);
            }
        }
        self.release(mark);
    }

    fn effect_if(&mut self, a: &'a Expr, b: &'a Expr, wanted: bool) {
        let end = self.label();
        self.branch(a, !wanted, end, 0);
        self.uncounted(|codegen| codegen.effect(b));
        self.bind(end);
    }

    /// Whether `^` or `$` in a key mean the container of that key.
    pub(super) fn needs_container(key: &Expr) -> bool {
        has_edge(key)
    }
}

/// `dst = op a`.
pub(super) fn unary(op: UnaryOp, dst: u16, a: u16) -> I {
    match op {
        UnaryOp::Negate => I::Neg { dst, a },
        UnaryOp::Not => I::Not { dst, a },
        UnaryOp::Complement => I::Complement { dst, a },
    }
}

/// `dst = a op b`.
pub(super) fn binary(op: BinaryOp, dst: u16, a: u16, b: u16) -> I {
    match op {
        BinaryOp::In => I::In { dst, a, b },
        BinaryOp::Eq => I::Eq { dst, a, b },
        BinaryOp::Ne => I::Ne { dst, a, b },
        BinaryOp::Lt => I::Lt { dst, a, b },
        BinaryOp::Le => I::Le { dst, a, b },
        BinaryOp::Gt => I::Gt { dst, a, b },
        BinaryOp::Ge => I::Ge { dst, a, b },
        BinaryOp::BitOr => I::BitOr { dst, a, b },
        BinaryOp::BitAnd => I::BitAnd { dst, a, b },
        BinaryOp::BitXor => I::BitXor { dst, a, b },
        BinaryOp::Shl => I::Shl { dst, a, b },
        BinaryOp::Shr => I::Shr { dst, a, b },
        BinaryOp::Add => I::Add { dst, a, b },
        BinaryOp::Sub => I::Sub { dst, a, b },
        BinaryOp::Mul => I::Mul { dst, a, b },
        BinaryOp::Div => I::Div { dst, a, b },
        BinaryOp::Mod => I::Mod { dst, a, b },
        BinaryOp::Pow => I::Pow { dst, a, b },
    }
}
