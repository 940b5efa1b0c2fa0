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

/// The lines of MOO in the operator's guide do what they say.
#[test]
fn the_builtins_of_the_guide_work_as_written() {
    let realm = Realm::start();
    let host = realm.host("host");
    let mut wizard = host.log_in();
    let guide = include_str!("../../../docs/clustered-deployment.md");
    let block = guide
        .split("```moo\n")
        .nth(1)
        .expect("the guide has a block of MOO");
    let lines = block.split("```").next().expect("it ends");
    // What the reader fills in: the id of a token, the uuid of a host that does not run.
    let body: Vec<&str> = lines.lines().collect();
    let program = format!(
        "id = \"\"; uuid = \"\"; {} return 1;",
        body.join(" ")
            .replace(
                "revoke_enrollment_token(id)",
                "id = enrollment_tokens()[$][\"id\"]; revoke_enrollment_token(id)"
            )
            .replace(
                "revoke_host(uuid)",
                "uuid = enrolled_hosts()[1][\"uuid\"]; typeof(uuid) == STR || raise(E_TYPE)"
            )
    );
    assert_eq!(wizard.value(&program), "1");
    wizard.value(
        "return add_property(player, \"token\", rotate_enrollment_token(), {player, \"\"});",
    );
    let file = std::fs::read_to_string(realm.token_file()).expect("the token file");
    assert_eq!(
        wizard.value("return player.token;"),
        format!("\"{}\"", file.trim_end())
    );
}

#[test]
fn arguments_of_a_request_are_a_list_or_a_map() {
    let realm = Realm::start();
    let site = Site::open();
    let host = realm.host("host");
    let _worker = realm.worker("worker");
    let mut user = host.log_in();
    wait_for_workers(&mut user, 1);
    let url = site.url("/page");
    for args in [
        format!("{{\"GET\", \"{url}\"}}"),
        format!("{{[\"method\" -> \"GET\", \"url\" -> \"{url}\"]}}"),
        format!("[\"method\" -> \"GET\", \"url\" -> \"{url}\"]"),
    ] {
        let program = format!("return worker_request(\"curl\", {args})[\"status\"];");
        assert_eq!(user.value(&program), "200", "{args}");
    }
    let wrong = "try worker_request(\"curl\", 1); except e (E_TYPE) return 17; endtry";
    assert_eq!(user.value(wrong), "17");
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
