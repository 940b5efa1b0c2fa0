//! Tasks that follow one another for some time.
//!
//! In: a server and a kind of tasks. Out: how many ended, how long each took, and what that cost.

use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use moor_runtime::Evaluated;
use moor_tests::PATIENCE;

use crate::SLOTS;
use crate::local::Local;
use crate::threads::{process_time, worker_time};
use crate::work::{WALK, Work};

/// The rate of a measurement is that of its best stretch of this length, in which the rest of the machine was quietest.
const BEST: Duration = Duration::from_millis(100);
/// Time between two looks at how many tasks have committed.
const LOOK: Duration = Duration::from_millis(1);

/// What one measurement gave.
pub(crate) struct Run {
    /// Tasks a second.
    pub(crate) rate: f64,
    /// From the first task's beginning until the last one's answer.
    pub(crate) length: Duration,
    /// From a task's submission until its answer, of each.
    pub(crate) waits: Vec<Duration>,
    /// How often the reader saw the whole world.
    pub(crate) walks: usize,
    /// Attempts that lost a conflict.
    pub(crate) lost: u64,
    /// Processor time of the worker threads.
    pub(crate) worker_time: Duration,
    /// Processor time of the whole process: with compiling the tasks, the log and the state.
    pub(crate) process_time: Duration,
}

impl Run {
    pub(crate) fn tasks(&self) -> usize {
        self.waits.len()
    }
}

/// A task that has ended.
struct Ended {
    /// Its slot; none for the reader.
    slot: Option<usize>,
    submitted: Instant,
}

/// Keeps every slot busy until `length` is over, each at least once, and waits for those that are under way.
pub(crate) fn run(server: &Local, work: Work, length: Duration) -> Run {
    let (ended, next) = channel();
    let (workers, process) = (worker_time(), process_time());
    let lost = server.world().counters().conflicts();
    let begin = Instant::now();
    let mut under_way = SLOTS;
    (0..SLOTS).for_each(|slot| submit(server, &work.code(slot), Some(slot), &ended));
    if work.has_reader() {
        submit(server, WALK, None, &ended);
        under_way += 1;
    }
    let (mut waits, mut walks) = (Vec::new(), 0);
    let mut progress = Progress::default();
    while under_way > 0 {
        let task: Ended = next.recv_timeout(PATIENCE).expect("a task ends");
        progress.look(server, begin);
        match task.slot {
            Some(_) => waits.push(task.submitted.elapsed()),
            None => walks += 1,
        }
        if begin.elapsed() < length {
            let code = task.slot.map_or(WALK.to_owned(), |slot| work.code(slot));
            submit(server, &code, task.slot, &ended);
        } else {
            under_way -= 1;
        }
    }
    Run {
        rate: progress.rate(),
        length: begin.elapsed(),
        waits,
        walks,
        lost: server.world().counters().conflicts() - lost,
        worker_time: worker_time() - workers,
        process_time: process_time() - process,
    }
}

/// How many tasks had committed when; each does so once.
#[derive(Default)]
struct Progress(Vec<(Duration, u64)>);

impl Progress {
    fn look(&mut self, server: &Local, begin: Instant) {
        let now = begin.elapsed();
        if self.0.last().is_none_or(|(last, _)| now >= *last + LOOK) {
            self.0.push((now, server.world().counters().commits()));
        }
    }

    /// The highest rate over [`BEST`], or over all when that is less.
    fn rate(&self) -> f64 {
        let rate = |from: &(Duration, u64), to: &(Duration, u64)| {
            (to.1 - from.1) as f64 / (to.0 - from.0).as_secs_f64()
        };
        let stretch = |(at, from): (usize, &(Duration, u64))| {
            let to = self.0[at..].iter().find(|to| to.0 >= from.0 + BEST);
            to.map(|to| rate(from, to))
        };
        let best = self
            .0
            .iter()
            .enumerate()
            .filter_map(stretch)
            .reduce(f64::max);
        let all = || Some(rate(self.0.first()?, self.0.last()?));
        best.or_else(all).unwrap_or(0.0)
    }
}

fn submit(server: &Local, code: &str, slot: Option<usize>, ended: &Sender<Ended>) {
    let (submitted, ended) = (Instant::now(), ended.clone());
    let sink = Box::new(move |answer| {
        assert!(matches!(answer, Evaluated::Value(_)), "{answer:?}");
        // Nobody listens any more only when the program fails.
        let _ = ended.send(Ended { slot, submitted });
    });
    server.begin(code, sink);
}
