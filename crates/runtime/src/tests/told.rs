//! Tasks that wait are told to another server as it would have them, and go on from there as if nothing had been.
//!
//! The cases of the language run with a `suspend(0)` in the place of each literal, so that tasks stand within all kinds of expressions
//! and statements. Where one stands it is told in the words of a textdump, read again, and goes on.

use moor_compiler::stopped::{Dialect, StopError};
use moor_value::Value;
use moor_vm::Vm;

use super::cases;
use super::fixture::{Ended, Server, Who};
use crate::export_stopped::{BegunTask, Wait};
use crate::import_stopped::machine;
use crate::{ImportStopError, StopReason};

const LAMBDAMOO: u8 = 4;
const TOASTSTUNT: u8 = 17;

/// The machine as another server has it, and again as this one has it then.
fn there_and_back(waiting: &Vm, format: u8) -> Result<Vm, ImportStopError> {
    let begun = BegunTask {
        id: 1,
        wait: Wait::Forever,
        value: Value::ZERO,
        local: Value::None,
        machine: waiting.clone(),
    };
    let task = begun.told(format)?.task;
    let back = machine(&task, Dialect::of_format(format)[0]);
    Ok(back.unwrap_or_else(|error| panic!("what was told is not taken: {error}\n{task:#?}")))
}

/// The program with `{suspend(0), L}[2]` for each literal `L` that is an integer or a string.
fn with_stops(source: &str) -> String {
    let mut stopped = String::new();
    let mut rest = source;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '0'..='9' => rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len()),
            c if is_of_word(c) => rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, behind) = rest.split_at(length);
        let is_float = behind.starts_with(['e', 'E'])
            || (behind.starts_with('.') && !behind.starts_with(".."));
        let is_literal = match first {
            '"' => before != 'b' && before != '\'',
            '0'..='9' => !matches!(before, '#' | '.' | '-') && !is_float,
            _ => false,
        };
        match is_literal {
            true => stopped.push_str(&format!("{{suspend(0), {token}}}[2]")),
            false => stopped.push_str(token),
        }
        before = token.chars().next_back().unwrap_or(' ');
        // The point of a range.
        if token == "." && behind.starts_with('.') {
            stopped.push('.');
            (before, rest) = (' ', &behind[1..]);
            continue;
        }
        rest = behind;
    }
    stopped
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The bytes of the string that the text begins with.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn stops_stand_for_literals() {
    assert_eq!(
        with_stops("x = a1[2..$] + \"\\\"3\" + 1.5 + #4 - -6;"),
        "x = a1[{suspend(0), 2}[2]..$] + {suspend(0), \"\\\"3\"}[2] + 1.5 + #4 - -6;"
    );
}

/// What became of tasks that stood.
#[derive(Default)]
struct Told {
    gone_on: u32,
    /// Those of programs that another server has not got.
    foreign: u32,
    faults: Vec<String>,
}

/// Runs a program; at the stops that `is_chosen` its machine goes there and back.
fn run(
    server: &Server,
    (who, source): (Who, &str),
    format: u8,
    is_chosen: &dyn Fn(usize) -> bool,
    told: &mut Told,
) -> Ended {
    let mut stops = 0;
    let start = Vm::new(Server::start_of(who, source));
    server.run_on(start, &mut |waiting| {
        stops += 1;
        if !is_chosen(stops) {
            return waiting;
        }
        match there_and_back(&waiting, format) {
            Ok(again) => {
                told.gone_on += 1;
                again
            }
            Err(error) => {
                let known = matches!(
                    error.reason,
                    StopReason::Stop(StopError::Construct(_))
                        | StopReason::Foreign
                        | StopReason::Textless
                );
                match known {
                    true => told.foreign += 1,
                    false => told.faults.push(format!("{error}:\n{source}")),
                }
                waiting
            }
        }
    })
}

/// Cases that are about when a task waits, or in which line, or how much it may take.
const OTHERWISE: [&str; 1] = ["max_string_concat"];

fn go_on_as(format: u8, every: usize) -> Told {
    let mut told = Told::default();
    let (mut all, mut count) = (Vec::new(), 0);
    for (name, text) in cases::files() {
        let mut number = 0;
        all.extend(cases::faults_of(
            &name,
            &text,
            &mut count,
            &mut |server, who, source| {
                number += 1;
                if OTHERWISE.iter().any(|word| source.contains(word)) {
                    return server.run(who, source);
                }
                let source = with_stops(source);
                let is_chosen = |stop: usize| (stop + number).is_multiple_of(every);
                run(server, (who, &source), format, &is_chosen, &mut told)
            },
        ));
    }
    assert!(
        told.faults.is_empty(),
        "{} are not told:\n{}",
        told.faults.len(),
        told.faults.join("\n")
    );
    assert!(
        all.is_empty(),
        "{} of {count} go wrong:\n{}",
        all.len(),
        all.join("\n")
    );
    told
}

#[test]
fn every_stop_is_told_to_toaststunt() {
    let told = go_on_as(TOASTSTUNT, 1);
    assert!(told.gone_on > 3000, "only {}", told.gone_on);
    assert!(told.foreign < 300, "{} are not told", told.foreign);
}

#[test]
fn a_stop_here_and_there_is_told_to_lambdamoo() {
    let told = go_on_as(LAMBDAMOO, 3);
    assert!(told.gone_on > 1000, "only {}", told.gone_on);
    assert!(told.foreign < 100, "{} are not told", told.foreign);
}
