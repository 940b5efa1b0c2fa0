//! Which connection of the link each host has at the moment.
//!
//! In: peers that come and go. Out: the peer of a host, and the host of a peer.

use std::collections::HashMap;

use moor_link::{PeerId, PeerIdentity};
use moor_runtime::HostId;
use parking_lot::RwLock;

/// The hosts in touch.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    peers: RwLock<HashMap<HostId, PeerId>>,
}

impl Topics {
    /// A host has come, perhaps on a newer connection.
    pub(crate) fn joined(&self, host: HostId, peer: PeerId) {
        self.peers.write().insert(host, peer);
    }

    /// A connection has ended. True when it was the host's present one.
    pub(crate) fn gone(&self, host: HostId, peer: PeerId) -> bool {
        let mut peers = self.peers.write();
        let present = peers.get(&host) == Some(&peer);
        if present {
            peers.remove(&host);
        }
        present
    }

    /// The connection of a host.
    pub(crate) fn peer_of(&self, host: HostId) -> Option<PeerId> {
        self.peers.read().get(&host).copied()
    }

    /// Every connection.
    pub(crate) fn all(&self) -> Vec<PeerId> {
        self.peers.read().values().copied().collect()
    }
}

/// The host that a peer is.
pub(crate) fn host_of(identity: &PeerIdentity) -> HostId {
    HostId(identity.node().0)
}
