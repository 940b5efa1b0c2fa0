//! The running threads on a disk that refuses: read-only with a reason, no lie, and back by themselves.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::sim::Machine;
use crate::batch::{Batch, Seq, Table};
use crate::error::{AppendError, CloseError};
use crate::log::{CommitLog, LogStatus};
use crate::store::{Core, Options, Parts};

const OPTIONS: Options = Options::new(&["a"]);
const WAIT: Duration = Duration::from_secs(20);

fn start(machine: &Machine, options: &Options) -> Core {
    Core::start(Parts::open(machine.disk(), machine.state(), options).expect("opens"))
        .expect("threads start")
}

fn batch(n: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(Table(0), &n.to_be_bytes(), &[0; 100]);
    batch
}

fn break_disk(machine: &Machine) {
    machine.fail(0..u64::MAX);
}

fn mend_disk(machine: &Machine) {
    machine.fail(0..0);
}

#[test]
fn a_refusing_log_makes_the_store_read_only_until_it_recovers_by_itself() {
    let machine = Machine::new(1);
    let core = start(&machine, &OPTIONS);
    let (sender, events) = mpsc::channel();
    core.queue.on_durable(Box::new(move |event| {
        // The test may be over when the last event comes.
        let _ = sender.send(event.map_err(str::to_owned));
    }));
    assert_eq!(core.queue.append(batch(1)), Ok(Seq(1)));
    assert_eq!(events.recv_timeout(WAIT), Ok(Ok(Seq(1))));
    core.queue.wait_applied(Seq(1), WAIT).expect("applied");
    break_disk(&machine);
    assert_eq!(core.queue.append(batch(2)), Ok(Seq(2)));
    let reason = events
        .recv_timeout(WAIT)
        .expect("an event")
        .expect_err("a failure");
    assert!(reason.contains("cannot write the commit log"), "{reason}");
    assert!(matches!(core.queue.status(), LogStatus::Failed { reason: now, .. } if now == reason));
    assert_eq!(
        core.queue.append(batch(3)),
        Err(AppendError::ReadOnly { reason })
    );
    assert_eq!(core.queue.durable(), Seq(1), "the horizon does not lie");
    mend_disk(&machine);
    core.queue
        .wait_durable(Seq(2), WAIT)
        .expect("the kept batch becomes durable");
    assert_eq!(events.recv_timeout(WAIT), Ok(Ok(Seq(2))));
    assert_eq!(core.queue.status(), LogStatus::Ok);
    assert_eq!(core.queue.append(batch(3)), Ok(Seq(3)));
    core.queue.wait_applied(Seq(3), WAIT).expect("applied");
    assert!(core.queue.totals.snapshot(0).log_failures > 0);
    drop(core);
    machine.power_loss();
    assert_eq!(start(&machine, &OPTIONS).queue.durable(), Seq(3));
}

#[test]
fn a_refusing_state_makes_the_store_read_only_and_loses_nothing() {
    let machine = Machine::new(1);
    // Every change is made durable at once, so that the engine sees the failure at once.
    let options = Options {
        persist_bytes: 1,
        ..OPTIONS
    };
    let core = start(&machine, &options);
    assert_eq!(core.queue.append(batch(1)), Ok(Seq(1)));
    core.queue.wait_applied(Seq(1), WAIT).expect("applied");
    // The log's calls for the next batch succeed (append and sync), the engine's that follow fail.
    let quiet = wait_for_quiet(&machine);
    machine.fail(quiet + 2..quiet + 6);
    assert_eq!(core.queue.append(batch(2)), Ok(Seq(2)));
    core.queue
        .wait_durable(Seq(2), WAIT)
        .expect("the log is fine");
    core.queue
        .wait_applied(Seq(2), WAIT)
        .expect("the engine recovers by itself");
    drop(core);
    assert!(machine.calls() > quiet + 6, "the failing calls were made");
    machine.power_loss();
    assert_eq!(machine.rows().len(), 2);
}

/// Waits until the threads have nothing left to call.
fn wait_for_quiet(machine: &Machine) -> u64 {
    loop {
        let calls = machine.calls();
        thread::sleep(Duration::from_millis(50));
        if machine.calls() == calls {
            return calls;
        }
    }
}

#[test]
fn closing_on_a_refusing_disk_ends_and_says_what_is_missing() {
    let machine = Machine::new(1);
    let mut core = start(&machine, &OPTIONS);
    break_disk(&machine);
    core.queue
        .append(batch(1))
        .expect("accepted before the failure is known");
    match core.stop() {
        Err(CloseError::Unwritten { batches: 1, reason }) => {
            assert!(reason.contains("storage space"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
    machine.kill();
    let mut core = start(&machine, &OPTIONS);
    assert_eq!(core.queue.durable().next(), core.queue.accepted().next());
    assert!(core.stop().is_ok());
}

#[test]
fn append_waits_at_the_bound_and_goes_on_when_there_is_room() {
    let machine = Machine::new(1);
    let size = batch(1).as_bytes().len();
    let options = Options {
        pending_bytes_max: 3 * size,
        ..OPTIONS
    };
    let mut parts = Parts::open(machine.disk(), machine.state(), &options).expect("opens");
    for n in 1..=3 {
        assert_eq!(
            parts.queue.append(batch(n)),
            Ok(Seq(n)),
            "up to the bound nobody waits"
        );
    }
    thread::scope(|scope| {
        let fourth = scope.spawn(|| parts.queue.append(batch(4)));
        let waits = parts.queue.wait_durable(Seq(4), Duration::from_millis(100));
        assert!(
            waits.is_err() && !fourth.is_finished(),
            "one past the bound waits"
        );
        parts.writer.step();
        parts.materialiser.step(std::time::Instant::now());
        assert_eq!(fourth.join().expect("no panic"), Ok(Seq(4)));
    });
    // Somebody who waits for room is answered when the store fails, not when it recovers.
    parts.queue.append(batch(5)).expect("room for one more");
    parts.queue.append(batch(6)).expect("room for one more");
    break_disk(&machine);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| parts.queue.append(batch(7)));
        parts.writer.step();
        assert!(matches!(
            waiting.join().expect("no panic"),
            Err(AppendError::ReadOnly { .. })
        ));
    });
}

#[test]
fn a_group_interval_gathers_commits_into_fewer_syncs() {
    let machine = Machine::new(1);
    let options = Options {
        group_interval: Duration::from_millis(300),
        ..OPTIONS
    };
    let core = start(&machine, &options);
    core.queue.append(batch(0)).expect("accepted");
    core.queue
        .wait_durable(Seq(1), WAIT)
        .expect("the first does not wait");
    (1..=50).for_each(|n| {
        core.queue.append(batch(n)).expect("accepted");
        thread::sleep(Duration::from_millis(1));
    });
    core.queue.wait_durable(Seq(51), WAIT).expect("durable");
    let totals = core.queue.totals.snapshot(0);
    assert_eq!(totals.batches, 51);
    assert!(
        totals.groups < 10 && totals.group_batches_max > 5,
        "{totals:?}"
    );
}

#[test]
fn a_callback_that_panics_ends_the_log_and_nobody_waits_for_it() {
    let machine = Machine::new(1);
    let mut core = start(&machine, &OPTIONS);
    core.queue.on_durable(Box::new(|_| panic!("planted")));
    core.queue.append(batch(1)).expect("accepted");
    assert!(core.queue.wait_durable(Seq(2), WAIT).is_err());
    assert_eq!(core.queue.append(batch(2)), Err(AppendError::Closed));
    assert!(matches!(core.stop(), Err(CloseError::Unwritten { .. })));
}
