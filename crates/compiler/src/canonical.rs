//! A program in LambdaMOO's own layout: its lines, and its tree with positions in those lines.
//!
//! LambdaMOO keeps no source. What it lists, and the lines that its tracebacks name, are those of the text that
//! it prints for the compiled program, even for a program that `eval()` was given as one line. So every program
//! that is to be stored or run goes through here, and what is compiled is the tree of the canonical text.

use crate::ast::Ast;
use crate::error::{CompileError, CompileErrors};
use crate::parser::{BY_NAME, ParseOptions, Parsed, parse, parse_with_warnings};
use crate::unparse::{Layout, unparse};
use crate::version::LanguageVersion;

/// A program in its canonical layout.
#[derive(Clone, Debug)]
pub struct Canonical {
    /// The canonical lines, without line ends.
    pub lines: Vec<String>,
    /// The program; positions are places in the canonical lines.
    pub ast: Ast,
    /// What deserves a look; positions are places in the text that was parsed.
    pub warnings: Vec<CompileError>,
}

/// Parses a program, of any layout and version, into the canonical layout of the current language.
///
/// # Errors
/// Everything that is wrong with it, at its places in `source`; see [`ErrorKind`](crate::ErrorKind).
pub fn canonical(source: &str, options: &ParseOptions<'_>) -> Result<Canonical, CompileErrors> {
    let Parsed { ast, warnings } = parse_with_warnings(source, options)?;
    let lines = unparse(&ast, Layout::CANONICAL);
    let text = lines.join("\n");
    if text == source && options.version == LanguageVersion::CURRENT {
        return Ok(Canonical {
            lines,
            ast,
            warnings,
        });
    }
    // Old uses of new keywords are renamed, and unknown functions are called by name.
    let is_builtin = |name: &str| name == BY_NAME || (options.is_builtin)(name);
    let current = ParseOptions {
        version: LanguageVersion::CURRENT,
        is_builtin: &is_builtin,
        ..*options
    };
    let ast = parse(&text, &current)?;
    let lines = unparse(&ast, Layout::CANONICAL);
    Ok(Canonical {
        lines,
        ast,
        warnings,
    })
}
