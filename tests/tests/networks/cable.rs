//! Two network namespaces of this test's own: one for the daemon, one for the host, a cable between them, and one from
//! the host's to here for the users.
//!
//! In: `ip` and root. Out: programs that run in their namespace, a cable that can be cut. All of it goes when this is
//! dropped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use moor_tests::{Program, say};
use tempfile::TempDir;

/// Addresses for tests of networks (RFC 2544), so that nothing that the machine can reach is hidden.
const DAEMON: &str = "198.18.71.1";
const HOST: &str = "198.18.71.2";
const HOST_TO_USERS: &str = "198.18.72.2";
const USERS: &str = "198.18.72.1";
const MASK: &str = "/30";

/// Namespaces and cables.
pub(crate) struct Networks {
    folder: TempDir,
    /// What the names of all namespaces and cables begin with.
    name: String,
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "ip {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    ))
}

fn moor() -> String {
    env!("CARGO_BIN_EXE_moor-under-test").to_owned()
}

impl Networks {
    /// Makes everything; `None`, with a word, where that is not possible.
    pub(crate) fn make() -> Option<Self> {
        // Names of cables have at most 15 bytes.
        let name = format!("mo{}", std::process::id() % 1_000_000);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let networks = Self { folder, name };
        if let Err(why) = networks.connect() {
            say(format_args!(
                "skipped: no network namespaces here: {}",
                why.trim()
            ));
            return None;
        }
        Some(networks)
    }

    fn daemon_side(&self) -> String {
        format!("{}d", self.name)
    }

    fn host_side(&self) -> String {
        format!("{}h", self.name)
    }

    fn connect(&self) -> Result<(), String> {
        let (daemon, host) = (self.daemon_side(), self.host_side());
        ip(&["netns", "add", &daemon])?;
        ip(&["netns", "add", &host])?;
        ip(&["-n", &daemon, "link", "set", "lo", "up"])?;
        ip(&["-n", &host, "link", "set", "lo", "up"])?;
        self.cable("link", (&daemon, DAEMON), (Some(&host), HOST))?;
        self.cable("user", (&host, HOST_TO_USERS), (None, USERS))
    }

    /// A cable from one namespace to another, or to the machine's own.
    fn cable(
        &self,
        what: &str,
        near: (&str, &str),
        far: (Option<&str>, &str),
    ) -> Result<(), String> {
        let ends = [
            format!("{}{what}a", self.name),
            format!("{}{what}b", self.name),
        ];
        ip(&[
            "link", "add", &ends[0], "type", "veth", "peer", "name", &ends[1],
        ])?;
        let places = [(Some(near.0), near.1), far];
        for (end, (namespace, address)) in ends.iter().zip(places) {
            let address = format!("{address}{MASK}");
            match namespace {
                Some(namespace) => {
                    ip(&["link", "set", end, "netns", namespace])?;
                    ip(&["-n", namespace, "addr", "add", &address, "dev", end])?;
                    ip(&["-n", namespace, "link", "set", end, "up"])?;
                }
                None => {
                    ip(&["addr", "add", &address, "dev", end])?;
                    ip(&["link", "set", end, "up"])?;
                }
            }
        }
        Ok(())
    }

    fn set_link(&self, state: &str) {
        let end = format!("{}linka", self.name);
        ip(&["-n", &self.daemon_side(), "link", "set", &end, state]).expect("the cable is there");
    }

    /// Cuts the cable between daemon and host: what is sent vanishes, nobody is told.
    pub(crate) fn cut(&self) {
        self.set_link("down");
    }

    pub(crate) fn mend(&self) {
        self.set_link("up");
    }

    /// Where users connect.
    pub(crate) fn users(&self) -> SocketAddr {
        format!("{HOST_TO_USERS}:8888").parse().expect("an address")
    }

    fn home(&self, name: &str) -> PathBuf {
        let home = self.folder.path().join(name);
        std::fs::create_dir(&home).expect("a folder");
        home
    }

    /// Starts a program in a namespace: `ip netns exec` becomes it.
    fn start(&self, namespace: &str, word: &str, flags: Vec<String>, home: &Path) -> Program {
        let mut arguments = vec!["exec".into(), namespace.into(), moor(), word.into()];
        arguments.extend(flags);
        Program::start(Path::new("ip"), "netns", &arguments, home)
    }

    /// Starts the daemon and waits until it is ready.
    pub(crate) fn start_daemon(&self) -> Program {
        let database = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cases.db");
        let mut flags = vec![
            "world".into(),
            "--import".into(),
            database.display().to_string(),
        ];
        flags.extend(["--heartbeat-profile".into(), "fast".into()]);
        for (door, port) in [("rpc", 7899), ("events", 7898), ("enrollment", 7900)] {
            flags.extend([format!("--{door}-listen"), format!("tcp://{DAEMON}:{port}")]);
        }
        let mut daemon = self.start(&self.daemon_side(), "daemon", flags, &self.home("daemon"));
        daemon.line(" ready");
        daemon
    }

    /// Starts a host and waits until it has joined.
    pub(crate) fn start_host(&self, word: &str) -> Program {
        let token = self
            .folder
            .path()
            .join("daemon/config/moor/enrollment-token");
        let mut flags = vec![
            "--enrollment-token-file".into(),
            token.display().to_string(),
        ];
        flags.extend(["--telnet-address".into(), HOST_TO_USERS.into()]);
        for (door, port) in [("rpc", 7899), ("events", 7898), ("enrollment", 7900)] {
            flags.extend([
                format!("--{door}-address"),
                format!("tcp://{DAEMON}:{port}"),
            ]);
        }
        let mut host = self.start(&self.host_side(), word, flags, &self.home(word));
        host.line("the daemon is there");
        host
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        // A namespace takes its ends of cables with it, and with one end goes the other. What was not made is not there.
        for namespace in [self.daemon_side(), self.host_side()] {
            let _ = ip(&["netns", "del", &namespace]);
        }
        let _ = ip(&["link", "del", &format!("{}userb", self.name)]);
    }
}
