//! Flags that many tests give the programs, and what their log lines tell.
//!
//! In: a log line. Out: flags, the words after a key. It does not know which program is started.

use std::net::SocketAddr;

/// A telnet host on ports of its own choice, for users of this machine.
pub const TELNET_ON_FREE_PORTS: [&str; 8] = [
    "--telnet-address",
    "127.0.0.1",
    "--telnet-port",
    "0",
    "--health-check-address",
    "127.0.0.1",
    "--health-check-port",
    "0",
];

/// A worker whose health port is of its own choice, for this machine.
pub const WORKER_ON_A_FREE_PORT: [&str; 4] = [
    "--health-check-address",
    "127.0.0.1",
    "--health-check-port",
    "0",
];

/// The word behind `name=` in a log line.
#[must_use]
pub fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("{name}="))?;
    rest.split_whitespace().next()
}

/// Where users of a telnet host connect, from its line `listening telnet=...`.
///
/// # Panics
/// If the line does not tell.
#[must_use]
pub fn telnet_address(line: &str) -> SocketAddr {
    let address = field(line, "telnet").and_then(|address| address.parse().ok());
    address.unwrap_or_else(|| panic!("no address in {line:?}"))
}
