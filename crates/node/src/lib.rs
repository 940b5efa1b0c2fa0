//! What every program of this workspace shares: its command line and configuration file, log lines,
//! signals and draining, liveness and the health port, checks and the admin listener, private folders and files, limits,
//! exit codes.
//!
//! In: the operating system's view of a program (arguments, environment, signals, folders). Out: typed
//! arguments, a [`Drain`] that says when to stop, a [`Liveness`] that says whether the daemon is there, a [`Health`] of
//! everything the program vouches for. It knows nothing of MOO, of the database, nor of the messages between programs.
//!
//! A program is one call:
//!
//! ```no_run
//! use moor_node::{Exit, NodeArgs};
//!
//! /// What the program does, for `--help`.
//! #[derive(clap::Parser)]
//! struct Args {
//!     /// Where to listen.
//!     #[arg(long, default_value = "127.0.0.1")]
//!     address: String,
//!     #[command(flatten)]
//!     node: NodeArgs,
//! }
//!
//! impl AsRef<NodeArgs> for Args {
//!     fn as_ref(&self) -> &NodeArgs {
//!         &self.node
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     moor_node::run("moor-example", std::env::args_os(), |args: Args, drain| {
//!         tracing::info!(address = args.address, "started");
//!         drain.wait();
//!         Ok::<_, std::io::Error>(Exit::Success)
//!     })
//! }
//! ```

#[cfg(feature = "admin")]
mod admin;
mod checks;
mod config;
mod drain;
mod exit;
#[cfg(feature = "tokio")]
mod health;
mod limits;
mod liveness;
mod log;
mod panic;
mod parent;
mod paths;
mod private;
mod start;
mod together;
mod version;

#[cfg(feature = "admin")]
pub use admin::{
    ADMIN_SOCKET, AdminClient, AdminClientError, AdminError, AdminListener, AdminSocket,
    AdminSocketError, ListenAddressError, MetricsError, api as admin_api,
};
/// The HTTP library of the admin socket's routes.
#[cfg(feature = "admin")]
pub use axum;
pub use checks::{Check, Health, Heartbeat, Latch, Report};
pub use config::{
    ConfigError, Origin, SecondsError, parse, parse_with_environment, seconds, variables, word_of,
};
pub use drain::{Drain, SignalError};
pub use exit::{Exit, complain};
#[cfg(feature = "tokio")]
pub use health::{HealthError, HealthPort};
pub use limits::raise_open_files;
pub use liveness::{LIVENESS_WINDOW, Liveness};
pub use log::{LogFilter, LogFilterError, LogFormat, start_logging};
pub use panic::{contain_panics, containing_panics, exit_on_panic};
pub use paths::{PathError, Paths};
pub use private::{PrivateError, create_private_dir, write_secret};
pub use start::{NodeArgs, run, run_with_health};
pub use version::{BUILD, VERSION, long_version};
