//! The runtime's way out: events and wishes become messages of hosts and workers.
//!
//! In: calls of the runtime, on any thread. Out: payloads for the links, a request to stop, a wish for a checkpoint.
//! Nothing here waits: what a peer cannot be sent now it asks for again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use moor_link::{PeerId, ServerHandle};
use moor_node::Drain;
use moor_rpc as rpc;
use moor_rpc::HostEvent;
use moor_runtime::{
    Dial, HostId, Listener, ListenerId, NodeInfo, Operator, Outlet, SessionEvent, SessionId,
    WorkerCall, WorkerInfo, WorkerRequestId,
};

use crate::checkpoint::Checkpoints;
use crate::convert;
use crate::nodes::{Door, Nodes};
use crate::operator::Wizardry;
use crate::topics::Topics;
use crate::workers::{Workers, kind_of};

/// Bytes of events in one message; what is longer is split between events.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// The ways that lead out of the daemon.
pub(crate) struct Ways {
    /// The connection of each host.
    pub(crate) topics: Arc<Topics>,
    /// Those who do the work.
    pub(crate) workers: Arc<Workers>,
    /// Who is linked.
    pub(crate) nodes: Arc<Nodes>,
    /// Tokens and peers.
    pub(crate) wizardry: Arc<Wizardry>,
    /// Ends the daemon.
    pub(crate) drain: Drain,
    /// Asks for checkpoints.
    pub(crate) checkpoints: Checkpoints,
    /// The data directory.
    pub(crate) database: PathBuf,
}

/// The way out.
pub(crate) struct Publisher {
    ways: Ways,
    server: ServerHandle,
    /// What users are told, once the world itself has asked for the server to stop.
    farewell: OnceLock<Vec<String>>,
    reconnect_after_ms: AtomicU32,
}

impl Publisher {
    /// A way out to these hosts and workers.
    pub(crate) fn new(ways: Ways, server: ServerHandle) -> Self {
        Self {
            ways,
            server,
            farewell: OnceLock::new(),
            reconnect_after_ms: AtomicU32::new(0),
        }
    }

    /// Hosts are to stay away for this long when the daemon has stopped.
    pub(crate) fn set_reconnect_after_ms(&self, reconnect_after_ms: u32) {
        self.reconnect_after_ms
            .store(reconnect_after_ms, Ordering::Relaxed);
    }

    /// Tells every host that the daemon stops: for good if the world asked for it, else to be back.
    pub(crate) fn tell_stop(&self) {
        self.tell_all(&match self.farewell.get() {
            Some(message) => HostEvent::ShuttingDown {
                message: message.clone(),
            },
            None => HostEvent::Restarting {
                reconnect_after_ms: self.reconnect_after_ms.load(Ordering::Relaxed),
            },
        });
    }

    /// Sends an answer to a host.
    pub(crate) fn reply(&self, peer: PeerId, reply: &rpc::Reply) {
        let server = &self.server;
        let sent = match rpc::encode(reply) {
            Ok(payload) => server.reply(peer, payload),
            Err(error) => {
                tracing::warn!(?peer, %error, "reply replaced by an error");
                let why = error.to_string();
                let result = Err(rpc::RpcError::NotAllowed { why });
                let reply = rpc::Reply {
                    id: reply.id,
                    result,
                };
                // An error is short.
                rpc::encode(&reply).map_or(Ok(()), |payload| server.reply(peer, payload))
            }
        };
        if let Err(error) = sent {
            tracing::debug!(?peer, %error, "reply not sent");
        }
    }

    /// Tells every host.
    fn tell_all(&self, event: &HostEvent) {
        for peer in self.ways.topics.all() {
            self.publish(peer, event);
        }
    }

    fn tell(&self, host: HostId, event: &HostEvent) {
        if let Some(peer) = self.ways.topics.peer_of(host) {
            self.publish(peer, event);
        }
    }

