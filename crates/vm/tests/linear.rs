//! Loops that build a value piece by piece move it a few times, not once per piece.

mod world;

use moor_value::{ObjId, Value};
use moor_vm::{Outcome, TaskLimits, Vm};
use world::{World, verb};

/// Pieces that each program puts together.
const PIECES: i64 = 20_000;
/// How often a value that grows by doubling may move on the way there, and some.
const MOVES_MAX: usize = 64;

/// Where the machine's only list or long string stands.
fn place(vm: &Vm) -> Option<*const u8> {
    vm.values().find_map(|value| match value {
        Value::List(list) if list.len() > 1 => Some(list.as_slice().as_ptr().cast()),
        Value::Str(text) if text.len_bytes() > 14 => Some(text.as_str().as_ptr()),
        _ => None,
    })
}

/// Runs a program that suspends after each piece; answers its result and how often the value moved meanwhile.
fn moves(source: &str) -> (Value, usize) {
    let mut world = World::default();
    let mut vm = world.task(verb(ObjId(2), "test", source), vec![Value::Int(PIECES)]);
    let (mut moves, mut at) = (0, None);
    loop {
        match vm.run(&mut world, &TaskLimits::default()) {
            Outcome::Suspended(value) => vm.resume(value),
            Outcome::Returned(value) => return (value, moves),
            other => panic!("{source}: {other:?}"),
        }
        let now = place(&vm);
        moves += usize::from(now != at);
        at = now;
    }
}

#[test]
fn what_grows_in_a_loop_is_not_copied_for_each_piece() {
    for source in [
        "l = {}; for i in [1..args[1]] l = {@l, i}; suspend(0); endfor return length(l);",
        "l = {}; i = 0; while (i < args[1]) i = i + 1; l = {@l, i}; suspend(0); endwhile return length(l);",
        "l = {}; for i in [1..args[1] / 4] l = {@l, @{1, 2, 3, 4}}; suspend(0); endfor return length(l);",
        "l = {}; for i in [1..args[1]] l = listappend(l, i); suspend(0); endfor return length(l);",
        "s = \"\"; for i in [1..args[1]] s = s + \"x\"; suspend(0); endfor return length(s);",
    ] {
        let (length, moves) = moves(source);
        assert_eq!(length, Value::Int(PIECES), "{source}");
        assert!(moves < MOVES_MAX, "{moves} moves: {source}");
    }
}

#[test]
fn a_list_that_changes_element_by_element_stays_where_it_is() {
    let (length, moves) = moves(
        "l = {1}; while (length(l) < args[1]) l = {@l, @l}; endwhile l = l[1..args[1]]; \
         for i in [1..args[1] / 10] l[i] = 0; suspend(0); endfor return length(l);",
    );
    assert_eq!(length, Value::Int(PIECES));
    // It appears once.
    assert!(moves <= 1, "{moves} moves");
}

#[test]
fn copies_are_seen() {
    let (_, moves) = moves(
        "l = k = {}; for i in [1..1000] l = {@l, i}; k = l; suspend(0); endfor return length(k);",
    );
    assert!(moves > 900, "{moves} moves");
}
