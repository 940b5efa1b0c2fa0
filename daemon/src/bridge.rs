//! Between the hosts' link and the runtime.
//!
//! In: payloads of hosts, on the link's I/O thread. Out: calls of the runtime, replies. Nothing here waits: requests
//! either touch a session's queue, append one row to the log, or are answered later from another thread. A line that comes alone is run
//! by the I/O thread itself once it has let go of the link.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use moor_link::{GoneReason, PeerId, PeerIdentity, ServerEvent, ServerHandler, Work};
use moor_rpc as rpc;
use moor_rpc::{ReplyBody, RequestBody, RequestId, RpcError};
use moor_runtime::{EvalError, HostId, IssueError, ListenerId, OpenError, Runtime, SessionId};

use crate::convert;
use crate::nodes::{Door, Node, Nodes};
use crate::permits::{may_send, serves_programs};
use crate::publisher::Publisher;
use crate::topics::{Topics, host_of};

/// Where a request came from and its answer goes.
#[derive(Clone, Copy)]
struct Sender {
    peer: PeerId,
    host: HostId,
    request: RequestId,
}

/// Runs the one line that came, on the thread that read it.
struct OneLine(Arc<Runtime>);

impl Work for OneLine {
    fn run(&self) {
        moor_node::containing_panics(|| self.0.run_one());
    }
}

