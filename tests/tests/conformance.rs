//! The public conformance cases against the real programs.
//!
//! In: `../shared/conformance/*.jsonl` (or the folder MOOR_CONFORMANCE_DIR) and `../shared/data/Test.db` (or MOOR_TEST_DB).
//! Out: passed, failed and skipped cases by level and area, every failing id with its reason; it fails where fewer pass
//! than conformance.ratchet records. MOOR_CONFORMANCE_ONLY=TEXT runs the cases with that text in their id.

use std::path::{Path, PathBuf};

use moor_tests::{Case, Database, Outcome, Ratchet, Runner, Server, Verdict, read_cases, say};

/// How much of a reason is shown, in characters; the file has all of it.
const REASON_SHOWN_MAX: usize = 200;

#[test]
fn conformance() {
    let folder = path_of("MOOR_CONFORMANCE_DIR", "../../shared/conformance");
    let database = path_of("MOOR_TEST_DB", "../../shared/data/Test.db");
    if !folder.is_dir() || !database.is_file() {
        say(format_args!(
            "conformance: no {} or no {}: nothing to run",
            folder.display(),
            database.display()
        ));
        return;
    }
    let only = std::env::var("MOOR_CONFORMANCE_ONLY").unwrap_or_default();
    let executables = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/executables");
    let server = Server::start_with(
        Path::new(env!("CARGO_BIN_EXE_moor-under-test")),
        &Database::Textdump(database),
        &["--executables", &executables.display().to_string()],
    );
    let mut runner = Runner::new(server.telnet());
    let mut ratchet = Ratchet::default();
    let mut failures = Vec::new();
    runner.prepare().expect("the server answers");
    for path in case_files(&folder) {
        let area = path
            .file_stem()
            .expect("a file")
            .to_string_lossy()
            .into_owned();
        let cases: Vec<Case> = read_cases(&path)
            .into_iter()
            .filter(|case| case.id.contains(&only))
            .collect();
        let outcomes = runner.run(&cases).unwrap_or_else(|gone| panic!("{gone}"));
        ratchet.count(&area, &outcomes);
        failures.extend(outcomes.iter().filter_map(failure));
    }
    report(&failures, &ratchet);
    if only.is_empty() {
        compare(&ratchet);
    }
}

fn path_of(variable: &str, default: &str) -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join(default);
    std::env::var_os(variable).map_or_else(default, PathBuf::from)
}

fn case_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder of cases");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    files.sort();
    files
}

fn failure(outcome: &Outcome) -> Option<String> {
    match &outcome.verdict {
        Verdict::Failed(why) => Some(format!("{} {} | {why}", outcome.level, outcome.id)),
        _ => None,
    }
}

fn report(failures: &[String], ratchet: &Ratchet) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("conformance-failures.txt");
    std::fs::write(&path, failures.join("\n") + "\n").expect("the list of failures is written");
    for line in failures {
        say(line.chars().take(REASON_SHOWN_MAX).collect::<String>());
    }
    say(format_args!(
        "{}whole reasons in {}",
        ratchet.table(),
        path.display()
    ));
}

fn compare(ratchet: &Ratchet) {
    let record = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance.ratchet");
    if std::env::var_os("MOOR_UPDATE_RATCHET").is_some() {
        ratchet.write(&record);
    }
    let worse = ratchet.below(&record);
    assert!(
        worse.is_empty(),
        "fewer cases pass than before:\n{}",
        worse.join("\n")
    );
}
