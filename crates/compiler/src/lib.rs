//! MOO source to syntax tree and back to canonical source.
//!
//! In comes program text; out come an [`ast::Ast`], compile errors with line and column, the text that LambdaMOO's
//! `verb_code()` would print, and the bytecode that [`compile`] makes of a tree. It knows nothing of the virtual machine, the database or tasks.

pub mod ast;
pub mod canonical;
mod codegen;
pub mod error;
mod excerpt;
pub mod features;
mod hint;
mod lexer;
pub mod names;
pub mod parser;
mod precedence;
pub mod unparse;
pub mod version;
pub mod walk;

pub use canonical::{Canonical, canonical};
pub use codegen::stopped;
pub use codegen::{FindBuiltin, compile, compile_function};
pub use error::{CompileError, CompileErrors, ErrorKind};
pub use excerpt::Excerpt;
pub use features::{Feature, Features};
pub use hint::Hint;
pub use parser::{ParseOptions, Parsed, UnknownBuiltins, parse, parse_lines, parse_with_warnings};
pub use unparse::{Layout, unparse};
pub use version::LanguageVersion;
