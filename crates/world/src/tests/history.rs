//! Random histories of many threads, checked for serializability; and the proof that the checker can see.
//!
//! Threads append numbers that are never used twice to lists, and move amounts between accounts. What every committed
//! transaction read and appended is noted. The final lists give the order of versions of each list; from that follow
//! the dependencies between transactions (who wrote what another read or overwrote, who read what another then
//! overwrote). A cycle among them is an anomaly, and so is an append that is lost or a read of no version.

use std::sync::atomic::{AtomicI64, Ordering};

use rand::prelude::*;
use rustc_hash::FxHashMap;

use super::*;
use crate::commit::CommitError;

const LISTS: i64 = 24;
const ACCOUNTS: i64 = 12;
const START_BALANCE: i64 = 1_000;

/// What one committed transaction saw and did to lists.
#[derive(Debug, Default)]
struct Record {
    /// List, how long it was, its last element.
    reads: Vec<(i64, usize, i64)>,
    /// List and element.
    appends: Vec<(i64, i64)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Anomaly {
    LostAppend(i64),
    ReadOfNoVersion(i64),
    Cycle,
    WrongSum(i64),
}

fn list_id(index: i64) -> ObjId {
    ObjId(1 + index)
}

fn account_id(index: i64) -> ObjId {
    ObjId(1 + LISTS + index)
}

fn prepared() -> Arc<World> {
    let (world, _) = small_world();
    commit(&world, |tx| {
        for index in 0..LISTS + ACCOUNTS {
            let id = tx.child(&[])?;
            let start = if index < LISTS {
                Value::List(moor_value::List::new())
            } else {
                Value::Int(START_BALANCE)
            };
            tx.add(id, "v", start)?;
        }
        Ok(())
    });
    world
}

fn read_list(tx: &mut Transaction, index: i64) -> moor_value::List {
    let value = tx.get(list_id(index), "v").expect("it was made");
    value.into_list().expect("lists stay lists")
}

fn balance(tx: &mut Transaction, index: i64) -> i64 {
    tx.get(account_id(index), "v")
        .expect("it was made")
        .as_int()
        .expect("accounts stay numbers")
}

/// One to four operations on lists, then perhaps a transfer.
fn work(tx: &mut Transaction, rng: &mut SmallRng, next: &AtomicI64) -> Record {
    let mut record = Record::default();
    for _ in 0..rng.random_range(1..=4) {
        let index = rng.random_range(0..LISTS);
        let list = read_list(tx, index);
        let last = list.iter().last().and_then(Value::as_int).unwrap_or(-1);
        record.reads.push((index, list.len(), last));
        if rng.random_bool(0.4) {
            let element = next.fetch_add(1, Ordering::Relaxed);
            let mut list = list;
            list.push(Value::Int(element));
            tx.set(list_id(index), "v", Value::List(list))
                .expect("the wizard may");
            record.appends.push((index, element));
        }
        if rng.random_bool(0.3) {
            std::thread::yield_now();
        }
    }
    if rng.random_bool(0.5) {
        let (from, to) = (rng.random_range(0..ACCOUNTS), rng.random_range(0..ACCOUNTS));
        let amount = rng.random_range(1..50);
        let left = balance(tx, from) - amount;
        tx.set(account_id(from), "v", left).expect("the wizard may");
        let more = balance(tx, to) + amount;
        tx.set(account_id(to), "v", more).expect("the wizard may");
    }
    record
}

/// Runs one thread's share and answers what was committed and how many operations that was.
fn run_thread(world: &Arc<World>, seed: u64, transactions: usize, next: &AtomicI64) -> Vec<Record> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut records = Vec::new();
    while records.len() < transactions {
        let exclusive = rng.random_bool(0.01);
        let mut tx = if exclusive {
            world.begin_exclusive()
        } else {
            world.begin()
        };
        let record = work(&mut tx, &mut rng, next);
        match tx.commit() {
            Ok(_) => records.push(record),
            Err(CommitError::Conflict(_)) => {}
            Err(error) => panic!("the log takes everything: {error}"),
        }
        if rng.random_bool(0.02) {
            let mut reader = world.begin();
            let sum: i64 = (0..ACCOUNTS).map(|index| balance(&mut reader, index)).sum();
            if !world.skips_validation() {
                assert_eq!(
                    sum,
                    ACCOUNTS * START_BALANCE,
                    "a snapshot saw a transfer half done"
                );
            }
        }
    }
    records
}

fn run(world: &Arc<World>, threads: u64, transactions: usize) -> Vec<Record> {
    let next = AtomicI64::new(0);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|seed| {
                scope.spawn({
                    let next = &next;
                    move || run_thread(world, seed, transactions, next)
                })
            })
            .collect();
        running
            .into_iter()
            .flat_map(|thread| thread.join().expect("no thread fails"))
            .collect()
    })
}

