//! Processor time of this process and of its worker threads.
//!
//! In: what the kernel counts. Out: durations, of which the difference of two is of interest.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time that this process has spent on processors.
pub(crate) fn process_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Time that the threads that run tasks have spent on processors, those of all servers of this process.
pub(crate) fn worker_time() -> Duration {
    let threads = fs::read_dir("/proc/self/task").expect("the threads of this process");
    let times = threads
        .flatten()
        .filter_map(|thread| time_of(&thread.path()));
    times.sum()
}

/// The time of a thread that runs tasks.
fn time_of(thread: &Path) -> Option<Duration> {
    let name = fs::read_to_string(thread.join("comm")).ok()?;
    let runs_tasks = moor_runtime::CONTAINED_THREADS
        .iter()
        .any(|prefix| name.starts_with(prefix));
    // The first number is nanoseconds on a processor.
    let times = fs::read_to_string(thread.join("schedstat")).ok()?;
    let nanoseconds = times.split(' ').next()?.parse().ok()?;
    runs_tasks.then(|| Duration::from_nanos(nanoseconds))
}
