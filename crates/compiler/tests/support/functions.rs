//! Functions, calls of them, and list comprehensions.

use moor_compiler::Feature;
use moor_compiler::ast::{
    self, Ast, Comprehension, Declarator, ExprKind, Function, FunctionForm, ScatterItem, Stmt,
    StmtKind,
};

use super::level::Name;
use super::{Source, VARIABLES, statement};

impl Source<'_> {
    /// A function as an expression.
    pub(super) fn function_expression(&mut self, depth: usize) -> ExprKind {
        let function = match self.flip() {
            true => self.function(FunctionForm::Arrow, None, depth),
            false => {
                let name = self.maybe(|source| source.below(VARIABLES.len()));
                self.function(FunctionForm::Block, name, depth)
            }
        };
        ExprKind::Function(Box::new(function))
    }

    /// `fn name(..) .. endfn` as a statement.
    pub(super) fn function_statement(&mut self, depth: usize) -> StmtKind {
        let name = self.below(VARIABLES.len());
        if !self.has(Feature::Lambdas) || self.levels.is_declared_here(name) {
            return StmtKind::Return(None);
        }
        let function = Box::new(self.function(FunctionForm::Block, Some(name), depth));
        let id = self.levels.declare(name, Declarator::Let);
        StmtKind::Function { id, function }
    }

    fn function(&mut self, form: FunctionForm, name: Option<Name>, depth: usize) -> Function {
        self.levels.open_function();
        let name = name.map(|name| self.levels.declare(name, Declarator::Let));
        // A parameter may have the function's name.
        self.levels.open_block();
        let params = self.declared_items(0, Declarator::Let, depth);
        let body = match form {
            FunctionForm::Arrow => vec![statement(StmtKind::Return(Some(self.expr(depth))))],
            FunctionForm::Block => self.block(depth),
        };
        let (names, captures) = self.levels.close_function();
        Function {
            form,
            name,
            params,
            ast: Ast { names, body },
            captures,
        }
    }

    /// Targets that are declared as they are named, each once in this block.
    pub(super) fn declared_items(
        &mut self,
        least: usize,
        declarator: Declarator,
        depth: usize,
    ) -> Vec<ScatterItem> {
        let mut items = Vec::new();
        let mut has_rest = false;
        for _ in 0..least + self.below(3) {
            let name = self.declarable(declarator);
            if self.levels.is_declared_here(name) {
                continue;
            }
            let form = self.below(3);
            let default = match form {
                1 => self.maybe(|source| source.expr(depth)),
                _ => None,
            };
            let id = self.levels.declare(name, declarator);
            items.push(match form {
                1 => ScatterItem::Optional(id, default),
                2 if !has_rest => {
                    has_rest = true;
                    ScatterItem::Rest(id)
                }
                _ => ScatterItem::Required(id),
            });
        }
        items
    }

    /// A call of what is no builtin function.
    pub(super) fn application(&mut self, depth: usize) -> ExprKind {
        if self.flip() {
            return self.call_of_variable(depth);
        }
        let function = self.boxed(depth);
        match function.kind {
            // No constant may be called; of a variable more is to be known.
            ExprKind::Literal(_) | ExprKind::Var(_) => function.kind,
            _ => ExprKind::Apply {
                function,
                is_plain: false,
                args: self.args(0, depth),
            },
        }
    }

    fn call_of_variable(&mut self, depth: usize) -> ExprKind {
        let name = self.below(VARIABLES.len());
        let is_plain = match VARIABLES[name] {
            // `fn(` begins a function, and `begin(` a block where a statement may begin.
            "fn" | "begin" => self.levels.is_local(name),
            _ => {
                let may_be_plain = self.levels.is_mentioned(name) && self.flip();
                self.levels.is_declared(name) || may_be_plain
            }
        };
        let variable = ExprKind::Var(self.levels.mention(name));
        ExprKind::Apply {
            function: Box::new(super::expression(variable)),
            is_plain,
            args: self.args(0, depth),
        }
    }

    /// `{element for value, key in (container)}` and the like.
    ///
    /// The variables get their numbers behind the element that mentions them. So the element is drawn twice: once to learn the
    /// numbers, and once with them.
    pub(super) fn comprehension(&mut self, depth: usize) -> ExprKind {
        let value = self.below(VARIABLES.len());
        let key = self.below(VARIABLES.len());
        let has_key = self.flip() && key != value;
        let names = if has_key {
            vec![value, key]
        } else {
            vec![value]
        };
        let variables = names.iter().map(|name| self.levels.element_variable(*name));
        let mut variables: Vec<_> = variables.collect();
        let mut rehearsal = self.clone();
        let peak = rehearsal.levels.open_element(&variables);
        rehearsal.expr(depth);
        rehearsal.levels.close_element(peak, &mut variables);
        let peak = self.levels.open_element(&variables);
        let element = self.expr(depth);
        self.levels.close_element(peak, &mut variables);
        let mut ids = variables.iter().map(|variable| variable.id());
        ExprKind::Comprehension(Box::new(Comprehension {
            element,
            value: ids.next().expect("a variable"),
            key: ids.next(),
            source: self.comprehension_source(has_key, depth),
        }))
    }

    fn comprehension_source(&mut self, has_key: bool, depth: usize) -> ast::Source {
        match !has_key && self.flip() {
            true => ast::Source::Range(self.expr(depth), self.expr(depth)),
            false => ast::Source::In(self.expr(depth)),
        }
    }

    /// Statements of a block of its own.
    pub(super) fn block(&mut self, depth: usize) -> Vec<Stmt> {
        self.levels.open_block();
        let body = self.statements(depth);
        self.levels.close_block();
        body
    }
}
