//! Random syntax trees of the kind that the parser makes.
//!
//! A tree is drawn from a string of bytes, so that a failing one shrinks with its bytes; when they run out, what
//! is drawn is the simplest. Only programs that can be written with the given features are drawn: `break` inside loops, `$`
//! inside `[..]`, no negation of a number, no assignment to a constant, names numbered in order of appearance.

mod expressions;
mod functions;
mod level;
mod statements;

use level::{Levels, Name};
use moor_compiler::ast::{Ast, Expr, ExprKind, Pos, Stmt, StmtKind};
use moor_compiler::names::VarId;
use moor_compiler::{Feature, Features};

/// Names of variables. The first is never that of a constant.
const VARIABLES: [&str; 10] = [
    "a", "b", "_c3", "player", "true", "NUM", "end", "begin", "fn", "let",
];

/// How deep drawn trees are at most, in expressions and in statements.
const DEPTH_MAX: usize = 7;

/// The tree that is drawn from these bytes, of a program that uses no other features than these.
pub(crate) fn draw(bytes: &[u8], features: Features) -> Ast {
    let mut source = Source {
        bytes: bytes.iter(),
        features,
        levels: Levels::new(),
    };
    let mut body = Vec::new();
    while source.bytes.len() > 0 {
        body.extend(source.statements(DEPTH_MAX));
    }
    let names = source.levels.into_names();
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

#[derive(Clone)]
struct Source<'b> {
    bytes: std::slice::Iter<'b, u8>,
    features: Features,
    levels: Levels,
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

    fn has(&self, feature: Feature) -> bool {
        self.features.has(feature)
    }

    /// A variable that is read.
    fn variable(&mut self) -> VarId {
        let name = self.below(VARIABLES.len());
        self.levels.mention(name)
    }

    /// A variable that is assigned.
    fn assigned(&mut self) -> VarId {
        let name: Name = self.below(VARIABLES.len());
        let name = if self.levels.is_constant(name) {
            0
        } else {
            name
        };
        self.levels.mention(name)
    }
}
