//! Names to addresses, of which only those that may be reached come out.
//!
//! In: a name, once for each new connection. Out: addresses that the rules have let through; the connection is made to one of
//! exactly these, so that a name that changes its answers gains nothing. URLs with an address instead of a name do
//! not come here: they are judged before each request.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::AddressRules;
use crate::fault::Unresolved;

/// An answer to come.
pub type Answer = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Where addresses of names come from.
pub trait Names: Send + Sync + 'static {
    /// All addresses of `name`.
    fn addresses(&self, name: String) -> Answer;
}

/// The operating system's resolver, with its hosts file and its caches.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

impl Names for SystemNames {
    fn addresses(&self, name: String) -> Answer {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The resolver that the HTTP client is given.
pub struct GuardedResolver<N> {
    names: Arc<N>,
    rules: Arc<AddressRules>,
}

impl<N: Names> GuardedResolver<N> {
    /// Lets through what `rules` let through.
    #[must_use]
    pub fn new(names: N, rules: Arc<AddressRules>) -> Self {
        Self {
            names: Arc::new(names),
            rules,
        }
    }
}

impl<N: Names> Resolve for GuardedResolver<N> {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, rules) = (self.names.clone(), self.rules.clone());
        Box::pin(async move {
            let name = name.as_str().trim_end_matches('.').to_owned();
            let found = find(&*names, &name).await;
            let reached = reachable(&rules, &name, found)?;
            Ok(Box::new(reached.into_iter()) as Addrs)
        })
    }
}

/// `localhost` and what is below it is this machine, whatever a resolver may say (RFC 6761).
async fn find(names: &dyn Names, name: &str) -> Vec<IpAddr> {
    if is_localhost(name) {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    names
        .addresses(name.to_owned())
        .await
        .unwrap_or_else(|error| {
            tracing::debug!(name, %error, "no address");
            Vec::new()
        })
}

fn is_localhost(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.eq_ignore_ascii_case("localhost")
}

fn reachable(
    rules: &AddressRules,
    name: &str,
    found: Vec<IpAddr>,
) -> Result<Vec<SocketAddr>, Unresolved> {
    let mut unresolved = Unresolved::NotFound;
    let mut reached = Vec::with_capacity(found.len());
    for address in found {
        match rules.judge(address) {
            // The client puts the URL's port in the place of 0.
            Ok(()) => reached.push(SocketAddr::new(address, 0)),
            Err(blocked) => {
                tracing::info!(name, %address, %blocked, "blocked");
                unresolved = Unresolved::Blocked(blocked);
            }
        }
    }
    match reached.is_empty() {
        true => Err(unresolved),
        false => Ok(reached),
    }
}
