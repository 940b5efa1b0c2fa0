//! The doors of the daemon: a link for hosts, one for workers, a counter for enrollment.
//!
//! In: addresses, keys, what listens to each link. Out: bound sockets, whose addresses a program can read. All of them
//! are bound before there is a world: an address that is in use must not leave a new data directory behind.

use std::sync::Arc;

use anyhow::{Context, Result};
use moor_keyring::Domain;
use moor_link::{
    Endpoint, Heartbeat, Security, Server, ServerConfig, ServerHandler, ServerKeys, ServiceType,
    enrollment,
};
use moor_rpc::PROTOCOL_VERSION;

use crate::addresses::Addresses;
use crate::credentials::Credentials;
use crate::permits;

/// The running links.
pub(crate) struct Links {
    /// That of hosts.
    pub(crate) hosts: Server,
    /// That of workers.
    pub(crate) workers: Server,
    /// Where programs of other machines become known.
    pub(crate) enrollment: Option<Arc<enrollment::Server>>,
}

/// How links are started.
pub(crate) struct LinkOptions<'a> {
    /// Where.
    pub(crate) addresses: Addresses,
    /// What protects addresses on the network; needed if there is one.
    pub(crate) credentials: Option<&'a Credentials>,
    /// When peers count as lost.
    pub(crate) heartbeat: Heartbeat,
    /// Threads of libzmq for each link.
    pub(crate) io_threads: u16,
}

impl Links {
    /// Binds every address.
    ///
    /// # Errors
    /// One cannot be bound; the message names it.
    pub(crate) fn start(
        options: LinkOptions<'_>,
        hosts: impl ServerHandler,
        workers: impl ServerHandler,
    ) -> Result<Self> {
        let own = options.addresses.clone();
        let mut config = options.config(own.rpc, own.events, [Domain::Rpc, Domain::Events]);
        config.services = permits::hosts()
            .map(ServiceType::new)
            .collect::<Result<_, _>>()?;
        let hosts = Server::start(config, hosts).context("hosts cannot be served")?;
        let domains = [Domain::WorkersResponse, Domain::WorkersRequest];
        let mut config = options.config(own.workers_response, own.workers_request, domains);
        config.handler_judges_services = true;
        let workers = Server::start(config, workers).context("workers cannot be served")?;
        let enrollment = options.start_enrollment(own.enrollment)?.map(Arc::new);
        Ok(Self {
            hosts,
            workers,
            enrollment,
        })
    }

    /// Nobody is enrolled any more, peers hear goodbye, and what waits for them is sent first.
    pub(crate) fn shutdown(self) {
        drop(self.enrollment);
        self.workers.shutdown();
        self.hosts.shutdown();
    }

    /// Says where others can come, in lines that a program can read.
    pub(crate) fn announce(&self) {
        let (hosts, workers) = (self.hosts.handle(), self.workers.handle());
        let (hosts, workers) = (hosts.endpoints(), workers.endpoints());
        let enrollment = self.enrollment.as_deref();
        let lists = [
            ("rpc", &*hosts.rpc),
            ("events", &*hosts.events),
            ("workers-request", &*workers.events),
            ("workers-response", &*workers.rpc),
            (
                "enrollment",
                enrollment.map_or(&[], enrollment::Server::endpoints),
            ),
        ];
        for (what, endpoints) in lists {
            for endpoint in endpoints {
                tracing::info!(%endpoint, "{what} listening");
            }
        }
    }
}

impl LinkOptions<'_> {
    fn config(
        &self,
        rpc: Vec<Endpoint>,
        events: Vec<Endpoint>,
        [rpc_domain, events_domain]: [Domain; 2],
    ) -> ServerConfig {
        let mut config = ServerConfig::new(rpc, events, PROTOCOL_VERSION, Vec::new());
        config.build = moor_node::long_version();
        config.heartbeat = self.heartbeat;
        config.io_threads = self.io_threads;
        if let Some(credentials) = self.credentials {
            config.security = Security::Curve(Arc::new(ServerKeys {
                pair: Arc::clone(&credentials.pair),
                registry: Arc::clone(credentials.desk.registry()),
                rpc: rpc_domain,
                events: events_domain,
            }));
        }
        config
    }

    fn start_enrollment(&self, listen: Vec<Endpoint>) -> Result<Option<enrollment::Server>> {
        let Some(credentials) = self.credentials.filter(|_| !listen.is_empty()) else {
            if self.addresses.has_network() {
                tracing::info!(
                    "no --enrollment-listen: programs of other machines come in only if they are enrolled already"
                );
            }
            return Ok(None);
        };
        let pair = Arc::clone(&credentials.pair);
        let mut config = enrollment::ServerConfig::new(listen, pair, PROTOCOL_VERSION);
        config.build = moor_node::long_version();
        let clerk = Arc::clone(&credentials.desk);
        let server = enrollment::Server::start(config, clerk).context("nobody can be enrolled")?;
        credentials.ensure_token()?;
        Ok(Some(server))
    }
}
