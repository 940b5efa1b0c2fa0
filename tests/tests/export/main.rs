//! Worlds leave as files, while they are used and while nobody serves them, and come in again.
//!
//! In: the small world for cases. Out: nothing that programs see of the world that comes in differs from the one that
//! went out; files are whole or not there.

mod checkpoint;
mod directory;
mod moment;
mod objects;
mod running;
mod stopped;
mod tasks;

use std::path::{Path, PathBuf};

use moor_tests::{Database, Ended, Program, Server, Session};

const MOOR: &str = env!("CARGO_BIN_EXE_moor-under-test");

/// A server of that world.
fn server(flags: &[&str]) -> Server {
    Server::start_with(Path::new(MOOR), &Database::cases(), flags)
}

/// A server of a world that was exported.
fn import(file: PathBuf) -> Server {
    Server::start(Path::new(MOOR), &Database::Textdump(file))
}

/// Runs the daemon until it ends by itself.
fn daemon(server: &Server, flags: &[&str]) -> Ended {
    let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
    Program::start(Path::new(MOOR), "daemon", &flags, server.folder()).end()
}

/// What a wizard may leave in a world, newer than LambdaMOO or not.
fn furnish(wizard: &mut Session, newer: bool) {
    let values = match newer {
        true => r#"["key" -> {1, 2.5}, 3 -> true], 4611686018427387904, E_FILE"#,
        false => r#"{1, 2.5, "deep" + " text"}, 2147483647, E_QUOTA"#,
    };
    wizard.value(&format!(
        "return add_property(#0, \"kept\", {{{values}, 0.1, #-1}}, {{#3, \"r\"}});"
    ));
    wizard.value("return add_verb(#0, {#3, \"xd\", \"later\"}, {\"this\", \"none\", \"this\"});");
    let fork = match newer {
        true => "total = 1 <<4;",
        false => "total = 16;",
    };
    let lines = [
        "{what} = args;",
        fork,
        "fork task (100000)",
        "if (what)",
        "#0.kept = {what, total, task, caller, player};",
        "endif",
        "endfork",
        "return task;",
    ];
    let lines: Vec<String> = lines.iter().map(|line| format!("{line:?}")).collect();
    let compiled = wizard.value(&format!(
        "return set_verb_code(#0, \"later\", {{{}}});",
        lines.join(", ")
    ));
    assert_eq!(compiled, "{}");
    wizard.value("return #0:later({\"a\", \"value\"});");
    if newer {
        furnish_with_handles(wizard);
    }
}

/// Anonymous objects and waifs, also one whose parent changed after it was made.
fn furnish_with_handles(wizard: &mut Session) {
    for code in [
        "return add_property(#0, \"ghosts\", {}, {#3, \"r\"});",
        "return add_property(#1, \"mood\", \"calm\", {#3, \"rc\"});",
        "#0.ghosts = {create(#1, 1), create(#1, 1)}; return 1;",
        "#0.ghosts[2].mood = #0.ghosts[1]; return 1;",
        "return recycle(#0.ghosts[1]);",
        "#0.ghosts = {@#0.ghosts, create(#1, 1)}; return 1;",
        "return add_property(#1, \"shade\", 7, {#3, \"r\"});",
        "return add_property(#2, \":tag\", 3, {#3, \"rc\"});",
        "return add_verb(#2, {#3, \"xd\", \"new\"}, {\"this\", \"none\", \"this\"});",
        "return set_verb_code(#2, \"new\", {\"return new_waif();\"});",
        "return add_property(#0, \"waifs\", {}, {#3, \"r\"});",
        "w = #2:new(); v = #2:new(); w.tag = v; v.tag = {1, #0.ghosts[2]}; #0.waifs = {w, v, #2:new()}; return 1;",
    ] {
        wizard.value(code);
    }
}

/// What programs see of it.
fn seen(wizard: &mut Session) -> Vec<String> {
    let questions = [
        "return {max_object(), #0.kept, property_info(#0, \"kept\"), verb_code(#0, \"later\")};",
        "return verbs(#0);",
        "l = {}; for t in (queued_tasks()) l = {@l, {t[1], t[2] > time(), t[5], t[6], t[7], t[9]}}; endfor return l;",
    ];
    let handles = [
        "l = {}; for g in (#0.ghosts) l = {@l, {valid(g), `g.mood ! ANY', `parents(g) ! ANY'}}; endfor return l;",
        "{a, b, c} = #0.waifs; return {a.tag == b, b.tag[2] == #0.ghosts[2], c.tag, a.owner, typeof(b)};",
    ];
    let questions = match wizard
        .value("return \"ghosts\" in properties(#0);")
        .as_str()
    {
        "0" => questions.to_vec(),
        _ => [&questions[..], &handles].concat(),
    };
    questions
        .into_iter()
        .map(|question| wizard.value(question))
        .collect()
}
