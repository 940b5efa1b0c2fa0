//! Durable commits a second, and how long one takes, with the device's own sync beside them:
//! `cargo bench -p moor-store [-- SECONDS]`.
//!
//! In: 1, 8 and 64 threads, each of which appends a batch and waits until it is durable, for 3 seconds or as many as the
//! argument says. Out: one table. Before each row a bare file in the same folder is appended to and synced in turn, so
//! that a row stands beside what the device could do in the same moment. The folder is cargo's own for measurements
//! (`tmp` of its target folder), which is on a disk where `/tmp` may not be.
//!
//! Run by `cargo test` it does each once, and measures nothing.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use moor_store::{Batch, CommitLog, Options, Store, Table};

/// Threads that commit at the same time.
const WRITERS: [u64; 3] = [1, 8, 64];

/// How long one row is measured, unless an argument says otherwise.
const SECONDS_DEFAULT: f64 = 3.0;

/// A property of usual length, as a commit writes it.
const VALUE: [u8; 100] = [b'v'; 100];

/// No single commit takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let measures = std::env::args().any(|word| word == "--bench");
    let given = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let seconds = given.unwrap_or(SECONDS_DEFAULT);
    let length = Duration::from_secs_f64(if measures { seconds } else { 0.0 });
    println!(
        "| writers | commits/s | p50 us | p99 us | p99.9 us | commits/sync | a bare sync: p50 us | p99 us |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for writers in WRITERS {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let device = sync_alone(&folder.path().join("file"), length / 3);
        let row = commit(&folder.path().join("store"), writers, length);
        println!(
            "| {writers} | {:.0} | {} | {} | {} | {:.1} | {} | {} |",
            row.rate,
            row.times.at(0.5),
            row.times.at(0.99),
            row.times.at(0.999),
            row.group,
            device.at(0.5),
            device.at(0.99),
        );
    }
}

/// Durations in order.
struct Times(Vec<Duration>);

impl Times {
    fn sorted(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// Microseconds that this share of all took at most.
    fn at(&self, share: f64) -> u128 {
        let last = self.0.len() - 1;
        self.0[(last as f64 * share) as usize].as_micros()
    }
}

struct Row {
    /// Commits a second.
    rate: f64,
    times: Times,
    /// Commits that became durable by one sync, on average.
    group: f64,
}

/// Appends one commit's bytes to a bare file and syncs it, again and again.
fn sync_alone(path: &Path, length: Duration) -> Times {
    let mut file = File::create_new(path).expect("a new file");
    Times::sorted(repeat(length, |_| {
        file.write_all(&VALUE).expect("written");
        file.sync_data().expect("synced");
    }))
}

fn commit(path: &Path, writers: u64, length: Duration) -> Row {
    let new = Store::create(path, Options::new(&["rows"])).expect("a vacant path");
    let store = new.finish().expect("a store");
    let begin = Instant::now();
    let times: Vec<Duration> = thread::scope(|scope| {
        let write = |writer| {
            let log = store.log();
            scope.spawn(move || repeat(length, |number| commit_one(&*log, writer, number)))
        };
        let threads: Vec<_> = (0..writers).map(write).collect();
        let times = threads
            .into_iter()
            .map(|thread| thread.join().expect("a writer"));
        times.flatten().collect()
    });
    let rate = times.len() as f64 / begin.elapsed().as_secs_f64();
    let counters = store.counters();
    store.close().expect("closed");
    Row {
        rate,
        times: Times::sorted(times),
        group: counters.batches as f64 / counters.groups as f64,
    }
}

/// One row of a thousand of this writer.
fn commit_one(log: &dyn CommitLog, writer: u64, number: u64) {
    let mut batch = Batch::new();
    let key = writer * 1_000 + number % 1_000;
    batch.put(Table(0), &key.to_be_bytes(), &VALUE);
    let seq = log.append(batch).expect("accepted");
    log.wait_durable(seq, PATIENCE).expect("durable");
}

/// Does `work` until `length` is over, at least once; how long each time took.
fn repeat(length: Duration, mut work: impl FnMut(u64)) -> Vec<Duration> {
    let end = Instant::now() + length;
    let mut times = Vec::new();
    loop {
        let begin = Instant::now();
        work(times.len() as u64);
        times.push(begin.elapsed());
        if Instant::now() >= end {
            return times;
        }
    }
}
