//! `moor doctor`: why a host or worker does not join its daemon, looked for on its own machine.
//!
//! In: the flags of that program. Out: a line for each thing that must be right, OK or FAIL with the cause and the mend;
//! exit code 4 if one is not. It changes nothing: no token is used up, no program that runs is disturbed, no file is made.

mod findings;
mod machine;
mod network;
mod pairing;

use std::path::PathBuf;
use std::time::Duration;

use moor_link::{Address, AddressError, DoorKind, Endpoint, PortHint, runtime_folder};
use moor_node::{Exit, Paths};
use moor_peer::PeerArgs;

use super::CommandError;
use super::output::OutputArgs;
use super::token::service;
use findings::Findings;

/// Look for the reason why a host or worker does not join its daemon; give it the flags of that program
#[derive(Debug, clap::Parser)]
pub(super) struct Args {
    /// What the program is: telnet-host, web-host, curl-worker or another KIND-worker
    #[arg(long = "type", value_name = "TYPE", value_parser = service)]
    service: String,
    /// Where the daemon listens for requests of hosts [default: rpc.sock in the runtime folder]
    #[arg(long, value_name = "ADDRESSES", value_delimiter = ',', value_parser = address::<7899>)]
    rpc_address: Vec<Address>,
    /// Where the daemon publishes events for hosts [default: events.sock in the runtime folder]
    #[arg(long, value_name = "ADDRESSES", value_delimiter = ',', value_parser = address::<7898>)]
    events_address: Vec<Address>,
    /// Where workers get requests [default: workers-request.sock in the runtime folder]
    #[arg(long, value_name = "ADDRESSES", value_delimiter = ',', value_parser = address::<7896>)]
    workers_request_address: Vec<Address>,
    /// Where workers answer [default: workers-response.sock in the runtime folder]
    #[arg(long, value_name = "ADDRESSES", value_delimiter = ',', value_parser = address::<7897>)]
    workers_response_address: Vec<Address>,
    /// How long each look may take: 3s
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    peer: PeerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// One of the daemon's endpoints, as this program would use it.
#[derive(Debug)]
struct Door {
    /// Its flag, without the dashes: `rpc-address`.
    flag: &'static str,
    kind: DoorKind,
    addresses: Vec<Address>,
}

/// What all looks need to know.
#[derive(Debug)]
struct Case {
    service: String,
    timeout: Duration,
    /// Where the program connects to once it is enrolled.
    doors: Vec<Door>,
    /// Where it enrolls.
    enrollment: Vec<Address>,
    token_file: Option<PathBuf>,
    /// The folder of its keys; `None` if no folder can be derived.
    keys: Option<PathBuf>,
    paths: Paths,
}

/// The value parser of an address whose usual port is `PORT`.
fn address<const PORT: u16>(text: &str) -> Result<Address, AddressError> {
    Address::parse(text, PortHint(PORT))
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let case = case(args);
    let mut findings = Findings::default();
    let identities = machine::look(&case, &mut findings);
    let reached = network::look(&case, &mut findings);
    if case.needs_keys() {
        pairing::look(&case, &identities, &reached, &mut findings);
    }
    args.output.show(&findings, Findings::human);
    Ok(match findings.all_well() {
        true => Exit::Success,
        false => Exit::Ailing,
    })
}

fn case(args: &Args) -> Case {
    let paths = Paths::from_environment();
    let own = paths.config_dir().map(|folder| folder.join(&args.service));
    Case {
        service: args.service.clone(),
        timeout: args.timeout,
        doors: doors(args),
        enrollment: args.peer.enrollment_address.clone(),
        token_file: args.peer.enrollment_token_file.clone(),
        keys: args.peer.data_dir.clone().or(own.ok()),
        paths,
    }
}

/// Hosts use two of the daemon's endpoints, workers two others.
fn doors(args: &Args) -> Vec<Door> {
    let door = |flag, kind, given: &[Address], socket: &str| Door {
        flag,
        kind,
        addresses: match given {
            [] => vec![Address::Endpoint(Endpoint::Ipc(
                runtime_folder().join(socket),
            ))],
            _ => given.to_vec(),
        },
    };
    match args.service.ends_with("-worker") {
        true => vec![
            door(
                "workers-request-address",
                DoorKind::Events,
                &args.workers_request_address,
                "workers-request.sock",
            ),
            door(
                "workers-response-address",
                DoorKind::Rpc,
                &args.workers_response_address,
                "workers-response.sock",
            ),
        ],
        false => vec![
            door("rpc-address", DoorKind::Rpc, &args.rpc_address, "rpc.sock"),
            door(
                "events-address",
                DoorKind::Events,
                &args.events_address,
                "events.sock",
            ),
        ],
    }
}

impl Case {
    /// Whether some way to the daemon leaves this machine's files, and so takes keys and enrollment.
    fn needs_keys(&self) -> bool {
        let all = self.doors.iter().flat_map(|door| &door.addresses);
        all.chain(&self.enrollment).any(Address::is_network)
    }
}
