//! The promise of the store against an oracle, with a fault at every call to the disk and the engine in turn.
//!
//! Promise: after any stop the rows are exactly those of a prefix of the accepted batches, and the prefix holds every
//! batch that was reported durable.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::sim::{Machine, Rows, apply};
use crate::batch::{Batch, Seq, Table};
use crate::error::OpenError;
use crate::log::{CommitLog, LogStatus};
use crate::store::{Options, Parts};
use crate::writer::Step;

/// Small bounds, so that a short history crosses all of them.
const OPTIONS: Options = Options {
    segment_bytes_max: 150,
    persist_bytes: 100,
    persist_interval: Duration::from_secs(1_000_000),
    ..Options::new(&["a", "b"])
};

#[derive(Clone, Debug)]
enum Action {
    Append(Batch),
    Write,
    Materialise,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stop {
    Kill,
    PowerLoss,
}

fn batches() -> impl Strategy<Value = Batch> {
    let row = (
        0..2_u8,
        0..6_u8,
        proptest::option::weighted(0.7, proptest::collection::vec(any::<u8>(), 0..40)),
    );
    proptest::collection::vec(row, 0..4).prop_map(|rows| {
        let mut batch = Batch::new();
        for (table, key, value) in rows {
            match value {
                Some(value) => batch.put(Table(table), &[key], &value),
                None => batch.delete(Table(table), &[key]),
            }
        }
        batch
    })
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        3 => batches().prop_map(Action::Append),
        2 => Just(Action::Write),
        2 => Just(Action::Materialise),
    ];
    proptest::collection::vec(action, 1..24)
}

/// Everything accepted, in order; what a stop lost is forgotten when it is found to be lost.
#[derive(Clone, Default)]
struct Oracle {
    accepted: Vec<Batch>,
    durable: Seq,
}

impl Oracle {
    fn rows(&self) -> Rows {
        let mut rows = Rows::new();
        self.accepted
            .iter()
            .for_each(|batch| apply(&mut rows, batch));
        rows
    }

    /// The store came back with everything up to `seq`.
    fn check_reopened(&mut self, machine: &Machine, seq: Seq) {
        assert!(
            seq >= self.durable,
            "batch {} was durable, only {seq} came back",
            self.durable
        );
        assert!(
            seq.0 <= self.accepted.len() as u64,
            "batch {seq} was never accepted"
        );
        self.accepted.truncate(seq.0 as usize);
        self.durable = seq;
        assert_eq!(machine.rows(), self.rows());
    }
}

fn open(machine: &Machine, oracle: &mut Oracle) -> Result<Parts, OpenError> {
    let parts = Parts::open(machine.disk(), machine.state(), &OPTIONS)?;
    oracle.check_reopened(machine, parts.queue.durable());
    Ok(parts)
}

fn act(parts: &mut Parts, oracle: &mut Oracle, action: &Action) {
    match action {
        Action::Append(batch) => match parts.queue.append(batch.clone()) {
            Ok(seq) => {
                oracle.accepted.push(batch.clone());
                assert_eq!(seq.0, oracle.accepted.len() as u64);
            }
            Err(error) => assert_ne!(parts.queue.status(), LogStatus::Ok, "{error}"),
        },
        Action::Write => {
            parts.writer.step();
        }
        Action::Materialise => {
            parts.materialiser.step(Instant::now());
        }
    }
    assert!(
        parts.queue.durable() >= oracle.durable,
        "the horizon went back"
    );
    oracle.durable = parts.queue.durable();
}

/// Runs both halves until nothing is left to do.
fn settle(parts: &mut Parts, oracle: &mut Oracle) {
    while parts.writer.step() != Step::Idle {}
    while parts.materialiser.step(Instant::now()) != Step::Idle {}
    oracle.durable = parts.queue.durable();
    assert_eq!(oracle.durable.0, oracle.accepted.len() as u64);
    assert_eq!(parts.queue.status(), LogStatus::Ok);
}

fn stop(machine: &Machine, how: Stop) {
    match how {
        Stop::Kill => machine.kill(),
        Stop::PowerLoss => machine.power_loss(),
    }
}

/// Acts with failing calls, settles if they end, stops, comes back, acts again, loses power, comes back.
fn run(actions: &[Action], seed: u64, failing: std::ops::Range<u64>, how: Stop) -> u64 {
    let machine = Machine::new(seed);
    let mut oracle = Oracle::default();
    let lasting = failing.end == u64::MAX;
    machine.fail(failing);
    if let Ok(mut parts) = open(&machine, &mut oracle) {
        actions
            .iter()
            .for_each(|action| act(&mut parts, &mut oracle, action));
        if !lasting {
            settle(&mut parts, &mut oracle);
            assert_eq!(
                machine.rows(),
                oracle.rows(),
                "the state holds everything when settled"
            );
        }
    }
    let calls = machine.calls();
    stop(&machine, how);
    // Without a sync in between, whatever the first return reports must survive the second stop.
    let mut parts = open(&machine, &mut oracle).expect("opens after the stop");
    actions
        .iter()
        .for_each(|action| act(&mut parts, &mut oracle, action));
    stop(&machine, Stop::PowerLoss);
    let mut parts = open(&machine, &mut oracle).expect("opens after the power loss");
    settle(&mut parts, &mut oracle);
    assert!(machine.file_names().len() <= 1, "old segments are removed");
    calls
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_prefix_with_everything_durable_survives_a_fault_at_every_call(actions in actions(), seed in any::<u64>()) {
        let calls = run(&actions, seed, 0..0, Stop::Kill);
        for at in 0..calls {
            for how in [Stop::Kill, Stop::PowerLoss] {
                run(&actions, seed, at..u64::MAX, how);
                run(&actions, seed, at..at + 1, how);
                run(&actions, seed, at..at + 4, how);
            }
        }
    }

    #[test]
    fn a_stop_during_the_return_from_a_stop_loses_nothing(actions in actions(), seed in any::<u64>()) {
        for at in 0..40 {
            let machine = Machine::new(seed);
            let mut oracle = Oracle::default();
            let mut parts = open(&machine, &mut oracle).expect("opens");
            actions.iter().for_each(|action| act(&mut parts, &mut oracle, action));
            machine.kill();
            let begin = machine.calls();
            machine.fail(begin + at..u64::MAX);
            let done = open(&machine, &mut oracle).is_ok();
            machine.power_loss();
            open(&machine, &mut oracle).expect("opens after both");
            if done {
                break;
            }
        }
    }
}
