//! The operator's commands as processes: tokens and peers in folders of their own, and a daemon's admin socket that
//! answers what the test knows.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::SystemTime;

use moor_keyring::{KeyPair, Registry, Token};
use moor_node::admin_api::{
    Connection, Connections, DaemonAdmin, DrainAccepted, DrainProgress, DrainRequest, DumpRequest,
    DumpState, LivePeer, Peers, Status, daemon_routes,
};
use moor_node::{AdminSocket, Paths};
use serde_json::Value;
use tempfile::TempDir;

/// An operator with folders of their own.
struct Operator {
    home: TempDir,
}

impl Operator {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let run = home.path().join("run");
        std::fs::create_dir(&run).expect("made");
        std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700)).expect("closed");
        Self { home }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    /// The folders, as the commands find them.
    fn paths(&self) -> Paths {
        let home = self.home.path().to_path_buf();
        let find = move |name: &str| match name {
            "HOME" => Some(home.clone().into()),
            "XDG_RUNTIME_DIR" => Some(home.join("run").into()),
            _ => None,
        };
        Paths::from_lookup(find, rustix::process::getuid().as_raw())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_moor"));
        command.args(args).stdin(Stdio::null()).env_clear();
        command
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.path("run"));
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        Said::new(self.command(args).output().expect("moor runs"))
    }

    fn json(&self, args: &[&str]) -> Value {
        let said = self.run(&[args, &["--json"]].concat());
        assert_eq!(said.code, Some(0), "{args:?}: {}", said.err);
        serde_json::from_str(&said.out).expect(&said.out)
    }

    /// A command that goes on while the test does something.
    fn begin(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("moor starts")
    }
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// One line on standard error that has all of `parts`, nothing on standard output.
    fn refuses(&self, code: i32, parts: &[&str]) {
        assert_eq!(
            (self.code, self.err.lines().count()),
            (Some(code), 1),
            "{}",
            self.err
        );
        assert_eq!(self.out, "");
        for part in parts {
            assert!(self.err.contains(part), "{part} is not in: {}", self.err);
        }
    }
}

#[test]
fn a_token_is_printed_once_and_is_one() {
    let operator = Operator::new();
    let args = [
        "token",
        "create",
        "--type",
        "curl-worker",
        "--uses",
        "1",
        "--ttl",
        "1h",
    ];
    let said = operator.run(&args);
    assert_eq!(
        (said.code, said.out.lines().count()),
        (Some(0), 1),
        "{}",
        said.err
    );
    let token: Token = said.out.parse().expect("a token");
    let secret = said.out.split('.').nth(2).expect("a secret");
    assert!(!said.err.contains(secret), "{}", said.err);
    assert!(
        said.err.contains("curl-worker, once, until "),
        "{}",
        said.err
    );
    let key = KeyPair::load(&operator.paths().daemon_key().expect("a home")).expect("a key");
    assert_eq!(token.daemon_key(), key.public());
    let list = operator.json(&["token", "list"]);
    assert!(!list.to_string().contains(secret));
    let listed = &list["tokens"][0];
    assert_eq!(listed["id"], token.id().to_string());
    assert_eq!(
        (&listed["type"], &listed["uses_left"]),
        (&"curl-worker".into(), &1.into())
    );
    let (created, expires) = (&listed["created_unix_s"], &listed["expires_unix_s"]);
    let seconds = |value: &Value| value.as_u64().expect("seconds");
    assert_eq!(seconds(expires) - seconds(created), 3600);
    let table = operator.run(&["token", "list"]).out;
    let row = table.lines().nth(1).expect(&table);
    assert!(
        row.starts_with(&token.id().to_string()) && row.contains("live for 59m"),
        "{table}"
    );
}

