//! Functions: each a program of its own, made where it stands; and calls of what is no builtin.

use std::sync::Arc;

use moor_bytecode::{FunctionCode, Instruction as I, Program};
use moor_value::Str;

use super::usage::Usage;
use super::{Codegen, FindBuiltin, Home, take_if};
use crate::ast::{Arg, Expr, ExprKind, Function, Pos, ScatterItem};
use crate::error::CompileErrors;
use crate::names::{Predefined, VarId};
use crate::unparse::unparse_function;

/// A function's program, and the variables around it that it captures, in the order of the program's own.
pub(super) struct Compiled {
    pub(super) program: Program,
    outer: Vec<VarId>,
}

/// Compiles a function that begins at this place. `is_variable` says which of the names around it are no constants there.
pub(super) fn compile(
    function: &Function,
    builtins: &FindBuiltin<'_>,
    pos: Pos,
    is_variable: &dyn Fn(VarId) -> bool,
) -> Result<Compiled, CompileErrors> {
    let mut usage = Usage::of(&function.ast);
    let captures = function.captures.iter();
    let variables = captures.filter(|capture| is_variable(capture.outer));
    usage
        .assigned
        .extend(variables.map(|capture| capture.inner));
    let mut codegen = Codegen::new(&function.ast, builtins, usage);
    codegen.at(pos);
    let outer = codegen.begin_captures(function);
    codegen.prologue();
    codegen.parameters(&function.params);
    codegen.body(&function.ast.body);
    let program = codegen.finish()?;
    Ok(Compiled { program, outer })
}

impl<'a> Codegen<'a> {
    /// Says where what was captured, and the function itself, are to be found. Answers the variables around it.
    fn begin_captures(&mut self, function: &Function) -> Vec<VarId> {
        let mut outer = Vec::new();
        for capture in &function.captures {
            // Others are constants here too.
            if let Home::Register(register) = self.home(capture.inner) {
                let name = Str::new(self.ast.names.spelling(capture.inner));
                self.table.captures.push((name, register));
                outer.push(capture.outer);
            }
        }
        if let Some(name) = function.name {
            self.table.own = Some(self.register(name));
            self.begin_visibility(name);
        }
        outer
    }

    /// Takes the parameters from the arguments.
    fn parameters(&mut self, params: &'a [ScatterItem]) {
        let pattern = self.pattern(params.len());
        let args = self.ast.names.find(Predefined::Args.name());
        match args.map(|args| self.home(args)) {
            Some(Home::Register(src)) => self.emit(I::Scatter { src, pattern }),
            home => {
                // Nobody else wants them.
                let flags = take_if(home.is_none());
                self.emit(I::ScatterArgs { flags, pattern });
            }
        }
        self.scatter_targets(pattern, params);
        let ids = params.iter().map(ScatterItem::variable);
        ids.for_each(|id| self.begin_visibility(id));
    }

    /// A function into `dst`.
    pub(super) fn function(&mut self, function: &'a Function, dst: u16) {
        let is_variable = |id| matches!(self.home(id), Home::Register(_));
        let compiled = match compile(function, self.builtins, self.pos, &is_variable) {
            Ok(compiled) => compiled,
            Err(errors) => {
                let first = errors.iter().next().cloned();
                self.error = self.error.take().or(first);
                return;
            }
        };
        let outer = compiled.outer.into_iter();
        let captures = outer.map(|id| self.captured_register(id)).collect();
        let Ok(which) = u16::try_from(self.table.functions.len()) else {
            self.too_large("functions");
            return;
        };
        self.table.functions.push(FunctionCode {
            source: Str::new(&unparse_function(function)),
            line: self.pos.line,
            program: Arc::new(compiled.program),
            captures,
        });
        self.emit(I::MakeFunction { dst, which });
    }

    /// A register that holds the variable's value.
    fn captured_register(&mut self, id: VarId) -> u16 {
        match self.home(id) {
            Home::Register(register) => register,
            home => {
                let dst = self.temp();
                match home.constant() {
                    Some(value) => self.load(dst, &value),
                    None => self.emit(I::LoadArgs { dst }),
                }
                dst
            }
        }
    }

    /// `function(args)` into `dst`.
    pub(super) fn apply(&mut self, function: &'a Expr, args: &'a [Arg], dst: u16) {
        let base = self.temp();
        self.expr_to(function, base);
        match self.plain_args(args, None) {
            Some(argc) => self.emit(I::CallFunction { argc, dst, base }),
            None => {
                let list = self.temp();
                self.list(args, list);
                self.emit(I::CallFunctionSpread { dst, base });
            }
        }
    }
}

/// The variables around it that an expression captures, where it is a function.
pub(super) fn captured(expr: &Expr) -> impl Iterator<Item = VarId> + '_ {
    let captures = match &expr.kind {
        ExprKind::Function(function) => &function.captures[..],
        _ => &[],
    };
    captures.iter().map(|capture| capture.outer)
}
