//! Addresses of sockets as an operator writes them: `ipc:///run/moor/rpc.sock`, `tcp://host:port`, and
//! comma-separated lists of both.
//!
//! In: text of a flag, an environment variable or a configuration key. Out: [`Endpoint`]s that are well
//! formed. Opens nothing and looks nothing up.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::bounds::{ENDPOINTS_MAX, SOCKET_PATH_BYTES_MAX};

/// One address that a server listens on or a client connects to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// A Unix socket at this absolute path, at most 107 bytes.
    Ipc(PathBuf),
    /// A TCP address.
    Tcp {
        /// A name or an address; IPv6 without its brackets.
        host: String,
        /// The port. For a server, 0 lets the system choose.
        port: u16,
    },
}

/// Which of an endpoint's defaults apply where the text says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortHint(
    /// The port that the error proposes when one is missing.
    pub u16,
);

/// The text is not a list of endpoints. The message names the text and the mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Nothing between two commas, or no text at all.
    #[error("empty address; write ipc:///path/to/socket or tcp://host:port")]
    Empty,
    /// No `ipc://` or `tcp://` in front.
    #[error("{0}: unknown kind of address; write ipc:///path/to/socket or tcp://host:port")]
    UnknownScheme(String),
    /// A TCP address without its port.
    #[error("{address}: missing port; write {address}:{proposed}")]
    MissingPort {
        /// The address as written.
        address: String,
        /// The default port of this flag.
        proposed: u16,
    },
    /// A TCP port that is no number from 0 to 65535.
    #[error("{address}: bad port {port:?}; write a number from 0 to 65535")]
    BadPort {
        /// The address as written.
        address: String,
        /// What stands where the port should.
        port: String,
    },
    /// A TCP address without a host.
    #[error("{address}: missing host; write tcp://0.0.0.0:{port} for every interface")]
    MissingHost {
        /// The address as written.
        address: String,
        /// The port it has.
        port: u16,
    },
    /// A character that no address holds.
    #[error("{0}: spaces and control characters are not allowed in an address")]
    BadCharacter(String),
    /// A relative path behind `ipc://`.
    #[error("{0}: the path of a socket is absolute; write ipc:///path/to/socket (three slashes)")]
    RelativePath(String),
    /// The system cannot name a socket by so long a path.
    #[error(
        "{path}: the path has {bytes} bytes and a socket's may have {SOCKET_PATH_BYTES_MAX}; \
         choose a shorter folder, such as one under /run or /tmp"
    )]
    PathTooLong {
        /// The path.
        path: String,
        /// Its length.
        bytes: usize,
    },
    /// More addresses than one list may hold.
    #[error("{0} addresses in one list, at most {ENDPOINTS_MAX} are allowed")]
    TooMany(usize),
}

impl Endpoint {
    /// A Unix socket's endpoint.
    ///
    /// # Errors
    /// The path is relative, too long, or holds a character that libzmq would read as something else.
    pub fn ipc(path: impl Into<PathBuf>) -> Result<Self, EndpointError> {
        let path = path.into();
        let shown = path.display().to_string();
        if !path.is_absolute() {
            return Err(EndpointError::RelativePath(shown));
        }
        if path
            .to_str()
            .is_none_or(|text| text.chars().any(char::is_control))
        {
            return Err(EndpointError::BadCharacter(shown));
        }
        let bytes = path.as_os_str().len();
        if bytes > SOCKET_PATH_BYTES_MAX {
            return Err(EndpointError::PathTooLong { path: shown, bytes });
        }
        Ok(Self::Ipc(path))
    }

    /// Reads one address. `hint` is the port that an error message proposes.
    ///
    /// # Errors
    /// [`EndpointError`], one variant for each way to be wrong.
    pub fn parse(text: &str, hint: PortHint) -> Result<Self, EndpointError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(EndpointError::Empty);
        }
        if let Some(path) = text.strip_prefix("ipc://") {
            return Self::ipc(path).map_err(|error| match error {
                EndpointError::RelativePath(_) => EndpointError::RelativePath(text.to_owned()),
                other => other,
            });
        }
        match text.strip_prefix("tcp://") {
            Some(rest) => parse_tcp(text, rest, hint),
            None => Err(EndpointError::UnknownScheme(text.to_owned())),
        }
    }

    /// Reads a comma-separated list of 1 to 16 addresses, ipc and tcp mixed.
    ///
    /// # Errors
    /// As [`Endpoint::parse`], and [`EndpointError::TooMany`].
    pub fn parse_list(text: &str, hint: PortHint) -> Result<Vec<Self>, EndpointError> {
        let count = text.split(',').count();
        if count > ENDPOINTS_MAX {
            return Err(EndpointError::TooMany(count));
        }
        text.split(',').map(|one| Self::parse(one, hint)).collect()
    }

    /// The socket's path, for `ipc://`.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Ipc(path) => Some(path),
            Self::Tcp { .. } => None,
        }
    }

    /// A TCP address that names this machine's loopback by number, and so cannot be reached from outside.
    #[must_use]
    pub fn is_loopback_tcp(&self) -> bool {
        match self {
            Self::Ipc(_) => false,
            Self::Tcp { host, .. } => host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback()),
        }
    }
}

