//! A daemon with the starter world, and a web host.
//!
//! In: the multi-call binary. Out: the address for browsers; either program can be killed and started again.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use moor_tests::{PATIENCE, Program};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Answer, request};

const MOOR: &str = env!("CARGO_BIN_EXE_moor-under-test");

/// The running programs; they end, and their folder goes, when this is dropped.
pub(crate) struct Site {
    pub(crate) daemon: Program,
    pub(crate) host: Program,
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

impl Site {
    /// Starts both and waits until users can come.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with further flags of the host.
    pub(crate) fn start_with(flags: &[&str]) -> Self {
        let private = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().permissions(private).tempdir();
        let folder = folder.expect("a temporary folder");
        let daemon = start_daemon(folder.path());
        let (host, address) = start_host(folder.path(), "127.0.0.1:0", flags);
        let site = Self {
            daemon,
            host,
            address,
            folder,
        };
        site.wait_until_healthy();
        site
    }

    /// Starts the daemon again, after it was killed or stopped.
    pub(crate) fn restart_daemon(&mut self) {
        self.daemon = start_daemon(self.folder.path());
    }

    /// Starts the host again at the same address, after it was killed or stopped.
    pub(crate) fn restart_host(&mut self) {
        self.host = start_host(self.folder.path(), &self.address.to_string(), &[]).0;
        self.wait_until_healthy();
    }

    /// Waits for a ping of the daemon, and for the host to be attached.
    pub(crate) fn wait_until_healthy(&self) {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let health = self.get("/health");
            if health.status == 200 && health.json()["attached"] == true {
                return;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "never healthy: {health:?}"
            );
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        request(self.address, "GET", path, &[], "").expect("an answer")
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        request(self.address, "POST", path, headers, &body.to_string()).expect("an answer")
    }

    /// Makes a player; gives the answer of the sign-in.
    pub(crate) fn create(&self, name: &str) -> Value {
        let body = json!({ "player": name, "password": "a secret" });
        let answer = self.post("/auth/create", &[], &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }
}

fn start_daemon(folder: &Path) -> Program {
    let mut flags = vec!["world".to_owned()];
    flags.extend(addresses(folder, "--rpc-listen", "--events-listen"));
    let mut daemon = Program::start(Path::new(MOOR), "daemon", &flags, folder);
    daemon.line(" ready");
    daemon
}

fn start_host(folder: &Path, listen: &str, further: &[&str]) -> (Program, SocketAddr) {
    let mut flags: Vec<String> = addresses(folder, "--rpc-address", "--events-address").into();
    let fixed = ["--listen-address", listen, "--data-dir", "web-host"];
    flags.extend(fixed.iter().chain(further).map(ToString::to_string));
    let mut host = Program::start(Path::new(MOOR), "web-host", &flags, folder);
    let line = host.line("listening http=");
    let address = line.split("http=").nth(1).map(str::trim);
    let address = address.and_then(|address| address.parse().ok());
    (
        host,
        address.unwrap_or_else(|| panic!("no address in {line:?}")),
    )
}

fn addresses(folder: &Path, rpc: &str, events: &str) -> [String; 4] {
    let socket = |name: &str| format!("ipc://{}", folder.join(name).display());
    [
        rpc.into(),
        socket("rpc.sock"),
        events.into(),
        socket("events.sock"),
    ]
}
