//! Functions as values in a living world: kept in properties and in tasks that wait while the daemon is killed, handed to verbs,
//! called by others.

use std::path::Path;

use moor_tests::{Database, Server, Session};

fn start() -> Server {
    Server::start(
        Path::new(env!("CARGO_BIN_EXE_moor-under-test")),
        &Database::cases(),
    )
}

/// The daemon dies at once, and comes back.
fn kill_and_restart(server: &mut Server) {
    server.daemon.kill();
    server.restart_daemon();
}

/// Gives `#0` a property that everybody may read.
fn add_property(wizard: &mut Session, name: &str) {
    wizard.value(&format!(
        "return add_property(#0, \"{name}\", 0, {{player, \"r\"}});"
    ));
}

#[test]
fn a_function_in_a_property_outlives_the_daemon() {
    let mut server = start();
    let mut wizard = server.log_in("wizard");
    add_property(&mut wizard, "kept");
    wizard.value(
        r#"
        base = 2;
        fn fact(n, ?more = {base}, @rest)
          return n < 2 ? {base, more, rest} | {n, @fact(n - 1, @args[2..$])};
        endfn
        #0.kept = ["fact" -> fact, "plus" -> {x, ?y = base} => {x + y, player, caller_perms(), verb}];
        base = 100;
        return 1;
        "#,
    );
    let calls = r#"return {(#0.kept["fact"])(3), (#0.kept["fact"])(1, 2, 3), (#0.kept["plus"])(1)[1], toliteral(#0.kept)};"#;
    let who = r#"return (#0.kept["plus"])(1);"#;
    let before = (wizard.value(calls), wizard.value(who));
    assert!(
        before
            .0
            .starts_with("{{3, 2, 2, {2}, {}}, {2, 2, {3}}, 3, "),
        "{}",
        before.0
    );
    for _ in 0..2 {
        kill_and_restart(&mut server);
        assert_eq!((wizard.value(calls), wizard.value(who)), before);
    }
}

#[test]
fn a_task_that_waits_has_its_functions_after_the_daemon_was_killed() {
    let mut server = start();
    let mut wizard = server.log_in("wizard");
    add_property(&mut wizard, "waiting");
    // It waits within a call of one function, and holds others: in a list, in what one of them captured, by its own name.
    wizard.value(
        r#"
        fork (0)
          base = 2;
          fn fact(n) return n < 2 ? base | n * fact(n - 1); endfn
          held = {fact, {n} => fact(n) + base};
          fn ask(text)
            notify(player, text);
            return {suspend(), text};
          endfn
          base = 0;
          #0.waiting = task_id();
          answer = ask("it waits");
          notify(player, toliteral({answer, (held[1])(answer[1]), (held[2])(answer[1]), base}));
        endfork
        return 1;
        "#,
    );
    wizard.client().expect("it waits");
    kill_and_restart(&mut server);
    let client = wizard.client();
    client.send("; resume(#0.waiting, 5);").expect("sent");
    client.expect("{{5, \"it waits\"}, 240, 242, 0}");
}

#[test]
fn a_function_does_what_its_maker_may_whoever_calls_it() {
    let mut server = start();
    let mut wizard = server.log_in("wizard");
    let mut programmer = server.log_in("programmer");
    wizard.value("return add_property(#0, \"secret\", 42, {player, \"\"});");
    add_property(&mut wizard, "tell");
    wizard.value("#0.tell = {} => {#0.secret, player}; return 1;");
    wizard
        .value("return add_verb(#0, {player, \"xd\", \"apply\"}, {\"this\", \"none\", \"this\"});");
    let code = r#"return set_verb_code(#0, "apply", {"{function, @rest} = args;", "return {function(@rest), #0.secret};"});"#;
    assert_eq!(wizard.value(code), "{}");
    let owner = wizard.value("return player;");
    let player = programmer.value("return player;");
    for (code, wanted) in [
        ("return `#0.secret ! E_PERM';", "E_PERM".to_owned()),
        ("return (#0.tell)();", format!("{{42, {player}}}")),
        // Within the wizard's verb it is the programmer's still.
        (
            "return #0:apply({x, y} => x + y, 1, 2);",
            "{3, 42}".to_owned(),
        ),
        (
            "return `#0:apply({} => #0.secret) ! E_PERM';",
            "E_PERM".to_owned(),
        ),
        (
            "fn mine() return caller_perms(); endfn return #0:apply(mine)[1];",
            owner,
        ),
    ] {
        assert_eq!(programmer.value(code), wanted, "{code}");
        kill_and_restart(&mut server);
        assert_eq!(programmer.value(code), wanted, "{code}, after a restart");
    }
}
