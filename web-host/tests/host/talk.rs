//! Conversations over a WebSocket: lines, events, breaks.

use std::time::Duration;

use moor_rpc::{CloseReason, ConnectionOption, Event};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::{Bench, GOOD_TOKEN, Setup, soon};
use crate::world::say;

#[tokio::test]
async fn a_user_plays_in_the_session_of_the_sign_in() {
    let bench = Bench::start(Setup::default()).await;
    let session = bench.sign_in().await;
    let (mut user, welcome) = bench.user(Some(&session), 0).await;
    assert_eq!(welcome["session"], session.as_str());
    assert_eq!(
        (&welcome["last_line"], &welcome["player"]),
        (&json!(1), &json!("#7"))
    );
    let shown = user.hear_until("Connected").await;
    assert_eq!(
        shown,
        ["welcome", "*** Connected ***"],
        "what was said before the WebSocket came"
    );
    user.line(2, "look <b>").await;
    assert_eq!(user.hear_until("you said").await, ["you said look <b>"]);
    assert_eq!(bench.world.lock().order.len(), 1, "no second session");
}

#[tokio::test]
async fn a_token_alone_opens_a_session() {
    let bench = Bench::start(Setup::default()).await;
    let (mut user, welcome) = bench.user(None, 0).await;
    assert_eq!(
        (&welcome["resumed"], &welcome["last_line"]),
        (&json!(false), &json!(0))
    );
    assert_eq!(
        user.hear().await,
        json!({ "type": "login", "n": 1, "player": "#7" })
    );
    user.hear_until("welcome back").await;
    user.line(1, "hello").await;
    let text = json!({ "type": "text", "n": 3, "lines": ["you said hello"], "newline": true });
    assert_eq!(user.hear().await, text);
    assert_eq!(
        user.hear().await,
        json!({ "type": "done", "n": 4, "line": 1 })
    );
}

#[tokio::test]
async fn the_token_may_come_in_a_header_and_never_in_the_address() {
    let bench = Bench::start(Setup::default()).await;
    let url = format!("ws://{}/ws", bench.address);
    for (name, value) in [
        ("cookie", "moor_token=good.token-1"),
        ("sec-websocket-protocol", "moor.v1, moor.token.good.token-1"),
    ] {
        let mut request = url.clone().into_client_request().expect("a request");
        request
            .headers_mut()
            .insert(name, value.parse().expect("a header"));
        let (socket, answer) = soon("the upgrade", connect_async(request))
            .await
            .expect("upgraded");
        if name.starts_with("sec-") {
            assert_eq!(
                answer.headers()[name],
                "moor.v1",
                "the token is not told back"
            );
        }
        let mut user = crate::support::User { socket };
        user.say(&json!({ "type": "hello" })).await;
        assert_eq!(user.hear().await["type"], "welcome", "{name}");
    }
    let request = format!("{url}?token={GOOD_TOKEN}").into_client_request();
    let (socket, _) = connect_async(request.expect("a request"))
        .await
        .expect("upgraded");
    let mut user = crate::support::User { socket };
    user.say(&json!({ "type": "hello" })).await;
    assert_eq!(user.hear_close().await, (Some("sign_in".into()), 4401));
}

#[tokio::test]
async fn a_token_that_does_not_count_is_told_and_closed() {
    let bench = Bench::start(Setup::default()).await;
    let mut user = bench.socket().await;
    user.say(&json!({ "type": "hello", "token": "forged" }))
        .await;
    assert_eq!(user.hear().await["type"], "welcome");
    user.hear_until("sign in again").await;
    assert_eq!(user.hear_close().await, (None, 1008));
    assert!(bench.world.lock().order.is_empty());
}

#[tokio::test]
async fn after_a_break_the_session_goes_on_where_it_was() {
    let bench = Bench::start(Setup::default()).await;
    let (mut user, welcome) = bench.user(None, 0).await;
    let session = welcome["session"].as_str().expect("a session").to_owned();
    user.line(1, "one").await;
    user.hear_until("you said one").await;
    drop(user);
    bench.happen(0, vec![say("while away")]).await;
    let (mut user, welcome) = bench.user(Some(&session), 3).await;
    assert_eq!(
        (&welcome["resumed"], &welcome["last_line"]),
        (&json!(true), &json!(1))
    );
    // The line is sent again because its news was lost: it does not run twice.
    user.line(1, "one").await;
    user.line(2, "two").await;
    assert_eq!(user.hear_until("two").await, ["while away", "you said two"]);
    let world = bench.world.lock();
    assert_eq!(world.sessions[&world.order[0]].lines, ["one", "two"]);
    assert_eq!(world.order.len(), 1);
}

#[tokio::test]
async fn what_is_acknowledged_does_not_come_again() {
    let bench = Bench::start(Setup::default()).await;
    let (mut user, welcome) = bench.user(None, 0).await;
    let session = welcome["session"].as_str().expect("a session").to_owned();
    user.hear_until("welcome back").await;
    user.say(&json!({ "type": "ack", "n": 2 })).await;
    user.line(1, "one").await;
    user.hear_until("one").await;
    let (mut user, _) = bench.user(Some(&session), 0).await;
    assert_eq!(user.hear_until("one").await, ["you said one"]);
}

#[tokio::test]
async fn a_session_is_gone_on_with_only_by_the_holder_of_its_token() {
    let bench = Bench::start(Setup::default()).await;
    let session = bench.sign_in().await;
    let mut thief = bench.socket().await;
    thief
        .say(&json!({ "type": "hello", "token": "forged", "resume": session }))
        .await;
    let welcome = thief.hear().await;
    assert_ne!(welcome["session"], session.as_str());
    assert_eq!(welcome["resumed"], false);
    assert_eq!(thief.hear_close().await.1, 1008);
}

