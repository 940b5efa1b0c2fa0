//! What is remembered of a session across restarts of the daemon.
//!
//! In: where a user came from, who the user is, what its options are. Out: the same, as a row.

use moor_value::ObjId;
use wincode::{SchemaRead, SchemaWrite};

use super::event::KeepAlive;
use crate::error::RowError;
use crate::ids::HostId;
use crate::rows;

/// A place where a host accepts users: 0 is the host's own, the highest number its own for users who speak TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, SchemaRead, SchemaWrite)]
pub struct ListenerId(pub u32);

impl ListenerId {
    /// The host's own.
    pub const MAIN: Self = Self(0);
    /// The host's own for users who speak TLS.
    pub const TLS: Self = Self(u32::MAX);

    /// Whether a host opens it by itself.
    pub(crate) fn is_own(self) -> bool {
        self == Self::MAIN || self == Self::TLS
    }
}

/// The two ends of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// The user's host name where it is known, else the address.
    pub(crate) name: String,
    /// The user's address, without the port.
    pub(crate) address: String,
    /// The user's port.
    pub(crate) port: u16,
    /// The address at which the user arrived.
    pub(crate) local_address: String,
    /// The port at which the user arrived.
    pub(crate) local_port: u16,
}

/// The durable part of a session.
#[derive(Clone, Debug, PartialEq, SchemaRead, SchemaWrite)]
pub(crate) struct SessionRecord {
    /// Layout of this record; [`SessionRecord::VERSION`].
    pub(crate) version: u16,
    /// The host that holds the socket.
    pub(crate) host: [u8; 16],
    /// The negative object number that the connection has until its user has logged in.
    pub(crate) connection: i64,
    /// The player, or the connection's own number before log-in.
    pub(crate) player: i64,
    /// The object whose verbs handle the connection's log-in and commands.
    pub(crate) handler: i64,
    /// Whether the server's own messages ("*** Connected ***") are shown.
    pub(crate) print_messages: bool,
    /// Where it was accepted.
    pub(crate) listener: ListenerId,
    /// The user's address, without the port.
    pub(crate) peer_address: String,
    /// The user's port.
    pub(crate) peer_port: u16,
    /// The user's host name, where it is known.
    pub(crate) hostname: Option<String>,
    /// The host's address at which the user arrived.
    pub(crate) local_address: String,
    /// The host's port at which the user arrived.
    pub(crate) local_port: u16,
    /// Protocol version and cipher, when the connection is encrypted.
    pub(crate) tls: Option<(String, String)>,
    /// Whether the server opened the connection, and not the user.
    pub(crate) outbound: bool,
    /// When the connection was made, or when its user logged in: microseconds since 1970.
    pub(crate) since_us: u64,
    /// The line shown before each command's output.
    pub(crate) prefix: String,
    /// The line shown after each command's output.
    pub(crate) suffix: String,
    /// The line that flushes pending input; empty for none.
    pub(crate) flush_command: String,
    /// Whether lines wait for `read()`.
    pub(crate) hold_input: bool,
    /// Whether lines that begin with `#$#` are ordinary.
    pub(crate) disable_oob: bool,
    /// Which built-in commands work, one bit for each [`IntrinsicCommand`].
    pub(crate) intrinsic: u8,
    /// Whether the client shows what is typed.
    pub(crate) client_echo: bool,
    /// Whether input comes as raw bytes.
    pub(crate) binary: bool,
    /// TCP keep-alive.
    pub(crate) keep_alive: Option<KeepAlive>,
    /// Lines that `force_input()` has queued, oldest first.
    pub(crate) forced: Vec<String>,
    /// The verb that `.program` is receiving.
    pub(crate) programming: Option<Programming>,
    /// How far its end is.
    pub(crate) stage: Stage,
}

/// How far the end of a session is. Tags of the stored form are one byte, as numbered here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub(crate) enum Stage {
    /// It lives.
    #[wincode(tag = 0)]
    Alive,
    /// `boot_player()` is committed; the hook that says so, and the end, are still to come.
    #[wincode(tag = 1)]
    Booted,
    /// It has ended; its last events are kept until its host has closed the socket.
    #[wincode(tag = 2)]
    Ended,
}

/// A verb's code on its way in.
#[derive(Clone, Debug, PartialEq, SchemaRead, SchemaWrite)]
pub(crate) struct Programming {
    /// The object that has the verb.
    pub(crate) object: i64,
    /// The verb's name as given.
    pub(crate) verb: String,
    /// The lines so far.
    pub(crate) lines: Vec<String>,
}

