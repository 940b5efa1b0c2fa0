//! The end of a connection: the last output reaches a user who is still typing, with an end and without a reset.

use moor_host::WINDOW_LINES_MAX;
use moor_rpc::{CloseReason, Event};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt;

use crate::support::{Stage, User, say, soon};

/// A user who has typed more than the host has read.
async fn typing(stage: &mut Stage) -> User {
    stage.daemon.world.holds_lines = true;
    let mut user = stage.user().await;
    let lines: String = (0..2 * WINDOW_LINES_MAX)
        .map(|n| format!("{n:040}\n"))
        .collect();
    user.type_bytes(lines.as_bytes()).await;
    let is_full = |world: &crate::support::World| world.lines(0).len() >= WINDOW_LINES_MAX;
    stage.daemon.until("a full window", is_full).await;
    user
}

/// Everything up to the end. A reset is no end: with it, the kernel may throw away what was not read.
async fn all(mut user: User) -> String {
    let mut read = String::new();
    let end = soon("the end", user.socket.read_to_string(&mut read)).await;
    end.expect("it is closed in order");
    read
}

#[tokio::test]
async fn a_user_who_types_sees_the_last_line_before_the_world_closes() {
    let mut stage = Stage::set().await;
    let user = typing(&mut stage).await;
    stage.daemon.tell(0, vec![say("last words")]);
    stage.daemon.tell(0, vec![say("the end"), Event::Close]);
    let closed = |world: &crate::support::World| world.session(0).closed.is_some();
    stage.daemon.until("the close", closed).await;
    assert_eq!(
        stage.daemon.world.session(0).closed,
        Some(CloseReason::ByDaemon)
    );
    assert_eq!(all(user).await, "last words\r\nthe end\r\n");
}

#[tokio::test]
async fn a_user_who_types_sees_the_last_line_of_a_host_that_stops() {
    let mut stage = Stage::set().await;
    let user = typing(&mut stage).await;
    let raw = stage.host.child.id().and_then(|id| i32::try_from(id).ok());
    let process = raw.and_then(Pid::from_raw).expect("it has a number");
    kill_process(process, Signal::TERM).expect("it runs");
    let status = stage
        .daemon
        .during(soon("the exit", stage.host.child.wait()))
        .await;
    assert!(status.expect("it ran").success());
    assert_eq!(all(user).await, format!("{}\r\n", moor_host::HOST_STOPS));
}
