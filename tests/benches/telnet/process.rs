//! What a process has used.
//!
//! In: its number. Out: the processor time of all its threads, also of those that have ended.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time that a process has spent on processors, its own and the system's.
pub(crate) fn processor_time(id: u32) -> Duration {
    let path = format!("/proc/{id}/stat");
    let text = std::fs::read_to_string(&path).expect(&path);
    // The name, in parentheses, may hold anything.
    let rest = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<u64> = rest
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    let ticks = fields[11] + fields[12];
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// The same of this process.
pub(crate) fn own_processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
