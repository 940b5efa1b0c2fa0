//! The cases of `crates/runtime/tests/cases`: MOO source and what it gives.
//!
//! A case is lines of source, then `=> ` and the literal that it returns, or `=> ! ` and the start
//! of the code and message of the error that it raises. A line `as wizard`, `as programmer` or `as
//! player` says whose code follows; a file begins as programmer, with a world of its own, and its
//! cases may build on each other. Lines that begin with `#` and a space are for readers.

use std::path::Path;

use super::fixture::{Ended, Server, Who};
use crate::registry::registry;

/// The files, without their ending.
pub(super) fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the cases are there") {
        let path = entry.expect("a file").path();
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        files.push((name, std::fs::read_to_string(&path).expect("a text")));
    }
    files.sort();
    files
}

/// What is wrong in a file.
pub(super) fn faults(name: &str, text: &str, count: &mut usize) -> Vec<String> {
    faults_of(name, text, count, &mut Server::run)
}

/// How the source of a case is run.
pub(super) type Run<'a> = dyn FnMut(&Server, Who, &str) -> Ended + 'a;

/// What is wrong in a file whose cases are run so.
pub(super) fn faults_of(
    name: &str,
    text: &str,
    count: &mut usize,
    run: &mut Run<'_>,
) -> Vec<String> {
    let server = Server::new();
    let mut who = Who::Programmer;
    let mut source = String::new();
    let mut faults = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("# ")) {
        if let Some(other) = line.strip_prefix("as ").and_then(Who::named) {
            who = other;
        } else if let Some(expected) = line.strip_prefix("=> ") {
            let got = run(&server, who, &source).shown();
            let is_fit = match expected.strip_prefix("! ") {
                Some(error) => got
                    .strip_prefix("! ")
                    .is_some_and(|got| got.starts_with(error)),
                None => got == expected,
            };
            if !is_fit {
                faults.push(format!(
                    "{name}: {}\n  expected {expected}\n  got      {got}",
                    source.trim()
                ));
            }
            *count += 1;
            source.clear();
        } else {
            source.push_str(line);
            source.push('\n');
        }
    }
    assert!(
        source.trim().is_empty(),
        "{name}: the last case has no expectation: {source}"
    );
    faults
}

#[test]
fn every_case_gives_what_it_says() {
    let (mut all, mut count) = (Vec::new(), 0);
    for (name, text) in files() {
        all.extend(faults(&name, &text, &mut count));
    }
    assert!(count >= 90, "only {count} cases were found");
    assert!(
        all.is_empty(),
        "{} of {count} cases fail:\n{}",
        all.len(),
        all.join("\n")
    );
}

/// Families whose every builtin has a case.
const COVERED: &[&str] = &[
    "add_property",
    "add_verb",
    "ancestors",
    "call_function",
    "caller_perms",
    "callers",
    "children",
    "chparent",
    "chparents",
    "clear_property",
    "cluster_nodes",
    "create",
    "create_enrollment_token",
    "curl",
    "delete_property",
    "delete_verb",
    "descendants",
    "disassemble",
    "enrolled_hosts",
    "enrollment_tokens",
    "eval",
    "function_info",
    "is_clear_property",
    "is_player",
    "isa",
    "locate_by_name",
    "locations",
    "max_object",
    "move",
    "new_waif",
    "next_recycled_object",
    "object_bytes",
    "occupants",
    "owned_objects",
    "parent",
    "parents",
    "pass",
    "players",
    "properties",
    "property_info",
    "raise",
    "recreate",
    "recycle",
    "recycled_objects",
    "renumber",
    "reset_max_object",
    "respond_to",
    "revoke_enrollment_token",
    "revoke_host",
    "rotate_enrollment_token",
    "set_player_flag",
    "set_property_info",
    "set_task_perms",
    "set_verb_args",
    "set_verb_code",
    "set_verb_info",
    "task_perms",
    "valid",
    "verb_args",
    "verb_code",
    "verb_info",
    "verbs",
    "waif_stats",
    "worker_request",
    "workers",
];

#[test]
fn every_builtin_of_the_covered_families_has_a_case() {
    let text: String = files().into_iter().map(|(_, text)| text).collect();
    for name in COVERED {
        assert!(registry().by_name(name).is_some(), "no builtin {name}");
        assert!(text.contains(&format!("{name}(")), "no case of {name}");
    }
}
