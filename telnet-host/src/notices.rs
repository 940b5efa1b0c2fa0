//! What only a telnet host says to users; what every host says is in `moor-host`.
//!
//! Nothing comes in; texts go out, one line each.

use crate::telnet::LINE_BYTES_MAX;

/// The answer to telnet's "are you there".
pub const HERE: &str = "[Yes]";

/// The user sent a line that is longer than any line may be.
#[must_use]
pub fn line_too_long() -> String {
    format!("*** That line is longer than {LINE_BYTES_MAX} bytes. Goodbye. ***")
}
