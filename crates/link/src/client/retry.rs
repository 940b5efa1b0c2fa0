//! The pause before the next attempt to connect: exponential with full jitter.
//!
//! In: attempts that failed. Out: durations. Knows nothing of sockets or clocks.

use std::time::Duration;

use crate::config::Retry;

/// Counts the failures since the last success.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause after one more failure. `random` is any number.
    pub(crate) fn pause(&mut self, retry: &Retry, random: u64) -> Duration {
        let ceiling = retry
            .first
            .saturating_mul(1 << self.failures.min(31))
            .min(retry.max);
        self.failures = self.failures.saturating_add(1);
        let micros = u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(random % micros.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_its_bound_and_starts_again() {
        let retry = Retry {
            first: Duration::from_secs(1),
            max: Duration::from_secs(30),
        };
        let mut backoff = Backoff::default();
        for ceiling_s in [1, 2, 4, 8, 16, 30, 30] {
            let ceiling = Duration::from_secs(ceiling_s);
            let same = Backoff {
                failures: backoff.failures,
            }
            .pause(&retry, 0);
            assert_eq!(same, Duration::ZERO, "full jitter reaches down to nothing");
            assert_eq!(backoff.pause(&retry, ceiling.as_micros() as u64), ceiling);
        }
        backoff.reset();
        assert!(backoff.pause(&retry, u64::MAX) <= Duration::from_secs(1));
    }

    #[test]
    fn never_overflows() {
        let mut backoff = Backoff { failures: u32::MAX };
        assert!(
            backoff.pause(
                &Retry {
                    first: Duration::MAX,
                    max: Duration::MAX
                },
                7
            ) <= Duration::MAX
        );
    }
}
