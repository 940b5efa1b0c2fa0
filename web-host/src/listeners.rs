//! The one place where users of this host arrive, as the hub and the world know it.
//!
//! In: where the host listens. Out: that, and refusals: a world cannot open ports for HTTP.

use moor_rpc::{ListenError, ListenResult, ListenerId, ListenerInfo};

/// The host's own listener, which is open as long as the host.
pub struct OwnListener(pub ListenerInfo);

impl moor_host::Listeners for OwnListener {
    fn infos(&self) -> Vec<ListenerInfo> {
        vec![self.0.clone()]
    }

    fn open(&mut self, wanted: &ListenerInfo) -> ListenResult {
        let refused = ListenError::NotAllowed {
            port: wanted.port,
            why: "this host speaks HTTP at its own address only".into(),
        };
        ListenResult {
            listener: wanted.id,
            result: Err(refused),
        }
    }

    fn close(&mut self, id: ListenerId) -> ListenResult {
        ListenResult {
            listener: id,
            result: Err(ListenError::Unknown),
        }
    }

    /// The HTTP server stops accepting by itself when the drain begins.
    fn close_all(&mut self) {}
}
