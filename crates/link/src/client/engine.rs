//! Joins the client's rules to what carries its messages, as one [`Engine`] for the I/O loop.
//!
//! In: a core and a transport. Out: the calls of the loop, passed to the one with the other.

use std::time::Instant;

use super::core::{ClientCore, ClientWire};
use super::{ClientCommand, ClientHandler};
use crate::io_loop::Engine;
use crate::signal::Sources;

/// What carries the messages, as the loop sees it.
pub(crate) trait ClientTransport: ClientWire {
    /// Hands a burst of what has come to the core, stopping when it is stalled. `true` if there was anything.
    fn read<H: ClientHandler>(&mut self, core: &mut ClientCore<H>, now: Instant) -> bool;
    /// Says what to sleep on. `false` if something has come that was not read.
    fn gather(&mut self, sources: &mut Sources) -> bool;
    /// Whether something can be read that nothing tells of: what commands are sent with has been used since [`Self::gather`].
    fn has_input(&mut self) -> bool;
}

/// The joined pair.
pub(crate) struct ClientEngine<H, T> {
    pub(crate) core: ClientCore<H>,
    pub(crate) transport: T,
}

impl<H: ClientHandler, T: ClientTransport + Send + 'static> Engine for ClientEngine<H, T> {
    type Command = ClientCommand;

    fn is_stalled(&self) -> bool {
        self.core.is_stalled()
    }

    fn retry_stalled(&mut self, now: Instant) {
        self.core.retry_stalled(now);
    }

    fn defer(&mut self, deferred: bool) {
        self.core.defer(deferred);
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

    fn gather(&mut self, sources: &mut Sources) -> bool {
        self.transport.gather(sources)
    }

    fn has_news(&mut self) -> bool {
        self.core.has_news() || self.transport.has_input()
    }

    fn stop(&mut self, now: Instant) {
        self.core.stop(&mut self.transport, now);
    }

    fn is_finished(&self) -> bool {
        self.core.is_finished()
    }
}
