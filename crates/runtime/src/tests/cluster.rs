//! Nodes, tokens of enrollment and peers, as wizards' programs see and change them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use moor_value::Value;

use super::fixture::Who;
use super::listening::{Listening, node};
use crate::{NodeGone, TokenSpec};

#[test]
fn listings_are_maps() {
    let world = Listening::new();
    assert_eq!(
        world.value(Who::Wizard, "return workers();"),
        "{[\"concurrency_max\" -> 8, \"in_flight\" -> 1, \"node\" -> \"n\", \"since\" -> 7, \"type\" -> \"echo\"]}"
    );
    assert_eq!(
        world.value(Who::Wizard, "return cluster_nodes();"),
        "{[\"hostname\" -> \"\", \"node\" -> \"n\", \"service\" -> \"echo-worker\", \"since\" -> 7]}"
    );
    assert_eq!(
        world.value(Who::Wizard, "return enrollment_tokens();"),
        "{[\"created\" -> 1, \"expires\" -> 2, \"id\" -> \"a\", \"service\" -> \"curl-worker\", \"uses_left\" -> 1], [\"created\" -> 1, \"id\" -> \"b\"]}"
    );
    assert_eq!(
        world.value(Who::Wizard, "return enrolled_hosts();"),
        "{[\"enrolled\" -> 3, \"hostname\" -> \"h\", \"key\" -> \"k\", \"service\" -> \"telnet-host\", \"uuid\" -> \"u\"]}"
    );
}

#[test]
fn a_token_is_made_once_whatever_else_the_program_does() {
    let world = Listening::new();
    let source = "a = create_enrollment_token([\"service\" -> \"curl-worker\", \"uses\" -> 1, \"ttl\" -> 3600]); b = rotate_enrollment_token(); return {a, b};";
    assert_eq!(
        world.value(Who::Wizard, source),
        "{\"token-1\", \"default-2\"}"
    );
    assert_eq!(world.ear.desk.made.load(Ordering::SeqCst), 2);
    let specs = world.ear.desk.specs.lock().expect("not poisoned").clone();
    let spec = TokenSpec {
        service: Some("curl-worker".to_owned()),
        uses: Some(1),
        ttl: Some(Duration::from_secs(3600)),
    };
    assert_eq!(specs, [spec]);
}

#[test]
fn what_the_program_did_before_is_done_once_too() {
    let world = Listening::new();
    let runtime = &world.server.runtime;
    world
        .server
        .run(Who::Wizard, "add_property(#0, \"x\", 1, {player, \"r\"});");
    let source = "#0.x = #0.x + 1; rotate_enrollment_token(); return #0.x;";
    assert_eq!(world.value(Who::Wizard, source), "2");
    assert_eq!(world.value(Who::Wizard, "return #0.x;"), "2");
    drop(runtime.world.begin());
}

#[test]
fn refusals_are_errors_with_their_sentence() {
    let world = Listening::new();
    let told = |source: &str| {
        let caught = format!("try return {source}; except e (ANY) return e[1..2]; endtry");
        world.value(Who::Wizard, &caught)
    };
    assert_eq!(told("revoke_enrollment_token(\"a\")"), "0");
    assert_eq!(
        told("revoke_enrollment_token(\"x\")"),
        "{E_INVARG, \"there is no enrollment token x\"}"
    );
    assert_eq!(told("revoke_host(\"u\")"), "0");
    assert_eq!(told("revoke_host(\"x\")"), "{E_FILE, \"no disk\"}");
    assert_eq!(
        told("create_enrollment_token([\"service\" -> \"cow\"])"),
        "{E_INVARG, \"there is no service cow\"}"
    );
    assert_eq!(world.ear.desk.made.load(Ordering::SeqCst), 0);
}

#[test]
fn the_world_hears_of_nodes_that_come_and_go() {
    let world = Listening::new();
    for verb in ["node_up", "node_down"] {
        let add = format!(
            "add_verb(#0, {{#2, \"rxd\", \"{verb}\"}}, {{\"this\", \"none\", \"this\"}}); set_verb_code(#0, \"{verb}\", {{\"worker_request(\\\"heard\\\", args);\"}}); return 1;"
        );
        assert_eq!(world.value(Who::Wizard, &add), "1");
    }
    let told =
        "[\"hostname\" -> \"\", \"node\" -> \"n\", \"service\" -> \"echo-worker\", \"since\" -> 7]";
    world.server.runtime.node_up(&node());
    assert_eq!(
        Value::List(world.call().args).to_literal(),
        format!("{{{told}}}")
    );
    world
        .server
        .runtime
        .node_down(&node(), NodeGone::HeartbeatTimeout);
    assert_eq!(
        Value::List(world.call().args).to_literal(),
        format!("{{{told}, \"heartbeat_timeout\"}}")
    );
}
