//! Conditions: a jump when an expression is true, or when it is not.

use moor_bytecode::{Instruction as I, Sense};
use moor_value::Value;

use super::Codegen;
use super::emit::Label;
use crate::ast::{BinaryOp, Expr, ExprKind, UnaryOp};

impl<'a> Codegen<'a> {
    /// Jumps to `label` when the truth of the expression is `want`, at a cost of `ticks`; else goes on.
    pub(super) fn branch(&mut self, expr: &'a Expr, want: bool, label: Label, ticks: u8) {
        let mark = self.next_temp;
        let outer = self.pos;
        self.at(expr.pos);
        self.branch_compound(expr, want, label, ticks);
        self.pos = outer;
        self.release(mark);
    }

    fn branch_compound(&mut self, expr: &'a Expr, want: bool, label: Label, ticks: u8) {
        if let Some(value) = self.constant_value(expr) {
            if value.is_true() == want {
                self.emit(I::Jump {
                    ticks,
                    target: label.0,
                });
            }
            return;
        }
        self.ticks += 1;
        match &expr.kind {
            ExprKind::Unary(UnaryOp::Not, a) => self.branch(a, !want, label, ticks),
            ExprKind::And(a, b) => self.branch_both(a, b, want, false, label, ticks),
            ExprKind::Or(a, b) => self.branch_both(a, b, want, true, label, ticks),
            ExprKind::Binary(op, a, b) if self.compare_branch(*op, a, b, want, label, ticks) => {}
            _ => {
                let a = self.operand(expr, None, &[]).reg;
                let sense = Sense::new(want, ticks).0;
                self.emit(I::Br {
                    sense,
                    a,
                    target: label.0,
                });
            }
        }
    }

    /// `a && b` (`stop_on` false) or `a || b` (`stop_on` true).
    fn branch_both(
        &mut self,
        a: &'a Expr,
        b: &'a Expr,
        want: bool,
        stop_on: bool,
        label: Label,
        ticks: u8,
    ) {
        if want == stop_on {
            self.branch(a, want, label, ticks);
            self.uncounted(|codegen| codegen.branch(b, want, label, ticks));
            return;
        }
        let skip = self.label();
        self.branch(a, stop_on, skip, 0);
        self.uncounted(|codegen| codegen.branch(b, want, label, ticks));
        self.bind(skip);
    }

    /// Jumps on the truth of a register.
    pub(super) fn branch_on(&mut self, a: u16, want: bool, label: Label) {
        self.emit(I::Br {
            sense: Sense::new(want, 0).0,
            a,
            target: label.0,
        });
    }

    fn compare_branch(
        &mut self,
        op: BinaryOp,
        a: &'a Expr,
        b: &'a Expr,
        want: bool,
        label: Label,
        ticks: u8,
    ) -> bool {
        use BinaryOp as B;
        if !matches!(op, B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge) {
            return false;
        }
        // Beside a constant the order of evaluation does not matter.
        let (op, a, b) = match (self.constant_value(a), op) {
            (Some(_), B::Eq | B::Ne) => (op, b, a),
            (Some(_), B::Lt) => (B::Gt, b, a),
            (Some(_), B::Le) => (B::Ge, b, a),
            (Some(_), B::Gt) => (B::Lt, b, a),
            (Some(_), B::Ge) => (B::Le, b, a),
            _ => (op, a, b),
        };
        let want = if op == B::Ne { !want } else { want };
        let (sense, target) = (Sense::new(want, ticks).0, label.0);
        if let Some(right) = self.constant_value(b)
            && let Some(instruction) = self.constant_compare(op, a, &right, sense, target)
        {
            self.emit(instruction);
            return true;
        }
        let left = self.operand(a, None, &[b]).reg;
        let right = self.operand(b, None, &[]).reg;
        let (a, b) = (left, right);
        self.emit(match op {
            B::Lt => I::BrLt {
                sense,
                a,
                b,
                target,
            },
            B::Le => I::BrLe {
                sense,
                a,
                b,
                target,
            },
            B::Gt => I::BrGt {
                sense,
                a,
                b,
                target,
            },
            B::Ge => I::BrGe {
                sense,
                a,
                b,
                target,
            },
            _ => I::BrEq {
                sense,
                a,
                b,
                target,
            },
        });
        true
    }

    fn constant_compare(
        &mut self,
        op: BinaryOp,
        a: &'a Expr,
        right: &Value,
        sense: u8,
        target: u16,
    ) -> Option<I> {
        use BinaryOp as B;
        let imm = right.as_int().and_then(|n| i16::try_from(n).ok());
        if imm.is_none() && !matches!(op, B::Eq | B::Ne) {
            return None;
        }
        let a = self.operand(a, None, &[]).reg;
        Some(match (op, imm) {
            (B::Lt, Some(imm)) => I::BrLtI {
                sense,
                a,
                imm,
                target,
            },
            (B::Le, Some(imm)) => I::BrLeI {
                sense,
                a,
                imm,
                target,
            },
            (B::Gt, Some(imm)) => I::BrGtI {
                sense,
                a,
                imm,
                target,
            },
            (B::Ge, Some(imm)) => I::BrGeI {
                sense,
                a,
                imm,
                target,
            },
            (_, Some(imm)) => I::BrEqI {
                sense,
                a,
                imm,
                target,
            },
            (_, None) => I::BrEqK {
                sense,
                a,
                k: self.constant(right),
                target,
            },
        })
    }
}
