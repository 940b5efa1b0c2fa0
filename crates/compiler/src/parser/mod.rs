//! Program text to syntax tree, by recursive descent; operators by their levels in `precedence`.
//!
//! In comes the text with what the caller knows: which builtin functions exist and for which version of the
//! language the text was written. Out comes the tree, or everything that is wrong. What is merely wrong in
//! meaning is noted and reading goes on; the first syntax error ends it, as it does in LambdaMOO.
//! It knows nothing of how programs are stored or run.

mod comprehensions;
mod declarations;
mod expressions;
mod functions;
mod lists;
mod literals;
mod loops;
mod places;
mod rename;
mod scopes;
mod statements;
mod tree;
mod values;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::ast::{Ast, Pos};
use crate::error::{CompileError, CompileErrors, ErrorKind};
use crate::features::{Feature, Features};
use crate::hint::{Hint, Open, nearest};
use crate::lexer::Lexer;
use crate::lexer::token::{Spanned, Token, is_identifier};
use crate::names::Names;
use crate::version::LanguageVersion;
pub(crate) use declarations::BEGIN;
pub(crate) use functions::FN;
pub use functions::FUNCTION_DEPTH_MAX;
use functions::Outer;
use loops::Loops;
use scopes::Scopes;

/// How many nodes a path from the root of a tree to a leaf may have: statements within one another, and the
/// operators of an expression. Every walk over a tree may recurse this deep.
pub const DEPTH_MAX: usize = 500;

/// How many statements, parentheses and operands may be open at once in the text. A tree of [`DEPTH_MAX`], every
/// operand of which is printed in parentheses, stays below it.
pub const NESTING_MAX: usize = 2 * DEPTH_MAX + 2;

/// How many bytes a program may have, with the spaces by which [canonical](crate::canonical()) lines are indented. While
/// it is compiled it takes some 200 bytes of memory for each.
pub const SOURCE_BYTES_MAX: usize = 2 << 20;

/// How many errors of one program are told.
pub const ERRORS_MAX: usize = 100;

/// How many `except` clauses one `try` may have.
pub const EXCEPT_ARMS_MAX: usize = 255;

/// The builtin function that calls another by its name.
pub(crate) const BY_NAME: &str = "call_function";

/// How many targets one scattering assignment may have.
pub const SCATTER_ITEMS_MAX: usize = 255;

/// What the parser must be told besides the text.
#[derive(Clone, Copy)]
pub struct ParseOptions<'a> {
    /// The version of the language that the text was written for.
    pub version: LanguageVersion,
    /// Whether the server has a builtin function of this name, given in lower case.
    pub is_builtin: &'a dyn Fn(&str) -> bool,
    /// What becomes of a call of a function that the server has not got.
    pub unknown_builtins: UnknownBuiltins,
    /// Which additions to the language the program may use.
    pub features: Features,
}

impl<'a> ParseOptions<'a> {
    /// The current language with the usual additions, where unknown functions are errors.
    pub fn new(is_builtin: &'a dyn Fn(&str) -> bool) -> Self {
        Self {
            version: LanguageVersion::CURRENT,
            is_builtin,
            unknown_builtins: UnknownBuiltins::Refuse,
            features: Features::default(),
        }
    }
}

/// What becomes of a call of a function that the server has not got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownBuiltins {
    /// It is a compile error.
    Refuse,
    /// `f(args)` becomes `call_function("f", args)` with a warning, so that the program can be loaded and fails
    /// only where it runs. This is how databases are loaded. The server must have `call_function`.
    CallByName,
}

/// A program that was parsed, and what deserves a look.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The program.
    pub ast: Ast,
    /// Uses of unknown functions and of later keywords as names.
    pub warnings: Vec<CompileError>,
}

/// Parses a program.
///
/// # Errors
/// Everything that is wrong with it; see [`ErrorKind`].
pub fn parse(source: &str, options: &ParseOptions<'_>) -> Result<Ast, CompileErrors> {
    parse_with_warnings(source, options).map(|parsed| parsed.ast)
}