    /// What cannot be sent now the host notices as a gap in the numbers, and asks for again.
    fn publish(&self, peer: PeerId, event: &HostEvent) {
        match rpc::encode(event) {
            Ok(payload) => {
                if let Err(error) = self.server.publish(peer, payload) {
                    tracing::debug!(?peer, %error, "events not sent");
                }
            }
            Err(error) => tracing::error!(?peer, %error, "events not sent"),
        }
    }
}

impl Outlet for Publisher {
    fn events(&self, host: HostId, session: SessionId, first: u64, events: Vec<SessionEvent>) {
        let mut first = first;
        for part in split(events) {
            let next = first + part.len() as u64;
            let batch = HostEvent::Batch(vec![rpc::SessionEvents {
                session: convert::to_session_id(session),
                first: rpc::EventNumber(first),
                events: part,
            }]);
            self.tell(host, &batch);
            first = next;
        }
    }

    fn listen(&self, host: HostId, listener: &Listener) {
        self.tell(host, &HostEvent::Listen(convert::to_listener(listener)));
    }

    fn unlisten(&self, host: HostId, listener: ListenerId) {
        self.tell(host, &HostEvent::Unlisten(rpc::ListenerId(listener.0)));
    }

    fn dial(&self, host: HostId, dial: &Dial) {
        self.tell(host, &HostEvent::Dial(convert::to_dial(dial)));
    }

    fn shutdown(&self, message: &str) {
        // Hosts hear of it when everything that tasks printed has left. A second wish changes nothing.
        let _ = self
            .farewell
            .set(message.lines().map(str::to_owned).collect());
        self.ways.drain.begin();
    }

    fn checkpoint(&self) {
        self.ways.checkpoints.ask();
    }

    fn disk_bytes(&self) -> Option<u64> {
        disk_bytes(&self.ways.database).ok()
    }

    fn worker_request(&self, call: WorkerCall) {
        self.ways.workers.request(call);
    }

    fn worker_cancel(&self, id: WorkerRequestId) {
        self.ways.workers.cancel(id);
    }

    fn workers(&self) -> Vec<WorkerInfo> {
        let loads = self.ways.workers.loads();
        let nodes = self.ways.nodes.all();
        let workers = nodes.iter().filter(|node| node.door == Door::Workers);
        let info = |node: &Arc<crate::nodes::Node>| {
            let load = loads.get(&node.peer).copied().unwrap_or_default();
            Some(WorkerInfo {
                kind: kind_of(&node.service)?.to_owned(),
                node: node.name(),
                since: node.since,
                in_flight: u32::try_from(load.in_flight).unwrap_or(u32::MAX),
                concurrency_max: load.concurrency_max,
            })
        };
        workers.filter_map(info).collect()
    }

    fn nodes(&self) -> Vec<NodeInfo> {
        let nodes = self.ways.nodes.all();
        nodes.iter().map(|node| node.info()).collect()
    }

    fn operator(&self) -> Option<&dyn Operator> {
        Some(&*self.ways.wizardry)
    }
}

/// Bytes of all files in a folder and the folders in it.
pub(crate) fn disk_bytes(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            bytes += disk_bytes(&entry.path())?;
        } else if kind.is_file() {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// The events as messages hold them, in parts of at most [`EVENT_BYTES_MAX`] (or one event).
fn split(events: Vec<SessionEvent>) -> Vec<Vec<rpc::Event>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = 0;
    for event in events {
        let size = size_of(&event);
        if bytes > 0 && bytes + size > EVENT_BYTES_MAX {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(part) = parts.last_mut() {
            part.push(convert::to_event(event));
        }
    }
    parts
}

/// About how many bytes an event takes in a message.
fn size_of(event: &SessionEvent) -> usize {
    16 + match event {
        SessionEvent::Text { line, .. } => line.len(),
        SessionEvent::Binary(bytes) => bytes.len(),
        _ => 0,
    }
}
