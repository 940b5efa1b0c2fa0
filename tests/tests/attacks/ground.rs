//! A daemon on TCP with an honest telnet host, and the keys of enrolled peers that have fallen into wrong hands.
//!
//! In: the multi-call binary. Out: addresses and keys as an attacker would have them, and whether all is still well.
//! Each machine of the cluster is a folder with its own keys.

use std::path::{Path, PathBuf};

use moor_tests::{
    Client, Ended, Program, Session, TELNET_ON_FREE_PORTS, WORKER_ON_A_FREE_PORT, field,
    telnet_address,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::attacker;

/// The programs of one attack.
pub(crate) struct Ground {
    daemon: Program,
    honest: Host,
    endpoints: Value,
    folder: TempDir,
}

/// A telnet host and where its users connect.
pub(crate) struct Host {
    _program: Program,
    telnet: std::net::SocketAddr,
}

impl Host {
    pub(crate) fn log_in(&mut self) -> Session {
        Session::log_in(self.telnet, "wizard").expect("logged in")
    }
}

/// What the daemon listens at, as its flags and its log lines call it.
const DOORS: [&str; 5] = [
    "rpc",
    "events",
    "workers-request",
    "workers-response",
    "enrollment",
];

/// What an attacker knows of the wire: the versions that its hello names. With others the honest cases fail too.
const LINK_VERSION: u16 = 2;
const PROTOCOL_VERSION: u32 = 4;

fn moor() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_moor-under-test"))
}

/// Where the programs that were started in `folder` keep what is theirs.
pub(crate) fn data_folder(folder: &Path) -> PathBuf {
    folder.join("share/moor")
}

