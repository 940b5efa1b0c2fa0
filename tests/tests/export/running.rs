//! Files that the operator asks a running daemon for: `moor world dump`.

use std::fs;

use crate::directory::world;
use crate::{furnish, import, seen, server};

#[test]
fn a_running_world_is_written_and_goes_on() {
    let sockets = tempfile::tempdir().expect("a temporary folder");
    private(sockets.path());
    let socket = sockets.path().join("admin.sock").display().to_string();
    let running = server(&["--admin-socket", &socket]);
    let mut wizard = running.log_in("wizard");
    furnish(&mut wizard, true);
    let dump = |path: &str, format: &str| {
        let words = ["dump", path, "--format", format, "--admin-socket", &socket];
        world(&running, &words)
    };
    let written = dump("out.db", "toaststunt");
    assert_eq!(written.code, Some(0), "{:?}", written.lines);
    assert!(
        written.lines[0].contains("out.db written in "),
        "{:?}",
        written.lines
    );
    let again = import(running.folder().join("out.db"));
    let mut other = again.log_in("wizard");
    assert_eq!(seen(&mut wizard)[1..], seen(&mut other)[1..]);
    // What is there is not replaced, but a folder is brought up to date.
    let before = fs::read(running.folder().join("out.db")).expect("it is there");
    let refused = dump("out.db", "textdump");
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.lines[0].contains("it exists; name a path that does not"),
        "{:?}",
        refused.lines
    );
    assert_eq!(
        fs::read(running.folder().join("out.db")).expect("it is there"),
        before
    );
    for _ in 0..2 {
        let written = dump("objects", "objdir");
        assert_eq!(written.code, Some(0), "{:?}", written.lines);
    }
    assert!(running.folder().join("objects/objects/000/0.moo").is_file());
    // What the format has no place for leaves no file.
    let refused = dump("old.db", "lambdamoo");
    assert_eq!(refused.code, Some(1), "{:?}", refused.lines);
    assert!(!running.folder().join("old.db").exists());
    let nowhere = dump("missing/out.db", "textdump");
    assert_eq!(nowhere.code, Some(1), "{:?}", nowhere.lines);
    assert_eq!(wizard.value("return 1 + 1;"), "2");
}

#[test]
fn without_a_daemon_nothing_is_written() {
    let mut stopped = server(&[]);
    stopped.daemon.stop();
    let words = ["dump", "out.db", "--admin-socket", "nobody.sock"];
    let ended = world(&stopped, &words);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.lines[0].contains("is the daemon running"),
        "{:?}",
        ended.lines
    );
}

/// Admin sockets are in folders of one user alone.
fn private(folder: &std::path::Path) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(folder, mode).expect("its mode");
}
