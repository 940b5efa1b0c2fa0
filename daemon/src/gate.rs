//! A link's ear before there is a world to hear for.
//!
//! In: events of the link from the moment its sockets are bound; later, once, the ear proper. Out: events for that ear.
//! Until it comes, peers are admitted and what they say waits at the link. So an address that is in use is noticed
//! before a data directory is made or a large world is loaded.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use moor_link::{PeerIdentity, Refusal, ServerEvent, ServerHandler, Work};

/// Whether a peer may come in: asked before anything else is known of it.
type Admit = fn(&PeerIdentity) -> Result<(), Refusal>;

/// The ear.
pub(crate) struct Gate<E> {
    arriving: Receiver<E>,
    ear: Option<E>,
    admit: Admit,
}

/// Opens the gate.
pub(crate) struct Opener<E>(Sender<E>);

impl<E> Gate<E> {
    /// A closed gate for peers that `admit` lets in, and what opens it.
    pub(crate) fn new(admit: Admit) -> (Self, Opener<E>) {
        let (sender, arriving) = bounded(1);
        let gate = Self {
            arriving,
            ear: None,
            admit,
        };
        (gate, Opener(sender))
    }
}

impl<E> Opener<E> {
    /// Lets the ear hear from now on.
    pub(crate) fn open(self, ear: E) {
        // Without a gate there is no link, and nothing to hear.
        let _ = self.0.send(ear);
    }
}

impl<E: ServerHandler> ServerHandler for Gate<E> {
    fn admit(&mut self, identity: &PeerIdentity) -> Result<(), Refusal> {
        (self.admit)(identity)
    }

    const MAY_HAVE_WORK: bool = E::MAY_HAVE_WORK;

    fn work(&mut self) -> Option<Arc<dyn Work>> {
        self.ear.as_mut()?.work()
    }

    fn event(&mut self, event: ServerEvent) -> Result<(), ServerEvent> {
        if self.ear.is_none() {
            self.ear = self.arriving.try_recv().ok();
        }
        match &mut self.ear {
            Some(ear) => ear.event(event),
            None => Err(event),
        }
    }
}
