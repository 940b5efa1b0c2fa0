//! Expressions under construction: each with its height, so that no tree grows beyond the limit.

use super::{DEPTH_MAX, Parse, Parser, too_deep};
use crate::ast::{Arg, Expr, ExprKind, Pos};

/// An expression and the number of nodes on its longest path to a leaf.
pub(super) struct Tree {
    pub(super) expr: Box<Expr>,
    pub(super) height: usize,
}

/// Arguments and the height of the highest.
#[derive(Default)]
pub(super) struct Args {
    pub(super) list: Vec<Arg>,
    pub(super) height: usize,
}

impl Args {
    pub(super) fn push(&mut self, wrap: fn(Expr) -> Arg, tree: Tree) {
        self.height = self.height.max(tree.height);
        self.list.push(wrap(*tree.expr));
    }
}

impl Parser<'_, '_> {
    /// An expression without parts.
    pub(super) fn leaf(&self, pos: Pos, kind: ExprKind) -> Tree {
        let expr = Box::new(Expr { pos, kind });
        Tree { expr, height: 1 }
    }

    /// An expression above parts of which the highest has this height.
    ///
    /// # Errors
    /// `TooDeep` when the tree, together with the statements around it, is too high.
    pub(super) fn node(&mut self, pos: Pos, below: usize, kind: ExprKind) -> Parse<Tree> {
        let height = below + 1;
        if height + self.statements > DEPTH_MAX {
            return Err(too_deep(pos));
        }
        self.deepest = self.deepest.max(height + self.statements);
        let expr = Box::new(Expr { pos, kind });
        Ok(Tree { expr, height })
    }
}
