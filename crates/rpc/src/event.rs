//! What the daemon tells a host unasked.
//!
//! In: what tasks printed and asked of connections. Out: numbered events of sessions, in batches, and
//! notices to the whole host. It does not know how output is shown: ends of lines, escapes, and
//! buffering are the host's.

use wincode::{SchemaRead, SchemaWrite};

use crate::{ConnectionOption, Dial, EventNumber, LineNumber, ListenerId, ListenerInfo, SessionId};

/// One message on a host's event topic. Tags are one byte, as numbered here.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum HostEvent {
    /// Events of sessions of this host, each session at most once.
    #[wincode(tag = 0)]
    Batch(Vec<SessionEvents>),
    /// Accept users at one more place: `address` may be empty for every address, `port` 0 for any
    /// port. Answered by a [`ListenResult`](crate::ListenResult). A listener that is already open is the same wish
    /// twice.
    #[wincode(tag = 1)]
    Listen(ListenerInfo),
    /// Accept no more users at a place; those who came through it stay. Answered by a
    /// [`ListenResult`](crate::ListenResult).
    #[wincode(tag = 2)]
    Unlisten(ListenerId),
    /// The daemon is stopping and will be back: keep every user.
    #[wincode(tag = 3)]
    Restarting {
        /// Milliseconds for which the host need not try to connect again.
        reconnect_after_ms: u32,
    },
    /// The daemon is stopping for good: say so to every user and close their sockets.
    #[wincode(tag = 4)]
    ShuttingDown {
        /// What to tell the users, one line each.
        message: Vec<String>,
    },
    /// Connect to elsewhere. Answered by an [`OpenSession`](crate::OpenSession) of the session that it names, or by
    /// [`RequestBody::DialFailed`](crate::RequestBody::DialFailed).
    #[wincode(tag = 5)]
    Dial(Dial),
}

/// Events of one session, in order and without gaps.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct SessionEvents {
    /// The session.
    pub session: SessionId,
    /// The number of the first event; each next one has one more.
    pub first: EventNumber,
    /// The events. The host writes all their output to the user's socket at once.
    pub events: Vec<Event>,
}

/// One thing that happens to a session. Tags are one byte, as numbered here.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum Event {
    /// Lines to show.
    #[wincode(tag = 0)]
    Text(Text),
    /// Bytes to write as they are (`notify()` on a connection in binary mode).
    #[wincode(tag = 1)]
    Binary(Vec<u8>),
    /// This line of the user is taken: its first stretch is committed, and its output is in this same
    /// message. The host forgets the line.
    #[wincode(tag = 2)]
    LineDone(LineNumber),
    /// An option changes, for input and output after this point.
    #[wincode(tag = 3)]
    SetOption(ConnectionOption),
    /// The session has ended: the host writes what is queued, closes the socket, and answers with
    /// [`RequestBody::Closed`](crate::RequestBody::Closed). Nothing follows.
    #[wincode(tag = 4)]
    Close,
    /// The session is now this player's: after a log-in, or a switch to another player.
    #[wincode(tag = 5)]
    LoggedIn {
        /// The player's object number.
        player: i64,
    },
    /// The session is no player's any more; [`Event::Close`] usually follows.
    #[wincode(tag = 6)]
    LoggedOut,
}

/// Lines of output that share their flags.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Text {
    /// The lines, without their ends.
    pub lines: Vec<String>,
    /// Whether each line is ended by a new line (`notify()` without `no_newline`).
    pub newline: bool,
    /// Whether these lines are dropped, rather than older ones, when they do not fit the queue of a
    /// slow client (`notify()` with `no_flush`).
    pub no_flush: bool,
}

impl Text {
    /// Lines that are each ended by a new line and push out older output when the queue is full.
    #[must_use]
    pub fn lines(lines: Vec<String>) -> Self {
        Self {
            lines,
            newline: true,
            no_flush: false,
        }
    }
}
