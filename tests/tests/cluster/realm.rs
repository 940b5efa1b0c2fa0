//! The programs of one cluster, each in a folder of its own.
//!
//! In: names of machines, flags. Out: running programs that end with the test, and what an operator reads of them. The
//! ports stay the same when the daemon is started again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use moor_tests::{
    Ended, Program, Session, TELNET_ON_FREE_PORTS, WORKER_ON_A_FREE_PORT, field, telnet_address,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// What the daemon listens at, as its flags and its log lines call it.
const DOORS: [&str; 5] = [
    "rpc",
    "events",
    "workers-request",
    "workers-response",
    "enrollment",
];
const HOST_DOORS: [&str; 3] = ["rpc", "events", "enrollment"];
/// The last of these the worker accepts and does not use; so the guide starts it.
const WORKER_DOORS: [&str; 4] = ["workers-request", "workers-response", "enrollment", "rpc"];

/// A daemon and the folders of those who join it.
pub(crate) struct Realm {
    /// The daemon; the fields below outlive it.
    pub(crate) daemon: Program,
    ports: Vec<(&'static str, String)>,
    further: Vec<String>,
    folder: TempDir,
}

/// A telnet host and where its users connect.
pub(crate) struct Host {
    pub(crate) program: Program,
    pub(crate) telnet: SocketAddr,
    pub(crate) health: SocketAddr,
}

impl Host {
    pub(crate) fn log_in(&self) -> Session {
        Session::log_in(self.telnet, "wizard").expect("logged in")
    }
}

pub(crate) fn moor() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_moor-under-test"))
}

pub(crate) fn flags(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

/// A signal to a process that a test has started.
pub(crate) fn signal(program: &Program, signal: Signal) {
    let id = i32::try_from(program.id()).ok().and_then(Pid::from_raw);
    kill_process(id.expect("a process"), signal).expect("sent");
}

impl Realm {
    /// Starts a daemon that pings fast.
    pub(crate) fn start() -> Self {
        Self::start_with(&["--heartbeat-profile", "fast"])
    }

    /// Starts a daemon with further flags.
    pub(crate) fn start_with(further: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = home(folder.path(), "daemon");
        let any: Vec<_> = DOORS
            .map(|door| (door, "tcp://127.0.0.1:0".to_owned()))
            .into();
        let further = flags(further);
        let (daemon, ports) = start_daemon(&home, &any, &further, true);
        Self {
            daemon,
            ports,
            further,
            folder,
        }
    }

    /// Starts the daemon again where it was, and waits until it is ready.
    pub(crate) fn restart_daemon(&mut self) {
        let home = self.home("daemon");
        (self.daemon, _) = start_daemon(&home, &self.ports, &self.further, false);
    }

    /// The folder of a machine.
    pub(crate) fn home(&self, name: &str) -> PathBuf {
        home(self.folder.path(), name)
    }

    /// The file of the default token, on the daemon's machine.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.home("daemon").join("config/moor/enrollment-token")
    }

    /// The folder of the enrolled peers.
    pub(crate) fn allowed(&self) -> PathBuf {
        self.home("daemon").join("share/moor/allowed-hosts")
    }

    /// The names of the enrolled peers of this kind.
    pub(crate) fn enrolled(&self, service: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.allowed()).expect("the folder of peers");
        let files = entries.flatten().filter(|entry| entry.path().is_file());
        let is_of = |path: &Path| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            text.contains(&format!("\"{service}\""))
        };
        files
            .filter(|entry| is_of(&entry.path()))
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }

    fn addresses(&self, doors: &[&str]) -> Vec<String> {
        let of = |door: &&str| {
            let port = self.ports.iter().find(|(known, _)| known == door);
            let (_, address) = port.expect("a door");
            [format!("--{door}-address"), address.clone()]
        };
        doors.iter().flat_map(of).collect()
    }

    /// Starts a program that joins, and waits for nothing. `token` is the file of its token.
    pub(crate) fn launch(
        &self,
        word: &str,
        name: &str,
        token: Option<&Path>,
        further: &[&str],
    ) -> Program {
        let doors: &[&str] = match word {
            "curl-worker" => &WORKER_DOORS,
            _ => &HOST_DOORS,
        };
        let ports: &[&str] = match word {
            "telnet-host" => &TELNET_ON_FREE_PORTS,
            _ => &WORKER_ON_A_FREE_PORT,
        };
        let mut arguments = flags(ports);
        arguments.extend(self.addresses(doors));
        if let Some(token) = token {
            arguments.extend([
                "--enrollment-token-file".into(),
                token.display().to_string(),
            ]);
        }
        arguments.extend(flags(further));
        Program::start(moor(), word, &arguments, &self.home(name))
    }

    /// Starts a telnet host with the default token, and waits until users can play.
    pub(crate) fn host(&self, name: &str) -> Host {
        let mut program = self.launch("telnet-host", name, Some(&self.token_file()), &[]);
        let line = program.line("listening telnet=");
        let health = field(&line, "health").and_then(|address| address.parse().ok());
        program.line("the daemon is there");
        Host {
            program,
            telnet: telnet_address(&line),
            health: health.expect(&line),
        }
    }

    /// Starts an HTTP worker that reaches this machine, and waits until it is there.
    pub(crate) fn worker(&self, name: &str) -> Program {
        let token = self.token_file();
        let local = ["--allow-private", "--allow-address", "127.0.0.0/8"];
        let mut program = self.launch("curl-worker", name, Some(&token), &local);
        program.line("the daemon is there");
        program
    }

    /// A program that ends by itself.
    pub(crate) fn fails(&self, word: &str, name: &str, token: Option<&Path>) -> Ended {
        self.launch(word, name, token, &[]).end()
    }

    /// A command of the operator on the daemon's machine.
    pub(crate) fn operator(&self, arguments: &[&str]) -> Output {
        operator(&self.home("daemon"), arguments)
    }

    /// What a command prints that must succeed.
    pub(crate) fn operate(&self, arguments: &[&str]) -> String {
        let output = self.operator(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Makes a token with these flags of `moor token create`; its file.
    pub(crate) fn make_token(&self, name: &str, further: &[&str]) -> PathBuf {
        let mut arguments = vec!["token", "create"];
        arguments.extend(further);
        let text = self.operate(&arguments);
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).expect("written");
        file
    }
}

