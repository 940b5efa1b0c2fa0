//! `moor up`: the world on this machine, with all programs that its users need.
//!
//! In: a data folder and the address for telnet. Out: the daemon and the telnet host as processes of their own, joined by
//! sockets in a private folder. It knows their flags, and neither the world nor the messages between them.

use std::ffi::OsString;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use moor_node::{Drain, Exit, NodeArgs, PathError, Paths};

use crate::programs::{DAEMON, Program, TELNET_HOST};
use crate::runtime_folder::{RuntimeFolder, RuntimeFolderError};
use crate::supervised::Plan;
use crate::supervisor;

/// The folder in the world's folder for the identities of hosts; the store leaves this name free.
const IDENTITIES: &str = "hosts";

/// Run the world on this machine: the daemon and the telnet host, restarted when they die
#[derive(Debug, clap::Parser)]
#[command(mut_arg("drain_timeout", |arg| arg.default_value("5")))]
struct Args {
    /// The folder of the world; an empty or missing one gets the starter world
    #[arg(long, value_name = "DIR", default_value = "moor-data")]
    data_dir: PathBuf,
    /// The address where telnet users connect; 0.0.0.0 lets other machines in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    telnet_address: IpAddr,
    /// The port where telnet users connect; 0 chooses a free one
    #[arg(long, value_name = "PORT", default_value_t = 8888)]
    telnet_port: u16,
    /// The port of the telnet host that accepts connections only while the daemon is there; 0 chooses a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    health_check_port: u16,
    #[command(flatten)]
    node: NodeArgs,
}

impl AsRef<NodeArgs> for Args {
    fn as_ref(&self) -> &NodeArgs {
        &self.node
    }
}

