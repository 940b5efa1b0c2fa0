//! What can be wrong with a program's text, where, and how it is told to the programmer.
//!
//! The lexer and the parser make these. `set_verb_code()` and `eval()` answer a line of the form `Line 3:  message` for each,
//! worded as LambdaMOO and ToastStunt word them; people see the line of the program below it, and a caret.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

use crate::ast::Pos;
use crate::excerpt::Excerpt;
use crate::hint::Hint;
use crate::parser::{DEPTH_MAX, ERRORS_MAX, EXCEPT_ARMS_MAX};

/// One thing that is wrong with a program, or a warning about it.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("Line {}:  {kind}", pos.line)]
pub struct CompileError {
    /// Where it is.
    pub pos: Pos,
    /// What it is.
    pub kind: ErrorKind,
    /// What may have been meant.
    pub hint: Option<Hint>,
    /// The line of the program, where that is known.
    pub excerpt: Option<Excerpt>,
}

impl CompileError {
    /// An error at a place.
    pub fn new(pos: Pos, kind: ErrorKind) -> Self {
        Self {
            pos,
            kind,
            hint: None,
            excerpt: None,
        }
    }

    /// The same for a program that begins so many lines further down, as one within a file does: every line that is
    /// named is one of the file.
    #[must_use]
    pub fn lower(self, by: u32) -> Self {
        Self {
            pos: self.pos.lower(by),
            hint: self.hint.map(|hint| hint.lower(by)),
            ..self
        }
    }

    /// All that is told in one line: `Line N:  message`, and in parentheses the column, where the message does not name it, and
    /// what may have been meant.
    pub fn line(&self) -> String {
        match self.remarks() {
            Some(remarks) => format!("{self} ({remarks})"),
            None => self.to_string(),
        }
    }

    /// What is told besides the line `Line N:  message`: the line of the program, a caret under the place with its column,
    /// and what may have been meant.
    pub fn details(&self) -> Vec<String> {
        let Some(excerpt) = &self.excerpt else {
            return self.hint.iter().map(Hint::to_string).collect();
        };
        let mut lines: Vec<String> = excerpt.to_string().lines().map(str::to_owned).collect();
        if let (Some(caret), Some(remarks)) = (lines.last_mut(), self.remarks()) {
            *caret += " ";
            *caret += &remarks;
        }
        lines
    }

    /// The column, where the message does not name it, and what may have been meant.
    fn remarks(&self) -> Option<String> {
        let is_told = matches!(self.kind, ErrorKind::Syntax { .. });
        let column = (!is_told).then(|| format!("column {}", self.pos.column));
        let hint = self.hint.as_ref().map(Hint::to_string);
        let words: Vec<String> = column.into_iter().chain(hint).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }
}

