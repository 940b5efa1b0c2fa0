//! Expressions: each leaves its value on top of the stack.

use moor_bytecode::{
    Filter, Gives, Instruction as I, Scatter, ScatterKind, ScatterTarget, Sense, TAKE,
};
use moor_value::{List, Map, Value};

use super::super::call::fixed_name;
use super::super::emit::Label;
use super::super::expr::{binary, unary};
use super::super::fold::literal;
use super::generator::{BY_NAME, Generator};
use super::stack::{Mark, Origin, Slot};
use super::{Callee, StopError};
use crate::ast::{Arg, BinaryOp, Codes, Expr, ExprKind, ScatterItem, UnaryOp};
use crate::names::VarId;

impl<'a> Generator<'a> {
    pub(super) fn expr(&mut self, expr: &'a Expr) {
        self.at(expr.pos);
        self.any(expr);
        self.stands_for(Origin::Value(expr));
    }

    fn any(&mut self, expr: &'a Expr) {
        match &expr.kind {
            ExprKind::Literal(one) => self.literal(&literal(one)),
            ExprKind::Var(id) => self.push_variable(*id),
            ExprKind::First => self.edge(true),
            ExprKind::Last => self.edge(false),
            ExprKind::Unary(op, a) => self.unary(*op, a),
            ExprKind::Step(op, place) => self.step(*op, place),
            ExprKind::Binary(op, a, b) => self.binary(*op, a, b),
            ExprKind::And(a, b) => self.short_circuit(a, b, false),
            ExprKind::Or(a, b) => self.short_circuit(a, b, true),
            ExprKind::Cond {
                condition,
                consequent,
                alternate,
            } => self.conditional(condition, consequent, alternate),
            ExprKind::Prop { object, name } => self.property(object, name),
            ExprKind::Verb { object, verb, args } => {
                self.verb(object, verb, args);
                self.call_ends(expr, 1, || Callee::Verb);
            }
            ExprKind::Index { base, index } => {
                self.expr(base);
                self.index(index);
            }
            ExprKind::Range { base, from, to } => {
                self.expr(base);
                self.range(from, to);
            }
            ExprKind::Call { builtin, args } => {
                let name = self.builtin(builtin, args);
                self.call_ends(expr, 2, || Callee::Builtin(name.into()));
            }
            ExprKind::List(args) => self.list(None, args),
            ExprKind::Map(entries) => self.map(entries),
            ExprKind::Assign { place, value } => {
                self.open(place, false);
                self.expr(value);
                self.put(place);
            }
            ExprKind::Scatter { items, value } => {
                self.expr(value);
                self.scatter(items);
            }
            ExprKind::Catch {
                body,
                codes,
                default,
            } => self.catch(body, codes, default.as_deref()),
            ExprKind::Error { .. }
            | ExprKind::Flyweight { .. }
            | ExprKind::Function(_)
            | ExprKind::Apply { .. }
            | ExprKind::Comprehension(_)
            | ExprKind::Return(_) => {
                self.fail(StopError::Construct("an expression"));
                // The walk goes on, and takes a value.
                self.push_value();
            }
        }
    }

    fn literal(&mut self, value: &Value) {
        let dialect = self.dialect;
        let vector = &mut self.parts[self.part].vector;
        vector.push_literal(value, dialect, &mut self.shared);
        let dst = self.push_value();
        self.load(dst, value);
    }

    pub(super) fn push_variable(&mut self, id: VarId) {
        self.variable_bytes(id);
        let src = self.variable(id);
        let dst = self.push_value();
        self.emit(I::Move { dst, src });
    }

    /// `^` or `$`: an extended opcode and a place on the stack.
    fn edge(&mut self, first: bool) {
        self.bytes(3);
        let indexed = self.here().indexed.last().copied();
        let dst = self.push_value();
        let Some(a) = indexed else {
            return self.fail(StopError::Construct("`^' or `$'"));
        };
        self.emit(match first {
            true => I::First { dst, a },
            false => I::Last { dst, a },
        });
    }

    fn unary(&mut self, op: UnaryOp, a: &'a Expr) {
        self.expr(a);
        self.bytes(if op == UnaryOp::Complement { 2 } else { 1 });
        let a = self.top();
        self.emit(unary(op, a, a));
    }

    fn binary(&mut self, op: BinaryOp, a: &'a Expr, b: &'a Expr) {
        use BinaryOp as B;
        self.expr(a);
        self.expr(b);
        self.pop(1);
        self.bytes(match op {
            B::Pow | B::BitOr | B::BitAnd | B::BitXor | B::Shl | B::Shr => 2,
            _ => 1,
        });
        let a = self.top();
        self.emit(binary(op, a, a, a + 1));
    }

