//! The hosts and workers that are linked with the daemon now.
//!
//! In: peers that come, speak and go, on both links. Out: what the operator and programs may know of them, and the
//! world's hooks `#0:node_up` and `#0:node_down`. What they say is not known here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use moor_keyring::Registry;
use moor_link::{GoneReason, NodeId, PeerId, PeerIdentity, Proof};
use moor_runtime::{NodeGone, NodeInfo, Runtime};
use parking_lot::RwLock;
use uuid::Uuid;

/// Which link a peer is on: each numbers its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Door {
    /// That of hosts.
    Hosts,
    /// That of workers.
    Workers,
}

/// A peer that is linked.
#[derive(Debug)]
pub(crate) struct Node {
    /// On which link.
    pub(crate) door: Door,
    /// Its connection there.
    pub(crate) peer: PeerId,
    /// Its name: that of its enrollment, or of its own folder.
    pub(crate) id: NodeId,
    /// What it is.
    pub(crate) service: String,
    /// Its release, as it says.
    pub(crate) build: String,
    /// Its machine, as it said when it was enrolled.
    pub(crate) hostname: Option<String>,
    /// Whether it came over the network, with a key.
    pub(crate) is_enrolled: bool,
    /// When it came: since 1970.
    pub(crate) since: Duration,
    joined: Instant,
    /// When it was heard last, in milliseconds after it came.
    heard_ms: AtomicU64,
}

/// Where each came in.
type Present = HashMap<(Door, PeerId), Arc<Node>>;

/// All of them.
pub(crate) struct Nodes {
    registry: Option<Arc<Registry>>,
    runtime: OnceLock<Arc<Runtime>>,
    nodes: RwLock<Present>,
}

impl Node {
    fn new(door: Door, peer: PeerId, identity: &PeerIdentity, hostname: Option<String>) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            door,
            peer,
            id: identity.node(),
            service: identity.service().as_str().to_owned(),
            build: identity.build().to_owned(),
            hostname,
            is_enrolled: matches!(identity.proof(), Proof::Enrolled { .. }),
            since: since.unwrap_or_default(),
            joined: Instant::now(),
            heard_ms: AtomicU64::new(0),
        }
    }

    /// Its name as text.
    pub(crate) fn name(&self) -> String {
        Uuid::from_bytes(self.id.0).to_string()
    }

    /// How long it has been there.
    pub(crate) fn age(&self) -> Duration {
        self.joined.elapsed()
    }

    /// It said something.
    pub(crate) fn heard(&self) {
        let after = u64::try_from(self.age().as_millis()).unwrap_or(u64::MAX);
        self.heard_ms.store(after, Ordering::Relaxed);
    }

    /// How long ago it said something; pings are not counted.
    pub(crate) fn silence(&self) -> Duration {
        let heard = Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        self.age().saturating_sub(heard)
    }

    /// What programs may know of it.
    pub(crate) fn info(&self) -> NodeInfo {
        NodeInfo {
            node: self.name(),
            service: self.service.clone(),
            hostname: self.hostname.clone(),
            since: self.since,
        }
    }
}

impl Nodes {
    /// Nobody yet; `registry` knows the machines of those that come with a key.
    pub(crate) fn new(registry: Option<Arc<Registry>>) -> Self {
        Self {
            registry,
            runtime: OnceLock::new(),
            nodes: RwLock::default(),
        }
    }

    /// The world whose hooks are called is there.
    pub(crate) fn serve(&self, runtime: Arc<Runtime>) {
        let _ = self.runtime.set(runtime);
    }

    /// A peer has come.
    pub(crate) fn up(&self, door: Door, peer: PeerId, identity: &PeerIdentity) -> Arc<Node> {
        let node = Arc::new(Node::new(door, peer, identity, self.hostname(identity)));
        tracing::info!(node = %node.name(), service = node.service, build = node.build, hostname = node.hostname, "node up");
        self.nodes.write().insert((door, peer), Arc::clone(&node));
        if let Some(runtime) = self.runtime.get() {
            runtime.node_up(&node.info());
        }
        node
    }

    /// A peer has gone.
    pub(crate) fn down(&self, door: Door, peer: PeerId, reason: GoneReason) {
        let Some(node) = self.nodes.write().remove(&(door, peer)) else {
            return;
        };
        let word = why(reason);
        tracing::info!(node = %node.name(), service = node.service, reason = word.as_str(), detail = ?reason, "node down");
        if let Some(runtime) = self.runtime.get() {
            runtime.node_down(&node.info(), word);
        }
    }

    /// Everybody who is there, those that came first in front.
    pub(crate) fn all(&self) -> Vec<Arc<Node>> {
        let mut nodes: Vec<_> = self.nodes.read().values().cloned().collect();
        nodes.sort_by_key(|node| (node.joined, node.peer));
        nodes
    }

    fn hostname(&self, identity: &PeerIdentity) -> Option<String> {
        let registry = self.registry.as_ref()?;
        let peer = registry.by_uuid(Uuid::from_bytes(identity.node().0))?;
        Some(peer.hostname.clone())
    }
}

/// The link's reason in the world's words.
fn why(reason: GoneReason) -> NodeGone {
    match reason {
        GoneReason::Silent => NodeGone::HeartbeatTimeout,
        GoneReason::Left => NodeGone::GracefulShutdown,
        GoneReason::Revoked => NodeGone::Revoked,
        GoneReason::Replaced => NodeGone::Replaced,
        _ => NodeGone::Disconnected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moor_link::ServiceType;

    fn identity(node: u8, service: &str) -> PeerIdentity {
        let service = ServiceType::new(service).expect("a service");
        PeerIdentity::new(NodeId([node; 16]), service, "1".into(), Proof::SameUser)
    }

    #[test]
    fn the_two_links_number_their_peers_apart() {
        let nodes = Nodes::new(None);
        nodes.up(Door::Hosts, PeerId(1), &identity(1, "telnet-host"));
        nodes.up(Door::Workers, PeerId(1), &identity(2, "curl-worker"));
        nodes.down(Door::Hosts, PeerId(1), GoneReason::Left);
        let left = nodes.all();
        let names: Vec<_> = left.iter().map(|node| node.service.as_str()).collect();
        assert_eq!(names, ["curl-worker"]);
        assert_eq!(left[0].name(), "02020202-0202-0202-0202-020202020202");
        nodes.down(Door::Workers, PeerId(7), GoneReason::Left);
        assert_eq!(nodes.all().len(), 1);
    }

    #[test]
    fn reasons_are_told_in_the_worlds_words() {
        let words = [
            (GoneReason::Silent, "heartbeat_timeout"),
            (GoneReason::Left, "graceful_shutdown"),
            (GoneReason::Revoked, "revoked"),
            (GoneReason::Replaced, "replaced"),
            (GoneReason::Disconnected, "disconnected"),
            (GoneReason::Slow, "disconnected"),
            (GoneReason::Protocol, "disconnected"),
        ];
        for (reason, word) in words {
            assert_eq!(why(reason).as_str(), word);
        }
    }
}
