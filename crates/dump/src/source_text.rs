//! Stored programs and the layout that they have in textdumps.
//! In: canonical source. Out: its tree, and lines in the layout in which LambdaMOO and ToastStunt keep programs in
//! files: not indented, every operand with an operator in parentheses.

use moor_compiler::ast::Ast;
use moor_compiler::{Layout, ParseOptions, parse, unparse};

/// The tree of a program of the current language, whatever functions it calls.
pub(crate) fn parsed(source: &str) -> Option<Ast> {
    parse(source, &ParseOptions::new(&|_| true)).ok()
}

/// The lines of a program in a textdump.
pub(crate) fn textdump_lines(ast: &Ast) -> Vec<String> {
    unparse(ast, Layout::TEXTDUMP)
}
