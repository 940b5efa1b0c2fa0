//! Which events endpoint goes with which RPC endpoint: that of the same machine.
//!
//! In: what two addresses stand for. Out: pairs, in the order of the first. Looks nothing up.

use super::{NameError, Place};
use crate::bounds::TARGETS_MAX;
use crate::endpoint::Endpoint;

/// A server to try: the two endpoints of one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) rpc: Endpoint,
    /// `None` for a server that publishes nothing.
    pub(crate) events: Option<Endpoint>,
}

/// Targets of a server without an events endpoint.
pub(super) fn single(rpc: Vec<Place>) -> Vec<Target> {
    let targets = rpc.into_iter().take(TARGETS_MAX).map(|place| Target {
        rpc: place.at,
        events: None,
    });
    targets.collect()
}

fn same_ip(a: &Place, b: &Place) -> bool {
    match (&a.at, &b.at) {
        (Endpoint::Tcp { host: a, .. }, Endpoint::Tcp { host: b, .. }) => a == b,
        _ => false,
    }
}

/// Joins each RPC place with an events place. Two service records (`both_records`) must name the same host;
/// otherwise the same IP address is taken where there is one, and else the first answer: two names may stand
/// for two ways into one machine.
pub(super) fn pair(
    rpc: Vec<Place>,
    events: &[Place],
    both_records: bool,
) -> Result<Vec<Target>, NameError> {
    let partner = |place: &Place| {
        let mut hosts = events
            .iter()
            .filter(|other| !both_records || other.host == place.host);
        let first = hosts.clone().next();
        hosts.find(|other| same_ip(place, other)).or(first)
    };
    let targets: Vec<Target> = rpc
        .into_iter()
        .filter_map(|place| {
            let events = Some(partner(&place)?.at.clone());
            Some(Target {
                rpc: place.at,
                events,
            })
        })
        .take(TARGETS_MAX)
        .collect();
    if targets.is_empty() {
        return Err(NameError::Unpaired);
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(host: &str, address: &str) -> Place {
        Place::tcp(host, address.parse().expect(address))
    }

    fn pairs(targets: &[Target]) -> Vec<String> {
        let text = |target: &Target| {
            let events = target.events.as_ref().expect("events");
            format!("{} {events}", target.rpc)
        };
        targets.iter().map(text).collect()
    }

    #[test]
    fn the_same_ip_is_taken_whatever_the_order_of_the_answers() {
        let rpc = vec![place("", "10.0.0.1:1"), place("", "10.0.0.2:1")];
        let events = [place("", "10.0.0.2:2"), place("", "10.0.0.1:2")];
        assert_eq!(
            pairs(&pair(rpc, &events, false).expect("pairs")),
            [
                "tcp://10.0.0.1:1 tcp://10.0.0.1:2",
                "tcp://10.0.0.2:1 tcp://10.0.0.2:2"
            ]
        );
    }

    #[test]
    fn two_names_of_different_addresses_are_joined_all_the_same() {
        let events = [place("", "10.0.0.9:2")];
        let targets = pair(vec![place("", "10.0.0.1:1")], &events, false).expect("pairs");
        assert_eq!(pairs(&targets), ["tcp://10.0.0.1:1 tcp://10.0.0.9:2"]);
    }

    #[test]
    fn service_records_pair_by_host_alone() {
        let rpc = || {
            vec![
                place("A.example.", "10.0.0.1:1"),
                place("b.example", "10.0.0.2:1"),
            ]
        };
        let events = [
            place("c.example", "10.0.0.1:2"),
            place("a.example", "10.0.0.5:2"),
        ];
        let targets = pair(rpc(), &events, true).expect("one");
        assert_eq!(pairs(&targets), ["tcp://10.0.0.1:1 tcp://10.0.0.5:2"]);
        assert_eq!(
            pair(rpc(), &events[..1], true),
            Err(NameError::Unpaired),
            "the same number under another name is another service"
        );
    }

    #[test]
    fn no_more_targets_than_the_bound() {
        let many = |n: usize| vec![place("", "10.0.0.1:1"); n];
        assert_eq!(single(many(TARGETS_MAX)).len(), TARGETS_MAX);
        assert_eq!(single(many(TARGETS_MAX + 1)).len(), TARGETS_MAX);
        let targets = pair(many(TARGETS_MAX + 1), &many(1), false).expect("pairs");
        assert_eq!(targets.len(), TARGETS_MAX);
    }
}
