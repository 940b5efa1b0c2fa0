//! What is made of several expressions: argument lists, lists, maps, error codes, the catch expression.

use super::tree::{Args, Tree};
use super::{Parse, Parser};
use crate::ast::{Arg, Codes, ExprKind, Pos};

impl Parser<'_, '_> {
    /// `(args)`.
    pub(super) fn call_args(&mut self) -> Parse<Args> {
        self.expect("(")?;
        let mut args = Args::default();
        if !self.at(")") {
            // The frames of a call are so large that it counts twice.
            self.nested(|parser| parser.args(&mut args))?;
        }
        if !self.eat(")")? {
            return Err(self.unexpected("`)', `,' or an operator"));
        }
        Ok(args)
    }

    /// One argument or more, with commas between them.
    fn args(&mut self, args: &mut Args) -> Parse<()> {
        self.arg(args)?;
        while self.eat(",")? {
            self.arg(args)?;
        }
        Ok(())
    }

    /// `expr` or `@expr`.
    pub(super) fn arg(&mut self, args: &mut Args) -> Parse<()> {
        let wrap = if self.eat("@")? {
            Arg::Splice
        } else {
            Arg::One
        };
        args.push(wrap, self.expression()?);
        Ok(())
    }

    /// `ANY` or a list of codes, and its height.
    pub(super) fn codes(&mut self) -> Parse<(Codes, usize)> {
        if self.eat("any")? {
            return Ok((Codes::Any, 0));
        }
        let mut codes = Args::default();
        let around = self.codes_at.replace(self.brackets);
        self.args(&mut codes)?;
        self.codes_at = around;
        Ok((Codes::List(codes.list), codes.height))
    }

    /// `[key -> value, ..]`, which may be empty.
    pub(super) fn map(&mut self, pos: Pos) -> Parse<Tree> {
        self.advance()?;
        let mut pairs = Vec::new();
        let mut below = 0;
        if !self.at("]") {
            loop {
                let key = self.expression()?;
                self.expect("->")?;
                let value = self.expression()?;
                below = below.max(key.height).max(value.height);
                pairs.push((*key.expr, *value.expr));
                if !self.eat(",")? {
                    break;
                }
            }
        }
        self.expect("]")?;
        self.node(pos, below, ExprKind::Map(pairs))
    }

    /// `` `body ! codes => default' ``.
    pub(super) fn catch(&mut self, pos: Pos) -> Parse<Tree> {
        self.advance()?;
        let around = self.codes_at.take();
        let body = self.expression()?;
        self.expect("!")?;
        let (codes, codes_height) = self.codes()?;
        let default = if self.eat("=>")? {
            Some(self.expression()?)
        } else {
            None
        };
        self.expect("'")?;
        self.codes_at = around;
        let default_height = default.as_ref().map_or(0, |default| default.height);
        let below = body.height.max(codes_height).max(default_height);
        let kind = ExprKind::Catch {
            body: body.expr,
            codes,
            default: default.map(|default| default.expr),
        };
        self.node(pos, below, kind)
    }
}
