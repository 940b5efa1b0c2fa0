//! Code over HTTP.

use serde_json::json;

use crate::support::{Bench, Setup};

const JSON: (&str, &str) = ("content-type", "application/json");
const BEARER: (&str, &str) = ("authorization", "Bearer good.token-1");

#[tokio::test]
async fn a_value_comes_as_json_and_as_a_literal() {
    let bench = Bench::start(Setup::default()).await;
    let code = json!({ "code": "return {1, #2};", "timeout_ms": 100 }).to_string();
    let answer = bench.post("/v1/eval", &[JSON, BEARER], &code).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        answer.json(),
        json!({ "value": [1, { "obj": 2 }], "literal": "{1, #2}" })
    );
}

#[tokio::test]
async fn what_goes_wrong_has_a_code() {
    let bench = Bench::start(Setup::default()).await;
    let eval = async |headers: &[(&str, &str)], body: &str| {
        let answer = bench.post("/v1/eval", headers, body).await;
        (answer.status, answer.error())
    };
    let code = r#"{"code":"shutdown();"}"#;
    assert_eq!(
        eval(&[BEARER], r#"{"code":"("}"#).await,
        (200, "compile".into())
    );
    assert_eq!(eval(&[BEARER], code).await, (403, "not_allowed".into()));
    assert_eq!(eval(&[], code).await, (401, "sign_in".into()));
    let cookie = ("cookie", "moor_token=good.token-1");
    assert_eq!(
        eval(&[cookie], code).await,
        (401, "sign_in".into()),
        "a cookie runs nothing"
    );
    let forged = ("authorization", "Bearer forged");
    assert_eq!(eval(&[forged], code).await, (401, "sign_in".into()));
    assert_eq!(
        eval(&[BEARER], "return 1;").await,
        (400, "bad_request".into())
    );
    let evil = ("origin", "http://evil.example");
    assert_eq!(eval(&[BEARER, evil], code).await, (403, "origin".into()));
    let long = json!({ "code": "x".repeat(300_000) }).to_string();
    assert_eq!(eval(&[BEARER], &long).await, (413, "too_long".into()));
    bench.daemon_goes().await;
    bench.get("/health").await;
    while bench.get("/health").await.json()["attached"] == true {}
    assert_eq!(eval(&[BEARER], code).await, (503, "away".into()));
}

#[tokio::test]
async fn a_daemon_that_goes_meanwhile_is_told() {
    let bench = Bench::start(Setup::default()).await;
    bench.world.lock().holds_code = true;
    let headers = [BEARER];
    let asking = bench.post("/v1/eval", &headers, r#"{"code":"return {1, #2};"}"#);
    let going = async {
        // The host has to have asked before the daemon goes: a later question is refused in the same way.
        bench.get("/health").await;
        bench.daemon_goes().await;
    };
    let (answer, ()) = tokio::join!(asking, going);
    assert_eq!((answer.status, answer.error()), (503, "away".into()));
}
