//! Sessions that the world ends: everything that was printed before reaches the host, whatever comes between.

use std::collections::HashSet;
use std::time::Instant;

use super::fixture::Who;
use super::listening::{Listening, PATIENCE};
use crate::{Held, HeldSession, HostId, ListenerId, NewSession, SessionEvent, SessionId};

pub(super) const HOST: HostId = HostId([7; 16]);
const LAST_WORDS: &str = "last words";
const BOOT: &str = "notify(#3, \"last words\"); boot_player(#3);";

/// A world with the programmer connected as `session`.
pub(super) fn connected(session: SessionId) -> Listening {
    let world = Listening::new();
    open(&world, session, Who::Programmer);
    world
}

pub(super) fn open(world: &Listening, session: SessionId, who: Who) {
    let runtime = &world.server.runtime;
    let token = runtime.token_of(who.object());
    let new = NewSession {
        id: session,
        listener: ListenerId::MAIN,
        peer_address: "192.0.2.7".to_owned(),
        peer_port: 40_000,
        hostname: None,
        local_address: "192.0.2.1".to_owned(),
        local_port: 8081,
        tls: None,
        token: Some(token.expect("a player").token),
        outbound: false,
    };
    runtime.open_session(HOST, new).expect("it opens");
    let events = world.events_until(session, |event| {
        *event == SessionEvent::text("*** Connected ***")
    });
    // As a host does: what it has not acknowledged comes again with the end.
    let last = events.len() as u64;
    runtime.acknowledge(HOST, session, last, 0);
}

fn attach(world: &Listening, session: SessionId, last_event: u64) -> Held {
    let held = HeldSession {
        id: session,
        last_event,
    };
    world.server.runtime.attach(HOST, &[held]).remove(0)
}

fn closes(event: &SessionEvent) -> bool {
    *event == SessionEvent::Close
}

fn text(events: &[SessionEvent]) -> Vec<&str> {
    let lines = events.iter().filter_map(|event| match event {
        SessionEvent::Text { line, .. } => Some(line.as_str()),
        _ => None,
    });
    lines.collect()
}

fn number(number: u16) -> SessionId {
    let mut id = [9; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    SessionId(id)
}

#[test]
fn the_line_before_the_end_comes_before_the_end() {
    let world = Listening::new();
    for round in 0..50 {
        let session = number(round);
        open(&world, session, Who::Programmer);
        assert_eq!(world.value(Who::Wizard, BOOT), "0");
        let events = world.events_until(session, closes);
        assert_eq!(
            text(&events),
            [LAST_WORDS, "*** Disconnected ***"],
            "round {round}"
        );
        world.server.runtime.closed(HOST, session);
    }
}

#[test]
fn a_host_that_was_away_hears_of_the_end_and_of_what_came_before() {
    let session = number(1);
    let world = connected(session);
    let runtime = &world.server.runtime;
    runtime.host_gone(HOST);
    assert_eq!(world.value(Who::Wizard, BOOT), "0");
    assert_eq!(
        world.value(Who::Wizard, "return #3 in connected_players();"),
        "0"
    );
    assert!(matches!(attach(&world, session, 2), Held::Alive { .. }));
    let events = world.events_until(session, closes);
    assert_eq!(text(&events), [LAST_WORDS, "*** Disconnected ***"]);
    // What the link lost is asked for again, also of a session that has ended.
    runtime.replay(HOST, session, 3);
    let events = world.events_until(session, closes);
    assert_eq!(text(&events), [LAST_WORDS, "*** Disconnected ***"]);
    runtime.closed(HOST, session);
    assert_eq!(attach(&world, session, 2), Held::Gone);
}

#[test]
fn an_end_that_is_lost_on_its_way_comes_again() {
    let session = number(1);
    let world = connected(session);
    assert_eq!(world.value(Who::Wizard, BOOT), "0");
    world.events_until(session, closes);
    let events = world.events_until(session, closes);
    let shown = text(&events);
    assert!(
        shown.ends_with(&[LAST_WORDS, "*** Disconnected ***"]),
        "{shown:?}"
    );
    world.server.runtime.closed(HOST, session);
}

#[test]
fn a_restart_takes_nothing_from_a_session_that_has_ended() {
    let session = number(1);
    let mut world = connected(session);
    assert_eq!(world.value(Who::Wizard, BOOT), "0");
    world.events_until(session, closes);
    world.restart();
    assert_eq!(
        world.value(Who::Wizard, "return #3 in connected_players();"),
        "0"
    );
    assert!(matches!(attach(&world, session, 2), Held::Alive { .. }));
    let events = world.events_until(session, closes);
    assert_eq!(text(&events), [LAST_WORDS, "*** Disconnected ***"]);
    world.server.runtime.closed(HOST, session);
    world.restart();
    // Its row may be there still; the host that comes back does not name it any more.
    world.server.runtime.attached_all(HOST, &HashSet::new());
    assert_eq!(attach(&world, session, 7), Held::Gone);
}

#[test]
fn a_session_whose_user_left_meanwhile_is_forgotten() {
    let session = number(1);
    let world = connected(session);
    let runtime = &world.server.runtime;
    runtime.host_gone(HOST);
    assert_eq!(world.value(Who::Wizard, BOOT), "0");
    // The answer may be here before the end that the same task caused.
    let until = Instant::now() + PATIENCE;
    loop {
        runtime.attached_all(HOST, &HashSet::new());
        match attach(&world, session, 2) {
            Held::Gone => return,
            held => assert!(Instant::now() < until, "{held:?}"),
        }
        std::thread::yield_now();
    }
}
