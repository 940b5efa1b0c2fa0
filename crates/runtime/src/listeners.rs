//! Places where hosts accept users, as `listen()`, `unlisten()` and `listeners()` know them.
//!
//! In: what hosts report at attach, what programs ask for, what became of it. Out: which object handles the users
//! of a place, and which task waits for it. It does not know how a host listens.

use std::time::Duration;

use moor_value::ObjId;
use parking_lot::Mutex;

use crate::ids::{HostId, TaskId};
use crate::session::ListenerId;

/// How long `listen()` waits for its host's word; then it answers the port that it was asked for.
pub(crate) const LISTEN_WAIT: Duration = Duration::from_secs(5);

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
    /// The certificate that users are shown; none where they do not speak TLS.
    pub tls: Option<ListenerTls>,
    /// Whether it accepts users through IPv6.
    pub ipv6: bool,
    /// Whether its host opens further places, and connections, for programs.
    pub serves_programs: bool,
}

/// Which certificate a place shows: names of files of its host, empty for the host's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerTls {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// What a host is to do about its listeners.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct HostWishes {
    /// Places to close; first, since their numbers may be given again.
    pub(crate) close: Vec<ListenerId>,
    /// Places to open.
    pub(crate) open: Vec<Listener>,
}

/// A task in `listen()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiter {
    /// The task.
    pub(crate) task: TaskId,
    /// Until when it waits: time since 1970. If it waits for another moment, it is not for this.
    pub(crate) until: Duration,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    all: Mutex<Vec<Listener>>,
    /// Who waits for which of them. Never locked together with `all`.
    waiters: Mutex<Vec<(ListenerId, Waiter)>>,
}

impl Listeners {
    /// What a host listens at, as reported at attach. Answers what it is to do about it: places
    /// that programs asked for while it was away are opened, those that they asked a daemon for
    /// that is no more are closed (as in LambdaMOO, `#0:server_started` opens them again).
    pub(crate) fn report(&self, host: HostId, reported: &[Listener]) -> HostWishes {
        let mut all = self.all.lock();
        all.retain(|known| {
            let own = known.host == Some(host) && known.id.is_own();
            !own || reported.iter().any(|listener| listener.id == known.id)
        });
        let mut wishes = HostWishes::default();
        for listener in reported {
            if !take_up(&mut all, host, listener) {
                wishes.close.push(listener.id);
            }
        }
        let serves_programs = reported.iter().any(|listener| listener.serves_programs);
        for known in all.iter_mut().filter(|_| serves_programs) {
            let concerned = known.host.is_none_or(|other| other == host);
            let open = known.host == Some(host) && reported.iter().any(|one| one.id == known.id);
            if concerned && !open {
                known.host = Some(host);
                wishes.open.push(known.clone());
            }
        }
        wishes
    }

    /// A host that opens places and connections for programs.
    pub(crate) fn willing_host(&self) -> Option<HostId> {
        let all = self.all.lock();
        let mut willing = all.iter().filter(|known| known.serves_programs);
        willing.find_map(|known| known.host)
    }

    /// Adds a listener that a program asked for, under a number that no other has: it is answered.
    pub(crate) fn add(&self, mut listener: Listener) -> Listener {
        let mut all = self.all.lock();
        listener.id = ListenerId(highest(&all).saturating_add(1));
        all.push(listener.clone());
        listener
    }

    /// Notes who waits for a place.
    pub(crate) fn wait(&self, id: ListenerId, waiter: Waiter) {
        self.waiters.lock().push((id, waiter));
    }

    /// Who waited for a place; nobody does any more.
    pub(crate) fn waiter(&self, id: ListenerId) -> Option<Waiter> {
        let mut waiters = self.waiters.lock();
        let at = waiters.iter().position(|(known, _)| *known == id)?;
        Some(waiters.swap_remove(at).1)
    }

