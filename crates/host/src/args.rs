//! The flags that every host has: where the daemon is, and how to become known to it.
//!
//! In: the command line, the environment, a file, through `moor-node`. Out: checked addresses. It opens nothing.

use moor_link::{Address, AddressError, Endpoint, PortHint, runtime_folder};
use moor_peer::{PeerArgs, PeerConfig};
use moor_rpc::PROTOCOL_VERSION;

/// The default TCP ports of the daemon's endpoints, proposed where an address lacks one.
const RPC_PORT: PortHint = PortHint(7899);
const EVENTS_PORT: PortHint = PortHint(7898);

/// Where a host finds its daemon.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct DaemonArgs {
    /// Where the daemon listens for requests: ipc://PATH, tcp://HOST:7899, dns:NAME:7899 or srv:_SERVICE._tcp.NAME,
    /// several separated by commas [default: rpc.sock in the runtime folder]
    #[arg(long, value_name = "ADDRESSES", value_delimiter = ',', value_parser = rpc_address)]
    pub rpc_address: Vec<Address>,
    /// Where the daemon publishes events, one for each of --rpc-address
    /// [default: events.sock in the runtime folder]
    #[arg(long, value_name = "ADDRESSES", value_delimiter = ',', value_parser = events_address)]
    pub events_address: Vec<Address>,
    /// How the host becomes known to a daemon on another machine.
    #[command(flatten)]
    pub peer: PeerArgs,
}

impl DaemonArgs {
    /// How `program`, a host of the kind `service`, joins.
    #[must_use]
    pub fn join(&self, program: &'static str, service: &str) -> PeerConfig {
        PeerConfig {
            program,
            service: service.to_owned(),
            protocol: PROTOCOL_VERSION,
            rpc: ("--rpc-address", or_default(&self.rpc_address, "rpc.sock")),
            events: or_default(&self.events_address, "events.sock"),
            args: self.peer.clone(),
        }
    }
}

fn or_default(given: &[Address], socket: &str) -> Vec<Address> {
    match given {
        [] => vec![Endpoint::Ipc(runtime_folder().join(socket)).into()],
        _ => given.to_vec(),
    }
}

fn rpc_address(text: &str) -> Result<Address, AddressError> {
    Address::parse(text, RPC_PORT)
}

fn events_address(text: &str) -> Result<Address, AddressError> {
    Address::parse(text, EVENTS_PORT)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Host {
        #[command(flatten)]
        daemon: DaemonArgs,
    }

    fn parse(argv: &[&str]) -> Result<DaemonArgs, clap::Error> {
        let argv = std::iter::once("x").chain(argv.iter().copied());
        Host::try_parse_from(argv).map(|host| host.daemon)
    }

    #[test]
    fn the_defaults_are_the_sockets_of_the_runtime_folder() {
        let config = parse(&[]).expect("no flag is needed").join("x", "x-host");
        assert!(config.rpc.1[0].to_string().ends_with("/rpc.sock"));
        assert!(config.events[0].to_string().ends_with("/events.sock"));
    }

    #[test]
    fn several_addresses_of_all_kinds_may_be_given() {
        let rpc = "ipc:///a,tcp://daemon.internal:7899,dns:moor:7899,srv:_moor._tcp.example";
        let args = parse(&["--rpc-address", rpc, "--events-address", "ipc:///c"]);
        let config = args.expect("they are right").join("x", "x-host");
        assert_eq!((config.rpc.1.len(), config.events.len()), (4, 1));
    }

    #[test]
    fn a_bad_address_is_named_with_the_mend() {
        let error = parse(&["--rpc-address", "tcp://127.0.0.1"]).expect_err("the port is missing");
        let text = error.to_string();
        assert!(text.contains("--rpc-address"), "{text}");
        assert!(text.contains("write tcp://127.0.0.1:7899"), "{text}");
        let error = parse(&["--events-address", "tcp://127.0.0.1"]).expect_err("no port");
        assert!(error.to_string().contains("7898"), "{error}");
    }
}