    /// Takes a condition from the stack and jumps when it is not true.
    pub(super) fn unless(&mut self, opcode: u32, label: Label) {
        self.jump_bytes(opcode);
        let a = self.top();
        self.branch(a, false, label);
        self.pop(1);
    }

    fn branch(&mut self, a: u16, want: bool, label: Label) {
        self.emit(I::Br {
            sense: Sense::new(want, 0).0,
            a,
            target: label.0,
        });
    }

    fn short_circuit(&mut self, a: &'a Expr, b: &'a Expr, stop_on: bool) {
        let end = self.label();
        self.expr(a);
        self.jump_bytes(1);
        let a = self.top();
        self.branch(a, stop_on, end);
        self.pop(1);
        self.expr(b);
        self.bind(end);
    }

    fn conditional(&mut self, condition: &'a Expr, yes: &'a Expr, no: &'a Expr) {
        let (otherwise, end) = (self.label(), self.label());
        self.expr(condition);
        self.unless(1, otherwise);
        self.expr(yes);
        self.jump_bytes(1);
        self.jump(end);
        self.pop(1);
        self.bind(otherwise);
        self.expr(no);
        self.bind(end);
    }

    pub(super) fn property(&mut self, object: &'a Expr, name: &'a Expr) {
        self.expr(object);
        self.expr(name);
        self.bytes(1);
        self.pop(1);
        let obj = self.top();
        self.get_property(obj, obj, name);
    }

    /// The property of an object whose name is in the next register.
    pub(super) fn get_property(&mut self, dst: u16, obj: u16, name: &'a Expr) {
        let fixed = fixed_name(name).map(|text| self.name(text));
        self.emit(match fixed {
            Some(name) => I::GetProp { dst, obj, name },
            None => I::GetPropDyn {
                dst,
                obj,
                name: obj + 1,
            },
        });
    }

    fn verb(&mut self, object: &'a Expr, verb: &'a Expr, args: &'a [Arg]) {
        self.expr(object);
        self.expr(verb);
        self.list(None, args);
        self.bytes(1);
        self.pop(2);
        let base = self.top();
        self.emit(I::CallVerbDynSpread { dst: base, base });
    }

