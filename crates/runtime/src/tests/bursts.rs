//! Lines that come alone, and lines that come together: who runs them.

use super::ending::{HOST, connected, open};
use super::fixture::Who;
use crate::{InputLine, LineKind, SessionEvent, SessionId};

const SESSION: SessionId = SessionId([5; 16]);

fn line(number: u64) -> InputLine {
    InputLine {
        number: Some(number),
        kind: LineKind::Text,
        text: "look".to_owned(),
    }
}

#[test]
fn a_line_that_comes_alone_is_left_to_the_caller_and_is_answered_either_way() {
    let world = connected(SESSION);
    let runtime = &world.server.runtime;
    let mut left_to_caller = 0;
    for number in 1..=200 {
        runtime.line(HOST, SESSION, line(number), 0);
        // False while the worker thread has not yet put its former job away.
        if runtime.burst_is_over() {
            left_to_caller += 1;
            runtime.run_one();
        }
        let done = SessionEvent::LineDone(number);
        world.events_until(SESSION, |event| *event == done);
    }
    assert!(left_to_caller > 0);
}

#[test]
fn lines_that_come_together_are_the_worker_threads() {
    let world = connected(SESSION);
    let runtime = &world.server.runtime;
    let other = SessionId([6; 16]);
    open(&world, other, Who::Player);
    runtime.line(HOST, SESSION, line(1), 0);
    runtime.line(HOST, other, line(1), 0);
    assert!(!runtime.burst_is_over());
    for session in [SESSION, other] {
        runtime.line(HOST, session, line(2), 0);
    }
    assert!(!runtime.burst_is_over());
    let done = SessionEvent::LineDone(2);
    world.events_until(other, |event| *event == done);
}

#[test]
fn there_may_be_nothing_to_run() {
    let world = connected(SESSION);
    assert!(!world.server.runtime.burst_is_over());
    world.server.runtime.run_one();
}
