//! The admin listener and the admin socket, over real sockets: what they answer, and what they do with clients that send
//! nothing, too much, or the wrong thing.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use moor_node::admin_api::{
    self, Connection, Connections, DaemonAdmin, DrainAccepted, DrainProgress, DrainRequest,
    DumpRequest, DumpState, LivePeer, Peers, Status, daemon_routes,
};
use moor_node::axum::Router;
use moor_node::axum::routing::post;
use moor_node::{
    AdminClient, AdminClientError, AdminError, AdminListener, AdminSocket, AdminSocketError, Check,
    Drain, Health,
};

/// No single step takes longer, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A listener with its program's state.
struct Program {
    health: Health,
    drain: Drain,
    listener: AdminListener,
}

fn program() -> Program {
    let (health, drain) = (Health::new(), Drain::new(Duration::from_secs(1)));
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = AdminListener::start("moor-test", any, health.clone(), drain.clone());
    Program {
        health,
        drain,
        listener: listener.expect("a free port"),
    }
}

impl Program {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.listener.address()).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream
    }

    /// The status code and the body.
    fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let mut stream = self.connect();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n").expect("asked");
        answer(&mut stream)
    }

    fn json(&self, path: &str) -> (u16, serde_json::Value) {
        let (code, body) = self.ask("GET", path);
        (code, serde_json::from_str(&body).expect(&body))
    }
}

fn answer(stream: &mut impl Read) -> (u16, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answered");
    let (head, body) = text.split_once("\r\n\r\n").expect(&text);
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (code.expect(head), body.into())
}

/// Whether the other side closed the connection without a byte.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 1]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn probes_tell_the_truth() {
    let program = program();
    assert_eq!(program.ask("GET", "/livez").0, 200);
    assert_eq!(
        program.ask("GET", "/readyz").0,
        503,
        "nothing is vouched for"
    );
    let started = program.health.latch("started");
    program
        .health
        .check("store", || Check::failing("the disk is full"));
    let (code, body) = program.json("/healthz");
    assert_eq!((code, &body["status"]), (503, &"failing".into()));
    assert_eq!(body["program"], "moor-test");
    assert_eq!(body["checks"]["store"]["detail"], "the disk is full");
    assert_eq!(body["checks"]["started"]["ok"], false);
    program.health.check("store", || {
        Check::passing().with_age(Duration::from_millis(1500))
    });
    started.open();
    let (code, body) = program.json("/readyz");
    assert_eq!((code, &body["status"]), (200, &"ok".into()), "{body}");
    assert_eq!(body["checks"]["store"]["age_s"], 1.5);
}

#[test]
fn a_program_that_stops_is_alive_and_not_ready() {
    let program = program();
    program.health.latch("started").open();
    assert_eq!(program.ask("GET", "/readyz").0, 200);
    program.drain.begin();
    let (code, body) = program.json("/readyz");
    assert_eq!((code, &body["draining"]), (503, &true.into()));
    assert_eq!(program.ask("GET", "/livez").0, 200);
    assert_eq!(program.ask("GET", "/healthz").0, 200);
    let address = program.listener.address();
    drop(program);
    TcpStream::connect(address).expect_err("it listens after its end");
}

#[test]
fn a_loop_that_stands_still_is_no_life() {
    let program = program();
    let _never_beaten = program.health.heartbeat("main", Duration::ZERO);
    while program.ask("GET", "/livez").0 == 200 {}
    let (code, body) = program.json("/livez");
    assert_eq!((code, &body["checks"]["main"]["ok"]), (503, &false.into()));
}

#[test]
fn numbers_are_those_of_the_process() {
    let program = program();
    metrics::counter!("moor_test_total", "kind" => "one").increment(3);
    metrics::histogram!("moor_test_seconds").record(0.002);
    let (code, text) = program.ask("GET", "/metrics");
    assert_eq!(code, 200);
    for part in [
        "moor_build_info{program=\"moor-test\"",
        "moor_test_total{kind=\"one\"} 3",
        "moor_test_seconds_bucket{le=\"0.001\"} 0",
        "moor_test_seconds_bucket{le=\"0.0025\"} 1",
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
        "process_open_fds ",
        "process_start_time_seconds ",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn it_can_be_read_only() {
    let program = program();
    assert_eq!(program.ask("HEAD", "/livez"), (200, String::new()));
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(program.ask(method, "/readyz").0, 405, "{method}");
    }
    assert_eq!(program.ask("GET", "/").0, 404);
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address");
    let drain = Drain::new(Duration::ZERO);
    let error = AdminListener::start("moor-test", address, Health::new(), drain)
        .expect_err("the port is taken");
    assert!(matches!(error, AdminError::Bind { .. }));
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("--admin-listen {address}: ")),
        "{text}"
    );
}

#[test]
fn silent_clients_keep_no_probe_out() {
    let program = program();
    let mut silent: Vec<_> = (0..200).map(|_| program.connect()).collect();
    assert_eq!(program.ask("GET", "/livez").0, 200);
    assert!(is_closed(&mut silent[0]), "the oldest gives way");
}

