//! Functions: `{a, ?b = 1, @rest} => expr`, `fn (a) .. endfn`, `fn name(a) .. endfn`; and calls of what is no builtin.
//!
//! A function is a program of its own with its own variables. What it mentions and does not declare, it captures: the variable
//! of that name around it, as it is when the function is made. `this`, `args` and their like are its own.

use super::loops::Loops;
use super::scopes::Scopes;
use super::tree::{Args, Tree};
use super::{Parse, Parser, UnknownBuiltins};
use crate::ast::{
    Ast, Capture, Declarator, ExprKind, Function, FunctionForm, Pos, ScatterItem, Stmt, StmtKind,
};
use crate::error::{CompileError, ErrorKind};
use crate::features::Feature;
use crate::lexer::token::Token;
use crate::names::{Names, VarId};

/// How many functions may stand within one another.
pub const FUNCTION_DEPTH_MAX: usize = 32;

/// The word that begins a function of statements.
pub(crate) const FN: &str = "fn";
/// The word that ends it.
const ENDFN: &str = "endfn";

/// What is set aside of a program while a function in it is read.
pub(super) struct Outer {
    names: Names,
    scopes: Scopes,
    loops: Loops,
    indexings: usize,
    codes_at: Option<usize>,
}

impl Parser<'_, '_> {
    /// Whether the `{..}` that begins here is the head of a function: `=>` follows it.
    #[inline(never)] // to keep the frames of the recursion small
    pub(super) fn at_arrow_function(&mut self) -> bool {
        if self.codes_at == Some(self.brackets) {
            // `! @{E_PERM} => default'`. In brackets there is no such doubt.
            return false;
        }
        match self.lexer.peek_next().token {
            Token::Id(_) | Token::Sign("?" | "@" | "}") => self.has_arrow(),
            _ => false,
        }
    }

    /// Looks for the `}` and what follows it; what stands in between is looked at once, however many `{` are in it.
    fn has_arrow(&mut self) -> bool {
        let begin = self.lexer.rest_bytes();
        if let Some(is_arrow) = self.arrows.get(&begin) {
            return *is_arrow;
        }
        let mut ahead = self.lexer.ahead();
        let mut open = vec![begin];
        while let Ok(next) = ahead.next() {
            match next.token {
                Token::Sign("{") => open.push(ahead.rest_bytes()),
                Token::Sign("}") => {
                    let is_arrow = ahead.peek_next().token == Token::Sign("=>");
                    open.pop().map(|begin| self.arrows.insert(begin, is_arrow));
                }
                Token::End => break,
                _ => {}
            }
            if open.is_empty() {
                break;
            }
        }
        for unclosed in open {
            self.arrows.insert(unclosed, false);
        }
        self.arrows.get(&begin).copied().unwrap_or(false)
    }

    /// `{params} => expr`.
    #[inline(never)] // to keep the frames of the recursion small
    pub(super) fn arrow_function(&mut self, pos: Pos) -> Parse<Tree> {
        self.require(pos, Feature::Lambdas)?;
        self.advance()?;
        let (function, height) = self.in_function(pos, |parser| {
            let params = parser.params("}")?;
            parser.expect("=>")?;
            let pos = parser.current.pos;
            let value = *parser.expression()?.expr;
            let kind = StmtKind::Return(Some(value));
            Ok(Parts {
                form: FunctionForm::Arrow,
                name: None,
                params,
                body: vec![Stmt { pos, kind }],
            })
        })?;
        self.node(pos, height, ExprKind::Function(Box::new(function)))
    }

    /// Whether a function of statements begins here: `fn (` or `fn name (`.
    #[inline(never)] // to keep the frames of the recursion small
    pub(super) fn at_function(&self) -> bool {
        if !self.at_id(FN) {
            return false;
        }
        let mut ahead = self.lexer.ahead();
        let mut is_next =
            |token: fn(&Token) -> bool| ahead.next().is_ok_and(|next| token(&next.token));
        let is_call = self.options.unknown_builtins == UnknownBuiltins::CallByName
            && !self.options.features.has(Feature::Lambdas);
        match self.lexer.peek_next().token {
            Token::Sign("(") => !is_call && !(self.options.is_builtin)(FN),
            Token::Id(_) => is_next(|_| true) && is_next(|token| *token == Token::Sign("(")),
            _ => false,
        }
    }

    /// `fn (params) body endfn`, with or without a name.
    #[inline(never)] // to keep the frames of the recursion small
    pub(super) fn function_expression(&mut self, pos: Pos) -> Parse<Tree> {
        let (function, height) = self.function(pos)?;
        self.node(pos, height, ExprKind::Function(Box::new(function)))
    }

    /// `fn name(params) body endfn` as a statement, which declares the name; nothing where it is an expression.
    #[inline(never)] // to keep the frames of the recursion small
    pub(super) fn function_statement(&mut self) -> Parse<Option<StmtKind>> {
        let Token::Id(name) = self.lexer.peek_next().token else {
            return Ok(None);
        };
        if !self.at_function() {
            return Ok(None);
        }
        let pos = self.current.pos;
        let (function, _) = self.function(pos)?;
        let id = self.declare(pos, &name, Declarator::Let)?;
        let function = Box::new(function);
        Ok(Some(StmtKind::Function { id, function }))
    }

