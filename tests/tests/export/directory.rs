//! Object directories: out, changed with an editor, checked, and in again.

use std::fs;
use std::path::Path;
use std::process::Command;

use moor_tests::{Ended, Program, Server, Session};

use crate::{MOOR, daemon, furnish, seen, server};

/// Runs `moor world ...` in the server's folder.
pub(crate) fn world(server: &Server, words: &[&str]) -> Ended {
    let mut command = Command::new(MOOR);
    command
        .arg("world")
        .args(words)
        .current_dir(server.folder());
    Program::spawn("world", command).end()
}

fn succeeds(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{:?}", ended.lines);
}

/// A server that has stopped, and the object directory `out` of its world.
fn exported(newer: bool) -> (Server, Vec<String>) {
    let mut server = server(&[]);
    let mut wizard = server.log_in("wizard");
    furnish(&mut wizard, newer);
    let before = seen(&mut wizard);
    server.daemon.stop();
    succeeds(&world(&server, &["export", "world", "out"]));
    (server, before)
}

fn edit(server: &Server, file: &str, from: &str, to: &str) {
    let path = server.folder().join("out").join(file);
    let text = fs::read_to_string(&path).expect("the file is there");
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, to, 1)).expect("it is written");
}

fn wizard(server: &mut Server) -> Session {
    server.restart_daemon();
    server.log_in("wizard")
}

#[test]
fn a_world_comes_back_from_its_directory() {
    let (mut server, before) = exported(true);
    let checked = world(&server, &["check", "out"]);
    succeeds(&checked);
    assert!(checked.lines[0].ends_with("verbs"), "{:?}", checked.lines);
    // The same world has nothing to gain from it.
    let same = world(&server, &["import", "out", "world"]);
    succeeds(&same);
    assert_eq!(same.lines, ["0 added, 0 changed, 0 kept as they are"]);
    fs::rename(server.folder().join("world"), server.folder().join("old")).expect("renamed");
    succeeds(&world(&server, &["import", "out", "world"]));
    let mut wizard = wizard(&mut server);
    let after = seen(&mut wizard);
    // Tasks have no place in a directory; the rest is there. Who logs in is a new player.
    assert_eq!(after[1], before[1]);
    assert_eq!(after[2], "{}");
    assert_eq!(after[3..], before[3..]);
}

#[test]
fn the_daemon_reads_and_writes_directories_too() {
    let (mut server, before) = exported(false);
    fs::rename(server.folder().join("world"), server.folder().join("old")).expect("renamed");
    let flags = [
        "world",
        "--import",
        "out",
        "--import-format",
        "objdir",
        "--export",
    ];
    let refused = daemon(
        &server,
        &[&flags[..], &["out", "--export-format", "textdump"]].concat(),
    );
    assert_eq!(refused.code, Some(1), "it exists: {:?}", refused.lines);
    assert!(
        !server.folder().join("world").exists(),
        "nothing is half-done"
    );
    succeeds(&daemon(
        &server,
        &[&flags[..], &["again", "--export-format", "objdir"]].concat(),
    ));
    let text = |folder: &str| {
        let path = server.folder().join(folder).join("objects/000/0.moo");
        fs::read_to_string(path).expect("the file is there")
    };
    assert_eq!(text("out"), text("again"));
    let mut wizard = wizard(&mut server);
    assert_eq!(seen(&mut wizard)[1], before[1]);
}