/// Parses a program given as lines, as `.program` and `set_verb_code()` have it.
///
/// # Errors
/// As [`parse`].
pub fn parse_lines<S: AsRef<str>>(
    lines: &[S],
    options: &ParseOptions<'_>,
) -> Result<Ast, CompileErrors> {
    let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
    parse(&lines.join("\n"), options)
}

/// Parses a program and tells what deserves a look in it.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_warnings(
    source: &str,
    options: &ParseOptions<'_>,
) -> Result<Parsed, CompileErrors> {
    let parsed = match Parser::new(source, options) {
        Ok(parser) => parser.program(),
        Err(error) => Err(error.into()),
    };
    parsed.map_err(|errors| errors.in_source(source))
}

/// The state of parsing one program. An error in the result of a method ends the parsing; those that do not are
/// in `errors`.
struct Parser<'s, 'o> {
    lexer: Lexer<'s>,
    /// The token that is looked at.
    current: Spanned,
    /// The line of the token before it.
    line_before: u32,
    /// What has begun and not ended.
    open: Open,
    options: &'o ParseOptions<'o>,
    names: Names,
    scopes: Scopes,
    loops: Loops,
    /// How many statements, parentheses and operands are open.
    nesting: usize,
    /// How many statements are open.
    statements: usize,
    /// Bytes of the text, and of the indentation of the statements so far.
    bytes: usize,
    /// The height of the highest node so far, counted from the root.
    deepest: usize,
    /// The programs and functions around the one that is read, the innermost last.
    outer: Vec<Outer>,
    /// Whether `=>` follows a `{..}`, by how much of the text is behind the `{`.
    arrows: HashMap<usize, bool>,
    /// While the codes of a catch expression are read, behind which `=>` has another meaning: how many brackets were open
    /// at their beginning.
    codes_at: Option<usize>,
    /// How many brackets of any kind are open.
    brackets: usize,
    /// How many `[..]` are open in which `^` and `$` mean something.
    indexings: usize,
    errors: Vec<CompileError>,
    warnings: Vec<CompileError>,
}

/// The error is boxed, and so is the expression in a [`tree::Tree`], to keep the frames of the recursion small.
type Parse<T> = Result<T, Box<CompileError>>;

impl<'s, 'o> Parser<'s, 'o> {
    fn new(source: &'s str, options: &'o ParseOptions<'o>) -> Parse<Self> {
        check_bytes(source.len(), Pos { line: 1, column: 1 })?;
        let mut lexer = Lexer::new(source, options.version);
        Ok(Self {
            current: lexer.next()?,
            line_before: 1,
            open: Open::default(),
            lexer,
            options,
            names: Names::new(options.version),
            scopes: Scopes::default(),
            loops: Loops::default(),
            nesting: 0,
            statements: 0,
            bytes: source.len(),
            deepest: 0,
            outer: Vec::new(),
            arrows: HashMap::new(),
            codes_at: None,
            brackets: 0,
            indexings: 0,
            errors: Vec::new(),
            warnings: Vec::new(),
        })
    }

    fn program(mut self) -> Result<Parsed, CompileErrors> {
        let body = self.block().and_then(|body| match self.current.token {
            Token::End => Ok(body),
            _ => Err(self.unexpected("a statement")),
        });
        let body = body.map_err(|error| self.with_hint(*error));
        let mut errors = self.errors;
        errors.sort_by_key(|error| error.pos);
        match body {
            Ok(body) if errors.is_empty() => {
                let mut names = self.names;
                names.rename(|name| !is_identifier(name));
                let mut warnings = self.warnings;
                warnings.append(&mut self.lexer.warnings);
                let ast = Ast { names, body };
                Ok(Parsed { ast, warnings })
            }
            Ok(_) => Err(CompileErrors::new(errors)),
            Err(last) => {
                errors.push(last);
                Err(CompileErrors::new(errors))
            }
        }
    }

