//! Names of the things that messages speak of: requests, sessions, listeners, lines, events, users.
//!
//! In: bare numbers at the edge of a program. Out: types that cannot be mixed up. It does not know how
//! ids are made unique; the host that makes one does.

use std::fmt;

use wincode::{SchemaRead, SchemaWrite};

/// A host's number for one request, echoed in its [`Reply`](crate::Reply). Unique among the requests
/// that the host still waits for; a host counts up from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, SchemaRead, SchemaWrite)]
pub struct RequestId(pub u64);

/// One user's connection, for as long as the user's socket is open: 128 random bits made by the host.
/// It outlives restarts of the daemon.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, SchemaRead, SchemaWrite)]
pub struct SessionId(pub [u8; 16]);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// A place where a host accepts users, numbered by whoever asked for it: [`ListenerId::MAIN`] and [`ListenerId::TLS`] are
/// the host's own, from its command line; the daemon numbers those that it asks for from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, SchemaRead, SchemaWrite)]
pub struct ListenerId(pub u32);

impl ListenerId {
    /// The listener of the host's own command line.
    pub const MAIN: Self = Self(0);
    /// The one for users who speak TLS, of the same command line.
    pub const TLS: Self = Self(u32::MAX);

    /// Whether it is of the host's own command line.
    #[must_use]
    pub fn is_own(self) -> bool {
        self == Self::MAIN || self == Self::TLS
    }
}

/// The place of one input line among the lines of its session: 1, 2, 3 and so on, without gaps.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, SchemaRead, SchemaWrite,
)]
pub struct LineNumber(pub u64);

impl LineNumber {
    /// The number of the line after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The place of one event among the events of its session: 1, 2, 3 and so on, without gaps. 0 stands
/// for "none yet".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, SchemaRead, SchemaWrite,
)]
pub struct EventNumber(pub u64);

impl EventNumber {
    /// The number of the event after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Says who its holder is, until it expires: made by the daemon, opaque to everybody else, text without
/// white space that may stand in a URL or a header. A secret: whoever has it is that player.
#[derive(Clone, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct AuthToken(pub String);

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthToken(..)")
    }
}
