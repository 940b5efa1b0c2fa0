//! Connections that programs ask for: what the host is told and when, and what comes of each of its answers.

use moor_value::ErrorCode;

use super::fixture::Who;
use super::listening::{Listening, answer, literal};
use crate::dials::DIALS_MAX;
use crate::{
    Dial, HostId, InputLine, LineKind, Listener, ListenerId, NewSession, OpenError, SessionEvent,
};

const HOST: HostId = HostId([7; 16]);
const OTHER: HostId = HostId([8; 16]);
const ASK: &str = "return open_network_connection(\"moo.example\", 7777);";
const ASK_AND_CATCH: &str = "try return open_network_connection(\"moo.example\", 7777); \
                             except e (ANY) return {e[1], e[2]}; endtry";

/// A world with a host that listens for telnet users.
fn world() -> Listening {
    let world = Listening::new();
    let own = Listener {
        id: ListenerId::MAIN,
        host: Some(HOST),
        handler: moor_value::ObjId::SYSTEM,
        address: "127.0.0.1".to_owned(),
        port: 8888,
        print_messages: true,
        tls: None,
        ipv6: false,
        serves_programs: true,
    };
    world.server.runtime.report_listeners(HOST, &[own]);
    world
}

fn comes_with(dial: &Dial) -> NewSession {
    NewSession {
        id: dial.session,
        listener: ListenerId::MAIN,
        peer_address: "192.0.2.9".to_owned(),
        peer_port: dial.port,
        hostname: Some(dial.name.clone()),
        local_address: "192.0.2.1".to_owned(),
        local_port: 40_000,
        tls: None,
        token: None,
        outbound: true,
    }
}

fn opens(world: &Listening, dial: &Dial) -> Result<(), OpenError> {
    let runtime = &world.server.runtime;
    runtime.open_session(HOST, comes_with(dial))
}

fn says(world: &Listening, dial: &Dial, number: u64, text: &str) {
    let line = InputLine {
        number: Some(number),
        kind: LineKind::Text,
        text: text.to_owned(),
    };
    world.line(HOST, dial.session, line);
}

#[test]
fn the_task_gets_the_connection_that_the_host_has_made() {
    let world = world();
    let source = "c = open_network_connection(\"moo.example\", 7777); i = connection_info(c); \
                  return {c < #0, i[\"outbound\"], i[\"destination_address\"], i[\"destination_port\"], connection_name(c)};";
    let asked = world.eval(Who::Wizard, source);
    let (host, dial) = world.dial();
    assert_eq!(
        (host, dial.name.as_str(), dial.port),
        (HOST, "moo.example", 7777)
    );
    assert_eq!(
        (dial.ipv6, dial.tls, dial.timeout.as_secs()),
        (false, false, 5)
    );
    opens(&world, &dial).expect("it is awaited");
    let shown = literal(&answer(&asked));
    assert_eq!(shown, "{1, 1, \"moo.example\", 7777, \"moo.example\"}");
    opens(&world, &dial).expect("saying it twice is saying it once");
}

#[test]
fn lines_wait_until_the_task_has_said_what_becomes_of_them() {
    let world = world();
    world.server.run(
        Who::Wizard,
        "add_property(#0, \"heard\", {}, {#2, \"\"}); \
        add_verb(#0, {#2, \"xd\", \"do_login_command\"}, {\"this\", \"none\", \"this\"}); \
        set_verb_code(#0, \"do_login_command\", {\"#0.heard = {@#0.heard, argstr};\"});",
    );
    let source = "c = open_network_connection(\"moo.example\", 7777); \
                  set_connection_option(c, \"hold-input\", 1); return {read(c), read(c), #0.heard};";
    let asked = world.eval(Who::Wizard, source);
    let (_, dial) = world.dial();
    opens(&world, &dial).expect("it is awaited");
    says(&world, &dial, 1, "first");
    says(&world, &dial, 2, "second");
    assert_eq!(literal(&answer(&asked)), "{\"first\", \"second\", {}}");
}

#[test]
fn a_handler_that_is_named_hears_of_the_connection_at_once_and_others_do_not() {
    let world = world();
    let listens = "add_property(#1, \"heard\", {}, {#2, \"\"}); \
        add_verb(#1, {#2, \"xd\", \"do_login_command\"}, {\"this\", \"none\", \"this\"}); \
        set_verb_code(#1, \"do_login_command\", {\"this.heard = {@this.heard, argstr};\"}); return 1;";
    world.value(Who::Wizard, listens);
    let call =
        "c = open_network_connection(\"moo.example\", 7777, [\"listener\" -> #1]); return c < #0;";
    let asked = world.eval(Who::Wizard, call);
    let (_, dial) = world.dial();
    opens(&world, &dial).expect("it is awaited");
    says(&world, &dial, 1, "hello");
    assert_eq!(literal(&answer(&asked)), "1");
    world.events_until(dial.session, |event| *event == SessionEvent::LineDone(1));
    assert_eq!(
        world.value(Who::Wizard, "return #1.heard;"),
        "{\"\", \"hello\"}"
    );
}