fn flags(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

impl Ground {
    /// Starts everything; `None` where there is nobody to attack it.
    pub(crate) fn open() -> Option<Self> {
        if !attacker::is_possible() {
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = |name: &str| {
            let home = folder.path().join(name);
            std::fs::create_dir(&home).expect("a folder");
            home
        };
        let (mut daemon, endpoints) = start_daemon(&home("daemon"));
        daemon.line(" ready");
        let token = token_file(&folder.path().join("daemon"));
        let honest = start_host(&home("honest"), &endpoints, &token);
        // Two machines that were enrolled, and whose keys were stolen.
        drop(start_host(&home("spare-host"), &endpoints, &token));
        enroll_worker(&home("spare-worker"), &endpoints, &token);
        Some(Self {
            daemon,
            honest,
            endpoints,
            folder,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn endpoints(&self) -> Value {
        self.endpoints.clone()
    }

    pub(crate) fn server_key(&self) -> String {
        read(&self.folder().join("daemon/config/moor/daemon.pub"))
    }

    pub(crate) fn token(&self) -> String {
        read(&token_file(&self.folder().join("daemon")))
    }

    pub(crate) fn link_version(&self) -> u16 {
        LINK_VERSION
    }

    pub(crate) fn protocol(&self) -> u32 {
        PROTOCOL_VERSION
    }

    /// The secret key of the host that is not running.
    pub(crate) fn spare_host_key(&self) -> String {
        stolen(&self.folder().join("spare-host"), "key-")
    }

    pub(crate) fn spare_worker_key(&self) -> String {
        stolen(&self.folder().join("spare-worker"), "key-")
    }

    /// What an attacker has who owns the spare host's machine.
    pub(crate) fn as_spare_host(&self) -> Value {
        json!({
            "endpoints": self.endpoints, "server": self.server_key(), "link": self.link_version(),
            "protocol": self.protocol(), "host": self.spare_host_key(),
        })
    }

    /// The name under which the daemon knows a machine.
    fn uuid_of(&self, home: &str) -> String {
        let text = stolen(&self.folder().join(home), "daemon-");
        let word = |word: &&str| word.len() == 36 && word.matches('-').count() == 4;
        let words = text.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'));
        words.into_iter().find(word).expect("a uuid").to_owned()
    }

    pub(crate) fn host_uuid(&self) -> String {
        self.uuid_of("honest")
    }

    pub(crate) fn spare_host_uuid(&self) -> String {
        self.uuid_of("spare-host")
    }

    /// The file that lets a peer in.
    pub(crate) fn allowed(&self, uuid: &str) -> PathBuf {
        self.allowed_folder().join(uuid)
    }

    fn allowed_folder(&self) -> PathBuf {
        data_folder(&self.folder().join("daemon")).join("allowed-hosts")
    }

    pub(crate) fn allowed_count(&self) -> usize {
        let folder = std::fs::read_dir(self.allowed_folder()).expect("the folder of peers");
        folder.count()
    }

    /// A further host whose way to the daemon goes by other addresses.
    pub(crate) fn host_at(&self, endpoints: &Value, home: &str) -> Host {
        let home = self.folder().join(home);
        std::fs::create_dir(&home).expect("a folder");
        start_host(&home, endpoints, &token_file(&self.folder().join("daemon")))
    }

    /// One that cannot come in.
    pub(crate) fn failing_host(&self, endpoints: &Value, home: &str) -> Ended {
        let home = self.folder().join(home);
        std::fs::create_dir(&home).expect("a folder");
        let token = token_file(&self.folder().join("daemon"));
        Program::start(moor(), "telnet-host", &host_flags(endpoints, &token), &home).end()
    }

    pub(crate) fn log_in(&mut self) -> Session {
        self.honest.log_in()
    }

    pub(crate) fn resident_bytes(&self) -> u64 {
        self.daemon.resident_bytes()
    }

    /// The honest host's users go on as before, old and new.
    pub(crate) fn is_unharmed(&mut self) {
        let mut user = self.honest.log_in();
        assert_eq!(user.value("return 6 * 7;"), "42");
        Client::connect(self.honest.telnet).expect("the host accepts");
    }
}

fn read(path: &Path) -> String {
    let text = std::fs::read_to_string(path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.trim().to_owned()
}

fn token_file(daemon: &Path) -> PathBuf {
    daemon.join("config/moor/enrollment-token")
}

/// What stands in the one file below `home` whose name begins so and ends in the number of the first process.
fn stolen(home: &Path, name: &str) -> String {
    let name = format!("{name}1");
    let mut folders = vec![home.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if *entry.file_name() == *name {
                return read(&entry.path());
            }
        }
    }
    panic!("no {name} in {}", home.display());
}

fn start_daemon(home: &Path) -> (Program, Value) {
    let database = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cases.db");
    let database = database.display().to_string();
    let mut arguments = flags(&["world", "--import", &database]);
    for door in DOORS {
        arguments.extend([format!("--{door}-listen"), "tcp://127.0.0.1:0".into()]);
    }
    let mut daemon = Program::start(moor(), "daemon", &arguments, home);
    let mut endpoints = json!({});
    for door in DOORS {
        let line = daemon.line(&format!("{door} listening"));
        endpoints[door] = json!(field(&line, "endpoint").expect("an endpoint"));
    }
    (daemon, endpoints)
}

fn host_flags(endpoints: &Value, token: &Path) -> Vec<String> {
    let mut arguments = flags(&TELNET_ON_FREE_PORTS);
    arguments.extend([
        "--enrollment-token-file".into(),
        token.display().to_string(),
    ]);
    for door in ["rpc", "events", "enrollment"] {
        let address = endpoints[door].as_str().expect("an address");
        arguments.extend([format!("--{door}-address"), address.into()]);
    }
    arguments
}

/// Starts a host and waits until the daemon is there.
fn start_host(home: &Path, endpoints: &Value, token: &Path) -> Host {
    let mut program = Program::start(moor(), "telnet-host", &host_flags(endpoints, token), home);
    let line = program.line("listening telnet=");
    let telnet = telnet_address(&line);
    program.line("the daemon is there");
    Host {
        _program: program,
        telnet,
    }
}

/// Runs a worker until it is enrolled and connected, and ends it.
fn enroll_worker(home: &Path, endpoints: &Value, token: &Path) {
    let mut arguments = flags(&WORKER_ON_A_FREE_PORT);
    arguments.push("--enrollment-token-file".into());
    arguments.push(token.display().to_string());
    for door in ["workers-request", "workers-response", "enrollment"] {
        let address = endpoints[door].as_str().expect("an address");
        arguments.extend([format!("--{door}-address"), address.into()]);
    }
    Program::start(moor(), "curl-worker", &arguments, home).line("the daemon is there");
}
