//! `moor doctor` against a daemon's real doors on loopback: encrypted endpoints for hosts, and the enrollment.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::SystemTime;

use moor_keyring::{Desk, Domain, KeyPair, Registry, TokenSpec, TokenStore};
use moor_link::{
    Endpoint, Security, Server, ServerConfig, ServerEvent, ServerHandler, ServerKeys, ServiceType,
};
use moor_node::Paths;
use moor_peer::{Identity, Known};
use moor_rpc::PROTOCOL_VERSION;
use serde_json::Value;
use tempfile::TempDir;

/// A daemon's doors and a host's machine, in one temporary folder.
struct Scene {
    folder: TempDir,
    pair: Arc<KeyPair>,
    registry: Arc<Registry>,
    link: Server,
    enrollment: moor_link::enrollment::Server,
}

/// A server whose program does nothing with its peers.
struct Nobody;

impl ServerHandler for Nobody {
    fn event(&mut self, _: ServerEvent) -> Result<(), ServerEvent> {
        Ok(())
    }
}

fn loopback() -> Endpoint {
    "tcp://127.0.0.1:0".parse().expect("an endpoint")
}

impl Scene {
    fn new() -> Self {
        Self::with_protocol(PROTOCOL_VERSION)
    }

    fn with_protocol(protocol: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let registry = Registry::open(&folder.path().join("allowed-hosts")).expect("opened");
        let (registry, pair) = (
            Arc::new(registry),
            Arc::new(KeyPair::generate().expect("a key")),
        );
        let service = ServiceType::new("telnet-host").expect("a service");
        let mut config =
            ServerConfig::new(vec![loopback()], vec![loopback()], protocol, vec![service]);
        config.security = Security::Curve(Arc::new(ServerKeys {
            pair: Arc::clone(&pair),
            registry: Arc::clone(&registry),
            rpc: Domain::Rpc,
            events: Domain::Events,
        }));
        let link = Server::start(config, Nobody).expect("listening");
        let config =
            moor_link::enrollment::ServerConfig::new(vec![loopback()], Arc::clone(&pair), protocol);
        let store = TokenStore::open(&folder.path().join("tokens")).expect("opened");
        let desk = Arc::new(Desk::new(store, Arc::clone(&registry)));
        let enrollment = moor_link::enrollment::Server::start(config, desk).expect("listening");
        Self {
            folder,
            pair,
            registry,
            link,
            enrollment,
        }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// A token for the host's machine, in its file.
    fn token(&self, spec: &TokenSpec, daemon: &KeyPair) -> String {
        let store = TokenStore::open(&self.path("tokens")).expect("opened");
        let token = store
            .create(spec, daemon.public(), SystemTime::now())
            .expect("made");
        let file = self.path("token");
        moor_node::write_secret(&file, token.expose().as_bytes()).expect("written");
        file.display().to_string()
    }

    /// Enrolls the host's machine, as its first start does.
    fn enroll(&self) -> Arc<moor_keyring::Peer> {
        let paths = Paths::from_lookup(|_| None, 0);
        let home = moor_peer::home("telnet-host", Some(&self.path("host")), &paths).expect("made");
        let identity = Identity::take(&home).expect("an identity");
        let (key, now) = (identity.key().expect("a key").public(), SystemTime::now());
        let peer = self
            .registry
            .enroll("telnet-host", "edge", key, now, now)
            .expect("enrolled");
        let (daemon, uuid) = (self.pair.public(), peer.uuid);
        identity.keep(Known { daemon, uuid }).expect("kept");
        peer
    }

    /// The exit code and the findings of a host's doctor.
    fn doctor(&self, more: &[&str]) -> (Option<i32>, Findings) {
        let rpc = self.link.handle().endpoints().rpc[0].to_string();
        self.doctor_at(rpc, more)
    }

    /// The same with another address for requests.
    fn doctor_at(&self, rpc: String, more: &[&str]) -> (Option<i32>, Findings) {
        let bound = self.link.handle().endpoints().clone();
        let enrollment = &self.enrollment.endpoints()[0];
        let data = self.path("host").display().to_string();
        let addresses = [
            ("--rpc-address", rpc),
            ("--events-address", bound.events[0].to_string()),
            ("--enrollment-address", enrollment.to_string()),
            ("--data-dir", data),
        ];
        let mut command = doctor(&self.folder);
        for (flag, value) in addresses {
            command.args([flag, &value]);
        }
        let said = command
            .args(more)
            .arg("--json")
            .output()
            .expect("moor runs");
        let json = serde_json::from_slice(&said.stdout);
        let json = json.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&said.stderr)));
        (said.status.code(), Findings(json))
    }
}

