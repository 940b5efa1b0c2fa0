//! What a world is told at a start.

use moor_value::ObjId;

use super::fixture::Who;
use super::listening::Listening;
use crate::ImportedConnection;

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
    let connections = vec![connection(3, 0), connection(-7, 0), connection(4, 1)];
    world.restart_imported(connections);
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
