//! Lengths of files and functions: what is too long is recorded in tidy.ratchet and may only shrink.
//!
//! MOOR_UPDATE_RATCHET=1 writes the record anew.

use std::collections::BTreeMap;
use std::fmt::Write;

use regex::Regex;

use crate::sources::{assert_none, root, sources};

/// Longer files are recorded, each for a reason that it gives.
const FILE_LINES_LONG: usize = 600;
/// No file is longer; its unit tests are not counted.
const FILE_LINES_MAX: usize = 1_000;
/// Longer functions are recorded.
const FUNCTION_LINES_LONG: usize = 70;
const RECORD: &str = "tests/tidy.ratchet";
const HEAD: &str = "\
# Files of more than 600 lines and functions of more than 70: WHAT LINES. They may only shrink.
# MOOR_UPDATE_RATCHET=1 writes this file anew.
";

#[test]
fn files_and_functions_are_short() {
    let long = long();
    if std::env::var_os("MOOR_UPDATE_RATCHET").is_some() {
        write(&long);
    }
    let recorded = recorded();
    let grown = long
        .iter()
        .filter(|(what, lines)| recorded.get(*what).is_none_or(|before| *lines > before));
    let wrong: Vec<String> = grown
        .map(|(what, lines)| match recorded.get(what) {
            Some(before) => format!("{what}: {lines} lines, {before} before"),
            None => format!("{what}: {lines} lines; divide it"),
        })
        .collect();
    assert_none("these are too long", &wrong);
}

#[test]
fn no_file_is_longer_than_a_thousand_lines() {
    let lengths = sources(&[".rs"])
        .into_iter()
        .map(|source| (lines_without_tests(&source.text), source.path));
    let too_long = lengths.filter(|(lines, _)| *lines > FILE_LINES_MAX);
    let wrong: Vec<String> = too_long
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert_none("these files are too long whatever their reason", &wrong);
}

fn long() -> BTreeMap<String, usize> {
    let mut long = BTreeMap::new();
    for source in sources(&[".rs"]) {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_LONG {
            long.insert(source.path.clone(), lines);
        }
        for (name, lines) in functions(&source.text) {
            if lines > FUNCTION_LINES_LONG {
                long.insert(format!("{}::{name}", source.path), lines);
            }
        }
    }
    long
}

fn lines_without_tests(text: &str) -> usize {
    let end = text.find("\n#[cfg(test)]\nmod tests {");
    text[..end.unwrap_or(text.len())].lines().count()
}

/// The functions of a formatted source with their lines, from `fn` to the brace that closes at the same depth.
fn functions(text: &str) -> Vec<(String, usize)> {
    let head =
        Regex::new(r"^(\s*)(?:pub(?:\([^)]*\))? )?(?:const )?(?:async )?(?:unsafe )?fn (\w+)")
            .expect("a pattern");
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (begin, line) in lines.iter().enumerate() {
        let Some(found) = head.captures(line) else {
            continue;
        };
        if has_body(&lines[begin..]) {
            let close = format!("{}}}", &found[1]);
            let length = lines[begin..].iter().position(|line| *line == close);
            functions.extend(length.map(|length| (found[2].to_owned(), length + 1)));
        }
    }
    functions
}

/// Whether the signature that begins here is followed by lines of a body.
fn has_body(lines: &[&str]) -> bool {
    let ends = lines.iter().map(|line| line.trim_end().chars().last());
    ends.flatten().find(|end| ['{', '}', ';'].contains(end)) == Some('{')
}

fn recorded() -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(root().join(RECORD)).expect(RECORD);
    let entries = text.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &str| {
        let (what, lines) = line.rsplit_once(' ')?;
        Some((what.to_owned(), lines.parse().ok()?))
    };
    entries
        .map(|line| read(line).unwrap_or_else(|| panic!("{RECORD}: {line:?}")))
        .collect()
}

fn write(long: &BTreeMap<String, usize>) {
    let mut text = HEAD.to_owned();
    for (what, lines) in long {
        let _ = writeln!(text, "{what} {lines}");
    }
    std::fs::write(root().join(RECORD), text).expect(RECORD);
}

#[test]
fn functions_are_measured() {
    let text = "fn one() {}\n\npub fn two(\n    x: u8,\n) {\n    if x {\n    }\n}\nimpl A {\n    const fn three() {\n        1\n    }\n}\n";
    assert_eq!(
        functions(text),
        [("two".to_owned(), 6), ("three".to_owned(), 3)]
    );
}