fn doctor(home: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_moor"));
    command
        .stdin(Stdio::null())
        .env_clear()
        .env("HOME", home.path());
    command.env("XDG_RUNTIME_DIR", home.path());
    command.args(["doctor", "--type", "telnet-host"]);
    command
}

struct Findings(Value);

impl Findings {
    /// The detail of the one finding with this verdict whose name begins so.
    fn one(&self, verdict: &str, check: &str) -> &str {
        let all = self.0["findings"].as_array().expect("a list");
        let text = |one: &'_ Value, key: &str| one[key].as_str().expect(key).to_owned();
        let mut found = all
            .iter()
            .filter(|one| text(one, "check").starts_with(check));
        let one = found
            .next()
            .unwrap_or_else(|| panic!("no {check} in {:#}", self.0));
        assert_eq!(text(one, "verdict"), verdict, "{:#}", self.0);
        one["detail"].as_str().expect("a detail")
    }

    fn failed(&self) -> usize {
        let all = self.0["findings"].as_array().expect("a list");
        all.iter().filter(|one| one["verdict"] == "fail").count()
    }
}

#[test]
fn a_machine_that_is_enrolled_is_well() {
    let scene = Scene::new();
    let peer = scene.enroll();
    let file = scene.token(&TokenSpec::default(), &scene.pair);
    let (code, findings) = scene.doctor(&["--enrollment-token-file", &file]);
    assert_eq!((code, findings.failed()), (Some(0), 0), "{:#}", findings.0);
    for check in [
        "disk",
        "folder",
        "name of --rpc-address",
        "connection to --events-address",
        "token file",
        "the daemon's key",
        "token at",
        "release",
        "clock",
    ] {
        findings.one("ok", check);
    }
    let admissions = findings.0.to_string().matches("admission of key-1").count();
    assert_eq!(admissions, 2, "both doors: {:#}", findings.0);
    assert!(
        findings
            .one("ok", "admission of key-1")
            .contains(&peer.uuid.to_string())
    );
    assert_eq!(scene.link.handle().counts().peers, 0, "it came as a peer");
}

#[test]
fn a_machine_that_has_never_started_needs_only_its_token() {
    let scene = Scene::new();
    let spec = TokenSpec {
        uses: Some(1),
        ..TokenSpec::default()
    };
    let file = scene.token(&spec, &scene.pair);
    for _ in 0..2 {
        let (code, findings) = scene.doctor(&["--enrollment-token-file", &file]);
        assert_eq!(code, Some(0), "the only use was used up: {:#}", findings.0);
        findings.one("skip", "key");
    }
    assert!(!scene.path("host").exists(), "it made something");
    assert!(scene.registry.list().is_empty(), "it enrolled something");
}

#[test]
fn what_is_wrong_with_a_token_is_named() {
    let scene = Scene::new();
    let (code, findings) = scene.doctor(&["--enrollment-token-file", "/nonexistent/token"]);
    assert_eq!(code, Some(4));
    assert!(findings.one("fail", "token").contains("moor token create"));

    let spec = TokenSpec {
        service: Some("curl-worker".into()),
        ..TokenSpec::default()
    };
    let file = scene.token(&spec, &scene.pair);
    let (code, findings) = scene.doctor(&["--enrollment-token-file", &file]);
    assert_eq!(code, Some(4));
    assert!(
        findings
            .one("fail", "token at")
            .contains("is for curl-worker")
    );

    let file = scene.token(&TokenSpec::default(), &KeyPair::generate().expect("a key"));
    let (code, findings) = scene.doctor(&["--enrollment-token-file", &file]);
    assert_eq!(code, Some(4));
    assert!(
        findings
            .one("fail", "enrollment at")
            .contains("not the one in the token")
    );

    let file = scene.token(&TokenSpec::default(), &scene.pair);
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&file, open).expect("opened");
    let (code, findings) = scene.doctor(&["--enrollment-token-file", &file]);
    assert_eq!(code, Some(4));
    assert!(findings.one("fail", "token file").contains("chmod 600"));
}

