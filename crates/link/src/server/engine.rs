//! Joins the server's rules to what carries its messages, as one [`Engine`] for the I/O loop.
//!
//! In: a core and a transport. Out: the calls of the loop, passed to the one with the other.

use std::time::{Duration, Instant};

use super::core::{ServerCore, ServerWire};
use super::{ServerCommand, ServerHandler};
use crate::io_loop::Engine;
use crate::waker::Waker;

/// What carries the messages, as the loop sees it.
pub(crate) trait ServerTransport: ServerWire {
    /// Hands a burst of what has come to the core, stopping when it is stalled. `true` if there was anything.
    fn read<H: ServerHandler>(&mut self, core: &mut ServerCore<H>, now: Instant) -> bool;
    /// Sleeps until woken, until something has come (if `reading`), or until the time has passed.
    fn sleep(&mut self, waker: &Waker, reading: bool, time_max: Duration);
}

/// The joined pair.
pub(crate) struct ServerEngine<H, T> {
    pub(crate) core: ServerCore<H>,
    pub(crate) transport: T,
}

impl<H: ServerHandler, T: ServerTransport> Engine for ServerEngine<H, T> {
    type Command = ServerCommand;

    fn is_stalled(&self) -> bool {
        self.core.is_stalled()
    }

    fn retry_stalled(&mut self, now: Instant) {
        self.core.retry_stalled(now);
    }

    fn read(&mut self, now: Instant) -> bool {
        self.transport.read(&mut self.core, now)
    }

    fn takes_commands(&self) -> bool {
        true
    }

    fn command(&mut self, _now: Instant, command: ServerCommand) {
        self.core.command(&mut self.transport, command);
    }

    fn tick(&mut self, now: Instant) -> Instant {
        self.core.tick(&mut self.transport, now)
    }

    fn sleep(&mut self, waker: &Waker, reading: bool, time_max: Duration) {
        self.transport.sleep(waker, reading, time_max);
    }

    fn stop(&mut self, _now: Instant) {
        self.core.stop(&mut self.transport);
    }

    fn is_finished(&self) -> bool {
        self.core.is_finished()
    }
}
