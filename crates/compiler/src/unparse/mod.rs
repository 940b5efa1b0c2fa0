//! Syntax tree to canonical source: the text that LambdaMOO and ToastStunt print for a program.
//!
//! In comes a tree, out come lines without line ends. Whatever the programmer's layout was, the lines are
//! LambdaMOO's: one statement a line, fixed spaces, the fewest parentheses (or all of them, as in textdumps).
//! What is printed parses to the same tree again. Where ToastStunt prints something that does not, this prints
//! what does: see `expressions`.

mod expressions;

use expressions::shows_arrow;

use crate::ast::{Ast, Codes, CondArm, ExceptArm, Expr, Function, Stmt, StmtKind};
use crate::names::{Names, VarId};

/// How a program is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Put every operand that has an operator into parentheses.
    pub fully_parenthesized: bool,
    /// Indent the statements within a statement.
    pub indented: bool,
}

impl Layout {
    /// What `verb_code()` prints by default, and what is stored.
    pub const CANONICAL: Self = Self {
        fully_parenthesized: false,
        indented: true,
    };
    /// How textdumps hold programs.
    pub const TEXTDUMP: Self = Self {
        fully_parenthesized: true,
        indented: false,
    };
    /// Every one that there is.
    pub const ALL: [Self; 4] = [
        Self::CANONICAL,
        Self::TEXTDUMP,
        Self {
            fully_parenthesized: true,
            indented: true,
        },
        Self {
            fully_parenthesized: false,
            indented: false,
        },
    ];
}

/// The spaces by which each level of statements is indented.
pub(crate) const INDENT_SPACES: usize = 2;

/// The lines of a program.
pub fn unparse(ast: &Ast, layout: Layout) -> Vec<String> {
    unparse_body(&ast.names, &ast.body, layout)
}

/// The source of a function alone.
pub(crate) fn unparse_function(function: &Function) -> String {
    let mut printer = Printer::new(&function.ast.names, Layout::CANONICAL);
    printer.function(function);
    printer.end_line();
    printer.lines.join("\n")
}

/// The lines of some statements of the program that has these names.
pub(crate) fn unparse_body(names: &Names, body: &[Stmt], layout: Layout) -> Vec<String> {
    let mut printer = Printer::new(names, layout);
    printer.block(body);
    printer.lines
}

struct Printer<'a> {
    names: &'a Names,
    layout: Layout,
    /// How many statements are around.
    level: usize,
    /// The word that ends the innermost block, where it is a word there only.
    ends_by_word: Option<&'static str>,
    /// Where in the line a statement begins that is an expression.
    statement_at: Option<usize>,
    /// What is printed of the current line.
    line: String,
    lines: Vec<String>,
}

impl<'a> Printer<'a> {
    fn new(names: &'a Names, layout: Layout) -> Self {
        Self {
            names,
            layout,
            level: 0,
            ends_by_word: None,
            statement_at: None,
            line: String::new(),
            lines: Vec::new(),
        }
    }
}

