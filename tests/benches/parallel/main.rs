//! Tasks in parallel: `cargo bench -p moor-tests --bench parallel [-- SECONDS] [NAME]`.
//!
//! In: the least world, with objects that this program makes. Out: one table: tasks a second with 1, 2 and as many worker threads as there are
//! processors, the processor time of one, how many attempts lost a conflict, and how long tasks waited.
//!
//! The server is a runtime with a world and a store in this process, one for each number of threads. [`SLOTS`] tasks are under way at a time;
//! when one's answer is durable, the next begins. Each row is measured for the given seconds (1 without an argument), the numbers of threads in
//! turn, [`ROUNDS`] times: whatever else the machine does falls on all. Rates are those of the best tenth of a second, as everything else only
//! slows; processor times are those of the best round. Waits are those of all rounds. Under `cargo test` each is run once, briefly.

mod load;
#[path = "../local/mod.rs"]
mod local;
mod threads;
mod work;

use std::time::Duration;

use load::Run;
use local::{Local, least_world};
use work::{Work, prepare};

/// How often a row is measured.
const ROUNDS: usize = 5;

/// How long one measurement takes, unless an argument says otherwise.
const SECONDS_DEFAULT: f64 = 1.0;

/// Tasks that are under way at a time.
const SLOTS: usize = 128;

fn main() {
    let measures = std::env::args().any(|word| word == "--bench");
    let words = || {
        std::env::args()
            .skip(1)
            .filter(|word| !word.starts_with('-'))
    };
    let given = words().find_map(|word| word.parse().ok());
    let only = words().find(|word| word.parse::<f64>().is_err());
    let seconds = given.unwrap_or(SECONDS_DEFAULT);
    let (rounds, length) = match measures {
        true => (ROUNDS, Duration::from_secs_f64(seconds)),
        false => (1, Duration::ZERO),
    };
    let servers = thread_counts().map(|threads| (threads, start(threads)));
    let servers: Vec<(usize, Local)> = servers.collect();
    println!(
        "| tasks | threads | tasks/s | to 1 thread | worker us/task | to 1 thread | process us/task | lost attempts/100 tasks | wait p50 ms | longest ms | walks/s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for work in Work::ALL {
        if only.as_deref().is_none_or(|only| only == work.name()) {
            measure(work, &servers, rounds, length);
        }
    }
}

/// 1, 2, and as many as there are processors.
fn thread_counts() -> impl Iterator<Item = usize> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    [1, 2]
        .into_iter()
        .chain((processors > 2).then_some(processors))
}

fn start(threads: usize) -> Local {
    let server = Local::start(least_world(), threads);
    prepare(&server, SLOTS);
    server
}

/// Measures all servers in turn, and prints a row for each.
fn measure(work: Work, servers: &[(usize, Local)], rounds: usize, length: Duration) {
    let mut runs: Vec<Vec<Run>> = servers.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for ((_, server), runs) in servers.iter().zip(&mut runs) {
            runs.push(load::run(server, work, length));
        }
    }
    let rows: Vec<Summary> = runs.iter().map(|runs| Summary::of(runs)).collect();
    for ((threads, _), row) in servers.iter().zip(&rows) {
        row.print(work, *threads, &rows[0]);
    }
}

/// What all rounds of one server say.
struct Summary {
    rate: f64,
    worker_us: f64,
    process_us: f64,
    lost: f64,
    wait_p50: Duration,
    wait_max: Duration,
    walk_rate: f64,
}

impl Summary {
    fn of(runs: &[Run]) -> Self {
        let best = |figure: fn(&Run) -> f64| runs.iter().map(figure).fold(f64::NAN, f64::max);
        let least = |figure: fn(&Run) -> f64| runs.iter().map(figure).fold(f64::NAN, f64::min);
        let mut waits: Vec<Duration> = runs.iter().flat_map(|run| run.waits.clone()).collect();
        waits.sort_unstable();
        let tasks: usize = runs.iter().map(Run::tasks).sum();
        let lost: u64 = runs.iter().map(|run| run.lost).sum();
        Self {
            rate: best(|run| run.rate),
            worker_us: least(|run| run.worker_time.as_secs_f64() * 1e6 / run.tasks() as f64),
            process_us: least(|run| run.process_time.as_secs_f64() * 1e6 / run.tasks() as f64),
            lost: 100.0 * lost as f64 / tasks as f64,
            wait_p50: waits[waits.len() / 2],
            wait_max: waits[waits.len() - 1],
            walk_rate: best(|run| run.walks as f64 / run.length.as_secs_f64()),
        }
    }

    fn print(&self, work: Work, threads: usize, alone: &Self) {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "| {} | {threads} | {:.0} | {:.2} | {:.1} | {:.2} | {:.1} | {:.1} | {:.1} | {:.1} | {:.0} |",
            work.name(),
            self.rate,
            self.rate / alone.rate,
            self.worker_us,
            self.worker_us / alone.worker_us,
            self.process_us,
            self.lost,
            ms(self.wait_p50),
            ms(self.wait_max),
            self.walk_rate,
        );
    }
}
