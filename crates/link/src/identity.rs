//! Who is at the other end: names of nodes, daemon instances, connections, services.
//!
//! In: bytes of a hello, random bytes. Out: newtypes that cannot be confused. Knows nothing of sockets,
//! and nothing of who may do what.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use moor_keyring::PublicKey;

use crate::bounds::SERVICE_BYTES_MAX;

/// Identity of one program's installation, kept in its data folder: 16 bytes, the bytes of a UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub [u8; 16]);

/// Identity of one run of a daemon: 16 random bytes drawn at its start. A client that sees another one
/// than before knows that the daemon was restarted.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InstanceId(pub [u8; 16]);

/// The topic of one peer's events: 16 random bytes that the server hands out in its welcome. Nobody else
/// knows them, so nobody else can name the topic.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(pub(crate) [u8; 16]);

/// One connection of a peer to a server, never used twice in the life of the server. A peer that
/// reconnects is another `PeerId` with the same [`NodeId`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u64);

impl NodeId {
    /// A new random identity.
    ///
    /// # Errors
    /// The operating system has no random bytes.
    pub fn random() -> Result<Self, getrandom::Error> {
        random_bytes().map(Self)
    }
}

/// 16 bytes from the operating system.
pub(crate) fn random_bytes() -> Result<[u8; 16], getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for Ticket {
    /// A ticket opens a topic, so it is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(..)")
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "peer-{}", self.0)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Name of a kind of program, such as `telnet-host`: 1 to 32 bytes of `a-z`, `0-9` and `-`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ServiceType(Arc<str>);

/// The text is not a service type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a service type: 1 to 32 bytes of a-z, 0-9 and '-'")]
pub struct ServiceTypeError(pub String);

impl ServiceType {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// Empty, too long, or another byte than `a-z`, `0-9`, `-`.
    pub fn new(name: &str) -> Result<Self, ServiceTypeError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > SERVICE_BYTES_MAX || !name.bytes().all(allowed) {
            return Err(ServiceTypeError(
                name.chars().take(SERVICE_BYTES_MAX).collect(),
            ));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How sure the link is of who a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// The peer reached a socket in a folder that only our own user can enter.
    SameUser,
    /// The peer proved over CURVE that it has the secret of this enrolled key: its node and service are
    /// those of its enrollment.
    Enrolled {
        /// The enrolled key.
        key: PublicKey,
    },
    /// Nothing is proven: plaintext on loopback, which only tests can ask for.
    Unproven,
}

/// Who a peer is, as its hello said and its connection proved. Cheap to clone; on every request.
#[derive(Clone, Debug)]
pub struct PeerIdentity(Arc<IdentityParts>);

#[derive(Debug)]
struct IdentityParts {
    node: NodeId,
    service: ServiceType,
    build: String,
    proof: Proof,
    revoked: AtomicBool,
}

impl PartialEq for PeerIdentity {
    /// Who it is, not whether it still may.
    fn eq(&self, other: &Self) -> bool {
        let parts = |identity: &Self| {
            let IdentityParts {
                node,
                service,
                build,
                proof,
                revoked: _,
            } = &*identity.0;
            (*node, service.clone(), build.clone(), *proof)
        };
        Arc::ptr_eq(&self.0, &other.0) || parts(self) == parts(other)
    }
}

impl Eq for PeerIdentity {}

impl PeerIdentity {
    /// Joins what a hello said with what the connection proves. Public for tests of a server's program.
    #[must_use]
    pub fn new(node: NodeId, service: ServiceType, build: String, proof: Proof) -> Self {
        Self(Arc::new(IdentityParts {
            node,
            service,
            build,
            proof,
            revoked: AtomicBool::new(false),
        }))
    }

    /// The peer's enrollment was ended after this identity was made. A program looks before it carries out a
    /// request that it had taken before it heard of the end.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.0.revoked.load(Ordering::Acquire)
    }

    pub(crate) fn revoke(&self) {
        self.0.revoked.store(true, Ordering::Release);
    }

    /// The peer's node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.0.node
    }

    /// The peer's kind of program.
    #[must_use]
    pub fn service(&self) -> &ServiceType {
        &self.0.service
    }

    /// The peer's build, for logs only.
    #[must_use]
    pub fn build(&self) -> &str {
        &self.0.build
    }

    /// What the connection proves.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.0.proof
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_types_at_and_past_their_bound() {
        assert!(ServiceType::new("telnet-host").is_ok());
        assert!(ServiceType::new(&"a".repeat(SERVICE_BYTES_MAX)).is_ok());
        for bad in ["", "Telnet", "a b", "é", &"a".repeat(SERVICE_BYTES_MAX + 1)] {
            assert!(ServiceType::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_ticket_is_not_shown() {
        assert_eq!(format!("{:?}", Ticket([7; 16])), "Ticket(..)");
    }
}
