//! The uplink over `moor-peer`.
//!
//! In: the link's events on its own thread. Out: [`Downlink`]s for the hub, payloads for the daemon. Nothing here
//! looks into a payload.

use std::time::Duration;

use moor_link::{ClientEvent, ClientHandler, DownReason, RefusalCode, SendError};
use moor_peer::Link;
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::{Downlink, Uplink, UplinkError};

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
                match is_revoked(&reason) {
                    true => Downlink::Revoked,
                    false => Downlink::Down,
                }
            }
            ClientEvent::Reply(payload) => Downlink::Reply(payload),
            ClientEvent::Published(payload) => Downlink::Event(payload),
            _ => return Ok(()),
        });
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
