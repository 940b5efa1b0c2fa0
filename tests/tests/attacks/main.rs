//! Attackers with libzmq (pyzmq) and with bare sockets against the programs on TCP: nothing gets in, nothing is read
//! along the way, and whoever is honest goes on.
//!
//! In: `attacker.py`, which shares no code with moor. Out: verdicts. Without Python and pyzmq each case says so and
//! passes.

mod attacker;
mod ground;

use std::time::{Duration, Instant};

use moor_tests::{PATIENCE, say};
use serde_json::{Value, json};

use attacker::Attacker;
use ground::{Ground, data_folder};

/// The exit code of a program whose token pins another daemon's key.
const WRONG_SERVER_KEY: i32 = 85;
/// What a flood may cost the daemon.
const FLOOD_BYTES_MAX: u64 = 64 << 20;

#[test]
fn a_door_opens_for_its_own_keys_only() {
    let Some(mut ground) = Ground::open() else {
        return;
    };
    let config = json!({
        "endpoints": ground.endpoints(), "server": ground.server_key(), "link": ground.link_version(),
        "protocol": ground.protocol(), "host": ground.spare_host_key(), "worker": ground.spare_worker_key(),
    });
    let mut attacker = Attacker::start("doors", &config);
    let mut tried = 0;
    while let Some(row) = attacker.next() {
        let (who, door) = (text(&row[0]), text(&row[1]));
        let went_in = row[2] == "succeeded";
        let allowed = match who {
            "host" => ["rpc", "events", "enrollment"].contains(&door),
            "worker" => ["workers-request", "workers-response", "enrollment"].contains(&door),
            // Whoever wants to enroll has a key that nobody knows.
            "stranger" => door == "enrollment",
            _ => false,
        };
        assert_eq!(went_in, allowed, "{row}");
        // A subscription to everything brings nothing, wherever it is made.
        assert!(
            row[3] == 0 || (allowed && !door.contains("events") && door != "workers-request"),
            "{row}"
        );
        tried += 1;
    }
    assert_eq!(tried, 6 * 5);
    ground.is_unharmed();
}

#[test]
fn a_host_hears_only_its_own_sessions() {
    let Some(mut ground) = Ground::open() else {
        return;
    };
    let config = ground.as_spare_host();
    let mut attacker = Attacker::start("eavesdrop", &config);
    assert_eq!(attacker.answer(), "listening");
    let mut user = ground.log_in();
    for number in 0..50 {
        assert_eq!(user.value(&format!("return {number};")), number.to_string());
    }
    attacker.go_on();
    assert_eq!(attacker.answer(), json!({"stray": 0, "own": 1}));
    ground.is_unharmed();
}

#[test]
fn a_host_cannot_pass_for_another() {
    let Some(mut ground) = Ground::open() else {
        return;
    };
    let mut user = ground.log_in();
    let mut config = ground.as_spare_host();
    config["victim"] = json!(ground.host_uuid().replace('-', ""));
    let mut attacker = Attacker::start("impostor", &config);
    // What a hello claims does not count: it comes in as itself, and the other stays.
    assert_eq!(attacker.answer(), json!({"as itself": true}));
    assert_eq!(user.value("return 1;"), "1");
    assert_eq!(attacker.answer(), json!({"as web-host": false}));
    assert_eq!(user.value("return 2;"), "2");
    attacker.go_on();
    ground.is_unharmed();
}

#[test]
fn a_removed_key_is_out_at_once() {
    let Some(mut ground) = Ground::open() else {
        return;
    };
    let config = ground.as_spare_host();
    let mut attacker = Attacker::start("revoked", &config);
    assert_eq!(attacker.answer(), "in");
    std::fs::remove_file(ground.allowed(&ground.spare_host_uuid())).expect("the file of the peer");
    attacker.go_on();
    let verdict = attacker.answer();
    say(format_args!("revoked after {} s", verdict["seconds"]));
    assert_eq!(verdict["answered"], json!(false), "{verdict}");
    assert_ne!(verdict["refusal"], Value::Null, "{verdict}");
    assert_eq!(verdict["again"], "not allowed", "{verdict}");
    ground.is_unharmed();
}

