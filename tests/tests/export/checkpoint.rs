//! Checkpoints of a world that is used.

use std::fs;
use std::path::Path;

use moor_tests::{Server, Session, SmallDisk, say};
use rustix::process::Signal;

use crate::{furnish, import, seen, server};

/// Has the wizard hear of checkpoints.
fn listen(wizard: &mut Session) {
    for (hook, text) in [
        ("checkpoint_started", "started"),
        ("checkpoint_finished", "finished"),
    ] {
        wizard.value(&format!(
            "return add_verb(#0, {{#3, \"xd\", \"{hook}\"}}, {{\"this\", \"none\", \"this\"}});"
        ));
        let compiled = wizard.value(&format!(
            "return set_verb_code(#0, \"{hook}\", {{tostr(\"notify(\", player, \", tostr(\\\"checkpoint {text} \\\", @args));\")}});"
        ));
        assert_eq!(compiled, "{}");
    }
}

/// Makes a checkpoint, and waits until the world has heard how it went.
fn checkpoint(wizard: &mut Session, outcome: u8) {
    wizard.value("return dump_database();");
    wizard
        .client()
        .expect(&format!("checkpoint finished {outcome}"));
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The number in the first line.
fn format_of(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("the file is there");
    let line = text.lines().next().expect("it has a header");
    let number = line.rsplit(' ').nth(1);
    number.expect("the header ends in a number").to_owned()
}

fn written(server: &Server) -> std::path::PathBuf {
    server.folder().join("out/world.db")
}

#[test]
fn dump_database_writes_a_file_that_is_the_world() {
    for (newer, format) in [(false, "4"), (true, "17")] {
        let flags = ["--checkpoint-export", "out/world.db"];
        let first = server(&flags);
        fs::create_dir(first.folder().join("out")).expect("a folder");
        let mut wizard = first.log_in("wizard");
        listen(&mut wizard);
        furnish(&mut wizard, newer);
        checkpoint(&mut wizard, 1);
        assert_eq!(names(&first.folder().join("out")), ["world.db"]);
        assert_eq!(format_of(&written(&first)), format);
        let second = import(written(&first));
        let mut again = second.log_in("wizard");
        assert_eq!(seen(&mut wizard)[1..], seen(&mut again)[1..]);
        // Who logs in is a new player in this world.
        let kept = "return {#0.kept, property_info(#0, \"kept\"), verb_code(#0, \"later\")};";
        assert_eq!(wizard.value(kept), again.value(kept));
    }
}

#[test]
fn a_signal_asks_for_a_checkpoint_unless_the_world_takes_care_of_it() {
    let server = server(&[]);
    let mut wizard = server.log_in("wizard");
    listen(&mut wizard);
    server.daemon.signal(Signal::USR2);
    wizard.client().expect("checkpoint finished 1");
    wizard.value(
        "return add_verb(#0, {#3, \"xd\", \"handle_signal\"}, {\"this\", \"none\", \"this\"});",
    );
    let code = "return set_verb_code(#0, \"handle_signal\", {tostr(\"notify(\", player, \", \\\"heard \\\" + args[1]); return 1;\")});";
    assert_eq!(wizard.value(code), "{}");
    server.daemon.signal(Signal::USR2);
    wizard.client().expect("heard SIGUSR2");
    server.daemon.signal(Signal::USR1);
    let between = wizard.client().lines_until(|line| line == "heard SIGUSR1");
    assert_eq!(between.expect("it is heard"), ["heard SIGUSR1"]);
}

#[test]
fn a_forked_task_does_in_the_other_world_what_it_would_have_done() {
    let flags = ["--checkpoint-export", "out/world.db"];
    let first = server(&flags);
    fs::create_dir(first.folder().join("out")).expect("a folder");
    let mut wizard = first.log_in("wizard");
    listen(&mut wizard);
    furnish(&mut wizard, true);
    checkpoint(&mut wizard, 1);
    // The same file, but the task is due.
    let text = fs::read_to_string(written(&first)).expect("the file is there");
    let id = wizard.value("return queued_tasks()[1][1];");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let task = lines
        .iter()
        .position(|line| line.ends_with(&format!(" {id}")));
    let task = task.expect("the task is in the file");
    lines[task] = format!("0 4 1 {id}");
    let due = lines.join("\n") + "\n";
    let file = first.folder().join("due.db");
    fs::write(&file, due).expect("it is written");
    let second = import(file);
    let mut again = second.log_in("wizard");
    let player = wizard.value("return player;");
    let mut kept = String::new();
    while !kept.starts_with("{{\"a\", \"value\"}") {
        again.value("suspend(0); return 1;");
        kept = again.value("return #0.kept;");
    }
    assert_eq!(
        kept,
        format!("{{{{\"a\", \"value\"}}, 16, {id}, #-1, {player}}}")
    );
}

#[test]
fn a_checkpoint_that_fails_says_so_and_leaves_the_former_file() {
    let flags = [
        "--checkpoint-export",
        "out/world.db",
        "--checkpoint-export-format",
        "lambdamoo",
    ];
    let mut server = server(&flags);
    let mut wizard = server.log_in("wizard");
    listen(&mut wizard);
    checkpoint(&mut wizard, 0);
    server.daemon.line("checkpoint failed");
    fs::create_dir(server.folder().join("out")).expect("a folder");
    checkpoint(&mut wizard, 1);
    let before = fs::read(written(&server)).expect("the file is there");
    wizard.value("return add_property(#0, \"newer\", true, {#3, \"\"});");
    checkpoint(&mut wizard, 0);
    server.daemon.line("a boolean (#0.newer)");
    assert_eq!(
        fs::read(written(&server)).expect("the file is there"),
        before
    );
    wizard.value(
        "delete_property(#0, \"newer\"); return add_property(#0, \"older\", 1, {#3, \"\"});",
    );
    checkpoint(&mut wizard, 1);
    assert_ne!(
        fs::read(written(&server)).expect("the file is there"),
        before
    );
    assert_eq!(names(&server.folder().join("out")), ["world.db"]);
}

#[test]
fn a_full_disk_costs_one_checkpoint() {
    let flags = ["--checkpoint-export", "out/world.db"];
    let server = server(&flags);
    let Some(_disk) = SmallDisk::mount(&server.folder().join("out"), 256 * 1024) else {
        say(format_args!(
            "export: no tmpfs may be mounted: no disk is filled"
        ));
        return;
    };
    let mut wizard = server.log_in("wizard");
    listen(&mut wizard);
    checkpoint(&mut wizard, 1);
    let before = fs::read(written(&server)).expect("the file is there");
    wizard.value("s = \"0123456789abcdef\"; for i in [1..15] s = s + s; endfor return add_property(#0, \"big\", s, {#3, \"\"});");
    checkpoint(&mut wizard, 0);
    assert_eq!(names(&server.folder().join("out")), ["world.db"]);
    assert_eq!(
        fs::read(written(&server)).expect("the file is there"),
        before
    );
    wizard.value("return delete_property(#0, \"big\");");
    checkpoint(&mut wizard, 1);
}

#[test]
fn the_world_says_how_often_there_is_a_checkpoint() {
    let server = server(&["--checkpoint-interval", "0.05"]);
    let mut wizard = server.log_in("wizard");
    listen(&mut wizard);
    for _ in 0..3 {
        wizard.client().expect("checkpoint started");
        wizard.client().expect("checkpoint finished 1");
    }
    wizard.value("return add_property(#0.server_options, \"dump_interval\", 100000, {#3, \"\"});");
    // One that was due already may come; after that there is none, so a wish is the next one.
    wizard.value("return dump_database();");
    wizard.client().expect("checkpoint finished 1");
}
