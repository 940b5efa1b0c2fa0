//! Signing in and out over HTTP.

use serde_json::json;

use crate::support::{Bench, GOOD_TOKEN, Setup};

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn a_player_signs_in_and_gets_the_daemons_token() {
    let bench = Bench::start(Setup::default()).await;
    let body = json!({ "player": "ada", "password": "secret" }).to_string();
    let answer = bench.post("/auth/connect", &[JSON], &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let json = answer.json();
    assert_eq!(
        (&json["token"], &json["player"]),
        (&json!(GOOD_TOKEN), &json!("#7"))
    );
    assert_eq!(json["expires"], 4_000_000_000_u64);
    assert!(
        answer
            .head
            .contains("set-cookie: moor_token=good.token-1; path=/;"),
        "{}",
        answer.head
    );
    assert!(
        answer.head.contains("httponly; samesite=strict"),
        "{}",
        answer.head
    );
    assert!(
        answer.head.contains("cache-control: no-store"),
        "{}",
        answer.head
    );
    assert!(!answer.head.contains("; secure"), "it came by plain HTTP");

    let answer = bench
        .post("/auth/create", &[FORM], "name=Ada+Lovelace&password=secret")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn the_world_refuses_in_its_own_words_and_the_session_ends() {
    let bench = Bench::start(Setup::default()).await;
    let answer = bench
        .post("/auth/connect", &[FORM], "player=ada&password=wrong")
        .await;
    assert_eq!((answer.status, answer.error()), (401, "refused".into()));
    let message = "Either that player does not exist,\nor has a different password.";
    assert_eq!(answer.json()["error"]["message"], message);
    bench
        .until("the end of the session", |world| {
            world.sessions[&world.order[0]].closed.is_some()
        })
        .await;
}

#[tokio::test]
async fn nothing_can_be_smuggled_into_the_login_line() {
    let bench = Bench::start(Setup::default()).await;
    for (player, password) in [
        ("ada\n@quit", "secret"),
        ("ada", "secret\r\n@shutdown"),
        ("", "x"),
    ] {
        let body = json!({ "player": player, "password": password }).to_string();
        let answer = bench.post("/auth/connect", &[JSON], &body).await;
        assert_eq!(
            (answer.status, answer.error()),
            (400, "bad_request".into()),
            "{player:?}"
        );
    }
    let body = json!({ "player": "ada secret", "password": "x\" y" }).to_string();
    assert_eq!(
        bench.post("/auth/connect", &[JSON], &body).await.status,
        401
    );
    let world = bench.world.lock();
    let lines = &world.sessions[&world.order[0]].lines;
    assert_eq!(lines, &[r#"connect "ada secret" "x\" y""#]);
}

#[tokio::test]
async fn a_body_that_is_none_of_the_known_kinds_is_refused() {
    let bench = Bench::start(Setup::default()).await;
    let answer = bench
        .post("/auth/connect", &[], "player=ada&password=secret")
        .await;
    assert_eq!(
        (answer.status, answer.error()),
        (415, "content_type".into())
    );
    let answer = bench.post("/auth/connect", &[JSON], "{\"player\":1}").await;
    assert_eq!((answer.status, answer.error()), (400, "bad_request".into()));
    let long = format!("player=ada&password={}", "x".repeat(10_000));
    let answer = bench.post("/auth/connect", &[FORM], &long).await;
    assert_eq!((answer.status, answer.error()), (413, "too_long".into()));
}

#[tokio::test]
async fn without_a_daemon_nobody_signs_in() {
    let bench = Bench::start_alone(Setup::default()).await;
    let answer = bench
        .post("/auth/connect", &[FORM], "player=ada&password=secret")
        .await;
    assert_eq!((answer.status, answer.error()), (503, "away".into()));
    assert!(answer.head.contains("retry-after:"), "{}", answer.head);
}

#[tokio::test]
async fn attempts_are_bounded_for_each_address() {
    let setup = Setup {
        sign_in_attempts: 2,
        proxies: vec!["127.0.0.1/32"],
        ..Setup::default()
    };
    let bench = Bench::start(setup).await;
    let attempt = async |address: &str| {
        let headers = [FORM, ("x-forwarded-for", address)];
        bench
            .post("/auth/connect", &headers, "player=ada&password=wrong")
            .await
    };
    assert_eq!(attempt("192.0.2.1").await.status, 401);
    assert_eq!(attempt("192.0.2.1").await.status, 401);
    let refused = attempt("192.0.2.1").await;
    assert_eq!((refused.status, refused.error()), (429, "too_many".into()));
    assert!(refused.head.contains("retry-after:"), "{}", refused.head);
    assert_eq!(attempt("192.0.2.2").await.status, 401);
    let world = bench.world.lock();
    assert_eq!(
        world.sessions[&world.order[2]].peer_address, "192.0.2.2",
        "the world sees the user's address"
    );
}

#[tokio::test]
async fn behind_a_proxy_with_tls_the_cookie_is_secure() {
    let setup = Setup {
        proxies: vec!["127.0.0.0/8"],
        ..Setup::default()
    };
    let bench = Bench::start(setup).await;
    let headers = [FORM, ("x-forwarded-proto", "https")];
    let answer = bench
        .post("/auth/connect", &headers, "player=ada&password=secret")
        .await;
    assert!(
        answer.head.contains("samesite=strict; secure"),
        "{}",
        answer.head
    );
}

#[tokio::test]
async fn pages_of_other_sites_cannot_sign_anybody_in_or_out() {
    let bench = Bench::start(Setup::default()).await;
    let evil = ("origin", "http://evil.example");
    for path in ["/auth/connect", "/auth/create", "/auth/logout"] {
        let answer = bench
            .post(path, &[FORM, evil], "player=ada&password=secret")
            .await;
        assert_eq!(
            (answer.status, answer.error()),
            (403, "origin".into()),
            "{path}"
        );
    }
    let named = ("origin", "https://play.example");
    let answer = bench
        .post(
            "/auth/connect",
            &[FORM, named],
            "player=ada&password=secret",
        )
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn signing_out_ends_the_sessions_and_the_token() {
    let bench = Bench::start(Setup::default()).await;
    let session = bench.sign_in().await;
    let (mut user, welcome) = bench.user(Some(&session), 0).await;
    assert_eq!(welcome["resumed"], true);
    let answer = bench
        .post("/auth/logout", &[("cookie", "moor_token=good.token-1")], "")
        .await;
    assert_eq!(answer.status, 204);
    assert!(answer.head.contains("max-age=0"), "{}", answer.head);
    assert_eq!(user.hear_close().await, (None, 1000));
    let mut late = bench.socket().await;
    late.say(&json!({ "type": "hello", "token": GOOD_TOKEN }))
        .await;
    assert_eq!(late.hear_close().await, (Some("sign_in".into()), 4401));
    let bearer = [("authorization", "Bearer good.token-1"), JSON];
    assert_eq!(
        bench
            .post("/v1/eval", &bearer, r#"{"code":"return 1;"}"#)
            .await
            .status,
        401
    );
    assert_eq!(bench.post("/auth/logout", &[], "").await.status, 401);
}

#[tokio::test]
async fn sign_outs_are_counted() {
    let setup = Setup {
        calls: 2,
        ..Setup::default()
    };
    let bench = Bench::start(setup).await;
    let out = async || {
        bench
            .post("/auth/logout", &[("authorization", "Bearer x")], "")
            .await
    };
    assert_eq!(out().await.status, 204);
    assert_eq!(out().await.status, 204);
    assert_eq!(
        (out().await.status, out().await.error()),
        (429, "too_many".into())
    );
}
