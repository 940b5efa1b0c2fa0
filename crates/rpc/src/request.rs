//! What a host says to the daemon.
//!
//! In: what happened on users' sockets. Out: one [`Request`] for each, with an id that the daemon's
//! answer repeats. It does not know telnet or HTTP: a host of either kind says the same things.

use wincode::{SchemaRead, SchemaWrite};

use crate::{
    AuthToken, ConnectionOption, DialFailed, EventNumber, LineNumber, ListenerId, RequestId,
    SessionId,
};

/// One message from a host to the daemon.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Request {
    /// Repeated in the answer, where one is due (see each [`RequestBody`]) and in an error.
    pub id: RequestId,
    /// What is said.
    pub body: RequestBody,
}

/// What a host says. Tags are one byte, as numbered here.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub enum RequestBody {
    /// The host is (again) in touch with the daemon and names its listeners and sessions. Must come
    /// before anything else after each connect. Answered by [`ReplyBody::Attached`](crate::ReplyBody::Attached).
    #[wincode(tag = 0)]
    Attach(Attach),
    /// A user's socket was accepted, or a connection was made that the daemon asked for. Answered by
    /// [`ReplyBody::Opened`](crate::ReplyBody::Opened); saying it twice for one session is the same as saying it once.
    #[wincode(tag = 1)]
    OpenSession(OpenSession),
    /// A user's line. Not answered: the event [`Event::LineDone`](crate::Event::LineDone) tells of it. A line whose number
    /// the daemon has already taken is ignored, so a host sends again what it is unsure of.
    #[wincode(tag = 2)]
    Line(Line),
    /// A user's socket is closed. Not answered. A session that is not known is ignored.
    #[wincode(tag = 3)]
    Closed {
        /// The session that ended.
        session: SessionId,
        /// Who ended it.
        reason: CloseReason,
    },
    /// Events that reached the host, so that the daemon may forget them. Not answered.
    #[wincode(tag = 4)]
    Acknowledge(Vec<Acknowledgement>),
    /// Events of one session are missing and should come again. Answered only by those events.
    #[wincode(tag = 5)]
    Replay(Replay),
    /// What became of a [`HostEvent::Listen`](crate::HostEvent::Listen) or [`HostEvent::Unlisten`](crate::HostEvent::Unlisten). Not answered.
    #[wincode(tag = 6)]
    ListenResult(ListenResult),
    /// A logged-in session of this host wants a token, with which its user can come back without a password.
    /// Answered by [`ReplyBody::Token`](crate::ReplyBody::Token).
    #[wincode(tag = 7)]
    IssueToken {
        /// The session.
        session: SessionId,
    },
    /// Code to run as the player of a token. Answered by [`ReplyBody::Evaluated`](crate::ReplyBody::Evaluated).
    #[wincode(tag = 8)]
    Eval(Eval),
    /// A [`HostEvent::Dial`](crate::HostEvent::Dial) came to nothing. Not answered.
    #[wincode(tag = 9)]
    DialFailed(DialFailed),
}

/// Code to run.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Eval {
    /// Whose permissions it has; the player must be a programmer.
    pub token: AuthToken,
    /// The source, like the code of a verb.
    pub code: String,
    /// Milliseconds until it is given up.
    pub timeout_ms: u32,
}

/// A host's state after a connect. A host with more sessions than fit one message sends several, in
/// order, and marks the last.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Attach {
    /// Every place where the host accepts users; the same in each part.
    pub listeners: Vec<ListenerInfo>,
    /// The sessions of this part.
    pub sessions: Vec<AttachSession>,
    /// Whether this is the last part. Then every session of this host that no part named has ended.
    pub last: bool,
}

/// One session that a host still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct AttachSession {
    /// The session.
    pub session: SessionId,
    /// The last event that reached the host; the daemon replays from the next one.
    pub last_event: EventNumber,
    /// The last line that the host numbered, whether or not it was ever sent.
    pub last_line: LineNumber,
}

/// A user's new connection.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct OpenSession {
    /// The name that the host gives it; that of the [`Dial`](crate::Dial), where it is `outbound`.
    pub session: SessionId,
    /// Where it was accepted; [`ListenerId::MAIN`] where it is `outbound`.
    pub listener: ListenerId,
    /// The user's address as text, an IPv4 or IPv6 address without a port.
    pub peer_address: String,
    /// The user's port.
    pub peer_port: u16,
    /// The host's address at which the user arrived.
    pub local_address: String,
    /// The host's port at which the user arrived.
    pub local_port: u16,
    /// The user's host name, where the host looked it up.
    pub hostname: Option<String>,
    /// How the connection is encrypted; `None` for plain text.
    pub tls: Option<TlsInfo>,
    /// The options that the host starts it with.
    pub options: Vec<ConnectionOption>,
    /// Opens it already logged in, as the player of this token; without a welcome.
    pub token: Option<AuthToken>,
    /// Whether the host made the connection, as the daemon asked. Then "the user" is whoever was called.
    pub outbound: bool,
}

