//! Who gets in, by which token, and what those hear who do not.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use moor_tests::Session;

use crate::realm::{Realm, operator, telnet_of};

/// Exit codes of programs that may not join, as docs/clustered-deployment.md lists them.
const NO_TOKEN: i32 = 80;
const TOKEN_UNKNOWN: i32 = 81;
const TOKEN_EXPIRED: i32 = 82;
const TOKEN_USED_UP: i32 = 83;
const TOKEN_WRONG_SERVICE: i32 = 84;
const WRONG_SERVER_KEY: i32 = 85;

fn mode(path: &Path) -> u32 {
    let data =
        std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    data.permissions().mode() & 0o777
}

#[test]
fn a_host_with_the_default_token_is_enrolled_once_and_serves_users() {
    let realm = Realm::start();
    let host = realm.host("host");
    assert_eq!(host.log_in().value("return 6 * 7;"), "42");
    let config = realm.home("daemon").join("config/moor");
    for (name, wanted) in [("daemon.key", 0o600), ("enrollment-token", 0o600)] {
        assert_eq!(mode(&config.join(name)), wanted, "{name}");
    }
    let enrolled = realm.enrolled("telnet-host");
    assert_eq!(enrolled.len(), 1, "{enrolled:?}");
    drop(host);
    let again = realm.host("host");
    assert_eq!(again.log_in().value("return 1;"), "1");
    assert_eq!(
        realm.enrolled("telnet-host"),
        enrolled,
        "the same key keeps its name"
    );
    let listed = realm.operate(&["peers", "list"]);
    assert!(listed.contains(&enrolled[0]), "{listed}");
}

#[test]
fn a_host_that_was_started_before_the_daemon_waits_for_it() {
    let unborn = Realm::before_daemon();
    let file = unborn.token_file();
    assert!(
        unborn.said.contains(&file.display().to_string()),
        "{}",
        unborn.said
    );
    let token = std::fs::read_to_string(&file).expect("a token");
    assert!(
        !unborn.said.contains(token.trim()),
        "the secret was printed"
    );
    let mut host = unborn.launch_host("host");
    let telnet = telnet_of(&mut host);
    host.line("waiting to be enrolled");
    let realm = unborn.born();
    host.line("the daemon is there");
    let mut user = Session::log_in(telnet, "wizard").expect("logged in");
    assert_eq!(user.value("return 6 * 7;"), "42");
    assert_eq!(realm.enrolled("telnet-host").len(), 1);
    let said = std::fs::read_to_string(&file).expect("a token");
    assert_eq!(
        said, token,
        "the daemon keeps the token that was made for it"
    );
}

#[test]
fn a_token_that_does_not_fit_ends_the_program_with_its_own_code() {
    let realm = Realm::start();
    let ends = |word: &str, name: &str, token: Option<&Path>, code: i32| {
        let ended = realm.fails(word, name, token);
        let lines = ended.lines.join("\n");
        assert_eq!(ended.code, Some(code), "{name}: {lines}");
    };
    ends("telnet-host", "none", None, NO_TOKEN);
    let former = realm.home("former").join("token");
    std::fs::copy(realm.token_file(), &former).expect("copied");
    let rotated = realm.operator(&["daemon", "--rotate-enrollment-token"]);
    assert!(rotated.status.success(), "{rotated:?}");
    ends("telnet-host", "unknown", Some(&former), TOKEN_UNKNOWN);
    let once = realm.make_token("once", &["--uses", "1"]);
    let mut first = realm.launch("telnet-host", "first", Some(&once), &[]);
    first.line("the daemon is there");
    ends("telnet-host", "second", Some(&once), TOKEN_USED_UP);
    let workers = realm.make_token("workers", &["--type", "curl-worker"]);
    ends(
        "telnet-host",
        "wrong-type",
        Some(&workers),
        TOKEN_WRONG_SERVICE,
    );
    let brief = realm.make_token("brief", &["--ttl", "1s"]);
    // A time that is over is what this is about.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    ends("telnet-host", "late", Some(&brief), TOKEN_EXPIRED);
    let elsewhere = realm.home("elsewhere");
    let made = operator(&elsewhere, &["daemon", "--rotate-enrollment-token"]);
    assert!(made.status.success(), "{made:?}");
    let foreign = elsewhere.join("config/moor/enrollment-token");
    ends("curl-worker", "foreign", Some(&foreign), WRONG_SERVER_KEY);
    assert_eq!(realm.enrolled("telnet-host").len(), 1);
    assert!(realm.enrolled("curl-worker").is_empty());
}

#[test]
fn a_wizard_rotates_the_token_and_makes_others() {
    let realm = Realm::start();
    let host = realm.host("host");
    let mut wizard = host.log_in();
    let former = realm.home("former").join("token");
    std::fs::copy(realm.token_file(), &former).expect("copied");
    let told = wizard.value("return rotate_enrollment_token();");
    let file = std::fs::read_to_string(realm.token_file()).expect("a token");
    assert_eq!(told.trim_matches('"'), file.trim());
    assert_eq!(wizard.value("return length(enrollment_tokens());"), "1");
    let ended = realm.fails("telnet-host", "late", Some(&former));
    assert_eq!(
        ended.code,
        Some(TOKEN_UNKNOWN),
        "{}",
        ended.lines.join("\n")
    );
    let made = wizard
        .value(r#"return create_enrollment_token(["service" -> "curl-worker", "uses" -> 1]);"#);
    let token = realm.home("worker").join("token");
    std::fs::write(&token, made.trim_matches('"')).expect("written");
    let mut worker = realm.launch("curl-worker", "worker", Some(&token), &[]);
    worker.line("the daemon is there");
    assert_eq!(wizard.value("return length(workers());"), "1");
    assert_eq!(wizard.value("return length(enrolled_hosts());"), "2");
    assert_eq!(wizard.value("return length(cluster_nodes());"), "2");
    // Whoever is in stays in.
    assert_eq!(wizard.value("return 6 * 7;"), "42");
}