    fn function(&mut self, pos: Pos) -> Parse<(Function, usize)> {
        self.require(pos, Feature::Lambdas)?;
        self.advance()?;
        let name_pos = self.current.pos;
        let name = self.eat_name()?;
        self.expect("(")?;
        self.in_function(pos, |parser| {
            let own = name.as_deref();
            let own = own.map(|name| parser.declare(name_pos, name, Declarator::Let));
            let name = own.transpose()?;
            // A parameter may have the function's name.
            parser.scopes.open();
            let params = parser.params(")")?;
            let body = parser.block_until(ENDFN)?;
            parser.scopes.close();
            Ok(Parts {
                form: FunctionForm::Block,
                name,
                params,
                body,
            })
        })
    }

    /// Parameters and the sign that ends them.
    fn params(&mut self, end: &'static str) -> Parse<Vec<ScatterItem>> {
        let pos = self.current.pos;
        let mut params = Vec::new();
        while !self.at(end) {
            params.push(self.declared_item(Declarator::Let)?);
            if !self.eat(",")? {
                break;
            }
        }
        self.expect(end)?;
        self.check_scatter(pos, &params)?;
        Ok(params)
    }

    /// Parses a function as a program of its own; answers its height too.
    fn in_function(
        &mut self,
        pos: Pos,
        parse: impl FnOnce(&mut Self) -> Parse<Parts>,
    ) -> Parse<(Function, usize)> {
        if self.outer.len() == FUNCTION_DEPTH_MAX {
            let what = "functions within functions";
            let max = FUNCTION_DEPTH_MAX;
            return Err(Box::new(CompileError::new(
                pos,
                ErrorKind::TooLarge { what, max },
            )));
        }
        let names = Names::new(self.options.version);
        self.outer.push(Outer {
            names: std::mem::replace(&mut self.names, names),
            scopes: std::mem::take(&mut self.scopes),
            loops: std::mem::take(&mut self.loops),
            indexings: std::mem::take(&mut self.indexings),
            codes_at: self.codes_at.take(),
        });
        let around = std::mem::replace(&mut self.deepest, self.statements);
        let parts = self.scoped(parse)?;
        let height = self.deepest - self.statements + 1;
        self.deepest = around.max(self.deepest);
        let names = self.leave_function();
        let captures = self.captures(&names);
        let function = Function {
            form: parts.form,
            name: parts.name,
            params: parts.params,
            ast: Ast {
                names,
                body: parts.body,
            },
            captures,
        };
        Ok((function, height))
    }

    /// Goes back to the program around; answers the variables of the function.
    fn leave_function(&mut self) -> Names {
        let Some(outer) = self.outer.pop() else {
            return Names::default();
        };
        self.scopes = outer.scopes;
        self.loops = outer.loops;
        self.indexings = outer.indexings;
        self.codes_at = outer.codes_at;
        std::mem::replace(&mut self.names, outer.names)
    }

    /// What a function with these variables captures from here.
    fn captures(&mut self, names: &Names) -> Vec<Capture> {
        let free = names.iter().filter(|(id, _)| names.is_free(*id));
        free.map(|(inner, name)| Capture {
            inner,
            outer: self.resolve(name),
        })
        .collect()
    }

    /// Whether a program or function around the present one declares the name, and if so whether as a constant.
    pub(super) fn declared_outside(&self, name: &str) -> Option<bool> {
        let mut outer = self.outer.iter().rev();
        outer.find_map(|outer| {
            let id = outer.scopes.find(name)?;
            Some(outer.names.is_constant(id))
        })
    }

    /// Whether `name(..)` calls what the variable of that name holds: it is declared, or there is no such builtin function and
    /// the program has mentioned the variable.
    #[inline(never)] // to keep the frames of the recursion small
    pub(super) fn is_called_variable(&self, name: &str) -> bool {
        if !self.options.features.has(Feature::Lambdas) {
            return false;
        }
        if self.scopes.find(name).is_some() || self.declared_outside(name).is_some() {
            return true;
        }
        let is_mentioned = || {
            let mut outer = self.outer.iter();
            self.names.find(name).is_some() || outer.any(|outer| outer.names.find(name).is_some())
        };
        !self.is_builtin(name) && is_mentioned()
    }

    fn is_builtin(&self, name: &str) -> bool {
        (self.options.is_builtin)(&name.to_ascii_lowercase())
    }

    /// `(args)` behind a variable.
    #[inline(never)] // to keep the frames of the recursion small
    pub(super) fn call_of_variable(&mut self, pos: Pos, name: &str) -> Parse<Tree> {
        let id = self.resolve(name);
        let variable = self.leaf(pos, ExprKind::Var(id));
        self.applied(pos, variable, true)
    }

    /// `(args)` behind any value.
    #[inline(never)] // to keep the frames of the recursion small
    pub(super) fn call_of(&mut self, pos: Pos, function: Tree) -> Parse<Tree> {
        self.require(pos, Feature::Lambdas)?;
        let is_plain = match function.expr.kind {
            ExprKind::Var(id) => self.is_declared(id),
            _ => false,
        };
        self.applied(pos, function, is_plain)
    }

    fn applied(&mut self, pos: Pos, function: Tree, is_plain: bool) -> Parse<Tree> {
        let Args { list: args, height } = self.call_args()?;
        let below = function.height.max(height);
        let kind = ExprKind::Apply {
            function: function.expr,
            is_plain,
            args,
        };
        self.node(pos, below, kind)
    }

    fn is_declared(&self, id: VarId) -> bool {
        let outside = || self.declared_outside(self.names.spelling(id));
        self.names.slot(id).is_some() || outside().is_some()
    }
}

/// What stands in a function.
struct Parts {
    form: FunctionForm,
    name: Option<VarId>,
    params: Vec<ScatterItem>,
    body: Vec<Stmt>,
}
