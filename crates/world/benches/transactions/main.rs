//! What the operations of a world cost, and its transactions, without a disk: `cargo bench -p moor-world`.
//!
//! In: worlds of a line of six classes and their things. Out: the time of reads, lookups and writes in a transaction; of whole
//! transactions, also one that loses against another; of a walk over every thing; and of the import of a world.

mod ground;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ground::{CLASS, WIZARD, image, load, thing, world};
use moor_value::{ObjId, Symbol, Value};
use moor_world::{Entity, Transaction, World};

/// Things of the world in which most is measured.
const THINGS: usize = 1_000;
/// Sizes of worlds that are loaded.
const LOADED: [usize; 2] = [1_000, 10_000];

criterion_group!(benches, operations, transactions, whole_worlds);
criterion_main!(benches);

/// In one transaction that has done the same before.
fn operations(criterion: &mut Criterion) {
    let world = world(THINGS);
    let (own, inherited) = (Symbol::intern("p0"), Symbol::intern("p1"));
    let verb = Symbol::intern("v");
    let thing = Entity::object(thing(0));
    let mut tx = world.begin();
    set(&mut tx, thing, own, 5);
    let mut group = criterion.benchmark_group("again");
    group.bench_function("read an own property", |bencher| {
        bencher.iter(|| tx.get_property(WIZARD, black_box(thing), own));
    });
    group.bench_function("read an inherited property", |bencher| {
        bencher.iter(|| tx.get_property(WIZARD, black_box(thing), inherited));
    });
    group.bench_function("look a verb up", |bencher| {
        bencher.iter(|| black_box(tx.find_callable_verb(black_box(thing), verb).is_some()));
    });
    group.bench_function("write a property", |bencher| {
        bencher.iter(|| set(&mut tx, thing, own, black_box(6)));
    });
    group.finish();
}

fn transactions(criterion: &mut Criterion) {
    let world = world(THINGS);
    let (own, inherited) = (Symbol::intern("p0"), Symbol::intern("p1"));
    let mut things = (0..THINGS)
        .map(|number| Entity::object(thing(number)))
        .cycle();
    let mut next = move || things.next().expect("a cycle has no end");
    let mut group = criterion.benchmark_group("transaction");
    group.bench_function("empty", |bencher| bencher.iter(|| world.begin()));
    group.bench_function("read", |bencher| {
        bencher.iter(|| world.begin().get_property(WIZARD, next(), inherited));
    });
    group.bench_function("read, write, commit", |bencher| {
        bencher.iter(|| {
            let mut tx = world.begin();
            add_one(&mut tx, next(), own);
            tx.commit().expect("there is nobody else")
        });
    });
    group.bench_function(
        "conflict: two add to one counter, one is refused",
        |bencher| {
            bencher.iter(|| conflict(&world, next(), own));
        },
    );
    group.finish();
    creation(criterion);
}

/// Apart from the rest, and each time in a world of its own: every object that is made stays.
fn creation(criterion: &mut Criterion) {
    let image = image(THINGS);
    let mut group = criterion.benchmark_group("creation");
    group.throughput(Throughput::Elements(THINGS as u64));
    group.sample_size(10);
    group.bench_function("1000 objects with 150 properties", |bencher| {
        bencher.iter_batched(
            || load(&image),
            |world| {
                for _ in 0..THINGS {
                    create(&world);
                }
                world
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn whole_worlds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("world");
    group.sample_size(10);
    for things in LOADED {
        group.throughput(Throughput::Elements(things as u64));
        let image = image(things);
        group.bench_function(format!("import {things} things"), |bencher| {
            bencher.iter_with_large_drop(|| load(&image));
        });
    }
    let (world, name) = (world(LOADED[1]), Symbol::intern("p1"));
    group.bench_function("walk over 10000 things", |bencher| {
        bencher.iter(|| walk(&world, name));
    });
    group.finish();
}

/// Reads a property of every thing, in one transaction.
fn walk(world: &Arc<World>, name: Symbol) -> i64 {
    let mut tx = world.begin();
    let things = (0..LOADED[1]).map(|number| Entity::object(thing(number)));
    let sum = things.map(|thing| get(&mut tx, thing, name)).sum();
    tx.commit().expect("a transaction that wrote nothing");
    sum
}

fn conflict(world: &Arc<World>, thing: Entity, name: Symbol) {
    let (mut first, mut second) = (world.begin(), world.begin());
    add_one(&mut first, thing, name);
    add_one(&mut second, thing, name);
    first.commit().expect("the first wins");
    second
        .commit()
        .expect_err("the second has read what is no more");
}

fn create(world: &Arc<World>) -> ObjId {
    let mut tx = world.begin();
    let made = tx.create(WIZARD, &[CLASS], WIZARD).expect("the wizard may");
    tx.commit().expect("there is nobody else");
    made
}

fn add_one(tx: &mut Transaction, thing: Entity, name: Symbol) {
    let value = get(tx, thing, name) + 1;
    set(tx, thing, name, value);
}

fn get(tx: &mut Transaction, thing: Entity, name: Symbol) -> i64 {
    let value = tx.get_property(WIZARD, thing, name);
    value.expect("it is there").as_int().expect("a number")
}

fn set(tx: &mut Transaction, thing: Entity, name: Symbol, value: i64) {
    let result = tx.set_property(WIZARD, thing, name, Value::Int(value));
    result.expect("the wizard may");
}
