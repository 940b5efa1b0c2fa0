//! Whether the daemon was heard of lately.
//!
//! In: a call for each ping of the daemon that came over an authenticated link. Out: healthy or not, now and as
//! something to wait for. It does not know what a ping is, and opens no socket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A daemon that was silent for longer than this is taken for gone.
pub const LIVENESS_WINDOW: Duration = Duration::from_secs(30);

/// The recency of the daemon's pings. Clones share one state. Before the first ping it is unhealthy.
#[derive(Clone, Debug)]
pub struct Liveness {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    window: Duration,
    last_ping: Mutex<Option<Instant>>,
    #[cfg(feature = "tokio")]
    pinged: tokio::sync::Notify,
}

impl Liveness {
    /// A liveness with the window that all programs use, [`LIVENESS_WINDOW`].
    pub fn new() -> Self {
        Self::with_window(LIVENESS_WINDOW)
    }

    /// A liveness with another window, for tests.
    pub fn with_window(window: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                window,
                last_ping: Mutex::new(None),
                #[cfg(feature = "tokio")]
                pinged: tokio::sync::Notify::new(),
            }),
        }
    }

    /// A ping of the daemon arrived now.
    pub fn ping(&self) {
        self.ping_at(Instant::now());
    }

    /// A ping of the daemon arrived at `instant`. An older one than the last changes nothing.
    pub fn ping_at(&self, instant: Instant) {
        let mut last = self.shared.last_ping.lock();
        *last = (*last).max(Some(instant));
        drop(last);
        #[cfg(feature = "tokio")]
        self.shared.pinged.notify_waiters();
    }

    /// Whether a ping arrived within the window before now.
    pub fn is_healthy(&self) -> bool {
        self.is_healthy_at(Instant::now())
    }

    /// Whether a ping arrived within the window before `instant`.
    pub fn is_healthy_at(&self, instant: Instant) -> bool {
        self.healthy_until().is_some_and(|until| instant <= until)
    }

    /// How long ago the last ping arrived; `None` before the first.
    pub fn age(&self) -> Option<Duration> {
        (*self.shared.last_ping.lock()).map(|last| last.elapsed())
    }

    /// When the health that the last ping gave ends; `None` before the first ping.
    pub fn healthy_until(&self) -> Option<Instant> {
        (*self.shared.last_ping.lock()).map(|last| last + self.shared.window)
    }
}

#[cfg(feature = "tokio")]
impl Liveness {
    /// Returns when healthy; at once if it is already so.
    pub async fn healthy(&self) {
        loop {
            // Registered before the check, so that a ping between the two is not missed.
            let pinged = self.shared.pinged.notified();
            if self.is_healthy() {
                return;
            }
            pinged.await;
        }
    }

    /// Returns when unhealthy; at once if it is already so.
    pub async fn unhealthy(&self) {
        while let Some(until) = self.healthy_until() {
            if Instant::now() > until {
                return;
            }
            // A millisecond more, because the end of the window itself is still healthy.
            tokio::time::sleep_until((until + Duration::from_millis(1)).into()).await;
        }
    }
}

impl Default for Liveness {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_a_ping_within_the_window() {
        let liveness = Liveness::new();
        let start = Instant::now();
        assert!(
            !liveness.is_healthy_at(start),
            "healthy before the first ping"
        );
        liveness.ping_at(start);
        assert!(liveness.is_healthy_at(start + LIVENESS_WINDOW));
        assert!(!liveness.is_healthy_at(start + LIVENESS_WINDOW + Duration::from_nanos(1)));
        liveness.ping_at(start + Duration::from_secs(60));
        assert!(liveness.is_healthy_at(start + Duration::from_secs(90)));
    }

    #[test]
    fn an_older_ping_does_not_shorten_health() {
        let liveness = Liveness::new();
        let start = Instant::now();
        liveness.ping_at(start + Duration::from_secs(10));
        liveness.ping_at(start);
        assert_eq!(
            liveness.healthy_until(),
            Some(start + Duration::from_secs(40))
        );
    }

    #[tokio::test]
    async fn waiting_sees_the_ping_and_its_end() {
        let liveness = Liveness::with_window(Duration::from_millis(20));
        let waiter = tokio::spawn({
            let liveness = liveness.clone();
            async move { liveness.healthy().await }
        });
        liveness.unhealthy().await;
        liveness.ping();
        waiter.await.expect("the waiter ends");
        liveness.unhealthy().await;
        assert!(!liveness.is_healthy());
    }
}
