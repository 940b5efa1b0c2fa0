//! The project's own cases (tests/cases/*.jsonl) against the real programs on data/cases.db: all of them pass.
//!
//! They are about what needs connections: login, the hooks of `#0`, intrinsic commands, input that is held or read; and about what no
//! other server has. Flags of the daemon stand beside the cases that want them, in NAME.flags. MOOR_CASES_ONLY=TEXT runs those with that
//! text in their id.

use std::path::{Path, PathBuf};

use moor_tests::{Case, Database, Runner, Server, Verdict, read_cases};

#[test]
fn own_cases() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let only = std::env::var("MOOR_CASES_ONLY").unwrap_or_default();
    let moor = Path::new(env!("CARGO_BIN_EXE_moor-under-test"));
    let mut failures = Vec::new();
    let mut run = 0;
    for path in case_files(&here.join("cases")) {
        let flags = std::fs::read_to_string(path.with_extension("flags")).unwrap_or_default();
        let flags: Vec<&str> = flags.split_whitespace().collect();
        let database = Database::cases();
        let server = Server::start_with(moor, &database, &flags);
        let cases: Vec<Case> = read_cases(&path)
            .into_iter()
            .filter(|case| case.id.contains(&only))
            .collect();
        let outcomes = Runner::new(server.telnet())
            .run(&cases)
            .unwrap_or_else(|gone| panic!("{gone}"));
        run += outcomes.len();
        let failed = outcomes
            .iter()
            .filter(|outcome| outcome.verdict != Verdict::Passed);
        failures.extend(failed.map(|outcome| format!("{}: {:?}", outcome.id, outcome.verdict)));
    }
    assert!(run > 0, "no case has {only:?} in its id");
    assert!(
        failures.is_empty(),
        "{} of {run} cases failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn case_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder of cases");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "jsonl"));
    files.sort();
    files
}
