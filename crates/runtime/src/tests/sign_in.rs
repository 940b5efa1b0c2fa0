//! Tokens of users, sessions that are opened by one and what their hosts are told, and hosts whose key is taken back.

use std::time::Duration;

use moor_value::Value;

use super::fixture::Who;
use super::listening::Listening;
use crate::session::HostOption;
use crate::{
    HostId, InputLine, IssueError, LineKind, ListenerId, NewSession, OpenError, SessionEvent,
    SessionId,
};

const HOST: HostId = HostId([7; 16]);
const SESSION: SessionId = SessionId([9; 16]);

fn new_session(token: Option<String>) -> NewSession {
    NewSession {
        id: SESSION,
        listener: ListenerId::MAIN,
        peer_address: "192.0.2.7".to_owned(),
        peer_port: 40_000,
        hostname: None,
        local_address: "192.0.2.1".to_owned(),
        local_port: 8081,
        tls: None,
        token,
        outbound: false,
    }
}

fn add_verb(world: &Listening, name: &str, code: &str) {
    let add = format!(
        "add_verb(#0, {{#2, \"rxd\", \"{name}\"}}, {{\"this\", \"none\", \"this\"}}); return set_verb_code(#0, \"{name}\", {{{}}});",
        Value::from(code).to_literal()
    );
    assert_eq!(world.value(Who::Wizard, &add), "{}");
}

#[test]
fn a_token_says_who_its_holder_is_until_it_expires() {
    let world = Listening::new();
    let runtime = &world.server.runtime;
    let issued = runtime
        .token_of(Who::Programmer.object())
        .expect("a player");
    assert_eq!(
        runtime.holder(&issued.token),
        Some(Who::Programmer.object())
    );
    assert!(!format!("{issued:?}").contains(&issued.token));
    world.pass(Duration::from_secs(7 * 24 * 3600 - 60));
    assert!(runtime.holder(&issued.token).is_some());
    world.pass(Duration::from_secs(120));
    assert_eq!(runtime.holder(&issued.token), None);
}

#[test]
fn no_changed_token_is_one() {
    let world = Listening::new();
    let runtime = &world.server.runtime;
    let token = runtime
        .token_of(Who::Player.object())
        .expect("a player")
        .token;
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("ASCII");
        assert_eq!(runtime.holder(&changed), None, "changed at {at}");
        assert_eq!(runtime.holder(&token[..at]), None, "cut at {at}");
    }
    for odd in ["", "A", "~", &"A".repeat(76), &"A".repeat(100_000)] {
        assert_eq!(runtime.holder(odd), None);
    }
    let elsewhere = Listening::new();
    assert_eq!(elsewhere.server.runtime.holder(&token), None, "another key");
}

#[test]
fn a_token_ends_with_its_password_and_its_player() {
    let world = Listening::new();
    let runtime = &world.server.runtime;
    world.server.run(
        Who::Wizard,
        "add_property(#4, \"password\", \"one\", {player, \"\"});",
    );
    let token = runtime
        .token_of(Who::Player.object())
        .expect("a player")
        .token;
    world.server.run(Who::Wizard, "#4.password = \"two\";");
    assert_eq!(runtime.holder(&token), None);
    let token = runtime
        .token_of(Who::Player.object())
        .expect("a player")
        .token;
    assert!(runtime.holder(&token).is_some());
    world.server.run(Who::Wizard, "set_player_flag(#4, 0);");
    assert_eq!(runtime.holder(&token), None);
    assert!(runtime.token_of(Who::Player.object()).is_none());
}

#[test]
fn a_session_opened_by_a_token_is_its_players() {
    let world = Listening::new();
    let runtime = &world.server.runtime;
    add_verb(&world, "do_login_command", "notify(player, \"welcome\");");
    add_verb(&world, "user_connected", "notify(args[1], \"hello\");");
    let refused = runtime.open_session(HOST, new_session(Some("x".to_owned())));
    assert!(matches!(refused, Err(OpenError::BadToken)));
    let token = runtime
        .token_of(Who::Player.object())
        .expect("a player")
        .token;
    runtime
        .open_session(HOST, new_session(Some(token)))
        .expect("it opens");
    let hello = SessionEvent::text("hello");
    let seen = world.events_until(SESSION, |event| *event == hello);
    assert_eq!(seen.first(), Some(&SessionEvent::LoggedIn(4)));
    assert!(!seen.contains(&SessionEvent::text("welcome")), "{seen:?}");
    let issued = runtime.issue_token(HOST, SESSION).expect("it is logged in");
    assert_eq!(issued.player, Who::Player.object());
    assert_eq!(
        runtime.issue_token(HostId([8; 16]), SESSION).err(),
        Some(IssueError::UnknownSession),
        "another host's"
    );
    let line = InputLine {
        number: Some(1),
        kind: LineKind::Text,
        text: "look".to_owned(),
    };
    world.line(HOST, SESSION, line);
    world.events_until(SESSION, |event| *event == SessionEvent::LineDone(1));
}

#[test]
fn a_session_that_has_not_logged_in_gets_no_token() {
    let world = Listening::new();
    let runtime = &world.server.runtime;
    runtime
        .open_session(HOST, new_session(None))
        .expect("it opens");
    assert_eq!(
        runtime.issue_token(HOST, SESSION).err(),
        Some(IssueError::NotLoggedIn)
    );
}

#[test]
fn sessions_of_a_revoked_host_end_after_their_hook() {
    let world = Listening::new();
    let runtime = &world.server.runtime;
    add_verb(
        &world,
        "user_disconnected",
        "worker_request(\"left\", args);",
    );
    let token = runtime
        .token_of(Who::Player.object())
        .expect("a player")
        .token;
    runtime
        .open_session(HOST, new_session(Some(token)))
        .expect("it opens");
    world.events_until(SESSION, |event| *event == SessionEvent::LoggedIn(4));
    runtime.host_revoked(HostId([8; 16]));
    assert_eq!(
        world.value(Who::Wizard, "return connected_players();"),
        "{#4}"
    );
    runtime.host_revoked(HOST);
    assert_eq!(Value::List(world.call().args).to_literal(), "{#4}");
    assert_eq!(
        world.value(Who::Wizard, "return connected_players();"),
        "{}"
    );
}

#[test]
fn hosts_are_told_how_much_output_may_wait() {
    let world = Listening::new();
    let runtime = &world.server.runtime;
    let token = runtime.token_of(Who::Programmer.object());
    let new = new_session(Some(token.expect("a player").token));
    runtime.open_session(HOST, new).expect("it opens");
    let told = |bytes: u32| SessionEvent::Option(HostOption::MaxQueuedOutput(bytes));
    let set = "add_property($server_options, \"max_queued_output\", 3000, {#2, \"\"}); \
               load_server_options(); return buffered_output_length();";
    assert_eq!(world.value(Who::Wizard, set), "3000");
    world.events_until(SESSION, |event| *event == told(3_000));
    let full =
        "s = \"0123456789\"; while (length(s) < 4000) s = s + s; endwhile return notify(#3, s, 1);";
    assert_eq!(world.value(Who::Wizard, full), "0");
    // Too few are the fewest that there may be; no number of bytes is as if nothing was set.
    for (value, bytes) in [("1", 2_048), ("0", 65_536)] {
        let set = format!(
            "$server_options.max_queued_output = {value}; load_server_options(); return buffered_output_length();"
        );
        assert_eq!(world.value(Who::Wizard, &set), bytes.to_string());
        world.events_until(SESSION, |event| *event == told(bytes));
    }
}
