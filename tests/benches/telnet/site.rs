//! A daemon and a telnet host, joined in one of two ways.
//!
//! In: the way and a database. Out: running programs and the address for telnet. They end, and their folder goes, when the site
//! is dropped.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use moor_tests::{Database, Program, TELNET_ON_FREE_PORTS, field, telnet_address};

/// How two programs are joined.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Transport {
    /// By Unix sockets.
    Ipc,
    /// By TCP, encrypted.
    Curve,
}

impl Transport {
    pub(crate) const ALL: [Self; 2] = [Self::Ipc, Self::Curve];

    /// As tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ipc => "ipc",
            Self::Curve => "tcp+CURVE",
        }
    }

    /// As the command line calls it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ipc => "ipc",
            Self::Curve => "curve",
        }
    }

    fn doors(self) -> &'static [&'static str] {
        match self {
            Self::Ipc => &["rpc", "events"],
            Self::Curve => &["rpc", "events", "enrollment"],
        }
    }

    /// What the daemon is to listen at.
    fn listen(self, folder: &Path) -> Vec<String> {
        let address = |door: &str| match self {
            Self::Ipc => format!("ipc://{}", folder.join(format!("{door}.sock")).display()),
            Self::Curve => "tcp://127.0.0.1:0".into(),
        };
        let flags = self
            .doors()
            .iter()
            .map(|door| [format!("--{door}-listen"), address(door)]);
        flags.flatten().collect()
    }
}

/// The running programs.
pub(crate) struct Site {
    pub(crate) transport: Transport,
    pub(crate) daemon: Program,
    pub(crate) host: Program,
    /// Where users connect.
    pub(crate) telnet: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Site {
    /// Starts the programs and waits until users can come.
    pub(crate) fn start(transport: Transport, database: &Database) -> Self {
        Self::start_with(transport, database, &[])
    }

    /// The same, with further flags of the daemon.
    pub(crate) fn start_with(transport: Transport, database: &Database, further: &[&str]) -> Self {
        let private = std::fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().permissions(private).tempdir();
        let folder = folder.expect("a temporary folder");
        let moor = Path::new(env!("CARGO_BIN_EXE_moor-under-test"));
        let mut flags = vec!["world".into()];
        if let Database::Textdump(path) = database {
            let path = path.canonicalize().expect("the textdump is there");
            flags.extend(["--import".into(), path.display().to_string()]);
        }
        flags.extend(transport.listen(folder.path()));
        flags.extend(further.iter().map(ToString::to_string));
        let mut daemon = Program::start(moor, "daemon", &flags, folder.path());
        let flags = host_flags(transport, &mut daemon);
        daemon.line(" ready");
        let mut host = Program::start(moor, "telnet-host", &flags, folder.path());
        let line = host.line("listening telnet=");
        Self {
            transport,
            daemon,
            host,
            telnet: telnet_address(&line),
            _folder: folder,
        }
    }
}

/// The addresses of the host are those that the daemon says.
fn host_flags(transport: Transport, daemon: &mut Program) -> Vec<String> {
    let mut flags: Vec<String> = TELNET_ON_FREE_PORTS.map(String::from).into();
    for door in transport.doors() {
        let line = daemon.line(&format!("{door} listening"));
        flags.push(format!("--{door}-address"));
        flags.push(field(&line, "endpoint").expect("an endpoint").to_owned());
    }
    flags
}
