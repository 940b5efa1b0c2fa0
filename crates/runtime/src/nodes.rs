//! Programs around the daemon that come and go, as the world hears of them.
//!
//! In: what the daemon's links notice. Out: hooks of `#0`, and sessions that end with their host's key. How a
//! link is watched is not known here.

use moor_value::Value;

use crate::cluster::{NodeGone, NodeInfo};
use crate::hooks::Hook;
use crate::ids::HostId;
use crate::runtime::Runtime;

/// What a user is told whose host's key was taken back, unless `$server_options.revoked_msg` says otherwise.
const REVOKED: (&str, &str) = (
    "revoked_msg",
    "*** Disconnected: your connection's host is no longer trusted by this server ***",
);

impl Runtime {
    /// A host or worker is there: `#0:node_up(node)`, where node is a map as of `cluster_nodes()`.
    pub fn node_up(&self, node: &NodeInfo) {
        self.submit_hook(Hook::of_system("node_up", vec![node.to_value()]));
    }

    /// A host or worker is gone: `#0:node_down(node, reason)`; see [`NodeGone::as_str`].
    pub fn node_down(&self, node: &NodeInfo, reason: NodeGone) {
        let args = vec![node.to_value(), Value::from(reason.as_str())];
        self.submit_hook(Hook::of_system("node_down", args));
    }

    /// A host's key was taken back: its sessions end at once, each after `user_disconnected`. No line of theirs is
    /// begun any more.
    pub fn host_revoked(&self, host: HostId) {
        for session in self.sessions.all() {
            let (is_of_host, handler, player) = {
                let state = session.lock();
                let record = &state.record;
                (record.host() == host, record.handler(), record.player())
            };
            if is_of_host {
                self.end_with(
                    &session,
                    handler,
                    player,
                    Some("user_disconnected"),
                    REVOKED,
                );
            }
        }
        self.host_gone(host);
    }
}
