//! The disk of a running world is full for a while: users are told, nothing that was begun is lost, and all goes on by
//! itself when there is space.
//!
//! In: the small world for cases, moved to a disk of its own. The tests say so and pass where nothing may be mounted.

use std::path::Path;
use std::process::Command;

use moor_tests::{Database, Server, Session, SmallDisk, say};

/// Bytes of the disk; the small world takes a few.
const DISK_BYTES: usize = 64 << 20;
const FAILS: &str = "The disk of this world refuses writes.";
const IS_BACK: &str = "takes writes again.";
const NOT_DONE: &str = "*** That was not done";

/// A server whose world is on a small disk. `None` where nothing may be mounted.
fn server() -> Option<(Server, SmallDisk)> {
    let moor = Path::new(env!("CARGO_BIN_EXE_moor-under-test"));
    let mut server = Server::start(moor, &Database::cases());
    server.daemon.stop();
    let (world, moved) = (server.folder().join("world"), server.folder().join("moved"));
    std::fs::rename(&world, &moved).expect("the world can be moved");
    let Some(disk) = SmallDisk::mount(&world, DISK_BYTES) else {
        say("full disk: no tmpfs may be mounted: no disk is filled");
        return None;
    };
    let copied = Command::new("cp")
        .args(["-a", "--"])
        .arg(moved.join("."))
        .arg(&world)
        .status();
    assert!(copied.expect("cp").success());
    server.restart_daemon();
    Some((server, disk))
}

/// Makes the disk refuse writes: returns when `user` has been told.
fn fill(disk: &SmallDisk, writer: &mut Session, user: &mut Session) {
    writer.value("return add_property(#0, \"ballast\", 0, {#3, \"\"});");
    disk.fill();
    let write =
        "; s = \"0123456789abcdef\"; for i in [1..14] s = s + s; endfor #0.ballast = s; return 1;";
    writer.client().send(write).expect("sent");
    user.client().expect(FAILS);
}

#[test]
fn a_task_that_reads_outlives_a_line_that_the_disk_refuses() {
    let Some((server, disk)) = server() else {
        return;
    };
    let (mut user, mut writer) = (server.log_in("wizard"), server.log_in("wizard"));
    user.client()
        .send("; return {\"was told\", read(), task_id() in {@queued_tasks()}};")
        .expect("sent");
    let reading = "return length(queued_tasks());";
    while writer.value(reading) != "1" {}
    fill(&disk, &mut writer, &mut user);
    user.client().send("one").expect("sent");
    user.client().expect(NOT_DONE);
    user.client().send("two").expect("sent");
    user.client().expect(NOT_DONE);
    disk.free();
    user.client().expect(IS_BACK);
    user.client().send("three").expect("sent");
    user.client().expect("{\"was told\", \"three\", 0}");
    let mut after = server.log_in("wizard");
    assert_eq!(after.value("return queued_tasks();"), "{}");
    assert_eq!(after.value("return length(#0.ballast);"), "262144");
}
