//! Assignments: to variables, properties, elements; `++` and `--`; scattering.

use moor_bytecode::{Instruction as I, RESULT, Scatter, ScatterKind, ScatterTarget};

use super::emit::Operand;
use super::usage::{ArgsUse, assigns, mentions};
use super::{Codegen, Home, take_if};
use crate::ast::{Arg, Expr, ExprKind, Place, ScatterItem, StepOp};
use crate::names::VarId;

impl<'a> Codegen<'a> {
    /// `place = value`. The answer is a register with the value, which means something only when it is `wanted`.
    pub(super) fn assign(&mut self, place: &'a Place, value: &'a Expr, wanted: bool) -> Operand {
        match place {
            Place::Var(id) => {
                let reg = self.register(*id);
                self.assign_variable(*id, reg, value);
                Operand { reg, spent: false }
            }
            Place::Prop { object, name, .. } => {
                let object = self.operand(object, None, &[name, value]).reg;
                let name = self.property_name(name);
                let value = self.property_value(value, wanted);
                let flags = if wanted { RESULT } else { take_if(value.spent) };
                self.set_property(flags, object, name, value.reg);
                value
            }
            Place::Index { .. } | Place::Range { .. } => {
                let target = self.open(place, Some(value));
                let value = self.operand(value, None, &[]);
                self.store(target, value, take_if(value.spent && !wanted));
                value
            }
        }
    }

    /// A value for a property; when it is wanted afterwards, in a register that may receive an error instead.
    fn property_value(&mut self, value: &'a Expr, wanted: bool) -> Operand {
        if !wanted {
            return self.operand(value, None, &[]);
        }
        let reg = self.temp();
        self.expr_to(value, reg);
        Operand { reg, spent: true }
    }

    pub(super) fn assign_variable(&mut self, id: VarId, reg: u16, value: &'a Expr) {
        self.ticks += 1;
        if let ExprKind::List(args) = &value.kind
            && let [Arg::Splice(head), rest @ ..] = args.as_slice()
            && head.kind == ExprKind::Var(id)
            && !rest.is_empty()
            && !rest.iter().any(|arg| assigns(arg.expr(), id))
        {
            self.at(value.pos);
            self.append(reg, rest);
            return;
        }
        match &value.kind {
            ExprKind::Call { builtin, args } if self.may_hand_over(id, args) => {
                let (mark, outer) = (self.next_temp, self.pos);
                self.at(value.pos);
                self.call_builtin(builtin, args, reg, Some(id));
                self.note_call(value);
                self.pos = outer;
                self.release(mark);
            }
            _ => self.expr_to(value, reg),
        }
    }

    /// Whether `id = builtin(args)` may give the variable's value away before the call, so that the function can change it in
    /// place: nothing else in the arguments names the variable, and nobody sees it when the call fails.
    fn may_hand_over(&self, id: VarId, args: &[Arg]) -> bool {
        let is_it = |arg: &&Arg| matches!(arg, Arg::One(expr) if expr.kind == ExprKind::Var(id));
        let others = || args.iter().filter(|arg| !is_it(arg));
        self.guards == 0
            && self.ast.names.predefined(id).is_none()
            && args.iter().filter(is_it).count() == 1
            && !others().any(|arg| mentions(arg.expr(), id))
    }

    /// `list = {@list, rest}` in place. Whatever can fail is computed before the list changes.
    fn append(&mut self, list: u16, rest: &'a [Arg]) {
        let mark = self.next_temp;
        match rest {
            [Arg::One(expr)] => {
                self.ticks += 1;
                let src = self.operand(expr, None, &[]);
                self.emit(I::Push {
                    flags: take_if(src.spent),
                    list,
                    src: src.reg,
                });
            }
            [Arg::Splice(expr)] => self.extend(list, expr),
            rest => {
                let src = self.temp();
                self.list(rest, src);
                self.emit(I::Extend {
                    flags: take_if(true),
                    list,
                    src,
                });
            }
        }
        self.release(mark);
    }

