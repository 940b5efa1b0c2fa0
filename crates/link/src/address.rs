//! Where a client finds its server: an endpoint as it stands, a name to look up, or a service record.
//!
//! In: text of a flag, an environment variable or a configuration key. Out: [`Address`]es that are well
//! formed. Looks nothing up: [`names`](crate::names) does, at each attempt to connect.

use std::fmt;
use std::str::FromStr;

use crate::bounds::{ENDPOINTS_MAX, NAME_BYTES_MAX};
use crate::endpoint::{Endpoint, EndpointError, PortHint};

/// One address of a client's list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// `ipc://` or `tcp://`. A `tcp://` with a name is looked up as [`Address::Dns`] is.
    Endpoint(Endpoint),
    /// `dns:NAME:PORT`: every address that the name has, tried in turn.
    Dns {
        /// A host name.
        name: String,
        /// The port at each of its addresses.
        port: u16,
    },
    /// `srv:_service._proto.NAME`: every target of the service record (RFC 2782), by priority and weight.
    Srv {
        /// The record's name, with its two labels in front.
        name: String,
    },
}

/// The text is not an address. The message names the text and the mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It is no `ipc://` or `tcp://` endpoint either, or a bad one.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Nothing known stands in front.
    #[error(
        "{0}: unknown kind of address; write ipc:///path/to/socket, tcp://host:port, dns:NAME:PORT or \
         srv:_service._proto.NAME"
    )]
    UnknownScheme(String),
    /// A `dns:` or `srv:` name that no name server holds.
    #[error(
        "{0}: not a host name; use letters, digits, '-', '_' and dots, at most {NAME_BYTES_MAX} bytes"
    )]
    BadName(String),
    /// A `srv:` name without its two labels.
    #[error("{0}: a service record begins with two labels; write srv:_moor._tcp.NAME")]
    BadService(String),
}

impl Address {
    /// Reads one address. `hint` is the port that an error message proposes.
    ///
    /// # Errors
    /// [`AddressError`], one variant for each way to be wrong.
    pub fn parse(text: &str, hint: PortHint) -> Result<Self, AddressError> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("dns:") {
            return parse_dns(text, rest, hint);
        }
        if let Some(name) = text.strip_prefix("srv:") {
            return parse_srv(text, name);
        }
        Endpoint::parse(text, hint)
            .map(Self::Endpoint)
            .map_err(|error| match error {
                EndpointError::UnknownScheme(text) => AddressError::UnknownScheme(text),
                other => other.into(),
            })
    }

    /// Reads a comma-separated list of 1 to 16 addresses, kinds mixed.
    ///
    /// # Errors
    /// As [`Address::parse`], and [`EndpointError::TooMany`].
    pub fn parse_list(text: &str, hint: PortHint) -> Result<Vec<Self>, AddressError> {
        let count = text.split(',').count();
        if count > ENDPOINTS_MAX {
            return Err(EndpointError::TooMany(count).into());
        }
        text.split(',').map(|one| Self::parse(one, hint)).collect()
    }

    /// The endpoint, if the address is one.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::Endpoint(endpoint) => Some(endpoint),
            Self::Dns { .. } | Self::Srv { .. } => None,
        }
    }

    /// Whether the way there leaves this machine's file system, and so needs encryption and enrollment.
    #[must_use]
    pub fn is_network(&self) -> bool {
        !matches!(self, Self::Endpoint(Endpoint::Ipc(_)))
    }
}

/// A name as name servers hold it: dots between labels of 1 to 63 bytes; one dot may stand at the end.
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name.len() <= NAME_BYTES_MAX && name.strip_suffix('.').unwrap_or(name).split('.').all(label)
}

fn parse_dns(text: &str, rest: &str, hint: PortHint) -> Result<Address, AddressError> {
    let (name, port) = rest
        .rsplit_once(':')
        .filter(|(_, port)| !port.is_empty())
        .ok_or_else(|| EndpointError::MissingPort {
            address: text.trim_end_matches(':').to_owned(),
            proposed: hint.0,
        })?;
    if !is_name(name) {
        return Err(AddressError::BadName(text.to_owned()));
    }
    let number = port.parse::<u16>().ok().filter(|&port| port != 0);
    let port = number.ok_or_else(|| EndpointError::BadPort {
        address: text.to_owned(),
        port: port.to_owned(),
    })?;
    Ok(Address::Dns {
        name: name.to_owned(),
        port,
    })
}

fn parse_srv(text: &str, name: &str) -> Result<Address, AddressError> {
    let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    let is_service = labels.len() > 2
        && labels[..2]
            .iter()
            .all(|label| label.len() > 1 && label.starts_with('_'));
    if !is_service {
        return Err(AddressError::BadService(text.to_owned()));
    }
    if !is_name(name) {
        return Err(AddressError::BadName(text.to_owned()));
    }
    Ok(Address::Srv {
        name: name.to_owned(),
    })
}

impl From<Endpoint> for Address {
    fn from(endpoint: Endpoint) -> Self {
        Self::Endpoint(endpoint)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads one address; a missing port is answered with the RPC port, 7899.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text, PortHint(7899))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(endpoint) => endpoint.fmt(f),
            Self::Dns { name, port } => write!(f, "dns:{name}:{port}"),
            Self::Srv { name } => write!(f, "srv:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_addresses_survive_a_round_trip() {
        let cases = [
            "ipc:///run/moor/rpc.sock",
            "tcp://daemon.internal:7899",
            "dns:daemon.internal:7899",
            "dns:localhost:1",
            "srv:_moor._tcp.example.org",
            "srv:_moor-events._tcp.example.org.",
        ];
        for text in cases {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
            assert_eq!(address.is_network(), !text.starts_with("ipc"));
        }
        let list = Address::parse_list(&cases.join(", "), PortHint(7899)).expect("list");
        assert_eq!(list.len(), cases.len());
    }

    #[test]
    fn bad_addresses_name_the_mend() {
        let label = "a".repeat(64);
        let cases = [
            (
                "dns:daemon",
                "dns:daemon: missing port; write dns:daemon:7899",
            ),
            (
                "dns:daemon:",
                "dns:daemon: missing port; write dns:daemon:7899",
            ),
            ("dns:daemon:0", "bad port \"0\""),
            ("dns:a b:1", "not a host name"),
            ("dns::1", "not a host name"),
            (&format!("dns:{label}:1"), "not a host name"),
            ("srv:moor.example.org", "write srv:_moor._tcp.NAME"),
            ("srv:_moor._tcp", "write srv:_moor._tcp.NAME"),
            ("srv:_moor._tcp.a b", "not a host name"),
            ("http://a:1", "dns:NAME:PORT"),
            ("tcp://a", "missing port"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Address>().expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn lists_have_a_bound() {
        let many = |n: usize| vec!["dns:a:1"; n].join(",");
        let list = |n: usize| Address::parse_list(&many(n), PortHint(1)).map(|list| list.len());
        assert_eq!(list(ENDPOINTS_MAX), Ok(ENDPOINTS_MAX));
        assert_eq!(
            list(ENDPOINTS_MAX + 1),
            Err(EndpointError::TooMany(ENDPOINTS_MAX + 1).into())
        );
    }
}
