//! The options of a connection that its host carries out.
//!
//! In: what `set_connection_option()` asked for. Out: one typed change. Options that the daemon alone
//! acts on (`hold-input`, `disable-oob`, `flush-command`, `intrinsic-commands`) are not here: a host
//! never hears of them.

use wincode::{SchemaRead, SchemaWrite};

/// One option of one connection with its new value. Tags are one byte, as numbered here.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum ConnectionOption {
    /// Whether the user's client shows what is typed (telnet: false is IAC WILL ECHO, true IAC WONT ECHO).
    #[wincode(tag = 0)]
    ClientEcho(bool),
    /// Whether input comes as raw bytes, one binary string for each chunk, instead of as lines.
    #[wincode(tag = 1)]
    Binary(bool),
    /// TCP keep-alive; `None` switches it off.
    #[wincode(tag = 2)]
    KeepAlive(Option<KeepAlive>),
    /// How many bytes of output wait for a slow client before the oldest are dropped.
    #[wincode(tag = 3)]
    MaxQueuedOutput(u32),
}

/// The times of TCP keep-alive on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct KeepAlive {
    /// Seconds of silence before the first probe.
    pub idle_s: u32,
    /// Seconds between probes.
    pub interval_s: u32,
    /// Unanswered probes after which the connection counts as lost.
    pub count: u32,
}
