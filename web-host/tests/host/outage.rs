//! The daemon goes away and comes back, and the host stops.

use serde_json::json;

use crate::support::{Bench, Setup};

#[tokio::test]
async fn the_socket_stays_the_user_is_told_and_lines_run_once() {
    let bench = Bench::start(Setup::default()).await;
    let (mut user, _) = bench.user(None, 0).await;
    user.hear_until("welcome back").await;
    bench.daemon_goes().await;
    user.hear_until(moor_host::AWAY).await;
    user.line(1, "kept").await;
    user.line(2, "also").await;
    bench.daemon_comes().await;
    let shown = user.hear_until("you said also").await;
    assert_eq!(shown, [moor_host::BACK, "you said kept", "you said also"]);
    let world = bench.world.lock();
    assert_eq!(world.sessions[&world.order[0]].lines, ["kept", "also"]);
}

#[tokio::test]
async fn a_user_who_comes_meanwhile_is_let_in_later() {
    let bench = Bench::start_alone(Setup::default()).await;
    let (mut user, welcome) = bench.user(None, 0).await;
    assert_eq!(welcome["player"], json!(null));
    user.line(1, "early").await;
    user.hear_until(moor_host::AWAY).await;
    bench.daemon_comes().await;
    let shown = user.hear_until("you said early").await;
    assert_eq!(shown, [moor_host::BACK, "welcome back", "you said early"]);
}

#[tokio::test]
async fn a_session_that_the_daemon_has_lost_is_closed_with_a_word() {
    let bench = Bench::start(Setup::default()).await;
    let (mut user, _) = bench.user(None, 0).await;
    user.hear_until("welcome back").await;
    bench.daemon_goes().await;
    bench.world.lock().sessions.clear();
    bench.daemon_comes().await;
    user.hear_until(moor_host::SESSION_LOST).await;
    assert_eq!(user.hear_close().await.1, 1000);
}

#[tokio::test]
async fn health_tells_the_truth() {
    let bench = Bench::start_alone(Setup::default()).await;
    let answer = bench.get("/health").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["daemon_ping_age_s"], json!(null));
    bench.daemon_comes().await;
    let answer = bench.get("/health").await;
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (200, &json!("ok"))
    );
}

#[tokio::test]
async fn a_host_that_stops_says_so_and_closes() {
    let bench = Bench::start(Setup::default()).await;
    let (mut user, _) = bench.user(None, 0).await;
    user.hear_until("welcome back").await;
    let mut silent = bench.socket().await;
    bench.drain.begin();
    user.hear_until(moor_host::HOST_STOPS).await;
    assert_eq!(user.hear_close().await.1, 1001);
    assert_eq!(silent.hear_close().await.1, 1001);
}
