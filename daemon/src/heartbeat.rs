//! How often peers are pinged, and when one that is silent counts as lost.
//!
//! In: the flags. Out: the link's heartbeat. It measures nothing.

use std::time::Duration;

use moor_link::Heartbeat;
use moor_node::seconds;

/// The flags.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct HeartbeatArgs {
    /// How often hosts and workers are pinged, and after how many silent pings one counts as lost
    #[arg(long, value_enum, default_value_t, value_name = "PROFILE")]
    heartbeat_profile: Profile,
    /// The time between two pings, in seconds, instead of the profile's
    #[arg(long, value_name = "SECONDS", value_parser = interval)]
    heartbeat_interval: Option<Duration>,
    /// The silent pings after which a peer counts as lost, instead of the profile's
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    heartbeat_misses: Option<u32>,
}

/// Heartbeats for usual networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Profile {
    /// 5 s, 3 misses
    #[default]
    Default,
    /// 1 s, 3 misses: for one machine or a quiet network
    Fast,
    /// 10 s, 5 misses: for links that stall
    Wan,
}

/// An interval is not too short to be one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntervalError {
    /// It is no number of seconds.
    #[error(transparent)]
    Seconds(#[from] moor_node::SecondsError),
    /// It is outside what makes sense.
    #[error(
        "must be from 0.1 to 10 seconds: hosts and workers take 30 seconds without a ping for a failure"
    )]
    OutOfRange,
}

/// Three pings fit the time after which a peer that heard none says that it is unhealthy.
fn interval(text: &str) -> Result<Duration, IntervalError> {
    let interval = seconds(text)?;
    let sane = Duration::from_millis(100)..=Duration::from_secs(10);
    if sane.contains(&interval) {
        Ok(interval)
    } else {
        Err(IntervalError::OutOfRange)
    }
}

impl HeartbeatArgs {
    /// The heartbeat that is meant.
    pub(crate) fn heartbeat(&self) -> Heartbeat {
        let (seconds, misses) = match self.heartbeat_profile {
            Profile::Default => (5, 3),
            Profile::Fast => (1, 3),
            Profile::Wan => (10, 5),
        };
        let interval = Duration::from_secs(seconds);
        Heartbeat {
            interval: self.heartbeat_interval.unwrap_or(interval),
            misses: self.heartbeat_misses.unwrap_or(misses),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_wins_over_the_profile() {
        let of = |profile, interval: Option<u64>, misses| {
            let args = HeartbeatArgs {
                heartbeat_profile: profile,
                heartbeat_interval: interval.map(Duration::from_secs),
                heartbeat_misses: misses,
            };
            let Heartbeat { interval, misses } = args.heartbeat();
            (interval.as_secs(), misses)
        };
        assert_eq!(of(Profile::Default, None, None), (5, 3));
        assert_eq!(of(Profile::Fast, None, None), (1, 3));
        assert_eq!(of(Profile::Wan, None, None), (10, 5));
        assert_eq!(of(Profile::Wan, Some(2), None), (2, 5));
        assert_eq!(of(Profile::Fast, None, Some(9)), (1, 9));
    }

    #[test]
    fn intervals_at_and_past_their_bounds() {
        for good in ["0.1", "10"] {
            assert!(interval(good).is_ok(), "{good}");
        }
        for bad in ["0", "0.09", "10.1", "x"] {
            assert!(interval(bad).is_err(), "{bad}");
        }
    }
}
