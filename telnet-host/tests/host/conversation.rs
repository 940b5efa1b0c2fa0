//! A user and the world talk: lines up, events down, nothing lost and nothing twice.

use moor_rpc::{
    CloseReason, ConnectionOption, Event, HostEvent, LineKind, ListenerId, ListenerInfo,
};

use crate::support::{Stage, User, say, soon};

#[tokio::test]
async fn lines_go_up_and_their_output_comes_down() {
    let mut stage = Stage::set().await;
    let mut user = stage.user().await;
    user.type_line("connect wizard").await;
    let answer = stage.daemon.during(user.read_until("wizard\r\n")).await;
    assert_eq!(answer, "you said connect wizard\r\n");
    user.type_bytes("gr\u{fc}\u{df}e\n".as_bytes()).await;
    let answer = stage.daemon.during(user.read_until("\r\n")).await;
    assert_eq!(answer, "you said gr\u{fc}\u{df}e\r\n");
}

#[tokio::test]
async fn what_comes_in_one_message_is_one_write() {
    let mut stage = Stage::set().await;
    let user = stage.user().await;
    let events = (0..50)
        .map(|number| say(&format!("line {number}")))
        .collect();
    stage.daemon.tell(0, events);
    soon("output", user.socket.readable())
        .await
        .expect("it is open");
    let mut buffer = [0; 4096];
    let read = user.socket.try_read(&mut buffer).expect("it is readable");
    assert!(
        buffer[..read].ends_with(b"line 49\r\n"),
        "{read} bytes in the first read"
    );
}

#[tokio::test]
async fn events_that_were_lost_are_asked_for_and_shown_in_order() {
    let mut stage = Stage::set().await;
    let mut user = stage.user().await;
    stage.daemon.world.loses_events = true;
    user.type_line("one").await;
    stage
        .daemon
        .until("the line", |world| world.lines(0) == ["one"])
        .await;
    stage.daemon.world.loses_events = false;
    user.type_line("two").await;
    let shown = stage.daemon.during(user.read_until("two\r\n")).await;
    assert_eq!(shown, "you said one\r\nyou said two\r\n");
    assert_eq!(stage.daemon.world.replays.len(), 1);
    assert_eq!(stage.daemon.world.replays[0].from.0, 2);
}

#[tokio::test]
async fn events_that_come_twice_are_shown_once() {
    let mut stage = Stage::set().await;
    let mut user = stage.user().await;
    stage.daemon.world.repeats_events = true;
    user.type_line("one").await;
    user.type_line("two").await;
    user.type_line("@quit").await;
    let shown = stage.daemon.during(user.read_to_end()).await;
    assert_eq!(shown, "you said one\r\nyou said two\r\nyou said @quit\r\n");
}

#[tokio::test]
async fn events_are_acknowledged_without_a_line() {
    let mut stage = Stage::set().await;
    let _user = stage.user().await;
    stage.daemon.tell(0, vec![say("a"), say("b")]);
    stage
        .daemon
        .until("acknowledgement", |world| {
            world.session(0).acknowledged.0 == 3
        })
        .await;
}

#[tokio::test]
async fn a_user_who_leaves_is_reported_and_one_who_is_closed_too() {
    let mut stage = Stage::set().await;
    let left = stage.user().await;
    let mut quits = stage.user().await;
    drop(left);
    stage
        .daemon
        .until("the end", |world| world.session(0).closed.is_some())
        .await;
    assert_eq!(
        stage.daemon.world.session(0).closed,
        Some(CloseReason::ByPeer)
    );
    quits.type_line("@quit").await;
    stage
        .daemon
        .until("the end", |world| world.session(1).closed.is_some())
        .await;
    assert_eq!(
        stage.daemon.world.session(1).closed,
        Some(CloseReason::ByDaemon)
    );
    assert_eq!(quits.read_to_end().await, "you said @quit\r\n");
}

#[tokio::test]
async fn a_user_who_sends_everything_at_once_gets_every_answer() {
    let mut stage = Stage::set().await;
    let mut user = stage.user().await;
    user.type_bytes(b"one\ntwo\n").await;
    let shut = rustix::net::shutdown(&user.socket, rustix::net::Shutdown::Write);
    shut.expect("it is open");
    let shown = stage.daemon.during(user.read_to_end()).await;
    assert_eq!(shown, "you said one\r\nyou said two\r\n");
}

