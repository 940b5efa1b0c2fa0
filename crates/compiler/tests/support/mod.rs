//! Random syntax trees of the kind that the parser makes.
//!
//! A tree is drawn from a string of bytes, so that a failing one shrinks with its bytes; when they run out, what
//! is drawn is the simplest. Only programs that can be written are drawn: `break` inside loops, `$` inside
//! `[..]`, no negation of a number, names numbered in order of appearance.

use moor_compiler::ast::{
    AnyPos, Arg, Ast, BinaryOp, Codes, CondArm, Declarator, ExceptArm, Expr, ExprKind, Literal,
    Place, Pos, ScatterItem, StepOp, Stmt, StmtKind, UnaryOp,
};
use moor_compiler::names::{Names, VarId};
use moor_compiler::version::LanguageVersion;
use moor_value::{ErrorCode, ErrorName, ObjId};

const VARIABLES: [&str; 6] = ["a", "b", "_c3", "player", "true", "NUM"];
const NAMES: [&str; 6] = ["name", "tell", "if", "two words", "", "é"];
const STRINGS: [&str; 5] = ["", "plain", "quote \" and \\", "/* no comment */", "☃'`"];
const SYMBOLS: [&str; 5] = ["sym", "If", "E_PERM", "", "two \"words\""];
const BINARIES: [&[u8]; 3] = [b"", b"\xff\xfe\xfd", b"moor"];
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

/// How deep drawn trees are at most, in expressions and in statements.
const DEPTH_MAX: usize = 7;

/// The tree that is drawn from these bytes.
pub(crate) fn draw(bytes: &[u8]) -> Ast {
    let mut names = Names::new(LanguageVersion::CURRENT);
    // Mentioned first, so that the parser numbers them as they are numbered here.
    let mut body: Vec<Stmt> = VARIABLES
        .iter()
        .map(|name| {
            statement(StmtKind::Expr(expression(ExprKind::Var(
                names.intern(name),
            ))))
        })
        .collect();
    let mut source = Source {
        bytes: bytes.iter(),
        indexings: 0,
        loops: Vec::new(),
        names,
        scopes: vec![Vec::new()],
    };
    while source.bytes.len() > 0 {
        body.extend(source.statements(DEPTH_MAX));
    }
    let names = source.names;
    Ast { names, body }
}

fn statement(kind: StmtKind) -> Stmt {
    let pos = Pos::default();
    Stmt { pos, kind }
}

fn expression(kind: ExprKind) -> Expr {
    let pos = Pos::default();
    Expr { pos, kind }
}

struct Source<'b> {
    bytes: std::slice::Iter<'b, u8>,
    indexings: usize,
    /// The names of the open loops; a fork hides those around it.
    loops: Vec<Vec<VarId>>,
    names: Names,
    /// What the open blocks declare: which of [`VARIABLES`], and the variable.
    scopes: Vec<Vec<(usize, VarId)>>,
}

