//! Whom a message came from, as its connection proves it: what the kernel and the handler of authentication
//! say, never what the peer claims.
//!
//! In: the properties that libzmq keeps for a connection. Out: an [`Origin`]. Knows no registry.

use std::net::IpAddr;

use uuid::Uuid;

use crate::zmq::Message;

/// Whom a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A connection that needs no key: a Unix socket, or loopback in tests.
    Open,
    /// A connection whose key was judged: the user id that it got, the UUID of its enrollment.
    Enrolled(Uuid),
    /// Neither: properties that do not fit together.
    Unclear,
}

impl Origin {
    /// Reads the origin of a message on a socket that has encrypted endpoints.
    ///
    /// Over CURVE the handler always gives a user id, and it wins over the peer's claim of one. Over a Unix
    /// socket there is none, unless the peer claims it; the kernel's word for such a connection is no
    /// network address. So an open origin needs both: no user id, no network address.
    pub(crate) fn of(message: &Message) -> Self {
        let user = message.property(c"User-Id");
        let network = message
            .property(c"Peer-Address")
            .is_some_and(|address| address.parse::<IpAddr>().is_ok());
        match (user, network) {
            (None, false) => Self::Open,
            (Some(user), true) => Uuid::try_parse(user).map_or(Self::Unclear, Self::Enrolled),
            (None, true) | (Some(_), false) => Self::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_no_connection_is_open() {
        assert_eq!(Origin::of(&Message::new()), Origin::Open);
    }
}
