//! Hooks of `#0` that things call which no program does: signals, and time that a task takes.

use std::time::Duration;

use super::fixture::Who;
use super::listening::{Listening, PATIENCE};

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

/// Lets a task wait for its own clock, which is put forward until it has ended.
fn lag(world: &Listening) {
    let source = "t = ftime(1); while (ftime(1) < t + 1.0) endwhile return 0;";
    let answers = world.eval(Who::Programmer, source);
    while answers.recv_timeout(Duration::from_millis(1)).is_err() {
        world.pass(Duration::from_millis(100));
    }
}

/// What the hook of a world with the usual options has seen, and with a threshold.
#[test]
fn a_task_that_takes_long_is_told_of() {
    let code = "#0.seen = {@#0.seen, {length(args), typeof(args[1]), args[2] >= 1.0, player}};";
    let world = with_hook("handle_lagging_task", code);
    let options = "add_property($server_options, \"fg_ticks\", 2000000000, {#2, \"\"}); \
                   return add_property($server_options, \"task_lag_threshold\", 0.05, {#2, \"\"});";
    assert_eq!(shown(&world, options), "0");
    // Less than a tenth of a second means never.
    lag(&world);
    assert_eq!(shown(&world, "return #0.seen;"), "{}");
    assert_eq!(
        shown(&world, "return $server_options.task_lag_threshold = 1.0;"),
        "1.0"
    );
    lag(&world);
    let seen = "while (!#0.seen) suspend(0); endwhile return #0.seen;";
    let answers = world.eval(Who::Wizard, seen);
    let seen = super::listening::literal(&answers.recv_timeout(PATIENCE).expect("an answer"));
    assert_eq!(seen, "{{2, 4, 1, #3}}");
}

#[test]
fn stacks_tell_variables_where_the_world_wants_them() {
    let code = "#0.seen = {@#0.seen, length(args[4][1]), args[4][1][7][\\\"x\\\"]}; return 1;";
    let world = with_hook("handle_uncaught_error", code);
    let set = "return add_property($server_options, \"INCLUDE_RT_VARS\", 1, {#2, \"\"});";
    assert_eq!(shown(&world, set), "0");
    let source = "o = create(#-1); add_verb(o, {player, \"xd\", \"v\"}, {\"this\", \"none\", \"this\"}); \
                  set_verb_code(o, \"v\", {\"{x} = args; return x / 0;\"}); \
                  try y = 7; eval(tostr(\"return \", o, \":v(\", y, \");\")); \
                  except e (E_DIV) l = {}; for r in (e[4]) l = {@l, {r[2], length(r), r[7]}}; endfor; \
                  return {l[1][2], l[1][3][\"x\"], l[2][2], l[3][1], l[3][2], l[4][3][\"y\"]}; endtry";
    let told = world.value(Who::Programmer, source);
    assert_eq!(told, "{7, 7, 7, \"eval\", 7, 7}");
    let answers = world.eval(Who::Programmer, "fork (0) x = 5; x / 0; endfork return 0;");
    answers.recv_timeout(PATIENCE).expect("an answer");
    let seen = "while (!#0.seen) suspend(0); endwhile return #0.seen;";
    assert_eq!(world.value(Who::Wizard, seen), "{7, 5}");
}
