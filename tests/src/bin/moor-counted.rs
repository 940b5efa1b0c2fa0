//! The programs that the tests run, with an allocator that counts.
//!
//! In: a command line, as for `moor`; SIGUSR2. Out: that of the program it names; for each SIGUSR2 a line `allocations=NUMBER` with how often memory
//! was asked for, by all threads since the start (growing a block counts as asking). It is apart from the programs that are timed,
//! because counting costs time.

use std::alloc::System;
use std::process::ExitCode;

use signal_hook::consts::SIGUSR2;
use signal_hook::iterator::Signals;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    let mut signals = Signals::new([SIGUSR2]).expect("a signal may be caught");
    std::thread::spawn(move || {
        for _ in signals.forever() {
            let stats = ALLOCATOR.stats();
            println!("allocations={}", stats.allocations + stats.reallocations);
        }
    });
    moor::run(std::env::args_os())
}
