//! Which keys may enter a server's endpoints: those that are enrolled now, each kind of program only where
//! it has business.
//!
//! In: proved keys with the domain they knock at. Out: the UUID of an enrollment, or no. Deny by default.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use moor_keyring::{Domain, PublicKey, may_enter};

use super::Counters;
use crate::security::ServerKeys;
use crate::zap::{Judge, Knock};

/// At most one line of the log in this time is about refused keys: anybody can cause them.
const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// Judges by the registry.
pub(crate) struct RegistryJudge {
    keys: Arc<ServerKeys>,
    counters: Arc<Counters>,
    next_line: Instant,
}

impl RegistryJudge {
    pub(crate) fn new(keys: Arc<ServerKeys>, counters: Arc<Counters>) -> Self {
        Self {
            keys,
            counters,
            next_line: Instant::now(),
        }
    }

    fn domain(&self, name: &str) -> Option<Domain> {
        [self.keys.rpc, self.keys.events]
            .into_iter()
            .find(|domain| domain.as_str() == name)
    }

    fn refused(&mut self, knock: &Knock<'_>) {
        self.counters.keys_refused.fetch_add(1, Ordering::Relaxed);
        let endpoint = self.domain(knock.domain).map_or("none", Domain::as_str);
        metrics::counter!("moor_authentication_failures_total", "endpoint" => endpoint)
            .increment(1);
        let now = Instant::now();
        if now < self.next_line {
            return;
        }
        self.next_line = now + LINE_INTERVAL;
        tracing::warn!(
            target: "moor_audit",
            key = %PublicKey::from_bytes(knock.key),
            address = knock.address,
            endpoint = knock.domain,
            "a key was refused"
        );
    }
}

impl Judge for RegistryJudge {
    fn judge(&mut self, knock: Knock<'_>) -> Option<String> {
        let admitted = self.domain(knock.domain).and_then(|domain| {
            let peer = self
                .keys
                .registry
                .by_key(&PublicKey::from_bytes(knock.key))?;
            may_enter(&peer.service, domain).then_some(peer)
        });
        match admitted {
            Some(peer) => Some(peer.uuid.to_string()),
            None => {
                self.refused(&knock);
                None
            }
        }
    }

    fn malformed(&mut self) {
        self.counters.keys_refused.fetch_add(1, Ordering::Relaxed);
    }
}
