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
        "{[\"method\" -> \"GET\", \"options\" -> [\"binary\" -> 1, \"follow_redirects\" -> 0, \"max_bytes\" -> 10485760, \"timeout\" -> 60], \"url\" -> \"http://a.test/\"]}"
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

/// What the worker is asked for when a wizard evaluates this.
fn asked_for(world: &Listening, source: &str) -> (String, bool) {
    world.eval(Who::Wizard, source);
    let call = world.call();
    let shown = Value::List(call.args).to_literal();
    (shown, call.idempotent)
}

#[test]
fn curl_says_what_the_options_say() {
    let world = Listening::new();
    let options = "[\"body\" -> \"a~00\", \"headers\" -> [\"X-B\" -> {\"1\", \"2~\"}, \"User-Agent\" -> \"me\"], \"user_agent\" -> \"you\", \
                   \"Timeout\" -> 5, \"max_size\" -> 9, \"follow_redirects\" -> true, \"method\" -> \"put\"]";
    let expected = "{[\"body\" -> \"a~00\", \"headers\" -> {{\"User-Agent\", \"me\"}, {\"X-B\", \"1\"}, {\"X-B\", \"2~\"}}, \"method\" -> \"PUT\", \
                    \"options\" -> [\"binary\" -> 1, \"follow_redirects\" -> 1, \"max_bytes\" -> 9, \"max_redirects\" -> 5, \"timeout\" -> 5], \
                    \"url\" -> \"u\"]}";
    let source = format!("return curl(\"u\", {options});");
    assert_eq!(asked_for(&world, &source), (expected.to_owned(), false));
    let source = "return curl(\"u\", [\"json\" -> [\"a\" -> {1, \"~\"}], \"follow_redirects\" -> 20, \"user_agent\" -> \"me\"]);";
    let expected = "{[\"body\" -> \"{\\\"a\\\":[1,\\\"~7E\\\"]}\", \"headers\" -> {{\"User-Agent\", \"me\"}, {\"Content-Type\", \"application/json\"}}, \
                    \"method\" -> \"POST\", \"options\" -> [\"binary\" -> 1, \"follow_redirects\" -> 1, \"max_bytes\" -> 10485760, \
                    \"max_redirects\" -> 20, \"timeout\" -> 60], \"url\" -> \"u\"]}";
    assert_eq!(asked_for(&world, source), (expected.to_owned(), false));
}

#[test]
fn the_world_bounds_what_curl_may_ask_for() {
    let world = Listening::new();
    let set = "for o in ({{\"curl_timeout\", 50}, {\"curl_max_timeout\", 20}, {\"curl_max_response_bytes\", 7}}) \
               add_property($server_options, o[1], o[2], {#2, \"\"}); endfor return 0;";
    world.value(Who::Wizard, set);
    let (shown, is_idempotent) = asked_for(&world, "return curl(\"u\", [\"max_size\" -> 8]);");
    assert!(is_idempotent);
    assert!(
        shown.contains("\"max_bytes\" -> 7, \"timeout\" -> 20]"),
        "{shown}"
    );
    for source in ["curl(\"u\", [\"timeout\" -> 21])", "curl(\"u\", 0, 21)"] {
        let refused = world.value(Who::Wizard, &format!("return `{source} ! ANY';"));
        assert_eq!(refused, "E_INVARG", "{source}");
    }
}

/// What a call of `curl()` gives when the worker answers so.
fn curled(world: &Listening, options: &str, response: Value) -> String {
    let source =
        format!("try return curl(\"u\", {options}); except e (ANY) return {{e[1], e[2]}}; endtry");
    let asked = world.eval(Who::Wizard, &source);
    let id = world.call().id;
    world.server.runtime.worker_answered(id, Ok(response));
    literal(&answer(&asked))
}

/// A response with two headers of one name, and this body.
fn response_with(body: &str) -> Value {
    let header = |name: &str, value: &str| list([Value::from(name), Value::from(value)]);
    let headers = [
        ("set-cookie", "a"),
        ("x-a", "1~"),
        ("set-cookie", "b"),
        ("set-cookie", "c"),
    ];
    crate::builtins::named_map([
        ("status", Value::Int(200)),
        ("reason", Value::from("OK")),
        (
            "headers",
            list(headers.map(|(name, value)| header(name, value))),
        ),
        ("body", Value::from(body)),
        ("url", Value::from("http://a.test/")),
    ])
}

#[test]
fn curl_gives_all_of_a_response_or_what_its_json_says() {
    let world = Listening::new();
    let full = curled(&world, "[\"full\" -> 1]", response_with("x~0A"));
    let headers = "[\"set-cookie\" -> {\"a\", \"b\", \"c\"}, \"x-a\" -> \"1~7E\"]";
    let expected = format!(
        "[\"body\" -> \"x~0A\", \"headers\" -> {headers}, \"status\" -> 200, \"url\" -> \"http://a.test/\"]"
    );
    assert_eq!(full, expected);
    // What would be an object in the mode of embedded types is a string, whoever sends it.
    let json = "~0A {\"a\": [1, 2.5, null, \"#1|obj\", \"~C3~A9\"]} ~0D~0A";
    let value = "[\"a\" -> {1, 2.5, E_NONE, \"#1|obj\", \"é\"}]";
    assert_eq!(
        curled(&world, "[\"parse\" -> 1]", response_with(json)),
        value
    );
    let both = curled(
        &world,
        "[\"parse\" -> 1, \"full\" -> 1]",
        response_with("true"),
    );
    assert!(both.starts_with("[\"body\" -> true, \"headers\""), "{both}");
    let no_json = "{E_INVARG, \"the body of the response is no JSON\"}";
    for body in ["", "[1] x", "[1", "~FF"] {
        let got = curled(&world, "[\"parse\" -> 1]", response_with(body));
        assert_eq!(got, no_json, "{body:?}");
    }
    let deep = "add_property($server_options, \"json_max_parse_depth\", 2, {#2, \"\"}); load_server_options(); return 0;";
    world.value(Who::Wizard, deep);
    let two = curled(&world, "[\"parse\" -> 1]", response_with("[[1]]"));
    assert_eq!(two, "{{1}}");
    assert_eq!(
        curled(&world, "[\"parse\" -> 1]", response_with("[[[1]]]")),
        no_json
    );
}
