//! What may not be reached is not reached: whatever the URL looks like, whatever a name stands for, wherever a
//! redirection leads.

use std::sync::atomic::Ordering;

use super::support::*;

#[tokio::test]
async fn this_machine_is_not_reached_in_any_spelling() {
    let site = Site::start(|_| ok("secret"));
    let worker = worker_with(&[], Table::default());
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "0",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "user:pass@127.0.0.1",
        "１２７.0.0.1",
    ] {
        assert_fault(
            get(&worker, &site.url_at(host, "/")).await,
            "E_PERM",
            "blocked address: ",
        );
    }
    assert_eq!(site.connections(), 0);
}

#[tokio::test]
async fn an_allowed_address_is_reached_by_its_names_too() {
    let site = Site::start(|_| ok("hello"));
    let names = || Table::default().with("here.test", &[&["127.0.0.1"]]);
    let worker = worker_with(LOCAL, names());
    for host in [
        "127.0.0.1",
        "127.1",
        "localhost",
        "x.localhost",
        "here.test",
        "HERE.test.",
    ] {
        assert_eq!(
            get(&worker, &site.url_at(host, "/"))
                .await
                .expect(host)
                .body(),
            "hello"
        );
    }
    assert_fault(
        get(&worker, &site.url_at("127.0.0.2", "/")).await,
        "E_PERM",
        "blocked address: 127.0.0.2: a loopback address",
    );
    let worker = worker_with(
        &[
            "--allow-address",
            "127.0.0.1",
            "--deny-address",
            "127.0.0.0/8",
        ],
        names(),
    );
    assert_fault(
        get(&worker, &site.url_at("here.test", "/")).await,
        "E_PERM",
        "blocked address: here.test: an address that",
    );
}

#[tokio::test]
async fn a_name_is_judged_by_its_addresses() {
    let site = Site::start(|_| ok("secret"));
    let names = Table::default()
        .with("lan.test", &[&["192.168.0.7", "10.0.0.1"]])
        .with("cloud.test", &[&["169.254.169.254"]])
        .with("mapped.test", &[&["::ffff:10.0.0.1"]]);
    let worker = worker_with(LOCAL, names);
    for (host, why) in [
        ("lan.test", "an address of a private network"),
        ("cloud.test", "a link-local address"),
        ("mapped.test", "an address of a private network"),
    ] {
        let message = format!("blocked address: {host}: {why}");
        let outcome = get(&worker, &site.url_at(host, "/")).await;
        let error = outcome.as_ref().expect_err(host);
        assert!(
            !error.message.contains("192.168") && !error.message.contains("10.0.0"),
            "{error}"
        );
        assert_fault(outcome, "E_PERM", &message);
    }
    assert_fault(
        get(&worker, "http://none.test/").await,
        "E_INVARG",
        "name not found: none.test",
    );
    assert_eq!(site.connections(), 0);
}

#[tokio::test]
async fn of_several_addresses_only_those_that_may_be_reached_are_tried() {
    let site = Site::start(|_| ok("hello"));
    let names = Table::default().with("both.test", &[&["127.0.0.9", "10.0.0.1", "127.0.0.1"]]);
    let worker = worker_with(LOCAL, names);
    assert_eq!(
        get(&worker, &site.url_at("both.test", "/"))
            .await
            .expect("an answer")
            .body(),
        "hello"
    );
    assert_eq!(site.connections(), 1);
}

/// The name says something harmless first and this machine then. Each connection asks once, and goes where that answer
/// was allowed to go.
#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let site = Site::start(|_| response("200 OK", &["Connection: close"], b"allowed"));
    let names = Table::default().with("flip.test", &[&["127.0.0.1"], &["127.0.0.2"]]);
    let asked = names.asked();
    let worker = worker_with(LOCAL, names);
    let url = site.url_at("flip.test", "/");
    assert_eq!(
        get(&worker, &url).await.expect("an answer").body(),
        "allowed"
    );
    assert_eq!(
        asked.load(Ordering::SeqCst),
        1,
        "asked once for one connection"
    );
    assert_fault(
        get(&worker, &url).await,
        "E_PERM",
        "blocked address: flip.test",
    );
    assert_eq!(site.requests(), 1);
}

#[tokio::test]
async fn a_redirection_is_judged_like_a_request() {
    let secret = Site::start(|_| ok("secret"));
    let port = secret.address.port();
    for target in [
        format!("http://127.0.0.2:{port}/"),
        format!("http://0x7f000002:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("//10.0.0.1:{port}/"),
        format!("http://lan.test:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
    ] {
        let site = Site::start(move |_| redirect(302, &target));
        let worker = worker_with(
            LOCAL,
            Table::default().with("lan.test", &[&["192.168.0.1"]]),
        );
        assert_fault(
            get(&worker, &site.url("/")).await,
            "E_PERM",
            "blocked address: ",
        );
    }
    assert_eq!(secret.connections(), 0);
}

#[tokio::test]
async fn ports_are_judged_on_every_hop() {
    let (worker, url) = (worker(), "http://127.0.0.1:25/");
    assert_fault(
        get(&worker, url).await,
        "E_PERM",
        "blocked address: 127.0.0.1: port 25",
    );
    let site = Site::start(move |_| redirect(302, url));
    assert_fault(
        get(&worker, &site.url("/")).await,
        "E_PERM",
        "blocked address: 127.0.0.1: port 25",
    );
}

#[tokio::test]
async fn no_proxy_of_the_environment_is_asked() {
    let proxy = Site::start(|_| ok("proxied"));
    let site = Site::start(|_| ok("direct"));
    let output = std::process::Command::new(std::env::current_exe().expect("own path"))
        .args([
            "--exact",
            "guard::asks_directly",
            "--ignored",
            "--nocapture",
        ])
        .env("http_proxy", proxy.url("/"))
        .env("HTTP_PROXY", proxy.url("/"))
        .env("ALL_PROXY", proxy.url("/"))
        .env("MOOR_TEST_URL", site.url("/"))
        .output()
        .expect("this test again");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert_eq!((site.requests(), proxy.connections()), (1, 0));
}

#[tokio::test]
#[ignore = "run by no_proxy_of_the_environment_is_asked"]
async fn asks_directly() {
    let url = std::env::var("MOOR_TEST_URL").expect("a URL");
    assert_eq!(
        get(&worker(), &url).await.expect("an answer").body(),
        "direct"
    );
}
