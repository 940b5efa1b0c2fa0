//! What a daemon says of itself over HTTP while hosts and workers come.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use moor_tests::PATIENCE;

use crate::realm::Realm;
use crate::site::Site;

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the admin listener accepts");
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    answer
}

#[test]
fn health_and_numbers_are_there_and_no_secret_is() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("bound");
    drop(free);
    let mut realm = Realm::start_with(&["--admin-listen", &address.to_string()]);
    let site = Site::open();
    let host = realm.host("host");
    let _worker = realm.worker("worker");
    let mut user = host.log_in();
    let url = site.url("/page");
    user.value(&format!(
        "return worker_request(\"curl\", {{\"GET\", \"{url}\"}})[\"status\"];"
    ));
    let full = user.value(&format!(
        "r = curl(\"{url}\", [\"full\" -> 1, \"follow_redirects\" -> 1, \"headers\" -> [\"X-A\" -> \"b\"], \"max_size\" -> 1000000000]); \
         return {{r[\"status\"], r[\"headers\"][\"content-type\"], r[\"body\"], r[\"url\"] == \"{url}\"}};"
    ));
    assert_eq!(full, "{200, \"text/plain\", \"/page\", 1}");
    for path in ["/livez", "/readyz", "/healthz"] {
        let answer = get(address, path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(
            path == "/livez" || answer.contains("\"store\""),
            "{path}: {answer}"
        );
        assert!(answer.contains("\"peer_watcher\""), "{path}: {answer}");
    }
    let wanted = [
        "moor_link_peers{service=\"telnet-host\"} 1",
        "moor_link_peers{service=\"curl-worker\"} 1",
        "moor_enrollments_total{result=\"enrolled\"} 2",
        "moor_worker_requests_total{kind=\"curl\",result=\"answered\"} 2",
        "moor_worker_in_flight{kind=\"curl\"} 0",
        "moor_connections 1",
        "moor_commits_total",
        "moor_build_info",
    ];
    let deadline = Instant::now() + PATIENCE;
    loop {
        let numbers = get(address, "/metrics");
        let missing: Vec<_> = wanted
            .iter()
            .filter(|line| !numbers.contains(**line))
            .collect();
        if missing.is_empty() {
            break;
        }
        // They are taken once a second.
        assert!(Instant::now() < deadline, "{missing:?} in:\n{numbers}");
        std::thread::yield_now();
    }
    let token = std::fs::read_to_string(realm.token_file()).expect("a token");
    let secret = token.split('.').nth(2).expect("a secret");
    let said = realm.daemon.stop().lines.join("\n");
    assert!(
        said.contains("what=\"enroll\"") && !said.contains(secret),
        "{said}"
    );
}
