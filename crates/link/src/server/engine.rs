//! Joins the server's rules to what carries its messages, as one [`Engine`] for the I/O loop.
//!
//! In: a core and a transport. Out: the calls of the loop, passed to the one with the other.

use std::sync::Arc;
use std::time::Instant;

use super::core::{ServerCore, ServerWire};
use super::{ServerCommand, ServerHandler};
use crate::io_loop::Engine;
use crate::relay::Work;
use crate::signal::Sources;

/// What carries the messages, as the loop sees it.
pub(crate) trait ServerTransport: ServerWire {
    /// Hands a burst of what has come to the core, stopping when it is stalled. `true` if there was anything.
    fn read<H: ServerHandler>(&mut self, core: &mut ServerCore<H>, now: Instant) -> bool;
    /// Says what to sleep on. `false` if something has come that was not read.
    fn gather(&mut self, sources: &mut Sources) -> bool;
    /// Whether something can be read that nothing tells of: what commands are sent with has been used since [`Self::gather`].
    fn has_input(&mut self) -> bool;
    /// When reading has something to do that nothing tells of: a connection is to be ended.
    fn due(&self) -> Option<Instant>;
}

/// The joined pair.
pub(crate) struct ServerEngine<H, T> {
    pub(crate) core: ServerCore<H>,
    pub(crate) transport: T,
}

impl<H: ServerHandler, T: ServerTransport + Send + 'static> Engine for ServerEngine<H, T> {
    type Command = ServerCommand;

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
        true
    }

    fn command(&mut self, _now: Instant, command: ServerCommand) {
        self.core.command(&mut self.transport, command);
    }

    fn tick(&mut self, now: Instant) -> Instant {
        let due = self.core.tick(&mut self.transport, now);
        self.transport.due().map_or(due, |other| other.min(due))
    }

    fn gather(&mut self, sources: &mut Sources) -> bool {
        self.transport.gather(sources)
    }

    fn has_news(&mut self) -> bool {
        self.core.has_news() || self.transport.has_input()
    }

    fn stop(&mut self, _now: Instant) {
        self.core.stop(&mut self.transport);
    }

    fn is_finished(&self) -> bool {
        self.core.is_finished()
    }

    fn may_have_work(&self) -> bool {
        H::MAY_HAVE_WORK
    }

    fn work(&mut self) -> Option<Arc<dyn Work>> {
        self.core.work()
    }
}
