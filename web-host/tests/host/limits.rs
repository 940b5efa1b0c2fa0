//! Every bound that a stranger can lean on, and what every answer carries.

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{connect_async, tungstenite};

use moor_host::WINDOW_LINES_MAX;

use crate::support::{Bench, Setup, soon};
use crate::world::say;

#[tokio::test]
async fn every_answer_keeps_a_browser_from_doing_more_than_the_page_needs() {
    let bench = Bench::start(Setup::default()).await;
    for path in [
        "/",
        "/moor.js",
        "/moor.css",
        "/health",
        "/nothing",
        "/auth/connect",
    ] {
        let head = bench.get(path).await.head;
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "cross-origin-opener-policy: same-origin",
            "cache-control: no-",
        ] {
            assert!(head.contains(header), "{path}: {header} is not in\n{head}");
        }
    }
    assert_eq!(bench.get("/nothing").await.status, 404);
    assert_eq!(bench.get("/auth/connect").await.status, 405);
}

#[tokio::test]
async fn the_page_is_the_page_and_has_nothing_inline() {
    let bench = Bench::start(Setup::default()).await;
    let page = bench.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.head.contains("content-type: text/html; charset=utf-8"));
    for inline in ["<script>", "<style", "style=", " on", "javascript:"] {
        assert!(!page.body.contains(inline), "{inline} is in the page");
    }
    let script = bench.get("/moor.js").await.body;
    for way in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
    ] {
        assert!(!script.contains(way), "{way} is in the script");
    }
}

