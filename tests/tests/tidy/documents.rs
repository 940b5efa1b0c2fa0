//! Documents that must keep up with the programs.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use regex::Regex;

use crate::sources::{assert_none, root, sources};

/// The programs with flags, by the first word of the multi-call binary.
const PROGRAMS: [&str; 3] = ["up", "daemon", "telnet-host"];

#[test]
fn every_flag_is_documented() {
    let documents = sources(&[".md"])
        .into_iter()
        .filter(|source| source.path == "README.md" || source.path.starts_with("docs/"));
    let text: String = documents.map(|source| source.text).collect();
    let mut wrong = Vec::new();
    for program in PROGRAMS {
        let flags = flags(program);
        assert!(
            flags.contains("--log-level"),
            "{program} --help tells its flags: {flags:?}"
        );
        let missing = flags.into_iter().filter(|flag| !is_told(&text, flag));
        wrong.extend(missing.map(|flag| format!("{program}: {flag}; add it to docs/FLAGS.md")));
    }
    assert_none("these flags are in no document", &wrong);
}

fn flags(program: &str) -> BTreeSet<String> {
    let moor = Path::new(env!("CARGO_BIN_EXE_moor-under-test"));
    let output = Command::new(moor)
        .args([program, "--help"])
        .output()
        .expect("the program runs");
    let flag = Regex::new(r"(?m)^\s+(?:-\w, )?(--[a-z-]+)").expect("a pattern");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    flag.captures_iter(&text)
        .map(|found| found[1].to_owned())
        .collect()
}

/// Whether the flag is in the text as a word of its own.
fn is_told(text: &str, flag: &str) -> bool {
    let pattern = format!(r"{}($|[^a-z-])", regex::escape(flag));
    Regex::new(&pattern).expect("a pattern").is_match(text)
}

#[test]
fn decisions_are_numbered() {
    let name = Regex::new(r"^(\d{4})-[a-z0-9-]+\.md$").expect("a pattern");
    let mut names: Vec<String> = std::fs::read_dir(root().join("docs/decisions"))
        .expect("docs/decisions")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    let mut wrong = Vec::new();
    let mut last = String::new();
    for file in names {
        match name.captures(&file) {
            Some(found) if found[1] == last => wrong.push(format!("{file}: the number is taken")),
            Some(found) => last = found[1].to_owned(),
            None => wrong.push(format!("{file}: the name is not NNNN-title.md")),
        }
    }
    assert_none("these records have no number of their own", &wrong);
}
