//! The flags of every worker.
//!
//! In: the command line, the environment, a file, through `moor-node`. Out: checked values. It opens nothing.

use std::net::IpAddr;
use std::num::NonZeroU16;

use moor_link::{Address, AddressError, Endpoint, PortHint, runtime_folder};
use moor_node::NodeArgs;
use moor_peer::PeerArgs;

/// The default ports of the daemon's endpoints for workers, proposed where an address lacks one.
const REQUEST_PORT: PortHint = PortHint(7896);
const RESPONSE_PORT: PortHint = PortHint(7897);

/// The flags of a worker with flags of its own, `A`. A worker without any takes [`NoArgs`].
#[derive(Debug, Clone, clap::Parser)]
#[command(about = about::<A>(), long_about = None)]
pub struct Flags<A: clap::Args> {
    /// The worker's own.
    #[command(flatten)]
    pub own: A,
    /// Those of every worker.
    #[command(flatten)]
    pub worker: WorkerArgs,
    /// Those of every program that joins a daemon.
    #[command(flatten)]
    pub peer: PeerArgs,
    /// Those of every program.
    #[command(flatten)]
    pub node: NodeArgs,
}

impl<A: clap::Args> AsRef<NodeArgs> for Flags<A> {
    fn as_ref(&self) -> &NodeArgs {
        &self.node
    }
}

/// The flags of every worker.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Every worker")]
pub struct WorkerArgs {
    /// Where the daemon gives requests to workers: ipc://PATH, tcp://HOST:7896, dns:NAME:7896 or srv:_SERVICE._tcp.NAME,
    /// several separated by commas [default: workers-request.sock in the runtime folder]
    #[arg(long, value_name = "ADDRESSES", value_delimiter = ',', value_parser = request_address)]
    pub workers_request_address: Vec<Address>,
    /// Where the daemon takes answers of workers, one for each of --workers-request-address
    /// [default: workers-response.sock in the runtime folder]
    #[arg(long, value_name = "ADDRESSES", value_delimiter = ',', value_parser = response_address)]
    pub workers_response_address: Vec<Address>,
    /// The port that accepts connections only while the daemon is there; 0 chooses a free one
    #[arg(long, value_name = "PORT", default_value_t = 9999)]
    pub health_check_port: u16,
    /// The address of --health-check-port; 127.0.0.1 lets only this machine ask
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0")]
    pub health_check_address: IpAddr,
    /// How many requests are worked on at the same time; as many again wait
    #[arg(long, value_name = "COUNT", default_value = "64")]
    pub concurrency: NonZeroU16,
}

/// Answer requests of the world.
///
/// The flags of a worker that has none of its own.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct NoArgs {}

/// What the help begins with is what the worker's own flags say.
fn about<A: clap::Args>() -> clap::builder::StyledStr {
    let own = A::augment_args(clap::Command::new("worker"));
    own.get_about().cloned().unwrap_or_default()
}

impl WorkerArgs {
    /// Where the daemon gives requests.
    #[must_use]
    pub fn requests(&self) -> Vec<Address> {
        or_default(&self.workers_request_address, "workers-request.sock")
    }

    /// Where the daemon takes answers.
    #[must_use]
    pub fn responses(&self) -> Vec<Address> {
        or_default(&self.workers_response_address, "workers-response.sock")
    }
}

fn or_default(given: &[Address], socket: &str) -> Vec<Address> {
    match given {
        [] => vec![Endpoint::Ipc(runtime_folder().join(socket)).into()],
        _ => given.to_vec(),
    }
}

fn request_address(text: &str) -> Result<Address, AddressError> {
    Address::parse(text, REQUEST_PORT)
}

fn response_address(text: &str) -> Result<Address, AddressError> {
    Address::parse(text, RESPONSE_PORT)
}
