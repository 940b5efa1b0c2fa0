//! Files and databases of programs with the real daemon: where they are, and what a killed daemon leaves of them.

use std::path::Path;

use moor_tests::{Database, Server};

fn start(flags: &[&str]) -> Server {
    let database = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cases.db");
    let moor = Path::new(env!("CARGO_BIN_EXE_moor-under-test"));
    Server::start_with(moor, &Database::Textdump(database), flags)
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
