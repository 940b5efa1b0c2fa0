//! What programs of the world reach of the machine, with the real daemon: files, databases, executables, scripts of the operator;
//! where they are, and what a killed daemon leaves of them.

use std::path::Path;

use moor_tests::{Database, Program, Server};

fn start(flags: &[&str]) -> Server {
    let moor = Path::new(env!("CARGO_BIN_EXE_moor-under-test"));
    Server::start_with(moor, &Database::cases(), flags)
}

#[test]
fn what_was_written_is_there_after_the_daemon_was_killed_and_handles_are_not() {
    let mut server = start(&[]);
    let mut user = server.log_in("wizard");
    let write = "h = file_open(\"a\", \"w-tn\"); file_writeline(h, \"kept\"); return h;";
    assert_eq!(user.value(write), "1");
    let fill = "h = sqlite_open(\"a.db\"); sqlite_query(h, \"CREATE TABLE t(a); INSERT INTO t VALUES (5)\"); return h;";
    assert_eq!(user.value(fill), "1");
    server.daemon.kill();
    server.restart_daemon();
    let open = "return {file_handles(), sqlite_handles(), `file_readline(1) ! ANY', `sqlite_close(1) ! ANY'};";
    assert_eq!(user.value(open), "{{}, {}, E_INVARG, E_INVARG}");
    let read = "h = file_open(\"a\", \"r-tn\"); d = sqlite_open(\"a.db\"); \
                return {file_readline(h), sqlite_query(d, \"SELECT a FROM t\")};";
    assert_eq!(user.value(read), "{\"kept\", {{5}}}");
    let kept = std::fs::read_to_string(server.folder().join("world/files/a"));
    assert_eq!(kept.expect("in the data directory"), "kept\n");
}

#[test]
fn the_operator_says_where_files_are() {
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(elsewhere.path().join("given"), "from the operator").expect("written");
    let server = start(&["--files", elsewhere.path().to_str().expect("text")]);
    let mut user = server.log_in("wizard");
    assert_eq!(user.value("return file_list(\"/\");"), "{\"given\"}");
    let out = "return `file_open(\"../world/FORMAT\", \"r-tn\") ! ANY';";
    assert_eq!(user.value(out), "E_INVARG");
}

#[test]
fn nothing_of_the_machine_is_run_unless_the_operator_has_named_a_folder() {
    let server = start(&[]);
    let mut user = server.log_in("wizard");
    assert_eq!(user.value("return `exec({\"sleep\"}) ! ANY';"), "E_PERM");
    assert_eq!(
        user.value("return `exec({\"/bin/sh\"}) ! ANY';"),
        "E_INVARG"
    );
}

#[test]
fn a_killed_daemon_takes_its_programs_with_it_and_wakes_their_tasks() {
    let executables = concat!(env!("CARGO_MANIFEST_DIR"), "/data/executables");
    let mut server = start(&["--executables", executables]);
    let mut user = server.log_in("wizard");
    let works = "return exec({\"test_io\"}, \"~00in\");";
    assert_eq!(user.value(works), "{0, \"~00in\", \"~00in\"}");
    let note = server.folder().join("note");
    let fork = format!(
        "add_property(#0, \"ended\", 0, {{player, \"\"}}); fork (0) #0.ended = `exec({{\"linger\", \"{}\"}}) ! ANY'; endfork return 1;",
        note.display()
    );
    assert_eq!(user.value(&fork), "1");
    let processes = awaited(&note);
    assert_eq!(processes.len(), 2);
    server.daemon.kill();
    processes.iter().for_each(|process| until_it_ends(process));
    server.restart_daemon();
    let ended =
        "for i in [1..600] if (#0.ended != 0) break; endif suspend(0.1); endfor return #0.ended;";
    assert_eq!(user.value(ended), "E_INTRPT");
}

/// The numbers of processes that a program writes when it has begun.
fn awaited(note: &Path) -> Vec<String> {
    loop {
        match std::fs::read_to_string(note) {
            Ok(text) if text.ends_with('\n') => {
                return text.split_whitespace().map(str::to_owned).collect();
            }
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

#[test]
fn words_are_checked_by_the_dictionary_that_the_operator_names() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("few");
    std::fs::write(path.with_extension("aff"), "SET UTF-8\nTRY abl\n").expect("written");
    std::fs::write(path.with_extension("dic"), "1\nball\n").expect("written");
    let server = start(&["--spelling-dictionary", path.to_str().expect("text")]);
    let mut user = server.log_in("programmer");
    let check = "return {spellcheck(\"Ball\"), spellcheck(\"bal\"), spellcheck(\"zzzz\")};";
    assert_eq!(user.value(check), "{1, {\"ball\"}, {}}");
    let without = start(&["--spelling-dictionary", "/nowhere/en"]);
    let mut user = without.log_in("programmer");
    assert_eq!(
        user.value("return `spellcheck(\"ball\") ! ANY';"),
        "E_INVARG"
    );
}

#[test]
fn scripts_of_the_operator_reach_the_world_at_each_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("script.moo");
    std::fs::write(&script, "\tif (\u{7}1)\r\nendif\n\nlast").expect("written");
    let script = script.to_str().expect("text");
    let mut server = start(&["--start-script", script, "--start-line", "$a(\"b\");"]);
    let mut user = server.log_in("wizard");
    let ready = "add_property(#0, \"seen\", {}, {player, \"\"}); \
                 add_verb(#0, {player, \"xd\", \"do_start_script\"}, {\"this\", \"none\", \"this\"}); \
                 return set_verb_code(#0, \"do_start_script\", {\"#0.seen = {@#0.seen, args};\"});";
    assert_eq!(user.value(ready), "{}");
    server.daemon.kill();
    server.restart_daemon();
    let seen = "{{\"$a(\\\"b\\\");\"}, {\"\tif (1)\", \"endif\", \"\", \"last\"}}";
    assert_eq!(user.value("return #0.seen;"), seen);
}

/// Starts a daemon on a data directory that an operator has filled before, and waits until it serves.
fn served(folder: &Path, flags: &[&str]) -> Program {
    let moor = Path::new(env!("CARGO_BIN_EXE_moor-under-test"));
    let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
    let mut daemon = Program::start(moor, "daemon", &flags, folder);
    daemon.line("ready");
    daemon
}

#[test]
fn files_may_be_there_before_the_world() {
    let database = concat!(env!("CARGO_MANIFEST_DIR"), "/data/cases.db");
    for flags in [&["world"][..], &["world", "--import", database]] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = folder.path().join("world/files");
        std::fs::create_dir_all(&files).expect("a folder");
        std::fs::write(files.join("a"), "kept").expect("written");
        let ended = served(folder.path(), flags).stop();
        assert_eq!(ended.code, Some(0), "{:?}", ended.lines);
        let kept = std::fs::read_to_string(files.join("a"));
        assert_eq!(kept.expect("it is there"), "kept");
    }
}