    /// Answers which function is called. One that the other server has not got is called by its name, as its parser does.
    fn builtin(&mut self, name: &'a str, args: &'a [Arg]) -> &'a str {
        let is_there = (self.is_there)(name);
        let called = if is_there { name } else { BY_NAME };
        self.list((!is_there).then_some(name), args);
        self.bytes(2);
        self.call_builtin(called);
        called
    }

    /// Indexes the value on top of the stack.
    pub(super) fn index(&mut self, index: &'a Expr) {
        self.within(|generator| generator.expr(index));
        self.bytes(1);
        self.pop(1);
        let a = self.top();
        self.emit(I::Index {
            dst: a,
            a,
            i: a + 1,
        });
    }

    pub(super) fn range(&mut self, from: &'a Expr, to: &'a Expr) {
        self.within(|generator| {
            generator.expr(from);
            generator.expr(to);
        });
        self.bytes(1);
        self.pop(2);
        let a = self.top();
        self.emit(I::Range {
            dst: a,
            a,
            range: a + 1,
        });
    }

    /// Generates what stands in the brackets behind the value on top of the stack.
    pub(super) fn within(&mut self, generate: impl FnOnce(&mut Self)) {
        let register = self.top();
        self.here().indexed.push(register);
        generate(self);
        self.here().indexed.pop();
    }

    /// `{before, args}`.
    fn list(&mut self, before: Option<&'a str>, args: &'a [Arg]) {
        let elements = |count| Origin::Elements {
            before,
            args,
            count,
        };
        let rest = match (before, args) {
            (Some(name), rest) => {
                self.literal(&Value::from(name));
                self.begin_list();
                self.stands_for(elements(0));
                rest
            }
            (None, [first, rest @ ..]) => {
                self.expr(first.expr());
                match first {
                    Arg::One(_) => self.begin_list(),
                    Arg::Splice(_) => self.must_be_list(),
                }
                self.stands_for(elements(1));
                rest
            }
            (None, []) => {
                self.bytes(1);
                let dst = self.push_value();
                self.load(dst, &Value::List(List::new()));
                self.stands_for(elements(0));
                return;
            }
        };
        let list = self.top();
        let begun = args.len() - rest.len();
        for (at, arg) in rest.iter().enumerate() {
            self.expr(arg.expr());
            self.bytes(1);
            let src = self.top();
            match arg {
                Arg::One(_) => self.emit(I::Push {
                    flags: TAKE,
                    list,
                    src,
                }),
                Arg::Splice(_) => self.extend(list, src),
            }
            self.pop(1);
            self.stands_for(elements(begun + at + 1));
        }
    }

    /// The value on top of the stack becomes a list of it.
    fn begin_list(&mut self) {
        self.bytes(1);
        let list = self.top();
        self.emit(I::List {
            dst: list,
            base: list,
            count: 1,
        });
    }

    fn must_be_list(&mut self) {
        self.bytes(1);
        let register = self.top();
        let built = self.above(1);
        self.load(built, &Value::List(List::new()));
        self.extend(built, register);
        self.emit(I::Take {
            dst: register,
            src: built,
        });
    }

    /// Values come before their keys.
    fn map(&mut self, entries: &'a [(Expr, Expr)]) {
        self.bytes(1);
        let map = self.push_value();
        self.load(map, &Value::Map(Map::new()));
        self.stands_for(Origin::Entries(entries));
        for (key, value) in entries {
            self.expr(value);
            self.expr(key);
            self.bytes(1);
            self.pop(2);
            self.emit(I::Insert {
                map,
                key: map + 2,
                value: map + 1,
            });
        }
    }

    /// Takes the list on top of the stack apart, which stays there.
    fn scatter(&mut self, items: &'a [ScatterItem]) {
        let src = self.top();
        // An extended opcode, three counts; of each item its variable and where its default is; where the defaults end.
        self.bytes(5);
        for item in items {
            self.variable_operand(item.variable());
            self.jump_bytes(0);
        }
        self.jump_bytes(0);
        let Ok(pattern) = u16::try_from(self.table.scatters.len()) else {
            return self.fail(StopError::TooLarge);
        };
        self.table.scatters.push(Scatter {
            targets: Vec::new(),
            done: 0,
        });
        self.emit(I::Scatter { src, pattern });
        let targets = items.iter().map(|item| self.scatter_target(item)).collect();
        let done = self.label();
        self.bind(done);
        self.table.scatters[usize::from(pattern)] = Scatter {
            targets,
            done: done.0,
        };
    }

    fn scatter_target(&mut self, item: &'a ScatterItem) -> ScatterTarget {
        let register = self.variable(item.variable());
        let kind = match item {
            ScatterItem::Required(_) => ScatterKind::Required,
            ScatterItem::Rest(_) => ScatterKind::Rest,
            ScatterItem::Optional(_, None) => ScatterKind::Optional,
            ScatterItem::Optional(id, Some(default)) => {
                let label = self.label();
                self.bind(label);
                self.expr(default);
                self.variable_bytes(*id);
                self.bytes(1);
                let src = self.top();
                self.emit(I::Take { dst: register, src });
                self.pop(1);
                ScatterKind::Default(label.0)
            }
        };
        ScatterTarget { register, kind }
    }

    /// Puts the codes of a handler on the stack, and where it is. Answers which errors it takes.
    pub(super) fn codes(&mut self, codes: &'a Codes, handler: Mark) -> Filter {
        let filter = match codes {
            Codes::Any => {
                self.bytes(1);
                let dst = self.push_value();
                self.load(dst, &Value::ZERO);
                self.stands_for(Origin::Zero);
                Filter::Any
            }
            Codes::List(args) => {
                self.list(None, args);
                Filter::Register(self.top())
            }
        };
        self.jump_bytes(2);
        self.push(Slot::Label(handler));
        filter
    }

    fn catch(&mut self, body: &'a Expr, codes: &'a Codes, default: Option<&'a Expr>) {
        let mark = self.mark();
        let filter = self.codes(codes, mark);
        let result = self.top();
        self.bytes(2);
        self.push(Slot::Catch(1));
        let start = self.pc();
        self.expr(body);
        let end = self.pc();
        let src = self.top();
        let (handler, after) = (self.label(), self.label());
        self.jump_bytes(2);
        self.emit(I::Take { dst: result, src });
        self.jump(after);
        self.pop(4);
        self.set_mark(mark);
        self.bind(handler);
        let gives = match default {
            Some(_) => Gives::Nothing,
            None => Gives::Code(result),
        };
        self.handle(start, end, handler, (filter, gives));
        // Either the exception goes, or its first element is taken.
        match default {
            Some(default) => {
                self.bytes(1);
                self.expr(default);
            }
            None => {
                self.bytes(2);
                self.push_value();
            }
        }
        self.bind(after);
    }
}
