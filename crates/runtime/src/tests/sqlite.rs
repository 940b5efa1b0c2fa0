//! SQL of programs: rows as values, statements that are run once and after their commit, their end with the task.

use std::sync::mpsc::Receiver;

use moor_value::ErrorCode;

use super::fixture::Who;
use super::listening::{Listening, answer, literal};
use crate::Evaluated;

/// A statement that does not end by itself, within quotes of the language.
const ENDLESS: &str = "WITH RECURSIVE c(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM c WHERE x < 1000000) \
                       SELECT count(*) FROM c AS a, c AS b";

/// A world with an open database of this path.
fn world(path: &str) -> Listening {
    let world = Listening::new();
    let open = format!("return sqlite_open(\"{path}\");");
    assert_eq!(world.value(Who::Wizard, &open), "1");
    world
}

/// Begins a task whose statement does not end.
fn run_endless(world: &Listening) -> Receiver<Evaluated> {
    world.eval(
        Who::Wizard,
        &format!("return sqlite_query(1, \"{ENDLESS}\");"),
    )
}

#[test]
fn cells_become_values_as_the_options_say() {
    let world = world(":memory:");
    let rows = "return sqlite_execute(1, \"SELECT ?, ?, ?, ?, ?, NULL\", {1, 2.5, \"3\", #4, \"a\" + chr(10) + \"b\"});";
    assert_eq!(
        world.value(Who::Wizard, rows),
        "{{1, 2.5, 3, #4, \"a\nb\", \"NULL\"}}"
    );
    assert_eq!(
        world.value(Who::Wizard, "return sqlite_open(\":memory:\", 8);"),
        "2"
    );
    let rows = rows.replace("(1,", "(2,");
    assert_eq!(
        world.value(Who::Wizard, &rows),
        "{{\"1\", \"2.5\", \"3\", \"#4\", \"a\tb\", \"\"}}"
    );
    let headers = "return sqlite_query(1, \"SELECT 1 AS a, 'x' AS b\", 1);";
    assert_eq!(
        world.value(Who::Wizard, headers),
        "{{{\"a\", 1}, {\"b\", \"x\"}}}"
    );
}

#[test]
fn what_sqlite_says_is_an_answer_and_a_wrong_handle_a_value() {
    let world = world(":memory:");
    let said = world.value(Who::Wizard, "return sqlite_query(1, \"SELEKT\");");
    assert!(said.contains("syntax error"), "{said}");
    assert_eq!(
        world.value(Who::Wizard, "return sqlite_query(9, \"SELECT 1\");"),
        "E_INVARG"
    );
    for call in [
        "sqlite_close(9)",
        "sqlite_info(9)",
        "sqlite_interrupt(9)",
        "sqlite_limit(9, 1, -1)",
        "sqlite_open(\"..\")",
    ] {
        let ended = world.server.run(Who::Wizard, &format!("return {call};"));
        assert_eq!(ended.code(), Some(ErrorCode::InvArg), "{call}");
    }
    let again = world
        .server
        .run(Who::Programmer, "return sqlite_open(\":memory:\");");
    assert_eq!(again.code(), Some(ErrorCode::Perm));
}

#[test]
fn a_killed_task_takes_its_statement_with_it() {
    let world = world(":memory:");
    let _endless = run_endless(&world);
    let kill = "while (!(t = queued_tasks())) suspend(0); endwhile kill_task(t[1][1]); return 1;";
    assert_eq!(world.value(Who::Wizard, kill), "1");
    // Behind it in the queue of the same database.
    assert_eq!(
        world.value(Who::Wizard, "return sqlite_query(1, \"SELECT 7\");"),
        "{{7}}"
    );
    let rests = "while (sqlite_info(1)[\"locks\"]) suspend(0); endwhile sqlite_close(1); return sqlite_handles();";
    assert_eq!(world.value(Who::Wizard, rests), "{}");
}

#[test]
fn a_busy_database_is_not_closed_and_another_task_interrupts_it() {
    let world = world(":memory:");
    let endless = run_endless(&world);
    let close = "while (!sqlite_info(1)[\"locks\"]) suspend(0); endwhile return `sqlite_close(1) ! E_PERM => \"busy\"';";
    assert_eq!(world.value(Who::Wizard, close), "\"busy\"");
    // It may not have begun: an interrupt ends what runs, and nothing later.
    let interrupt =
        "while (sqlite_info(1)[\"locks\"]) sqlite_interrupt(1); suspend(0); endwhile return 1;";
    assert_eq!(world.value(Who::Wizard, interrupt), "1");
    assert_eq!(literal(&answer(&endless)), "\"interrupted\"");
}

#[test]
fn a_restart_wakes_the_task_and_keeps_what_was_committed() {
    let mut world = world("a.db");
    let fill = "sqlite_query(1, \"CREATE TABLE t(a); INSERT INTO t VALUES (5)\"); return sqlite_last_insert_row_id(1);";
    assert_eq!(world.value(Who::Wizard, fill), "1");
    let fork = format!(
        "fork (0) try r = sqlite_query(1, \"{ENDLESS}\"); except e (ANY) r = e[1]; endtry worker_request(\"echo\", {{r}}); endfork return 1;"
    );
    assert_eq!(world.value(Who::Wizard, &fork), "1");
    let wait = "while (!sqlite_info(1)[\"locks\"]) suspend(0); endwhile return 1;";
    assert_eq!(world.value(Who::Wizard, wait), "1");
    world.restart();
    let shown = moor_value::Value::List(world.call().args).to_literal();
    assert_eq!(shown, "{E_INTRPT}");
    assert_eq!(world.value(Who::Wizard, "return sqlite_handles();"), "{}");
    let read = "h = sqlite_open(\"a.db\"); return sqlite_query(h, \"SELECT a FROM t\");";
    assert_eq!(world.value(Who::Wizard, read), "{{5}}");
}
