//! The first and the last thing that every program does.
//!
//! In: arguments and the program's body. Out: an exit code. The order matters: arguments first (so that mistakes are
//! plain lines), then logs, then the panic line, then limits and signals, then the body.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::config::{self, seconds};
use crate::exit::{Exit, complain};
use crate::{
    Drain, Health, LogFilter, LogFormat, exit_on_panic, limits, parent, start_logging, together,
};

/// The flags that every program has. Flatten them into the program's own.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Every program")]
pub struct NodeArgs {
    /// A TOML file of these flags: one key each, of the same name
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How log lines are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Which log lines are written: off, error, warn, info, debug, trace, or for example info,moor_link=debug
    #[arg(
        long,
        default_value = "info,fjall=warn,lsm_tree=warn",
        value_name = "FILTER"
    )]
    pub log_level: LogFilter,
    /// How long the program may take to stop after SIGTERM or SIGINT, in seconds
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = seconds)]
    pub drain_timeout: Duration,
    /// Where to answer probes and Prometheus over HTTP: /livez, /readyz, /healthz, /metrics; nowhere unless given
    #[cfg(feature = "admin")]
    #[arg(long, value_name = "ADDRESS", value_parser = crate::admin::listen_address)]
    pub admin_listen: Option<std::net::SocketAddr>,
    /// Let the threads that pass messages on run on all processors always, instead of together on one as long as that has time
    #[arg(long)]
    pub spread_threads: bool,
    /// Stop when the process of this number, which must be the one that started this program, is gone
    #[arg(long, value_name = "PID")]
    pub parent_process: Option<u32>,
}

/// Parses `argv` (its first element is the program's path), prepares the process, runs `body`, and says how it ended.
///
/// An error of `body` is written in one line and means [`Exit::Failure`]; a body that knows better writes its line with
/// [`complain`] and returns another [`Exit`].
pub fn run<A, E, B>(
    program: &'static str,
    argv: impl IntoIterator<Item = OsString>,
    body: B,
) -> ExitCode
where
    A: clap::Parser + AsRef<NodeArgs>,
    E: Display,
    B: FnOnce(A, Drain) -> Result<Exit, E>,
{
    run_with_health(program, argv, |args, drain, _| body(args, drain))
}

/// [`run`] for a body that vouches for something: it gets the [`Health`] that the admin listener shows. The listener is
/// there before the body begins and until it has ended.
pub fn run_with_health<A, E, B>(
    program: &'static str,
    argv: impl IntoIterator<Item = OsString>,
    body: B,
) -> ExitCode
where
    A: clap::Parser + AsRef<NodeArgs>,
    E: Display,
    B: FnOnce(A, Drain, Health) -> Result<Exit, E>,
{
    let args: A = match config::parse(program, argv) {
        Ok(args) => args,
        Err(error) => return error.report(program).into(),
    };
    let drain = match prepare(program, args.as_ref()) {
        Ok(drain) => drain,
        Err(exit) => return exit.into(),
    };
    let health = Health::new();
    #[cfg(feature = "admin")]
    let admin = match start_admin(program, args.as_ref(), &health, &drain) {
        Ok(admin) => admin,
        Err(exit) => return exit.into(),
    };
    let ended = body(args, drain, health);
    #[cfg(feature = "admin")]
    drop(admin);
    let exit = ended.unwrap_or_else(|error| complain(program, error, Exit::Failure));
    exit.into()
}

#[cfg(feature = "admin")]
fn start_admin(
    program: &'static str,
    args: &NodeArgs,
    health: &Health,
    drain: &Drain,
) -> Result<Option<crate::AdminListener>, Exit> {
    let start = |address| {
        crate::AdminListener::start(program, address, health.clone(), drain.clone())
            .map_err(|error| complain(program, error, Exit::Failure))
    };
    args.admin_listen.map(start).transpose()
}

fn prepare(program: &'static str, args: &NodeArgs) -> Result<Drain, Exit> {
    start_logging(program, args.log_format, &args.log_level);
    exit_on_panic(program);
    let files = limits::raise_open_files();
    tracing::debug!(
        version = crate::long_version(),
        open_files_max = files,
        "starting"
    );
    let drain = Drain::on_signals(args.drain_timeout)
        .map_err(|error| complain(program, error, Exit::Failure))?;
    // After the handlers: the signal of a parent that ends from here on begins the drain.
    if let Some(parent) = args.parent_process {
        parent::follow(parent).map_err(|error| complain(program, error, Exit::Failure))?;
    }
    if !args.spread_threads {
        together::keep();
    }
    Ok(drain)
}