impl Printer<'_> {
    fn block(&mut self, body: &[Stmt]) {
        for statement in body {
            self.statement(&statement.kind);
        }
    }

    fn inner_block(&mut self, body: &[Stmt]) {
        self.worded_block(body, None);
    }

    /// A block that ends with a word which is one only there.
    fn worded_block(&mut self, body: &[Stmt], end: Option<&'static str>) {
        let around = std::mem::replace(&mut self.ends_by_word, end);
        self.level += 1;
        self.block(body);
        self.level -= 1;
        self.ends_by_word = around;
    }

    /// A line made of fixed text.
    fn fixed_line(&mut self, text: &str) {
        self.begin_line(text);
        self.end_line();
    }

    fn begin_line(&mut self, text: &str) {
        if self.layout.indented {
            let spaces = self.level * INDENT_SPACES;
            self.line.extend(std::iter::repeat_n(' ', spaces));
        }
        self.line.push_str(text);
    }

    fn end_line(&mut self) {
        self.lines.push(std::mem::take(&mut self.line));
    }

    fn statement(&mut self, kind: &StmtKind) {
        match kind {
            StmtKind::If { arms, otherwise } => self.conditional_statement(arms, otherwise),
            StmtKind::ForIn {
                value,
                key,
                container,
                body,
            } => {
                self.for_head(*value, *key);
                self.parenthesized_line(container);
                self.body_and_end(body, "endfor");
            }
            StmtKind::ForRange {
                var,
                from,
                to,
                body,
            } => {
                self.for_head(*var, None);
                self.range_line(from, to);
                self.body_and_end(body, "endfor");
            }
            StmtKind::While {
                label,
                condition,
                body,
            } => {
                self.named_head("while ", *label);
                self.parenthesized_line(condition);
                self.body_and_end(body, "endwhile");
            }
            StmtKind::Fork { task, delay, body } => {
                self.named_head("fork ", *task);
                self.parenthesized_line(delay);
                self.body_and_end(body, "endfork");
            }
            StmtKind::TryExcept { body, arms } => self.try_except(body, arms),
            StmtKind::TryFinally { body, handler } => {
                self.fixed_line("try");
                self.inner_block(body);
                self.fixed_line("finally");
                self.body_and_end(handler, "endtry");
            }
            StmtKind::Break(name) => self.exit("break", *name),
            StmtKind::Continue(name) => self.exit("continue", *name),
            StmtKind::Return(value) => self.simple_line("return", value.as_ref()),
            StmtKind::Expr(expr) => self.expression_line(expr),
            StmtKind::Declare { .. } | StmtKind::DeclareScatter { .. } => self.declaration(kind),
            StmtKind::Function { function, .. } => {
                self.begin_line("");
                self.function(function);
                self.end_line();
            }
            StmtKind::Begin(body) => {
                self.fixed_line("begin");
                self.worded_block(body, Some("end"));
                self.fixed_line("end");
            }
        }
    }

    /// `let`, `const` or `global` with what it declares.
    fn declaration(&mut self, kind: &StmtKind) {
        match kind {
            StmtKind::Declare {
                declarator,
                id,
                value,
            } => {
                self.begin_line(declarator.word());
                self.line.push(' ');
                self.name(*id);
                if let Some(value) = value {
                    self.line.push_str(" = ");
                    self.expr(value);
                }
            }
            StmtKind::DeclareScatter {
                declarator,
                items,
                value,
            } => {
                self.begin_line(declarator.word());
                self.line.push(' ');
                self.scatter(items, value);
            }
            _ => unreachable!("only declarations are printed here"),
        }
        self.line.push(';');
        self.end_line();
    }

    /// `expr;`.
    fn expression_line(&mut self, expr: &Expr) {
        self.begin_line("");
        self.statement_at = Some(self.line.len());
        self.expr(expr);
        self.statement_at = None;
        self.line.push(';');
        self.end_line();
    }

    fn conditional_statement(&mut self, arms: &[CondArm], otherwise: &[Stmt]) {
        for (index, arm) in arms.iter().enumerate() {
            self.begin_line(if index == 0 { "if " } else { "elseif " });
            self.parenthesized_line(&arm.condition);
            self.inner_block(&arm.body);
        }
        if !otherwise.is_empty() {
            self.fixed_line("else");
            self.inner_block(otherwise);
        }
        self.fixed_line("endif");
    }

    fn try_except(&mut self, body: &[Stmt], arms: &[ExceptArm]) {
        self.fixed_line("try");
        self.inner_block(body);
        for arm in arms {
            self.named_head("except ", arm.var);
            self.line.push('(');
            self.codes(&arm.codes);
            self.line.push(')');
            self.end_line();
            self.inner_block(&arm.body);
        }
        self.fixed_line("endtry");
    }

    /// `while `, `fork ` or `except ` with a name, if there is one.
    fn named_head(&mut self, word: &str, name: Option<VarId>) {
        self.begin_line(word);
        if let Some(name) = name {
            self.name(name);
            self.line.push(' ');
        }
    }

    fn for_head(&mut self, first: VarId, second: Option<VarId>) {
        self.begin_line("for ");
        self.name(first);
        if let Some(second) = second {
            self.line.push_str(", ");
            self.name(second);
        }
        self.line.push_str(" in ");
    }

    /// The rest of a line: `(expr)`.
    fn parenthesized_line(&mut self, expr: &Expr) {
        self.line.push('(');
        self.expr(expr);
        self.line.push(')');
        self.end_line();
    }

    /// The rest of a line: `[from..to]`.
    fn range_line(&mut self, from: &Expr, to: &Expr) {
        self.line.push('[');
        self.expr(from);
        self.line.push_str("..");
        self.expr(to);
        self.line.push(']');
        self.end_line();
    }

    fn body_and_end(&mut self, body: &[Stmt], end: &str) {
        self.inner_block(body);
        self.fixed_line(end);
    }

    fn exit(&mut self, word: &str, name: Option<VarId>) {
        self.begin_line(word);
        if let Some(name) = name {
            self.line.push(' ');
            self.name(name);
        }
        self.line.push(';');
        self.end_line();
    }

    /// A keyword and an expression, either of which may be missing.
    fn simple_line(&mut self, word: &str, expr: Option<&Expr>) {
        self.begin_line(word);
        if let Some(expr) = expr {
            self.line.push_str(if word.is_empty() { "" } else { " " });
            self.expr(expr);
        }
        self.line.push(';');
        self.end_line();
    }

    /// A variable's name; in parentheses where it would be the word that ends the block.
    fn name(&mut self, id: VarId) {
        let name = self.names.spelling(id);
        let is_end = |end: &str| name.eq_ignore_ascii_case(end);
        if self.statement_at == Some(self.line.len()) && self.ends_by_word.is_some_and(is_end) {
            self.line.push('(');
            self.line.push_str(name);
            self.line.push(')');
        } else {
            self.line.push_str(name);
        }
    }

    fn codes(&mut self, codes: &Codes) {
        match codes {
            Codes::Any => self.line.push_str("ANY"),
            Codes::List(args) => self.args_with(args, shows_arrow),
        }
    }
}
