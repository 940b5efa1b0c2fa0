//! What a server sees of a request, and what the world sees of its response.

use std::sync::mpsc;

use super::support::*;
use moor_worker::WireValue;

/// A server that passes on what it is asked, and answers with what was asked for.
fn mirror() -> (Site, mpsc::Receiver<Asked>) {
    let (sender, asked) = mpsc::channel();
    let site = Site::start(move |request| {
        let body = request.body.clone();
        sender.send(request.clone()).expect("the test is there");
        response(
            "200 Very Well",
            &["X-B: 1", "Set-Cookie: a=1", "X-A: 2", "Set-Cookie: b=2"],
            &body,
        )
    });
    (site, asked)
}

#[tokio::test]
async fn a_request_arrives_as_it_was_meant() {
    let (site, asked) = mirror();
    let headers = list([
        list([s("X-One"), s("1")]),
        list([s("x-two"), s("é")]),
        list([s("X-One"), s("3")]),
    ]);
    let told = call(
        &worker(),
        list([
            s("PROPPATCH"),
            s(&site.url("/a b?c#d")),
            headers,
            s("körper"),
        ]),
    )
    .await
    .expect("an answer");
    let asked = asked.recv().expect("a request");
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("PROPPATCH", "/a%20b?c")
    );
    assert_eq!(asked.body, "körper".as_bytes());
    let of = |name: &str| -> Vec<_> {
        asked
            .headers
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .collect()
    };
    assert_eq!(of("x-one"), ["1", "3"]);
    assert_eq!(of("x-two"), ["é"]);
    assert_eq!(of("host"), [site.address.to_string()]);
    assert!(of("user-agent")[0].starts_with("moor-curl-worker/"));
    assert!(of("cookie").is_empty() && of("referer").is_empty());
    assert_eq!(told.status(), 200);
    assert_eq!(told.text("reason"), "Very Well");
    assert_eq!(told.text("url"), site.url("/a%20b?c"));
    assert_eq!(told.body(), "körper");
    let expected = [
        ("content-length", "7"),
        ("x-b", "1"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-a", "2"),
    ];
    assert_eq!(told.headers(), expected);
}

#[tokio::test]
async fn every_method_is_sent() {
    let (site, asked) = mirror();
    let worker = worker();
    for method in [
        "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PURGE",
    ] {
        let told = call(&worker, list([s(method), s(&site.url("/"))]))
            .await
            .expect(method);
        assert_eq!((told.status(), told.body()), (200, ""));
        assert_eq!(asked.recv().expect("a request").method, method);
    }
}

#[tokio::test]
async fn an_agent_and_an_encoding_may_be_chosen() {
    let compressed =
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x04\x00\x43\xbe\xb7\xe8\x01\x00\x00\x00";
    let site = Site::start(|_| response("200 OK", &["Content-Encoding: gzip"], compressed));
    let told = get(&worker(), &site.url("/")).await.expect("an answer");
    assert_eq!(told.body(), "a");
    assert!(told.headers().is_empty(), "{:?}", told.headers());
    let headers = map([("Accept-Encoding", s("gzip")), ("User-Agent", s("me"))]);
    let options = map([("binary", WireValue::Int(1))]);
    let told = call(
        &worker(),
        list([s("GET"), s(&site.url("/")), headers, s(""), options]),
    )
    .await
    .expect("an answer");
    assert!(told.body().starts_with("~1F~8B~08"), "{}", told.body());
    assert_eq!(told.headers()[1], ("content-encoding", "gzip"));
}

#[tokio::test]
async fn bytes_pass_both_ways() {
    let (site, asked) = mirror();
    let options = map([("binary", WireValue::Bool(true))]);
    let told = call(
        &worker(),
        list([
            s("POST"),
            s(&site.url("/")),
            list([]),
            s("~00~ffa~7E"),
            options,
        ]),
    )
    .await
    .expect("an answer");
    assert_eq!(asked.recv().expect("a request").body, b"\0\xffa~");
    assert_eq!(told.body(), "~00~FFa~7E");
}

#[tokio::test]
async fn an_error_status_is_a_response() {
    let site = Site::start(|_| response("503 Not Now", &[], b"later"));
    let told = get(&worker(), &site.url("/")).await.expect("an answer");
    assert_eq!(
        (told.status(), told.text("reason"), told.body()),
        (503, "Not Now", "later")
    );
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let site = Site::start(|_| ok("hello"));
    let worker = worker();
    for _ in 0..20 {
        assert_eq!(
            get(&worker, &site.url("/"))
                .await
                .expect("an answer")
                .body(),
            "hello"
        );
    }
    assert_eq!((site.requests(), site.connections()), (20, 1));
}

#[tokio::test]
async fn nothing_is_remembered_between_requests() {
    let (site, asked) = mirror();
    let worker = worker();
    for _ in 0..2 {
        get(&worker, &site.url("/")).await.expect("an answer");
    }
    asked.recv().expect("a request");
    assert_eq!(asked.recv().expect("a request").header("cookie"), None);
}
