//! The connections of one listening socket: how many there are, which have not yet proved to be a peer, and
//! which are to be ended.
//!
//! In: the socket's monitor, what the link learns of a connection. Out: connections that ended. At the bound
//! the oldest that has not said who it is goes first, so that silent connections cannot keep others out; and
//! none stays long without saying it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use moor_zmq_sys as sys;
use rustc_hash::{FxHashMap, FxHashSet};

use super::socket::or_empty;
use crate::bounds::{LAST_WORD_TIME, STRANGER_TIME_MAX};
use crate::zmq::{Monitor, Socket, cut};

/// What a door must hear of.
const EVENTS: i32 = sys::ZMQ_EVENT_ACCEPTED | sys::ZMQ_EVENT_DISCONNECTED;

/// One listening socket's connections, each named by its descriptor.
#[derive(Debug)]
pub(crate) struct Door {
    monitor: Monitor,
    list: List,
    /// To be ended, and when.
    ending: BTreeSet<(Instant, u64)>,
}

impl Door {
    /// Watches a socket that has not been bound yet.
    pub(crate) fn new(
        socket: &Socket,
        name: &str,
        connections_max: usize,
    ) -> std::io::Result<Self> {
        Ok(Self {
            monitor: socket.monitor(name, EVENTS)?,
            list: List::new(connections_max),
            ending: BTreeSet::new(),
        })
    }

    /// What to poll.
    pub(crate) fn socket(&self) -> &Socket {
        self.monitor.socket()
    }

    /// The next connection that ended. Until it answers `None`, newer connections may have the descriptors of
    /// older ones.
    pub(crate) fn next_ended(&mut self, now: Instant) -> Option<u64> {
        while let Some((event, connection)) = or_empty(self.monitor.next()) {
            self.ending.retain(|&(_, ending)| ending != connection);
            if event == sys::ZMQ_EVENT_DISCONNECTED {
                self.list.remove(connection);
                return Some(connection);
            }
            self.ending.insert((now + STRANGER_TIME_MAX, connection));
            if let Some(too_many) = self.list.add(connection) {
                cut(too_many);
            }
        }
        None
    }

    /// A connection has said who it is.
    pub(crate) fn settle(&mut self, connection: u64) {
        self.list.settle(connection);
        self.ending.retain(|&(_, ending)| ending != connection);
    }

    /// Ends a connection when what was sent to it last has had time to arrive.
    pub(crate) fn end(&mut self, now: Instant, connection: u64) {
        let at = now + LAST_WORD_TIME;
        let is_sooner = |&(other, ending): &(Instant, u64)| ending == connection && other <= at;
        if !self.ending.iter().any(is_sooner) {
            self.ending.insert((at, connection));
        }
    }

    /// Ends what is due. Called when [`Door::next_ended`] has answered `None`.
    pub(crate) fn end_due(&mut self, now: Instant) {
        while let Some(&(at, connection)) = self.ending.first()
            && at <= now
        {
            self.ending.pop_first();
            cut(connection);
        }
    }

    /// When something is due next.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.ending.first().map(|&(at, _)| at)
    }
}

/// Connections in the order in which they came, those apart that have settled.
#[derive(Debug)]
struct List {
    connections_max: usize,
    came: u64,
    /// Connections whose end was told before their beginning: two threads of libzmq tell them.
    ended_early: FxHashSet<u64>,
    /// Number of each connection; `None` when it has settled.
    open: FxHashMap<u64, Option<u64>>,
    /// Those that have not settled, by number.
    unsettled: BTreeMap<u64, u64>,
}

impl List {
    fn new(connections_max: usize) -> Self {
        Self {
            connections_max,
            came: 0,
            ended_early: FxHashSet::default(),
            open: FxHashMap::default(),
            unsettled: BTreeMap::new(),
        }
    }

    /// Takes a new connection; one to be ended if there are too many.
    fn add(&mut self, connection: u64) -> Option<u64> {
        if self.ended_early.remove(&connection) {
            return None;
        }
        self.came += 1;
        self.open.insert(connection, Some(self.came));
        self.unsettled.insert(self.came, connection);
        if self.open.len() <= self.connections_max {
            return None;
        }
        // It stays in the list until its end is told.
        self.unsettled.pop_first().map(|(_, oldest)| oldest)
    }

    fn settle(&mut self, connection: u64) {
        if let Some(number) = self.open.get_mut(&connection).and_then(Option::take) {
            self.unsettled.remove(&number);
        }
    }

    fn remove(&mut self, connection: u64) {
        match self.open.remove(&connection) {
            Some(Some(number)) => {
                self.unsettled.remove(&number);
            }
            Some(None) => {}
            None => {
                self.ended_early.insert(connection);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_bound_the_oldest_stranger_goes() {
        let mut list = List::new(3);
        assert_eq!([1, 2, 3].map(|connection| list.add(connection)), [None; 3]);
        list.settle(1);
        assert_eq!(list.add(4), Some(2), "1 came first but has settled");
        for ended in [2, 3] {
            list.remove(ended);
        }
        assert_eq!(list.add(5), None, "there was room again");
        assert_eq!(list.add(6), Some(4));
        list.remove(4);
        for connection in [5, 6] {
            list.settle(connection);
        }
        assert_eq!(list.add(7), Some(7), "all others have settled");
    }

    #[test]
    fn a_descriptor_used_again_is_a_new_connection() {
        let mut list = List::new(1);
        list.add(1);
        list.settle(1);
        list.remove(1);
        assert_eq!(list.add(1), None);
        assert_eq!(list.add(2), Some(1), "it has not settled anew");
    }

    #[test]
    fn an_end_that_is_told_before_the_beginning_leaves_nothing() {
        let mut list = List::new(1);
        list.remove(1);
        assert_eq!(list.add(1), None);
        assert_eq!(list.add(2), None, "there is room");
        assert_eq!(list.add(1), Some(2));
    }
}