#[test]
fn tokens_end_when_they_are_revoked() {
    let operator = Operator::new();
    assert_eq!(operator.run(&["token", "list"]).out, "no tokens\n");
    let made = operator.json(&["token", "create"]);
    let id = made["id"].as_str().expect("an id");
    assert!(
        made["token"]
            .as_str()
            .expect("a token")
            .parse::<Token>()
            .is_ok()
    );
    let said = operator.run(&["token", "revoke", id]);
    assert_eq!((said.code, said.out), (Some(0), format!("revoked {id}\n")));
    operator
        .run(&["token", "revoke", id])
        .refuses(1, &["moor token revoke", id, "moor token list"]);
    operator
        .run(&["token", "revoke", "xyz"])
        .refuses(2, &["16 of the digits"]);
}

#[test]
fn rotating_replaces_the_reusable_token_and_no_other() {
    let operator = Operator::new();
    let kept = operator.json(&["token", "create"])["id"].clone();
    let file = operator.paths().enrollment_token().expect("a home");
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let said = operator.run(&["token", "rotate"]);
        assert!(
            said.out.contains(&file.display().to_string()),
            "{}",
            said.out
        );
        let text = std::fs::read_to_string(&file).expect("written");
        assert!(!said.out.contains(text.trim()), "the secret was shown");
        let mode = std::fs::metadata(&file)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        tokens.push(text.parse::<Token>().expect("a token").id().to_string());
    }
    let list = operator.json(&["token", "list"]);
    let ids: Vec<&Value> = list["tokens"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|token| &token["id"])
        .collect();
    assert_eq!(ids, [&kept, &tokens[1].clone().into()]);
    assert_eq!(list["tokens"][1]["default"], true);
}

#[test]
fn mistakes_in_tokens_name_the_mend() {
    let operator = Operator::new();
    for (args, parts) in [
        (["--type", "curl"], ["--type", "curl-worker"]),
        (["--uses", "0"], ["--uses", "0"]),
        (["--ttl", "5"], ["--ttl", "1h"]),
        (["--ttl", "0s"], ["--ttl", "ends at once"]),
    ] {
        let args = [&["token", "create"][..], &args].concat();
        operator.run(&args).refuses(2, &parts);
    }
    assert_eq!(
        operator.json(&["token", "list"])["tokens"],
        Value::Array(vec![])
    );
}

#[test]
fn peers_are_listed_and_thrown_out() {
    let operator = Operator::new();
    assert_eq!(
        operator.run(&["peers", "list"]).out,
        "no peers are enrolled\n"
    );
    let folder = operator.paths().allowed_hosts().expect("a home");
    let registry = Registry::open(&folder).expect("opened");
    let key = KeyPair::generate().expect("a key").public();
    let now = SystemTime::now();
    let peer = registry
        .enroll("telnet-host", "edge", key, now, now)
        .expect("enrolled");
    let uuid = peer.uuid.to_string();
    let table = operator.run(&["peers", "list"]).out;
    assert!(
        table.contains(&uuid) && table.contains("the daemon does not run"),
        "{table}"
    );
    let list = operator.json(&["peers", "list"]);
    assert_eq!(list["daemon_answers"], false);
    assert_eq!(list["peers"][0]["key"], key.to_string());
    let said = operator.run(&["peers", "revoke", &uuid]);
    assert_eq!(
        (said.code, said.out),
        (Some(0), format!("revoked {uuid}\n"))
    );
    assert!(
        registry.refresh().expect("read"),
        "a running daemon sees nothing"
    );
    assert!(registry.by_key(&key).is_none());
    operator
        .run(&["peers", "revoke", &uuid])
        .refuses(1, &[&uuid, "moor peers list"]);
    operator
        .run(&["peers", "revoke", "x"])
        .refuses(2, &["UUID"]);
}

/// Why nothing is written.
const DISK_FULL: &str = "the disk is full";

/// A daemon whose answers are known, and that tells when it is to stop.
struct Known {
    wishes: Mutex<mpsc::Sender<DrainRequest>>,
    steps: AtomicU32,
    peers: Vec<LivePeer>,
}