fn parse_tcp(text: &str, rest: &str, hint: PortHint) -> Result<Endpoint, EndpointError> {
    if rest
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || c == '/' || c == ';')
    {
        return Err(EndpointError::BadCharacter(text.to_owned()));
    }
    let missing = || EndpointError::MissingPort {
        address: text.trim_end_matches(':').to_owned(),
        proposed: hint.0,
    };
    let (host, port) = match rest.strip_prefix('[') {
        Some(bracketed) => {
            let (host, tail) = bracketed.split_once(']').ok_or_else(missing)?;
            (host, tail.strip_prefix(':').ok_or_else(missing)?)
        }
        None => rest.rsplit_once(':').ok_or_else(missing)?,
    };
    if port.is_empty() {
        return Err(missing());
    }
    let number = port.parse::<u16>().map_err(|_| EndpointError::BadPort {
        address: text.to_owned(),
        port: port.to_owned(),
    })?;
    if host.is_empty() {
        return Err(EndpointError::MissingHost {
            address: text.to_owned(),
            port: number,
        });
    }
    Ok(Endpoint::Tcp {
        host: host.to_owned(),
        port: number,
    })
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    /// Reads one address; a missing port is answered with the RPC port, 7899.
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text, PortHint(7899))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipc(path) => write!(f, "ipc://{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp {
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn good_addresses_survive_a_round_trip() {
        let cases = [
            (
                "ipc:///run/moor/rpc.sock",
                Endpoint::Ipc("/run/moor/rpc.sock".into()),
            ),
            ("tcp://127.0.0.1:0", tcp("127.0.0.1", 0)),
            ("tcp://moo.example.org:7899", tcp("moo.example.org", 7899)),
            ("tcp://[::1]:7898", tcp("::1", 7898)),
        ];
        for (text, expected) in cases {
            let parsed: Endpoint = text.parse().expect(text);
            assert_eq!(parsed, expected);
            assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn bad_addresses_name_the_mend() {
        let long = format!("ipc:///{}", "x".repeat(SOCKET_PATH_BYTES_MAX));
        let cases = [
            (
                "tcp://0.0.0.0",
                "tcp://0.0.0.0: missing port; write tcp://0.0.0.0:7899",
            ),
            (
                "tcp://0.0.0.0:",
                "tcp://0.0.0.0: missing port; write tcp://0.0.0.0:7899",
            ),
            (
                "tcp://[::1]",
                "tcp://[::1]: missing port; write tcp://[::1]:7899",
            ),
            ("tcp://a:70000", "bad port \"70000\""),
            ("tcp://:7899", "missing host; write tcp://0.0.0.0:7899"),
            ("tcp://a b:1", "spaces and control characters"),
            ("ipc://run/rpc.sock", "three slashes"),
            ("http://a:1", "unknown kind of address"),
            ("", "empty address"),
            (&long, "the path has 108 bytes"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Endpoint>().expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn lists_mix_kinds_and_have_a_bound() {
        let hint = PortHint(7898);
        let list = Endpoint::parse_list("ipc:///a.sock, tcp://127.0.0.1:1", hint).expect("list");
        assert_eq!(list, [Endpoint::Ipc("/a.sock".into()), tcp("127.0.0.1", 1)]);
        let many = |n: usize| vec!["tcp://a:1"; n].join(",");
        assert_eq!(
            Endpoint::parse_list(&many(ENDPOINTS_MAX), hint).map(|l| l.len()),
            Ok(ENDPOINTS_MAX)
        );
        assert_eq!(
            Endpoint::parse_list(&many(ENDPOINTS_MAX + 1), hint),
            Err(EndpointError::TooMany(ENDPOINTS_MAX + 1))
        );
        assert_eq!(
            Endpoint::parse_list("tcp://a:1,,tcp://b:1", hint),
            Err(EndpointError::Empty)
        );
    }

    #[test]
    fn a_path_at_its_bound_is_good() {
        let path = format!("/{}", "x".repeat(SOCKET_PATH_BYTES_MAX - 1));
        assert!(Endpoint::ipc(path).is_ok());
    }

    #[test]
    fn only_numeric_loopback_is_loopback() {
        assert!(tcp("127.0.0.1", 1).is_loopback_tcp());
        assert!(tcp("::1", 1).is_loopback_tcp());
        assert!(!tcp("localhost", 1).is_loopback_tcp());
        assert!(!tcp("0.0.0.0", 1).is_loopback_tcp());
    }
}
