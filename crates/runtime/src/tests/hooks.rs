//! Hooks of `#0` that things call which no program does: signals.

use super::fixture::Who;
use super::listening::Listening;

/// A world whose `#0:NAME()` runs `code`, and has a property `seen`.
fn with_hook(name: &str, code: &str) -> Listening {
    let world = Listening::new();
    let source = format!(
        "add_property(#0, \"seen\", {{}}, {{#2, \"\"}}); \
         add_verb(#0, {{#2, \"xd\", \"{name}\"}}, {{\"this\", \"none\", \"this\"}}); \
         return set_verb_code(#0, \"{name}\", {{\"{code}\"}});"
    );
    assert_eq!(shown(&world, &source), "{}");
    world
}

fn shown(world: &Listening, source: &str) -> String {
    world.server.run(Who::Wizard, source).shown()
}

#[test]
fn a_signal_is_the_daemons_business_unless_the_world_takes_care() {
    let world = Listening::new();
    assert!(!world.server.runtime.handles_signal("SIGUSR1"));
    let code = "#0.seen = {@#0.seen, args}; return args[1] == \\\"SIGUSR1\\\";";
    let world = with_hook("handle_signal", code);
    assert!(world.server.runtime.handles_signal("SIGUSR1"));
    assert!(!world.server.runtime.handles_signal("SIGUSR2"));
    let expected = "{{\"SIGUSR1\"}, {\"SIGUSR2\"}}";
    assert_eq!(shown(&world, "return #0.seen;"), expected);
    // What goes on later has taken care, and so has what failed.
    for code in ["suspend(); return 0;", "return 1 / 0;"] {
        let world = with_hook("handle_signal", code);
        assert!(world.server.runtime.handles_signal("SIGUSR2"), "{code}");
    }
}
