//! Files of programs: each write happens once, whatever becomes of other commits; who may; what a restart leaves.

use std::cell::Cell;

use moor_value::ErrorCode;

use super::fixture::{Server, Who};
use super::listening::Listening;
use crate::run;

fn value(server: &Server, source: &str) -> String {
    server.run(Who::Wizard, source).shown()
}

#[test]
fn a_write_happens_once_although_others_commit_meanwhile() {
    let world = Listening::new();
    let server = &world.server;
    value(server, "add_property(#0, \"x\", 1, {#2, \"\"});");
    let append = "h = file_open(\"log\", \"a-tn\"); file_writeline(h, tostr(#0.x)); file_close(h); #0.x = #0.x + 1;";
    let attempts = Cell::new(0);
    let task = server.runtime.new_task_id();
    let done = server.runtime.run_stretch(task, false, |stretch| {
        attempts.set(attempts.get() + 1);
        // What the first attempt has read is changed before it gets to the file.
        if !stretch.is_exclusive {
            server.run(Who::Wizard, "#0.x = 10;");
        }
        run::start(stretch, Server::start_of(Who::Wizard, append));
    });
    assert!(done.is_some());
    assert_eq!(attempts.get(), 2, "the second one held the commit turn");
    let read = "h = file_open(\"log\", \"r-tn\"); l = file_readlines(h, 1, 9); file_close(h); return {l, #0.x};";
    assert_eq!(value(server, read), "{{\"10\"}, 11}");
}

#[test]
fn only_wizards_may() {
    let server = Server::new();
    let paths = [
        "file_chmod(\"a\", \"600\")",
        "file_list(\"\")",
        "file_mkdir(\"a\")",
        "file_rename(\"a\", \"b\")",
    ];
    let handles = [
        "file_open(\"a\", \"w-tn\")",
        "file_handles()",
        "file_readline(1)",
        "file_size(1)",
        "file_grep(1, \"\")",
    ];
    for call in paths.iter().chain(&handles) {
        let ended = server.run(Who::Programmer, &format!("return {call};"));
        assert_eq!(ended.code(), Some(ErrorCode::Perm), "{call}");
    }
    assert_eq!(value(&server, "return file_list(\"/\");"), "{}");
}

#[test]
fn text_and_binary_strings_are_told_apart() {
    let server = Server::new();
    let source = "h = file_open(\"a\", \"w-bn\"); file_write(h, \"a~09b~C3~A9~FF~0A\"); file_close(h); \
                  h = file_open(\"a\", \"r-tn\"); t = file_readline(h); file_close(h); \
                  h = file_open(\"a\", \"r-bn\"); b = file_readline(h); file_close(h); \
                  return {t, b, file_size(\"a\"), file_type(\"a\")};";
    assert_eq!(
        value(&server, source),
        "{\"abé\", \"a~09b~C3~A9~FF\", 7, \"reg\"}"
    );
}

#[test]
fn errors_are_those_of_toaststunt() {
    let server = Server::new();
    value(&server, "h = file_open(\"a\", \"w-tn\"); file_close(h);");
    for (call, expected) in [
        (
            "file_open(\"none\", \"r-tn\")",
            "! E_FILE No such file or directory",
        ),
        (
            "file_open(\"../a\", \"r-tn\")",
            "! E_INVARG Invalid pathname",
        ),
        ("file_open(\"a\", \"rw\")", "! E_INVARG Invalid mode string"),
        ("file_readline(9)", "! E_INVARG Invalid FHANDLE"),
        (
            "file_readline(file_open(\"a\", \"w-tn\"))",
            "! E_INVARG File is open write-only",
        ),
        (
            "file_write(file_open(\"a\", \"r-tn\"), \"x\")",
            "! E_INVARG File is open read-only",
        ),
        (
            "file_write(file_open(\"a\", \"w-bn\"), \"~ZZ\")",
            "! E_INVARG Invalid binary string",
        ),
        (
            "file_readline(file_open(\"a\", \"r-tn\"))",
            "! E_FILE End of file",
        ),
        (
            "file_seek(file_open(\"a\", \"r-tn\"), 0, \"SEEK\")",
            "! E_INVARG Invalid whence",
        ),
        ("file_readlines(1, 2, 1)", "! E_INVARG Invalid argument"),
        ("file_chmod(\"a\", \"8\")", "! E_INVARG Invalid mode string"),
        ("file_size({})", "! E_INVARG Invalid FHANDLE"),
    ] {
        assert_eq!(
            value(&server, &format!("return {call};")),
            expected,
            "{call}"
        );
    }
}

#[test]
fn handles_die_with_the_daemon_and_files_do_not() {
    let mut world = Listening::new();
    let open = "h = file_open(\"a\", \"w-tn\"); file_writeline(h, \"kept\"); return h;";
    assert_eq!(value(&world.server, open), "1");
    world.restart();
    assert_eq!(value(&world.server, "return file_handles();"), "{}");
    let ended = world.server.run(Who::Wizard, "return file_name(1);");
    assert_eq!(ended.code(), Some(ErrorCode::InvArg));
    assert_eq!(
        value(
            &world.server,
            "return file_readline(file_open(\"a\", \"r-tn\"));"
        ),
        "\"kept\""
    );
}
