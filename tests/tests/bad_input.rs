//! What the programs say when they are started wrongly: one line that names the thing and the mend, an exit code, and
//! nothing left behind.

use std::net::TcpListener;
use std::path::Path;

use moor_tests::{Database, Ended, Program, Server};

/// The exit code of a failure.
const FAILURE: i32 = 1;
/// The exit code of a wrong command line.
const USAGE: i32 = 2;

fn moor() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_moor-under-test"))
}

fn cases_db() -> String {
    format!("{}/data/cases.db", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a program to its end in `folder`; only what is worse than a notice is logged.
fn run(word: &str, flags: &[&str], folder: &Path) -> Ended {
    let quiet = ["--log-level", "error"];
    let flags: Vec<String> = flags
        .iter()
        .chain(&quiet)
        .map(ToString::to_string)
        .collect();
    Program::start(moor(), word, &flags, folder).end()
}

/// The program ends with `code` and one line that has all of `parts`.
fn refuses(word: &str, flags: &[&str], folder: &Path, code: i32, parts: &[&str]) {
    let ended = run(word, flags, folder);
    assert_eq!(ended.code, Some(code), "{flags:?}: {:?}", ended.lines);
    let [line] = &ended.lines[..] else {
        panic!("{flags:?}: one line was expected: {:?}", ended.lines);
    };
    for part in parts {
        assert!(
            line.contains(part),
            "{flags:?}: {part:?} is not in {line:?}"
        );
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn executables_where_the_world_can_write_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir_all(folder.path().join("both/tools")).expect("folders");
    for (files, executables, parts) in [
        (
            "both",
            "both/tools",
            ["the world can write there", "choose a folder apart"],
        ),
        (
            "both/tools",
            "both",
            ["the world can write there", "choose a folder apart"],
        ),
        ("both", "nowhere", ["--executables nowhere", "No such file"]),
    ] {
        let flags = ["world", "--files", files, "--executables", executables];
        refuses("daemon", &flags, folder.path(), FAILURE, &parts);
        assert_eq!(names(folder.path()), ["both"]);
    }
}

#[test]
fn a_start_script_that_cannot_be_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("latin"), b"notify(player, \"\xe9\");").expect("written");
    for (file, part) in [("nowhere", "No such file"), ("latin", "UTF-8")] {
        let flags = ["world", "--start-script", file];
        let parts = ["--start-script", file, part];
        refuses("daemon", &flags, folder.path(), FAILURE, &parts);
    }
    assert_eq!(names(folder.path()), ["latin"]);
}

#[test]
fn wrong_command_lines() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (word, flags, parts) in [
        (
            "daemon",
            &["--impotr", "x"][..],
            &["--impotr", "'--import'"][..],
        ),
        (
            "daemon",
            &["--rpc-listen", "tcp://0.0.0.0"],
            &["--rpc-listen", "missing port", "tcp://0.0.0.0:7899"],
        ),
        (
            "daemon",
            &["--drain-timeout", "soon"],
            &["--drain-timeout", "soon"],
        ),
        (
            "daemon",
            &["--import", "x", "--import-format", "textdumb"],
            &["--import-format", "textdumb", "textdump"],
        ),
        (
            "telnet-host",
            &["--telnet-port", "70000"],
            &["--telnet-port", "70000", "65535"],
        ),
        (
            "telnet-host",
            &["--telnet-address", "nowhere"],
            &["--telnet-address", "nowhere"],
        ),
        (
            "up",
            &["--telnet-prot", "1"],
            &["--telnet-prot", "'--telnet-port'"],
        ),
        ("demon", &[], &["demon", "moor daemon"]),
    ] {
        refuses(word, flags, folder.path(), USAGE, parts);
        assert_eq!(
            names(folder.path()),
            Vec::<String>::new(),
            "{word} {flags:?} left something"
        );
    }
}

#[test]
fn wrong_configuration_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("a.toml"), "telnet-prot = 1\n").expect("written");
    refuses(
        "telnet-host",
        &["--config", "a.toml"],
        folder.path(),
        USAGE,
        &["a.toml", "telnet-prot", "telnet-port"],
    );
    refuses(
        "telnet-host",
        &["--config", "b.toml"],
        folder.path(),
        USAGE,
        &["b.toml"],
    );
}

