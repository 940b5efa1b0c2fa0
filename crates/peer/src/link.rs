//! The link as the program sees it: one handle for the life of the program, whatever connection is behind it.
//!
//! In: payloads from any thread. Out: the same on the present connection; none is kept for the next one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moor_link::{Client, ClientCounts, ClientHandle, SendError};
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
    /// Connects. Who sends meanwhile waits until that is done: what the new connection tells may be answered at once.
    pub(crate) fn connect<E>(
        &self,
        start: impl FnOnce() -> Result<Client, E>,
    ) -> Result<Client, E> {
        let mut present = self.present.write();
        let client = start()?;
        *present = Some(client.handle());
        Ok(client)
    }

    /// There is no connection from now on.
    pub(crate) fn forget(&self) {
        *self.present.write() = None;
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

#[cfg(test)]
mod tests {
    use std::thread;

    use moor_link::memory::Hub;
    use moor_link::{
        ClientConfig, ClientEvent, Endpoint, NodeId, ServerConfig, ServerEvent, ServiceType,
    };

    use super::*;

    #[test]
    fn what_a_new_connection_tells_may_be_answered_before_it_is_known() {
        let hub = Hub::default();
        let endpoint = |name: &str| -> Endpoint { format!("ipc:///{name}").parse().expect("one") };
        let service = ServiceType::new("worker").expect("a service");
        let (rpc, events) = (vec![endpoint("r")], vec![endpoint("e")]);
        let (requests, told) = crossbeam_channel::unbounded();
        let config = ServerConfig::new(rpc.clone(), events.clone(), 1, vec![service.clone()]);
        let server = hub.server(config, requests).expect("a server");
        let (ear, heard) = crossbeam_channel::unbounded();
        let link = Link::default();
        let mut answering = None;
        let client = link.connect(|| {
            let addresses = |all: Vec<Endpoint>| -> Vec<moor_link::Address> {
                all.into_iter().map(Into::into).collect()
            };
            let node = NodeId([1; 16]);
            let config = ClientConfig::new(addresses(rpc), addresses(events), 1, node, service);
            let client = hub.client(config, ear)?;
            let is_up = heard
                .iter()
                .any(|event| matches!(event, ClientEvent::Up { .. }));
            assert!(is_up);
            let link = link.clone();
            answering = Some(thread::spawn(move || link.send(vec![7])));
            Ok::<_, moor_link::StartError>(client)
        });
        let client = client.expect("a client");
        let answered = answering.map(|thread| thread.join().expect("it ends"));
        assert_eq!(answered, Some(Ok(())));
        let arrived = told
            .iter()
            .any(|event| matches!(event, ServerEvent::Request { payload, .. } if payload == [7]));
        assert!(arrived);
        client.shutdown();
        server.shutdown();
    }
}
