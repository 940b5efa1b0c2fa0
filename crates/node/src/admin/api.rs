//! What the daemon and its operator say to each other over the admin socket, as JSON.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /v1/status` | | [`Status`] |
//! | `GET /v1/connections` | | [`Connections`] |
//! | `GET /v1/peers` | | [`Peers`] |
//! | `POST /v1/drain` | [`DrainRequest`] | [`DrainAccepted`] |
//! | `POST /v1/dump` | [`DumpRequest`] | [`DumpState`] |
//! | `GET /v1/dump` | | [`DumpState`] |
//!
//! In: nothing. Out: the types, the routes over a [`DaemonAdmin`]. Unknown fields are ignored and absent ones have defaults, so that an
//! operator's commands work with a daemon of another release. No field holds a secret.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

/// The route of [`Status`].
pub const STATUS: &str = "/v1/status";
/// The route of [`Connections`].
pub const CONNECTIONS: &str = "/v1/connections";
/// The route of [`Peers`].
pub const PEERS: &str = "/v1/peers";
/// The route of [`DrainRequest`].
pub const DRAIN: &str = "/v1/drain";
/// The route of [`DumpRequest`] and [`DumpState`].
pub const DUMP: &str = "/v1/dump";

/// How the daemon is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The release and the build: `0.1.0 (source)`.
    pub version: String,
    /// The version of the protocol between the daemon and its peers.
    pub protocol: u32,
    /// The identity of this run of the daemon.
    pub instance: String,
    /// The number of its process.
    pub process: u32,
    /// The data directory.
    pub database: String,
    /// Seconds since the start.
    pub uptime_s: f64,
    /// How large the world is.
    pub world: WorldSize,
    /// Users: sessions that are open.
    pub sessions: u64,
    /// Sessions that belong to a player.
    pub sessions_logged_in: u64,
    /// Peers that are connected now.
    pub peers: u64,
    /// Identities that may connect.
    pub peers_enrolled: u64,
    /// Tasks by what they do.
    pub tasks: TaskCounts,
    /// The commit log.
    pub log: LogPosition,
    /// The disk under the data directory.
    pub disk: Disk,
    /// Why the world takes no changes; absent while it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<String>,
    /// Whether it is stopping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain: Option<DrainProgress>,
}

/// How large the world is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorldSize {
    /// Valid objects.
    pub objects: u64,
    /// Those that are players.
    pub players: u64,
}

/// Tasks by what they do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskCounts {
    /// Executing now.
    pub running: u64,
    /// Ready, waiting for a thread.
    pub ready: u64,
    /// Suspended until a time, an input line, an answer of a worker, or another task.
    pub suspended: u64,
}

/// The commit log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogPosition {
    /// The number of the last commit.
    pub committed: u64,
    /// The number of the last commit that a power loss cannot undo.
    pub durable: u64,
    /// Bytes of the log files.
    pub bytes: u64,
}

/// The disk under the data directory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// Bytes that the data directory takes.
    pub used_bytes: u64,
    /// Bytes that are free for this user.
    pub free_bytes: u64,
}

/// How far a daemon is that stops.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DrainProgress {
    /// Seconds since it began.
    pub since_s: f64,
    /// Seconds that it may take.
    pub limit_s: f64,
    /// What it does, in a few words: `finishing tasks`.
    pub step: String,
    /// Tasks that are not finished or stored yet.
    pub tasks_left: u64,
    /// Peers that have not left yet.
    pub peers_left: u64,
}

/// The sessions of all users.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connections {
    /// One each, in the order of their beginning.
    pub connections: Vec<Connection>,
}

/// The session of one user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connection {
    /// The number of the session.
    pub session: u64,
    /// The object number: of the player, or the negative one of a connection that has not logged in.
    pub player: i64,
    /// The player's name; empty before login.
    pub name: String,
    /// The host that holds the socket: the identity of its node.
    pub host: String,
    /// What kind of host: `telnet-host`.
    pub service: String,
    /// Where the user comes from, as the host knows it.
    pub address: String,
    /// Seconds since the session was opened.
    pub connected_s: f64,
    /// Seconds since the last line.
    pub idle_s: f64,
    /// Events that the host has not acknowledged.
    pub lag_events: u64,
    /// Whether the host is out of touch; its users are kept for a while.
    pub host_away: bool,
}

