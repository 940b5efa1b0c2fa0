//! Redirections: how many, where to, and what is sent along.

use std::sync::mpsc;

use super::support::*;
use moor_worker::WireValue;

/// Counts down: `/3` leads to `/2`, and `/0` is there.
fn countdown() -> Site {
    Site::start(|asked| match asked.path[1..].parse::<u32>() {
        Ok(0) => ok("there"),
        Ok(number) => redirect(302, &format!("/{}", number - 1)),
        Err(_) => ok("no number"),
    })
}

#[tokio::test]
async fn redirections_are_followed_up_to_a_bound() {
    let (site, worker) = (countdown(), worker());
    let told = get(&worker, &site.url("/5"))
        .await
        .expect("five are allowed");
    assert_eq!(
        (told.body(), told.text("url")),
        ("there", site.url("/0").as_str())
    );
    assert_fault(
        get(&worker, &site.url("/6")).await,
        "E_QUOTA",
        "too many redirects: more than 5",
    );
    let two = || [("max_redirects", WireValue::Int(2))];
    assert!(get_with(&worker, &site.url("/2"), two()).await.is_ok());
    assert_fault(
        get_with(&worker, &site.url("/3"), two()).await,
        "E_QUOTA",
        "too many redirects: more than 2",
    );
    let told = get_with(
        &worker,
        &site.url("/3"),
        [("follow_redirects", WireValue::Bool(false))],
    )
    .await
    .expect("the first");
    assert_eq!(
        (told.status(), told.text("url")),
        (302, site.url("/3").as_str())
    );
}

#[tokio::test]
async fn a_redirection_without_a_place_is_a_response() {
    let site = Site::start(|_| response("302 Somewhere", &[], b"guess"));
    assert_eq!(
        get(&worker(), &site.url("/"))
            .await
            .expect("an answer")
            .body(),
        "guess"
    );
}

#[tokio::test]
async fn only_the_web_is_followed() {
    for location in ["file:///etc/passwd", "gopher://127.0.0.1/", "http://"] {
        let site = Site::start(move |_| redirect(301, location));
        assert_fault(
            get(&worker(), &site.url("/")).await,
            "E_INVARG",
            "bad redirect: ",
        );
    }
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_origin() {
    let (sender, asked) = mpsc::channel();
    let target = Site::start(move |request| {
        sender.send(request.clone()).expect("the test is there");
        ok("there")
    });
    let url = target.url("/x");
    let home = Site::start(move |asked| match asked.path.as_str() {
        "/away" => redirect(307, &url),
        "/near" => redirect(307, "/own"),
        _ => ok(asked.header("authorization").unwrap_or("none")),
    });
    let headers = || {
        map([
            ("Authorization", s("Bearer secret")),
            ("Cookie", s("a=b")),
            ("X-Kept", s("yes")),
        ])
    };
    let worker = worker();
    let told = call(
        &worker,
        list([s("POST"), s(&home.url("/away")), headers(), s("body")]),
    )
    .await
    .expect("an answer");
    assert_eq!(told.body(), "there");
    let asked = asked.recv().expect("a request");
    assert_eq!(
        (asked.header("authorization"), asked.header("cookie")),
        (None, None)
    );
    assert_eq!(
        (
            asked.header("x-kept"),
            asked.method.as_str(),
            &asked.body[..]
        ),
        (Some("yes"), "POST", &b"body"[..])
    );
    let told = call(&worker, list([s("GET"), s(&home.url("/near")), headers()]))
        .await
        .expect("an answer");
    assert_eq!(told.body(), "Bearer secret");
}

#[tokio::test]
async fn a_form_that_was_posted_is_looked_at_with_get() {
    let site = Site::start(|asked| match asked.path.as_str() {
        "/form" => redirect(303, "/done"),
        _ => ok(&format!(
            "{} {} {:?}",
            asked.method,
            asked.body.len(),
            asked.header("content-type")
        )),
    });
    let headers = map([("Content-Type", s("text/x"))]);
    let told = call(
        &worker(),
        list([s("POST"), s(&site.url("/form")), headers, s("a=b")]),
    )
    .await
    .expect("an answer");
    assert_eq!(told.body(), "GET 0 None");
}