#[tokio::test]
async fn telnet_is_spoken_before_login_and_reaches_the_world() {
    let mut stage = Stage::set().await;
    let mut user = stage.user().await;
    user.type_bytes(b"\xff\xfd\x18a\xff").await;
    assert_eq!(user.read_bytes_until(b"\x18").await, b"\xff\xfc\x18");
    user.type_bytes(b"\xfb\x1fb\n").await;
    assert_eq!(user.read_bytes_until(b"\x1f").await, b"\xff\xfe\x1f");
    stage
        .daemon
        .until("the lines", |world| world.session(0).lines.len() == 3)
        .await;
    let lines = &stage.daemon.world.session(0).lines;
    let kinds: Vec<_> = lines.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(
        kinds,
        [LineKind::OutOfBand, LineKind::OutOfBand, LineKind::Text]
    );
    assert_eq!(
        stage.daemon.world.lines(0),
        ["~FF~FD~18", "~FF~FB~1F", "ab"]
    );
}

#[tokio::test]
async fn options_reach_the_client() {
    let mut stage = Stage::set().await;
    let mut user = stage.user().await;
    let option = |option| Event::SetOption(option);
    stage.daemon.tell(
        0,
        vec![
            option(ConnectionOption::ClientEcho(false)),
            say("Password:"),
        ],
    );
    assert_eq!(
        user.read_bytes_until(b":\r\n").await,
        b"\xff\xfb\x01Password:\r\n"
    );
    stage.daemon.tell(
        0,
        vec![
            option(ConnectionOption::Binary(true)),
            Event::Binary(vec![0, 255]),
            say("!"),
        ],
    );
    assert_eq!(user.read_bytes_until(b"!\r\n").await, b"\x00\xff!\r\n");
    user.type_bytes(b"\xff\x01\r").await;
    stage
        .daemon
        .until("the bytes", |world| world.lines(0) == ["~FF~01~0D"])
        .await;
    assert_eq!(stage.daemon.world.session(0).lines[0].0, LineKind::Binary);
}

#[tokio::test]
async fn the_daemon_opens_and_closes_listeners() {
    let mut stage = Stage::set().await;
    assert_eq!(stage.daemon.world.listeners[0].port, stage.host.telnet_port);
    let id = ListenerId(1);
    let wanted = ListenerInfo {
        id,
        address: "127.0.0.1".into(),
        port: 0,
        tls: None,
    };
    stage.daemon.publish(&HostEvent::Listen(wanted.clone()));
    stage
        .daemon
        .until("the listener", |world| world.listen_results.len() == 1)
        .await;
    let result = stage.daemon.world.listen_results[0].result.clone();
    let port = result.expect("it is open").expect("it is open").port;
    let mut user = User::connect(port).await;
    stage.daemon.during(user.read_until("welcome\r\n")).await;

    let taken = ListenerInfo {
        id: ListenerId(2),
        port,
        ..wanted
    };
    stage.daemon.publish(&HostEvent::Listen(taken));
    stage.daemon.publish(&HostEvent::Unlisten(id));
    stage.daemon.publish(&HostEvent::Unlisten(id));
    stage
        .daemon
        .until("the answers", |world| world.listen_results.len() == 4)
        .await;
    let results: Vec<_> = stage.daemon.world.listen_results[1..]
        .iter()
        .map(|r| r.result.clone())
        .collect();
    assert_eq!(
        results,
        [
            Err(moor_rpc::ListenError::InUse { port }),
            Ok(None),
            Err(moor_rpc::ListenError::Unknown),
        ]
    );
    user.type_line("still here").await;
    stage.daemon.during(user.read_until("still here\r\n")).await;
}

#[tokio::test]
async fn a_daemon_that_shuts_down_for_good_says_goodbye() {
    let mut stage = Stage::set().await;
    let mut user = stage.user().await;
    let message = vec!["*** Shutting down: tea ***".to_string()];
    stage.daemon.publish(&HostEvent::ShuttingDown { message });
    assert_eq!(user.read_to_end().await, "*** Shutting down: tea ***\r\n");
    stage
        .daemon
        .until("the end", |world| world.session(0).closed.is_some())
        .await;
}

#[tokio::test]
async fn a_session_that_the_daemon_refuses_is_told_why() {
    let mut stage = Stage::set().await;
    stage.daemon.world.is_full = true;
    let mut user = stage.host.user().await;
    let shown = stage.daemon.during(user.read_to_end()).await;
    assert_eq!(
        shown,
        "*** There are too many connections. Please try again later. ***\r\n"
    );
}
