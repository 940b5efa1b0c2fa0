//! The loops of the benchmark, each a few times and no more, for a profiler or a quick look:
//! `cargo run --release -p moor-vm --example loops [NAME]`.
//!
//! In: `loops.toml` of the benchmark. Out: nanoseconds a turn, the best of seven runs, and what the loop returns. The world is a hash
//! table; figures with their spread are those of `cargo bench -p moor-vm`.

#[path = "../benches/loops/rows.rs"]
mod rows;
#[path = "../tests/world/mod.rs"]
mod world;

use std::time::{Duration, Instant};

use moor_value::{ObjId, Value};
use moor_vm::{Outcome, TaskLimits};
use rows::{Loops, Room, Row};
use world::{World, show, verb};

/// The object that loops call `this`.
const THIS: i64 = 2;

/// How often each runs.
const RUNS: usize = 7;

fn main() {
    let only = std::env::args().nth(1);
    let loops = Loops::read();
    let mut world = World::default();
    for (name, source) in &loops.verbs {
        world.add_verb(THIS, name, source);
    }
    let wanted = loops.rows.iter().filter(|row| {
        row.room == Room::Machine && only.as_deref().is_none_or(|only| only == row.name)
    });
    for row in wanted {
        let runs: Vec<(Duration, String)> = (0..RUNS).map(|_| run(&mut world, row)).collect();
        let (time, answer) = runs.iter().min().expect("it ran");
        println!("{:14} {:8.1} ns  {answer}", row.name, row.per_turn(*time));
    }
}

fn run(world: &mut World, row: &Row) -> (Duration, String) {
    let limits = TaskLimits {
        ticks: i64::MAX,
        ..TaskLimits::default()
    };
    let code = verb(ObjId(THIS), &row.name, &row.source());
    let mut vm = world.task(code, vec![Value::Int(row.n)]);
    let begin = Instant::now();
    let outcome: Outcome<Value> = vm.run(world, &limits);
    (begin.elapsed(), show(&outcome))
}
