//! How often one address may fail to enroll.
//!
//! In: addresses and moments. Out: whether an attempt may be made at all. Attempts that succeed cost nothing, so that
//! a hundred hosts behind one address can come at once. What is remembered is bounded.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, SystemTime};

/// Failures that an address may have at once.
const BURST: u32 = 10;

/// How long it takes until one failure is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(6);

/// Addresses that are remembered. Beyond it those that failed longest ago are forgotten.
const ADDRESSES_MAX: usize = 4_096;

/// Failures of one address that are not yet forgotten.
#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    /// When the oldest of them counts from.
    since: SystemTime,
}

impl Failures {
    fn at(self, now: SystemTime) -> Self {
        // A clock that was set back forgets nothing.
        let age = now.duration_since(self.since).unwrap_or_default();
        let forgotten = u32::try_from(age.as_secs() / FORGET_AFTER.as_secs()).unwrap_or(u32::MAX);
        Self {
            count: self.count.saturating_sub(forgotten),
            since: self.since + FORGET_AFTER.saturating_mul(forgotten.min(self.count)),
        }
    }
}

/// What is remembered of failures.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    failures: HashMap<String, Failures>,
}

/// Whom an address stands for: a network of IPv6 has as many addresses as it likes.
fn party(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.to_string(),
            None => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).to_string(),
        },
        Ok(IpAddr::V4(v4)) => v4.to_string(),
        // What is no address is one party.
        Err(_) => String::new(),
    }
}

impl Limiter {
    /// How long an address must wait before its next attempt; `None` when it need not.
    pub(crate) fn wait(&self, address: &str, now: SystemTime) -> Option<Duration> {
        let failures = self.failures.get(&party(address))?.at(now);
        if failures.count < BURST {
            return None;
        }
        let age = now.duration_since(failures.since).unwrap_or_default();
        Some(FORGET_AFTER.saturating_sub(age).max(Duration::from_secs(1)))
    }

    /// An attempt of an address failed.
    pub(crate) fn failed(&mut self, address: &str, now: SystemTime) {
        let party = party(address);
        if self.failures.len() >= ADDRESSES_MAX && !self.failures.contains_key(&party) {
            self.make_room(now);
        }
        let new = Failures {
            count: 0,
            since: now,
        };
        let failures = self.failures.entry(party).or_insert(new);
        *failures = failures.at(now);
        if failures.count == 0 {
            failures.since = now;
        }
        failures.count = (failures.count + 1).min(BURST);
    }

    fn make_room(&mut self, now: SystemTime) {
        self.failures
            .retain(|_, failures| failures.at(now).count > 0);
        if self.failures.len() < ADDRESSES_MAX {
            return;
        }
        let mut ages: Vec<SystemTime> = self
            .failures
            .values()
            .map(|failures| failures.since)
            .collect();
        let (_, median, _) = ages.select_nth_unstable(ADDRESSES_MAX / 2);
        let median = *median;
        self.failures.retain(|_, failures| failures.since > median);
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn an_address_waits_after_its_failures_and_others_do_not() {
        let mut limiter = Limiter::default();
        for _ in 0..BURST {
            assert_eq!(limiter.wait("192.0.2.1", at(0)), None);
            limiter.failed("192.0.2.1", at(0));
        }
        assert_eq!(limiter.wait("192.0.2.1", at(0)), Some(FORGET_AFTER));
        assert_eq!(limiter.wait("::ffff:192.0.2.1", at(0)), Some(FORGET_AFTER));
        assert_eq!(limiter.wait("192.0.2.2", at(0)), None);
        assert_eq!(limiter.wait("192.0.2.1", at(6)), None);
        limiter.failed("192.0.2.1", at(6));
        assert!(limiter.wait("192.0.2.1", at(6)).is_some());
        assert_eq!(limiter.wait("192.0.2.1", at(1_000)), None);
    }

    #[test]
    fn a_network_of_ipv6_is_one_party() {
        let mut limiter = Limiter::default();
        for number in 0..BURST {
            limiter.failed(&format!("2001:db8::{number:x}"), at(0));
        }
        assert!(limiter.wait("2001:db8::ffff", at(0)).is_some());
        assert_eq!(limiter.wait("2001:db8:0:1::1", at(0)), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut limiter = Limiter::default();
        for number in 0..3 * ADDRESSES_MAX as u32 {
            let address = std::net::Ipv4Addr::from(number).to_string();
            limiter.failed(&address, at(u64::from(number / 1_000)));
            assert!(limiter.failures.len() <= ADDRESSES_MAX);
        }
    }
}
