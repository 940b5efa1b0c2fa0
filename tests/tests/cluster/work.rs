//! Requests to workers, from the world's code to a site and back.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use moor_tests::{PATIENCE, Session, say};

use crate::realm::{Realm, signal};
use crate::site::Site;

/// Code that asks for a page and gives its body, or the error.
fn fetch(url: &str) -> String {
    format!(
        "try return worker_request(\"curl\", {{\"GET\", \"{url}\"}})[\"body\"]; except e (ANY) return e[1]; endtry"
    )
}

fn wait_for_workers(user: &mut Session, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    while user.value("return length(workers());") != count.to_string() {
        assert!(Instant::now() < deadline, "never {count} workers");
        std::thread::yield_now();
    }
}

#[test]
fn a_page_is_fetched_and_two_hosts_and_two_workers_share_the_work() {
    let (realm, site) = (Realm::start(), Site::open());
    let hosts = [realm.host("first"), realm.host("second")];
    let _workers = [realm.worker("one"), realm.worker("two")];
    let mut users = hosts.each_ref().map(|host| host.log_in());
    wait_for_workers(&mut users[0], 2);
    let answer = users[0].value(&fetch(&site.url("/page")));
    assert_eq!(answer, "\"/page\"");
    assert_eq!(
        users[1].value(&format!("return curl(\"{}\");", site.url("/curl"))),
        "\"/curl\""
    );
    // Both are busy at the same time: one alone has the other one's request in front of it.
    for (number, user) in users.iter_mut().enumerate() {
        let url = site.url(&format!("/slow{number}"));
        let wait = format!("worker_request(\"curl\", {{\"GET\", \"{url}\"}})[\"body\"]");
        user.value(&format!(
            "fork (0) notify(player, tostr(\"got \", {wait})); endfork return 1;"
        ));
        site.wait_for(&format!("/slow{number}"));
    }
    let loads =
        users[0].value("s = {}; for w in (workers()) s = {@s, w[\"in_flight\"]}; endfor return s;");
    assert_eq!(loads, "{1, 1}");
    site.release();
    for (number, user) in users.iter_mut().enumerate() {
        user.client().expect(&format!("got /slow{number}"));
    }
}

#[test]
fn without_a_worker_and_with_one_that_is_lost_the_task_hears_of_it() {
    let (realm, site) = (Realm::start(), Site::open());
    let host = realm.host("host");
    let mut user = host.log_in();
    assert_eq!(user.value(&fetch(&site.url("/none"))), "E_INVIND");
    let mut worker = realm.worker("worker");
    wait_for_workers(&mut user, 1);
    let code = format!(
        "; fork (0) try worker_request(\"curl\", {{\"POST\", \"{}\"}}); except e (ANY) notify(player, tostr(\"lost \", toliteral(e[1]))); endtry endfork",
        site.url("/slow")
    );
    user.client().send(&code).expect("sent");
    site.wait_for("/slow");
    worker.kill();
    // Nobody knows whether it was carried out, so nobody does it again.
    let _other = realm.worker("other");
    user.client().expect("lost E_INTRPT");
    assert_eq!(site.asked("/slow"), 1);
}

/// The promise: a health port refuses when there was no ping for 30 s, and accepts again with the next one.
#[test]
fn health_ports_tell_the_truth_about_a_daemon_that_stands_still() {
    if std::env::var_os("MOOR_SOAK_ROUNDS").is_none() {
        say(format_args!(
            "takes a minute; set MOOR_SOAK_ROUNDS to run it"
        ));
        return;
    }
    let realm = Realm::start_with(&[]);
    let host = realm.host("host");
    wait_for_port(host.health, true);
    signal(&realm.daemon, Signal::STOP);
    let begun = Instant::now();
    wait_for_port(host.health, false);
    let took = begun.elapsed();
    say(format_args!(
        "health port closed after {} s",
        took.as_secs()
    ));
    let wanted = Duration::from_secs(24)..Duration::from_secs(32);
    assert!(wanted.contains(&took), "{took:?}");
    // Whoever stands still for longer than it takes to be found out.
    std::thread::sleep(Duration::from_secs(40).saturating_sub(begun.elapsed()));
    signal(&realm.daemon, Signal::CONT);
    wait_for_port(host.health, true);
    assert_eq!(host.log_in().value("return 6 * 7;"), "42");
}

fn wait_for_port(address: std::net::SocketAddr, open: bool) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_ok() != open {
        assert!(Instant::now() < deadline, "the port is never open={open}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
