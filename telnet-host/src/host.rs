//! The host put together: listeners, link, health port, hub.
//!
//! In: checked flags. Out: a running host, and how it ended. What can be wrong is found here, before
//! the first user is let in.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use moor_host::{
    Bounds, CONNECTION_NEWS_MAX, DOWNLINK_MAX, Ear, Hub, Requests, SessionTable, block_on,
};
use moor_node::{Drain, Exit, Health, HealthPort, complain};
use moor_peer::Joined;
use moor_rpc::{ListenerId, ListenerTls};
use tokio::sync::mpsc;

use crate::PROGRAM;
use crate::config::Args;
use crate::listener::Listeners;
use crate::reception::Reception;
use crate::tls::{Callers, Certificate, Further};

/// The kind of program that this host tells the daemon it is.
pub const SERVICE: &str = "telnet-host";

/// The flags that name the host's certificate.
const CERTIFICATE_FLAGS: &str = "--telnet-tls-cert, --telnet-tls-key";

/// Processors for each thread: what is read from a user is little, and output is written by the link's thread.
const PROCESSORS_PER_THREAD: usize = 4;

/// Runs the host until the drain is complete.
///
/// # Errors
/// What stopped it from running, with the flag that mends it.
pub fn run(args: Args, drain: Drain, health: Health) -> anyhow::Result<Exit> {
    block_on(PROCESSORS_PER_THREAD, serve(&args, drain, health)).context("no threads to be had")?
}

async fn serve(args: &Args, drain: Drain, health: Health) -> anyhow::Result<Exit> {
    let certificate = match args.certificate().map(Certificate::load).transpose() {
        Ok(certificate) => certificate.map(Arc::new),
        Err(error) => {
            let text = format!("{CERTIFICATE_FLAGS}: {error}");
            return Ok(complain(PROGRAM, text, Exit::Usage));
        }
    };
    let health_port =
        HealthPort::reserve((args.health_check_address, args.health_check_port).into()).await?;
    let (hub_ear, downlink) = mpsc::channel(DOWNLINK_MAX);
    let sessions = Arc::new(SessionTable::default());
    let ear = Ear::new(Arc::clone(&sessions), hub_ear);
    let config = args.daemon.join(PROGRAM, SERVICE);
    let joined = match Joined::start(config, ear, drain.clone()) {
        Ok(joined) => joined,
        Err(error) => return Ok(complain(PROGRAM, &error, error.exit())),
    };
    let requests = Arc::new(Requests::new(Box::new(joined.link())));
    let (hub, connections) = mpsc::channel(CONNECTION_NEWS_MAX);
    let reception = Reception {
        requests: requests.clone(),
        hub,
    };
    let callers = Callers::new(args.telnet_tls_ca_file.clone());
    let further = Further::new(args.telnet_tls_folder.clone());
    let mut listeners = Listeners::new(reception, callers, certificate.clone(), further);
    let at = |port| SocketAddr::new(args.telnet_address, port);
    let main = listeners
        .open_at(ListenerId::MAIN, at(args.telnet_port), None)
        .map_err(|error| cannot_listen("--telnet-port", at(args.telnet_port), &error))?;
    let mut places = vec![("telnet", at(main.port))];
    if let (Some(port), Some(certificate)) = (args.telnet_tls_port, certificate) {
        let security = Some((ListenerTls::default(), certificate));
        let encrypted = listeners
            .open_at(ListenerId::TLS, at(port), security)
            .map_err(|error| cannot_listen("--telnet-tls-port", at(port), &error))?;
        places.push(("tls", at(encrypted.port)));
    }
    places.push(("health", health_port.address()));
    announce(&places);

    let liveness = joined.liveness();
    health.pings("daemon_ping", liveness.clone());
    let port = tokio::spawn(health_port.serve(liveness, drain.clone()));
    Hub::new(requests, sessions, listeners, Bounds::default())
        .run(downlink, connections, drain)
        .await;
    // The health port ends with the drain; a task that was cancelled has nothing to say.
    let _ = port.await;
    tokio::task::spawn_blocking(move || joined.stop())
        .await
        .context("the link did not stop")
}

fn cannot_listen(port: &'static str, address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let (flag, mend) = match error.kind() {
        io::ErrorKind::AddrInUse => (port, "stop what uses the port, or choose another"),
        io::ErrorKind::PermissionDenied => (port, "choose a port from 1024 up"),
        _ => (
            "--telnet-address",
            "choose an address of this machine, or 0.0.0.0 for all",
        ),
    };
    anyhow::anyhow!("{flag}: cannot listen on {address}: {error}; {mend}")
}

/// One line on standard output, for people and for programs that chose port 0.
fn announce(places: &[(&'static str, SocketAddr)]) {
    let places: String = places
        .iter()
        .map(|(what, address)| format!(" {what}={address}"))
        .collect();
    // A closed standard output is no reason to stop.
    let _ = io::stdout().write_all(format!("{PROGRAM}: listening{places}\n").as_bytes());
    tracing::info!("listening{places}");
}
