//! Whoever is thrown out is out at once, however it was done, and the others notice nothing.

use std::time::{Duration, Instant};

use moor_tests::{PATIENCE, say};

use crate::realm::{Host, Realm};

/// The exit code of a program whose key was taken back, as docs/clustered-deployment.md lists it.
const REVOKED: i32 = 86;

/// Until when a live peer is out. The promise is a second; a machine that also builds may take a little longer.
const OUT_WITHIN: Duration = Duration::from_secs(2);

fn is_thrown_out(way: &str, throw_out: impl FnOnce(&Realm, &str)) {
    let realm = Realm::start();
    let kept = realm.host("kept");
    let before = realm.enrolled("telnet-host");
    let Host {
        mut program,
        telnet,
        ..
    } = realm.host("thrown-out");
    let after = realm.enrolled("telnet-host");
    let uuid = after.iter().find(|uuid| !before.contains(uuid));
    let uuid = uuid.expect("enrolled").clone();
    let mut staying = kept.log_in();
    let mut user = moor_tests::Session::log_in(telnet, "wizard").expect("logged in");
    assert_eq!(user.value("return 1;"), "1");
    let begun = Instant::now();
    throw_out(&realm, &uuid);
    user.client().until_closed().expect("the connection ends");
    let took = begun.elapsed();
    say(format_args!(
        "revoked by {way}: out after {} ms",
        took.as_millis()
    ));
    assert!(took < OUT_WITHIN, "{way}: {took:?}");
    let ended = program.end();
    assert_eq!(
        ended.code,
        Some(REVOKED),
        "{way}: {}",
        ended.lines.join("\n")
    );
    assert_eq!(staying.value("return 6 * 7;"), "42", "{way}");
    wait_until(&mut staying, "return length(cluster_nodes());", "1");
    let ended = realm.fails("telnet-host", "thrown-out", Some(&realm.token_file()));
    assert_eq!(
        ended.code,
        Some(REVOKED),
        "{way}: {}",
        ended.lines.join("\n")
    );
    // A token that was made since lets it in again: somebody wants that.
    let token = realm.make_token("newer", &[]);
    let mut again = realm.launch("telnet-host", "thrown-out", Some(&token), &[]);
    again.line("the daemon is there");
}

/// Asks until the world answers so.
fn wait_until(user: &mut moor_tests::Session, code: &str, wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    while user.value(code) != wanted {
        assert!(Instant::now() < deadline, "{code} is never {wanted}");
        std::thread::yield_now();
    }
}

#[test]
fn by_removing_the_file() {
    is_thrown_out("file", |realm, uuid| {
        std::fs::remove_file(realm.allowed().join(uuid)).expect("removed");
    });
}

#[test]
fn by_the_operators_command() {
    is_thrown_out("command", |realm, uuid| {
        realm.operate(&["peers", "revoke", uuid]);
    });
}

#[test]
fn by_a_wizard() {
    is_thrown_out("builtin", |realm, uuid| {
        let host = realm.host("wizard");
        host.log_in()
            .value(&format!("return revoke_host(\"{uuid}\");"));
    });
}

#[test]
fn a_worker_that_is_thrown_out_gets_no_more_requests() {
    let realm = Realm::start();
    let host = realm.host("host");
    let mut worker = realm.worker("worker");
    let mut wizard = host.log_in();
    wait_until(&mut wizard, "return length(workers());", "1");
    let uuid = realm.enrolled("curl-worker").remove(0);
    realm.operate(&["peers", "revoke", &uuid]);
    assert_eq!(worker.end().code, Some(REVOKED));
    wait_until(&mut wizard, "return length(workers());", "0");
    let answer = wizard.value(
        "return `worker_request(\"curl\", {\"GET\", \"http://127.0.0.1/\"}) ! ANY => error';"
            .replace("error", "E_NACC")
            .as_str(),
    );
    assert_eq!(answer, "E_NACC");
}
