//! `moor peers list|revoke`: the hosts and workers that may connect.
//!
//! In: the registry's folder, whether or not the daemon runs; the admin socket, if it does, for who is connected. Out: a
//! row for each, or one less: a running daemon sees within a second that a peer is revoked, and ends its connections.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use moor_keyring::{Peer, Registry};
use moor_node::admin_api::{LivePeer, PEERS, Peers};
use moor_node::{AdminClientError, Exit, Paths};
use serde::Serialize;
use uuid::Uuid;

use super::CommandError;
use super::admin_socket::AdminSocketArgs;
use super::output::{OutputArgs, seconds, table, time};

/// Hosts and workers that are enrolled, and those that are connected
#[derive(Debug, clap::Parser)]
pub(super) struct ListArgs {
    #[command(flatten)]
    socket: AdminSocketArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Throw a host or worker out: its connections end at once, and it needs a new token to come back
#[derive(Debug, clap::Parser)]
pub(super) struct RevokeArgs {
    /// The peer, as `moor peers list` names it
    #[arg(value_name = "UUID")]
    uuid: Uuid,
    #[command(flatten)]
    output: OutputArgs,
}

/// A peer as `--json` shows it.
#[derive(Debug, Serialize)]
struct Shown {
    uuid: String,
    #[serde(rename = "type")]
    service: String,
    hostname: String,
    /// Its public key, Z85; absent for one that came over `ipc://`, which needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enrolled_unix_s: Option<u64>,
    /// How it is connected; absent if it is not, or the daemon could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<LivePeer>,
}

#[derive(Debug, Serialize)]
struct All {
    /// Whether the daemon said who is connected.
    daemon_answers: bool,
    peers: Vec<Shown>,
}

pub(super) fn list(args: &ListArgs) -> Result<Exit, CommandError> {
    let enrolled = registry()?.list();
    let live = match args.socket.client()?.get::<Peers>(PEERS) {
        Ok(live) => Some(live.peers),
        // It does not run: then nobody is connected.
        Err(AdminClientError::Absent(_) | AdminClientError::Silent(_)) => None,
        Err(other) => return Err(other.into()),
    };
    let all = All {
        daemon_answers: live.is_some(),
        peers: join(enrolled.iter().map(AsRef::as_ref), live.unwrap_or_default()),
    };
    args.output.show(&all, human);
    Ok(Exit::Success)
}

/// Every enrolled peer with its connection, then those that are connected without being enrolled, over `ipc://`.
fn join<'a>(enrolled: impl Iterator<Item = &'a Peer>, live: Vec<LivePeer>) -> Vec<Shown> {
    let mut live: BTreeMap<String, LivePeer> = live
        .into_iter()
        .map(|peer| (peer.uuid.clone(), peer))
        .collect();
    let mut peers: Vec<Shown> = enrolled
        .map(|peer| Shown {
            uuid: peer.uuid.to_string(),
            service: peer.service.clone(),
            hostname: peer.hostname.clone(),
            key: Some(peer.key.to_string()),
            enrolled_unix_s: Some(peer.enrolled_at),
            live: live.remove(&peer.uuid.to_string()),
        })
        .collect();
    peers.extend(live.into_values().map(|peer| Shown {
        uuid: peer.uuid.clone(),
        service: peer.service.clone(),
        hostname: peer.hostname.clone(),
        key: None,
        enrolled_unix_s: None,
        live: Some(peer),
    }));
    peers
}

fn human(all: &All) -> String {
    let headings = [
        "UUID",
        "TYPE",
        "MACHINE",
        "ENROLLED",
        "CONNECTED",
        "LAST REQUEST",
        "WORK",
    ];
    let rows = all.peers.iter().map(|peer| row(peer, all.daemon_answers));
    table(headings, rows, "no peers are enrolled")
}

fn row(peer: &Shown, daemon_answers: bool) -> [String; 7] {
    let enrolled = peer
        .enrolled_unix_s
        .map(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at)));
    let [connected, heard, work] = match &peer.live {
        Some(live) => [
            format!("{} ({})", seconds(live.connected_s), live.transport),
            format!("{} ago", seconds(live.heard_s)),
            work(live),
        ],
        None if daemon_answers => ["no".into(), String::new(), String::new()],
        None => [
            "the daemon does not run".into(),
            String::new(),
            String::new(),
        ],
    };
    [
        peer.uuid.clone(),
        peer.service.clone(),
        peer.hostname.clone(),
        enrolled.flatten().map_or_else(|| "-".into(), time),
        connected,
        heard,
        work,
    ]
}

fn work(live: &LivePeer) -> String {
    match live.service.ends_with("-worker") {
        true => format!("{} requests", live.in_flight),
        false => format!("{} sessions", live.sessions),
    }
}

pub(super) fn revoke(args: &RevokeArgs) -> Result<Exit, CommandError> {
    if !registry()?.revoke(args.uuid)? {
        return Err(CommandError::NoSuchPeer { uuid: args.uuid });
    }
    args.output.show(
        &serde_json::json!({ "revoked": args.uuid.to_string() }),
        |_| format!("revoked {}\n", args.uuid),
    );
    Ok(Exit::Success)
}

fn registry() -> Result<Registry, CommandError> {
    Ok(Registry::open(&Paths::from_environment().allowed_hosts()?)?)
}
