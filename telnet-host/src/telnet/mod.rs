//! The telnet protocol, as pure state machines.
//!
//! In: bytes as a socket gave them, in chunks of any size. Out: lines of input, protocol commands, and
//! the bytes to answer. It knows nothing of sockets, sessions, or the daemon.

mod binary;
mod decoder;
mod editor;
mod negotiation;

pub use decoder::{Decoder, Input, SUBNEGOTIATION_BYTES_MAX};
pub use editor::LINE_BYTES_MAX;
pub use negotiation::OptionCommand;

/// "Interpret as command": the byte that begins every telnet command (RFC 854).
pub const IAC: u8 = 255;
