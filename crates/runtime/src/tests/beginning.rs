//! What a world is told at a start, and what comes first.

use moor_value::ObjId;

use super::fixture::Who;
use super::listening::Listening;
use crate::{ImportedConnection, RuntimeConfig};

/// Gives `#0` a verb that adds what it was called with to `#0.seen`.
fn add_hook(world: &Listening, name: &str) {
    let source = format!(
        "add_verb(#0, {{#2, \"xd\", \"{name}\"}}, {{\"this\", \"none\", \"this\"}}); \
         return set_verb_code(#0, \"{name}\", {{\"#0.seen = {{@#0.seen, {{verb, @args, caller, player}}}};\"}});"
    );
    assert_eq!(world.server.run(Who::Wizard, &source).shown(), "{}");
}

fn shown(world: &Listening, source: &str) -> String {
    world.server.run(Who::Wizard, source).shown()
}

#[test]
fn users_of_an_imported_world_are_gone() {
    let mut world = Listening::new();
    let source = "return add_property(#0, \"seen\", {}, {#2, \"\"});";
    assert_eq!(shown(&world, source), "0");
    add_hook(&world, "user_disconnected");
    add_hook(&world, "server_started");
    let connection = |player: i64, handler: i64| ImportedConnection {
        player: ObjId(player),
        handler: ObjId(handler),
    };
    // An object that has no such hook is passed over.
    world.restart_with(RuntimeConfig {
        imported_connections: vec![connection(3, 0), connection(-7, 0), connection(4, 1)],
        ..RuntimeConfig::default()
    });
    let seen = "while (length(#0.seen) < 3) suspend(0); endwhile \
                return {{\"user_disconnected\", #3, #-1, #3} in #0.seen > 0, \
                {\"user_disconnected\", #-7, #-1, #-7} in #0.seen > 0, \
                {\"server_started\", #-1, #-1} in #0.seen > 0};";
    assert_eq!(shown(&world, seen), "{1, 1, 1}");
    world.restart();
    let seen =
        "while (length(#0.seen) < 4) suspend(0); endwhile return {length(#0.seen), #0.seen[4][1]};";
    assert_eq!(shown(&world, seen), "{4, \"server_started\"}");
}

#[test]
fn a_world_that_asks_is_told_the_limits_of_integers() {
    let mut world = Listening::new();
    let source = "add_property(#0, \"maxint\", 2147483647, {#2, \"r\"}); \
                  return add_property(#0, \"MinInt\", \"none\", {#2, \"r\"});";
    assert_eq!(shown(&world, source), "0");
    world.restart();
    let limits = "{9223372036854775807, -9223372036854775807}";
    assert_eq!(shown(&world, "return {#0.maxint, #0.minint};"), limits);
    world.restart();
    assert_eq!(shown(&world, "return {#0.maxint, #0.minint};"), limits);
}

fn scripts(scripts: &[&[&str]]) -> RuntimeConfig {
    let lines = |script: &&[&str]| script.iter().map(ToString::to_string).collect();
    RuntimeConfig {
        start_scripts: scripts.iter().map(lines).collect(),
        ..RuntimeConfig::default()
    }
}

#[test]
fn scripts_of_the_operator_come_first() {
    let mut world = Listening::new();
    let source = "return add_property(#0, \"seen\", {}, {#2, \"\"});";
    assert_eq!(shown(&world, source), "0");
    add_hook(&world, "do_start_script");
    add_hook(&world, "server_started");
    world.restart_with(scripts(&[&["one"], &["two", "three"], &[]]));
    let seen = "while (length(#0.seen) < 4) suspend(0); endwhile return #0.seen;";
    let first = "{{\"do_start_script\", \"one\", #-1, #-1}, {\"do_start_script\", \"two\", \"three\", #-1, #-1}, \
                 {\"do_start_script\", #-1, #-1}, {\"server_started\", #-1, #-1}}";
    assert_eq!(shown(&world, seen), first);
}

#[test]
fn scripts_may_fail_wait_or_meet_a_world_without_the_verb() {
    let mut world = Listening::new();
    world.restart_with(scripts(&[&["nobody hears it"]]));
    let source = "add_property(#0, \"seen\", {}, {#2, \"\"}); \
                  add_verb(#0, {#2, \"xd\", \"do_start_script\"}, {\"this\", \"none\", \"this\"}); \
                  return set_verb_code(#0, \"do_start_script\", {\"#0.seen = {@#0.seen, args[1]};\", \"eval(args[1]);\", \
                  \"#0.seen = {@#0.seen, 1};\"});";
    assert_eq!(shown(&world, source), "{}");
    // The one that waits goes on when all of them have had their turn.
    world.restart_with(scripts(&[&["suspend(0);"], &["return 1 / 0;"], &[]]));
    let seen = "while (length(#0.seen) < 3) suspend(0); endwhile return #0.seen;";
    assert_eq!(
        shown(&world, seen),
        "{\"suspend(0);\", \"return 1 / 0;\", 1}"
    );
}
