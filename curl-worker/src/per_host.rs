//! How many requests one server gets at a time, so that one slow server does not hold all of a worker's places, and
//! no server is flooded.
//!
//! In: a host's name and port. Out: a turn, in the order of asking. Waiting is part of a request's time; whoever
//! waits decides how long.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hosts that are remembered before those that nobody waits for are forgotten.
const HOSTS_REMEMBERED: usize = 1_024;

/// Turns of every host.
#[derive(Debug)]
pub struct PerHost {
    turns_max: usize,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A turn at one host, given back when dropped.
#[derive(Debug)]
pub struct Turn(#[allow(dead_code, reason = "dropping it is its use")] OwnedSemaphorePermit);

impl PerHost {
    /// At most `turns_max` requests at a time for each host, at least one.
    #[must_use]
    pub fn new(turns_max: usize) -> Self {
        Self {
            turns_max: turns_max.max(1),
            hosts: Mutex::new(HashMap::new()),
        }
    }

    /// Waits for a turn at `host`.
    pub async fn turn(&self, host: &str) -> Turn {
        loop {
            // The semaphores are never closed.
            if let Ok(permit) = self.of(host).acquire_owned().await {
                return Turn(permit);
            }
        }
    }

    fn of(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock();
        if hosts.len() >= HOSTS_REMEMBERED {
            // Those who hold or wait for a turn hold the semaphore too.
            hosts.retain(|_, turns| Arc::strong_count(turns) > 1);
        }
        let fresh = || Arc::new(Semaphore::new(self.turns_max));
        hosts.entry(host.to_owned()).or_insert_with(fresh).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn turns_are_counted_for_each_host() {
        let hosts = PerHost::new(2);
        let first = hosts.turn("a:80").await;
        let _second = hosts.turn("a:80").await;
        let _other = hosts.turn("b:80").await;
        let third = hosts.turn("a:80");
        tokio::pin!(third);
        let waited = tokio::time::timeout(Duration::from_millis(10), &mut third).await;
        assert!(waited.is_err(), "a third at once");
        drop(first);
        third.await;
    }

    #[tokio::test]
    async fn hosts_that_nobody_asks_are_forgotten() {
        let hosts = PerHost::new(1);
        let held = hosts.turn("held:80").await;
        for number in 0..3 * HOSTS_REMEMBERED {
            hosts.turn(&format!("{number}:80")).await;
        }
        assert!(hosts.hosts.lock().len() <= HOSTS_REMEMBERED);
        let again = hosts.turn("held:80");
        let waited = tokio::time::timeout(Duration::from_millis(10), again).await;
        assert!(waited.is_err(), "a host was forgotten while it was asked");
        drop(held);
    }
}
