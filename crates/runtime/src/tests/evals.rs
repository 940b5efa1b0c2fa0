//! Code of hosts: run as its player, answered once.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::fixture::Who;
use super::listening::{Listening, PATIENCE, answer, literal};
use crate::{EVAL_BYTES_MAX, EvalError, Evaluated};

#[test]
fn code_runs_with_the_players_permissions() {
    let world = Listening::new();
    assert_eq!(
        world.value(Who::Programmer, "return {player, caller_perms()};"),
        "{#3, #-1}"
    );
    assert_eq!(world.value(Who::Programmer, "suspend(0); return 2;"), "2");
    let refused = answer(&world.eval(Who::Programmer, "shutdown();"));
    let Evaluated::Raised {
        code,
        message,
        traceback,
    } = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (code.to_literal().as_str(), message.as_str()),
        ("E_PERM", "Permission denied")
    );
    assert_eq!(
        traceback.last().map(String::as_str),
        Some("(End of traceback)")
    );
}

#[test]
fn what_is_no_program_is_not_run() {
    let world = Listening::new();
    let Evaluated::NotCompiled(errors) = answer(&world.eval(Who::Programmer, "return 1 +;")) else {
        panic!("it compiled");
    };
    let wanted = "Line 1:  syntax error, column 11: expected an expression, found `;'";
    assert_eq!(errors, [wanted]);
    let endless = answer(&world.eval(Who::Programmer, "while (1) endwhile"));
    assert!(matches!(endless, Evaluated::Aborted(_)), "{endless:?}");
}

#[test]
fn the_time_is_bounded_and_the_task_ends_with_it() {
    let world = Listening::new();
    let asked = world.eval(Who::Programmer, "suspend(1000); return 1;");
    // A relief thread may run the second before the first waits.
    let until = Instant::now() + PATIENCE;
    loop {
        let waiting = world.value(Who::Programmer, "return length(queued_tasks());");
        if waiting == "1" {
            break;
        }
        assert!(waiting == "0" && Instant::now() < until, "{waiting}");
    }
    world.pass(Duration::from_secs(61));
    assert_eq!(answer(&asked), Evaluated::TimedOut);
    assert_eq!(world.value(Who::Programmer, "return queued_tasks();"), "{}");
}

#[test]
fn only_programmers_with_a_token_and_within_bounds() {
    let world = Listening::new();
    let runtime = &world.server.runtime;
    let tried = |token: &str, code: &str| {
        let (sent, got) = channel();
        let sink = Box::new(move |ended| sent.send(ended).expect("the test listens"));
        let begun = runtime.eval(token, code, Duration::from_secs(5), sink);
        begun.map(|()| literal(&answer(&got)))
    };
    let token = |who: Who| runtime.token_of(who.object()).expect("a player").token;
    assert_eq!(tried("", "return 1;"), Err(EvalError::BadToken));
    assert_eq!(
        tried(&token(Who::Player), "return 1;"),
        Err(EvalError::NotProgrammer)
    );
    let programmer = token(Who::Programmer);
    let longest = format!(
        "{}return 1;",
        " ".repeat(EVAL_BYTES_MAX - "return 1;".len())
    );
    assert_eq!(tried(&programmer, &longest), Ok("1".to_owned()));
    assert_eq!(
        tried(&programmer, &format!(" {longest}")),
        Err(EvalError::TooLong)
    );
}
