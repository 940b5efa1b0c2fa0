//! What happens to a session, in the order in which its user sees it.
//!
//! In: effects of committed stretches. Out: [`SessionEvent`]s, and their stored form.

use wincode::{SchemaRead, SchemaWrite};

use crate::error::RowError;
use crate::rows;

/// One thing that happens to a session. Tags of the stored form are one byte, as numbered here.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum SessionEvent {
    /// A line to show.
    #[wincode(tag = 0)]
    Text {
        /// The line, without its end.
        line: String,
        /// Whether it is ended by a new line.
        newline: bool,
        /// Whether this line is dropped, rather than older ones, when a slow client's queue is full.
        no_flush: bool,
    },
    /// Bytes to write as they are.
    #[wincode(tag = 1)]
    Binary(Vec<u8>),
    /// The user's line of this number is taken and its effects are durable.
    #[wincode(tag = 2)]
    LineDone(u64),
    /// An option that the host carries out has changed.
    #[wincode(tag = 3)]
    Option(HostOption),
    /// The session has ended; nothing follows.
    #[wincode(tag = 4)]
    Close,
    /// The session is now this player's.
    #[wincode(tag = 5)]
    LoggedIn(i64),
    /// The session is no player's any more.
    #[wincode(tag = 6)]
    LoggedOut,
}

impl SessionEvent {
    /// A line of ordinary output.
    pub fn text(line: impl Into<String>) -> Self {
        Self::Text {
            line: line.into(),
            newline: true,
            no_flush: false,
        }
    }

    /// Bytes of output that it stands for, as `buffered_output_length()` counts them.
    pub(crate) fn output_bytes(&self) -> usize {
        match self {
            Self::Text { line, newline, .. } => line.len() + if *newline { 2 } else { 0 },
            Self::Binary(bytes) => bytes.len(),
            Self::LineDone(_)
            | Self::Option(_)
            | Self::Close
            | Self::LoggedIn(_)
            | Self::LoggedOut => 0,
        }
    }
}

/// An option that the host of a connection carries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum HostOption {
    /// Whether the user's client shows what is typed.
    #[wincode(tag = 0)]
    ClientEcho(bool),
    /// Whether input comes as raw bytes instead of as lines.
    #[wincode(tag = 1)]
    Binary(bool),
    /// TCP keep-alive; `None` switches it off.
    #[wincode(tag = 2)]
    KeepAlive(Option<KeepAlive>),
    /// Bytes of output that may wait for a slow client.
    #[wincode(tag = 3)]
    MaxQueuedOutput(u32),
}

/// The times of TCP keep-alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct KeepAlive {
    /// Seconds of silence before the first probe.
    pub idle_s: u32,
    /// Seconds between probes.
    pub interval_s: u32,
    /// Unanswered probes after which the connection counts as lost.
    pub count: u32,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            idle_s: 300,
            interval_s: 120,
            count: 5,
        }
    }
}

/// The stored form of consecutive events.
pub(crate) fn encode_events(events: &[SessionEvent]) -> Result<Vec<u8>, RowError> {
    rows::encode(events, "events")
}

/// The events of a stored row.
///
/// # Errors
/// [`RowError::Malformed`] when the bytes are not such a row.
pub(crate) fn decode_events(bytes: &[u8]) -> Result<Vec<SessionEvent>, RowError> {
    rows::decode(bytes, "events")
}