#[test]
fn a_head_that_never_ends_is_not_waited_for() {
    let program = program();
    let mut slow = program.connect();
    slow.write_all(b"GET /livez HTTP/1.1\r\nHost:")
        .expect("begun");
    let mut rest = Vec::new();
    // Closed with or without a word; what counts is that the read ends before this test's patience.
    match slow.read_to_end(&mut rest) {
        Ok(_) => assert!(!rest.starts_with(b"HTTP/1.1 200"), "answered unasked"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let program = program();
    let mut large = program.connect();
    let line = format!(
        "GET /livez HTTP/1.1\r\nX: {}\r\n\r\n",
        "x".repeat(64 * 1024)
    );
    // The server may close before everything is written.
    let _ = large.write_all(line.as_bytes());
    let mut said = Vec::new();
    let _ = large.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP/1.1 200"), "it was taken");
    let mut many = program.connect();
    let headers = "X: y\r\n".repeat(65);
    write!(many, "GET /livez HTTP/1.1\r\n{headers}\r\n").expect("asked");
    assert_eq!(answer(&mut many).0, 431);
}

/// Why nothing is written.
const DISK_FULL: &str = "the disk is full";

/// A daemon whose answers are known.
#[derive(Default)]
struct Known {
    asked: Mutex<Vec<DrainRequest>>,
}

impl DaemonAdmin for Known {
    fn status(&self) -> Status {
        Status {
            version: "1.2.3 (test)".into(),
            read_only: Some("the disk is full".into()),
            drain: Some(DrainProgress {
                step: "finishing tasks".into(),
                ..DrainProgress::default()
            }),
            ..Status::default()
        }
    }

    fn connections(&self) -> Connections {
        let connection = Connection {
            session: 7,
            player: -3,
            ..Connection::default()
        };
        Connections {
            connections: vec![connection; 20_000],
        }
    }

    fn peers(&self) -> Peers {
        Peers {
            peers: vec![LivePeer {
                service: "telnet-host".into(),
                ..LivePeer::default()
            }],
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
        let mut asked = self.asked.lock().expect("no panic");
        asked.push(request);
        DrainAccepted {
            already: asked.len() > 1,
            limit_s: 10.0,
        }
    }
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(folder.path(), private).expect("closed");
    folder
}

#[test]
fn the_operator_and_the_daemon_understand_each_other() {
    let folder = folder();
    let path = folder.path().join("moor/admin.sock");
    let daemon = Arc::new(Known::default());
    let socket = AdminSocket::start(&path, daemon_routes(daemon.clone())).expect("listening");
    let client = AdminClient::new(&path);
    assert_eq!(
        client.get::<Status>(admin_api::STATUS).expect("answered"),
        daemon.status()
    );
    let all: Connections = client.get(admin_api::CONNECTIONS).expect("answered");
    assert_eq!(all, daemon.connections());
    let peers: Peers = client.get(admin_api::PEERS).expect("answered");
    assert_eq!(peers, daemon.peers());
    let request = DrainRequest {
        reconnect_delay_ms: 5000,
    };
    for already in [false, true] {
        let accepted: DrainAccepted = client.post(admin_api::DRAIN, &request).expect("answered");
        assert_eq!(accepted.already, already);
    }
    assert_eq!(
        *daemon.asked.lock().expect("no panic"),
        [request.clone(), request]
    );
    drop(socket);
    assert!(!path.exists(), "the socket was left behind");
    let error = client.get::<Status>(admin_api::STATUS);
    assert!(
        matches!(error, Err(AdminClientError::Absent(_))),
        "{error:?}"
    );
}

#[test]
fn a_daemon_of_another_release_is_understood() {
    let known: Status = serde_json::from_str(r#"{"version":"9.9.9","new":{"field":1}}"#)
        .expect("unknown fields are ignored, absent ones have defaults");
    assert_eq!((known.version.as_str(), known.sessions), ("9.9.9", 0));
}

#[test]
fn refusals_reach_the_operator() {
    let folder = folder();
    let path = folder.path().join("admin.sock");
    let echo = Router::new().route("/echo", post(async |body: String| body));
    let _socket = AdminSocket::start(&path, echo).expect("listening");
    let client = AdminClient::new(&path);
    let code_of = |error| match error {
        AdminClientError::Refused { code, .. } => code,
        other => panic!("{other}"),
    };
    let absent = client.get::<String>("/absent").expect_err("no such route");
    assert_eq!(code_of(absent), 404);
    let method = client.get::<String>("/echo").expect_err("only POST");
    assert_eq!(code_of(method), 405);
    let limit = 64 * 1024;
    let fits = "x".repeat(limit - 2);
    assert_eq!(
        client.post::<String>("/echo", &fits).expect("it fits"),
        fits
    );
    let long = client.post::<String>("/echo", &"x".repeat(limit - 1));
    assert_eq!(code_of(long.expect_err("one byte too long")), 413);
    let other = client.post::<Status>("/echo", &"text");
    assert!(matches!(other, Err(AdminClientError::Answer { .. })));
}

fn start(path: &Path) -> Result<AdminSocket, AdminSocketError> {
    AdminSocket::start(path, Router::new())
}

#[test]
fn only_its_own_place_is_taken() {
    let folder = folder();
    let path = folder.path().join("admin.sock");
    let first = start(&path).expect("listening");
    let mode = std::fs::metadata(&path)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(start(&path), Err(AdminSocketError::InUse(_))));
    drop(first);
    // What a killed process leaves: a socket that nobody listens at.
    drop(UnixListener::bind(&path).expect("bound"));
    let silent = AdminClient::new(&path).get::<Status>(admin_api::STATUS);
    assert!(matches!(silent, Err(AdminClientError::Silent(_))));
    drop(start(&path).expect("replaced"));
    std::fs::write(&path, "precious").expect("written");
    assert!(matches!(start(&path), Err(AdminSocketError::NotASocket(_))));
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("opened");
    assert!(matches!(start(&path), Err(AdminSocketError::Folder(_))));
}