    /// Notes an error that does not end the parsing, unless there are too many.
    fn complain(&mut self, pos: Pos, kind: ErrorKind) -> Parse<()> {
        if self.errors.len() + 1 >= ERRORS_MAX {
            return Err(Box::new(CompileError::new(pos, ErrorKind::TooManyErrors)));
        }
        let error = self.with_hint(CompileError::new(pos, kind));
        self.errors.push(error);
        Ok(())
    }

    /// Complains when a feature is off that the program uses here.
    fn require(&mut self, pos: Pos, feature: Feature) -> Parse<()> {
        if self.options.features.has(feature) {
            return Ok(());
        }
        self.complain(pos, ErrorKind::FeatureOff(feature.name()))
    }

    /// The error with what may have been meant.
    fn with_hint(&self, mut error: CompileError) -> CompileError {
        let found = self.current.token.text();
        error.hint = match &error.kind {
            ErrorKind::Syntax { expected, .. } => {
                self.open.hint(found, expected, self.line_before, error.pos)
            }
            ErrorKind::UnknownBuiltin(name) => nearest(name, self.options.is_builtin),
            ErrorKind::MissingQuote => Some(Hint::OpenString),
            _ => None,
        };
        error
    }

    /// The error that the current token cannot stand here.
    fn unexpected(&self, expected: impl Into<Cow<'static, str>>) -> Box<CompileError> {
        let Spanned { token, pos } = &self.current;
        let kind = ErrorKind::Syntax {
            column: pos.column,
            expected: expected.into(),
            found: token.describe(),
        };
        Box::new(CompileError::new(*pos, kind))
    }

    /// Takes the current token and looks at the next.
    fn advance(&mut self) -> Parse<Spanned> {
        let next = self.lexer.next()?;
        let taken = std::mem::replace(&mut self.current, next);
        self.line_before = taken.pos.line;
        if let Some(text) = taken.token.text() {
            self.open.take(text, taken.pos);
            match text {
                "(" | "[" | "{" => self.brackets += 1,
                ")" | "]" | "}" => self.brackets = self.brackets.saturating_sub(1),
                _ => {}
            }
        }
        Ok(taken)
    }

    /// Whether the current token is this keyword or sign.
    fn at(&self, text: &str) -> bool {
        self.current.token.text() == Some(text)
    }

    /// Takes the current token if it is this keyword or sign.
    fn eat(&mut self, text: &str) -> Parse<bool> {
        let found = self.at(text);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// Takes this keyword or sign, and tells where it was.
    fn expect(&mut self, text: &'static str) -> Parse<Pos> {
        if !self.at(text) {
            return Err(self.unexpected(format!("`{text}'")));
        }
        Ok(self.advance()?.pos)
    }

    /// Takes a name if there is one.
    fn eat_name(&mut self) -> Parse<Option<Box<str>>> {
        if !matches!(self.current.token, Token::Id(_)) {
            return Ok(None);
        }
        match self.advance()?.token {
            Token::Id(name) => Ok(Some(name)),
            _ => Ok(None),
        }
    }

    /// Takes a name.
    fn expect_name(&mut self) -> Parse<Box<str>> {
        let missing = self.unexpected("a name");
        self.eat_name()?.ok_or(missing)
    }

    /// Parses something inside what is open.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.nesting >= NESTING_MAX {
            return Err(too_deep(self.current.pos));
        }
        self.nesting += 1;
        let result = parse(self);
        self.nesting -= 1;
        result
    }
}

/// Refuses a program that would be longer than one may be.
fn check_bytes(bytes: usize, pos: Pos) -> Parse<()> {
    if bytes <= SOURCE_BYTES_MAX {
        return Ok(());
    }
    let (what, max) = ("bytes", SOURCE_BYTES_MAX);
    let kind = ErrorKind::TooLarge { what, max };
    Err(Box::new(CompileError::new(pos, kind)))
}

/// The error that the program is too deep here.
fn too_deep(pos: Pos) -> Box<CompileError> {
    Box::new(CompileError::new(pos, ErrorKind::TooDeep))
}
