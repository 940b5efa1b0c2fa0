//! The programs of `moor up` together: started, kept running, stopped in order.
//!
//! In: how to start each, a [`Drain`]. Out: an exit code when all have ended. It knows nothing of what they do, save
//! that later ones in the list use earlier ones and are stopped before them.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use moor_node::{Drain, Exit, Health};
use rustix::process::Signal;
use signal_hook::consts::SIGCHLD;
use signal_hook::iterator::Signals;

use crate::supervised::{Plan, Supervised};

/// How long stopping takes at most, as parts of the drain limit.
#[derive(Clone, Copy, Debug)]
struct StopTimes {
    /// Until the first program is told to stop even if those that use it are still there.
    in_order: Duration,
    /// Until the programs that are left are killed.
    patience: Duration,
}

impl StopTimes {
    /// With the default limit of 5 s: in order within 1.5 s, killed after 4 s.
    fn within(limit: Duration) -> Self {
        Self {
            in_order: limit.mul_f64(0.3),
            patience: limit.mul_f64(0.8),
        }
    }
}

/// How long a program itself may take to drain, so that it ends by itself before it is killed.
pub(crate) fn drain_timeout_of_programs(limit: Duration) -> Duration {
    limit.mul_f64(0.5)
}

/// Runs the programs until `drain` begins, one of them stops of its own accord, or going on is of no use; stops them all.
///
/// # Errors
/// What the operating system says if the ends of processes cannot be watched.
pub(crate) fn run(plans: Vec<Plan>, drain: &Drain, health: &Health) -> std::io::Result<Exit> {
    let wake = watch(drain)?;
    let now = Instant::now();
    let mut programs: Vec<_> = plans
        .into_iter()
        .map(|plan| Supervised::new(plan, now))
        .collect();
    for program in &programs {
        program.vouch(health);
    }
    let exit = keep_running(&mut programs, drain, &wake);
    stop(&mut programs, StopTimes::within(drain.limit()), &wake);
    Ok(exit)
}

/// Wakes the receiver when a process ends or the drain begins. One place is enough: the woken one looks at everything.
fn watch(drain: &Drain) -> std::io::Result<Receiver<()>> {
    let (sender, wake) = sync_channel(1);
    let mut ends = Signals::new([SIGCHLD])?;
    let on_end: SyncSender<()> = sender.clone();
    std::thread::Builder::new()
        .name("process-ends".into())
        .spawn(move || {
            for _ in ends.forever() {
                let _ = on_end.try_send(());
            }
        })?;
    let drain = drain.clone();
    std::thread::Builder::new()
        .name("drain-begins".into())
        .spawn(move || {
            drain.wait();
            let _ = sender.try_send(());
        })?;
    Ok(wake)
}

fn keep_running(programs: &mut [Supervised], drain: &Drain, wake: &Receiver<()>) -> Exit {
    while !drain.is_draining() {
        let now = Instant::now();
        for program in programs.iter_mut() {
            if let ControlFlow::Break(exit) = program.tend(now) {
                return exit;
            }
        }
        wait(wake, programs.iter().filter_map(Supervised::due).min());
    }
    Exit::Success
}

/// The last program is told first; the first one, which the others use, when they are gone.
fn stop(programs: &mut [Supervised], times: StopTimes, wake: &Receiver<()>) {
    let began = Instant::now();
    let (in_order, patience) = (began + times.in_order, began + times.patience);
    if let Some((first, others)) = programs.split_first_mut() {
        others
            .iter()
            .for_each(|program| program.signal(Signal::TERM));
        wait_until_gone(others, in_order, wake);
        first.signal(Signal::TERM);
    }
    wait_until_gone(programs, patience, wake);
    for program in programs
        .iter_mut()
        .filter_map(|program| (!program.is_gone()).then_some(program))
    {
        tracing::warn!("a program did not stop in time and is killed");
        program.signal(Signal::KILL);
    }
}

fn wait_until_gone(programs: &mut [Supervised], until: Instant, wake: &Receiver<()>) {
    // All are asked each time, so that every end is noticed when it happens.
    while programs
        .iter_mut()
        .filter_map(|program| (!program.is_gone()).then_some(()))
        .count()
        > 0
    {
        if Instant::now() >= until {
            return;
        }
        wait(wake, Some(until));
    }
}

/// Returns when woken, or at `until`.
fn wait(wake: &Receiver<()>, until: Option<Instant>) {
    // Both errors mean to look again: the time came, or (never) nobody is left to wake.
    match until {
        Some(until) => drop(wake.recv_timeout(until.saturating_duration_since(Instant::now()))),
        None => drop(wake.recv()),
    }
}
