//! When to stop: SIGTERM and SIGINT, turned into something that threads and async tasks can wait for.
//!
//! In: signals, or a call of the program itself. Out: the request to drain (stop accepting, finish, tell peers,
//! flush), and the moment by which that must be done. A second signal, or that moment, ends the process at once.
//! It does not know what there is to drain.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::exit::Exit;

/// Why signals cannot be received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignalError {
    /// The operating system refused the handlers or the thread that waits for them.
    #[error("cannot receive SIGTERM and SIGINT: {0}")]
    Install(#[from] std::io::Error),
}

/// The request to stop. Clones share one state; a drain that began is never taken back.
#[derive(Clone, Debug)]
pub struct Drain {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: Duration,
    began: Mutex<Option<Instant>>,
    changed: Condvar,
    #[cfg(feature = "tokio")]
    notify: tokio::sync::Notify,
}

impl Drain {
    /// A drain that begins only when [`Drain::begin`] is called, for tests and parts of programs.
    pub fn new(limit: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                limit,
                began: Mutex::new(None),
                changed: Condvar::new(),
                #[cfg(feature = "tokio")]
                notify: tokio::sync::Notify::new(),
            }),
        }
    }

    /// A drain that the first SIGTERM or SIGINT begins. A second signal, or `limit` after the beginning, ends the
    /// process with [`Exit::Hurried`]. Once per process.
    ///
    /// # Errors
    /// [`SignalError::Install`] if handlers or threads cannot be had.
    pub fn on_signals(limit: Duration) -> Result<Self, SignalError> {
        let drain = Self::new(limit);
        let signals = Signals::new([SIGTERM, SIGINT])?;
        let on_signal = drain.clone();
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || on_signal.follow(signals))?;
        let on_limit = drain.clone();
        std::thread::Builder::new()
            .name("drain-limit".into())
            .spawn(move || on_limit.enforce_limit())?;
        Ok(drain)
    }

    /// Asks everything to stop. Later calls change nothing.
    pub fn begin(&self) {
        let mut began = self.shared.began.lock();
        if began.is_some() {
            return;
        }
        *began = Some(Instant::now());
        drop(began);
        self.shared.changed.notify_all();
        #[cfg(feature = "tokio")]
        self.shared.notify.notify_waiters();
    }

    /// Whether the drain began.
    pub fn is_draining(&self) -> bool {
        self.shared.began.lock().is_some()
    }

    /// How long a drain may take.
    pub fn limit(&self) -> Duration {
        self.shared.limit
    }

    /// By when everything must have stopped; `None` while the drain has not begun.
    pub fn deadline(&self) -> Option<Instant> {
        (*self.shared.began.lock()).map(|began| began + self.shared.limit)
    }

    /// Blocks until the drain begins.
    pub fn wait(&self) {
        let mut began = self.shared.began.lock();
        while began.is_none() {
            self.shared.changed.wait(&mut began);
        }
    }

    /// Blocks until the drain begins, or for `timeout`; returns whether it began.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let mut began = self.shared.began.lock();
        self.shared
            .changed
            .wait_while_for(&mut began, |began| began.is_none(), timeout);
        began.is_some()
    }

    /// Returns when the drain begins; at once if it already has. Cancel-safe.
    #[cfg(feature = "tokio")]
    pub async fn begun(&self) {
        loop {
            // Registered before the check, so that a beginning between the two is not missed.
            let notified = self.shared.notify.notified();
            if self.is_draining() {
                return;
            }
            notified.await;
        }
    }

    fn follow(&self, mut signals: Signals) {
        for signal in signals.forever() {
            let name = signal_hook::low_level::signal_name(signal).unwrap_or("signal");
            if self.is_draining() {
                tracing::warn!(signal = name, "second signal: stopping at once");
                std::process::exit(i32::from(Exit::Hurried.code()));
            }
            tracing::info!(
                signal = name,
                limit_s = self.limit().as_secs_f64(),
                "stopping"
            );
            self.begin();
        }
    }

    fn enforce_limit(&self) {
        self.wait();
        std::thread::sleep(self.limit());
        tracing::warn!(
            limit_s = self.limit().as_secs_f64(),
            "drain took longer than --drain-timeout: stopping at once"
        );
        std::process::exit(i32::from(Exit::Hurried.code()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_begins_once_and_stays() {
        let drain = Drain::new(Duration::from_secs(3));
        assert!(!drain.is_draining());
        assert!(!drain.wait_timeout(Duration::ZERO));
        assert_eq!(drain.deadline(), None);
        drain.begin();
        let deadline = drain.deadline();
        drain.begin();
        assert_eq!(
            drain.deadline(),
            deadline,
            "a second beginning moved the deadline"
        );
        assert!(drain.wait_timeout(Duration::ZERO));
        drain.wait();
    }

    #[test]
    fn a_thread_is_woken() {
        let drain = Drain::new(Duration::from_secs(3));
        let waiter = std::thread::spawn({
            let drain = drain.clone();
            move || drain.wait()
        });
        drain.begin();
        waiter.join().expect("the waiter ends");
    }

    #[tokio::test]
    async fn a_task_is_woken() {
        let drain = Drain::new(Duration::from_secs(3));
        let waiter = tokio::spawn({
            let drain = drain.clone();
            async move { drain.begun().await }
        });
        tokio::task::yield_now().await;
        drain.begin();
        waiter.await.expect("the waiter ends");
        drain.begun().await;
    }
}
