//! Between the link and the runtime.
//!
//! In: payloads of hosts, on the link's I/O thread; events of the runtime, on any thread. Out: calls
//! of the runtime, replies, published events. Nothing here waits: requests either touch a session's
//! queue or append one row to the log.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use moor_link::{PeerId, PeerIdentity, ServerEvent, ServerHandle, ServerHandler};
use moor_node::Drain;
use moor_rpc as rpc;
use moor_rpc::{HostEvent, ReplyBody, RequestBody, RequestId, RpcError};
use moor_runtime::{
    HostId, Listener, ListenerId, OpenError, Outlet, Runtime, SessionEvent, SessionId,
};

use crate::checkpoint::Checkpoints;
use crate::convert;
use crate::topics::{Topics, host_of};

/// Bytes of events in one message; what is longer is split between events.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// The runtime's way out: events become messages on the host's topic.
pub(crate) struct Publisher {
    topics: Arc<Topics>,
    server: OnceLock<ServerHandle>,
    drain: Drain,
    checkpoints: Checkpoints,
    database: PathBuf,
    /// What users are told, once the world itself has asked for the server to stop.
    farewell: OnceLock<Vec<String>>,
}

impl Publisher {
    /// A way out whose link is still to come.
    pub(crate) fn new(
        topics: Arc<Topics>,
        drain: Drain,
        checkpoints: Checkpoints,
        database: PathBuf,
    ) -> Self {
        Self {
            topics,
            server: OnceLock::new(),
            drain,
            checkpoints,
            farewell: OnceLock::new(),
            database,
        }
    }

    /// The link is there.
    pub(crate) fn connect(&self, server: ServerHandle) {
        // A second link would be a defect; the first one stays.
        let _ = self.server.set(server);
    }

    /// Tells every host that the daemon stops: for good if the world asked for it, else to be back.
    pub(crate) fn tell_stop(&self) {
        self.tell_all(&match self.farewell.get() {
            Some(message) => HostEvent::ShuttingDown {
                message: message.clone(),
            },
            None => HostEvent::Restarting {
                reconnect_after_ms: 0,
            },
        });
    }

    /// Tells every host.
    fn tell_all(&self, event: &HostEvent) {
        for peer in self.topics.all() {
            self.publish(peer, event);
        }
    }

    fn tell(&self, host: HostId, event: &HostEvent) {
        if let Some(peer) = self.topics.peer_of(host) {
            self.publish(peer, event);
        }
    }