#[test]
fn what_was_edited_is_merged_and_tasks_stay() {
    let (mut server, before) = exported(false);
    edit(
        &server,
        "objects/000/0.moo",
        "return task;",
        "return {task, \"edited\"};",
    );
    edit(
        &server,
        "objects/000/0.moo",
        "property kept",
        "property added (#3, \"r\") = {1};\n\nproperty kept",
    );
    let conflict = world(&server, &["import", "out", "world"]);
    assert_eq!(conflict.code, Some(6), "{:?}", conflict.lines);
    let wanted = [
        "#0.added: new: (#3, \"r\") {1}",
        "#0:later: code",
        "  - return task;",
        "  + return {task, \"edited\"};",
    ];
    for line in wanted {
        assert!(
            conflict.lines.iter().any(|told| told == line),
            "{:?}",
            conflict.lines
        );
    }
    let kept = world(
        &server,
        &["import", "out", "world", "--on-conflict", "skip"],
    );
    assert_eq!(kept.lines, ["0 added, 0 changed, 1 kept as they are"]);
    let dry = world(
        &server,
        &[
            "import",
            "out",
            "world",
            "--on-conflict",
            "merge",
            "--dry-run",
        ],
    );
    succeeds(&dry);
    let mut twice = wizard(&mut server);
    assert_eq!(twice.value("return \"added\" in properties(#0);"), "0");
    drop(twice);
    server.daemon.stop();
    let wet = world(
        &server,
        &["import", "out", "world", "--on-conflict", "merge"],
    );
    assert_eq!(wet.lines, dry.lines);
    let mut wizard = wizard(&mut server);
    assert_eq!(wizard.value("return #0.added;"), "{1}");
    let code = wizard.value("return verb_code(#0, \"later\");");
    assert!(code.contains("edited"), "{code}");
    assert_eq!(wizard.value("return #0.kept;"), kept_of(&before));
    assert_eq!(wizard.value("return length(queued_tasks());"), "1");
}

/// The value of `#0.kept` in the first answer.
fn kept_of(before: &[String]) -> String {
    let first = before[0].split_once(", ").expect("several values").1;
    let end = first.find("}, {#3").expect("the property's owner") + 1;
    first[..end].to_owned()
}

#[test]
fn check_tells_every_mistake_with_its_place() {
    let (server, _) = exported(false);
    edit(
        &server,
        "objects/000/0.moo",
        "{what} = args;",
        "{what = args;",
    );
    edit(
        &server,
        "objects/000/2.moo",
        "set_task_perms(player);",
        "set_task_permz(player);",
    );
    for words in [&["check", "out"][..], &["import", "out", "world"]] {
        let told = world(&server, words);
        assert_eq!(told.code, Some(5), "{:?}", told.lines);
        let place = |file: &str, line: usize| {
            let text = fs::read_to_string(server.folder().join("out").join(file));
            let text = text.expect("the file is there");
            let found = text
                .lines()
                .nth(line - 1)
                .expect("the line is there")
                .to_owned();
            found.trim().to_owned()
        };
        let faults: Vec<&String> = told
            .lines
            .iter()
            .filter(|line| line.contains(".moo:"))
            .collect();
        assert_eq!(faults.len(), 2, "{:?}", told.lines);
        let line_of = |fault: &str| -> usize {
            let part = fault.split(':').nth(1).expect("a line");
            part.parse().expect("a number")
        };
        assert_eq!(
            place("objects/000/0.moo", line_of(faults[0])),
            "{what = args;"
        );
        assert_eq!(
            place("objects/000/2.moo", line_of(faults[1])),
            "set_task_permz(player);"
        );
        assert!(
            faults[1].contains("Unknown built-in function: set_task_permz"),
            "{}",
            faults[1]
        );
    }
    assert!(Path::new(&server.folder().join("world")).exists());
}

#[test]
fn what_is_no_directory_is_a_failure() {
    let (server, _) = exported(false);
    for words in [
        &["check", "nothing"][..],
        &["import", "world", "world"],
        &["import", "nothing", "new"],
    ] {
        let told = world(&server, words);
        assert_eq!(told.code, Some(1), "{:?}", told.lines);
        assert!(
            told.lines
                .iter()
                .any(|line| line.contains("no object directory")),
            "{:?}",
            told.lines
        );
    }
    assert!(!server.folder().join("new").exists());
}

#[test]
fn a_textdump_that_is_taken_for_a_directory_is_told_where_it_belongs() {
    let (server, _) = exported(false);
    fs::write(
        server.folder().join("file.db"),
        "** LambdaMOO Database **\n",
    )
    .expect("written");
    for words in [&["check", "file.db"][..], &["import", "file.db", "new"]] {
        let told = world(&server, words);
        assert_eq!(told.code, Some(1), "{:?}", told.lines);
        let mend = "a textdump is imported with moor daemon --import";
        assert!(
            told.lines.iter().any(|line| line.contains(mend)),
            "{:?}",
            told.lines
        );
    }
    assert!(!server.folder().join("new").exists());
}
