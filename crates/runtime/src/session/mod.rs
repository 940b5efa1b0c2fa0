//! Sessions: users' connections as the world sees them.
//!
//! In: lines, closings and acknowledgements that hosts report; output and changes that committed
//! stretches ask for. Out: the next line to run, and numbered events for the host. A session
//! outlives restarts of the daemon: its [`SessionRecord`] and its events that no host has
//! acknowledged are rows of the store. This module knows nothing of sockets or messages.

mod event;
mod input;
mod outbox;
mod record;
mod state;
mod table;

pub use event::{HostOption, KeepAlive, SessionEvent};
pub(crate) use event::{decode_events, encode_events};
pub(crate) use input::{FORCED_BYTES_MAX, FORCED_LINES_MAX, InputQueue, Taken};
pub use input::{InputLine, LineKind};
pub(crate) use outbox::{Outbox, Reattached, Renumbered, UNKNOWN};
pub use record::ListenerId;
pub(crate) use record::{Ends, IntrinsicCommand, Programming, SessionRecord, Stage};
pub(crate) use state::{Session, SessionState};
pub(crate) use table::{SESSIONS_MAX, SessionTable};
