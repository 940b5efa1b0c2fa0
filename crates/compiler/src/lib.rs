//! MOO source to syntax tree and back to canonical source.
//!
//! In comes program text; out come an [`ast::Ast`], compile errors with line and column, and the text that
//! LambdaMOO's `verb_code()` would print. It knows nothing of the virtual machine, the database or tasks.

pub mod ast;
pub mod names;
pub mod version;
