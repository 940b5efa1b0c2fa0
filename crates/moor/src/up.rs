//! `moor up`: the world on this machine, with all programs that its users need.
//!
//! In: a data folder, addresses for telnet and web users. Out: the daemon, the hosts and the worker as processes of their
//! own, joined by sockets in a private folder. It knows their flags, and neither the world nor the messages between them.

use std::ffi::OsString;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use moor_daemon::{FeatureArgs, ImportFormat};
use moor_node::{ADMIN_SOCKET, Drain, Exit, Health, NodeArgs, PathError, Paths, word_of};

use crate::programs::{CURL_WORKER, DAEMON, Program, TELNET_HOST, WEB_HOST};
use crate::runtime_folder::{RuntimeFolder, RuntimeFolderError};
use crate::supervised::{First, Plan};
use crate::supervisor;
use crate::vacancy::{self, Taken};

/// The folder in the world's folder for the identities of hosts and workers; the store leaves this name free.
const IDENTITIES: &str = "hosts";

/// Run the world on this machine: the daemon, the telnet host, the web host and the HTTP worker, restarted when they die
#[derive(Debug, clap::Parser)]
#[command(mut_arg("drain_timeout", |arg| arg.default_value("5")))]
struct Args {
    /// The folder of the world; an empty or missing one gets the starter world
    #[arg(long, value_name = "DIR", default_value = "moor-data")]
    data_dir: PathBuf,
    /// Fill the folder of the world, which must have none yet, from this file or folder
    #[arg(long, value_name = "PATH")]
    import: Option<PathBuf>,
    /// What --import reads
    #[arg(long, value_enum, default_value_t = ImportFormat::Textdump, value_name = "FORMAT")]
    import_format: ImportFormat,
    /// The address where telnet users connect; 0.0.0.0 lets other machines in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    telnet_address: IpAddr,
    /// The port where telnet users connect; 0 chooses a free one
    #[arg(long, value_name = "PORT", default_value_t = 8888)]
    telnet_port: u16,
    /// The port where telnet users connect who speak TLS, at --telnet-address; 0 chooses a free one; nowhere unless given
    #[arg(long, value_name = "PORT", requires_all = ["telnet_tls_cert", "telnet_tls_key"])]
    telnet_tls_port: Option<u16>,
    /// The certificate that they are shown, with those that vouch for it (PEM); read again when it changes
    #[arg(long, value_name = "FILE", requires = "telnet_tls_key")]
    telnet_tls_cert: Option<PathBuf>,
    /// The private key of --telnet-tls-cert (PEM, without a password)
    #[arg(long, value_name = "FILE", requires = "telnet_tls_cert")]
    telnet_tls_key: Option<PathBuf>,
    /// The port of the telnet host that accepts connections only while the daemon is there; 0 chooses a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    health_check_port: u16,
    /// The address of the health ports; 0.0.0.0 lets other machines ask
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    health_check_address: IpAddr,
    /// Do not run the web host
    #[arg(long)]
    no_web: bool,
    /// The address where web users connect; 0.0.0.0 lets other machines in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    web_address: IpAddr,
    /// The port where web users connect; 0 chooses a free one
    #[arg(long, value_name = "PORT", default_value_t = 8081)]
    web_port: u16,
    /// Do not run the HTTP worker: the world makes no requests
    #[arg(long)]
    no_curl: bool,
    /// The port of the HTTP worker that accepts connections only while the daemon is there; 0 chooses a free one
    #[arg(long, value_name = "PORT", default_value_t = 9999)]
    curl_health_check_port: u16,
    /// Let wizards' programs open connections to other machines, through the telnet host (open_network_connection())
    #[arg(long)]
    outbound_network: bool,
    /// Count the calls of builtins and their time, for bf_counters() and /metrics; each call takes some nanoseconds more
    #[arg(long)]
    count_builtins: bool,
    /// The folder of programs of this machine that wizards' code may run (exec()); none unless given
    #[arg(long, value_name = "DIR")]
    executables: Option<PathBuf>,
    #[command(flatten)]
    features: FeatureArgs,
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
    /// Another program has the world or a port.
    #[error(transparent)]
    Taken(#[from] Taken),
    /// Nothing is imported into a world.
    #[error("--import {}: {} holds a world already; leave --import out, or name another --data-dir", .0.display(), .1.display())]
    Imported(PathBuf, PathBuf),
}

/// Runs the programs until told to stop.
pub(crate) fn run(argv: Vec<OsString>) -> ExitCode {
    moor_node::run_with_health(crate::NAME, argv, |args: Args, drain, health| {
        up(&args, &drain, &health)
    })
}

fn up(args: &Args, drain: &Drain, health: &Health) -> Result<Exit, UpError> {
    look_for_room(args)?;
    if let Some(from) = &args.import
        && moor_daemon::holds_world(&args.data_dir)
    {
        let to = args.data_dir.clone();
        return Err(UpError::Imported(from.clone(), to));
    }
    let folder = RuntimeFolder::create(&Paths::from_environment().runtime_dir())?;
    let file = std::env::current_exe().map_err(UpError::OwnFile)?;
    let plans = plans(args, &file, &folder)?;
    announce(args);
    supervisor::run(plans, drain, health).map_err(UpError::Watch)
}

fn look_for_room(args: &Args) -> Result<(), Taken> {
    vacancy::world(&args.data_dir)?;
    let at = |address: IpAddr, port: u16| SocketAddr::from((address, port));
    vacancy::port("--telnet-port", at(args.telnet_address, args.telnet_port))?;
    if let Some(port) = args.telnet_tls_port {
        vacancy::port("--telnet-tls-port", at(args.telnet_address, port))?;
    }
    let health = args.health_check_address;
    vacancy::port("--health-check-port", at(health, args.health_check_port))?;
    if !args.no_web {
        vacancy::port("--web-port", at(args.web_address, args.web_port))?;
    }
    if !args.no_curl {
        let port = args.curl_health_check_port;
        vacancy::port("--curl-health-check-port", at(health, port))?;
    }
    Ok(())
}

fn announce(args: &Args) {
    // A closed standard output is no reason to stop.
    let _ = std::io::stdout().write_all(announcement(args).as_bytes());
}

/// Where users connect, as they type it. A port that the system chooses is in the lines of its program.
fn announcement(args: &Args) -> String {
    let mut ways = Vec::new();
    if args.telnet_port != 0 {
        let host = host_to_name(args.telnet_address);
        ways.push(format!("telnet {host} {}", args.telnet_port));
    }
    if args.web_port != 0 && !args.no_web {
        let host = host_to_name(args.web_address);
        ways.push(format!("http://{host}:{}/", args.web_port));
    }
    let world = args.data_dir.display();
    match ways.is_empty() {
        true => format!("moor: world in {world}; the lines below name the ports\n"),
        false => format!(
            "moor: world in {world}; connect with: {}   (Ctrl-C stops it)\n",
            ways.join(" or ")
        ),
    }
}

/// What a user on this machine types for the address.
fn host_to_name(address: IpAddr) -> String {
    match address {
        address if address.is_loopback() || address.is_unspecified() => "localhost".into(),
        address => address.to_string(),
    }
}

/// The daemon first: the others use it.
fn plans(args: &Args, file: &Path, folder: &RuntimeFolder) -> Result<Vec<Plan>, UpError> {
    let ipc = |name| folder.ipc(name);
    let (rpc, events) = (ipc("rpc.sock")?, ipc("events.sock")?);
    let (request, response) = (ipc("workers-request.sock")?, ipc("workers-response.sock")?);
    let plan = |program: &Program, own: Vec<(&str, OsString)>| plan(program, own, args, file);
    let to_daemon = [
        ("--rpc-address", rpc.clone().into()),
        ("--events-address", events.clone().into()),
    ];
    let mut daemon = plan(
        &DAEMON,
        vec![
            ("--rpc-listen", rpc.into()),
            ("--events-listen", events.into()),
            ("--workers-request-listen", request.clone().into()),
            ("--workers-response-listen", response.clone().into()),
            ("--admin-socket", folder.socket(ADMIN_SOCKET)?.into()),
        ],
    );
    // Behind the word: the one argument without a flag.
    daemon.args.insert(1, args.data_dir.clone().into());
    if args.outbound_network {
        daemon.args.push("--outbound-network".into());
    }
    if args.count_builtins {
        daemon.args.push("--count-builtins".into());
    }
    daemon.args.extend(args.features.flags());
    if let Some(folder) = &args.executables {
        daemon.args.extend(["--executables".into(), folder.into()]);
    }
    daemon.first = args.import.as_ref().map(|from| First {
        world: args.data_dir.clone(),
        args: import(from, args.import_format),
    });
    let mut plans = vec![
        daemon,
        plan(&TELNET_HOST, [to_daemon.to_vec(), telnet(args)].concat()),
    ];
    if !args.no_web {
        plans.push(plan(&WEB_HOST, [to_daemon.to_vec(), web(args)].concat()));
    }
    if !args.no_curl {
        let to_workers = vec![
            ("--workers-request-address", request.into()),
            ("--workers-response-address", response.into()),
        ];
        plans.push(plan(&CURL_WORKER, [to_workers, curl(args)].concat()));
    }
    Ok(plans)
}

fn import(from: &Path, format: ImportFormat) -> Vec<OsString> {
    vec![
        "--import".into(),
        from.into(),
        "--import-format".into(),
        word_of(&format).into(),
    ]
}

fn telnet(args: &Args) -> Vec<(&'static str, OsString)> {
    let encrypted = [
        (
            "--telnet-tls-port",
            args.telnet_tls_port.map(|port| port.to_string().into()),
        ),
        (
            "--telnet-tls-cert",
            args.telnet_tls_cert.clone().map(OsString::from),
        ),
        (
            "--telnet-tls-key",
            args.telnet_tls_key.clone().map(OsString::from),
        ),
    ];
    let mut flags = vec![
        ("--telnet-address", args.telnet_address.to_string().into()),
        ("--telnet-port", args.telnet_port.to_string().into()),
        (
            "--health-check-port",
            args.health_check_port.to_string().into(),
        ),
        health_address(args),
        identity(args, &TELNET_HOST),
    ];
    flags.extend(
        encrypted
            .into_iter()
            .filter_map(|(flag, value)| Some((flag, value?))),
    );
    flags
}

fn web(args: &Args) -> Vec<(&'static str, OsString)> {
    let address = SocketAddr::from((args.web_address, args.web_port));
    vec![
        ("--listen-address", address.to_string().into()),
        identity(args, &WEB_HOST),
    ]
}

fn curl(args: &Args) -> Vec<(&'static str, OsString)> {
    vec![
        (
            "--health-check-port",
            args.curl_health_check_port.to_string().into(),
        ),
        health_address(args),
        identity(args, &CURL_WORKER),
    ]
}

fn health_address(args: &Args) -> (&'static str, OsString) {
    let address = args.health_check_address.to_string();
    ("--health-check-address", address.into())
}

/// The folder of a program's identity: in that of the world, so that several worlds do not mix them up.
fn identity(args: &Args, program: &Program) -> (&'static str, OsString) {
    (
        "--data-dir",
        args.data_dir.join(IDENTITIES).join(program.word).into(),
    )
}

/// How to start one program: this binary with the program's word, its own flags, and those of every program.
fn plan(program: &Program, own: Vec<(&str, OsString)>, args: &Args, file: &Path) -> Plan {
    let drain = supervisor::drain_timeout_of_programs(args.node.drain_timeout);
    let shared = [
        ("--log-format", args.node.log_format.to_string().into()),
        ("--log-level", args.node.log_level.to_string().into()),
        ("--drain-timeout", seconds(drain).into()),
        ("--parent-process", std::process::id().to_string().into()),
    ];
    let flags = own.into_iter().chain(shared);
    Plan {
        name: program.name,
        file: file.to_path_buf(),
        args: std::iter::once(program.word.into())
            .chain(flags.flat_map(|(flag, value)| [flag.into(), value]))
            .collect(),
        first: None,
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

    /// Each program's command line.
    fn planned(argv: &[&str]) -> Vec<String> {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let folder = RuntimeFolder::create(&temp.path().join("moor")).expect("made");
        let plans = plans(&args(argv), Path::new("/moor"), &folder).expect("planned");
        for plan in &plans {
            let without = plan.without.iter().any(|name| name == "MOOR_DATA_DIR");
            assert!(without, "{:?}", plan.without);
        }
        let text = |plan: &Plan| {
            let words = plan.args.iter().map(|word| word.to_string_lossy());
            words.collect::<Vec<_>>().join(" ")
        };
        plans.iter().map(text).collect()
    }

    #[test]
    fn the_programs_share_their_sockets_and_follow_this_process() {
        let lines = planned(&[
            "--telnet-port",
            "0",
            "--web-port",
            "0",
            "--log-level",
            "warn",
        ]);
        let shared = format!(
            " --log-level warn --drain-timeout 2.5 --parent-process {}",
            std::process::id()
        );
        let features: String = FeatureArgs::default()
            .flags()
            .iter()
            .map(|flag| format!(" {}", flag.display()))
            .collect();
        let encrypted = planned(&[
            "--telnet-tls-port",
            "9999",
            "--telnet-tls-cert",
            "a.pem",
            "--telnet-tls-key",
            "a.key",
            "--executables",
            "tools",
        ]);
        let wanted = "--telnet-tls-port 9999 --telnet-tls-cert a.pem --telnet-tls-key a.key";
        assert!(encrypted[1].contains(wanted), "{encrypted:?}");
        let wanted = format!("{features} --executables tools");
        assert!(encrypted[0].ends_with(&wanted), "{encrypted:?}");
        for (line, (begin, own)) in lines.iter().zip([
            ("daemon moor-data --rpc-listen ipc://", " --admin-socket /"),
            (
                "telnet-host --rpc-address ipc://",
                "--telnet-address 127.0.0.1 --telnet-port 0 --health-check-port 0 --health-check-address 127.0.0.1 --data-dir moor-data/hosts/telnet-host",
            ),
            (
                "web-host --rpc-address ipc://",
                "--listen-address 127.0.0.1:0 --data-dir moor-data/hosts/web-host",
            ),
            (
                "curl-worker --workers-request-address ipc://",
                "--health-check-port 9999 --health-check-address 127.0.0.1 --data-dir moor-data/hosts/curl-worker",
            ),
        ]) {
            assert!(line.starts_with(begin) && line.contains(own), "{line}");
            // Behind them the daemon alone has more: each feature of the language.
            let behind = match line.starts_with("daemon ") {
                true => features.as_str(),
                false => "",
            };
            assert!(line.ends_with(&format!("{shared}{behind}")), "{line}");
        }
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn the_web_host_and_the_worker_can_be_left_out() {
        for (argv, left) in [
            (
                &["--no-web"][..],
                ["daemon", "telnet-host", "curl-worker"].as_slice(),
            ),
            (&["--no-curl"], &["daemon", "telnet-host", "web-host"]),
            (&["--no-web", "--no-curl"], &["daemon", "telnet-host"]),
        ] {
            let lines = planned(argv);
            let words: Vec<_> = lines
                .iter()
                .filter_map(|line| line.split(' ').next())
                .collect();
            assert_eq!(words, left, "{argv:?}");
        }
    }

    #[test]
    fn users_are_told_where_to_connect() {
        for (argv, told) in [
            (&[][..], "telnet localhost 8888 or http://localhost:8081/ "),
            (&["--no-web"], "telnet localhost 8888   "),
            (
                &["--telnet-port", "0"],
                "connect with: http://localhost:8081/ ",
            ),
            (
                &["--telnet-port", "0", "--web-port", "0"],
                "the lines below name the ports",
            ),
        ] {
            let line = announcement(&args(argv));
            assert!(line.contains(told), "{line}");
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
