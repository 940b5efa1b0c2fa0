//! The examples of docs/LANGUAGE.md do what the guide says that they do.
//!
//! In: the blocks of the document that are marked as programs, in the form of the other cases. Out: those that differ.

use std::path::Path;

use super::cases::faults;

#[test]
fn the_examples_of_the_guide_are_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/LANGUAGE.md");
    let guide = std::fs::read_to_string(path).expect("docs/LANGUAGE.md");
    let blocks = guide.split("```moo\n").skip(1);
    let programs: Vec<&str> = blocks
        .filter_map(|block| block.split("```").next())
        .collect();
    let mut count = 0;
    let faults = faults("docs/LANGUAGE.md", &programs.concat(), &mut count);
    assert!(count >= 30, "only {count} examples were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
