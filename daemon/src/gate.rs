//! The link's ear before there is a world to hear for.
//!
//! In: events of the link from the moment its sockets are bound; later, once, the bridge. Out: events
//! for the bridge. Until it comes, hosts are admitted and what they say waits at the link. So an
//! address that is in use is noticed before a data directory is made or a large world is loaded.

use crossbeam_channel::{Receiver, Sender, bounded};
use moor_link::{ServerEvent, ServerHandler};

use crate::bridge::Bridge;

/// The ear.
pub(crate) struct Gate {
    arriving: Receiver<Bridge>,
    bridge: Option<Bridge>,
}

/// Opens the gate.
pub(crate) struct Opener(Sender<Bridge>);

impl Gate {
    /// A closed gate, and what opens it.
    pub(crate) fn new() -> (Self, Opener) {
        let (sender, arriving) = bounded(1);
        let gate = Self {
            arriving,
            bridge: None,
        };
        (gate, Opener(sender))
    }
}

impl Opener {
    /// Lets the bridge hear from now on.
    pub(crate) fn open(self, bridge: Bridge) {
        // Without a gate there is no link, and nothing to hear.
        let _ = self.0.send(bridge);
    }
}

impl ServerHandler for Gate {
    fn event(&mut self, event: ServerEvent) -> Result<(), ServerEvent> {
        if self.bridge.is_none() {
            self.bridge = self.arriving.try_recv().ok();
        }
        match &mut self.bridge {
            Some(bridge) => bridge.event(event),
            None => Err(event),
        }
    }
}
