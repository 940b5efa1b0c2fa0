//! The link as the program sees it: one handle for the life of the program, whatever connection is behind it.
//!
//! In: payloads from any thread. Out: the same on the present connection; none is kept for the next one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moor_link::{ClientCounts, ClientHandle, SendError};
use parking_lot::{Mutex, RwLock};

/// Talks to the daemon; cheap to clone. Nothing here blocks.
#[derive(Debug, Clone, Default)]
pub struct Link {
    /// None until the program is enrolled, and while it enrolls again.
    present: Arc<RwLock<Option<ClientHandle>>>,
    /// Until when a daemon that is gone is not asked for.
    away_until: Arc<Mutex<Option<Instant>>>,
}

impl Link {
    pub(crate) fn set(&self, handle: Option<ClientHandle>) {
        *self.present.write() = handle;
    }

    /// Sends a payload to the daemon, as [`ClientHandle::send`] does.
    ///
    /// # Errors
    /// As there; [`SendError::Down`] while the program is not enrolled.
    pub fn send(&self, payload: Vec<u8>) -> Result<(), SendError> {
        match &*self.present.read() {
            Some(handle) => handle.send(payload),
            None => Err(SendError::Down),
        }
    }

    /// Whether payloads can be sent now.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.present
            .read()
            .as_ref()
            .is_some_and(ClientHandle::is_up)
    }

    /// Time since the last ping of the daemon on this connection or one before it under the same key; `None` before
    /// the first.
    #[must_use]
    pub fn ping_age(&self) -> Option<Duration> {
        self.present
            .read()
            .as_ref()
            .and_then(ClientHandle::ping_age)
    }

    /// Gives up the present connection or pause, and connects anew at once.
    pub fn reconnect(&self) {
        if let Some(handle) = &*self.present.read() {
            // A full outbox means that it is connected and busy; a closed one that the program stops.
            let _ = handle.reconnect();
        }
    }

    /// Once the daemon is gone, asks for it no sooner than in `time` from now: it has said how long it will be away.
    /// The present connection stays as long as the daemon keeps it.
    pub fn stay_away(&self, time: Duration) {
        *self.away_until.lock() = Instant::now().checked_add(time);
    }

    /// How much is left of [`stay_away`](Self::stay_away); `None` when it is over.
    pub(crate) fn time_away(&self) -> Option<Duration> {
        let until = *self.away_until.lock();
        until?
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
    }

    /// What was counted on the present connection.
    #[must_use]
    pub fn counts(&self) -> ClientCounts {
        let present = self.present.read();
        present
            .as_ref()
            .map_or_else(ClientCounts::default, ClientHandle::counts)
    }
}