#[test]
fn damaged_textdumps() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let whole = std::fs::read(cases_db()).expect("the textdump");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("written")
    };
    write("cut.db", &whole[..whole.len() * 3 / 4]);
    write("tail.db", &whole[..whole.len() - 5]);
    write("other.db", b"hello\n");
    write("empty.db", b"");
    let before = names(folder.path());
    for (file, parts) in [
        ("cut.db", &["cut.db", "line 1", "expected"][..]),
        ("tail.db", &["tail.db", "suspended tasks", "expected"]),
        ("other.db", &["other.db", "line 1", "LambdaMOO Database"]),
        ("empty.db", &["empty.db", "line 1"]),
        ("missing.db", &["missing.db", "No such file"]),
        (".", &["--import .", "directory"]),
    ] {
        refuses(
            "daemon",
            &["world", "--import", file],
            folder.path(),
            FAILURE,
            parts,
        );
        assert_eq!(names(folder.path()), before, "{file} left something");
    }
}

#[test]
fn data_directories_that_are_in_use() {
    let mut server = Server::start(moor(), &Database::Textdump(cases_db().into()));
    let folder = server.folder().to_owned();
    let other = [
        "--rpc-listen".to_owned(),
        format!("ipc://{}/other.sock", folder.display()),
    ];
    let elsewhere = ["world", &other[0], &other[1]];
    refuses("daemon", &elsewhere, &folder, FAILURE, &["world", "in use"]);
    server
        .log_in("wizard")
        .value("return add_property(#0, \"kept\", 1, {#3, \"\"});");
    let ended = server.daemon.stop();
    assert_eq!(ended.code, Some(0), "{:?}", ended.lines);
    let database = cases_db();
    refuses(
        "daemon",
        &["world", "--import", &database],
        &folder,
        FAILURE,
        &["world", "holds a world", "--import"],
    );
    server.restart_daemon();
    assert_eq!(server.log_in("wizard").value("return #0.kept;"), "1");
}

#[test]
fn data_directories_of_a_newer_version() {
    let mut server = Server::start(moor(), &Database::Textdump(cases_db().into()));
    server.daemon.stop();
    let format = server.folder().join("world/FORMAT");
    let told = std::fs::read_to_string(&format).expect("the format of the data directory");
    std::fs::write(&format, told.replace("version 1", "version 2")).expect("written");
    refuses(
        "daemon",
        &["world"],
        server.folder(),
        FAILURE,
        &["FORMAT", "version 2", "1"],
    );
    std::fs::write(&format, told).expect("written");
    server.restart_daemon();
}

#[test]
fn folders_that_cannot_be_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("file"), "").expect("written");
    let database = cases_db();
    refuses(
        "daemon",
        &["file/world", "--import", &database],
        folder.path(),
        FAILURE,
        &["file"],
    );
    refuses(
        "daemon",
        &["file", "--import", &database],
        folder.path(),
        FAILURE,
        &["file"],
    );
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn ports_in_use() {
    let server = Server::start(moor(), &Database::Textdump(cases_db().into()));
    let folder = server.folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let telnet = [
        "--telnet-address",
        "127.0.0.1",
        "--telnet-port",
        &port,
        "--health-check-port",
        "0",
        "--data-dir",
        "second",
    ];
    refuses(
        "telnet-host",
        &telnet,
        folder,
        FAILURE,
        &["--telnet-port", &port, "in use"],
    );
    let health = [
        "--telnet-address",
        "127.0.0.1",
        "--telnet-port",
        "0",
        "--health-check-port",
        &port,
        "--data-dir",
        "third",
    ];
    refuses(
        "telnet-host",
        &health,
        folder,
        FAILURE,
        &["--health-check-port", &port, "in use"],
    );
    let rpc = format!("ipc://{}/rpc.sock", folder.display());
    refuses(
        "daemon",
        &["second-world", "--rpc-listen", &rpc],
        folder,
        FAILURE,
        &["rpc.sock", "in use"],
    );
    assert!(
        !folder.join("second-world").exists(),
        "no world is made for a daemon that cannot serve it"
    );
    assert_eq!(server.log_in("programmer").value("return 1;"), "1");
}