impl DaemonAdmin for Known {
    fn status(&self) -> Status {
        let draining = self.steps.load(Ordering::Relaxed) > 0;
        Status {
            version: "1.2.3 (test)".into(),
            instance: "this-run".into(),
            uptime_s: 3700.0,
            sessions: 2,
            drain: draining.then(|| DrainProgress {
                step: "finishing tasks".into(),
                ..DrainProgress::default()
            }),
            ..Status::default()
        }
    }

    fn connections(&self) -> Connections {
        Connections {
            connections: vec![Connection {
                session: 7,
                player: 2,
                name: "Wi\u{1b}zard".into(),
                service: "telnet-host".into(),
                address: "192.0.2.1".into(),
                idle_s: 61.0,
                lag_events: 3,
                host_away: true,
                ..Connection::default()
            }],
        }
    }

    fn peers(&self) -> Peers {
        Peers {
            peers: self.peers.clone(),
        }
    }

    fn dump(&self, request: DumpRequest) -> DumpState {
        DumpState {
            number: 1,
            path: request.path,
            is_running: true,
            ..DumpState::default()
        }
    }

    fn dump_state(&self) -> DumpState {
        DumpState {
            number: 1,
            path: "/there".into(),
            error: Some(DISK_FULL.into()),
            ..DumpState::default()
        }
    }

    fn drain(&self, request: DrainRequest) -> DrainAccepted {
        let before = self.steps.fetch_add(1, Ordering::Relaxed);
        let wishes = self.wishes.lock().expect("no panic");
        wishes.send(request).expect("the test listens");
        DrainAccepted {
            already: before > 0,
            limit_s: 30.0,
        }
    }
}

/// The daemon's socket at its usual place, and the wishes that come to it.
fn daemon(
    operator: &Operator,
    peers: Vec<LivePeer>,
) -> (AdminSocket, mpsc::Receiver<DrainRequest>) {
    let (sender, wishes) = mpsc::channel();
    let known = Known {
        wishes: Mutex::new(sender),
        steps: AtomicU32::new(0),
        peers,
    };
    let path = operator.path("run/moor/admin.sock");
    let socket = AdminSocket::start(&path, daemon_routes(Arc::new(known))).expect("listening");
    (socket, wishes)
}

#[test]
fn a_world_that_cannot_be_written_is_told_with_the_reason() {
    let operator = Operator::new();
    let (_socket, _wishes) = daemon(&operator, Vec::new());
    operator
        .run(&["world", "dump", "out"])
        .refuses(1, &["not written", DISK_FULL]);
}

#[test]
fn a_daemon_that_does_not_run_is_told_in_one_line() {
    let operator = Operator::new();
    for args in [&["status"][..], &["connections", "list"], &["drain"]] {
        operator
            .run(args)
            .refuses(1, &["admin.sock", "is the daemon running"]);
    }
}

#[test]
fn the_daemon_is_asked_at_its_usual_place_or_where_the_flag_says() {
    let operator = Operator::new();
    let (_socket, _) = daemon(&operator, vec![]);
    let human = operator.run(&["status"]).out;
    for line in [
        "state     serving",
        "version   1.2.3 (test), protocol 0",
        "uptime    1h 1m",
    ] {
        assert!(
            human.lines().any(|found| found == line),
            "{line} is not in:\n{human}"
        );
    }
    assert_eq!(operator.json(&["status"])["sessions"], 2);
    operator
        .run(&["status", "--admin-socket", "/nonexistent/admin.sock"])
        .refuses(1, &["/nonexistent/admin.sock", "--admin-socket"]);
    let other = Operator::new();
    let (socket, _) = daemon(&other, vec![]);
    let path = socket.path().display().to_string();
    let said = operator.run(&["status", "--json", "--admin-socket", &path]);
    assert_eq!(said.code, Some(0), "{}", said.err);
}

#[test]
fn connections_are_rows_without_control_characters() {
    let operator = Operator::new();
    let (_socket, _) = daemon(&operator, vec![]);
    let table = operator.run(&["connections", "list"]).out;
    let row = table.lines().nth(1).expect(&table);
    for part in ["7 ", "#2", "Wi\\u{1b}zard", "192.0.2.1", "(away)", "1m 1s"] {
        assert!(row.contains(part), "{part} is not in: {row}");
    }
    assert!(!table.contains('\u{1b}'));
    let list = operator.json(&["connections", "list"]);
    assert_eq!(list["connections"][0]["lag_events"], 3);
}

