//! Places where hosts accept users, as `listen()`, `unlisten()` and `listeners()` know them.
//!
//! In: what hosts report at attach, what programs ask for. Out: which object handles the users of
//! a place. It does not know how a host listens.

use moor_value::ObjId;
use parking_lot::Mutex;

use crate::ids::HostId;
use crate::session::ListenerId;

/// One place where users are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its number, unique within its host: 0 is the host's own.
    pub id: ListenerId,
    /// The host; `None` while no host has taken it up.
    pub host: Option<HostId>,
    /// The object whose verbs handle its users.
    pub handler: ObjId,
    /// The address it is bound to; empty for all.
    pub address: String,
    /// The port.
    pub port: u16,
    /// Whether users see the server's own messages.
    pub print_messages: bool,
    /// Whether users must speak TLS there.
    pub tls: bool,
    /// Whether it accepts users through IPv6.
    pub ipv6: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    all: Mutex<Vec<Listener>>,
}

impl Listeners {
    /// A host's own listeners, as reported at attach. Those that a program asked for keep their
    /// handler.
    pub(crate) fn report(&self, host: HostId, reported: &[Listener]) {
        let mut all = self.all.lock();
        all.retain(|known| {
            known.host != Some(host) || reported.iter().any(|listener| listener.id == known.id)
        });
        for listener in reported {
            let known = all
                .iter_mut()
                .find(|known| known.host == Some(host) && known.id == listener.id);
            match known {
                Some(known) => {
                    known.address.clone_from(&listener.address);
                    known.port = listener.port;
                }
                None => all.push(listener.clone()),
            }
        }
    }

    /// Adds a listener that a program asked for.
    pub(crate) fn add(&self, listener: Listener) {
        let mut all = self.all.lock();
        all.retain(|known| known.host != listener.host || known.id != listener.id);
        all.push(listener);
    }

    /// Removes a listener.
    pub(crate) fn remove(&self, host: Option<HostId>, id: ListenerId) {
        self.all
            .lock()
            .retain(|known| known.host != host || known.id != id);
    }

    /// The listener of a host.
    pub(crate) fn find(&self, host: HostId, id: ListenerId) -> Option<Listener> {
        let all = self.all.lock();
        all.iter()
            .find(|known| known.host == Some(host) && known.id == id)
            .cloned()
    }

    /// All listeners, in the order in which they came.
    pub(crate) fn list(&self) -> Vec<Listener> {
        self.all.lock().clone()
    }

    /// A number that no listener of a program has.
    pub(crate) fn next_id(&self) -> ListenerId {
        let all = self.all.lock();
        let highest = all.iter().map(|known| known.id.0).max().unwrap_or(0);
        ListenerId(highest.saturating_add(1))
    }
}
