//! The uplink over `moor-link`.
//!
//! In: the link's events on its own thread. Out: [`Downlink`]s for the hub, payloads for the daemon,
//! pings for the health of the host. Nothing here looks into a payload.

use std::time::{Duration, Instant};

use moor_link::{ClientEvent, ClientHandle, ClientHandler, SendError};
use moor_node::Liveness;
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::{Downlink, Uplink, UplinkError};

/// What the link may report before the hub has looked; then the link stops reading its sockets.
pub const DOWNLINK_MAX: usize = 1_024;

/// How often the time of the last ping is taken over.
const PING_INTERVAL: Duration = Duration::from_millis(250);

impl Uplink for ClientHandle {
    fn send(&self, payload: Vec<u8>) -> Result<(), UplinkError> {
        ClientHandle::send(self, payload).map_err(|error| match error {
            SendError::Full => UplinkError::Full,
            SendError::TooLarge { .. } => UplinkError::TooLong,
            _ => UplinkError::Down,
        })
    }
}

/// The link's ear: passes on what happens, in order.
pub struct Ear(pub mpsc::Sender<Downlink>);

impl ClientHandler for Ear {
    fn event(&mut self, event: ClientEvent) -> Result<(), ClientEvent> {
        let permit = match self.0.try_reserve() {
            Ok(permit) => permit,
            Err(TrySendError::Full(())) => return Err(event),
            // The hub has stopped.
            Err(TrySendError::Closed(())) => return Ok(()),
        };
        permit.send(match event {
            ClientEvent::Up { instance } => {
                tracing::info!(%instance, "the daemon is there");
                Downlink::Up
            }
            ClientEvent::Down { reason } => {
                tracing::debug!(%reason, "no link to the daemon");
                Downlink::Down
            }
            ClientEvent::Reply(payload) => Downlink::Reply(payload),
            ClientEvent::Published(payload) => Downlink::Event(payload),
            _ => return Ok(()),
        });
        Ok(())
    }
}

/// Keeps `liveness` as recent as the link's last ping. Runs until cancelled.
pub async fn follow_pings(link: ClientHandle, liveness: Liveness) {
    loop {
        if let Some(at) = link
            .ping_age()
            .and_then(|age| Instant::now().checked_sub(age))
        {
            liveness.ping_at(at);
        }
        tokio::time::sleep(PING_INTERVAL).await;
    }
}
