//! Where the runtime gets its time from.
//!
//! In: nothing. Out: wall-clock time and time since the start, so that a test can supply both.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source of time.
pub trait Clock: Send + Sync {
    /// Time since 1970-01-01 00:00 UTC.
    fn wall(&self) -> Duration;
    /// Time since an arbitrary moment; never goes back.
    fn steady(&self) -> Duration;
}

/// The operating system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Duration {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    }

    fn steady(&self) -> Duration {
        self.start.elapsed()
    }
}
