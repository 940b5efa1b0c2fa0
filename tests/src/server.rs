//! A daemon and a telnet host in a temporary folder.
//!
//! In: the multi-call binary and a database. Out: the address for telnet; the daemon can be killed and started again.
//! It does not know what is in the world.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Client, Program, Session, TELNET_ON_FREE_PORTS, telnet_address};

/// Where the world of a server comes from.
#[derive(Clone, Debug)]
pub enum Database {
    /// A textdump that is imported.
    Textdump(PathBuf),
    /// The starter world of the daemon.
    Starter,
}

/// The running programs of one world; they end, and their folder goes, when this is dropped.
#[derive(Debug)]
pub struct Server {
    /// The process that owns the world.
    pub daemon: Program,
    /// The process that holds the users' connections.
    pub host: Program,
    telnet: SocketAddr,
    moor: PathBuf,
    flags: Vec<String>,
    folder: TempDir,
}

impl Database {
    /// The small world that the cases use.
    #[must_use]
    pub fn cases() -> Self {
        Self::Textdump(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cases.db"))
    }
}

impl Server {
    /// Starts a server and waits until users can come.
    ///
    /// # Panics
    /// If a program does not start.
    #[must_use]
    pub fn start(moor: &Path, database: &Database) -> Self {
        Self::start_with(moor, database, &[])
    }

    /// Starts a server whose daemon gets further flags, and waits until users can come.
    ///
    /// # Panics
    /// If a program does not start.
    #[must_use]
    pub fn start_with(moor: &Path, database: &Database, flags: &[&str]) -> Self {
        Self::start_host_with(moor, database, flags, &[])
    }

    /// Starts a server whose daemon gets further flags, and its telnet host others, and waits until users can come.
    ///
    /// # Panics
    /// If a program does not start.
    #[must_use]
    pub fn start_host_with(
        moor: &Path,
        database: &Database,
        flags: &[&str],
        of_host: &[&str],
    ) -> Self {
        let folder = private_folder();
        let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        let mut first = flags.clone();
        if let Database::Textdump(path) = database {
            let path = path.canonicalize().expect("the textdump is there");
            first.extend(["--import".into(), path.display().to_string()]);
        }
        let daemon = start_daemon(moor, folder.path(), &first);
        let mut for_host = host_flags(folder.path());
        for_host.extend(of_host.iter().map(ToString::to_string));
        let mut host = Program::start(moor, "telnet-host", &for_host, folder.path());
        let telnet = telnet_address(&host.line("listening telnet="));
        Self {
            daemon,
            host,
            telnet,
            moor: moor.into(),
            flags,
            folder,
        }
    }

    /// Where users connect.
    #[must_use]
    pub fn telnet(&self) -> SocketAddr {
        self.telnet
    }

    /// The folder of the server; the database is in `world`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A new connection.
    ///
    /// # Panics
    /// If the host does not accept it.
    #[must_use]
    pub fn connect(&self) -> Client {
        Client::connect(self.telnet).expect("the host accepts")
    }

    /// A new connection on which `name` has logged in, with framed answers.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn log_in(&self, name: &str) -> Session {
        Session::log_in(self.telnet, name).expect("logged in")
    }

    /// Starts the daemon again, after it was killed or stopped, and waits until it is ready.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart_daemon(&mut self) {
        self.daemon = start_daemon(&self.moor, self.folder.path(), &self.flags);
    }
}

/// A folder that only this user can enter: the programs refuse to have their sockets anywhere else.
fn private_folder() -> TempDir {
    let private = Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().permissions(private).tempdir();
    folder.expect("a temporary folder")
}

fn start_daemon(moor: &Path, folder: &Path, further: &[String]) -> Program {
    let mut flags = vec!["world".into()];
    flags.extend(addresses(folder, "--rpc-listen", "--events-listen"));
    flags.extend_from_slice(further);
    let mut daemon = Program::start(moor, "daemon", &flags, folder);
    daemon.line(" ready");
    daemon
}

fn host_flags(folder: &Path) -> Vec<String> {
    let mut flags: Vec<String> = addresses(folder, "--rpc-address", "--events-address").into();
    let fixed = TELNET_ON_FREE_PORTS
        .into_iter()
        .chain(["--data-dir", "host"]);
    flags.extend(fixed.map(String::from));
    flags
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