/// Runs the multi-call binary in a folder until it ends.
pub(crate) fn operator(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(moor());
    command.args(arguments).current_dir(home).env_clear();
    let command = command
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("share"))
        .env("XDG_CONFIG_HOME", home.join("config"));
    command.output().expect("the program starts")
}

fn home(folder: &Path, name: &str) -> PathBuf {
    let home = folder.join(name);
    std::fs::create_dir_all(&home).expect("a folder");
    home
}

type Ports = Vec<(&'static str, String)>;

fn start_daemon(
    home: &Path,
    ports: &[(&'static str, String)],
    further: &[String],
    is_new: bool,
) -> (Program, Ports) {
    let mut arguments = flags(&["world"]);
    if is_new {
        let database = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cases.db");
        arguments.extend(["--import".into(), database.display().to_string()]);
    }
    for (door, address) in ports {
        arguments.extend([format!("--{door}-listen"), address.clone()]);
    }
    let socket = home.join("admin/admin.sock");
    arguments.extend(["--admin-socket".into(), socket.display().to_string()]);
    arguments.extend_from_slice(further);
    let mut daemon = Program::start(moor(), "daemon", &arguments, home);
    let bound = ports.iter().map(|(door, _)| {
        let line = daemon.line(&format!(" {door} listening"));
        let endpoint = field(&line, "endpoint").expect("an endpoint");
        (*door, endpoint.to_owned())
    });
    // In the order in which the daemon tells them.
    let bound: Vec<_> = bound.collect();
    daemon.line(" ready");
    (daemon, bound)
}

/// A name for the daemon's addresses before it is started: free ports, as far as anybody can know.
pub(crate) fn free_addresses() -> Vec<(&'static str, String)> {
    let sockets = DOORS.map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a port"));
    let of = |(door, socket): (&'static str, &std::net::TcpListener)| {
        let address = socket.local_addr().expect("bound");
        (door, format!("tcp://{address}"))
    };
    DOORS.into_iter().zip(&sockets).map(of).collect()
}

impl Realm {
    /// Everything but the daemon: its token is made, its addresses are known.
    pub(crate) fn before_daemon() -> Unborn {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = home(folder.path(), "daemon");
        let made = operator(&home, &["daemon", "--rotate-enrollment-token"]);
        assert!(made.status.success(), "{made:?}");
        Unborn {
            ports: free_addresses(),
            folder,
            said: String::from_utf8(made.stdout).expect("text"),
        }
    }
}

/// A cluster whose daemon is still to come.
pub(crate) struct Unborn {
    ports: Ports,
    folder: TempDir,
    /// What was printed when the token was made.
    pub(crate) said: String,
}

impl Unborn {
    /// The file of the default token.
    pub(crate) fn token_file(&self) -> PathBuf {
        home(self.folder.path(), "daemon").join("config/moor/enrollment-token")
    }

    /// Starts a host with the default token.
    pub(crate) fn launch_host(&self, name: &str) -> Program {
        let mut arguments = flags(&TELNET_ON_FREE_PORTS);
        for (door, address) in &self.ports {
            if HOST_DOORS.contains(door) {
                arguments.extend([format!("--{door}-address"), address.clone()]);
            }
        }
        let token = self.token_file().display().to_string();
        arguments.extend(["--enrollment-token-file".into(), token]);
        Program::start(
            moor(),
            "telnet-host",
            &arguments,
            &home(self.folder.path(), name),
        )
    }

    /// Starts the daemon.
    pub(crate) fn born(self) -> Realm {
        let home = home(self.folder.path(), "daemon");
        let (daemon, ports) = start_daemon(&home, &self.ports, &[], true);
        Realm {
            daemon,
            ports,
            further: Vec::new(),
            folder: self.folder,
        }
    }
}

/// Where users of a host connect, from its log.
pub(crate) fn telnet_of(program: &mut Program) -> SocketAddr {
    telnet_address(&program.line("listening telnet="))
}