    /// A host listens at a place that it was asked for: where, if the port was left to it.
    pub(crate) fn opened(&self, host: HostId, id: ListenerId, address: &str, port: u16) {
        let mut all = self.all.lock();
        let mut known = all.iter_mut();
        if let Some(known) = known.find(|known| known.host == Some(host) && known.id == id) {
            known.address = address.to_owned();
            known.port = port;
        }
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
}

/// The highest number of a place that was asked for.
fn highest(all: &[Listener]) -> u32 {
    let asked = all.iter().filter(|known| !known.id.is_own());
    asked.map(|known| known.id.0).max().unwrap_or(0)
}

/// Notes a place that a host listens at; false when nobody wants it.
fn take_up(all: &mut Vec<Listener>, host: HostId, reported: &Listener) -> bool {
    let known = all.iter().position(|known| {
        (known.host == Some(host) && known.id == reported.id)
            || (known.host.is_none() && known.port == reported.port && known.tls == reported.tls)
    });
    let Some(at) = known else {
        let own = reported.id.is_own();
        if own {
            all.push(reported.clone());
        }
        return own;
    };
    // The number that the host gave it holds; one that still waits for a host yields.
    let fresh = ListenerId(highest(all).max(reported.id.0).saturating_add(1));
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
            tls: None,
            ipv6: false,
            serves_programs: true,
        }
    }

    fn reported(id: u32, port: u16) -> Listener {
        listener(id, Some(HOST), 0, port)
    }

    #[test]
    fn the_places_of_a_hosts_own_command_line_are_taken_up_and_leave_numbers_free() {
        let listeners = Listeners::default();
        let encrypted = Listener {
            tls: Some(ListenerTls::default()),
            ..reported(ListenerId::TLS.0, 9999)
        };
        let wishes = listeners.report(HOST, &[reported(0, 8888), encrypted]);
        assert_eq!(wishes, HostWishes::default());
        let added = listeners.add(listener(0, Some(HOST), 9, 7777));
        assert_eq!(added.id, ListenerId(1));
    }

    #[test]
    fn a_place_that_is_to_be_encrypted_is_opened_anew() {
        let listeners = Listeners::default();
        listeners.add(Listener {
            tls: Some(ListenerTls::default()),
            ..listener(0, None, 9, 7777)
        });
        let wishes = listeners.report(HOST, &[reported(0, 8888), reported(1, 7777)]);
        assert_eq!(wishes.close, [ListenerId(1)]);
        assert_eq!(wishes.open.len(), 1, "{wishes:?}");
    }

    #[test]
    fn a_place_asked_for_before_any_host_came_is_opened_when_one_comes() {
        let listeners = Listeners::default();
        listeners.add(listener(0, None, 9, 7777));
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
    fn a_host_that_serves_users_alone_is_asked_for_nothing() {
        let listeners = Listeners::default();
        listeners.add(listener(0, None, 9, 7777));
        let own = Listener {
            serves_programs: false,
            ..reported(0, 8081)
        };
        assert_eq!(listeners.report(HOST, &[own]), HostWishes::default());
        assert_eq!(listeners.willing_host(), None);
    }

    #[test]
    fn a_port_that_was_left_to_the_host_is_known_once_it_says_so() {
        let listeners = Listeners::default();
        let added = listeners.add(listener(0, Some(HOST), 9, 0));
        listeners.opened(HOST, added.id, "127.0.0.1", 4711);
        assert_eq!(listeners.find(HOST, added.id).unwrap().port, 4711);
    }

    #[test]
    fn a_waiter_is_handed_out_once() {
        let listeners = Listeners::default();
        let waiter = Waiter {
            task: TaskId(1),
            until: LISTEN_WAIT,
        };
        listeners.wait(ListenerId(3), waiter);
        assert_eq!(listeners.waiter(ListenerId(2)), None);
        assert_eq!(listeners.waiter(ListenerId(3)), Some(waiter));
        assert_eq!(listeners.waiter(ListenerId(3)), None);
    }

    #[test]
    fn a_host_that_starts_anew_is_asked_again() {
        let listeners = Listeners::default();
        listeners.report(HOST, &[reported(0, 8888)]);
        listeners.add(listener(0, Some(HOST), 9, 7777));
        let wishes = listeners.report(HOST, &[reported(0, 8888)]);
        assert_eq!(wishes.open, [listener(1, Some(HOST), 9, 7777)]);
    }

    #[test]
    fn what_a_former_daemon_asked_for_is_taken_up_with_its_new_handler_or_closed() {
        let listeners = Listeners::default();
        listeners.add(listener(0, None, 9, 7777));
        listeners.add(listener(0, None, 8, 5555));
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