#[tokio::test]
async fn another_window_takes_the_session_over() {
    let bench = Bench::start(Setup::default()).await;
    let (mut first, welcome) = bench.user(None, 0).await;
    first.hear_until("welcome back").await;
    let session = welcome["session"].as_str().expect("a session").to_owned();
    let (mut second, _) = bench.user(Some(&session), 2).await;
    assert_eq!(first.hear_close().await, (Some("taken".into()), 4409));
    second.line(1, "mine").await;
    assert_eq!(second.hear_until("mine").await, ["you said mine"]);
}

#[tokio::test]
async fn what_a_socket_says_late_is_not_taken_for_the_words_of_the_next_one() {
    let bench = Bench::start(Setup::default()).await;
    let (mut user, welcome) = bench.user(None, 0).await;
    user.hear_until("welcome back").await;
    let session = welcome["session"].as_str().expect("a session").to_owned();
    let (mut last, mut in_time) = (0, 0);
    for round in 0..30 {
        user.line(last + 1, &format!("before {round}")).await;
        // A page that is loaded anew remembers no line: it numbers from the one that the welcome tells.
        let (next, welcome) = bench.user(Some(&session), 0).await;
        let told = welcome["last_line"].as_u64().expect("a number");
        in_time += told - last;
        last = told + 1;
        user = next;
        let after = format!("after {round}");
        user.line(last, &after).await;
        user.hear_until(&after).await;
    }
    assert!(in_time > 0, "nothing of what had been sent was waited for");
}

#[tokio::test]
async fn a_user_who_does_not_come_back_is_reported() {
    let setup = Setup {
        resume_window: Duration::from_millis(200),
        ..Setup::default()
    };
    let bench = Bench::start(setup).await;
    let (user, welcome) = bench.user(None, 0).await;
    drop(user);
    let by_peer = |world: &crate::world::World| {
        world.sessions[&world.order[0]].closed == Some(CloseReason::ByPeer)
    };
    bench.until("the end", by_peer).await;
    let session = welcome["session"].as_str().expect("a session");
    let (_user, welcome) = bench.user(Some(session), 0).await;
    assert_eq!(welcome["resumed"], false, "the token opens another one");
}

#[tokio::test]
async fn leaving_ends_the_session_at_once() {
    let bench = Bench::start(Setup::default()).await;
    let (mut user, _) = bench.user(None, 0).await;
    user.line(1, "last").await;
    user.say(&json!({ "type": "bye" })).await;
    assert_eq!(user.hear_close().await.1, 1000);
    let is_over = |world: &crate::world::World| {
        let known = &world.sessions[&world.order[0]];
        known.closed == Some(CloseReason::ByPeer) && known.lines == ["last"]
    };
    bench.until("the end, behind the last line", is_over).await;
}

#[tokio::test]
async fn the_world_ends_a_session_with_its_last_words() {
    let bench = Bench::start(Setup::default()).await;
    let (mut user, _) = bench.user(None, 0).await;
    user.line(1, "@quit").await;
    user.hear_until("bye").await;
    assert_eq!(user.hear_close().await.1, 1000);
    let by_daemon = |world: &crate::world::World| {
        world.sessions[&world.order[0]].closed == Some(CloseReason::ByDaemon)
    };
    bench.until("the report", by_daemon).await;
}

#[tokio::test]
async fn a_password_is_not_to_be_shown_and_bytes_come_as_base64() {
    let bench = Bench::start(Setup::default()).await;
    let (mut user, _) = bench.user(None, 0).await;
    user.hear_until("welcome back").await;
    let echo = Event::SetOption(ConnectionOption::ClientEcho(false));
    bench
        .happen(0, vec![echo, Event::Binary(vec![0, 255]), Event::LoggedOut])
        .await;
    assert_eq!(
        user.hear().await,
        json!({ "type": "echo", "n": 3, "on": false })
    );
    assert_eq!(
        user.hear().await,
        json!({ "type": "binary", "n": 4, "data": "AP8=" })
    );
    assert_eq!(user.hear().await, json!({ "type": "logout", "n": 5 }));
}

#[tokio::test]
async fn a_lost_event_is_asked_for_and_shown_in_its_place() {
    let bench = Bench::start(Setup::default()).await;
    let (mut user, _) = bench.user(None, 0).await;
    user.hear_until("welcome back").await;
    {
        let mut world = bench.world.lock();
        let session = world.order[0];
        world.make(session, vec![say("lost")]);
    }
    bench.happen(0, vec![say("after")]).await;
    assert_eq!(user.hear_until("after").await, ["lost", "after"]);
}

#[tokio::test]
async fn what_makes_no_sense_closes_the_socket_and_not_the_session() {
    let bench = Bench::start(Setup::default()).await;
    let (mut user, welcome) = bench.user(None, 0).await;
    let session = welcome["session"].as_str().expect("a session").to_owned();
    for (message, code) in [
        (
            json!({ "type": "line", "n": 5, "text": "too early" }),
            "gap",
        ),
        (json!({ "type": "line", "n": 1, "text": "a\nb" }), "line"),
        (json!({ "type": "hello" }), "bad_message"),
        (json!({ "type": "eval" }), "bad_message"),
        (json!([1]), "bad_message"),
        (Value::Null, "bad_message"),
    ] {
        user.say(&message).await;
        assert_eq!(
            user.hear_close().await,
            (Some(code.into()), 1008),
            "{message}"
        );
        user = bench.user(Some(&session), u64::MAX).await.0;
    }
    user.line(1, "fine").await;
    user.hear_until("you said fine").await;
}
