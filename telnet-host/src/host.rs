//! The host put together: identity, listeners, link, health port, hub.
//!
//! In: checked flags. Out: a running host, and how it ended. What can be wrong is found here, before
//! the first user is let in.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use moor_host::{Bounds, DOWNLINK_MAX, Ear, Hub, Requests, follow_pings};
use moor_link::{Client, ClientConfig, ServiceType};
use moor_node::{Drain, Exit, HealthPort, Liveness, Paths, complain, create_private_dir};
use moor_rpc::{ListenerId, PROTOCOL_VERSION};
use tokio::sync::mpsc;

use crate::PROGRAM;
use crate::config::Args;
use crate::identity::Identity;
use crate::listener::{Listeners, Reception};

/// The kind of program that this host tells the daemon it is.
pub const SERVICE: &str = "telnet-host";

/// Threads that serve sockets. The work for one user is small; more only add switches.
const WORKERS_MAX: usize = 4;

/// What connections may tell the hub before it has looked; then they wait.
const CONNECTION_NEWS_MAX: usize = 1_024;

/// Runs the host until the drain is complete.
///
/// # Errors
/// What stopped it from running, with the flag that mends it.
pub fn run(args: Args, drain: Drain) -> anyhow::Result<Exit> {
    let identity = Identity::take(&data_dir(&args)?)?;
    let config = link_config(&args, &identity)?;
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get().min(WORKERS_MAX));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .context("no threads to be had")?;
    runtime.block_on(serve(&args, config, drain))
}

fn data_dir(args: &Args) -> anyhow::Result<PathBuf> {
    let folder = match &args.data_dir {
        Some(folder) => folder.clone(),
        None => Paths::from_environment()
            .data_dir()
            .context("give --data-dir")?
            .join(SERVICE),
    };
    create_private_dir(&folder).context("--data-dir")?;
    Ok(folder)
}

fn link_config(args: &Args, identity: &Identity) -> anyhow::Result<ClientConfig> {
    let (rpc, events) = args.daemon();
    let service = ServiceType::new(SERVICE)?;
    let mut config = ClientConfig::new(rpc, events, PROTOCOL_VERSION, identity.node(), service);
    config.build = moor_node::BUILD.to_owned();
    Ok(config)
}

async fn serve(args: &Args, config: ClientConfig, drain: Drain) -> anyhow::Result<Exit> {
    let health = HealthPort::reserve(args.health_check_port).await?;
    let (ear, downlink) = mpsc::channel(DOWNLINK_MAX);
    let link = match Client::start(config, Ear(ear)) {
        Ok(link) => link,
        Err(error) => {
            return Ok(complain(
                PROGRAM,
                format!("--rpc-address: {error}"),
                Exit::Usage,
            ));
        }
    };
    let requests = Arc::new(Requests::new(Box::new(link.handle())));
    let (hub, connections) = mpsc::channel(CONNECTION_NEWS_MAX);
    let reception = Reception {
        requests: requests.clone(),
        hub,
    };
    let mut listeners = Listeners::new(reception);
    let address = SocketAddr::new(args.telnet_address, args.telnet_port);
    let main = listeners
        .open_at(ListenerId::MAIN, address)
        .map_err(|error| cannot_listen(address, &error))?;
    announce(
        SocketAddr::new(args.telnet_address, main.port),
        health.address(),
    );

    let liveness = Liveness::new();
    let pings = tokio::spawn(follow_pings(link.handle(), liveness.clone()));
    let health = tokio::spawn(health.serve(liveness, drain.clone()));
    Hub::new(requests, listeners, Bounds::default())
        .run(downlink, connections, drain)
        .await;
    pings.abort();
    // The health port ends with the drain; a task that was cancelled has nothing to say.
    let _ = health.await;
    tokio::task::spawn_blocking(move || link.shutdown())
        .await
        .context("the link did not stop")?;
    Ok(Exit::Success)
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let (flag, mend) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            "--telnet-port",
            "stop what uses the port, or choose another",
        ),
        io::ErrorKind::PermissionDenied => ("--telnet-port", "choose a port from 1024 up"),
        _ => (
            "--telnet-address",
            "choose an address of this machine, or 0.0.0.0 for all",
        ),
    };
    anyhow::anyhow!("{flag}: cannot listen on {address}: {error}; {mend}")
}

/// One line on standard output, for people and for programs that chose port 0.
fn announce(telnet: SocketAddr, health: SocketAddr) {
    let line = format!("{PROGRAM}: listening telnet={telnet} health={health}\n");
    // A closed standard output is no reason to stop.
    let _ = io::stdout().write_all(line.as_bytes());
    tracing::info!(%telnet, %health, "listening");
}