#[test]
fn nothing_can_be_read_along_the_way_or_played_again() {
    let Some(mut ground) = Ground::open() else {
        return;
    };
    const PHRASE: &str = "the-phrase-that-only-the-user-may-see";
    let token = ground.token();
    let parts: Vec<&str> = token.split('.').collect();
    let config = json!({"endpoints": ground.endpoints(), "secrets": [token, parts[2], PHRASE, "connect wizard"]});
    let mut attacker = Attacker::start("tap", &config);
    let taps = attacker.answer();
    let mut host = ground.host_at(&taps, "tapped");
    let mut user = host.log_in();
    assert_eq!(
        user.value(&format!("return {PHRASE:?};")),
        format!("{PHRASE:?}")
    );
    let before = ground.allowed_count();
    attacker.go_on();
    let heard = attacker.answer();
    for door in ["rpc", "events", "enrollment"] {
        assert!(
            heard["heard"][door].as_u64() > Some(200),
            "{door} was tapped: {heard}"
        );
    }
    assert_eq!(heard["leaks"], json!([]), "in clear text");
    let replayed = attacker.answer();
    assert!(replayed["replayed"].as_u64() > Some(200), "{replayed}");
    assert_eq!(ground.allowed_count(), before, "a replayed enrollment");
    ground.is_unharmed();
}

#[test]
fn a_daemon_with_another_key_gets_no_token() {
    let Some(mut ground) = Ground::open() else {
        return;
    };
    let mut attacker = Attacker::start("middle", &json!({}));
    let address = attacker.answer();
    let mut addresses = ground.endpoints();
    addresses["enrollment"] = address;
    let ended = ground.failing_host(&addresses, "fooled");
    assert_eq!(
        ended.code,
        Some(WRONG_SERVER_KEY),
        "{}",
        ended.lines.join("\n")
    );
    let secret = ground
        .token()
        .split('.')
        .nth(2)
        .expect("a secret")
        .to_owned();
    assert!(!ended.lines.iter().any(|line| line.contains(&secret)));
    attacker.go_on();
    assert_eq!(attacker.answer(), json!({"received": 0}));
    ground.is_unharmed();
}

#[test]
fn a_flood_costs_no_memory_and_nobody_else_waits() {
    let Some(mut ground) = Ground::open() else {
        return;
    };
    let mut user = ground.log_in();
    let calm = round_trips(&mut user);
    let before = ground.resident_bytes();
    let config = json!({"endpoints": ground.endpoints(), "silent": 900});
    let mut attacker = Attacker::start("flood", &config);
    let open = attacker.answer();
    let during = round_trips(&mut user);
    // Long enough for the connections that say nothing to be thrown out, and for more of them to be seen.
    let after = ground.resident_bytes();
    attacker.go_on();
    assert_eq!(attacker.answer(), "done");
    say(format_args!(
        "flood of {open}: round trip of an honest user {:?} (calm {:?}) at most {:?}; memory {} KiB, then {} KiB",
        during.median,
        calm.median,
        during.longest,
        before / 1024,
        after / 1024
    ));
    assert!(open["open"].as_u64() > Some(900), "{open}");
    assert!(
        after < before + FLOOD_BYTES_MAX,
        "{before} bytes, then {after}"
    );
    assert!(during.longest < PATIENCE / 2, "{:?}", during.longest);
    ground.is_unharmed();
}

struct RoundTrips {
    median: Duration,
    longest: Duration,
}

fn round_trips(user: &mut moor_tests::Session) -> RoundTrips {
    let mut times: Vec<Duration> = (0..200)
        .map(|number| {
            let begin = Instant::now();
            assert_eq!(user.value(&format!("return {number};")), number.to_string());
            begin.elapsed()
        })
        .collect();
    times.sort();
    RoundTrips {
        median: times[times.len() / 2],
        longest: times[times.len() - 1],
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// Two daemons of one machine keep apart what they own: the folders of the tests themselves.
#[test]
fn every_ground_has_its_own_folders() {
    let (Some(one), Some(other)) = (Ground::open(), Ground::open()) else {
        return;
    };
    assert_ne!(one.server_key(), other.server_key());
    assert_ne!(data_folder(one.folder()), data_folder(other.folder()));
}
