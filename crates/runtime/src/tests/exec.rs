//! Programs of the machine: who may run which, what comes back, and their end with the task.

use moor_value::ErrorCode;

use super::fixture::Who;
use super::listening::Listening;

/// A world whose folder of executables has `name`, these lines of a shell.
fn world(name: &str, script: &str) -> Listening {
    let world = Listening::new();
    world.server.add_executable(name, script);
    world
}

/// The error that a call raises, or its value.
fn ended(world: &Listening, who: Who, call: &str) -> String {
    let caught = format!("try return exec({call}); except e (ANY) return e[1..2]; endtry");
    world.value(who, &caught)
}

#[test]
fn a_program_gets_words_input_and_variables_and_no_shell_reads_them() {
    let world = world(
        "tool",
        "printf '%s|' \"$@\" \"$A\" \"$PATH\"; cat >&2; exit 3",
    );
    let call = "{\"tool\", \"*\", \"$(id)\", \"a b\"}, \"in~00~0A\", {\"A=1=2\"}";
    assert_eq!(
        ended(&world, Who::Wizard, call),
        "{3, \"*|$(id)|a b|1=2|/bin:/usr/bin|\", \"in~00~0A\"}"
    );
    let bare = "{\"tool\"}, \"\", {\"PATH=/x\"}";
    let answer = ended(&world, Who::Wizard, bare);
    assert!(answer.starts_with("{3, \"|/x|\", "), "{answer}");
}

#[test]
fn what_is_wrong_is_told_before_who_asks() {
    let world = world("tool", "");
    let invalid = "{E_INVARG, \"Invalid argument\"}";
    let path = "{E_INVARG, \"Invalid path\"}";
    for (call, answer) in [
        ("{}", invalid),
        ("{1}", invalid),
        ("{\"tool\", 1}", invalid),
        ("{\"tool\"}, \"~ZZ\"", invalid),
        ("{\"tool\"}, \"\", {1}", invalid),
        ("{\"tool\"}, \"\", {\"A\"}", invalid),
        ("{\"tool\"}, \"\", {\"=A\"}", invalid),
        ("{\"\"}", path),
        ("{\"/bin/sh\"}", path),
        ("{\"../tool\"}", path),
        ("{\"./tool\"}", path),
        ("{\"a/../tool\"}", path),
    ] {
        assert_eq!(ended(&world, Who::Programmer, call), answer, "{call}");
    }
    let denied = ended(&world, Who::Programmer, "{\"tool\"}");
    assert_eq!(denied, "{E_PERM, \"Permission denied\"}");
    let missing = ended(&world, Who::Wizard, "{\"other\"}");
    assert_eq!(missing, "{E_INVARG, \"Does not exist\"}");
    for (args, code) in [("", ErrorCode::Args), ("\"tool\"", ErrorCode::Type)] {
        let ended = world.server.run(Who::Wizard, &format!("exec({args});"));
        assert_eq!(ended.code(), Some(code), "{args}");
    }
}

#[test]
fn more_output_than_may_be_is_an_error() {
    let world = world("tool", "head -c 4194305 /dev/zero");
    let answer = ended(&world, Who::Wizard, "{\"tool\"}");
    assert!(answer.starts_with("{E_QUOTA, "), "{answer}");
    // The bytes are within the bound, their text is not.
    world.server.add_executable("tool", "head -c 400 /dev/zero");
    let small = "add_property($server_options, \"max_string_concat\", 1100, {#2, \"r\"}); return load_server_options();";
    assert_eq!(world.value(Who::Wizard, small), "0");
    let answer = ended(&world, Who::Wizard, "{\"tool\"}");
    assert!(answer.starts_with("{E_QUOTA, "), "{answer}");
}

#[test]
fn a_killed_task_takes_its_program_with_it() {
    let world = world("tool", "echo $$ > \"$1\"; sleep 1000");
    let note = world.server.executables().join("note");
    let run = format!("return exec({{\"tool\", \"{}\"}});", note.display());
    let _waits = world.eval(Who::Wizard, &run);
    let number = awaited(&note);
    let kill = "t = queued_tasks(); resumed = `resume(t[1][1]) ! ANY'; kill_task(t[1][1]); \
                return {resumed, `kill_task(t[1][1]) ! ANY'};";
    assert_eq!(world.value(Who::Wizard, kill), "{E_INVARG, E_INVARG}");
    until_it_ends(&number);
}

#[test]
fn a_restart_ends_the_program_and_wakes_the_task() {
    let mut world = world("tool", "echo $$ > \"$1\"; sleep 1000");
    let note = world.server.executables().join("note");
    let fork = format!(
        "fork (0) try exec({{\"tool\", \"{}\"}}); except e (ANY) worker_request(\"echo\", {{e[1]}}); endtry endfork return 1;",
        note.display()
    );
    assert_eq!(world.value(Who::Wizard, &fork), "1");
    let number = awaited(&note);
    world.restart();
    let shown = moor_value::Value::List(world.call().args).to_literal();
    assert_eq!(shown, "{E_INTRPT}");
    until_it_ends(&number);
}

/// The word that a program writes to a file when it has begun.
fn awaited(note: &std::path::Path) -> String {
    loop {
        match std::fs::read_to_string(note) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => std::thread::yield_now(),
        }
    }
}

/// Waits until no process of this number runs.
fn until_it_ends(number: &str) {
    let path = format!("/proc/{number}/stat");
    while std::fs::read_to_string(&path).is_ok_and(|stat| !stat.contains(") Z")) {
        std::thread::yield_now();
    }
}
