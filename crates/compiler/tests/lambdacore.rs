//! Every program of a real database: printing what was parsed must give the stored text byte for byte.
//!
//! The database is not part of the repository; `MOOR_LAMBDACORE_DB` names it, or it lies in `../shared/data`
//! beside the checkout. Where it is absent the test says so and passes.

use std::path::PathBuf;

use moor_compiler::{
    Features, LanguageVersion, Layout, ParseOptions, UnknownBuiltins, parse, parse_with_warnings,
    unparse,
};

/// How many programs the database holds.
const PROGRAMS: usize = 1727;

fn database() -> Option<String> {
    let beside = || {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/LambdaCore-latest.db")
    };
    let path = std::env::var_os("MOOR_LAMBDACORE_DB").map_or_else(beside, PathBuf::from);
    let bytes =
        std::fs::read(&path).inspect_err(|error| println!("skipped: {}: {error}", path.display()));
    bytes
        .ok()
        .map(|bytes| bytes.into_iter().map(char::from).collect())
}

/// The programs of a textdump: from a line `#object:verb` to a line `.`.
fn programs(database: &str) -> Vec<(&str, Vec<&str>)> {
    let mut programs = Vec::new();
    let mut lines = database.lines();
    while let Some(line) = lines.next() {
        let is_header = line.strip_prefix('#').and_then(|rest| rest.split_once(':'));
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if is_header.is_some_and(|(object, verb)| number(object) && number(verb)) {
            programs.push((
                line,
                lines.by_ref().take_while(|line| *line != ".").collect(),
            ));
        }
    }
    programs
}

#[test]
fn lambdacore_prints_as_it_is_stored() {
    let Some(database) = database() else { return };
    let every_name = |_: &str| true;
    let stored = ParseOptions {
        version: LanguageVersion::LAMBDAMOO,
        is_builtin: &every_name,
        unknown_builtins: UnknownBuiltins::CallByName,
        features: Features::default(),
    };
    let programs = programs(&database);
    assert_eq!(programs.len(), PROGRAMS);
    for (name, lines) in programs {
        let parsed = parse_with_warnings(&lines.join("\n"), &stored)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(unparse(&parsed.ast, Layout::TEXTDUMP), lines, "{name}");
        let canonical = unparse(&parsed.ast, Layout::CANONICAL).join("\n");
        let again = parse(&canonical, &stored).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(again, parsed.ast, "{name}");
    }
}
