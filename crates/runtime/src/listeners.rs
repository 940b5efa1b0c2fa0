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

/// What a host is to do about its listeners.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct HostWishes {
    /// Places to close; first, since their numbers may be given again.
    pub(crate) close: Vec<ListenerId>,
    /// Places to open.
    pub(crate) open: Vec<Listener>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    all: Mutex<Vec<Listener>>,
}

impl Listeners {
    /// What a host listens at, as reported at attach. Answers what it is to do about it: places
    /// that programs asked for while it was away are opened, those that they asked a daemon for
    /// that is no more are closed (as in LambdaMOO, `#0:server_started` opens them again).
    pub(crate) fn report(&self, host: HostId, reported: &[Listener]) -> HostWishes {
        let mut all = self.all.lock();
        all.retain(|known| {
            let own = known.host == Some(host) && known.id == ListenerId::MAIN;
            !own || reported.iter().any(|listener| listener.id == known.id)
        });
        let mut wishes = HostWishes::default();
        for listener in reported {
            if !take_up(&mut all, host, listener) {
                wishes.close.push(listener.id);
            }
        }
        for known in all.iter_mut() {
            let concerned = known.host.is_none_or(|other| other == host);
            let open = known.host == Some(host) && reported.iter().any(|one| one.id == known.id);
            if concerned && !open {
                known.host = Some(host);
                wishes.open.push(known.clone());
            }
        }
        wishes
    }

    /// A host that could listen.
    pub(crate) fn any_host(&self) -> Option<HostId> {
        self.all.lock().iter().find_map(|known| known.host)
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

/// Notes a place that a host listens at; false when nobody wants it.
fn take_up(all: &mut Vec<Listener>, host: HostId, reported: &Listener) -> bool {
    let known = all.iter().position(|known| {
        (known.host == Some(host) && known.id == reported.id)
            || (known.host.is_none() && known.port == reported.port)
    });
    let Some(at) = known else {
        let own = reported.id == ListenerId::MAIN;
        if own {
            all.push(reported.clone());
        }
        return own;
    };
    // The number that the host gave it holds; one that still waits for a host yields.
    let highest = all.iter().map(|known| known.id.0).max().unwrap_or(0);
    let fresh = ListenerId(highest.max(reported.id.0).saturating_add(1));
    for (other, known) in all.iter_mut().enumerate() {
        if other != at && known.host.is_none() && known.id == reported.id {
            known.id = fresh;
        }
    }
    let known = &mut all[at];
    known.host = Some(host);
    known.id = reported.id;
    known.address.clone_from(&reported.address);
    known.port = reported.port;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: HostId = HostId([1; 16]);

    fn listener(id: u32, host: Option<HostId>, handler: i64, port: u16) -> Listener {
        Listener {
            id: ListenerId(id),
            host,
            handler: ObjId(handler),
            address: "127.0.0.1".to_owned(),
            port,
            print_messages: true,
            tls: false,
            ipv6: false,
        }
    }

    fn reported(id: u32, port: u16) -> Listener {
        listener(id, Some(HOST), 0, port)
    }

    #[test]
    fn a_place_asked_for_before_any_host_came_is_opened_when_one_comes() {
        let listeners = Listeners::default();
        listeners.add(listener(1, None, 9, 7777));
        let wishes = listeners.report(HOST, &[reported(0, 8888)]);
        assert_eq!(wishes.open, [listener(1, Some(HOST), 9, 7777)]);
        assert!(wishes.close.is_empty());
        let again = listeners.report(HOST, &[reported(0, 8888), reported(1, 7777)]);
        assert_eq!(again, HostWishes::default());
        assert_eq!(
            listeners.find(HOST, ListenerId(1)).unwrap().handler,
            ObjId(9)
        );
    }

    #[test]
    fn a_host_that_starts_anew_is_asked_again() {
        let listeners = Listeners::default();
        listeners.report(HOST, &[reported(0, 8888)]);
        listeners.add(listener(1, Some(HOST), 9, 7777));
        let wishes = listeners.report(HOST, &[reported(0, 8888)]);
        assert_eq!(wishes.open, [listener(1, Some(HOST), 9, 7777)]);
    }

    #[test]
    fn what_a_former_daemon_asked_for_is_taken_up_with_its_new_handler_or_closed() {
        let listeners = Listeners::default();
        listeners.add(listener(1, None, 9, 7777));
        listeners.add(listener(2, None, 8, 5555));
        let wishes = listeners.report(
            HOST,
            &[reported(0, 8888), reported(1, 6666), reported(2, 7777)],
        );
        assert_eq!(wishes.close, [ListenerId(1)]);
        assert_eq!(wishes.open.len(), 1, "{wishes:?}");
        assert_eq!(wishes.open[0].port, 5555);
        assert_ne!(wishes.open[0].id, ListenerId(2));
        assert_eq!(
            listeners.find(HOST, ListenerId(2)).unwrap().handler,
            ObjId(9)
        );
    }
}
