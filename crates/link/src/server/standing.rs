//! Whether a peer may be where it is: what its connection proves, held against the registry as it is now.
//!
//! In: the origin of its messages, its hello, the registry. Out: who it is, and whether that still holds.
//! Sends nothing and keeps no peer.

use std::sync::Arc;

use moor_keyring::{Peer as EnrolledPeer, may_enter};

use crate::frame::{Hello, Refusal, RefusalCode};
use crate::identity::{NodeId, PeerIdentity, Proof};
use crate::origin::Origin;
use crate::security::ServerKeys;

/// How a welcomed peer came in.
#[derive(Debug)]
pub(crate) struct Standing {
    origin: Origin,
    /// Its enrollment, if it came in with a key.
    enrolled: Option<Enrolled>,
}

#[derive(Debug)]
struct Enrolled {
    peer: Arc<EnrolledPeer>,
    /// State of the registry in which it was last found.
    generation: u64,
}

/// The answer to a revoked peer.
pub(crate) fn revoked() -> Refusal {
    Refusal::new(
        RefusalCode::Revoked,
        "this program's enrollment was ended; enroll it again with a new token",
    )
}

/// Whether whoever sends from this origin is enrolled now, or needs not to be.
pub(crate) fn is_known(keys: Option<&ServerKeys>, origin: Origin) -> bool {
    match (origin, keys) {
        (Origin::Open, _) => true,
        (Origin::Enrolled(uuid), Some(keys)) => keys.registry.by_uuid(uuid).is_some(),
        (Origin::Enrolled(_), None) | (Origin::Unclear, _) => false,
    }
}

/// Who says hello. What a key's enrollment says wins over what the hello says; they must agree on the kind of
/// program, which may have changed its mind about its own folder.
pub(crate) fn admit(
    keys: Option<&ServerKeys>,
    open: Proof,
    origin: Origin,
    hello: Hello,
) -> Result<(PeerIdentity, Standing), Refusal> {
    let (node, proof, enrolled) = match (origin, keys) {
        (Origin::Open, _) => (hello.node, open, None),
        (Origin::Enrolled(uuid), Some(keys)) => {
            let generation = keys.registry.generation();
            let peer = keys.registry.by_uuid(uuid).ok_or_else(revoked)?;
            check_service(keys, &peer, &hello)?;
            let proof = Proof::Enrolled { key: peer.key };
            let node = NodeId(*peer.uuid.as_bytes());
            (node, proof, Some(Enrolled { peer, generation }))
        }
        (Origin::Enrolled(_), None) | (Origin::Unclear, _) => {
            return Err(Refusal::new(RefusalCode::Denied, "nothing is proven"));
        }
    };
    let identity = PeerIdentity::new(node, hello.service, hello.build, proof);
    Ok((identity, Standing { origin, enrolled }))
}

fn check_service(keys: &ServerKeys, peer: &EnrolledPeer, hello: &Hello) -> Result<(), Refusal> {
    if peer.service != hello.service.as_str() {
        let text = format!(
            "this key is enrolled as {}, not as {}",
            peer.service, hello.service
        );
        return Err(Refusal::new(RefusalCode::Service, text));
    }
    if !may_enter(&peer.service, keys.rpc) {
        let text = format!(
            "a {} has no business at {}",
            peer.service,
            keys.rpc.as_str()
        );
        return Err(Refusal::new(RefusalCode::Service, text));
    }
    Ok(())
}

impl Standing {
    /// Whether a message of this origin is the peer's own.
    pub(crate) fn is_of(&self, origin: Origin) -> bool {
        self.origin == origin
    }

    /// Whether the peer still may be here. Costs one comparison while the registry has not changed.
    pub(crate) fn is_current(&mut self, keys: Option<&ServerKeys>) -> bool {
        let Some(enrolled) = &mut self.enrolled else {
            return true;
        };
        let Some(registry) = keys.map(|keys| &keys.registry) else {
            return false;
        };
        // Before the look: a change during it is seen the next time.
        let generation = registry.generation();
        if generation == enrolled.generation {
            return true;
        }
        let current = registry.by_uuid(enrolled.peer.uuid);
        let is_same = current.is_some_and(|peer| {
            peer.key == enrolled.peer.key && peer.service == enrolled.peer.service
        });
        if is_same {
            enrolled.generation = generation;
        }
        is_same
    }
}
