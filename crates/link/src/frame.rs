//! The link's own layer on the wire: one leading byte that says what a message is, and the bodies of the
//! few messages that the link sends for itself.
//!
//! In: bytes of a peer, which may be anything. Out: typed frames or [`FrameError`]. Payloads of the program
//! pass as opaque bytes.
//!
//! Layout, integers little-endian. On the RPC sockets a message is one ZeroMQ frame (behind the routing id
//! that a ROUTER adds): `kind u8, body`. On the events sockets it is one frame: `ticket [16], kind u8, body`.
//!
//! | kind | name | from | body |
//! |---|---|---|---|
//! | 1 | hello | client | `"MOOR"`, `link u16`, `protocol u32`, `node [16]`, `service: len u8, bytes`, `build: len u8, bytes` |
//! | 2 | welcome | server | `link u16`, `instance [16]`, `ticket [16]`, `events u8`, `interval_ms u32`, `misses u32`, `build: len u8, bytes` |
//! | 3 | refused | server | `link u16`, `code u8`, `text: len u8, bytes` |
//! | 4 | data | both | the program's payload |
//! | 5 | granted | server, events | empty: the subscription is live |
//! | 6 | ping | server | empty |
//! | 7 | received | both | `bytes u64`: all that was received on this connection, as the sender counts it |
//! | 8 | bye | both, events too | `reason u8`: 1 the sender leaves, 2 it has dropped the receiver |
//!
//! The first 6 bytes of a hello and the first 2 of a welcome or refusal never move, so that any two versions
//! can tell each other that they do not fit.

use crate::bounds::{BUILD_BYTES_MAX, REFUSAL_BYTES_MAX};
use crate::identity::{InstanceId, NodeId, ServiceType, Ticket};

/// Version of this layer. Raised with every change of the layout above.
pub const LINK_VERSION: u16 = 2;

/// The first bytes of a hello.
pub(crate) const MAGIC: &[u8; 4] = b"MOOR";

/// What a message is: its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Hello = 1,
    Welcome = 2,
    Refused = 3,
    Data = 4,
    Granted = 5,
    Ping = 6,
    Received = 7,
    Bye = 8,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Hello,
            2 => Self::Welcome,
            3 => Self::Refused,
            4 => Self::Data,
            5 => Self::Granted,
            6 => Self::Ping,
            7 => Self::Received,
            8 => Self::Bye,
            _ => return None,
        })
    }
}

/// Which of a peer's two connections a message takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Channel {
    Rpc,
    Events,
}

/// Bytes that are no frame of this layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A message without its kind.
    #[error("empty message")]
    Empty,
    /// A kind that this version does not know.
    #[error("unknown kind of message {0}")]
    UnknownKind(u8),
    /// A body that ends too early, goes on too long, or holds what it must not.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// A hello or its answer of another version of the link.
    #[error("link version {theirs}, this program speaks {LINK_VERSION}")]
    LinkVersion {
        /// The peer's version.
        theirs: u16,
    },
}

/// Splits a message into its kind and body.
pub(crate) fn split(message: &[u8]) -> Result<(Kind, &[u8]), FrameError> {
    let (&byte, body) = message.split_first().ok_or(FrameError::Empty)?;
    Kind::from_byte(byte)
        .map(|kind| (kind, body))
        .ok_or(FrameError::UnknownKind(byte))
}

/// The first message of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    /// Version of the payloads.
    pub(crate) protocol: u32,
    pub(crate) node: NodeId,
    pub(crate) service: ServiceType,
    pub(crate) build: String,
}

/// The server's answer to a hello that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Welcome {
    pub(crate) instance: InstanceId,
    pub(crate) ticket: Ticket,
    /// The server has an events socket, and waits for a subscription to `ticket`.
    pub(crate) events: bool,
    /// Time between two pings.
    pub(crate) interval_ms: u32,
    /// This many missed pings are a lost link.
    pub(crate) misses: u32,
    pub(crate) build: String,
}

/// Why a server does not want a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalCode {
    /// The link's or the payloads' version differs: install the same release on both sides.
    Version,
    /// The service type has no business at this endpoint.
    Service,
    /// The server's program said no.
    Denied,
    /// The server holds as many peers as it may.
    TooManyPeers,
    /// The server is about to stop.
    Stopping,
    /// A message that does not belong where it came.
    Protocol,
    /// The peer's enrollment was ended. Its key opens nothing any more.
    Revoked,
}