/// Why the programs cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
enum UpError {
    /// There is no private folder for the sockets.
    #[error(transparent)]
    Folder(#[from] RuntimeFolderError),
    /// The path of this binary is not known.
    #[error("cannot find the file of this program: {0}")]
    OwnFile(std::io::Error),
    /// The operating system refused a thread or a signal handler.
    #[error("cannot watch the programs: {0}")]
    Watch(std::io::Error),
    /// There is no home folder.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// Runs the programs until told to stop.
pub(crate) fn run(argv: Vec<OsString>) -> ExitCode {
    moor_node::run(crate::NAME, argv, |args: Args, drain| up(&args, &drain))
}

fn up(args: &Args, drain: &Drain) -> Result<Exit, UpError> {
    let folder = RuntimeFolder::create(&Paths::from_environment().runtime_dir())?;
    let file = std::env::current_exe().map_err(UpError::OwnFile)?;
    let plans = plans(args, &file, &folder)?;
    announce(args);
    supervisor::run(plans, drain).map_err(UpError::Watch)
}

fn announce(args: &Args) {
    let world = args.data_dir.display();
    let line = match args.telnet_port {
        0 => format!("moor: world in {world}; the line of moor-telnet-host below names its port\n"),
        port => {
            let host = host_to_name(args.telnet_address);
            format!(
                "moor: world in {world}; connect with: telnet {host} {port}   (Ctrl-C stops it)\n"
            )
        }
    };
    // A closed standard output is no reason to stop.
    let _ = std::io::stdout().write_all(line.as_bytes());
}

/// What a user on this machine types for the address.
fn host_to_name(address: IpAddr) -> String {
    match address {
        address if address.is_loopback() || address.is_unspecified() => "localhost".into(),
        address => address.to_string(),
    }
}

/// The daemon first: the hosts use it.
fn plans(args: &Args, file: &Path, folder: &RuntimeFolder) -> Result<Vec<Plan>, UpError> {
    let (rpc, events) = (folder.ipc("rpc.sock")?, folder.ipc("events.sock")?);
    let daemon: Vec<OsString> = vec![
        args.data_dir.clone().into(),
        "--rpc-listen".into(),
        rpc.clone().into(),
        "--events-listen".into(),
        events.clone().into(),
    ];
    let telnet_host: Vec<OsString> = vec![
        "--rpc-address".into(),
        rpc.into(),
        "--events-address".into(),
        events.into(),
        "--telnet-address".into(),
        args.telnet_address.to_string().into(),
        "--telnet-port".into(),
        args.telnet_port.to_string().into(),
        "--health-check-port".into(),
        args.health_check_port.to_string().into(),
        "--data-dir".into(),
        args.data_dir.join(IDENTITIES).join(TELNET_HOST.word).into(),
    ];
    Ok(vec![
        plan(&DAEMON, daemon, args, file),
        plan(&TELNET_HOST, telnet_host, args, file),
    ])
}

/// How to start one program: this binary with the program's word, its own flags, and those of every program.
fn plan(program: &Program, own: Vec<OsString>, args: &Args, file: &Path) -> Plan {
    let shared = [
        ("--log-format", args.node.log_format.to_string()),
        ("--log-level", args.node.log_level.to_string()),
        (
            "--drain-timeout",
            seconds(supervisor::drain_timeout_of_programs(
                args.node.drain_timeout,
            )),
        ),
        ("--parent-process", std::process::id().to_string()),
    ];
    let shared = shared
        .into_iter()
        .flat_map(|(flag, value)| [flag.into(), value.into()]);
    Plan {
        name: program.name,
        file: file.to_path_buf(),
        args: std::iter::once(program.word.into())
            .chain(own)
            .chain(shared)
            .collect(),
        // They are meant for `moor up`, which passes on what concerns the programs.
        without: moor_node::variables::<Args>(),
    }
}

fn seconds(duration: Duration) -> String {
    duration.as_secs_f64().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(argv: &[&str]) -> Args {
        let argv = std::iter::once("moor")
            .chain(argv.iter().copied())
            .map(OsString::from);
        moor_node::parse_with_environment("moor", argv, |_| None).expect("they are right")
    }

    #[test]
    fn the_defaults_are_safe_and_stop_within_five_seconds() {
        let args = args(&[]);
        assert!(args.telnet_address.is_loopback());
        assert_eq!(
            (args.telnet_port, args.data_dir.as_path()),
            (8888, Path::new("moor-data"))
        );
        assert_eq!(args.node.drain_timeout, Duration::from_secs(5));
    }

    #[test]
    fn the_programs_share_their_sockets_and_follow_this_process() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let folder = RuntimeFolder::create(&temp.path().join("moor")).expect("made");
        let plans = plans(
            &args(&["--telnet-port", "0", "--log-level", "warn"]),
            Path::new("/moor"),
            &folder,
        )
        .expect("planned");
        let text = |plan: &Plan| {
            plan.args
                .iter()
                .map(|arg| arg.to_string_lossy())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let (daemon, host) = (text(&plans[0]), text(&plans[1]));
        assert!(
            daemon.starts_with("daemon moor-data --rpc-listen ipc://"),
            "{daemon}"
        );
        assert!(
            host.starts_with("telnet-host --rpc-address ipc://"),
            "{host}"
        );
        let own = "--telnet-address 127.0.0.1 --telnet-port 0 --health-check-port 0 --data-dir moor-data/hosts/telnet-host";
        assert!(host.contains(own), "{host}");
        let shared = format!(
            "--log-level warn --drain-timeout 2.5 --parent-process {}",
            std::process::id()
        );
        for (plan, line) in plans.iter().zip([daemon, host]) {
            assert!(line.ends_with(&shared), "{line}");
            assert!(
                plan.without.iter().any(|name| name == "MOOR_DATA_DIR"),
                "{:?}",
                plan.without
            );
        }
    }

    #[test]
    fn addresses_are_told_as_users_type_them() {
        for (address, name) in [
            ("127.0.0.1", "localhost"),
            ("0.0.0.0", "localhost"),
            ("::1", "localhost"),
            ("10.0.0.7", "10.0.0.7"),
        ] {
            assert_eq!(host_to_name(address.parse().expect("an address")), name);
        }
    }
}
