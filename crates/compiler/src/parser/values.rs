//! Literals of the kinds of values that came last: symbols, errors with messages, binaries, flyweights.
//!
//! In: the parser at the first token of such a literal, each of which could begin no expression before there were such
//! values. Out: its tree.

use moor_value::{ErrorName, Flyweight};

use super::tree::Tree;
use super::{Parse, Parser};
use crate::ast::{Expr, ExprKind, Literal, Pos};
use crate::error::{CompileError, ErrorKind};
use crate::features::Feature;
use crate::lexer::token::Token;
use crate::precedence::SUM;

impl Parser<'_, '_> {
    /// `'name` or `'"some text"`.
    pub(super) fn symbol(&mut self, pos: Pos) -> Parse<Tree> {
        let text = self
            .lexer
            .symbol()
            .map_err(|kind| Box::new(CompileError::new(pos, kind)))?;
        let Some(text) = text else {
            return Err(self.unexpected("an expression"));
        };
        self.advance()?;
        self.require(pos, Feature::SymbolType)?;
        Ok(self.leaf(pos, ExprKind::Literal(Literal::Sym(text))))
    }

    /// `b"base64"`.
    pub(super) fn binary_literal(&mut self, pos: Pos, bytes: Box<[u8]>) -> Parse<Tree> {
        self.advance()?;
        self.require(pos, Feature::BinaryType)?;
        Ok(self.leaf(pos, ExprKind::Literal(Literal::Binary(bytes))))
    }

    /// `E_PERM` or `E_PERM(message)`.
    pub(super) fn error(&mut self, pos: Pos, name: ErrorName) -> Parse<Tree> {
        self.advance()?;
        if !self.eat("(")? {
            let literal = match name {
                ErrorName::Known(code) => Literal::Err(code),
                ErrorName::Custom(_) => Literal::Custom(name.as_str().into()),
            };
            return Ok(self.leaf(pos, ExprKind::Literal(literal)));
        }
        let message = self.expression()?;
        self.expect(")")?;
        let below = message.height;
        let kind = ExprKind::Error {
            name,
            message: message.expr,
        };
        self.node(pos, below, kind)
    }

    /// The error of the program's own that a word names, where there are such.
    pub(super) fn custom_error(&self, word: &str) -> Option<ErrorName> {
        let may = self.options.features.has(Feature::CustomErrors);
        may.then(|| ErrorName::custom(word)).flatten()
    }

    /// `<delegate, .slot = value, {contents}>`. What stands in it binds more tightly than a comparison or a shift, so that
    /// `>` ends it. The first `<` is taken already.
    pub(super) fn flyweight(&mut self, pos: Pos) -> Parse<Tree> {
        self.require(pos, Feature::FlyweightType)?;
        let delegate = self.expression_from(SUM)?;
        let mut below = delegate.height;
        let (mut slots, mut contents) = (Vec::new(), None);
        while contents.is_none() && self.eat(",")? {
            if self.at(".") {
                let (name, value) = self.slot(&slots)?;
                below = below.max(value.height);
                slots.push((name, *value.expr));
            } else {
                let given = self.expression_from(SUM)?;
                below = below.max(given.height);
                contents = Some(given.expr);
            }
        }
        self.end_flyweight(contents.is_some())?;
        let kind = ExprKind::Flyweight {
            delegate: delegate.expr,
            slots,
            contents,
        };
        self.node(pos, below, kind)
    }

    /// `.name = value`.
    fn slot(&mut self, before: &[(Box<str>, Expr)]) -> Parse<(Box<str>, Tree)> {
        self.advance()?;
        let pos = self.current.pos;
        let name: Box<str> = match &self.current.token {
            Token::Id(name) => name.clone(),
            Token::Word(name) => (*name).into(),
            Token::Err(code) => code.name().into(),
            _ => return Err(self.unexpected("the name of a slot")),
        };
        let is_there = |slot: &(Box<str>, Expr)| slot.0.eq_ignore_ascii_case(&name);
        if before.iter().any(is_there) || !Flyweight::is_slot_name(&name) {
            self.complain(pos, ErrorKind::SlotName(name.clone()))?;
        }
        self.advance()?;
        self.expect("=")?;
        Ok((name, self.expression_from(SUM)?))
    }

    /// Takes the first character of a sign of two and leaves the second.
    pub(super) fn split(&mut self, second: &'static str) {
        self.current.token = Token::Sign(second);
        self.current.pos.column += 1;
    }

    /// `>`, of which the sign `>>` has two.
    fn end_flyweight(&mut self, has_contents: bool) -> Parse<()> {
        if self.at(">>") {
            self.split(">");
            return Ok(());
        }
        if self.eat(">")? {
            return Ok(());
        }
        Err(self.unexpected(if has_contents { "`>'" } else { "`,' or `>'" }))
    }
}
