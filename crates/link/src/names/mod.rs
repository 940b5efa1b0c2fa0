//! From addresses to endpoints: what a pair of RPC and events addresses stands for at this moment.
//!
//! In: two [`Address`]es, who answers for names. Out: [`Target`]s, pairs of endpoints that one machine
//! serves, in the order in which they are to be tried. Waits for name servers, so it runs on the scout's
//! thread, and keeps nothing: each attempt to connect asks again.

mod lookup;
mod pairing;

use std::net::SocketAddr;

use crate::address::Address;
use crate::config::NameSource;
use crate::endpoint::Endpoint;
pub(crate) use pairing::Target;

/// A name stands for nothing that can be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name servers know no address or service record of that name.
    #[error("no such name; check its spelling and the name servers of this machine")]
    Unknown,
    /// No name server answered in time.
    #[error("no name server answered; check the name servers of this machine")]
    NoAnswer,
    /// The machine has no usable configuration of name servers.
    #[error("no name servers are configured on this machine")]
    NoServers,
    /// The RPC and the events address name different machines.
    #[error("no machine is named by both the RPC and the events address; name the same in both")]
    Unpaired,
}

/// One place that an address stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// The host as a service record names it, in lower case; empty for other addresses.
    host: String,
    at: Endpoint,
}

impl Place {
    fn fixed(endpoint: &Endpoint) -> Self {
        Self {
            host: String::new(),
            at: endpoint.clone(),
        }
    }

    fn tcp(host: &str, address: SocketAddr) -> Self {
        Self {
            host: host.trim_end_matches('.').to_ascii_lowercase(),
            at: Endpoint::Tcp {
                host: address.ip().to_string(),
                port: address.port(),
            },
        }
    }
}

/// What a pair stands for where nothing has to be looked up.
pub(crate) fn at_once(rpc: &Address, events: Option<&Address>) -> Option<Target> {
    let fixed = |address: &Address| address.endpoint().filter(|e| !needs_lookup(e)).cloned();
    let events = match events {
        Some(address) => Some(fixed(address)?),
        None => None,
    };
    Some(Target {
        rpc: fixed(rpc)?,
        events,
    })
}

/// A TCP endpoint with a name instead of a number.
fn needs_lookup(endpoint: &Endpoint) -> bool {
    matches!(endpoint, Endpoint::Tcp { host, .. } if host.parse::<std::net::IpAddr>().is_err())
}

/// Finds what a pair stands for. Blocks for as long as the name servers take.
pub(crate) fn find(
    rpc: &Address,
    events: Option<&Address>,
    source: &NameSource,
) -> Result<Vec<Target>, NameError> {
    let rpc_places = places(rpc, source)?;
    let Some(events) = events else {
        return Ok(pairing::single(rpc_places));
    };
    let events_places = places(events, source)?;
    let both_records = matches!(rpc, Address::Srv { .. }) && matches!(events, Address::Srv { .. });
    pairing::pair(rpc_places, &events_places, both_records)
}

fn places(address: &Address, source: &NameSource) -> Result<Vec<Place>, NameError> {
    let found = match address {
        Address::Endpoint(endpoint) => match endpoint {
            Endpoint::Tcp { host, port } if needs_lookup(endpoint) => {
                lookup::host(host, *port, source)?
            }
            Endpoint::Tcp { .. } | Endpoint::Ipc(_) => return Ok(vec![Place::fixed(endpoint)]),
        },
        Address::Dns { name, port } => lookup::host(name, *port, source)?,
        Address::Srv { name } => return lookup::service(name, source),
    };
    Ok(found
        .into_iter()
        .map(|address| Place::tcp("", address))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().expect(text)
    }

    #[test]
    fn numbers_and_paths_are_known_at_once_and_names_are_not() {
        for text in ["ipc:///a/b.sock", "tcp://127.0.0.1:1", "tcp://[::1]:1"] {
            let target = at_once(&address(text), Some(&address(text))).expect(text);
            assert_eq!(target.rpc.to_string(), text);
            assert_eq!(target.events.expect("events").to_string(), text);
        }
        for text in ["tcp://localhost:1", "dns:localhost:1", "srv:_a._tcp.b"] {
            assert_eq!(at_once(&address(text), None), None, "{text}");
            assert_eq!(
                at_once(&address("ipc:///a"), Some(&address(text))),
                None,
                "{text}"
            );
        }
    }

    #[test]
    fn the_systems_own_names_are_found_for_both_endpoints() {
        let source = NameSource::System;
        for (rpc, events) in [
            ("dns:localhost:7899", "dns:localhost:7898"),
            ("tcp://localhost:7899", "tcp://localhost:7898"),
        ] {
            let targets = find(&address(rpc), Some(&address(events)), &source).expect(rpc);
            assert!(!targets.is_empty());
            for target in targets {
                let events = target.events.expect("events");
                let rpc = target.rpc.to_string();
                assert_eq!(rpc.replace("7899", "7898"), events.to_string());
                assert!(target.rpc.is_loopback_tcp(), "{rpc}");
            }
        }
    }
}
