//! A worker as a program: flags, the joining of a daemon, the health port, the loop.
//!
//! In: a command line and a [`Worker`]. Out: an exit code. What can be wrong is found here, before the first call.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use moor_node::{Drain, Exit, Health, HealthPort, Liveness, complain};
use moor_peer::{Joined, PeerConfig};
use moor_rpc::PROTOCOL_VERSION;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::args::{Flags, NoArgs, WorkerArgs};
use crate::service::Service;
use crate::worker::Worker;

/// What the link may report before the loop has looked; then the link stops reading its sockets.
const EVENTS_MAX: usize = 1_024;

/// The threads that run calls: a panic there is the end of one call.
const THREADS: &str = "call";

/// The whole program of a worker without flags of its own. `program` is its name in log lines, `kind` what the world
/// calls it in `worker_request(kind, args)`; `argv` is the command line, its first element the program's path.
pub fn run(
    program: &'static str,
    kind: &'static str,
    argv: impl IntoIterator<Item = OsString>,
    worker: impl Worker,
) -> ExitCode {
    run_with(program, kind, argv, |_: NoArgs| Ok::<_, Infallible>(worker))
}

/// [`run`] for a worker with flags of its own, from which `make` makes it. It is called inside the runtime; its error
/// is a mistake of the operator, and is told in one line that should name the flag and the mend.
pub fn run_with<A, W, E>(
    program: &'static str,
    kind: &'static str,
    argv: impl IntoIterator<Item = OsString>,
    make: impl FnOnce(A) -> Result<W, E>,
) -> ExitCode
where
    A: clap::Args,
    W: Worker,
    E: Display,
{
    moor_node::run_with_health(program, argv, |flags: Flags<A>, drain, health| {
        moor_node::contain_panics(&[THREADS]);
        let runtime = runtime()?;
        let worker = match runtime.block_on(async { make(flags.own) }) {
            Ok(worker) => worker,
            Err(error) => return Ok(complain(program, error, Exit::Usage)),
        };
        let name = Name { program, kind };
        let config = name.peer_config(&flags.worker, flags.peer);
        let exit = runtime.block_on(serve(&name, &flags.worker, config, worker, drain, health));
        // Calls that were stopped and do not notice must not hold up the end.
        runtime.shutdown_background();
        exit
    })
}

fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_name(THREADS)
        .enable_all()
        .build()
        .context("no threads to be had")
}

struct Name {
    program: &'static str,
    kind: &'static str,
}

impl Name {
    fn peer_config(&self, args: &WorkerArgs, peer: moor_peer::PeerArgs) -> PeerConfig {
        PeerConfig {
            program: self.program,
            service: format!("{}-worker", self.kind),
            protocol: PROTOCOL_VERSION,
            // Hello, answers and reports go where a host's requests go; calls come where a host's events come.
            rpc: ("--workers-response-address", args.responses()),
            events: args.requests(),
            args: peer,
        }
    }
}

async fn serve(
    name: &Name,
    args: &WorkerArgs,
    config: PeerConfig,
    worker: impl Worker,
    drain: Drain,
    health: Health,
) -> anyhow::Result<Exit> {
    let port =
        HealthPort::reserve((args.health_check_address, args.health_check_port).into()).await?;
    let (ear, events) = mpsc::channel(EVENTS_MAX);
    let joined = match Joined::start(config, ear, drain.clone()) {
        Ok(joined) => joined,
        Err(error) => return Ok(complain(name.program, error, Exit::Usage)),
    };
    announce(name.program, port.address());
    let liveness: Liveness = joined.liveness();
    health.pings("daemon_ping", liveness.clone());
    let port = tokio::spawn(port.serve(liveness, drain.clone()));
    let concurrency = usize::from(args.concurrency.get());
    Service::new(name.kind, concurrency, worker, joined.link())
        .run(events, drain.clone())
        .await;
    // Where the loop ended because the program could not join, the health port ends with it.
    drain.begin();
    // A task that was cancelled has nothing to say.
    let _ = port.await;
    tokio::task::spawn_blocking(move || joined.stop())
        .await
        .context("the link did not stop")
}

/// One line on standard output, for people and for programs that chose port 0.
fn announce(program: &str, health: SocketAddr) {
    // A closed standard output is no reason to stop.
    let _ = std::io::stdout().write_all(format!("{program}: started health={health}\n").as_bytes());
    tracing::info!(%health, "started");
}
