//! The life of the daemon: open, serve, stop.

use std::sync::Arc;

use anyhow::{Context, Result};
use moor_link::{Endpoint, PortHint, Server, ServerConfig, ServiceType, runtime_folder};
use moor_node::{Drain, Exit};
use moor_rpc::PROTOCOL_VERSION;
use moor_runtime::{Runtime, RuntimeConfig, SystemClock};

use crate::args::Args;
use crate::bridge::{Bridge, Publisher};
use crate::checkpoint::{self, Checkpointer};
use crate::database::{self, Database};
use crate::gate::{Gate, Opener};
use crate::topics::Topics;

/// The TCP port of requests, for messages that explain an address.
const RPC_PORT: PortHint = PortHint(7899);
/// The TCP port of events.
const EVENTS_PORT: PortHint = PortHint(7898);

/// The body of the program.
pub(crate) fn serve(args: Args, drain: Drain) -> Result<Exit> {
    let rpc = endpoints(
        args.rpc_listen.as_deref(),
        "rpc-listen",
        "rpc.sock",
        RPC_PORT,
    );
    let events = endpoints(
        args.events_listen.as_deref(),
        "events-listen",
        "events.sock",
        EVENTS_PORT,
    );
    let (rpc, events) = match (rpc, events) {
        (Ok(rpc), Ok(events)) => (rpc, events),
        (Err(error), _) | (_, Err(error)) => {
            return Ok(moor_node::complain(
                crate::PROGRAM,
                format!("{error:#}"),
                Exit::Usage,
            ));
        }
    };
    if let Some(path) = &args.export {
        database::export(&args.database, path)?;
        return Ok(Exit::Success);
    }
    // The addresses before the data directory: one that is in use must not leave a new world behind.
    let (gate, opener) = Gate::new();
    let server =
        Server::start(server_config(rpc, events)?, gate).context("hosts cannot be served")?;
    let database = database::open(&args)?;
    run(&args, database, server, opener, &drain)
}

/// Serves the world until told to stop.
fn run(
    args: &Args,
    database: Database,
    server: Server,
    opener: Opener,
    drain: &Drain,
) -> Result<Exit> {
    // A line that meets a defect must not end the daemon: the host would send it again, each time.
    moor_node::contain_panics(moor_runtime::CONTAINED_THREADS);
    let Database { store, world } = database;
    let topics = Arc::new(Topics::default());
    let (checkpoints, wishes) = checkpoint::wishes();
    let publisher = Arc::new(Publisher::new(
        Arc::clone(&topics),
        drain.clone(),
        checkpoints,
        args.database.clone(),
    ));
    publisher.connect(server.handle());
    let config = RuntimeConfig {
        workers: usize::from(args.worker_threads),
        host_grace: args.host_grace,
        ..RuntimeConfig::default()
    };
    let outlet = Arc::clone(&publisher);
    let clock = Arc::new(SystemClock::default());
    let runtime =
        Runtime::start(config, world, &store, outlet, clock).context("the world cannot start")?;
    opener.open(Bridge::new(
        Arc::clone(&runtime),
        topics,
        Arc::clone(&publisher),
    ));
    let checkpointer = Checkpointer::start(
        wishes,
        args.checkpoint_interval,
        Arc::clone(&runtime),
        store.log(),
    )?;
    announce(&server);
    drain.wait();
    tracing::info!("stopping");
    checkpointer.stop();
    runtime.stop(drain.limit());
    publisher.tell_stop();
    server.shutdown();
    store
        .close()
        .context("the database was not closed properly")?;
    Ok(Exit::Success)
}

fn server_config(rpc: Vec<Endpoint>, events: Vec<Endpoint>) -> Result<ServerConfig> {
    let services = ["telnet-host", "web-host"]
        .into_iter()
        .map(ServiceType::new)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(ServerConfig::new(rpc, events, PROTOCOL_VERSION, services))
}

/// Says where hosts can come, in lines that a program can read.
fn announce(server: &Server) {
    let handle = server.handle();
    for (what, endpoints) in [
        ("rpc", &handle.endpoints().rpc),
        ("events", &handle.endpoints().events),
    ] {
        for endpoint in endpoints {
            tracing::info!(%endpoint, "{what} listening");
        }
    }
    tracing::info!("ready");
}

/// The addresses of a flag, or the socket of that name in the runtime folder.
fn endpoints(
    flag: Option<&str>,
    name: &str,
    socket: &str,
    hint: PortHint,
) -> Result<Vec<Endpoint>> {
    match flag {
        Some(text) => Endpoint::parse_list(text, hint).with_context(|| format!("--{name}")),
        None => Ok(vec![Endpoint::ipc(runtime_folder().join(socket))?]),
    }
}
