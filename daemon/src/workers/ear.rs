//! The workers' link, heard: workers that come, report and go.
//!
//! In: events of the link, on its I/O thread. Out: the same for the rules of workers and for the list of nodes. Nothing
//! here waits.

use std::collections::HashMap;
use std::sync::Arc;

use moor_keyring::{Domain, may_enter};
use moor_link::{
    GoneReason, PeerId, PeerIdentity, Refusal, RefusalCode, ServerEvent, ServerHandler,
};
use moor_rpc::WorkerReport;

use super::dispatcher::Parting;
use super::{Workers, kind_of};
use crate::nodes::{Door, Node, Nodes};

/// The ear.
pub(crate) struct WorkersEar {
    workers: Arc<Workers>,
    nodes: Arc<Nodes>,
    present: HashMap<PeerId, Arc<Node>>,
}

impl WorkersEar {
    /// An ear for these.
    pub(crate) fn new(workers: Arc<Workers>, nodes: Arc<Nodes>) -> Self {
        Self {
            workers,
            nodes,
            present: HashMap::new(),
        }
    }

    fn payload(&self, peer: PeerId, identity: &PeerIdentity, payload: &[u8]) {
        if identity.is_revoked() {
            return;
        }
        if let Some(node) = self.present.get(&peer) {
            node.heard();
        }
        match moor_rpc::decode::<WorkerReport>(payload) {
            Ok(report) => self.workers.report(peer, report),
            Err(error) => tracing::warn!(node = ?identity.node(), %error, "malformed report"),
        }
    }
}

/// Only workers have business here, of whatever kind; asked before anything of them is looked at.
pub(crate) fn judge_service(identity: &PeerIdentity) -> Result<(), Refusal> {
    let service = identity.service().as_str();
    if may_enter(service, Domain::WorkersResponse) {
        return Ok(());
    }
    let text = format!("{service} has no business at the endpoint of workers");
    Err(Refusal::new(RefusalCode::Service, text))
}

impl ServerHandler for WorkersEar {
    fn event(&mut self, event: ServerEvent) -> Result<(), ServerEvent> {
        match event {
            ServerEvent::Joined { peer, identity } => {
                if let Some(kind) = kind_of(identity.service().as_str()) {
                    let node = self.nodes.up(Door::Workers, peer, &identity);
                    self.present.insert(peer, node);
                    self.workers.joined(peer, identity.node(), kind);
                }
            }
            ServerEvent::Request {
                peer,
                identity,
                payload,
            } => self.payload(peer, &identity, &payload),
            ServerEvent::Gone { peer, reason, .. } => {
                let parting = match reason {
                    GoneReason::Left => Parting::Left,
                    GoneReason::Revoked => Parting::ThrownOut,
                    _ => Parting::Broken,
                };
                self.workers.gone(peer, parting);
                self.present.remove(&peer);
                self.nodes.down(Door::Workers, peer, reason);
            }
            _ => {}
        }
        Ok(())
    }
}
