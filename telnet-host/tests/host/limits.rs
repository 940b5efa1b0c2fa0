//! Users who do too much: each costs a bounded amount of memory and nobody else's time.

use std::time::Duration;

use moor_host::WINDOW_LINES_MAX;
use moor_rpc::{CloseReason, HostEvent, ListenError, ListenerId, ListenerInfo, SessionEvents};
use moor_telnet_host::listener::LISTENERS_MAX;
use tokio::io::AsyncWriteExt;

use crate::support::{Daemon, Stage, User, say, soon};

#[tokio::test]
async fn a_client_that_does_not_read_loses_output_and_delays_nobody() {
    let mut stage = Stage::set().await;
    let mut stuck = stage.user().await;
    let mut other = stage.user().await;
    let before = stage.host.memory_kib("VmRSS");
    // More than the kernel takes on both sides of a connection, in lines of 1,000 bytes.
    let long = "x".repeat(998);
    for _ in 0..200 {
        stage.daemon.tell(0, (0..200).map(|_| say(&long)).collect());
        other.type_line("hello").await;
        stage
            .daemon
            .during(other.read_until("you said hello\r\n"))
            .await;
    }
    let grown = stage.host.memory_kib("VmRSS").saturating_sub(before);
    assert!(grown < 20_000, "the host grew by {grown} KiB");
    stage.daemon.tell(0, vec![say("the last line")]);
    let read = stage
        .daemon
        .during(stuck.read_until("the last line\r\n"))
        .await;
    let notice = ">> Network buffer overflow: ";
    assert!(
        read.contains(notice),
        "{} bytes came without a notice",
        read.len()
    );
    assert!(read.contains(" lines of output to you have been lost <<\r\n"));
}

#[tokio::test]
async fn ten_thousand_lines_at_once_fill_a_window_and_all_run() {
    let mut stage = Stage::set().await;
    let user = stage.user().await;
    let mut other = stage.user().await;
    let (_reader, mut writer) = user.socket.into_split();
    stage.daemon.world.holds_lines = true;
    let flood: String = (1..=10_000).map(|number| format!("{number}\n")).collect();
    let typing = tokio::spawn(async move {
        writer
            .write_all(flood.as_bytes())
            .await
            .expect("the host reads in the end");
        writer
    });
    let full = |lines: usize| lines >= WINDOW_LINES_MAX;
    stage
        .daemon
        .until("a full window", |world| full(world.lines(0).len()))
        .await;
    // Whatever else the host sends would be here before the answer to another user.
    other.type_line("hello").await;
    stage
        .daemon
        .until("the other line", |world| world.lines(1) == ["hello"])
        .await;
    assert_eq!(stage.daemon.world.lines(0).len(), WINDOW_LINES_MAX);

    // A daemon that has held lines for long is like one that was away: they come again.
    let path = stage.path();
    let mut world = stage.daemon.kill();
    world.holds_lines = false;
    for known in world.sessions.values_mut() {
        known.lines.clear();
    }
    let mut daemon = Daemon::start(&path, world);
    daemon
        .until("every line", |world| world.lines(0).len() == 10_000)
        .await;
    let expected: Vec<String> = (1..=10_000).map(|number| number.to_string()).collect();
    assert_eq!(daemon.world.lines(0), expected);
    soon("the flood's end", typing)
        .await
        .expect("it was written");
}

#[tokio::test]
async fn a_hundred_megabytes_without_a_line_end_are_refused() {
    let mut stage = Stage::set().await;
    let endless = stage.user().await;
    let mut other = stage.user().await;
    let (mut reader, mut writer) = endless.socket.into_split();
    let typing = tokio::spawn(async move {
        let chunk = vec![b'x'; 1 << 20];
        for _ in 0..100 {
            if writer.write_all(&chunk).await.is_err() {
                return;
            }
        }
    });
    let mut shown = String::new();
    let reading = async {
        // The connection may be reset while bytes are still on their way.
        let _ = tokio::io::AsyncReadExt::read_to_string(&mut reader, &mut shown).await;
    };
    stage.daemon.during(soon("the end", reading)).await;
    assert_eq!(shown, moor_telnet_host::notices::line_too_long() + "\r\n");
    stage
        .daemon
        .until("the end", |world| world.session(0).closed.is_some())
        .await;
    assert_eq!(
        stage.daemon.world.session(0).closed,
        Some(CloseReason::Refused)
    );
    soon("the writer", typing).await.expect("it ended");
    other.type_line("hello").await;
    stage
        .daemon
        .during(other.read_until("you said hello\r\n"))
        .await;
    let peak = stage.host.memory_kib("VmHWM");
    assert!(peak < 60_000, "the host took {peak} KiB");
}