#[test]
fn what_the_host_could_not_do_is_raised_in_the_task() {
    let world = world();
    let asked = world.eval(Who::Wizard, ASK_AND_CATCH);
    let (_, dial) = world.dial();
    let runtime = &world.server.runtime;
    let failed = |host| {
        let why = "refused".to_owned();
        runtime.dial_failed(host, dial.session, ErrorCode::InvArg, why);
    };
    failed(OTHER);
    assert!(asked.try_recv().is_err(), "it is not that host's business");
    failed(HOST);
    assert_eq!(literal(&answer(&asked)), "{E_INVARG, \"refused\"}");
    assert!(matches!(opens(&world, &dial), Err(OpenError::NotAwaited)));
}

#[test]
fn a_host_comes_in_vain_with_what_it_was_not_asked_for() {
    let world = world();
    let _asked = world.eval(Who::Wizard, ASK);
    let (_, dial) = world.dial();
    let runtime = &world.server.runtime;
    let of_another_host = runtime.open_session(OTHER, comes_with(&dial));
    assert!(matches!(of_another_host, Err(OpenError::NotAwaited)));
    assert_eq!(
        world.value(Who::Wizard, "return connected_players(1);"),
        "{}"
    );
}

#[test]
fn a_task_that_was_killed_or_waited_too_long_leaves_no_connection() {
    let world = world();
    let _killed = world.eval(Who::Wizard, ASK);
    let (_, dial) = world.dial();
    let kill = "return kill_task(queued_tasks()[1][1]);";
    assert_eq!(world.value(Who::Wizard, kill), "0");
    assert!(matches!(opens(&world, &dial), Err(OpenError::NotAwaited)));

    let asked = world.eval(Who::Wizard, ASK_AND_CATCH);
    let (_, dial) = world.dial();
    world.pass(dial.timeout + crate::dials::DIAL_GRACE);
    assert_eq!(
        literal(&answer(&asked)),
        "{E_INTRPT, \"no answer came in time\"}"
    );
    assert!(matches!(opens(&world, &dial), Err(OpenError::NotAwaited)));
    assert_eq!(
        world.value(Who::Wizard, "return connected_players(1);"),
        "{}"
    );
}

#[test]
fn a_restart_interrupts_the_task_that_waits_and_keeps_the_connection_that_was_made() {
    let mut world = world();
    let fork = |tell: &str| {
        format!(
            "fork (0) try c = open_network_connection(\"moo.example\", 7777); \
                                     except e (ANY) c = {{e[1], e[2]}}; endtry {tell} endfork return 1;"
        )
    };
    world.value(Who::Wizard, &fork("worker_request(\"echo\", {c});"));
    let (_, waited) = world.dial();
    world.value(
        Who::Wizard,
        &fork("suspend(); worker_request(\"echo\", {c < #0});"),
    );
    let (_, made) = world.dial();
    opens(&world, &made).expect("it is awaited");
    world.restart();
    let shown = moor_value::Value::List(world.call().args).to_literal();
    assert_eq!(
        shown,
        "{{E_INTRPT, \"the server was restarted before an answer came\"}}"
    );
    assert!(matches!(opens(&world, &waited), Err(OpenError::NotAwaited)));
    let resume = "suspend(0); for t in (queued_tasks()) `resume(t[1]) ! ANY'; endfor return 1;";
    world.value(Who::Wizard, resume);
    let shown = moor_value::Value::List(world.call().args).to_literal();
    assert_eq!(shown, "{1}");
    opens(&world, &made).expect("the session lives on");
}

#[test]
fn the_bound_holds_and_what_is_over_makes_room() {
    let world = world();
    let fork = format!("for i in [1..{DIALS_MAX}] fork (0) {ASK} endfork endfor return 1;");
    world.value(Who::Wizard, &fork);
    let dials: Vec<_> = (0..DIALS_MAX).map(|_| world.dial().1).collect();
    let refused = world.value(Who::Wizard, ASK_AND_CATCH);
    assert_eq!(refused, "{E_QUOTA, \"Resource limit exceeded\"}");
    let runtime = &world.server.runtime;
    runtime.dial_failed(HOST, dials[0].session, ErrorCode::InvArg, String::new());
    let _asked = world.eval(Who::Wizard, ASK);
    world.dial();
}

#[test]
fn arguments_and_permissions() {
    let world = world();
    let fails = |who, call: &str| {
        let source = format!(
            "try return open_network_connection({call}); except e (ANY) return e[1]; endtry"
        );
        world.value(who, &source)
    };
    assert_eq!(fails(Who::Programmer, "\"a\", 1"), "E_PERM");
    for wrong in [
        "\"\", 1",
        "\"127.0.0.1\", 1, [\"ipv6\" -> 1]",
        "\"::1\", 1",
        "\"a\", 0",
        "\"a\", 65536",
        "\"a\", -1",
    ] {
        assert_eq!(fails(Who::Wizard, wrong), "E_INVARG", "{wrong}");
    }
    assert_eq!(
        fails(Who::Wizard, "\"a\", 1, [\"listener\" -> 1]"),
        "E_TYPE"
    );
    assert!(world.is_silent());
}
