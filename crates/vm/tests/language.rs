//! The language as data: source and the literal or error that it gives, from tests/cases/*.txt.

mod world;

use std::path::Path;

use world::{World, show};

#[test]
fn every_case_gives_what_it_says() {
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
                    let got = show(&World::default().run(&source, Vec::new()));
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