/// What is wrong. The messages of variants that LambdaMOO knows are its own.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A token that cannot stand where it stands.
    #[error("syntax error, column {column}: expected {expected}, found {found}")]
    Syntax {
        /// The token's column, from 1.
        column: u32,
        /// What could have stood there.
        expected: Cow<'static, str>,
        /// The token, cut short when long.
        found: String,
    },
    /// `/*` without `*/`.
    #[error("End of program while in a comment")]
    UnclosedComment,
    /// A string without its closing quote on the same line.
    #[error("Missing quote")]
    MissingQuote,
    /// `#` without a number.
    #[error("Malformed object number")]
    MalformedObject,
    /// An exponent without digits.
    #[error("Malformed floating-point literal")]
    MalformedFloat,
    /// `b".."` with something that is no base 64.
    #[error("Malformed binary literal: not base 64")]
    MalformedBinary,
    /// A slot of a flyweight that occurs twice, or has a name that no slot may have.
    #[error("Invalid or repeated slot of a flyweight: {0}")]
    SlotName(Box<str>),
    /// A float too large for 64 bits.
    #[error("Floating-point literal out of range")]
    FloatRange,
    /// `^` or `$` outside `[..]`.
    #[error("Illegal context for `{0}' expression.")]
    IllegalContext(char),
    /// `=` after something that cannot be assigned to.
    #[error("Illegal expression on left side of assignment.")]
    IllegalTarget,
    /// `{} = ..`.
    #[error("Empty list in scattering assignment.")]
    EmptyScatter,
    /// `{a.b} = ..`.
    #[error("Scattering assignment targets must be simple variables.")]
    ScatterTarget,
    /// `{@a, @b} = ..`.
    #[error("More than one `@' target in scattering assignment.")]
    ScatterRests,
    /// More than 255 targets.
    #[error("Too many targets in scattering assignment.")]
    ScatterTargets,
    /// `++` or `--` before something that cannot be stepped.
    #[error("Invalid use of {0} operator.")]
    IllegalStep(&'static str),
    /// A call of a function that the server has not got.
    #[error("Unknown built-in function: {0}")]
    UnknownBuiltin(Box<str>),
    /// An `except` after `except (ANY)`.
    #[error("Unreachable EXCEPT clause")]
    UnreachableExcept,
    /// More `except` clauses than a `try` may have.
    #[error("Too many EXCEPT clauses (max. {EXCEPT_ARMS_MAX})")]
    ExceptArms,
    /// `break` or `continue` outside a loop.
    #[error("No enclosing loop for `{0}' statement")]
    NoLoop(&'static str),
    /// `break name` or `continue name` where no enclosing loop has that name.
    #[error("Invalid loop name in `{0}' statement: {1}")]
    LoopName(&'static str, Box<str>),
    /// A text that was to be one function and nothing else.
    #[error("This is not one function")]
    NoFunction,
    /// A second declaration of a name in one block.
    #[error("`{0}' is declared in this block already")]
    DeclaredTwice(Box<str>),
    /// An assignment to what `const` declared.
    #[error("`{0}' is a constant and cannot be assigned")]
    AssignedConstant(Box<str>),
    /// Something of a [`Feature`](crate::Feature) that the server has switched off; its name.
    #[error("This server does not have the feature {0} (--{0})")]
    FeatureOff(&'static str),
    /// A warning: a word that is a keyword by now is used as a name.
    #[error("Renaming old use of new keyword: {0}")]
    RenamedKeyword(Box<str>),
    /// Parentheses, operators or statements within one another beyond the limit.
    #[error("Program is nested too deeply (max. {DEPTH_MAX} levels)")]
    TooDeep,
    /// More of something than a compiled program can hold.
    #[error("Program is too large: more than {max} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much a program can hold.
        max: usize,
    },
    /// So many errors that the rest are not told.
    #[error("Too many errors (max. {ERRORS_MAX}); the rest of the program was not read")]
    TooManyErrors,
}

/// Everything that is wrong with a program, in the order of discovery; never empty. As text: a few lines each.
#[derive(Clone, Debug, PartialEq)]
pub struct CompileErrors(Vec<CompileError>);

impl CompileErrors {
    /// Some errors.
    ///
    /// # Panics
    /// When there are none.
    pub fn new(errors: Vec<CompileError>) -> Self {
        assert!(!errors.is_empty(), "a failed compilation has an error");
        Self(errors)
    }

    /// The errors.
    pub fn iter(&self) -> std::slice::Iter<'_, CompileError> {
        self.0.iter()
    }

    /// How many there are.
    #[allow(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What `set_verb_code()` and `eval()` answer: a [line](CompileError::line) for each error, as programs count them.
    pub fn messages(&self) -> Vec<String> {
        self.iter().map(CompileError::line).collect()
    }

    /// What people are shown: for each error `Line N:  message` and its [details](CompileError::details).
    pub fn lines(&self) -> Vec<String> {
        let of_one = |error: &CompileError| [vec![error.to_string()], error.details()].concat();
        self.0.iter().flat_map(of_one).collect()
    }

    /// Puts the lines of the program beside the errors.
    pub(crate) fn in_source(mut self, source: &str) -> Self {
        let lines: Vec<&str> = source.split('\n').collect();
        for error in &mut self.0 {
            let at = (error.pos.line as usize).saturating_sub(1);
            let line = lines.get(at).copied().unwrap_or_default();
            error.excerpt = Some(Excerpt::new(line, error.pos));
        }
        self
    }
}

impl From<Box<CompileError>> for CompileErrors {
    fn from(error: Box<CompileError>) -> Self {
        Self(vec![*error])
    }
}

impl fmt::Display for CompileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl std::error::Error for CompileErrors {}