    /// `++place` or `--place` into `dst`.
    pub(super) fn step(&mut self, op: StepOp, place: &'a Place, dst: u16) {
        self.ticks += 1;
        // Subtraction, because addition would append to a list.
        let imm = match op {
            StepOp::Increment => -1,
            StepOp::Decrement => 1,
        };
        match place {
            Place::Var(id) => {
                let a = self.register(*id);
                self.emit(I::SubI { dst: a, a, imm });
                self.copy_to(
                    Operand {
                        reg: a,
                        spent: false,
                    },
                    dst,
                );
            }
            Place::Prop { object, name, .. } => {
                let object_register = self.temp();
                self.expr_to(object, object_register);
                let name = self.property_name(name);
                let value = self.temp();
                self.get_property(value, object_register, name);
                self.emit(I::SubI {
                    dst: value,
                    a: value,
                    imm,
                });
                self.set_property(RESULT, object_register, name, value);
                self.deliver(dst, value);
            }
            Place::Index { .. } | Place::Range { .. } => {
                let target = self.open(place, None);
                let value = self.temp();
                self.read(&target, value);
                self.emit(I::SubI {
                    dst: value,
                    a: value,
                    imm,
                });
                self.store(
                    target,
                    Operand {
                        reg: value,
                        spent: true,
                    },
                    0,
                );
                self.deliver(dst, value);
            }
        }
    }

    /// `{items} = value` as an expression: its value is the list.
    pub(super) fn scatter(&mut self, items: &'a [ScatterItem], value: &'a Expr) -> Operand {
        let reg = self.temp();
        self.expr_to(value, reg);
        let pattern = self.pattern(items.len());
        self.emit(I::Scatter { src: reg, pattern });
        self.scatter_targets(pattern, items);
        Operand { reg, spent: true }
    }

    /// `{items} = value;`.
    pub(super) fn scatter_statement(&mut self, items: &'a [ScatterItem], value: &'a Expr) {
        let pattern = self.pattern(items.len());
        if let ExprKind::Var(id) = &value.kind
            && self.home(*id) == Home::Arguments
        {
            let flags = take_if(self.usage.args == ArgsUse::Once);
            self.emit(I::ScatterArgs { flags, pattern });
            self.scatter_targets(pattern, items);
            return;
        }
        let src = self.operand(value, None, &[]);
        self.emit(I::Scatter {
            src: src.reg,
            pattern,
        });
        self.scatter_targets(pattern, items);
        if src.spent {
            self.emit(I::Clear { dst: src.reg });
        }
    }

    pub(super) fn pattern(&mut self, items: usize) -> u16 {
        self.ticks += items as u32;
        let Ok(pattern) = u16::try_from(self.table.scatters.len()) else {
            self.too_large("scattering assignments");
            return 0;
        };
        self.table.scatters.push(Scatter {
            targets: Vec::new(),
            done: 0,
        });
        pattern
    }

    /// The defaults, one after the other: whichever is the first needed, those behind it are needed too.
    pub(super) fn scatter_targets(&mut self, pattern: u16, items: &'a [ScatterItem]) {
        let mut targets = Vec::with_capacity(items.len());
        for item in items {
            let (id, kind) = match item {
                ScatterItem::Required(id) => (id, ScatterKind::Required),
                ScatterItem::Rest(id) => (id, ScatterKind::Rest),
                ScatterItem::Optional(id, None) => (id, ScatterKind::Optional),
                ScatterItem::Optional(id, Some(default)) => {
                    let label = self.label_here();
                    let register = self.register(*id);
                    self.uncounted(|codegen| codegen.expr_to(default, register));
                    (id, ScatterKind::Default(label.0))
                }
            };
            targets.push(ScatterTarget {
                register: self.register(*id),
                kind,
            });
        }
        let done = self.label_here().0;
        self.table.scatters[usize::from(pattern)] = Scatter { targets, done };
    }
}
