//! Operands: literals, variables, calls of builtins, and whatever stands in brackets of its own.

use super::tree::{Args, Tree};
use super::{BY_NAME, Parse, Parser, UnknownBuiltins};
use crate::ast::{Arg, ExprKind, Literal, Pos, StepOp, UnaryOp};
use crate::error::{CompileError, ErrorKind};
use crate::lexer::token::Token;
use moor_value::ErrorName;

impl Parser<'_, '_> {
    /// An operand, without what stands before or after it.
    pub(super) fn operand(&mut self) -> Parse<Tree> {
        let pos = self.current.pos;
        match self.current.token {
            Token::Int(_) | Token::Float(_) | Token::Str(_) | Token::Obj(_) => self.literal(pos),
            Token::Err(code) => self.error(pos, ErrorName::Known(code)),
            Token::Binary(ref bytes) => {
                let bytes = bytes.clone();
                self.binary_literal(pos, bytes)
            }
            Token::Sign("'") => self.symbol(pos),
            Token::Sign("<") => {
                self.advance()?;
                self.flyweight(pos)
            }
            Token::Sign("<<") => {
                self.split("<");
                self.flyweight(pos)
            }
            Token::Id(_) if self.at_function() => self.function_expression(pos),
            Token::Id(_) => self.variable_or_call(pos),
            Token::Sign("$") => self.dollar(pos),
            Token::Sign("^") => {
                self.advance()?;
                self.index_end(pos, '^', ExprKind::First)
            }
            Token::Sign("(") => self.in_parentheses(),
            Token::Sign("{") => self.braces(pos),
            Token::Sign("[") => self.map(pos),
            Token::Sign("`") => self.catch(pos),
            _ => Err(self.unexpected("an expression")),
        }
    }

    #[inline(never)] // to keep the frames of the recursion small
    fn literal(&mut self, pos: Pos) -> Parse<Tree> {
        let literal = match self.advance()?.token {
            Token::Int(value) => Literal::Int(value),
            Token::Float(value) if value.is_finite() => Literal::Float(value),
            Token::Float(_) => {
                self.complain(pos, ErrorKind::FloatRange)?;
                Literal::Float(0.0)
            }
            Token::Str(value) => Literal::Str(value),
            Token::Obj(value) => Literal::Obj(value),
            _ => return Err(self.unexpected("a literal")),
        };
        Ok(self.leaf(pos, ExprKind::Literal(literal)))
    }

    fn braces(&mut self, pos: Pos) -> Parse<Tree> {
        match self.at_arrow_function() {
            true => self.arrow_function(pos),
            false => self.list_or_scatter(pos),
        }
    }

    fn in_parentheses(&mut self) -> Parse<Tree> {
        self.advance()?;
        let inner = self.expression()?;
        self.expect(")")?;
        Ok(inner)
    }

    /// `^` or `$`, which mean something only inside `[..]`.
    pub(super) fn index_end(&mut self, pos: Pos, sign: char, kind: ExprKind) -> Parse<Tree> {
        if self.indexings == 0 {
            self.complain(pos, ErrorKind::IllegalContext(sign))?;
        }
        Ok(self.leaf(pos, kind))
    }

    #[inline(never)] // to keep the frames of the recursion small
    fn variable_or_call(&mut self, pos: Pos) -> Parse<Tree> {
        if let Token::Id(word) = &self.current.token
            && let Some(name) = self.custom_error(word)
        {
            return self.error(pos, name);
        }
        let name = self.expect_name()?;
        if !self.at("(") {
            let variable = self.resolve(&name);
            return Ok(self.leaf(pos, ExprKind::Var(variable)));
        }
        if self.is_called_variable(&name) {
            return self.call_of_variable(pos, &name);
        }
        let mut args = self.call_args()?;
        let mut builtin = name.to_ascii_lowercase().into_boxed_str();
        if !(self.options.is_builtin)(&builtin) {
            self.unknown_builtin(pos, name, &mut args)?;
            builtin = BY_NAME.into();
        }
        let below = args.height;
        let kind = ExprKind::Call {
            builtin,
            args: args.list,
        };
        self.node(pos, below, kind)
    }

    /// Complains or warns about an unknown function, and puts its name before its arguments.
    fn unknown_builtin(&mut self, pos: Pos, name: Box<str>, args: &mut Args) -> Parse<()> {
        let kind = ErrorKind::UnknownBuiltin(name.clone());
        match self.options.unknown_builtins {
            UnknownBuiltins::Refuse => self.complain(pos, kind)?,
            UnknownBuiltins::CallByName => self.warnings.push(CompileError::new(pos, kind)),
        }
        let name = self.string(pos, name);
        args.height = args.height.max(name.height);
        args.list.insert(0, Arg::One(*name.expr));
        Ok(())
    }

    /// `-operand`; a number's sign becomes part of the number.
    pub(super) fn negation(&mut self, pos: Pos, mut operand: Tree) -> Parse<Tree> {
        match &mut operand.expr.kind {
            ExprKind::Literal(Literal::Int(value)) => *value = value.wrapping_neg(),
            ExprKind::Literal(Literal::Float(value)) => *value = -*value,
            _ => return self.unary_node(pos, UnaryOp::Negate, operand),
        }
        operand.expr.pos = pos;
        Ok(operand)
    }

    /// `++operand`; of a number, the number that is one more.
    pub(super) fn increment(&mut self, pos: Pos, mut operand: Tree) -> Parse<Tree> {
        match &mut operand.expr.kind {
            ExprKind::Literal(Literal::Int(value)) => *value = value.wrapping_add(1),
            ExprKind::Literal(Literal::Float(value)) => *value += 1.0,
            _ => return self.step(pos, StepOp::Increment, operand),
        }
        Ok(operand)
    }

    /// `--operand`; of a number, the number that is one less.
    pub(super) fn decrement(&mut self, pos: Pos, mut operand: Tree) -> Parse<Tree> {
        match &mut operand.expr.kind {
            ExprKind::Literal(Literal::Int(value)) => *value = value.wrapping_sub(1),
            ExprKind::Literal(Literal::Float(value)) => *value -= 1.0,
            _ => return self.step(pos, StepOp::Decrement, operand),
        }
        Ok(operand)
    }
}