impl Source<'_> {
    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or(0)) % limit
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 1
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    fn several<T>(&mut self, least: usize, mut draw: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = least + self.below(3);
        (0..count).map(|_| draw(self)).collect()
    }

    fn maybe<T>(&mut self, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flip().then(|| draw(self))
    }

    fn variable(&mut self) -> VarId {
        let name = self.below(VARIABLES.len());
        self.meaning(name)
    }

    /// What one of [`VARIABLES`] means here.
    fn meaning(&self, name: usize) -> VarId {
        let mut declared = self.scopes.iter().rev().flatten();
        let found = declared.find(|(known, _)| *known == name);
        found.map_or(VarId(name as u32), |(_, id)| *id)
    }

    fn statements(&mut self, depth: usize) -> Vec<Stmt> {
        self.several(0, |source| statement(source.statement(depth)))
    }

    fn block(&mut self, depth: usize) -> Vec<Stmt> {
        self.scopes.push(Vec::new());
        let body = self.statements(depth);
        self.scopes.pop();
        body
    }

    /// A declaration of a name that this block has not declared.
    fn declaration(&mut self, depth: usize) -> StmtKind {
        let name = self.below(VARIABLES.len());
        let mut here = self.scopes.iter().next_back().into_iter().flatten();
        if here.any(|(known, _)| *known == name) {
            return StmtKind::Return(None);
        }
        let value = self.maybe(|source| source.expr(depth));
        let declarator = self.of(&[Declarator::Let, Declarator::Global]);
        let id = match declarator {
            Declarator::Global => VarId(name as u32),
            _ => {
                let alive = self.scopes.iter().flatten();
                let slot = alive
                    .filter(|(_, id)| self.names.slot(*id).is_some())
                    .count();
                self.names.declare(VARIABLES[name], slot as u32, false)
            }
        };
        self.scopes.last_mut().expect("a block").push((name, id));
        StmtKind::Declare {
            declarator,
            id,
            value,
        }
    }

    fn statement(&mut self, depth: usize) -> StmtKind {
        let choices = if depth == 0 { 5 } else { 12 };
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
            10 => StmtKind::Begin(self.block(below)),
            _ => self.try_statement(below),
        }
    }

    fn exit(&mut self, make: fn(Option<VarId>) -> StmtKind) -> StmtKind {
        let means_it = |id: &&VarId| {
            let mut all = 0..VARIABLES.len();
            all.any(|name| self.meaning(name) == **id)
        };
        let names: Vec<VarId> = self
            .loops
            .iter()
            .flatten()
            .filter(means_it)
            .copied()
            .collect();
        match (self.loops.is_empty(), names.is_empty()) {
            (true, _) => StmtKind::Return(None),
            (false, true) => make(None),
            (false, false) => make(self.maybe(|source| source.of(&names))),
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
        self.loops.push(names);
        let body = self.block(depth);
        self.loops.pop();
        body
    }

    fn for_in(&mut self, depth: usize) -> StmtKind {
        let (value, key) = (self.variable(), self.maybe(Self::variable));
        StmtKind::ForIn {
            value,
            key,
            container: self.expr(depth),
            body: self.loop_body([value].into_iter().chain(key).collect(), depth),
        }
    }

    fn for_range(&mut self, depth: usize) -> StmtKind {
        let var = self.variable();
        StmtKind::ForRange {
            var,
            from: self.expr(depth),
            to: self.expr(depth),
            body: self.loop_body(vec![var], depth),
        }
    }

    fn while_loop(&mut self, depth: usize) -> StmtKind {
        let label = self.maybe(Self::variable);
        StmtKind::While {
            label,
            condition: self.expr(depth),
            body: self.loop_body(label.into_iter().collect(), depth),
        }
    }

    fn fork(&mut self, depth: usize) -> StmtKind {
        let task = self.maybe(Self::variable);
        let delay = self.expr(depth);
        let around = std::mem::take(&mut self.loops);
        let body = self.block(depth);
        self.loops = around;
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
            var: self.maybe(Self::variable),
            codes: self.codes(depth),
            body: self.block(depth),
        }
    }

    fn codes(&mut self, depth: usize) -> Codes {
        if self.flip() {
            Codes::Any
        } else {
            Codes::List(self.args(1, depth))
        }
    }

    fn args(&mut self, least: usize, depth: usize) -> Vec<Arg> {
        self.several(least, |source| {
            let wrap = if source.flip() { Arg::Splice } else { Arg::One };
            wrap(source.expr(depth))
        })
    }

    fn boxed(&mut self, depth: usize) -> Box<Expr> {
        Box::new(self.expr(depth))
    }

    fn expr(&mut self, depth: usize) -> Expr {
        expression(self.expr_kind(depth))
    }

    fn expr_kind(&mut self, depth: usize) -> ExprKind {
        let choices = if depth == 0 { 3 } else { 21 };
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
            17 => ExprKind::Return(self.maybe(|source| source.boxed(below))),
            18 => ExprKind::Error {
                name: ErrorName::Known(self.of(ErrorCode::ALL)),
                message: self.boxed(below),
            },
            19 => ExprKind::Flyweight {
                delegate: self.boxed(below),
                slots: self.slots(below),
                contents: self.maybe(|source| source.boxed(below)),
            },
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
        match self.below(7) {
            0 => Literal::Int(self.of(&INTS)),
            1 => Literal::Float(self.of(&FLOATS)),
            2 => Literal::Str(self.of(&STRINGS).into()),
            3 => Literal::Obj(ObjId(self.of(&[0, 1, -1]))),
            4 => Literal::Sym(self.of(&SYMBOLS).into()),
            5 => Literal::Binary(self.of(&BINARIES).into()),
            _ => Literal::Err(self.of(ErrorCode::ALL)),
        }
    }

    fn index_end(&mut self) -> ExprKind {
        match (self.indexings, self.flip()) {
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
        self.indexings += 1;
        let index = self.expr(depth);
        self.indexings -= 1;
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
            let id = source.variable();
            if source.flip() {
                ScatterItem::Optional(id, source.maybe(|source| source.expr(depth)))
            } else {
                ScatterItem::Required(id)
            }
        });
        if self.flip() {
            items.push(ScatterItem::Rest(self.variable()));
        }
        ExprKind::Scatter {
            items,
            value: self.boxed(depth),
        }
    }

    fn place(&mut self, depth: usize) -> Place {
        match self.below(if depth == 0 { 1 } else { 3 }) {
            0 => Place::Var(self.variable()),
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