#[tokio::test]
async fn a_websocket_of_another_sites_page_is_refused() {
    let bench = Bench::start(Setup::default()).await;
    let url = format!("ws://{}/ws", bench.address);
    let mut request = url.into_client_request().expect("a request");
    let evil = "http://evil.example".parse().expect("a header");
    request.headers_mut().insert("origin", evil);
    match connect_async(request).await {
        Err(tungstenite::Error::Http(answer)) => assert_eq!(answer.status(), 403),
        other => panic!("not refused: {other:?}"),
    }
    assert_eq!(bench.get("/ws").await.status, 400, "no WebSocket");
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_socket() {
    let bench = Bench::start(Setup::default()).await;
    let (mut user, _) = bench.user(None, 0).await;
    let long = json!({ "type": "line", "n": 1, "text": "x".repeat(200_000) }).to_string();
    // The host may end the connection before all is sent.
    let _ = user.socket.send(Message::text(long)).await;
    while let Some(message) = user.next().await {
        if matches!(message, Message::Close(_)) {
            break;
        }
    }
    assert!(
        bench
            .world
            .lock()
            .sessions
            .values()
            .all(|known| known.lines.is_empty())
    );
}

#[tokio::test]
async fn a_flood_of_lines_waits_at_the_window() {
    let bench = Bench::start(Setup::default()).await;
    bench.world.lock().holds_lines = true;
    let (mut user, _) = bench.user(None, 0).await;
    let count = WINDOW_LINES_MAX as u64 + 50;
    for n in 1..=count {
        user.line(n, "flood").await;
    }
    let lines = |world: &crate::world::World| world.sessions[&world.order[0]].lines.len();
    bench
        .until("a full window", |world| lines(world) == WINDOW_LINES_MAX)
        .await;
    let done = (1..=50).map(|n| moor_rpc::Event::LineDone(moor_rpc::LineNumber(n)));
    bench.happen(0, done.collect()).await;
    bench
        .until("the rest", |world| lines(world) as u64 == count)
        .await;
}

#[tokio::test]
async fn a_user_who_reads_nothing_costs_a_bounded_queue_and_hears_what_was_missed() {
    let bench = Bench::start(Setup::default()).await;
    let (user, welcome) = bench.user(None, 0).await;
    let session = welcome["session"].as_str().expect("a session").to_owned();
    drop(user);
    for _ in 0..1_000 {
        bench.happen(0, vec![say(&"x".repeat(1_000))]).await;
    }
    bench.happen(0, vec![say("end")]).await;
    let (mut user, _) = bench.user(Some(&session), 2).await;
    let shown = user.hear_until("end").await;
    assert!(shown[0].starts_with("missed "), "{}", shown[0]);
    assert!(shown.len() < 300, "{} lines were kept", shown.len());
}

#[tokio::test]
async fn one_token_has_a_bounded_number_of_sessions() {
    let bench = Bench::start(Setup::default()).await;
    let mut users = Vec::new();
    for _ in 0..moor_web_host::sessions::SESSIONS_PER_TOKEN_MAX {
        users.push(bench.user(None, 0).await);
    }
    let mut one_more = bench.socket().await;
    one_more
        .say(&json!({ "type": "hello", "token": "good.token-1" }))
        .await;
    assert_eq!(one_more.hear_close().await, (Some("too_many".into()), 4429));
}

#[tokio::test]
async fn who_says_nothing_is_dropped_and_others_are_served_meanwhile() {
    let bench = Bench::start(Setup::default()).await;
    let mut silent = Vec::new();
    for n in 0..200 {
        let mut socket = TcpStream::connect(bench.address).await.expect("it listens");
        if n % 2 == 0 {
            socket
                .write_all(b"GET / HTTP/1.1\r\nx: ")
                .await
                .expect("written");
        }
        silent.push(socket);
    }
    assert_eq!(bench.get("/health").await.status, 200);
    let mut text = Vec::new();
    let limit = Duration::from_secs(20);
    for socket in silent.iter_mut().take(2) {
        let read = tokio::time::timeout(limit, socket.read_to_end(&mut text)).await;
        assert!(read.is_ok(), "a silent connection is still there");
    }
}

/// Sends until the host takes no more for a while, has closed, or `bytes_max` are gone; how many went.
async fn pour(mut send: impl AsyncFnMut() -> Option<usize>, bytes_max: usize) -> usize {
    let mut sent = 0;
    while sent < bytes_max
        && let Ok(Some(bytes)) = tokio::time::timeout(Duration::from_secs(3), send()).await
    {
        sent += bytes;
    }
    sent
}

/// More than all buffers between a client and the host hold.
const FLOOD_BYTES: usize = 64 << 20;

#[tokio::test]
async fn pings_whose_answers_nobody_reads_do_not_fill_the_host() {
    let bench = Bench::start(Setup::default()).await;
    let (mut seated, _) = bench.user(None, 0).await;
    // One that never says hello, too.
    for user in [&mut seated, &mut bench.socket().await] {
        let ping = || Message::Ping(vec![7; 125].into());
        let send = async || {
            for _ in 0..1_000 {
                user.socket.feed(ping()).await.ok()?;
            }
            user.socket.flush().await.ok().map(|()| 125_000)
        };
        let sent = pour(send, FLOOD_BYTES).await;
        assert!(sent < FLOOD_BYTES, "{sent} bytes of pings were taken");
    }
}

#[tokio::test]
async fn answers_that_nobody_reads_end_the_connection() {
    let bench = Bench::start(Setup::default()).await;
    let mut socket = TcpStream::connect(bench.address).await.expect("it listens");
    let requests =
        format!("GET /moor.js HTTP/1.1\r\nhost: {}\r\n\r\n", bench.address).repeat(1_000);
    let send = async || {
        socket
            .write_all(requests.as_bytes())
            .await
            .ok()
            .map(|()| requests.len())
    };
    pour(send, FLOOD_BYTES).await;
    // It is stuck; a while later it is not there any more, though nothing was read.
    let ended = async {
        while socket.write_all(b"GET / HTTP/1.1\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    soon("the end of the connection", ended).await;
}

#[tokio::test]
async fn a_header_without_end_is_refused() {
    let bench = Bench::start(Setup::default()).await;
    let long = "y".repeat(100_000);
    let answer = bench.http("GET / HTTP/1.1", &[("x", &long)], "").await;
    assert!(matches!(answer.status, 0 | 400 | 431), "{answer:?}");
    assert_eq!(soon("health", bench.get("/health")).await.status, 200);
}
