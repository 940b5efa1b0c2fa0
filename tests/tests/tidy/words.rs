//! How files begin, and words that do not belong in a finished file.

use regex::Regex;

use crate::sources::{assert_none, sources};

/// Files that may have any word: data of others, and the lock file.
const NOT_PROSE: [&str; 1] = ["Cargo.lock"];

#[test]
fn every_source_says_what_it_is() {
    let sources = sources(&[".rs"]);
    let silent = sources
        .iter()
        .filter(|source| !source.text.starts_with("//! "));
    let wrong: Vec<String> = silent.map(|source| source.path.clone()).collect();
    assert_none(
        "these files do not open with `//!` and what they are",
        &wrong,
    );
}

#[test]
fn nothing_is_left_for_later() {
    // In pieces, so that this file does not have them.
    let pieces = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
    ]
    .join("|");
    let pattern = format!(
        r"\b({pieces})\b|\b({})!",
        concat!("to", "do|unimple", "mented")
    );
    assert_none(
        "these lines leave something for later",
        &lines_with(&pattern),
    );
}

#[test]
fn no_path_of_anyones_machine() {
    let pattern = concat!(r#"(^|[\s"'`(=:])/(wo"#, "rk|home/[a-z]+|Users/[A-Za-z]+)/");
    assert_none(
        "these lines have a path that is on one machine only",
        &lines_with(pattern),
    );
}

fn lines_with(pattern: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("a pattern");
    let mut found = Vec::new();
    let ends = [
        ".rs", ".md", ".toml", ".sh", ".yml", ".yaml", ".service", ".jsonl", "run",
    ];
    for source in sources(&ends) {
        if NOT_PROSE.contains(&source.path.as_str()) {
            continue;
        }
        let lines = source
            .text
            .lines()
            .enumerate()
            .filter(|(_, line)| pattern.is_match(line));
        found.extend(
            lines.map(|(index, line)| format!("{}:{}: {}", source.path, index + 1, line.trim())),
        );
    }
    found
}
