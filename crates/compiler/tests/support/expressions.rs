//! Expressions and what can be assigned.

use moor_compiler::Feature;
use moor_compiler::ast::{
    AnyPos, Arg, BinaryOp, Codes, Expr, ExprKind, Literal, Place, ScatterItem, StepOp, UnaryOp,
};
use moor_value::{ErrorCode, ErrorName, ObjId};

use super::{Source, expression};

const NAMES: [&str; 6] = ["name", "tell", "if", "two words", "", "é"];
const STRINGS: [&str; 5] = ["", "plain", "quote \" and \\", "/* no comment */", "☃'`"];
const SYMBOLS: [&str; 5] = ["sym", "If", "E_PERM", "", "two \"words\""];
const BINARIES: [&[u8]; 3] = [b"", b"\xff\xfe\xfd", b"moor"];
const ERRORS: [&str; 2] = ["E_MINE", "e_Other_1"];
const SLOTS: [&str; 4] = ["a", "B_1", "if", "E_PERM"];
const FLOATS: [f64; 8] = [
    0.0,
    -0.0,
    1.5,
    -2.5e-7,
    1e15,
    0.1 + 0.2,
    f64::MAX,
    f64::MIN_POSITIVE,
];
const INTS: [i64; 6] = [0, 1, -1, 7, i64::MAX, i64::MIN];
const BINARY_OPS: [BinaryOp; 18] = [
    BinaryOp::In,
    BinaryOp::Eq,
    BinaryOp::Ne,
    BinaryOp::Lt,
    BinaryOp::Le,
    BinaryOp::Gt,
    BinaryOp::Ge,
    BinaryOp::BitOr,
    BinaryOp::BitAnd,
    BinaryOp::BitXor,
    BinaryOp::Shl,
    BinaryOp::Shr,
    BinaryOp::Add,
    BinaryOp::Sub,
    BinaryOp::Mul,
    BinaryOp::Div,
    BinaryOp::Mod,
    BinaryOp::Pow,
];

