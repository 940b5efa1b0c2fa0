//! The host put together: server, link, hub.
//!
//! In: checked flags. Out: a running host, and how it ended. What can be wrong is found here, before the first user is
//! let in.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use moor_host::{
    Bounds, CONNECTION_NEWS_MAX, DOWNLINK_MAX, Ear, Hub, Requests, SessionTable, block_on,
};
use moor_node::{Drain, Exit, Health, complain};
use moor_peer::Joined;
use moor_rpc::{ListenerId, ListenerInfo};
use tokio::sync::mpsc;

use crate::PROGRAM;
use crate::app::App;
use crate::attempts::Attempts;
use crate::config::Args;
use crate::listeners::OwnListener;
use crate::origin::{Origins, Proxies};
use crate::sessions::{Place, Sessions};
use crate::tokens::Tokens;
use crate::{routes, server};

/// The kind of program that this host tells the daemon it is.
pub const SERVICE: &str = "web-host";

/// WebSockets and evaluations that one address may begin in a minute.
const CALLS_PER_MINUTE: u32 = 600;

/// Runs the host until the drain is complete.
///
/// # Errors
/// What stopped it from running, with the flag that mends it.
pub fn run(args: Args, drain: Drain, health: Health) -> anyhow::Result<Exit> {
    block_on(1, serve(&args, drain, health)).context("no threads to be had")?
}

async fn serve(args: &Args, drain: Drain, health: Health) -> anyhow::Result<Exit> {
    let address = args.listen_address;
    let listener = server::bind(address).map_err(|error| cannot_listen(address, &error))?;
    let bound = listener.local_addr().context("--listen-address")?;
    let (hub_ear, downlink) = mpsc::channel(DOWNLINK_MAX);
    let sessions = Arc::new(SessionTable::default());
    let ear = Ear::new(Arc::clone(&sessions), hub_ear);
    let config = args.daemon.join(PROGRAM, SERVICE);
    let joined = match Joined::start(config, ear, drain.clone()) {
        Ok(joined) => joined,
        Err(error) => return Ok(complain(PROGRAM, &error, error.exit())),
    };
    let (news, connections) = mpsc::channel(CONNECTION_NEWS_MAX);
    let requests = Arc::new(Requests::new(Box::new(joined.link())));
    health.pings("daemon_ping", joined.liveness());
    let place = Place {
        address: bound.ip().to_string(),
        port: bound.port(),
    };
    let own = own_listener(&place);
    let app = App {
        requests: requests.clone(),
        sessions: Sessions::new(requests.clone(), news, place, args.resume_window),
        proxies: Proxies(args.trusted_proxy.clone()),
        origins: Origins(args.allowed_origin.clone()),
        attempts: Attempts::new(args.sign_in_attempts),
        calls: Attempts::new(CALLS_PER_MINUTE),
        tokens: Tokens::default(),
        liveness: joined.liveness(),
        drain: drain.clone(),
    };
    announce(bound);
    let (proxies, router) = (app.proxies.clone(), routes::router(Arc::new(app)));
    let server = tokio::spawn(server::serve(listener, router, proxies, drain.clone()));
    Hub::new(requests, sessions, own, Bounds::default())
        .run(downlink, connections, drain)
        .await;
    // A server that panicked has ended the process already.
    let _ = server.await;
    tokio::task::spawn_blocking(move || joined.stop())
        .await
        .context("the link did not stop")
}

fn own_listener(place: &Place) -> OwnListener {
    OwnListener(ListenerInfo {
        id: ListenerId::MAIN,
        address: place.address.clone(),
        port: place.port,
        tls: None,
    })
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let mend = match error.kind() {
        io::ErrorKind::AddrInUse => "stop what uses the port, or choose another",
        io::ErrorKind::PermissionDenied => "choose a port from 1024 up",
        _ => "choose an address of this machine, or 0.0.0.0 for all",
    };
    anyhow::anyhow!("--listen-address: cannot listen on {address}: {error}; {mend}")
}

/// One line on standard output, for people and for programs that chose port 0.
fn announce(http: SocketAddr) {
    let line = format!("{PROGRAM}: listening http={http}\n");
    // A closed standard output is no reason to stop.
    let _ = io::stdout().write_all(line.as_bytes());
    tracing::info!(%http, "listening");
}
