//! Data directories that nobody serves.

use std::fs;

use crate::{daemon, furnish, import, seen, server};

const USAGE: Option<i32> = Some(1);

#[test]
fn a_stopped_world_is_exported_and_from_then_on_the_same_bytes() {
    for newer in [false, true] {
        let mut first = server(&[]);
        let mut wizard = first.log_in("wizard");
        furnish(&mut wizard, newer);
        let before = seen(&mut wizard);
        first.daemon.stop();
        let done = daemon(
            &first,
            &["world", "--export", "one.db", "--export-format", "textdump"],
        );
        assert_eq!(done.code, Some(0), "{:?}", done.lines);
        let one = first.folder().join("one.db");
        let second = daemon(
            &first,
            &["world", "--export", "one.db", "--export-format", "textdump"],
        );
        assert_eq!(second.code, USAGE, "{:?}", second.lines);
        assert!(
            second
                .lines
                .iter()
                .any(|line| line.contains("one.db: it exists"))
        );

        let mut again = import(one.clone());
        again.daemon.stop();
        let done = daemon(
            &again,
            &["world", "--export", "two.db", "--export-format", "textdump"],
        );
        assert_eq!(done.code, Some(0), "{:?}", done.lines);
        let two = fs::read_to_string(again.folder().join("two.db")).expect("it is there");
        let one = fs::read_to_string(&one).expect("it is there");
        // Nobody is connected to a world that was just imported.
        assert_eq!(unconnected(&one), unconnected(&two));
        again.restart_daemon();
        let mut wizard = again.log_in("wizard");
        assert_eq!(before[1..], seen(&mut wizard)[1..]);
    }
}

/// Without the connections.
pub(crate) fn unconnected(text: &str) -> String {
    let mut lines = text.lines();
    let mut kept = Vec::new();
    while let Some(line) = lines.next() {
        match line.strip_suffix(" active connections with listeners") {
            Some(count) => {
                let count: usize = count.parse().expect("a number");
                lines.by_ref().take(count).for_each(drop);
            }
            None => kept.push(line),
        }
    }
    kept.join("\n")
}

#[test]
fn a_format_that_is_too_old_is_refused_with_what_does_not_fit() {
    let mut first = server(&[]);
    let mut wizard = first.log_in("wizard");
    furnish(&mut wizard, true);
    first.daemon.stop();
    let refused = daemon(
        &first,
        &[
            "world",
            "--export",
            "old.db",
            "--export-format",
            "lambdamoo",
        ],
    );
    assert_eq!(refused.code, USAGE, "{:?}", refused.lines);
    let line = refused
        .lines
        .iter()
        .find(|line| line.contains("format 4 (LambdaMOO) has no place for"));
    let line = line.unwrap_or_else(|| panic!("{:?}", refused.lines));
    for part in ["a map (#0.kept)", "an operator on bits (#0:later)"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!first.folder().join("old.db").exists());
}

#[test]
fn a_folder_without_a_world_is_not_exported() {
    let mut server = server(&[]);
    server.daemon.stop();
    let refused = daemon(
        &server,
        &["nothing", "--export", "x.db", "--export-format", "textdump"],
    );
    assert_eq!(refused.code, USAGE, "{:?}", refused.lines);
    assert!(
        refused
            .lines
            .iter()
            .any(|line| line.contains("there is no world to export"))
    );
}