/// A command that the server itself carries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntrinsicCommand {
    /// `PREFIX text`.
    Prefix,
    /// `SUFFIX text`.
    Suffix,
    /// `OUTPUTPREFIX text`.
    OutputPrefix,
    /// `OUTPUTSUFFIX text`.
    OutputSuffix,
    /// `.program object:verb`.
    Program,
}

impl IntrinsicCommand {
    /// Every command, in the order in which `connection_options()` lists them.
    pub(crate) const ALL: [Self; 5] = [
        Self::Program,
        Self::Prefix,
        Self::Suffix,
        Self::OutputPrefix,
        Self::OutputSuffix,
    ];

    /// The command's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Prefix => "PREFIX",
            Self::Suffix => "SUFFIX",
            Self::OutputPrefix => "OUTPUTPREFIX",
            Self::OutputSuffix => "OUTPUTSUFFIX",
            Self::Program => ".program",
        }
    }

    /// Its bit in [`SessionRecord::intrinsic`].
    pub(crate) fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The command that a line's first word names: delimiters exactly as written, `.program` from
    /// `.pr` on and without case.
    pub(crate) fn named(verb: &str) -> Option<Self> {
        let abbreviated = verb.len() >= 3
            && verb.len() <= ".program".len()
            && verb.eq_ignore_ascii_case(".program".get(..verb.len())?);
        if abbreviated {
            return Some(Self::Program);
        }
        Self::ALL[1..]
            .iter()
            .copied()
            .find(|command| command.name() == verb)
    }
}

impl SessionRecord {
    /// The present layout.
    pub(crate) const VERSION: u16 = 2;
    /// The layout without `stage`, which is the last byte: such a session lives.
    const VERSION_WITHOUT_STAGE: u16 = 1;
    /// Every intrinsic command.
    pub(crate) const INTRINSIC_ALL: u8 = 0b1_1111;

    /// The player, or the connection's own number before log-in.
    pub(crate) fn player(&self) -> ObjId {
        ObjId(self.player)
    }

    /// The connection's own number.
    pub(crate) fn connection(&self) -> ObjId {
        ObjId(self.connection)
    }

    /// The object whose verbs handle it.
    pub(crate) fn handler(&self) -> ObjId {
        ObjId(self.handler)
    }

    /// The host that holds the socket.
    pub(crate) fn host(&self) -> HostId {
        HostId(self.host)
    }

    /// Whether a player has logged in.
    pub(crate) fn is_logged_in(&self) -> bool {
        self.player >= 0
    }

    /// Where the user comes from, and where to.
    pub(crate) fn ends(&self) -> Ends {
        Ends {
            name: self.peer_name().to_owned(),
            address: self.peer_address.clone(),
            port: self.peer_port,
            local_address: self.local_address.clone(),
            local_port: self.local_port,
        }
    }

    /// Takes over what a proxy says of the user, whose name is not known.
    pub(crate) fn set_ends(&mut self, ends: &Ends) {
        self.hostname = None;
        self.peer_address.clone_from(&ends.address);
        self.peer_port = ends.port;
        self.local_address.clone_from(&ends.local_address);
        self.local_port = ends.local_port;
    }

    /// The user's host name where it is known, else the address.
    pub(crate) fn peer_name(&self) -> &str {
        self.hostname.as_deref().unwrap_or(&self.peer_address)
    }

    /// The record as a row.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, RowError> {
        rows::encode(self, "session")
    }

    /// The record of a row.
    ///
    /// # Errors
    /// [`RowError::Malformed`] when the bytes are not a session of the present layout or the one before.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RowError> {
        let malformed = || RowError::Malformed { what: "session" };
        let mut bytes = std::borrow::Cow::Borrowed(bytes);
        let is_old = bytes.starts_with(&Self::VERSION_WITHOUT_STAGE.to_le_bytes());
        if is_old {
            bytes.to_mut().push(0);
        }
        let mut record: Self = rows::decode(&bytes, "session")?;
        if is_old {
            record.version = Self::VERSION;
        }
        if record.version != Self::VERSION {
            return Err(malformed());
        }
        Ok(record)
    }
}

impl SessionRecord {
    /// The record of a connection that has this number and has not logged in.
    pub(crate) fn with_connection(mut self, connection: ObjId) -> Self {
        self.connection = connection.0;
        self.player = connection.0;
        self
    }
}
