//! Asks for names: hosts at the system or at given name servers, service records at name servers.
//!
//! In: a name, who answers for names. Out: addresses, best first. Blocks; bounded by
//! [`LOOKUP_TIME_MAX`] where we ask ourselves, and by the system where it does.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::{Resolver, TokioResolver};

use super::{NameError, Place};
use crate::bounds::{LOOKUP_TIME_MAX, TARGETS_MAX};
use crate::config::NameSource;

/// Tries of one name server, each with its share of the time.
const TRIES: u32 = 2;

/// Every address of a host.
pub(super) fn host(
    name: &str,
    port: u16,
    source: &NameSource,
) -> Result<Vec<SocketAddr>, NameError> {
    let found = match source {
        NameSource::System => system(name, port)?,
        NameSource::Servers(_) => ask(source, async |resolver| {
            addresses(resolver, name, port).await
        })?,
    };
    if found.is_empty() {
        return Err(NameError::Unknown);
    }
    Ok(found)
}

/// The hosts file, name switch and name servers of the system.
fn system(name: &str, port: u16) -> Result<Vec<SocketAddr>, NameError> {
    match (name, port).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        // The system's library does not say which: a name server that is away gives the same kind of error.
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(NameError::NoAnswer),
        Err(_) => Err(NameError::Unknown),
    }
}

async fn addresses(
    resolver: &TokioResolver,
    name: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, NameError> {
    let found = resolver
        .lookup_ip(name)
        .await
        .map_err(|error| name_error(&error))?;
    Ok(found
        .iter()
        .map(|ip: IpAddr| SocketAddr::new(ip, port))
        .collect())
}

/// Every address of every target of a service, by priority and weight.
pub(super) fn service(name: &str, source: &NameSource) -> Result<Vec<Place>, NameError> {
    let records = ask(source, async |resolver| records(resolver, name).await)?;
    let mut places = Vec::new();
    let mut last = Err(NameError::Unknown);
    for record in ordered(records, random_below) {
        let target = record.target.to_ascii();
        match host(&target, record.port, source) {
            Ok(found) => places.extend(found.into_iter().map(|at| Place::tcp(&target, at))),
            Err(error) => last = Err(error),
        }
    }
    if places.is_empty() {
        return last;
    }
    Ok(places)
}

async fn records(resolver: &TokioResolver, name: &str) -> Result<Vec<SRV>, NameError> {
    let found = resolver
        .srv_lookup(name)
        .await
        .map_err(|error| name_error(&error))?;
    let records = found
        .answers()
        .iter()
        .filter_map(|record| match &record.data {
            // A target of "." says that there is no such service.
            RData::SRV(record) if !record.target.is_root() => Some(record.clone()),
            _ => None,
        });
    Ok(records.take(TARGETS_MAX).collect())
}

/// RFC 2782's order: by priority; among equals by lot, weighted. `below(n)` draws from 0 to n.
fn ordered(mut records: Vec<SRV>, mut below: impl FnMut(u64) -> u64) -> Vec<SRV> {
    let mut order = Vec::with_capacity(records.len());
    while let Some(priority) = records.iter().map(|record| record.priority).min() {
        // Weight 0 first, so that it has a small chance rather than none.
        records.sort_by_key(|record| (record.priority, record.weight));
        let equals = records
            .iter()
            .take_while(|record| record.priority == priority);
        let lot = below(equals.clone().map(|record| u64::from(record.weight)).sum());
        let mut sum = 0;
        let drawn = equals.clone().position(|record| {
            sum += u64::from(record.weight);
            sum >= lot
        });
        order.push(records.remove(drawn.unwrap_or(0)));
    }
    order
}

/// From 0 to `most`. Without random bytes always 0, which keeps an order that is right too.
fn random_below(most: u64) -> u64 {
    getrandom::u64().unwrap_or(0) % (most + 1)
}

/// Runs a question against name servers, on a small runtime of its own: questions are rare.
fn ask<T>(
    source: &NameSource,
    question: impl AsyncFnOnce(&TokioResolver) -> Result<T, NameError>,
) -> Result<T, NameError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|_| NameError::NoServers)?;
    runtime.block_on(async {
        let resolver = resolver(source)?;
        tokio::time::timeout(LOOKUP_TIME_MAX, question(&resolver))
            .await
            .unwrap_or(Err(NameError::NoAnswer))
    })
}

fn resolver(source: &NameSource) -> Result<TokioResolver, NameError> {
    let mut builder = match source {
        NameSource::System => Resolver::builder_tokio().map_err(|error| {
            tracing::warn!(%error, "the system's name servers cannot be read");
            NameError::NoServers
        })?,
        NameSource::Servers(servers) => {
            let servers = servers.iter().map(name_server).collect();
            Resolver::builder_with_config(
                ResolverConfig::from_parts(None, Vec::new(), servers),
                TokioRuntimeProvider::default(),
            )
        }
    };
    let options = builder.options_mut();
    // Each attempt to connect asks anew.
    options.cache_size = 0;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.timeout = LOOKUP_TIME_MAX / TRIES - Duration::from_millis(100);
    options.attempts = 1;
    builder.build().map_err(|_| NameError::NoServers)
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![
        at_port(ConnectionConfig::udp()),
        at_port(ConnectionConfig::tcp()),
    ];
    NameServerConfig::new(address.ip(), true, connections)
}

fn name_error(error: &NetError) -> NameError {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(_)) | NetError::Proto(_) => NameError::Unknown,
        _ => NameError::NoAnswer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::rr::Name;

    fn record(priority: u16, weight: u16, port: u16) -> SRV {
        let target = Name::from_ascii("a.example.").expect("name");
        SRV::new(priority, weight, port, target)
    }

    fn ports(records: Vec<SRV>, below: impl FnMut(u64) -> u64) -> Vec<u16> {
        let ordered = ordered(records, below);
        ordered.iter().map(|record| record.port).collect()
    }

    #[test]
    fn service_records_are_ordered_by_priority_then_by_weighted_lot() {
        let records = || {
            vec![
                record(20, 0, 5),
                record(10, 60, 1),
                record(10, 40, 2),
                record(10, 0, 3),
            ]
        };
        assert_eq!(ports(records(), |_| 0), [3, 2, 1, 5], "the lowest lot");
        assert_eq!(ports(records(), |most| most), [1, 2, 3, 5], "the highest");
        assert_eq!(ports(records(), |most| most.min(40)), [2, 1, 3, 5]);
        assert_eq!(ports(Vec::new(), |_| 0), Vec::<u16>::new());
    }

    #[test]
    fn weights_are_the_shares_of_first_places() {
        let mut first = [0u32; 3];
        for lot in 0..=100 {
            let records = vec![record(1, 75, 1), record(1, 25, 2)];
            first[usize::from(ports(records, |most| lot.min(most))[0])] += 1;
        }
        assert_eq!(first, [0, 75, 26]);
    }
}
