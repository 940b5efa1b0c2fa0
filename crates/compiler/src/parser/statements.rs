//! Statements.

use super::{DEPTH_MAX, EXCEPT_ARMS_MAX, Parse, Parser, check_bytes, too_deep};
use crate::ast::{Codes, CondArm, ExceptArm, Expr, ExprKind, Pos, Stmt, StmtKind};
use crate::error::ErrorKind;
use crate::lexer::token::Token;
use crate::names::VarId;
use crate::unparse::INDENT_SPACES;

impl Parser<'_, '_> {
    /// Statements up to a keyword that ends a block, or the end of the program.
    pub(super) fn block(&mut self) -> Parse<Vec<Stmt>> {
        self.scoped(|parser| {
            let mut statements = Vec::new();
            while !parser.at_block_end() {
                statements.extend(parser.inner_statement()?);
            }
            Ok(statements)
        })
    }

    /// One statement inside those that are open.
    pub(super) fn inner_statement(&mut self) -> Parse<Option<Stmt>> {
        self.statements += 1;
        if self.statements >= DEPTH_MAX {
            return Err(too_deep(self.current.pos));
        }
        self.bytes += (self.statements - 1) * INDENT_SPACES;
        check_bytes(self.bytes, self.current.pos)?;
        self.deepest = self.deepest.max(self.statements + 1);
        let statement = self.nested(Self::statement)?;
        self.statements -= 1;
        Ok(statement)
    }

    pub(super) fn at_block_end(&self) -> bool {
        match self.current.token {
            Token::End => true,
            Token::Word(word) => matches!(
                word,
                "else"
                    | "elseif"
                    | "endif"
                    | "endfor"
                    | "endwhile"
                    | "endfork"
                    | "except"
                    | "finally"
                    | "endtry"
            ),
            _ => false,
        }
    }

    /// One statement; nothing for an empty one.
    fn statement(&mut self) -> Parse<Option<Stmt>> {
        let pos = self.current.pos;
        if self.eat(";")? {
            return Ok(None);
        }
        let kind = match self.current.token {
            Token::Word("if") => self.if_statement(),
            Token::Word("for") => self.for_statement(),
            Token::Word("while") => self.while_statement(),
            Token::Word("fork") => self.fork_statement(),
            Token::Word("try") => self.try_statement(),
            Token::Word("break") => self.exit_statement("break", StmtKind::Break),
            Token::Word("continue") => self.exit_statement("continue", StmtKind::Continue),
            Token::Word("return") => self.return_statement(),
            _ => self.worded_statement(),
        }?;
        Ok(Some(Stmt { pos, kind }))
    }

    /// A statement that no keyword begins.
    fn worded_statement(&mut self) -> Parse<StmtKind> {
        if let Some(declarator) = self.declarator() {
            return self.declaration(declarator);
        }
        if let Some(function) = self.function_statement()? {
            return Ok(function);
        }
        match self.at_begin() {
            true => self.begin_statement(),
            false => self.expression_statement(),
        }
    }

    fn if_statement(&mut self) -> Parse<StmtKind> {
        let mut arms = vec![self.cond_arm()?];
        while self.at("elseif") {
            arms.push(self.cond_arm()?);
        }
        let otherwise = if self.eat("else")? {
            self.block()?
        } else {
            Vec::new()
        };
        self.expect("endif")?;
        Ok(StmtKind::If { arms, otherwise })
    }

    /// `if (condition) body` or `elseif (condition) body`, the keyword not yet taken.
    fn cond_arm(&mut self) -> Parse<CondArm> {
        let pos = self.advance()?.pos;
        let condition = self.parenthesized()?;
        let body = self.block()?;
        Ok(CondArm {
            pos,
            condition,
            body,
        })
    }

    fn parenthesized(&mut self) -> Parse<Expr> {
        self.expect("(")?;
        let expr = *self.expression()?.expr;
        self.expect(")")?;
        Ok(expr)
    }

    fn for_statement(&mut self) -> Parse<StmtKind> {
        self.advance()?;
        let value = self.variable()?;
        let key = if self.eat(",")? {
            Some(self.variable()?)
        } else {
            None
        };
        self.expect("in")?;
        if key.is_none() && self.at("[") {
            return self.for_range(value);
        }
        if !self.at("(") {
            return Err(self.unexpected(if key.is_some() { "`('" } else { "`(' or `['" }));
        }
        let container = self.parenthesized()?;
        let body = self.loop_body(Some(value), key, "endfor")?;
        Ok(StmtKind::ForIn {
            value,
            key,
            container,
            body,
        })
    }

