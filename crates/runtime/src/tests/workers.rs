//! Requests to workers, from the program that makes one to the answer that it gets, once.

use std::cell::Cell;
use std::time::Duration;

use moor_value::{ErrorCode, Value};

use super::fixture::{Server, Who};
use super::listening::{Listening, answer, list, literal};
use crate::run;
use crate::workers::REQUESTS_PER_OWNER_MAX;
use crate::{Evaluated, WorkerRequestId};

/// A request that answers with what it gave or the error that it raised.
const ASK: &str =
    r#"try return worker_request("echo", {1, "two"}); except e (ANY) return {e[1], e[2]}; endtry"#;

#[test]
fn a_request_is_sent_once_and_its_first_answer_counts() {
    let world = Listening::new();
    let asked = world.eval(Who::Wizard, ASK);
    let call = world.call();
    assert_eq!(call.kind, "echo");
    assert_eq!(Value::List(call.args).to_literal(), "{1, \"two\"}");
    assert_eq!(call.timeout, Duration::from_secs(30));
    assert!(!call.idempotent);
    let runtime = &world.server.runtime;
    runtime.worker_answered(
        WorkerRequestId(call.id.0.wrapping_add(1)),
        Ok(Value::Int(7)),
    );
    runtime.worker_answered(call.id, Ok(Value::Int(8)));
    runtime.worker_answered(call.id, Ok(Value::Int(9)));
    assert_eq!(literal(&answer(&asked)), "8");
    assert!(world.is_silent());
}

#[test]
fn an_error_is_raised_where_the_task_waits() {
    let world = Listening::new();
    let asked = world.eval(Who::Wizard, ASK);
    let error = (ErrorCode::Perm, "blocked address".to_owned());
    world
        .server
        .runtime
        .worker_answered(world.call().id, Err(error));
    assert_eq!(literal(&answer(&asked)), "{E_PERM, \"blocked address\"}");
}

#[test]
fn a_stretch_that_runs_again_asks_once() {
    let world = Listening::new();
    let (server, runtime) = (&world.server, &world.server.runtime);
    server.run(Who::Wizard, "add_property(#0, \"x\", 1, {player, \"r\"});");
    let attempts = Cell::new(0);
    let done = runtime.run_stretch(runtime.new_task_id(), false, |stretch| {
        attempts.set(attempts.get() + 1);
        let source = "#0.x = #0.x + 10; return worker_request(\"echo\", {#0.x});";
        run::start(stretch, Server::start_of(Who::Wizard, source));
        if attempts.get() == 1 {
            server.run(Who::Wizard, "#0.x = 2;");
        }
    });
    assert!(done.is_some());
    assert_eq!(attempts.get(), 2, "the first attempt lost");
    assert_eq!(Value::List(world.call().args).to_literal(), "{12}");
    assert_eq!(world.value(Who::Wizard, "return 1;"), "1");
    assert!(world.is_silent());
}

#[test]
fn nothing_leaves_of_a_stretch_that_is_not_committed() {
    let world = Listening::new();
    let runtime = &world.server.runtime;
    let mut stretch =
        crate::stretch::Stretch::new(runtime, runtime.world.begin(), runtime.new_task_id(), false);
    run::start(&mut stretch, Server::start_of(Who::Wizard, ASK));
    drop(stretch);
    assert_eq!(world.value(Who::Wizard, "return queued_tasks();"), "{}");
    assert!(world.is_silent());
}

#[test]
fn a_task_hears_when_its_time_is_over() {
    let world = Listening::new();
    let asked = world.eval(
        Who::Wizard,
        r#"try return worker_request("echo", {}, ["timeout" -> 2.5, "idempotent" -> 1]); except e (ANY) return {e[1], e[2]}; endtry"#,
    );
    let call = world.call();
    assert_eq!(call.timeout, Duration::from_millis(2500));
    assert!(call.idempotent);
    world.pass(Duration::from_millis(2600));
    assert_eq!(
        literal(&answer(&asked)),
        "{E_INTRPT, \"no answer came in time\"}"
    );
    assert_eq!(world.cancel(), call.id);
    world
        .server
        .runtime
        .worker_answered(call.id, Ok(Value::Int(1)));
    assert!(world.is_silent());
}

