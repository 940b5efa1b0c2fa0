//! Daemon and host in two network namespaces joined by a cable that is cut and mended: sessions go on, and nothing that
//! anyone should see is lost or comes twice.
//!
//! Needs root and iproute2; without them it says so and passes. MOOR_SOAK_ROUNDS=50 or more leaves the cable cut for a
//! minute each time.

mod cable;

use std::time::Duration;

use moor_tests::{Program, Session, say};

use cable::Networks;

/// What a user is told when the daemon is out of touch, and when it is back.
const AWAY: &str = "The server is restarting";
const BACK: &str = "The server is back";

/// How long a cut lasts beyond its discovery in a long run.
const LONG_CUT: Duration = Duration::from_secs(60);

fn soak_rounds() -> usize {
    let given = std::env::var("MOOR_SOAK_ROUNDS").ok();
    given.map_or(2, |given| {
        given.parse().expect("MOOR_SOAK_ROUNDS is a number")
    })
}

#[test]
fn a_cable_that_is_cut_and_mended_loses_nothing() {
    let Some(networks) = Networks::make() else {
        return;
    };
    let mut daemon = networks.start_daemon();
    let _host = networks.start_host("telnet-host");
    let mut user = Session::log_in(networks.users(), "wizard").expect("logged in");
    // A clock that goes on ticking while nobody can hear it, and a count of what was done.
    user.value("return add_property(player, \"done\", {}, {player, \"\"});");
    user.value(
        "fork (0) n = 0; while (1) n = n + 1; notify(player, tostr(\"tick \", n)); suspend(0.1); endwhile endfork return 1;",
    );
    let (cuts, length) = match soak_rounds() {
        rounds if rounds >= 50 => (3, LONG_CUT),
        _ => (2, Duration::ZERO),
    };
    let mut seen = Seen::default();
    for cut in 1..=cuts {
        networks.cut();
        seen.until(&mut user, AWAY);
        for line in 0..3 {
            let number = (cut - 1) * 3 + line;
            let typed = format!(
                "; player.done = {{@player.done, {number}}}; notify(player, \"did {number}\");"
            );
            user.client().send(&typed).expect("the host takes it");
        }
        daemon.line("heartbeat_timeout");
        // Nothing shows the end of a cut but its length.
        std::thread::sleep(length);
        networks.mend();
        seen.until(&mut user, BACK);
        seen.until(&mut user, &format!("did {}", cut * 3 - 1));
        say(format_args!(
            "cut {cut} of {cuts}: {} ticks without a gap",
            seen.ticks
        ));
    }
    seen.check_done(3 * cuts);
    let expected: Vec<String> = (0..3 * cuts).map(|number| number.to_string()).collect();
    let mut other = Session::log_in(networks.users(), "wizard").expect("new users too");
    let player = other.value("return length(connected_players()) >= 1;");
    assert_eq!(player, "1");
    user.client()
        .send("; notify(player, tostr(\"all \", toliteral(player.done)));")
        .expect("connected");
    seen.until(&mut user, &format!("all {{{}}}", expected.join(", ")));
    drop_in_order(daemon);
}

/// The daemon drains although a cable was cut before.
fn drop_in_order(mut daemon: Program) {
    let ended = daemon.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.lines.join("\n"));
}

/// What a user has seen: ticks one after the other, each thing done once.
#[derive(Default)]
struct Seen {
    ticks: usize,
    done: Vec<usize>,
}

impl Seen {
    /// Reads until a line with `part`, which must come.
    fn until(&mut self, user: &mut Session, part: &str) {
        for line in user.client().expect(part) {
            if let Some(number) = number_after(&line, "tick ") {
                assert_eq!(number, self.ticks + 1, "a tick was lost or came twice");
                self.ticks = number;
            }
            if let Some(number) = number_after(&line, "did ") {
                self.done.push(number);
            }
        }
    }

    fn check_done(&self, count: usize) {
        let expected: Vec<usize> = (0..count).collect();
        assert_eq!(
            self.done, expected,
            "what was typed while the cable was cut is done once"
        );
    }
}

fn number_after(line: &str, word: &str) -> Option<usize> {
    line.strip_prefix(word).and_then(|rest| rest.parse().ok())
}