/// The link's ear.
pub(crate) struct Bridge {
    runtime: Arc<Runtime>,
    one_line: Arc<OneLine>,
    topics: Arc<Topics>,
    publisher: Arc<Publisher>,
    nodes: Arc<Nodes>,
    present: HashMap<PeerId, Arc<Node>>,
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
        nodes: Arc<Nodes>,
    ) -> Self {
        Self {
            one_line: Arc::new(OneLine(Arc::clone(&runtime))),
            runtime,
            topics,
            publisher,
            nodes,
            present: HashMap::new(),
            attaching: HashMap::new(),
            attached: HashSet::new(),
        }
    }

    /// Carries out a request; the answer, where one is due.
    fn request(
        &mut self,
        from: Sender,
        service: &str,
        body: RequestBody,
    ) -> Option<Result<ReplyBody, RpcError>> {
        let Sender { peer, host, .. } = from;
        if !may_send(service, &body) {
            let why = format!("a {service} has no use for this request");
            return Some(Err(RpcError::NotAllowed { why }));
        }
        if !self.attached.contains(&peer) && !matches!(body, RequestBody::Attach(_)) {
            return Some(Err(RpcError::NotAttached));
        }
        match body {
            RequestBody::Attach(attach) => {
                return Some(Ok(self.attach(
                    peer,
                    host,
                    serves_programs(service),
                    attach,
                )));
            }
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
            RequestBody::DialFailed(failed) => self.dial_failed(host, &failed),
            RequestBody::IssueToken { session } => return Some(self.issue_token(host, session)),
            RequestBody::Eval(eval) => return self.eval(from, &eval).err().map(Err),
        }
        None
    }

    fn attach(
        &mut self,
        peer: PeerId,
        host: HostId,
        serves_programs: bool,
        attach: rpc::Attach,
    ) -> ReplyBody {
        let listeners: Vec<_> = attach
            .listeners
            .iter()
            .map(|info| convert::listener(host, info, serves_programs))
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
            Err(OpenError::NotAwaited) => Err(RpcError::NotAwaited),
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

    fn issue_token(&self, host: HostId, session: rpc::SessionId) -> Result<ReplyBody, RpcError> {
        match self.runtime.issue_token(host, convert::session_id(session)) {
            Ok(issued) => Ok(ReplyBody::Token {
                token: rpc::AuthToken(issued.token),
                player: issued.player.0,
                expires_unix_s: issued.expires_at.as_secs(),
            }),
            Err(IssueError::NotLoggedIn) => Err(RpcError::NotLoggedIn),
            Err(_) => Err(RpcError::UnknownSession(session)),
        }
    }

    /// Begins an evaluation, which is answered when it has ended.
    fn eval(&self, from: Sender, eval: &rpc::Eval) -> Result<(), RpcError> {
        let publisher = Arc::clone(&self.publisher);
        let answer = move |ended| {
            let result = convert::to_evaluated(ended).map(ReplyBody::Evaluated);
            let id = from.request;
            publisher.reply(from.peer, &rpc::Reply { id, result });
        };
        let time = Duration::from_millis(u64::from(eval.timeout_ms));
        let begun = self
            .runtime
            .eval(&eval.token.0, &eval.code, time, Box::new(answer));
        begun.map_err(|error| match error {
            EvalError::BadToken => RpcError::BadToken,
            EvalError::Stopping => RpcError::Stopping,
            EvalError::Full => RpcError::LimitReached {
                what: "evaluations".to_owned(),
                limit: moor_runtime::EVALS_MAX as u64,
            },
            other => RpcError::NotAllowed {
                why: other.to_string(),
            },
        })
    }

    fn listen_result(&self, host: HostId, result: &rpc::ListenResult) {
        match &result.result {
            Ok(Some(info)) => {
                let (address, port) = (info.address.as_str(), info.port);
                tracing::info!(address, port, "host listens");
                let listener = ListenerId(result.listener.0);
                self.runtime.listener_opened(host, listener, address, port);
            }
            Ok(None) => tracing::info!(listener = result.listener.0, "host no longer listens"),
            Err(error) => {
                tracing::warn!(listener = result.listener.0, %error, "host does not listen");
                let listener = ListenerId(result.listener.0);
                let code = convert::listen_error(error);
                self.runtime
                    .listener_failed(host, listener, code, error.to_string());
            }
        }
    }

    fn dial_failed(&self, host: HostId, failed: &rpc::DialFailed) {
        let (session, error) = (convert::session_id(failed.session), &failed.error);
        tracing::info!(?session, %error, "host does not connect");
        let code = convert::dial_error(error);
        self.runtime
            .dial_failed(host, session, code, error.to_string());
    }

    /// Takes a payload apart, carries it out, and sends the answer.
    fn payload(&mut self, peer: PeerId, identity: &PeerIdentity, payload: &[u8]) {
        if identity.is_revoked() {
            return;
        }
        if let Some(node) = self.present.get(&peer) {
            node.heard();
        }
        let host = host_of(identity);
        let (id, answer) = match rpc::decode::<rpc::Request>(payload) {
            Ok(request) => {
                let from = Sender {
                    peer,
                    host,
                    request: request.id,
                };
                let answer = self.request(from, identity.service().as_str(), request.body);
                (request.id, answer)
            }
            Err(error) => {
                tracing::warn!(node = ?identity.node(), %error, "malformed request");
                let why = error.to_string();
                (RequestId(0), Some(Err(RpcError::Malformed { why })))
            }
        };
        if let Some(result) = answer {
            self.publisher.reply(peer, &rpc::Reply { id, result });
        }
    }

    fn gone(&mut self, peer: PeerId, identity: &PeerIdentity, reason: GoneReason) {
        self.attached.remove(&peer);
        self.present.remove(&peer);
        let host = host_of(identity);
        if self.topics.gone(host, peer) {
            self.attaching.remove(&host);
            match reason {
                GoneReason::Revoked => self.runtime.host_revoked(host),
                _ => self.runtime.host_gone(host),
            }
        }
        self.nodes.down(Door::Hosts, peer, reason);
    }
}

impl ServerHandler for Bridge {
    const MAY_HAVE_WORK: bool = true;

    fn work(&mut self) -> Option<Arc<dyn Work>> {
        let is_alone = self.runtime.burst_is_over();
        is_alone.then(|| Arc::clone(&self.one_line) as Arc<dyn Work>)
    }

    fn event(&mut self, event: ServerEvent) -> Result<(), ServerEvent> {
        match event {
            ServerEvent::Joined { peer, identity } => {
                self.topics.joined(host_of(&identity), peer);
                let node = self.nodes.up(Door::Hosts, peer, &identity);
                self.present.insert(peer, node);
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
            } => self.gone(peer, &identity, reason),
            _ => {}
        }
        Ok(())
    }
}
