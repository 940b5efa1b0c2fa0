//! Whether the daemon's endpoints can be reached at all: names, and connections without a word.
//!
//! In: the addresses. Out: findings, and the endpoints that something answers at. What answers there is not known here.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use moor_link::{Address, Endpoint, resolve};

use super::findings::Findings;
use super::{Case, machine};

/// An endpoint with its number for a name, that something answers at.
#[derive(Debug)]
pub(super) struct Reached {
    /// The flag that named it.
    pub(super) flag: &'static str,
    pub(super) endpoint: Endpoint,
}

/// The flag of enrollment, without the dashes.
pub(super) const ENROLLMENT: &str = "enrollment-address";

pub(super) fn look(case: &Case, findings: &mut Findings) -> Vec<Reached> {
    let mut reached = Vec::new();
    let doors = case.doors.iter().map(|door| (door.flag, &door.addresses));
    for (flag, addresses) in doors.chain([(ENROLLMENT, &case.enrollment)]) {
        for address in addresses {
            for endpoint in endpoints(flag, address, findings) {
                if answers(flag, &endpoint, case.timeout, findings) {
                    reached.push(Reached { flag, endpoint });
                }
            }
        }
    }
    reached
}

/// What an address stands for.
fn endpoints(flag: &str, address: &Address, findings: &mut Findings) -> Vec<Endpoint> {
    if !address.is_network() {
        return address.endpoint().cloned().into_iter().collect();
    }
    let check = format!("name of --{flag} {address}");
    match resolve(address) {
        Ok(endpoints) => {
            let list: Vec<String> = endpoints.iter().map(ToString::to_string).collect();
            findings.ok(check, list.join(", "));
            endpoints
        }
        Err(error) => {
            findings.fail(check, error.to_string());
            Vec::new()
        }
    }
}

fn answers(flag: &str, endpoint: &Endpoint, timeout: Duration, findings: &mut Findings) -> bool {
    let check = format!("connection to --{flag} {endpoint}");
    let began = Instant::now();
    let connected = match endpoint {
        Endpoint::Ipc(path) => {
            let folder = path.parent().unwrap_or(Path::new("/"));
            machine::is_private(folder, &format!("folder of --{flag}"), 0o700, findings);
            UnixStream::connect(path).map(drop)
        }
        _ => connect(endpoint, timeout),
    };
    match connected {
        Ok(()) => {
            findings.ok(
                check,
                format!("{:.1} ms", began.elapsed().as_secs_f64() * 1e3),
            );
            true
        }
        Err(error) => {
            findings.fail(check, format!("{error}; {}", mend(&error, flag, endpoint)));
            false
        }
    }
}

fn connect(endpoint: &Endpoint, timeout: Duration) -> io::Result<()> {
    let text = endpoint.to_string();
    let address: SocketAddr = text
        .trim_start_matches("tcp://")
        .parse()
        .map_err(|_| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
    // A time of zero would be an error of its own.
    let timeout = timeout.max(Duration::from_millis(1));
    TcpStream::connect_timeout(&address, timeout).map(drop)
}

fn mend(error: &io::Error, flag: &str, endpoint: &Endpoint) -> String {
    let listen = flag.replace("-address", "-listen");
    match (error.kind(), endpoint) {
        (io::ErrorKind::NotFound, _) => {
            "does the daemon run here, with the same runtime folder?".into()
        }
        (io::ErrorKind::PermissionDenied, _) => "run this as the user of the daemon".into(),
        (io::ErrorKind::ConnectionRefused, Endpoint::Ipc(_)) => "the daemon does not run".into(),
        (io::ErrorKind::ConnectionRefused, _) => {
            format!("the machine answers and nobody listens: does the daemon run with --{listen}?")
        }
        (io::ErrorKind::TimedOut, _) => {
            "a firewall drops it, or the address is wrong: let TCP through to this port".into()
        }
        _ => "check the address and the routes to it".into(),
    }
}
