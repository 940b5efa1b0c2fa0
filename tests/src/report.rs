//! Lines that a test shows although it passes.
//!
//! In: text. Out: the standard error of the test process. It does not know what is reported.

use std::io::Write;

/// Writes a line to standard error itself: what `eprintln!` writes is shown for failing tests only.
pub fn say(line: impl std::fmt::Display) {
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(std::io::stderr(), "{line}");
}