/// The first anomaly of a finished history, if there is one.
fn check(world: &Arc<World>, records: &[Record]) -> Option<Anomaly> {
    let mut tx = world.begin();
    let sum: i64 = (0..ACCOUNTS).map(|index| balance(&mut tx, index)).sum();
    if sum != ACCOUNTS * START_BALANCE {
        return Some(Anomaly::WrongSum(sum));
    }
    let lists: Vec<Vec<i64>> = (0..LISTS)
        .map(|index| {
            read_list(&mut tx, index)
                .iter()
                .filter_map(Value::as_int)
                .collect()
        })
        .collect();
    check_lists(&lists, records)
}

fn check_lists(lists: &[Vec<i64>], records: &[Record]) -> Option<Anomaly> {
    let writers: FxHashMap<i64, usize> = records
        .iter()
        .enumerate()
        .flat_map(|(at, record)| {
            record
                .appends
                .iter()
                .map(move |(_, element)| (*element, at))
        })
        .collect();
    let kept: usize = lists.iter().map(Vec::len).sum();
    let appended = records.iter().flat_map(|record| &record.appends);
    if kept != writers.len()
        || lists
            .iter()
            .flatten()
            .any(|element| !writers.contains_key(element))
    {
        let mut appended = appended;
        let lost = appended.find(|(list, element)| !lists[*list as usize].contains(element));
        return Some(Anomaly::LostAppend(
            lost.map_or(-1, |(_, element)| *element),
        ));
    }
    let mut edges: Vec<Vec<usize>> = vec![Vec::new(); records.len()];
    for list in lists {
        for pair in list.windows(2) {
            edges[writers[&pair[0]]].push(writers[&pair[1]]);
        }
    }
    for (at, record) in records.iter().enumerate() {
        for (list, len, last) in &record.reads {
            let list = &lists[*list as usize];
            let seen = if *len == 0 {
                -1
            } else {
                *list.get(len - 1).unwrap_or(&-2)
            };
            if seen != *last {
                return Some(Anomaly::ReadOfNoVersion(*last));
            }
            if *len > 0 {
                edges[writers[last]].push(at);
            }
            if let Some(overwriter) = list.get(*len) {
                edges[at].push(writers[overwriter]);
            }
        }
    }
    is_cyclic(&mut edges).then_some(Anomaly::Cycle)
}

fn is_cyclic(edges: &mut [Vec<usize>]) -> bool {
    let mut incoming = vec![0usize; edges.len()];
    for (from, targets) in edges.iter_mut().enumerate() {
        // What a transaction did to itself orders nothing.
        targets.retain(|to| *to != from);
        targets.iter().for_each(|to| incoming[*to] += 1);
    }
    let mut ready: Vec<usize> = (0..edges.len()).filter(|at| incoming[*at] == 0).collect();
    let mut sorted = 0;
    while let Some(next) = ready.pop() {
        sorted += 1;
        for to in &edges[next] {
            incoming[*to] -= 1;
            if incoming[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    sorted != edges.len()
}

#[test]
fn histories_are_serializable() {
    let world = prepared();
    let records = run(&world, 8, 5_500);
    let operations: usize = records
        .iter()
        .map(|record| record.reads.len() + record.appends.len())
        .sum();
    assert!(operations >= 100_000, "{operations} operations are too few");
    assert!(
        world.counters().conflicts() > 100,
        "the threads must have met"
    );
    assert_eq!(check(&world, &records), None);
}

#[test]
fn without_validation_the_checker_finds_the_anomaly() {
    let world = prepared();
    world.validation_off.store(true, Ordering::Relaxed);
    let records = run(&world, 8, 500);
    assert_ne!(check(&world, &records), None);
}

#[test]
fn the_checker_knows_each_anomaly() {
    let record = |reads: &[(i64, usize, i64)], appends: &[(i64, i64)]| Record {
        reads: reads.to_vec(),
        appends: appends.to_vec(),
    };
    let skewed = [
        record(&[(0, 0, -1), (1, 0, -1)], &[(0, 1)]),
        record(&[(0, 0, -1), (1, 0, -1)], &[(1, 2)]),
    ];
    assert_eq!(
        check_lists(&[vec![1], vec![2]], &skewed),
        Some(Anomaly::Cycle),
        "write skew"
    );
    let ordered = [
        record(&[(0, 0, -1)], &[(0, 1)]),
        record(&[(0, 1, 1), (1, 0, -1)], &[(1, 2)]),
    ];
    assert_eq!(check_lists(&[vec![1], vec![2]], &ordered), None);
    assert_eq!(
        check_lists(&[vec![], vec![2]], &ordered),
        Some(Anomaly::LostAppend(1))
    );
    let wrong = [record(&[(0, 1, 7)], &[]), record(&[], &[(0, 1)])];
    assert_eq!(
        check_lists(&[vec![1], vec![]], &wrong),
        Some(Anomaly::ReadOfNoVersion(7))
    );
}
