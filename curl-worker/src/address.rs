//! Which addresses and ports the worker may reach.
//!
//! In: the operator's flags; an address and a port. Out: yes, or why not. Pure: names are resolved elsewhere, and
//! what is judged here is the very address that is then connected to.

mod special;

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::IpNet;

pub use special::{Embedded, Special, embedded, special};

/// Deny by default: what is special is refused unless it was allowed.
#[derive(Debug, Clone, Default)]
pub struct AddressRules {
    /// Never reached, whatever else is said.
    pub deny: Vec<IpNet>,
    /// Reached even if special.
    pub allow: Vec<IpNet>,
    /// Whether private networks, unique-local and shared addresses are reached. Not this machine, not
    /// link-local or metadata addresses: those need [`AddressRules::allow`].
    pub allow_private: bool,
    /// The ports that are reached.
    pub ports: Vec<Ports>,
}

/// Why an address or port is not reached. The address is not named: what an internal name stands for is not for
/// the world to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Blocked {
    /// The address is in a block that the operator denied.
    #[error("an address that this worker's operator has denied")]
    Denied,
    /// The address is special and was not allowed.
    #[error("{0}, which this worker does not reach")]
    Special(Special),
    /// The port was not allowed.
    #[error("port {0}, which this worker does not reach")]
    Port(u16),
}

impl AddressRules {
    /// Whether `address` may be connected to.
    ///
    /// # Errors
    /// [`Blocked::Denied`], [`Blocked::Special`].
    pub fn judge(&self, address: IpAddr) -> Result<(), Blocked> {
        let forms = Forms::of(address);
        if forms.any(&self.deny) {
            return Err(Blocked::Denied);
        }
        if forms.any(&self.allow) {
            return Ok(());
        }
        match forms.special().filter(|special| !self.lifts(*special)) {
            Some(special) => Err(Blocked::Special(special)),
            None => Ok(()),
        }
    }

    /// Whether `port` may be connected to.
    ///
    /// # Errors
    /// [`Blocked::Port`].
    pub fn judge_port(&self, port: u16) -> Result<(), Blocked> {
        match self.ports.iter().any(|ports| ports.0.contains(&port)) {
            true => Ok(()),
            false => Err(Blocked::Port(port)),
        }
    }

    fn lifts(&self, special: Special) -> bool {
        self.allow_private && matches!(special, Special::Private | Special::Shared)
    }
}

/// An address with the IPv4 address that is inside it.
struct Forms {
    outer: IpAddr,
    inner: Option<Embedded>,
}

impl Forms {
    fn of(outer: IpAddr) -> Self {
        let inner = match outer {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => embedded(address),
        };
        Self { outer, inner }
    }

    fn any(&self, blocks: &[IpNet]) -> bool {
        let inner = self.inner.map(|inner| IpAddr::V4(inner.address()));
        let holds = |block: &IpNet| {
            block.contains(&self.outer) || inner.is_some_and(|inner| block.contains(&inner))
        };
        blocks.iter().any(holds)
    }

    /// A mapped address is its IPv4 address. A well-known translator (NAT64) may be used for what is on the
    /// internet; the other carriers are refused whatever they carry, but a special address inside is named first.
    fn special(&self) -> Option<Special> {
        match self.inner {
            None => special(self.outer),
            Some(Embedded::Mapped(address)) => special(address.into()),
            Some(Embedded::Carried(address)) => special(address.into()).or_else(|| {
                let well_known =
                    matches!(self.outer, IpAddr::V6(outer) if outer.segments()[0] == 0x64);
                (!well_known).then_some(Special::Tunnel)
            }),
        }
    }
}

/// One port or a range of them: `443`, `1024-65535`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports(RangeInclusive<u16>);

/// A text is neither a port nor a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is neither a port nor a range; write for example 443 or 1024-65535")]
pub struct PortsError;

impl FromStr for Ports {
    type Err = PortsError;

    fn from_str(text: &str) -> Result<Self, PortsError> {
        let port = |text: &str| text.trim().parse::<u16>().map_err(|_| PortsError);
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (port(first)?, port(last)?),
            None => (port(text)?, port(text)?),
        };
        match first <= last {
            true => Ok(Self(first..=last)),
            false => Err(PortsError),
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.start() == self.0.end() {
            true => write!(f, "{}", self.0.start()),
            false => write!(f, "{}-{}", self.0.start(), self.0.end()),
        }
    }
}

/// A block as operators write it: `10.1.0.0/16`, or one address.
///
/// # Errors
/// [`BlockError`] for what is neither.
pub fn block(text: &str) -> Result<IpNet, BlockError> {
    let text = text.trim();
    let whole = || text.parse::<IpAddr>().map(IpNet::from).ok();
    text.parse::<IpNet>().ok().or_else(whole).ok_or(BlockError)
}

/// A text is neither a block of addresses nor an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no block of addresses; write for example 10.1.0.0/16, fd00::/8 or 127.0.0.1")]
pub struct BlockError;

#[cfg(test)]
mod tests;