/// How a user's connection is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct TlsInfo {
    /// The protocol version, such as `TLSv1.3`.
    pub version: String,
    /// The cipher suite's standard name.
    pub cipher: String,
}

/// A place where a host accepts users.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct ListenerInfo {
    /// Its name.
    pub id: ListenerId,
    /// The address it is bound to, without the port.
    pub address: String,
    /// The port it is bound to.
    pub port: u16,
    /// The certificate that users are shown; none where they do not speak TLS.
    pub tls: Option<ListenerTls>,
}

/// Which certificate a listener shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct ListenerTls {
    /// The name of a file of the host with a certificate; empty for the host's own.
    pub certificate: String,
    /// The name of a file of the host with its key; empty for the host's own.
    pub key: String,
}

/// One line of input.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Line {
    /// Whose line it is.
    pub session: SessionId,
    /// Its number: the first of a session is 1, the next one more.
    pub number: LineNumber,
    /// The last event that reached the host, as in [`Acknowledgement::event`].
    pub last_event: EventNumber,
    /// How to read the text.
    pub kind: LineKind,
    /// The line without its end.
    pub text: String,
}

/// How the text of a [`Line`] came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, SchemaRead, SchemaWrite)]
pub enum LineKind {
    /// A line as typed: text without control characters other than the tab.
    #[wincode(tag = 0)]
    Text,
    /// Bytes of a connection in binary mode, as a MOO binary string (`~0D~0A`).
    #[wincode(tag = 1)]
    Binary,
    /// Protocol commands from between the lines (telnet: IAC sequences), as a MOO binary string, for
    /// `do_out_of_band_command`.
    #[wincode(tag = 2)]
    OutOfBand,
}

/// Why a user's socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, SchemaRead, SchemaWrite)]
pub enum CloseReason {
    /// The user's side closed it, or it was lost.
    #[wincode(tag = 0)]
    ByPeer,
    /// The host closed it because the user's side broke a limit or the protocol.
    #[wincode(tag = 1)]
    Refused,
    /// The daemon asked for it by [`Event::Close`](crate::Event::Close).
    #[wincode(tag = 2)]
    ByDaemon,
    /// The host is stopping.
    #[wincode(tag = 3)]
    HostStops,
}

/// How far one session's events have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Acknowledgement {
    /// The session.
    pub session: SessionId,
    /// The last event that reached the host with none missing before it.
    pub event: EventNumber,
    /// Bytes of output that wait in the host for the user's socket, for `buffered_output_length()`.
    pub queued_output_bytes: u32,
}

/// A wish to have events again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct Replay {
    /// The session whose events are missing.
    pub session: SessionId,
    /// The first that is missing.
    pub from: EventNumber,
}

/// What became of a listener that the daemon asked to open or close.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
pub struct ListenResult {
    /// The listener of the daemon's wish.
    pub listener: ListenerId,
    /// Where it is now bound; `None` when it is closed as asked; or why not.
    pub result: Result<Option<ListenerInfo>, ListenError>,
}

/// Why a listener could not be opened or closed.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The address is not one of this machine, or not an address.
    #[error("address {address} is not an address of this machine")]
    #[wincode(tag = 0)]
    BadAddress {
        /// The address as asked for.
        address: String,
    },
    /// Another program listens there.
    #[error("port {port} is in use")]
    #[wincode(tag = 1)]
    InUse {
        /// The port as asked for.
        port: u16,
    },
    /// The host may not listen there, or has too many places already.
    #[error("listening on port {port} is not allowed: {why}")]
    #[wincode(tag = 2)]
    NotAllowed {
        /// The port as asked for.
        port: u16,
        /// What stands against it.
        why: String,
    },
    /// No such listener is open.
    #[error("no such listener")]
    #[wincode(tag = 3)]
    Unknown,
    /// There is no certificate to show.
    #[error("no TLS on port {port}: {why}")]
    #[wincode(tag = 4)]
    NoCertificate {
        /// The port as asked for.
        port: u16,
        /// What is missing.
        why: String,
    },
}
