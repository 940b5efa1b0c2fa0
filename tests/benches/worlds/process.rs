//! What this process has used so far.
//!
//! In: what the kernel counts. Out: seconds of processors, bytes of memory.

use rustix::time::{ClockId, clock_gettime};

/// Seconds on processors.
pub(crate) fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Bytes of memory: the most there ever was, and what there is.
pub(crate) fn memory() -> [u64; 2] {
    let status = std::fs::read_to_string("/proc/self/status").expect("what the kernel knows");
    ["VmHWM:", "VmRSS:"].map(|name| {
        let line = status.lines().find(|line| line.starts_with(name));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.and_then(|kib| kib.parse().ok())
            .map_or(0, |kib: u64| kib * 1024)
    })
}