impl RefusalCode {
    fn to_byte(self) -> u8 {
        match self {
            Self::Version => 1,
            Self::Service => 2,
            Self::Denied => 3,
            Self::TooManyPeers => 4,
            Self::Stopping => 5,
            Self::Protocol => 6,
            Self::Revoked => 7,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Version,
            Self::Service,
            Self::Denied,
            Self::TooManyPeers,
            Self::Stopping,
            Self::Protocol,
            Self::Revoked,
        ]
        .into_iter()
        .find(|code| code.to_byte() == byte)
    }
}

/// A server's clear no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// The kind of reason.
    pub code: RefusalCode,
    /// One line for the operator of the refused program, at most 255 bytes.
    pub text: String,
}

impl Refusal {
    /// A refusal; text past 255 bytes is cut.
    #[must_use]
    pub fn new(code: RefusalCode, text: impl Into<String>) -> Self {
        Self {
            code,
            text: cut(text.into(), REFUSAL_BYTES_MAX),
        }
    }
}

/// Why one side ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// The sender stops in order.
    Stopping,
    /// The sender does not know, or no longer wants, the receiver: say hello again.
    Dropped,
}

/// Cuts text at the last character that fits.
pub(crate) fn cut(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

pub(crate) fn put_text(out: &mut Vec<u8>, text: &str, bytes_max: usize) {
    let kept = &text[..text.floor_char_boundary(bytes_max.min(usize::from(u8::MAX)))];
    out.push(kept.len() as u8);
    out.extend_from_slice(kept.as_bytes());
}

/// Reads a body from front to back; `what` names the frame in errors.
pub(crate) struct Reader<'a> {
    pub(crate) rest: &'a [u8],
    pub(crate) what: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn malformed(&self) -> FrameError {
        FrameError::Malformed(self.what)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(self.malformed())?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, FrameError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, FrameError> {
        let length = usize::from(self.byte()?);
        let (text, rest) = self.rest.split_at_checked(length).ok_or(self.malformed())?;
        self.rest = rest;
        std::str::from_utf8(text).map_err(|_| self.malformed())
    }

    pub(crate) fn link_version(&mut self) -> Result<(), FrameError> {
        match u16::from_le_bytes(self.array()?) {
            LINK_VERSION => Ok(()),
            theirs => Err(FrameError::LinkVersion { theirs }),
        }
    }

    pub(crate) fn end(self) -> Result<(), FrameError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.malformed())
        }
    }
}

impl Hello {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&LINK_VERSION.to_le_bytes());
        out.extend_from_slice(&self.protocol.to_le_bytes());
        out.extend_from_slice(&self.node.0);
        put_text(&mut out, self.service.as_str(), BUILD_BYTES_MAX);
        put_text(&mut out, &self.build, BUILD_BYTES_MAX);
        out
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Self, FrameError> {
        let mut reader = Reader {
            rest: body,
            what: "hello",
        };
        if &reader.array::<4>()? != MAGIC {
            return Err(reader.malformed());
        }
        reader.link_version()?;
        let protocol = u32::from_le_bytes(reader.array()?);
        let node = NodeId(reader.array()?);
        let service = ServiceType::new(reader.text()?).map_err(|_| reader.malformed())?;
        let build = cut(reader.text()?.to_owned(), BUILD_BYTES_MAX);
        reader.end()?;
        Ok(Self {
            protocol,
            node,
            service,
            build,
        })
    }
}

impl Welcome {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend_from_slice(&LINK_VERSION.to_le_bytes());
        out.extend_from_slice(&self.instance.0);
        out.extend_from_slice(&self.ticket.0);
        out.push(u8::from(self.events));
        out.extend_from_slice(&self.interval_ms.to_le_bytes());
        out.extend_from_slice(&self.misses.to_le_bytes());
        put_text(&mut out, &self.build, BUILD_BYTES_MAX);
        out
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Self, FrameError> {
        let mut reader = Reader {
            rest: body,
            what: "welcome",
        };
        reader.link_version()?;
        let instance = InstanceId(reader.array()?);
        let ticket = Ticket(reader.array()?);
        let events = match reader.byte()? {
            0 => false,
            1 => true,
            _ => return Err(reader.malformed()),
        };
        let interval_ms = u32::from_le_bytes(reader.array()?);
        let misses = u32::from_le_bytes(reader.array()?);
        let build = cut(reader.text()?.to_owned(), BUILD_BYTES_MAX);
        if interval_ms == 0 || misses == 0 {
            return Err(reader.malformed());
        }
        reader.end()?;
        Ok(Self {
            instance,
            ticket,
            events,
            interval_ms,
            misses,
            build,
        })
    }
}