    fn for_range(&mut self, var: VarId) -> Parse<StmtKind> {
        self.expect("[")?;
        let from = *self.expression()?.expr;
        self.expect("..")?;
        let to = *self.expression()?.expr;
        self.expect("]")?;
        let body = self.loop_body(Some(var), None, "endfor")?;
        Ok(StmtKind::ForRange {
            var,
            from,
            to,
            body,
        })
    }

    fn while_statement(&mut self) -> Parse<StmtKind> {
        self.advance()?;
        let label = self.eat_variable()?;
        let condition = self.parenthesized()?;
        let body = self.loop_body(label, None, "endwhile")?;
        Ok(StmtKind::While {
            label,
            condition,
            body,
        })
    }

    fn loop_body(
        &mut self,
        first: Option<VarId>,
        second: Option<VarId>,
        end: &'static str,
    ) -> Parse<Vec<Stmt>> {
        self.loops.open(first, second);
        let body = self.block()?;
        self.loops.close();
        self.expect(end)?;
        Ok(body)
    }

    fn fork_statement(&mut self) -> Parse<StmtKind> {
        self.advance()?;
        let task = self.eat_variable()?;
        let delay = self.parenthesized()?;
        self.loops.open_fork();
        let body = self.block()?;
        self.loops.close();
        self.expect("endfork")?;
        Ok(StmtKind::Fork { task, delay, body })
    }

    fn try_statement(&mut self) -> Parse<StmtKind> {
        self.advance()?;
        let body = self.block()?;
        let kind = if self.eat("finally")? {
            let handler = self.block()?;
            StmtKind::TryFinally { body, handler }
        } else {
            let arms = self.except_arms()?;
            StmtKind::TryExcept { body, arms }
        };
        self.expect("endtry")?;
        Ok(kind)
    }

    fn except_arms(&mut self) -> Parse<Vec<ExceptArm>> {
        let mut arms: Vec<ExceptArm> = Vec::new();
        if !self.at("except") {
            return Err(self.unexpected("`except' or `finally'"));
        }
        while self.at("except") {
            let pos = self.advance()?.pos;
            self.check_except(pos, &arms)?;
            arms.push(self.except_arm(pos)?);
        }
        Ok(arms)
    }

    /// Complains when no further clause can follow these.
    fn check_except(&mut self, pos: Pos, before: &[ExceptArm]) -> Parse<()> {
        if before.last().is_some_and(|arm| arm.codes == Codes::Any) {
            self.complain(pos, ErrorKind::UnreachableExcept)?;
        } else if before.len() == EXCEPT_ARMS_MAX {
            self.complain(pos, ErrorKind::ExceptArms)?;
        }
        Ok(())
    }

    fn except_arm(&mut self, pos: Pos) -> Parse<ExceptArm> {
        let var = self.eat_variable()?;
        self.expect("(")?;
        let (codes, _) = self.codes()?;
        self.expect(")")?;
        let body = self.block()?;
        Ok(ExceptArm {
            pos,
            var,
            codes,
            body,
        })
    }

    /// `break` or `continue`, with or without a name.
    fn exit_statement(
        &mut self,
        word: &'static str,
        make: fn(Option<VarId>) -> StmtKind,
    ) -> Parse<StmtKind> {
        let pos = self.advance()?.pos;
        let name = self.eat_name()?;
        self.expect(";")?;
        let Some(name) = name else {
            if !self.loops.any() {
                self.complain(pos, ErrorKind::NoLoop(word))?;
            }
            return Ok(make(None));
        };
        let declared = self.scopes.find(&name);
        let id = declared.or_else(|| self.names.find(&name));
        let id = id.filter(|&id| self.loops.has(id));
        if id.is_none() {
            self.complain(pos, ErrorKind::LoopName(word, name))?;
        }
        Ok(make(id))
    }

    fn return_statement(&mut self) -> Parse<StmtKind> {
        self.advance()?;
        if self.eat(";")? {
            return Ok(StmtKind::Return(None));
        }
        let value = *self.expression()?.expr;
        self.expect(";")?;
        Ok(StmtKind::Return(Some(value)))
    }

    fn expression_statement(&mut self) -> Parse<StmtKind> {
        let expr = *self.expression()?.expr;
        if !self.eat(";")? {
            return Err(self.unexpected("`;' or an operator"));
        }
        Ok(match expr.kind {
            // Whatever parentheses were around it.
            ExprKind::Return(value) => StmtKind::Return(value.map(|value| *value)),
            _ => StmtKind::Expr(expr),
        })
    }

    fn variable(&mut self) -> Parse<VarId> {
        let (pos, name) = (self.current.pos, self.expect_name()?);
        self.resolve_assigned(pos, &name)
    }

    fn eat_variable(&mut self) -> Parse<Option<VarId>> {
        let pos = self.current.pos;
        let name = self.eat_name()?;
        name.map(|name| self.resolve_assigned(pos, &name))
            .transpose()
    }
}
