//! How often an address may try to sign in.
//!
//! In: addresses and the time. Out: yes, or how long to wait. An address has a number of attempts that come back one
//! by one; addresses of IPv6 count by the network that one subscriber has. It does not know what is attempted.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Addresses that are remembered at a time; beyond it those that have tried least are forgotten.
pub const ADDRESSES_MAX: usize = 50_000;

/// The attempts of all addresses.
#[derive(Debug)]
pub struct Attempts {
    burst: u32,
    /// The time in which one attempt comes back.
    refill: Duration,
    /// When each address will have all its attempts again.
    full_at: Mutex<HashMap<IpAddr, Instant>>,
}

/// Too many attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; try again in {} s", .retry_after.as_secs().max(1))]
pub struct TooMany {
    /// Until the next attempt is allowed.
    pub retry_after: Duration,
}

impl Attempts {
    /// `per_minute` attempts (at least 1) at once, and as many again each minute.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let burst = per_minute.max(1);
        Self {
            burst,
            refill: Duration::from_secs(60) / burst,
            full_at: Mutex::default(),
        }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// [`TooMany`], which does not count.
    pub fn attempt(&self, address: IpAddr, now: Instant) -> Result<(), TooMany> {
        let mut full_at = self.full_at.lock();
        if full_at.len() >= ADDRESSES_MAX {
            forget(&mut full_at, now);
        }
        let entry = full_at.entry(subscriber(address)).or_insert(now);
        let next = (*entry).max(now) + self.refill;
        let allowed = now + self.refill * self.burst;
        if next > allowed {
            return Err(TooMany {
                retry_after: next - allowed,
            });
        }
        *entry = next;
        Ok(())
    }
}

/// Forgets whoever has all attempts again; if that is nobody, the half that has most of them.
fn forget(full_at: &mut HashMap<IpAddr, Instant>, now: Instant) {
    full_at.retain(|_, full| *full > now);
    if full_at.len() >= ADDRESSES_MAX {
        let mut times: Vec<_> = full_at.values().copied().collect();
        let (_, middle, _) = times.select_nth_unstable(ADDRESSES_MAX / 2);
        let middle = *middle;
        full_at.retain(|_, full| *full > middle);
    }
}

/// What counts as one: an address of IPv4, the /64 of an address of IPv6.
pub(crate) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            Ipv6Addr::from_bits(network).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[test]
    fn attempts_come_back_one_by_one() {
        let (attempts, start) = (Attempts::new(3), Instant::now());
        let here = address("192.0.2.1");
        for _ in 0..3 {
            assert_eq!(attempts.attempt(here, start), Ok(()));
        }
        let retry_after = Duration::from_secs(20);
        for _ in 0..100 {
            assert_eq!(attempts.attempt(here, start), Err(TooMany { retry_after }));
        }
        assert_eq!(attempts.attempt(address("192.0.2.2"), start), Ok(()));
        assert_eq!(attempts.attempt(here, start + retry_after), Ok(()));
        assert!(attempts.attempt(here, start + retry_after).is_err());
        let later = start + Duration::from_secs(600);
        for _ in 0..3 {
            assert_eq!(attempts.attempt(here, later), Ok(()));
        }
        assert!(attempts.attempt(here, later).is_err());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_and_a_mapped_address_as_itself() {
        let (attempts, now) = (Attempts::new(1), Instant::now());
        assert_eq!(attempts.attempt(address("2001:db8::1"), now), Ok(()));
        assert!(attempts.attempt(address("2001:db8::2"), now).is_err());
        assert_eq!(attempts.attempt(address("2001:db8:0:1::1"), now), Ok(()));
        assert_eq!(attempts.attempt(address("192.0.2.1"), now), Ok(()));
        assert!(attempts.attempt(address("::ffff:192.0.2.1"), now).is_err());
    }

    #[test]
    fn a_flood_of_addresses_is_forgotten_and_a_stubborn_one_is_not() {
        let (attempts, now) = (Attempts::new(2), Instant::now());
        let stubborn = address("192.0.2.1");
        while attempts.attempt(stubborn, now).is_ok() {}
        for n in 0..ADDRESSES_MAX as u32 + 10 {
            let address = IpAddr::from((0x0a00_0000 + n).to_be_bytes());
            assert_eq!(attempts.attempt(address, now), Ok(()));
        }
        assert!(attempts.full_at.lock().len() <= ADDRESSES_MAX);
        assert!(attempts.attempt(stubborn, now).is_err());
    }
}
