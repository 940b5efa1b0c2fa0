//! The uplink over `moor-peer`.
//!
//! In: the link's events on its own thread. Out: events of sessions for their connections, [`Downlink`]s for the hub, payloads for the
//! daemon.

use std::sync::Arc;
use std::time::Duration;

use moor_link::{ClientEvent, ClientHandler, DownReason, RefusalCode, SendError};
use moor_peer::Link;
use moor_rpc::HostEvent;
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::{Connection, Downlink, SessionTable, Uplink, UplinkError};

/// What the link may report before the hub has looked; then the link stops reading its sockets.
pub const DOWNLINK_MAX: usize = 1_024;

impl Uplink for Link {
    fn send(&self, payload: Vec<u8>) -> Result<(), UplinkError> {
        Link::send(self, payload).map_err(|error| match error {
            SendError::Full => UplinkError::Full,
            SendError::TooLarge { .. } => UplinkError::TooLong,
            _ => UplinkError::Down,
        })
    }

    fn stay_away(&self, time: Duration) {
        Link::stay_away(self, time);
    }

    fn reconnect(&self) {
        Link::reconnect(self);
    }
}

/// The link's ear: gives events to their sessions and passes on what else happens, in order.
pub struct Ear<C> {
    sessions: Arc<SessionTable<C>>,
    hub: mpsc::Sender<Downlink>,
}

impl<C: Connection> Ear<C> {
    /// An ear for the hub of these sessions.
    #[must_use]
    pub fn new(sessions: Arc<SessionTable<C>>, hub: mpsc::Sender<Downlink>) -> Self {
        Self { sessions, hub }
    }

    /// Gives a batch of events to its sessions; anything else is for the hub.
    fn published(&self, payload: Vec<u8>) -> Option<Downlink> {
        match moor_rpc::decode::<HostEvent>(&payload) {
            Ok(HostEvent::Batch(batch)) => {
                batch
                    .into_iter()
                    .for_each(|events| self.sessions.apply(events));
                None
            }
            // What cannot be read, the hub says.
            Ok(_) | Err(_) => Some(Downlink::Event(payload)),
        }
    }
}

impl<C: Connection> ClientHandler for Ear<C> {
    fn event(&mut self, event: ClientEvent) -> Result<(), ClientEvent> {
        let permit = match self.hub.try_reserve() {
            Ok(permit) => permit,
            Err(TrySendError::Full(())) => return Err(event),
            // The hub has stopped.
            Err(TrySendError::Closed(())) => return Ok(()),
        };
        let news = match event {
            ClientEvent::Up { instance } => {
                tracing::info!(%instance, "the daemon is there");
                Some(Downlink::Up)
            }
            ClientEvent::Down { reason } => {
                tracing::debug!(%reason, "no link to the daemon");
                match is_revoked(&reason) {
                    true => Some(Downlink::Revoked),
                    false => Some(Downlink::Down),
                }
            }
            ClientEvent::Reply(payload) => Some(Downlink::Reply(payload)),
            ClientEvent::Published(payload) => self.published(payload),
            _ => None,
        };
        if let Some(news) = news {
            permit.send(news);
        }
        Ok(())
    }
}

fn is_revoked(reason: &DownReason) -> bool {
    match reason {
        DownReason::Revoked => true,
        DownReason::Refused(refusal) => refusal.code == RefusalCode::Revoked,
        _ => false,
    }
}
