//! Programs as data: what each prints as canonical source, or what is wrong with it.
//!
//! A file of `tests/cases` holds cases separated by lines of `===`: the source, a line of `---`, and the lines
//! that are expected; those of a compile error begin with `! `. Lines at the top that begin with `#` are notes.

use moor_compiler::{Layout, ParseOptions, parse_lines, unparse};

const BUILTINS: [&str; 3] = ["length", "tostr", "f"];

/// What the compiler answers to a source, in the form of a case.
fn answer(source: &str) -> Vec<String> {
    let is_builtin = |name: &str| BUILTINS.contains(&name);
    let lines: Vec<&str> = source.split('\n').collect();
    match parse_lines(&lines, &ParseOptions::new(&is_builtin)) {
        Ok(ast) => unparse(&ast, Layout::CANONICAL),
        Err(errors) => errors.iter().map(|error| format!("! {error}")).collect(),
    }
}

fn check_file(text: &str) {
    let notes_end = text
        .lines()
        .take_while(|line| line.starts_with('#'))
        .map(|line| line.len() + 1)
        .sum();
    let cases: Vec<&str> = text[notes_end..].split("===\n").collect();
    let mut failures = Vec::new();
    for case in &cases {
        let (source, expected) = case.split_once("---\n").expect("a case has a line of ---");
        let got = answer(source);
        if got != expected.lines().collect::<Vec<_>>() {
            failures.push(format!(
                "{source}--- expected\n{expected}--- got\n{}\n",
                got.join("\n")
            ));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases:\n{}",
        failures.len(),
        cases.len(),
        failures.join("===\n")
    );
}

#[test]
fn statements() {
    check_file(include_str!("cases/statements.txt"));
}

#[test]
fn expressions() {
    check_file(include_str!("cases/expressions.txt"));
}

#[test]
fn literals() {
    check_file(include_str!("cases/literals.txt"));
}

#[test]
fn values() {
    check_file(include_str!("cases/values.txt"));
}

#[test]
fn functions() {
    check_file(include_str!("cases/functions.txt"));
}