#[test]
fn a_key_that_is_not_admitted_or_open_to_others_is_named() {
    let scene = Scene::new();
    let peer = scene.enroll();
    scene.registry.revoke(peer.uuid).expect("revoked");
    let (code, findings) = scene.doctor(&[]);
    assert_eq!(code, Some(4));
    assert!(
        findings
            .one("fail", "admission of key-1")
            .contains("revoked")
    );
    let open = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(scene.path("host/key-1"), open).expect("opened");
    let (code, findings) = scene.doctor(&[]);
    assert_eq!(code, Some(4));
    assert!(findings.one("fail", "key").contains("chmod 600"));
}

#[test]
fn a_port_of_something_else_is_found_before_the_program_is_enrolled() {
    let scene = Scene::new();
    let file = scene.token(&TokenSpec::default(), &scene.pair);
    let flags = ["--enrollment-token-file", &file, "--timeout", "500ms"];
    let (code, findings) = scene.doctor(&flags);
    assert_eq!((code, findings.failed()), (Some(0), 0), "{:#}", findings.0);
    // Takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("tcp://{}", silent.local_addr().expect("its address"));
    let (code, findings) = scene.doctor_at(address, &flags);
    assert_eq!((code, findings.failed()), (Some(4), 1), "{:#}", findings.0);
    assert!(findings.one("fail", "daemon at").contains("--rpc-listen"));
}

#[test]
fn another_release_is_named() {
    let scene = Scene::with_protocol(PROTOCOL_VERSION + 1);
    let file = scene.token(&TokenSpec::default(), &scene.pair);
    let (code, findings) = scene.doctor(&["--enrollment-token-file", &file]);
    assert_eq!((code, findings.failed()), (Some(4), 1), "{:#}", findings.0);
    assert!(
        findings
            .one("fail", "release")
            .contains("install the same release")
    );
}

#[test]
fn what_cannot_be_reached_is_named_with_the_mend() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let nobody = format!("tcp://{}", free.local_addr().expect("its address"));
    drop(free);
    let mut command = doctor(&home);
    command.args([
        "--rpc-address",
        &nobody,
        "--events-address",
        "dns:no-such-name.invalid:7898",
    ]);
    let said = command.output().expect("moor runs");
    let text = String::from_utf8(said.stdout).expect("UTF-8");
    assert_eq!(said.status.code(), Some(4), "{text}");
    for line in [
        &[
            "FAIL",
            "connection to --rpc-address",
            "does the daemon run with --rpc-listen?",
        ][..],
        &[
            "FAIL",
            "name of --events-address dns:no-such-name.invalid:7898",
        ],
        &["FAIL", "token", "moor token create"],
        &["things are wrong"],
    ] {
        let found = text
            .lines()
            .any(|found| line.iter().all(|part| found.contains(part)));
        assert!(found, "{line:?} is not in:\n{text}");
    }
}

#[test]
fn on_the_daemons_machine_sockets_are_enough() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let folder = home.path().join("moor");
    std::fs::create_dir(&folder).expect("made");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("closed");
    let _sockets = ["rpc.sock", "events.sock"]
        .map(|name| UnixListener::bind(folder.join(name)).expect("bound"));
    let said = doctor(&home).output().expect("moor runs");
    let text = String::from_utf8(said.stdout).expect("UTF-8");
    assert_eq!(said.status.code(), Some(0), "{text}");
    assert!(text.ends_with("all is well\n"), "{text}");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("opened");
    let said = doctor(&home).output().expect("moor runs");
    assert_eq!(said.status.code(), Some(4), "an open folder is well");
}

#[test]
fn mistakes_are_one_line() {
    let home = tempfile::tempdir().expect("a temporary folder");
    for args in [&["doctor"][..], &["doctor", "--type", "pigeon"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_moor"));
        let said = command
            .args(args)
            .env("HOME", home.path())
            .output()
            .expect("moor runs");
        let text = String::from_utf8(said.stderr).expect("UTF-8");
        assert_eq!(
            (said.status.code(), text.lines().count()),
            (Some(2), 1),
            "{text}"
        );
        assert!(text.contains("--type"), "{text}");
    }
}
