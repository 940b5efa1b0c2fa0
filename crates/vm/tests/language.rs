//! The language as data: source and the literal or error that it gives, from tests/cases/*.txt.

mod world;

use std::path::Path;

use world::{World, show};

/// What makes a program one of more registers than the dispatch loop's window has, and does nothing.
fn many_variables() -> String {
    let names: Vec<String> = (0..300).map(|n| format!("many{n}")).collect();
    format!(" if (0) {} = 0; endif", names.join(" = "))
}

#[test]
fn every_case_gives_what_it_says() {
    check_all("");
}

#[test]
fn every_case_gives_the_same_in_a_program_of_many_variables() {
    check_all(&many_variables());
}

/// Runs all cases with `more` put behind each program.
fn check_all(more: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut failures = Vec::new();
    let mut count = 0;
    for name in [
        "expressions.txt",
        "collections.txt",
        "statements.txt",
        "scopes.txt",
        "values.txt",
        "comprehensions.txt",
        "functions.txt",
    ] {
        let text = std::fs::read_to_string(folder.join(name)).expect("the cases are there");
        let mut source = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            match line.strip_prefix("=> ") {
                Some(expected) => {
                    let got = show(&World::default().run(&(source.clone() + more), Vec::new()));
                    if got != expected {
                        failures.push(format!(
                            "{name}: {source}\n  expected {expected}\n  got      {got}"
                        ));
                    }
                    count += 1;
                    source.clear();
                }
                None => source.push_str(line),
            }
        }
    }
    assert!(count >= 140, "only {count} cases were found");
    assert!(
        failures.is_empty(),
        "{} of {count} cases fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