#[tokio::test]
async fn random_bytes_harm_nobody() {
    let mut stage = Stage::set().await;
    let mut other = stage.user().await;
    let mut noise = vec![0; 200_000];
    getrandom::fill(&mut noise).expect("random bytes");
    for chunk in noise.chunks(10_000) {
        let mut user = stage.host.user().await;
        stage.daemon.during(user.type_bytes(chunk)).await;
    }
    other.type_line("hello").await;
    stage
        .daemon
        .during(other.read_until("you said hello\r\n"))
        .await;
}

#[tokio::test]
async fn two_thousand_users_at_once() {
    const USERS: usize = 2_000;
    moor_node::raise_open_files();
    let mut stage = Stage::set().await;
    stage.user().await;
    let before = stage.host.memory_kib("VmRSS");
    let port = stage.host.telnet_port;
    let arriving = async {
        let mut users = Vec::with_capacity(USERS);
        for _ in 0..USERS {
            users.push(User::connect(port).await);
        }
        for user in &mut users {
            user.read_until("welcome\r\n").await;
        }
        users
    };
    let mut users = stage.daemon.during(soon("every welcome", arriving)).await;
    let each = stage.host.memory_kib("VmRSS").saturating_sub(before) * 1024 / USERS as u64;
    assert!(each < 20 * 1024, "an idle connection takes {each} bytes");

    // One message for everybody, as a shout is.
    let order = stage.daemon.world.order.clone();
    let batch: Vec<SessionEvents> = order[1..]
        .iter()
        .map(|session| stage.daemon.world.make(*session, vec![say("a shout")]))
        .collect();
    stage.daemon.publish(&HostEvent::Batch(batch));
    let talking = async {
        for user in &mut users {
            user.type_line("hello").await;
        }
        for user in &mut users {
            let shown = user.read_until("you said hello\r\n").await;
            assert_eq!(shown, "a shout\r\nyou said hello\r\n");
        }
    };
    stage
        .daemon
        .during(tokio::time::timeout(Duration::from_secs(60), talking))
        .await
        .expect("everybody is answered");

    // The attach of so many takes several messages.
    let path = stage.path();
    let world = stage.daemon.kill();
    for user in &mut users {
        user.read_until(&format!("{}\r\n", moor_host::AWAY)).await;
    }
    let mut daemon = Daemon::start(&path, world);
    let attaches = daemon.world.attaches;
    let back = async {
        for user in &mut users {
            let shown = user.read_until("\r\n").await;
            assert_eq!(shown, format!("{}\r\n", moor_host::BACK));
        }
    };
    daemon.during(back).await;
    assert!(daemon.world.attaches - attaches >= 2);
}

#[tokio::test]
async fn a_daemon_may_open_a_bounded_number_of_listeners() {
    let mut stage = Stage::set().await;
    // The host's own is one of them.
    for number in 1..=LISTENERS_MAX as u32 {
        let id = ListenerId(number);
        let address = "127.0.0.1".into();
        stage.daemon.publish(&HostEvent::Listen(ListenerInfo {
            id,
            address,
            port: 0,
            tls: None,
        }));
    }
    stage
        .daemon
        .until("the answers", |world| {
            world.listen_results.len() == LISTENERS_MAX
        })
        .await;
    let (last, rest) = stage
        .daemon
        .world
        .listen_results
        .split_last()
        .expect("some");
    assert!(rest.iter().all(|listen| listen.result.is_ok()), "{rest:?}");
    assert!(
        matches!(last.result, Err(ListenError::NotAllowed { .. })),
        "{last:?}"
    );
}
