//! The flags of the telnet host.
//!
//! In: the command line, the environment, a file, through `moor-node`. Out: checked values. It opens
//! nothing.

use std::net::IpAddr;
use std::path::PathBuf;

use moor_link::{Endpoint, PortHint, runtime_folder};
use moor_node::NodeArgs;

/// The default TCP ports of the daemon's endpoints, proposed where an address lacks one.
const RPC_PORT: PortHint = PortHint(7899);
const EVENTS_PORT: PortHint = PortHint(7898);

/// Hold the connections of telnet users.
///
/// Users stay connected while the daemon restarts, and nothing that they type is lost.
#[derive(Debug, Clone, clap::Parser)]
pub struct Args {
    /// Where the daemon listens for requests: ipc://PATH, or several separated by commas
    /// [default: rpc.sock in the runtime folder]
    #[arg(long, value_name = "ADDRESSES", value_delimiter = ',', value_parser = rpc_endpoint)]
    pub rpc_address: Vec<Endpoint>,
    /// Where the daemon publishes events, one for each of --rpc-address
    /// [default: events.sock in the runtime folder]
    #[arg(long, value_name = "ADDRESSES", value_delimiter = ',', value_parser = events_endpoint)]
    pub events_address: Vec<Endpoint>,
    /// The address where users connect; :: is every address, of IPv6 too
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0")]
    pub telnet_address: IpAddr,
    /// The port where users connect; 0 chooses a free one
    #[arg(long, value_name = "PORT", default_value_t = 8888)]
    pub telnet_port: u16,
    /// The port that accepts connections only while the daemon is there; 0 chooses a free one
    #[arg(long, value_name = "PORT", default_value_t = 9888)]
    pub health_check_port: u16,
    /// The folder of this host's identity [default: telnet-host in the data folder]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The flags that every program has.
    #[command(flatten)]
    pub node: NodeArgs,
}

impl AsRef<NodeArgs> for Args {
    fn as_ref(&self) -> &NodeArgs {
        &self.node
    }
}

impl Args {
    /// Where to reach the daemon: its request endpoints and its event endpoints.
    #[must_use]
    pub fn daemon(&self) -> (Vec<Endpoint>, Vec<Endpoint>) {
        let or_default = |given: &Vec<Endpoint>, socket: &str| match &given[..] {
            [] => vec![Endpoint::Ipc(runtime_folder().join(socket))],
            _ => given.clone(),
        };
        (
            or_default(&self.rpc_address, "rpc.sock"),
            or_default(&self.events_address, "events.sock"),
        )
    }
}

fn rpc_endpoint(text: &str) -> Result<Endpoint, moor_link::EndpointError> {
    Endpoint::parse(text, RPC_PORT)
}

fn events_endpoint(text: &str) -> Result<Endpoint, moor_link::EndpointError> {
    Endpoint::parse(text, EVENTS_PORT)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn parse(argv: &[&str]) -> Result<Args, moor_node::ConfigError> {
        let argv = std::iter::once("x")
            .chain(argv.iter().copied())
            .map(OsString::from);
        moor_node::parse_with_environment("moor-telnet-host", argv, |_| None)
    }

    #[test]
    fn the_defaults_are_those_of_the_design() {
        let args = parse(&[]).expect("no flag is needed");
        assert_eq!(args.telnet_address.to_string(), "0.0.0.0");
        assert_eq!((args.telnet_port, args.health_check_port), (8888, 9888));
        let (rpc, events) = args.daemon();
        assert!(rpc[0].to_string().ends_with("/rpc.sock"), "{}", rpc[0]);
        assert!(
            events[0].to_string().ends_with("/events.sock"),
            "{}",
            events[0]
        );
    }

    #[test]
    fn several_endpoints_may_be_given() {
        let args = parse(&[
            "--rpc-address",
            "ipc:///a,ipc:///b",
            "--events-address",
            "ipc:///c",
        ]);
        let (rpc, events) = args.expect("they are right").daemon();
        assert_eq!((rpc.len(), events.len()), (2, 1));
    }

    #[test]
    fn a_bad_address_is_named_with_the_mend() {
        let error = parse(&["--rpc-address", "tcp://127.0.0.1"]).expect_err("the port is missing");
        let text = error.to_string();
        assert!(text.contains("--rpc-address"), "{text}");
        assert!(
            text.contains("missing port; write tcp://127.0.0.1:7899"),
            "{text}"
        );
    }
}
