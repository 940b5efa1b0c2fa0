//! Joins the client's rules to what carries its messages, as one [`Engine`] for the I/O loop.
//!
//! In: a core and a transport. Out: the calls of the loop, passed to the one with the other.

use std::time::{Duration, Instant};

use super::core::{ClientCore, ClientWire};
use super::{ClientCommand, ClientHandler};
use crate::io_loop::Engine;
use crate::waker::Waker;

/// What carries the messages, as the loop sees it.
pub(crate) trait ClientTransport: ClientWire {
    /// Hands a burst of what has come to the core, stopping when it is stalled. `true` if there was anything.
    fn read<H: ClientHandler>(&mut self, core: &mut ClientCore<H>, now: Instant) -> bool;
    /// Sleeps until woken, until something has come (if `reading`), or until the time has passed.
    fn sleep(&mut self, waker: &Waker, reading: bool, time_max: Duration);
}

/// The joined pair.
pub(crate) struct ClientEngine<H, T> {
    pub(crate) core: ClientCore<H>,
    pub(crate) transport: T,
}

impl<H: ClientHandler, T: ClientTransport> Engine for ClientEngine<H, T> {
    type Command = ClientCommand;

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
        self.core.takes_commands()
    }

    fn command(&mut self, now: Instant, command: ClientCommand) {
        self.core.command(&mut self.transport, now, command);
    }

    fn tick(&mut self, now: Instant) -> Instant {
        self.core.tick(&mut self.transport, now)
    }

    fn sleep(&mut self, waker: &Waker, reading: bool, time_max: Duration) {
        self.transport.sleep(waker, reading, time_max);
    }

    fn stop(&mut self, now: Instant) {
        self.core.stop(&mut self.transport, now);
    }

    fn is_finished(&self) -> bool {
        self.core.is_finished()
    }
}
