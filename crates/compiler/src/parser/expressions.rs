//! Expressions: operators by level, then what follows an operand, then operands.

use super::tree::{Args, Tree};
use super::{Parse, Parser};
use crate::ast::{Expr, ExprKind, Literal, Pos, UnaryOp};
use crate::features::Feature;
use crate::lexer::token::Token;
use crate::precedence::{ASSIGN, COND, Infix, LOGIC};
use moor_value::ObjId;

impl Parser<'_, '_> {
    /// A whole expression.
    pub(super) fn expression(&mut self) -> Parse<Tree> {
        self.expression_from(ASSIGN)
    }

    /// An expression whose operators bind at least this tightly.
    pub(super) fn expression_from(&mut self, level_min: u8) -> Parse<Tree> {
        self.nested(|parser| {
            let first = parser.unary()?;
            parser.operators(first, level_min)
        })
    }

    /// The operators after an operand, as long as they bind at least this tightly.
    fn operators(&mut self, mut left: Tree, level_min: u8) -> Parse<Tree> {
        loop {
            let Some(text) = self.current.token.text() else {
                return Ok(left);
            };
            left = match text {
                "=" if level_min <= ASSIGN => self.assignment(left)?,
                "?" if level_min <= COND => self.conditional(left)?,
                _ => match Infix::from_text(text) {
                    Some((infix, level)) if level >= level_min => self.infix(left, infix, level)?,
                    _ => return Ok(left),
                },
            };
        }
    }

    fn infix(&mut self, left: Tree, infix: Infix, level: u8) -> Parse<Tree> {
        let pos = self.advance()?.pos;
        let right = self.expression_from(if infix.is_to_the_right() {
            level
        } else {
            level + 1
        })?;
        let below = left.height.max(right.height);
        let kind = match infix {
            Infix::And => ExprKind::And(left.expr, right.expr),
            Infix::Or => ExprKind::Or(left.expr, right.expr),
            Infix::Binary(op) => ExprKind::Binary(op, left.expr, right.expr),
        };
        self.node(pos, below, kind)
    }

    /// `? consequent | alternate`. Another `?` may not follow: the operator does not associate.
    #[inline(never)] // to keep the frames of the recursion small
    fn conditional(&mut self, condition: Tree) -> Parse<Tree> {
        let pos = self.advance()?.pos;
        let consequent = self.expression()?;
        self.expect("|")?;
        let alternate = self.expression_from(LOGIC)?;
        if self.at("?") {
            return Err(self.unexpected("parentheses around one of two conditional expressions"));
        }
        let below = condition
            .height
            .max(consequent.height)
            .max(alternate.height);
        let kind = ExprKind::Cond {
            condition: condition.expr,
            consequent: consequent.expr,
            alternate: alternate.expr,
        };
        self.node(pos, below, kind)
    }

    /// An operand with what stands before and after it.
    fn unary(&mut self) -> Parse<Tree> {
        let pos = self.current.pos;
        match self.current.token {
            Token::Sign("-") => self.prefixed(|parser, operand| parser.negation(pos, operand)),
            Token::Sign("!") => {
                self.prefixed(|parser, operand| parser.unary_node(pos, UnaryOp::Not, operand))
            }
            Token::Sign("~") => self
                .prefixed(|parser, operand| parser.unary_node(pos, UnaryOp::Complement, operand)),
            Token::Sign("++") => self.prefixed(|parser, operand| parser.increment(pos, operand)),
            Token::Word("return") => self.return_expression(pos),
            Token::Sign("--") => self.prefixed(|parser, operand| parser.decrement(pos, operand)),
            _ => {
                let operand = self.operand()?;
                self.postfixes(operand)
            }
        }
    }

    /// `return` with what stands behind it, as far as it goes.
    fn return_expression(&mut self, pos: Pos) -> Parse<Tree> {
        self.require(pos, Feature::ReturnExpressions)?;
        self.advance()?;
        if self.at_expression_end() {
            return Ok(self.leaf(pos, ExprKind::Return(None)));
        }
        let value = self.expression()?;
        self.node(pos, value.height, ExprKind::Return(Some(value.expr)))
    }

    /// Whether the current token can only stand behind an expression.
    fn at_expression_end(&self) -> bool {
        const ENDS: [&str; 9] = [";", ")", "]", "}", ",", "|", "'", "=>", ".."];
        let text = self.current.token.text();
        if text == Some("'") && self.lexer.is_at_symbol_name() {
            return false;
        }
        self.current.token == Token::End || text.is_some_and(|text| ENDS.contains(&text))
    }

