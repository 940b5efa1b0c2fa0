//! MOO source to syntax tree and back to canonical source.
//!
//! In comes program text; out come an [`ast::Ast`], compile errors with line and column, and the text that
//! LambdaMOO's `verb_code()` would print. It knows nothing of the virtual machine, the database or tasks.

pub mod ast;
pub mod canonical;
pub mod error;
mod lexer;
pub mod names;
pub mod parser;
mod precedence;
pub mod unparse;
pub mod version;

pub use canonical::{Canonical, canonical};
pub use error::{CompileError, CompileErrors, ErrorKind};
pub use parser::{ParseOptions, Parsed, UnknownBuiltins, parse, parse_lines, parse_with_warnings};
pub use unparse::{Layout, unparse};
pub use version::LanguageVersion;