impl Refusal {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend_from_slice(&LINK_VERSION.to_le_bytes());
        out.push(self.code.to_byte());
        put_text(&mut out, &self.text, REFUSAL_BYTES_MAX);
        out
    }

    /// Reads a refusal of any version: a program must be able to say why it was refused.
    pub(crate) fn decode(body: &[u8]) -> Result<Self, FrameError> {
        let mut reader = Reader {
            rest: body,
            what: "refusal",
        };
        let theirs = u16::from_le_bytes(reader.array()?);
        if theirs != LINK_VERSION {
            let text =
                format!("the server speaks link version {theirs}, this program {LINK_VERSION}");
            return Ok(Self::new(RefusalCode::Version, text));
        }
        let code = RefusalCode::from_byte(reader.byte()?).ok_or(reader.malformed())?;
        let text = reader.text()?.to_owned();
        reader.end()?;
        Ok(Self { code, text })
    }
}

impl Farewell {
    pub(crate) fn encode(self) -> [u8; 1] {
        [match self {
            Self::Stopping => 1,
            Self::Dropped => 2,
        }]
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Self, FrameError> {
        match body {
            [1] => Ok(Self::Stopping),
            [2] => Ok(Self::Dropped),
            _ => Err(FrameError::Malformed("bye")),
        }
    }
}

/// Reads the body of a `received`.
pub(crate) fn decode_received(body: &[u8]) -> Result<u64, FrameError> {
    body.try_into()
        .map(u64::from_le_bytes)
        .map_err(|_| FrameError::Malformed("received"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hello() -> Hello {
        Hello {
            protocol: 3,
            node: NodeId([9; 16]),
            service: ServiceType::new("telnet-host").expect("service"),
            build: "0.1.0".into(),
        }
    }

    #[test]
    fn frames_survive_a_round_trip() {
        assert_eq!(Hello::decode(&hello().encode()), Ok(hello()));
        let welcome = Welcome {
            instance: InstanceId([1; 16]),
            ticket: Ticket([2; 16]),
            events: true,
            interval_ms: 5000,
            misses: 3,
            build: "b".into(),
        };
        assert_eq!(Welcome::decode(&welcome.encode()), Ok(welcome));
        let refusal = Refusal::new(RefusalCode::Denied, "no");
        assert_eq!(Refusal::decode(&refusal.encode()), Ok(refusal));
        for farewell in [Farewell::Stopping, Farewell::Dropped] {
            assert_eq!(Farewell::decode(&farewell.encode()), Ok(farewell));
        }
    }

    /// The layout is a promise to other versions: these bytes do not change without [`LINK_VERSION`].
    #[test]
    fn a_hello_has_these_bytes() {
        let mut expected = b"MOOR\x02\x00\x03\x00\x00\x00".to_vec();
        expected.extend([9; 16]);
        expected.extend(b"\x0btelnet-host\x050.1.0");
        assert_eq!(hello().encode(), expected);
    }

    #[test]
    fn another_link_version_is_told_apart_from_garbage() {
        let mut bytes = hello().encode();
        bytes[4] = 9;
        assert_eq!(
            Hello::decode(&bytes),
            Err(FrameError::LinkVersion { theirs: 9 })
        );
        let mut refusal = Refusal::new(RefusalCode::Denied, "x").encode();
        refusal[0] = 9;
        assert_eq!(
            Refusal::decode(&refusal).map(|r| r.code),
            Ok(RefusalCode::Version)
        );
    }

    #[test]
    fn texts_are_cut_at_a_character_at_their_bound() {
        let refusal = Refusal::new(RefusalCode::Denied, "é".repeat(128));
        assert_eq!(refusal.text.len(), 254);
        assert_eq!(Refusal::decode(&refusal.encode()), Ok(refusal));
        assert_eq!(
            Refusal::new(RefusalCode::Denied, "x".repeat(255))
                .text
                .len(),
            255
        );
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_peer_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = split(&bytes);
            let _ = Hello::decode(&bytes);
            let _ = Welcome::decode(&bytes);
            let _ = Refusal::decode(&bytes);
            let _ = Farewell::decode(&bytes);
            let _ = decode_received(&bytes);
        }

        #[test]
        fn a_cut_hello_is_malformed(length in 0usize..43) {
            let bytes = hello().encode();
            prop_assume!(length < bytes.len());
            prop_assert!(Hello::decode(&bytes[..length]).is_err());
        }
    }
}