impl Source<'_> {
    pub(super) fn codes(&mut self, depth: usize) -> Codes {
        if self.flip() {
            Codes::Any
        } else {
            Codes::List(self.args(1, depth))
        }
    }

    pub(super) fn args(&mut self, least: usize, depth: usize) -> Vec<Arg> {
        self.several(least, |source| {
            let wrap = if source.flip() { Arg::Splice } else { Arg::One };
            wrap(source.expr(depth))
        })
    }

    pub(super) fn boxed(&mut self, depth: usize) -> Box<Expr> {
        Box::new(self.expr(depth))
    }

    pub(super) fn expr(&mut self, depth: usize) -> Expr {
        expression(self.expr_kind(depth))
    }

    fn expr_kind(&mut self, depth: usize) -> ExprKind {
        let choices = if depth == 0 { 3 } else { 24 };
        let below = depth.saturating_sub(1);
        match self.below(choices) {
            0 => ExprKind::Literal(self.literal()),
            1 => ExprKind::Var(self.variable()),
            2 => self.index_end(),
            3 => self.unary(below),
            4 | 5 => ExprKind::Binary(self.of(&BINARY_OPS), self.boxed(below), self.boxed(below)),
            6 => ExprKind::And(self.boxed(below), self.boxed(below)),
            7 => ExprKind::Or(self.boxed(below), self.boxed(below)),
            8 => ExprKind::Cond {
                condition: self.boxed(below),
                consequent: self.boxed(below),
                alternate: self.boxed(below),
            },
            9 => ExprKind::Prop {
                object: self.boxed(below),
                name: Box::new(self.name(below)),
            },
            10 => ExprKind::Verb {
                object: self.boxed(below),
                verb: Box::new(self.name(below)),
                args: self.args(0, below),
            },
            11 => ExprKind::Index {
                base: self.boxed(below),
                index: Box::new(self.index(below)),
            },
            12 => ExprKind::Range {
                base: self.boxed(below),
                from: Box::new(self.index(below)),
                to: Box::new(self.index(below)),
            },
            13 => ExprKind::Call {
                builtin: "length".into(),
                args: self.args(0, below),
            },
            14 => self.collection(below),
            15 => self.assignment(below),
            16 => ExprKind::Step(
                self.of(&[StepOp::Increment, StepOp::Decrement]),
                Box::new(self.place(below)),
            ),
            17 if self.has(Feature::ReturnExpressions) => {
                ExprKind::Return(self.maybe(|source| source.boxed(below)))
            }
            18 => ExprKind::Error {
                name: self.error_name(),
                message: self.boxed(below),
            },
            19 if self.has(Feature::FlyweightType) => ExprKind::Flyweight {
                delegate: self.boxed(below),
                slots: self.slots(below),
                contents: self.maybe(|source| source.boxed(below)),
            },
            20 if self.has(Feature::ListComprehensions) => self.comprehension(below),
            21 if self.has(Feature::Lambdas) => self.function_expression(below),
            22 if self.has(Feature::Lambdas) => self.application(below),
            _ => ExprKind::Catch {
                body: self.boxed(below),
                codes: self.codes(below),
                default: self.maybe(|source| source.boxed(below)),
            },
        }
    }

    fn slots(&mut self, depth: usize) -> Vec<(Box<str>, Expr)> {
        let mut slots: Vec<(Box<str>, Expr)> = Vec::new();
        for _ in 0..self.below(3) {
            let name = self.of(&SLOTS);
            if !slots.iter().any(|(before, _)| **before == *name) {
                slots.push((name.into(), self.expr(depth)));
            }
        }
        slots
    }

    fn literal(&mut self) -> Literal {
        match self.below(8) {
            1 => Literal::Float(self.of(&FLOATS)),
            2 => Literal::Str(self.of(&STRINGS).into()),
            3 => Literal::Obj(ObjId(self.of(&[0, 1, -1]))),
            4 if self.has(Feature::SymbolType) => Literal::Sym(self.of(&SYMBOLS).into()),
            5 if self.has(Feature::BinaryType) => Literal::Binary(self.of(&BINARIES).into()),
            6 => Literal::Err(self.of(ErrorCode::ALL)),
            7 if self.has(Feature::CustomErrors) => Literal::Custom(self.of(&ERRORS).into()),
            _ => Literal::Int(self.of(&INTS)),
        }
    }

    fn error_name(&mut self) -> ErrorName {
        if self.has(Feature::CustomErrors) && self.flip() {
            return ErrorName::custom(self.of(&ERRORS)).expect("the name of an error");
        }
        ErrorName::Known(self.of(ErrorCode::ALL))
    }

    fn index_end(&mut self) -> ExprKind {
        match (self.levels.here().indexings, self.flip()) {
            (0, _) => ExprKind::Literal(Literal::Obj(ObjId::SYSTEM)),
            (_, false) => ExprKind::First,
            (_, true) => ExprKind::Last,
        }
    }

    /// The parser makes a number's sign a part of the number.
    fn unary(&mut self, depth: usize) -> ExprKind {
        let operand = self.boxed(depth);
        let is_number = matches!(
            operand.kind,
            ExprKind::Literal(Literal::Int(_) | Literal::Float(_))
        );
        let op = match self.below(3) {
            0 => UnaryOp::Not,
            1 if !is_number => UnaryOp::Negate,
            _ => UnaryOp::Complement,
        };
        ExprKind::Unary(op, operand)
    }

    /// The name of a property or verb.
    fn name(&mut self, depth: usize) -> Expr {
        if self.flip() {
            return self.expr(depth);
        }
        expression(ExprKind::Literal(Literal::Str(self.of(&NAMES).into())))
    }

    /// What stands in `[..]` after a value.
    fn index(&mut self, depth: usize) -> Expr {
        self.levels.here().indexings += 1;
        let index = self.expr(depth);
        self.levels.here().indexings -= 1;
        index
    }

    fn collection(&mut self, depth: usize) -> ExprKind {
        if self.flip() {
            return ExprKind::List(self.args(0, depth));
        }
        ExprKind::Map(self.several(0, |source| (source.expr(depth), source.expr(depth))))
    }

    fn assignment(&mut self, depth: usize) -> ExprKind {
        if self.flip() {
            return self.scatter(depth);
        }
        let mut place = self.place(depth);
        if self.flip() {
            place = Place::Range {
                pos: AnyPos::default(),
                base: Box::new(place),
                from: self.index(depth),
                to: self.index(depth),
            };
        }
        ExprKind::Assign {
            place: Box::new(place),
            value: self.boxed(depth),
        }
    }

    fn scatter(&mut self, depth: usize) -> ExprKind {
        let mut items = self.several(1, |source| {
            let id = source.assigned();
            if source.flip() {
                ScatterItem::Optional(id, source.maybe(|source| source.expr(depth)))
            } else {
                ScatterItem::Required(id)
            }
        });
        if self.flip() {
            items.push(ScatterItem::Rest(self.assigned()));
        }
        ExprKind::Scatter {
            items,
            value: self.boxed(depth),
        }
    }

    fn place(&mut self, depth: usize) -> Place {
        match self.below(if depth == 0 { 1 } else { 3 }) {
            0 => Place::Var(self.assigned()),
            1 => Place::Prop {
                pos: AnyPos::default(),
                object: self.expr(depth),
                name: self.name(depth),
            },
            _ => Place::Index {
                pos: AnyPos::default(),
                base: Box::new(self.place(depth - 1)),
                index: self.index(depth - 1),
            },
        }
    }
}