#[test]
fn a_waiting_task_is_listed_and_can_be_killed_but_not_resumed() {
    let world = Listening::new();
    let asked = world.eval(Who::Wizard, "return worker_request(\"echo\", {});");
    let call = world.call();
    assert_eq!(
        world.value(Who::Wizard, "return `resume(queued_tasks()[1][1]) ! ANY';"),
        "E_INVARG"
    );
    assert_eq!(
        world.value(Who::Programmer, "return queued_tasks();"),
        "{}",
        "somebody else's"
    );
    let kill = "id = queued_tasks()[1][1]; kill_task(id); return {typeof(id), queued_tasks()};";
    assert_eq!(world.value(Who::Wizard, kill), "{0, {}}");
    assert_eq!(world.cancel(), call.id);
    assert_eq!(answer(&asked), Evaluated::Aborted("killed"));
    world
        .server
        .runtime
        .worker_answered(call.id, Ok(Value::Int(1)));
    assert_eq!(world.value(Who::Wizard, "return queued_tasks();"), "{}");
}

#[test]
fn so_many_requests_of_one_owner_and_no_more() {
    let world = Listening::new();
    let fork = format!(
        "for i in [1..{REQUESTS_PER_OWNER_MAX}] fork (0) worker_request(\"echo\", {{i}}); endfork endfor return 1;"
    );
    assert_eq!(world.value(Who::Wizard, &fork), "1");
    let mut calls: Vec<_> = (0..REQUESTS_PER_OWNER_MAX).map(|_| world.call()).collect();
    let refused = world.value(Who::Wizard, ASK);
    assert_eq!(refused, "{E_QUOTA, \"Resource limit exceeded\"}");
    let one = calls.pop().expect("there are some");
    world
        .server
        .runtime
        .worker_answered(one.id, Ok(Value::ZERO));
    let asked = world.eval(Who::Wizard, ASK);
    world
        .server
        .runtime
        .worker_answered(world.call().id, Ok(Value::ZERO));
    assert_eq!(literal(&answer(&asked)), "0");
}

#[test]
fn a_restart_wakes_the_task_with_an_error_and_asks_nobody_again() {
    let mut world = Listening::new();
    let source = "fork (0) try r = worker_request(\"echo\", {}); except e (ANY) r = {e[1], e[2]}; endtry \
                  worker_request(\"woken\", {r}); endfork return 1;";
    assert_eq!(world.value(Who::Wizard, source), "1");
    let before = world.call();
    world.restart();
    let after = world.call();
    assert_eq!(after.kind, "woken", "and not the first request again");
    assert_ne!(before.id, after.id);
    assert_eq!(
        Value::List(after.args).to_literal(),
        "{{E_INTRPT, \"the server was restarted before an answer came\"}}"
    );
    world
        .server
        .runtime
        .worker_answered(before.id, Ok(Value::Int(1)));
    assert!(world.is_silent(), "an answer from before is nobody's");
}

#[test]
fn an_answer_that_is_too_large_is_an_error() {
    let world = Listening::new();
    let asked = world.eval(Who::Wizard, ASK);
    let long = "x".repeat(crate::WORKER_BYTES_MAX + 1);
    let answered = Ok(Value::from(long.as_str()));
    world
        .server
        .runtime
        .worker_answered(world.call().id, answered);
    assert!(literal(&answer(&asked)).starts_with("{E_QUOTA, "));
}

/// What the worker of curl answers.
fn response() -> Value {
    let header = list([Value::from("x-a"), Value::from("1~")]);
    crate::builtins::named_map([
        ("status", Value::Int(404)),
        ("reason", Value::from("Not Found")),
        ("headers", list([header])),
        ("body", Value::from("gone~0A")),
        ("url", Value::from("http://a.test/")),
    ])
}

#[test]
fn curl_gives_the_body_and_if_wanted_the_headers() {
    let world = Listening::new();
    let asked = world.eval(Who::Wizard, "return curl(\"http://a.test/\");");
    let call = world.call();
    assert_eq!(call.kind, "curl");
    assert_eq!(
        Value::List(call.args).to_literal(),
        "{[\"method\" -> \"GET\", \"options\" -> [\"binary\" -> 1, \"follow_redirects\" -> 0, \"timeout\" -> 60.0], \"url\" -> \"http://a.test/\"]}"
    );
    world
        .server
        .runtime
        .worker_answered(call.id, Ok(response()));
    assert_eq!(literal(&answer(&asked)), "\"gone~0A\"");

    let asked = world.eval(Who::Wizard, "return curl(\"http://a.test/\", 1, 5);");
    world
        .server
        .runtime
        .worker_answered(world.call().id, Ok(response()));
    assert_eq!(
        literal(&answer(&asked)),
        "\"HTTP/1.1 404 Not Found~0D~0Ax-a: 1~7E~0D~0A~0D~0Agone~0A\""
    );

    let asked = world.eval(Who::Wizard, "return `curl(\"http://a.test/\") ! ANY';");
    world
        .server
        .runtime
        .worker_answered(world.call().id, Ok(Value::Int(3)));
    assert_eq!(literal(&answer(&asked)), "E_INVARG");
}
