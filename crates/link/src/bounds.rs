//! Every bound of the link, by name: sizes, queue lengths, times, with what happens at each.
//!
//! Nothing comes in, constants go out. What a bound protects is said beside it.

use std::time::Duration;

/// Largest payload of one message in bytes, in either direction. One byte more is refused by the sender
/// ([`SendError::TooLarge`](crate::SendError::TooLarge)) and disconnects a peer that sends it anyway.
/// The largest thing a world sends at once is a long list printed or a verb's source: far below.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Messages waiting between the program and the I/O thread, in either direction's handle. One more is
/// refused ([`SendError::Full`](crate::SendError::Full)).
pub const OUTBOX_MESSAGES_MAX: usize = 65_536;

/// Payload bytes waiting between the program and the I/O thread. A message that would pass it is refused
/// ([`SendError::Full`](crate::SendError::Full)).
pub const OUTBOX_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What one message in flight is counted as beside its payload: libzmq's own allocation, and a price that
/// makes very many very small messages reach the bound too.
pub const MESSAGE_OVERHEAD_BYTES: u64 = 256;

/// Bytes that a server has sent to one peer and that the peer has not reported as received. A peer beyond
/// it is disconnected; its program gets everything again when it comes back.
pub const SERVER_IN_FLIGHT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Bytes that a client has sent and the server has not reported as received; beyond it the client takes
/// nothing from its outbox. Far below the server's bound, because a client's own reports wait behind its
/// requests: the server must not take a peer for slow whose reports it has not come to read.
pub const CLIENT_IN_FLIGHT_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// A receiver reports what it received each time that this many bytes have come since its last report.
/// Well below [`CLIENT_IN_FLIGHT_BYTES_MAX`], so that a busy client never waits for a report.
pub const REPORT_EVERY_BYTES: u64 = 256 * 1024;

/// Peers of one server at a time. One more hello is refused. Each costs a few kilobytes and two file
/// descriptors; hosts and workers are programs, not users, so even 100 is a large installation.
pub const PEERS_MAX: usize = 1024;

/// Connections of one listening socket, silent ones included. At one more the oldest that has not said hello
/// is ended. Each costs some ten kilobytes and a file descriptor; a silent one goes after
/// [`HANDSHAKE_MS_MAX`] anyway.
pub const CONNECTIONS_MAX: usize = 4_096;

/// A connection that has not said who it is within this is ended.
pub const STRANGER_TIME_MAX: Duration = Duration::from_secs(10);

/// A connection that a server ends by force lives this much longer, so that the reason can arrive.
pub const LAST_WORD_TIME: Duration = Duration::from_millis(500);

/// Bytes of a message of enrollment. A peer that sends more is disconnected.
pub const ENROLLMENT_BYTES_MAX: usize = 4_096;

/// Bytes of what a peer sends to an events endpoint: a subscription is a topic of 16, and the longest part of a
/// handshake, where a peer may say its name, is some 700. A peer that sends more is disconnected.
pub const SUBSCRIPTION_BYTES_MAX: usize = 2_048;

/// Connections of an enrollment endpoint. At one more the oldest that has not asked yet is ended.
pub const ENROLLMENT_CONNECTIONS_MAX: usize = 256;

/// Messages of one connection that wait at an enrollment endpoint: a routing id and a question, which libzmq
/// counts both, and as many again, because it counts what was read late.
pub const ENROLLMENT_HWM: i32 = 4;

/// Messages that libzmq's send queue of one connection holds beyond what credit allows: the link's own
/// pings, reports and goodbyes.
pub const SEND_HWM_SPARE: u64 = 8_192;

/// libzmq's receive queue of one connection in messages; then the sender's kernel buffer fills and it waits.
pub const RECEIVE_HWM: i32 = 1_000;

/// Connections the kernel holds until libzmq accepts them.
pub const LISTEN_BACKLOG: i32 = 1_024;

/// Messages taken from one source before the loop looks at the others.
pub const BURST_MESSAGES_MAX: usize = 512;

/// Addresses in one list (`--rpc-address`). More is an error of the configuration.
pub const ENDPOINTS_MAX: usize = 16;

/// Bytes of a name in `dns:` and `srv:` (RFC 1035).
pub const NAME_BYTES_MAX: usize = 253;

/// Targets that one name may stand for; more are not tried.
pub const TARGETS_MAX: usize = 32;

/// How long one look-up of a name may take; then the attempt has failed.
pub const LOOKUP_TIME_MAX: Duration = Duration::from_secs(3);

/// Bytes of a service type's name.
pub const SERVICE_BYTES_MAX: usize = 32;

/// Bytes of a build's name in a hello; longer is cut.
pub const BUILD_BYTES_MAX: usize = 64;

/// Bytes of a refusal's text; longer is cut at a character.
pub const REFUSAL_BYTES_MAX: usize = 255;

/// Bytes of a Unix socket's path: `sun_path` is 108 with its final zero.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

/// ZMTP's greeting and handshake must be done within this, so that half-open connections go away.
pub const HANDSHAKE_MS_MAX: i32 = 3_000;

/// A client gives up an attempt that has not brought it up within this.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);

/// How long an orderly stop may take: what is waiting is sent, and the peers say that they have it by leaving.
pub const SHUTDOWN_TIME_MAX: Duration = Duration::from_millis(500);

/// How often a handler that was full is asked again.
pub const STALL_RETRY: Duration = Duration::from_millis(2);

/// Open files wanted by a program with sockets; the hard limit of the system is taken if it is lower.
pub const OPEN_FILES_WANTED: u64 = 65_536;
