//! The loops of `loops.toml` on the machine alone: `cargo bench -p moor-vm [-- NAME]`.
//!
//! In: those loops that need no more than a world that is a hash table, so that the machine itself is measured. Out: the time of each
//! and turns a second. Under `cargo test` each is run once.
//! The same loops in a whole server, beside Lua: `cargo bench -p moor-tests --bench loops`.

mod rows;
#[path = "../../tests/world/mod.rs"]
mod world;

use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use moor_value::{ObjId, Value};
use moor_vm::{Outcome, TaskLimits};
use rows::{Loops, Room};
use world::{World, show, verb};

/// The object that loops call `this`.
const THIS: i64 = 2;

criterion_group!(benches, loops);
criterion_main!(benches);

fn loops(criterion: &mut Criterion) {
    let loops = Loops::read();
    let mut world = World::default();
    for (name, source) in &loops.verbs {
        world.add_verb(THIS, name, source);
    }
    let mut group = criterion.benchmark_group("loops");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    for row in loops.rows.iter().filter(|row| row.room == Room::Machine) {
        group.throughput(Throughput::Elements(row.turns()));
        let code = verb(ObjId(THIS), &row.name, &row.source());
        group.bench_function(&row.name, |bencher| {
            bencher.iter(|| {
                let mut vm = world.task(code.clone(), vec![Value::Int(row.n)]);
                let outcome: Outcome<Value> = vm.run(&mut world, &unbounded());
                assert!(
                    matches!(outcome, Outcome::Returned(_)),
                    "{}: {}",
                    row.name,
                    show(&outcome)
                );
                outcome
            });
        });
    }
    group.finish();
}

fn unbounded() -> TaskLimits {
    TaskLimits {
        ticks: i64::MAX,
        ..TaskLimits::default()
    }
}
