//! The daemon dies and comes back: users stay, lines run once, everybody is told once.

use moor_rpc::CloseReason;

use crate::support::{Daemon, Host, Stage, World, private_folder, soon};

fn line(notice: &str) -> String {
    format!("{notice}\r\n")
}

#[tokio::test]
async fn users_stay_and_what_they_type_runs_once() {
    let mut stage = Stage::set().await;
    let mut users = Vec::new();
    for _ in 0..3 {
        users.push(stage.user().await);
    }
    let path = stage.path();
    let world = stage.daemon.kill();
    for user in &mut users {
        assert_eq!(user.read_until("\r\n").await, line(moor_host::AWAY));
        user.type_line("one").await;
        user.type_line("two").await;
    }
    let mut daemon = Daemon::start(&path, world);
    for (index, user) in users.iter_mut().enumerate() {
        let shown = daemon.during(user.read_until("two\r\n")).await;
        let expected = line(moor_host::BACK) + "you said one\r\nyou said two\r\n";
        assert_eq!(shown, expected);
        assert_eq!(daemon.world.lines(index), ["one", "two"]);
    }
}

#[tokio::test]
async fn output_that_the_dead_daemon_could_not_send_comes_after_the_notice() {
    let mut stage = Stage::set().await;
    let mut user = stage.user().await;
    // Done and durable, but the daemon dies before a word of it leaves.
    stage.daemon.world.loses_events = true;
    user.type_line("one").await;
    stage
        .daemon
        .until("the line", |world| world.lines(0) == ["one"])
        .await;
    let path = stage.path();
    let mut world = stage.daemon.kill();
    world.loses_events = false;
    assert_eq!(user.read_until("\r\n").await, line(moor_host::AWAY));
    let mut daemon = Daemon::start(&path, world);
    let shown = daemon.during(user.read_until("one\r\n")).await;
    assert_eq!(shown, line(moor_host::BACK) + "you said one\r\n");
    user.type_line("@quit").await;
    let shown = daemon.during(user.read_to_end()).await;
    assert_eq!(shown, "you said @quit\r\n");
    assert_eq!(daemon.world.lines(0), ["one", "@quit"], "the line ran once");
}

#[tokio::test]
async fn a_user_who_leaves_meanwhile_is_reported_and_the_last_line_runs() {
    let mut stage = Stage::set().await;
    let mut user = stage.user().await;
    let path = stage.path();
    let world = stage.daemon.kill();
    user.read_until(&line(moor_host::AWAY)).await;
    user.type_line("last words").await;
    drop(user);
    let mut daemon = Daemon::start(&path, world);
    daemon
        .until("the end", |world| world.session(0).closed.is_some())
        .await;
    assert_eq!(daemon.world.lines(0), ["last words"]);
    assert_eq!(daemon.world.session(0).closed, Some(CloseReason::ByPeer));
}

#[tokio::test]
async fn a_user_who_comes_meanwhile_is_told_and_let_in_later() {
    let stage = Stage::set().await;
    let path = stage.path();
    let world = stage.daemon.kill();
    let mut user = stage.host.user().await;
    user.type_line("connect wizard").await;
    assert_eq!(user.read_until("\r\n").await, line(moor_host::AWAY));
    let mut daemon = Daemon::start(&path, world);
    let shown = daemon.during(user.read_until("wizard\r\n")).await;
    // The confirmation and the first output come by two ways; the notice is before both.
    assert_eq!(
        shown,
        line(moor_host::BACK) + "welcome\r\nyou said connect wizard\r\n"
    );
}

#[tokio::test]
async fn a_host_that_starts_before_the_daemon_lets_users_in_when_it_comes() {
    let folder = private_folder();
    let host = Host::start(folder.path(), &[]).await;
    let mut user = host.user().await;
    assert_eq!(user.read_until("\r\n").await, line(moor_host::AWAY));
    let mut daemon = Daemon::start(folder.path(), World::default());
    let shown = daemon.during(user.read_until("welcome\r\n")).await;
    assert_eq!(shown, line(moor_host::BACK) + "welcome\r\n");
}

#[tokio::test]
async fn sessions_that_the_daemon_has_lost_are_closed_with_a_word() {
    let mut stage = Stage::set().await;
    let mut user = stage.user().await;
    let path = stage.path();
    drop(stage.daemon.kill());
    let mut daemon = Daemon::start(&path, World::default());
    let shown = daemon.during(user.read_to_end()).await;
    assert_eq!(
        shown,
        line(moor_host::AWAY) + &line(moor_host::SESSION_LOST)
    );
    let mut next = stage.host.user().await;
    daemon.during(next.read_until("welcome\r\n")).await;
}

#[tokio::test]
async fn many_outages_are_told_one_by_one() {
    let mut stage = Stage::set().await;
    let mut user = stage.user().await;
    let path = stage.path();
    let mut world = stage.daemon.kill();
    for round in 0..3 {
        assert_eq!(
            user.read_until("\r\n").await,
            line(moor_host::AWAY),
            "round {round}"
        );
        let mut daemon = Daemon::start(&path, world);
        let back = daemon.during(user.read_until("\r\n")).await;
        assert_eq!(back, line(moor_host::BACK), "round {round}");
        user.type_line("x").await;
        daemon.during(user.read_until("you said x\r\n")).await;
        world = daemon.kill();
    }
    soon("the host", async {
        assert_eq!(world.lines(0), ["x", "x", "x"])
    })
    .await;
}
