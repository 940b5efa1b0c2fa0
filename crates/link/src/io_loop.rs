//! The loop of an I/O thread: drain what is ready, take what the program sends, do what is due, sleep.
//!
//! In: an [`Engine`] and the program's outbox. Out: nothing; it returns when the program closes the outbox.
//! Server and client, over sockets or in memory, run in this one loop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::bounds::{BURST_MESSAGES_MAX, SHUTDOWN_TIME_MAX, STALL_RETRY};
use crate::outbox::OutboxReader;
use crate::waker::Waker;

/// What the loop drives.
pub(crate) trait Engine {
    /// What the program sends.
    type Command;

    /// The program has no room: reading must wait.
    fn is_stalled(&self) -> bool;
    /// Offers the program again what it had no room for.
    fn retry_stalled(&mut self, now: Instant);
    /// Reads a burst from every source, stopping early when stalled. `true` if there was anything.
    fn read(&mut self, now: Instant) -> bool;
    /// Whether a command may be taken now.
    fn takes_commands(&self) -> bool;
    /// Carries out a command.
    fn command(&mut self, now: Instant, command: Self::Command);
    /// Does what is due, and says when to be called again.
    fn tick(&mut self, now: Instant) -> Instant;
    /// Sleeps until the waker is called, the time has passed, or, if `reading`, a source has something.
    fn sleep(&mut self, waker: &Waker, reading: bool, time_max: Duration);
    /// Says goodbye. The loop goes on until the other side has heard it.
    fn stop(&mut self, now: Instant);
    /// Nobody is left who must hear the goodbye.
    fn is_finished(&self) -> bool;
}

/// Runs until the program closes the outbox, what was in it has been handed to the engine, and the other
/// side has left; at most [`SHUTDOWN_TIME_MAX`] from the close.
pub(crate) fn run<E: Engine>(mut engine: E, outbox: OutboxReader<E::Command>, waker: Arc<Waker>) {
    let mut closing = Closing::default();
    loop {
        // Read before the outbox: what was put before the close is then seen below.
        let closed = outbox.is_closed();
        let now = Instant::now();
        if engine.is_stalled() {
            engine.retry_stalled(now);
        }
        let mut busy = !engine.is_stalled() && engine.read(now);
        busy |= take_commands(&mut engine, &outbox, now);
        let mut due = engine.tick(now);
        if closed {
            match closing.step(&mut engine, outbox.is_empty(), now) {
                Some(until) => due = due.min(until),
                None => return,
            }
        }
        if !busy {
            sleep(&mut engine, &outbox, &waker, closed, due);
        }
    }
}

/// How far an orderly stop has come.
#[derive(Default)]
struct Closing {
    until: Option<Instant>,
    said_goodbye: bool,
}

impl Closing {
    /// Goes on with the stop; the time until when it may take, or `None` when it is done.
    fn step<E: Engine>(
        &mut self,
        engine: &mut E,
        outbox_is_empty: bool,
        now: Instant,
    ) -> Option<Instant> {
        let until = *self.until.get_or_insert(now + SHUTDOWN_TIME_MAX);
        if outbox_is_empty && !self.said_goodbye {
            engine.stop(now);
            self.said_goodbye = true;
        }
        let done = (self.said_goodbye && engine.is_finished()) || now >= until;
        (!done).then_some(until)
    }
}

fn take_commands<E: Engine>(
    engine: &mut E,
    outbox: &OutboxReader<E::Command>,
    now: Instant,
) -> bool {
    let mut taken = 0;
    while taken < BURST_MESSAGES_MAX && engine.takes_commands() {
        let Some(command) = outbox.take() else { break };
        engine.command(now, command);
        taken += 1;
    }
    taken > 0
}

/// Sleeps until something may have to be done. `closed`: the loop knows already that the outbox is closed.
fn sleep<E: Engine>(
    engine: &mut E,
    outbox: &OutboxReader<E::Command>,
    waker: &Waker,
    closed: bool,
    due: Instant,
) {
    let reading = !engine.is_stalled();
    let mut time_max = due.saturating_duration_since(Instant::now());
    if !reading {
        time_max = time_max.min(STALL_RETRY);
    }
    waker.prepare_sleep();
    if (outbox.is_empty() || !engine.takes_commands()) && closed == outbox.is_closed() {
        engine.sleep(waker, reading, time_max);
    }
    waker.awake();
}