    /// The operand of the operator that is the current token, and what the operator makes of it.
    fn prefixed(&mut self, make: impl FnOnce(&mut Self, Tree) -> Parse<Tree>) -> Parse<Tree> {
        self.advance()?;
        let operand = self.nested(Self::unary)?;
        make(self, operand)
    }

    pub(super) fn unary_node(&mut self, pos: Pos, op: UnaryOp, operand: Tree) -> Parse<Tree> {
        let below = operand.height;
        self.node(pos, below, ExprKind::Unary(op, operand.expr))
    }

    /// `.name`, `:verb(..)`, `[..]` after an operand, as many as there are.
    fn postfixes(&mut self, mut base: Tree) -> Parse<Tree> {
        loop {
            let pos = self.current.pos;
            base = match self.current.token {
                Token::Sign(".") => self.property(pos, base)?,
                Token::Sign(":") => self.verb_call(pos, base)?,
                Token::Sign("[") => self.indexing(pos, base)?,
                Token::Sign("(") if is_callable(&base.expr) => self.call_of(pos, base)?,
                _ => return Ok(base),
            };
        }
    }

    fn property(&mut self, pos: Pos, object: Tree) -> Parse<Tree> {
        self.advance()?;
        let name_pos = self.current.pos;
        let name = if self.eat(":")? {
            let name = format!(":{}", self.expect_name()?);
            self.string(name_pos, name.into())
        } else {
            self.computed_name("a property name or `('")?
        };
        self.property_node(pos, object, name)
    }

    fn property_node(&mut self, pos: Pos, object: Tree, name: Tree) -> Parse<Tree> {
        let below = object.height.max(name.height);
        let kind = ExprKind::Prop {
            object: object.expr,
            name: name.expr,
        };
        self.node(pos, below, kind)
    }

    fn verb_call(&mut self, pos: Pos, object: Tree) -> Parse<Tree> {
        self.advance()?;
        let verb = self.computed_name("a verb name or `('")?;
        self.verb_node(pos, object, verb)
    }

    /// The arguments of a verb call, and the call.
    #[inline(never)] // to keep the frames of the recursion small
    fn verb_node(&mut self, pos: Pos, object: Tree, verb: Tree) -> Parse<Tree> {
        let Args { list: args, height } = self.call_args()?;
        let below = height.max(object.height).max(verb.height);
        let kind = ExprKind::Verb {
            object: object.expr,
            verb: verb.expr,
            args,
        };
        self.node(pos, below, kind)
    }

    /// A name, or an expression in parentheses that computes one.
    fn computed_name(&mut self, expected: &'static str) -> Parse<Tree> {
        let pos = self.current.pos;
        if let Some(name) = self.eat_name()? {
            return Ok(self.string(pos, name));
        }
        if !self.eat("(")? {
            return Err(self.unexpected(expected));
        }
        let name = self.expression()?;
        self.expect(")")?;
        Ok(name)
    }

    pub(super) fn string(&self, pos: Pos, text: Box<str>) -> Tree {
        self.leaf(pos, ExprKind::Literal(Literal::Str(text)))
    }

    #[inline(never)] // to keep the frames of the recursion small
    fn indexing(&mut self, pos: Pos, base: Tree) -> Parse<Tree> {
        self.advance()?;
        self.indexings += 1;
        let from = self.expression()?;
        let to = if self.eat("..")? {
            Some(self.expression()?)
        } else {
            None
        };
        self.indexings -= 1;
        if !self.at("]") {
            return Err(self.unexpected(if to.is_none() { "`]' or `..'" } else { "`]'" }));
        }
        self.advance()?;
        let below = base
            .height
            .max(from.height)
            .max(to.as_ref().map_or(0, |to| to.height));
        let (base, from) = (base.expr, from.expr);
        let kind = match to {
            Some(to) => ExprKind::Range {
                base,
                from,
                to: to.expr,
            },
            None => ExprKind::Index { base, index: from },
        };
        self.node(pos, below, kind)
    }

    /// `$name`, `$name(args)`, or a bare `$`.
    pub(super) fn dollar(&mut self, pos: Pos) -> Parse<Tree> {
        self.advance()?;
        let name_pos = self.current.pos;
        let Some(name) = self.eat_name()? else {
            return self.index_end(pos, '$', ExprKind::Last);
        };
        let system = self.leaf(pos, ExprKind::Literal(Literal::Obj(ObjId::SYSTEM)));
        let name = self.string(name_pos, name);
        if self.at("(") {
            self.verb_node(pos, system, name)
        } else {
            self.property_node(pos, system, name)
        }
    }
}

/// Whether parentheses behind the expression may call what it is: behind a constant they are a mistake.
fn is_callable(expr: &Expr) -> bool {
    !matches!(expr.kind, ExprKind::Literal(_))
}