#[test]
fn connected_peers_are_joined_with_enrolled_ones() {
    let operator = Operator::new();
    let registry =
        Registry::open(&operator.paths().allowed_hosts().expect("a home")).expect("opened");
    let now = SystemTime::now();
    let mut enrolled = Vec::new();
    for hostname in ["here", "away"] {
        let key = KeyPair::generate().expect("a key").public();
        enrolled.push(
            registry
                .enroll("curl-worker", hostname, key, now, now)
                .expect("enrolled"),
        );
    }
    let live = |uuid: String, transport: &str| LivePeer {
        uuid,
        service: "curl-worker".into(),
        transport: transport.into(),
        in_flight: 4,
        ..LivePeer::default()
    };
    let here = enrolled[0].uuid.to_string();
    let (_socket, _) = daemon(
        &operator,
        vec![live("local".into(), "ipc"), live(here.clone(), "tcp")],
    );
    let list = operator.json(&["peers", "list"]);
    let peers = list["peers"].as_array().expect("a list");
    let mut shown: Vec<_> = peers
        .iter()
        .map(|peer| (peer["uuid"].clone(), peer["live"]["transport"].clone()))
        .collect();
    assert_eq!(shown.pop(), Some(("local".into(), "ipc".into())));
    assert_eq!(shown.len(), 2);
    assert!(shown.contains(&(here.into(), "tcp".into())), "{list}");
    let table = operator.run(&["peers", "list"]).out;
    assert_eq!(table.matches("4 requests").count(), 2, "{table}");
}

#[test]
fn drain_ends_when_the_daemon_has() {
    let operator = Operator::new();
    let (socket, wishes) = daemon(&operator, vec![]);
    let command = operator.begin(&["drain", "--reconnect-delay", "5s"]);
    let wish = wishes.recv().expect("asked");
    assert_eq!(wish.reconnect_delay_ms, 5000);
    drop(socket);
    let said = Said::new(command.wait_with_output().expect("it ends"));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(
        said.out
            .lines()
            .last()
            .expect("said")
            .starts_with("stopped after "),
        "{}",
        said.out
    );
}

#[test]
fn drain_tells_a_daemon_that_was_killed_from_one_that_stopped() {
    let operator = Operator::new();
    let (socket, wishes) = daemon(&operator, vec![]);
    // What a killed process leaves: a socket that nobody listens at. It takes the place of the other in one step.
    let left = operator.path("run/left.sock");
    drop(std::os::unix::net::UnixListener::bind(&left).expect("bound"));
    let command = operator.begin(&["drain", "--json"]);
    wishes.recv().expect("asked");
    std::fs::rename(&left, socket.path()).expect("replaced");
    let said = Said::new(command.wait_with_output().expect("it ends"));
    assert_eq!(said.code, Some(3), "{}", said.err);
    let outcome: Value = serde_json::from_str(&said.out).expect(&said.out);
    assert_eq!(outcome["complete"], false);
}

#[test]
fn groups_of_commands_explain_themselves() {
    let operator = Operator::new();
    let help = operator.run(&["token", "--help"]);
    assert_eq!(help.code, Some(0));
    for word in ["token create", "token list", "token revoke", "token rotate"] {
        assert!(help.out.contains(word), "{}", help.out);
    }
    operator
        .run(&["token"])
        .refuses(2, &["moor token: ", "`moor token create`"]);
    operator
        .run(&["peers", "lits"])
        .refuses(2, &["`lits`", "`moor peers list`"]);
    let flags = operator.run(&["token", "create", "--help"]);
    assert!(
        flags.out.contains("Usage: moor token create"),
        "{}",
        flags.out
    );
    assert_eq!(
        operator.run(&["help"]).out.matches("peers revoke").count(),
        1
    );
}
