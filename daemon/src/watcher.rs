//! The eye on the registry of peers: whoever is thrown out is out within a second, however it was done.
//!
//! In: the files of enrolled peers, four times a second; word of changes that the daemon made itself. Out: both links
//! hold their peers against the registry again, and the sessions of hosts that are gone from it end.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use moor_keyring::Registry;
use moor_link::ServerHandle;
use moor_node::Heartbeat;
use moor_runtime::{HostId, Runtime};
use uuid::Uuid;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_millis(250);

/// What the watcher watches and tells.
pub(crate) struct Watched {
    /// The peers.
    pub(crate) registry: Arc<Registry>,
    /// The links whose peers are held against it.
    pub(crate) links: Vec<ServerHandle>,
    /// Whose sessions end.
    pub(crate) runtime: Arc<Runtime>,
    /// The proof that the eye is open.
    pub(crate) heartbeat: Heartbeat,
}

/// The running watcher.
#[derive(Debug)]
pub(crate) struct Watcher {
    looks: Sender<Wish>,
    thread: JoinHandle<()>,
}

/// Asks the watcher to look at once.
#[derive(Clone, Debug)]
pub(crate) struct Nudge(Sender<Wish>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Look,
    End,
}

impl Nudge {
    /// The registry has changed, or may have.
    pub(crate) fn look(&self) {
        // Full means that it is about to look; gone means that the daemon stops.
        let _ = self.0.try_send(Wish::Look);
    }
}

impl Watcher {
    /// Begins to watch.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn start(watched: Watched) -> Result<Self> {
        let (looks, asked) = bounded(1);
        let thread = std::thread::Builder::new().name("peer-watcher".to_owned());
        let thread = thread.spawn(move || watched.watch(&asked))?;
        Ok(Self { looks, thread })
    }

    /// A way to ask for a look.
    pub(crate) fn nudge(&self) -> Nudge {
        Nudge(self.looks.clone())
    }

    /// Ends the thread.
    pub(crate) fn stop(self) {
        let _ = self.looks.send(Wish::End);
        let _ = self.thread.join();
    }
}

impl Watched {
    fn watch(&self, asked: &Receiver<Wish>) {
        let mut seen = self.enrolled();
        let mut generation = self.registry.generation();
        let mut was_broken = false;
        loop {
            match asked.recv_timeout(INTERVAL) {
                Ok(Wish::Look) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Wish::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
            self.heartbeat.beat();
            let looked = self.registry.refresh();
            match &looked {
                Err(error) if !was_broken => {
                    tracing::error!(%error, "enrolled peers cannot be read; those known stay")
                }
                Ok(_) if was_broken => tracing::info!("enrolled peers can be read again"),
                _ => {}
            }
            was_broken = looked.is_err();
            // Somebody else in this process may have looked first.
            let now = self.registry.generation();
            if now != generation {
                generation = now;
                seen = self.changed(&seen);
            }
        }
    }

    fn enrolled(&self) -> HashSet<Uuid> {
        self.registry.list().iter().map(|peer| peer.uuid).collect()
    }

    /// Tells those who must know; who is enrolled now.
    fn changed(&self, before: &HashSet<Uuid>) -> HashSet<Uuid> {
        for link in &self.links {
            if let Err(error) = link.recheck() {
                tracing::debug!(%error, "a link does not look again");
            }
        }
        let now = self.enrolled();
        for uuid in before.difference(&now) {
            tracing::info!(target: "moor_audit", peer = %uuid, "peer is no longer enrolled");
            self.runtime.host_revoked(HostId(*uuid.as_bytes()));
        }
        now
    }
}
