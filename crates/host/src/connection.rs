//! What the hub needs of one user's connection, and of the places where users arrive.
//!
//! In: nothing. Out: the traits [`Connection`] and [`Listeners`], which each host implements for its own kind of
//! socket. Nothing here waits: the hub calls from its one task.

use moor_rpc::{
    Acknowledgement, CloseReason, ConnectionOption, Dial, DialError, EventNumber, LineNumber,
    ListenResult, ListenerId, ListenerInfo, SessionEvents, SessionId,
};

use crate::{Course, Requests};

/// One user's connection as the hub sees it. Whoever implements it writes output, where there is some, at once.
pub trait Connection: Send + Sync + 'static {
    /// The session's id.
    fn id(&self) -> SessionId;

    /// Whether no user is there any more.
    fn is_closed(&self) -> bool;

    /// Looks at the session's course, or changes it.
    fn course<R>(&self, look: impl FnOnce(&mut Course) -> R) -> R;

    /// Applies events of the daemon. Those that were applied before are skipped.
    fn apply(&self, events: SessionEvents) -> Progress;

    /// Hears how the daemon stands to the session.
    fn hear(&self, news: DaemonNews<'_>);

    /// Tells the user a line of the host's, or of the daemon's last words. Whoever was called by a program is no user
    /// and is told nothing.
    fn tell(&self, notice: &str);

    /// Ends the session from this side: what is queued is written, then the connection closes.
    fn close(&self, reason: CloseReason);

    /// Sends the lines that wait, as far as the uplink takes them. False when it is full.
    fn send_lines(&self, requests: &Requests) -> bool;

    /// The acknowledgement that the daemon has not had, if any.
    fn acknowledge(&self) -> Option<Acknowledgement>;

    /// Why the connection is closed, once everything that the user typed is on its way or does not matter any more.
    fn last_word(&self) -> Option<CloseReason>;
}

/// The options that every connection starts with: `queued_bytes_max` of output may wait for its user.
#[must_use]
pub fn initial_options(queued_bytes_max: u32) -> Vec<ConnectionOption> {
    vec![
        ConnectionOption::ClientEcho(true),
        ConnectionOption::Binary(false),
        ConnectionOption::KeepAlive(None),
        ConnectionOption::MaxQueuedOutput(queued_bytes_max),
    ]
}

/// How the daemon stands to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DaemonNews<'a> {
    /// The daemon is away. The user is told once; lines wait.
    Away,
    /// The daemon confirmed a new session.
    Opened,
    /// The daemon is back and says how far it is.
    Attached {
        /// Every line up to this one is done.
        lines_done: LineNumber,
        /// Lines beyond it that are done.
        lines_done_early: &'a [LineNumber],
        /// The last event that it made for the session.
        last_event: EventNumber,
    },
}

/// What came of a batch of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All events up to the batch's last have been applied.
    Applied,
    /// Events before the batch are missing, from this one on. Nothing was applied.
    Missing(EventNumber),
}

/// The places where a host's users arrive, and the connections that it makes.
pub trait Listeners: Send + 'static {
    /// Where users arrive, in the order of the ids.
    fn infos(&self) -> Vec<ListenerInfo>;

    /// Opens what the daemon asks for. A listener that is open already stays as it is.
    fn open(&mut self, wanted: &ListenerInfo) -> ListenResult;

    /// Closes what the daemon asked for. The host's own stays open as long as the host.
    fn close(&mut self, id: ListenerId) -> ListenResult;

    /// Begins to connect to elsewhere. What comes of it is told as
    /// [`FromConnection::Accepted`](crate::FromConnection::Accepted) or
    /// [`FromConnection::NotConnected`](crate::FromConnection::NotConnected).
    ///
    /// # Errors
    /// Why it is not even begun: this host makes no connections, or has no room.
    fn dial(&mut self, _wanted: Dial) -> Result<(), DialError> {
        let why = "this host makes no connections".to_owned();
        Err(DialError::NotAllowed { why })
    }

    /// Accepts nobody any more.
    fn close_all(&mut self);
}