    /// What cannot be sent now the host notices as a gap in the numbers, and asks for again.
    fn publish(&self, peer: PeerId, event: &HostEvent) {
        let Some(server) = self.server.get() else {
            return;
        };
        match rpc::encode(event) {
            Ok(payload) => {
                if let Err(error) = server.publish(peer, payload) {
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

    fn shutdown(&self, message: &str) {
        // Hosts hear of it when everything that tasks printed has left. A second wish changes nothing.
        let _ = self
            .farewell
            .set(message.lines().map(str::to_owned).collect());
        self.drain.begin();
    }

    fn checkpoint(&self) {
        self.checkpoints.ask();
    }

    fn disk_bytes(&self) -> Option<u64> {
        disk_bytes(&self.database).ok()
    }
}

/// Bytes of all files in a folder and the folders in it.
fn disk_bytes(folder: &Path) -> std::io::Result<u64> {
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

/// The link's ear.
pub(crate) struct Bridge {
    runtime: Arc<Runtime>,
    topics: Arc<Topics>,
    publisher: Arc<Publisher>,
    /// Sessions that a host has named so far in an attach of several parts.
    attaching: HashMap<HostId, HashSet<SessionId>>,
    attached: HashSet<PeerId>,
}

impl Bridge {
    /// An ear for the runtime.
    pub(crate) fn new(
        runtime: Arc<Runtime>,
        topics: Arc<Topics>,
        publisher: Arc<Publisher>,
    ) -> Self {
        Self {
            runtime,
            topics,
            publisher,
            attaching: HashMap::new(),
            attached: HashSet::new(),
        }
    }

    /// Carries out a request; the answer, where one is due.
    fn request(
        &mut self,
        peer: PeerId,
        host: HostId,
        body: RequestBody,
    ) -> Option<Result<ReplyBody, RpcError>> {
        if !self.attached.contains(&peer) && !matches!(body, RequestBody::Attach(_)) {
            return Some(Err(RpcError::NotAttached));
        }
        match body {
            RequestBody::Attach(attach) => return Some(Ok(self.attach(peer, host, attach))),
            RequestBody::OpenSession(open) => return Some(self.open(host, open)),
            RequestBody::Line(line) => {
                let (session, last_event) = (convert::session_id(line.session), line.last_event.0);
                self.runtime
                    .line(host, session, convert::line(line), last_event);
            }
            RequestBody::Closed { session, .. } => {
                self.runtime.closed(host, convert::session_id(session));
            }
            RequestBody::Acknowledge(all) => {
                for ack in all {
                    let session = convert::session_id(ack.session);
                    let queued = ack.queued_output_bytes as usize;
                    self.runtime.acknowledge(host, session, ack.event.0, queued);
                }
            }
            RequestBody::Replay(replay) => {
                let session = convert::session_id(replay.session);
                self.runtime.replay(host, session, replay.from.0);
            }
            RequestBody::ListenResult(result) => self.listen_result(host, &result),
            RequestBody::IssueToken { .. } | RequestBody::Eval(_) => {
                let why = "this daemon issues no tokens".to_owned();
                return Some(Err(RpcError::NotAllowed { why }));
            }
        }
        None
    }

    fn attach(&mut self, peer: PeerId, host: HostId, attach: rpc::Attach) -> ReplyBody {
        let listeners: Vec<_> = attach
            .listeners
            .iter()
            .map(|info| convert::listener(host, info))
            .collect();
        self.runtime.report_listeners(host, &listeners);
        let held: Vec<_> = attach.sessions.iter().map(convert::held).collect();
        let states = self.runtime.attach(host, &held);
        let named = self.attaching.entry(host).or_default();
        named.extend(held.iter().map(|held| held.id));
        if attach.last {
            let named = self.attaching.remove(&host).unwrap_or_default();
            self.runtime.attached_all(host, &named);
            self.attached.insert(peer);
        }
        let sessions = attach.sessions.iter().map(|session| session.session);
        ReplyBody::Attached(
            sessions
                .zip(states)
                .map(|(session, held)| convert::to_attached(session, held))
                .collect(),
        )
    }

    fn open(&self, host: HostId, open: rpc::OpenSession) -> Result<ReplyBody, RpcError> {
        let session = open.session;
        match self.runtime.open_session(host, convert::new_session(open)) {
            Ok(()) => Ok(ReplyBody::Opened(session)),
            Err(OpenError::Stopping) => Err(RpcError::Stopping),
            Err(OpenError::BadToken) => Err(RpcError::BadToken),
            Err(OpenError::Full(limit)) => Err(RpcError::LimitReached {
                what: "sessions".to_owned(),
                limit: limit as u64,
            }),
            Err(error) => {
                tracing::warn!(%error, "session refused");
                Err(RpcError::ReadOnly)
            }
        }
    }

    fn listen_result(&self, host: HostId, result: &rpc::ListenResult) {
        match &result.result {
            Ok(Some(info)) => {
                tracing::info!(address = info.address, port = info.port, "host listens");
            }
            Ok(None) => tracing::info!(listener = result.listener.0, "host no longer listens"),
            Err(error) => {
                tracing::warn!(listener = result.listener.0, %error, "host does not listen");
                self.runtime
                    .listener_failed(host, ListenerId(result.listener.0));
            }
        }
    }

    /// Takes a payload apart, carries it out, and sends the answer.
    fn payload(&mut self, peer: PeerId, identity: &PeerIdentity, payload: &[u8]) {
        let (id, answer) = match rpc::decode::<rpc::Request>(payload) {
            Ok(request) => (
                request.id,
                self.request(peer, host_of(identity), request.body),
            ),
            Err(error) => {
                tracing::warn!(node = ?identity.node(), %error, "malformed request");
                let why = error.to_string();
                (RequestId(0), Some(Err(RpcError::Malformed { why })))
            }
        };
        if let Some(result) = answer {
            self.reply(peer, &rpc::Reply { id, result });
        }
    }

    fn reply(&self, peer: PeerId, reply: &rpc::Reply) {
        let Some(server) = self.publisher.server.get() else {
            return;
        };
        match rpc::encode(reply) {
            Ok(payload) => {
                if let Err(error) = server.reply(peer, payload) {
                    tracing::debug!(?peer, %error, "reply not sent");
                }
            }
            Err(error) => tracing::error!(?peer, %error, "reply not sent"),
        }
    }
}

impl ServerHandler for Bridge {
    fn event(&mut self, event: ServerEvent) -> Result<(), ServerEvent> {
        match event {
            ServerEvent::Joined { peer, identity } => {
                tracing::info!(node = ?identity.node(), service = identity.service().as_str(), "host joined");
                self.topics.joined(host_of(&identity), peer);
            }
            ServerEvent::Request {
                peer,
                identity,
                payload,
            } => self.payload(peer, &identity, &payload),
            ServerEvent::Gone {
                peer,
                identity,
                reason,
            } => {
                tracing::info!(node = ?identity.node(), ?reason, "host gone");
                self.attached.remove(&peer);
                let host = host_of(&identity);
                if self.topics.gone(host, peer) {
                    self.attaching.remove(&host);
                    self.runtime.host_gone(host);
                }
            }
            _ => {}
        }
        Ok(())
    }
}
