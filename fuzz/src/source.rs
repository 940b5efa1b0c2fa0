//! Texts to programs, as the server compiles them.
//!
//! In: source. Out: a program, or nothing where it does not compile.

use std::sync::LazyLock;

use moor_bytecode::Program;
use moor_compiler::{Feature, Features, ParseOptions, canonical, compile, compile_function};
use moor_value::Lambda;

/// The names of the server's builtins, by the numbers that they have here.
static BUILTINS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut names: Vec<_> = moor_runtime::builtin_functions()
        .map(|spec| spec.name)
        .collect();
    names.sort_unstable();
    names
});

/// The number of the builtin of a name.
#[must_use]
pub fn number_of_builtin(name: &str) -> Option<u16> {
    let at = BUILTINS.binary_search(&name).ok()?;
    u16::try_from(at).ok()
}

/// The name of the builtin of a number.
pub(crate) fn name_of_builtin(number: u16) -> &'static str {
    BUILTINS[usize::from(number)]
}

/// Whether there is a builtin of a name.
#[must_use]
pub fn is_builtin(name: &str) -> bool {
    number_of_builtin(name).is_some()
}

/// Everything that a server can be made to understand.
#[must_use]
pub fn features() -> Features {
    let all = Feature::ALL.iter();
    all.fold(Features::NONE, |features, row| {
        features.with(row.feature, true)
    })
}

/// How the server reads source.
#[must_use]
pub fn options() -> ParseOptions<'static> {
    let mut options = ParseOptions::new(&is_builtin);
    options.features = features();
    options
}

/// The program of a text, if it is one.
#[must_use]
pub fn program(source: &str) -> Option<Program> {
    let canonical = canonical(source, &options()).ok()?;
    compile(&canonical.ast, &number_of_builtin).ok()
}

/// The program of a function that was kept as text.
pub(crate) fn function_program(function: &Lambda) -> Option<Program> {
    let names = function.captured().iter().map(|(name, _)| name.as_str());
    compile_function(
        function.source().as_str(),
        names,
        &options(),
        &number_of_builtin,
    )
    .ok()
}