/// The peers that are connected now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Peers {
    /// One each.
    pub peers: Vec<LivePeer>,
}

/// A host or worker that is connected now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LivePeer {
    /// Its identity.
    pub uuid: String,
    /// What it is: `telnet-host`, `curl-worker`.
    pub service: String,
    /// Its release and build, as it says.
    pub version: String,
    /// The name of its machine, as it said when it enrolled; empty over `ipc://`.
    pub hostname: String,
    /// Through what it came: `tcp` or `ipc`.
    pub transport: String,
    /// Seconds since it connected.
    pub connected_s: f64,
    /// Seconds since its last request or answer; a host whose users are quiet has none.
    pub heard_s: f64,
    /// Sessions that it holds, if it is a host.
    pub sessions: u64,
    /// Requests that it works on, if it is a worker.
    pub in_flight: u64,
}

/// The wish that the daemon stop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DrainRequest {
    /// Hosts are told to come back no sooner than this, in milliseconds.
    pub reconnect_delay_ms: u64,
}

/// The daemon stops.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DrainAccepted {
    /// Whether it was already stopping; the delay of that request stays.
    pub already: bool,
    /// Seconds that it may take.
    pub limit_s: f64,
}

/// The wish that the world be written to a file, while it is served.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DumpRequest {
    /// Where: an absolute path, which the daemon's user can write.
    pub path: String,
    /// What: `textdump`, `lambdamoo`, `toaststunt` or `objdir`.
    pub format: String,
}

/// How far the last such file is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DumpState {
    /// Its number: the first since the daemon's start is 1; 0 if there was none.
    pub number: u64,
    /// Where it is.
    pub path: String,
    /// Whether it is still being written.
    pub is_running: bool,
    /// Seconds since its beginning, or from there to its end.
    pub seconds: f64,
    /// Why it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why the wish was not taken; the rest is about another file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What the daemon answers. The calls come on the thread of the admin socket and must not wait for tasks or peers.
pub trait DaemonAdmin: Send + Sync + 'static {
    /// How the daemon is.
    fn status(&self) -> Status;
    /// The sessions of all users.
    fn connections(&self) -> Connections;
    /// The peers that are connected now.
    fn peers(&self) -> Peers;
    /// Begins the drain, and returns without waiting for its end.
    fn drain(&self, request: DrainRequest) -> DrainAccepted;
    /// Begins to write the world to a file, and returns without waiting for its end.
    fn dump(&self, request: DumpRequest) -> DumpState;
    /// How far the last such file is.
    fn dump_state(&self) -> DumpState;
}

/// The routes of this module, answered by `daemon`; give them to [`crate::AdminSocket::start`].
pub fn daemon_routes(daemon: Arc<dyn DaemonAdmin>) -> Router {
    type Daemon = State<Arc<dyn DaemonAdmin>>;
    Router::new()
        .route(
            STATUS,
            get(async |State(daemon): Daemon| Json(daemon.status())),
        )
        .route(
            CONNECTIONS,
            get(async |State(daemon): Daemon| Json(daemon.connections())),
        )
        .route(
            PEERS,
            get(async |State(daemon): Daemon| Json(daemon.peers())),
        )
        .route(
            DRAIN,
            post(
                async |State(daemon): Daemon, Json(request): Json<DrainRequest>| {
                    Json(daemon.drain(request))
                },
            ),
        )
        .route(
            DUMP,
            get(async |State(daemon): Daemon| Json(daemon.dump_state())).post(
                async |State(daemon): Daemon, Json(request): Json<DumpRequest>| {
                    Json(daemon.dump(request))
                },
            ),
        )
        .with_state(daemon)
}
