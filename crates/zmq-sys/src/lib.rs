//! The part of libzmq 4.3.5's C interface that moor's link uses: types, constants, functions. libzmq and its
//! CURVE mechanism on libsodium are built and linked statically by the build script.
//!
//! Nothing here is safe to call without reading libzmq's manual; `moor-link` alone uses it, and gives it a
//! safe face. Names and values are those of `zmq.h`; options of its draft section are absent, because
//! libzmq is built without them.

#![allow(unsafe_code)]
#![allow(non_camel_case_types)]

use core::ffi::{c_char, c_int, c_void};

// libzmq's CURVE calls into libsodium; these few are for the link's own look at a server's key.
pub use libsodium_sys::{crypto_box_easy, crypto_box_keypair, sodium_init};

/// Version that the constants and declarations were written for.
pub const ZMQ_VERSION: (c_int, c_int, c_int) = (4, 3, 5);

/// Bytes of a CURVE key, public or secret.
pub const CURVE_KEY_BYTES: usize = libsodium_sys::crypto_box_PUBLICKEYBYTES as usize;

/// A message: 64 opaque bytes, aligned as a pointer. Must be initialised by one of the `zmq_msg_init` functions
/// before any other use, and closed once. libzmq keeps no address of it between calls, so it may be moved.
#[repr(C, align(8))]
#[derive(Debug)]
pub struct zmq_msg_t {
    _opaque: [u8; 64],
}

// Socket types.
/// Two sockets of one process joined, here a socket and its monitor.
pub const ZMQ_PAIR: c_int = 0;
/// Receives from topics.
pub const ZMQ_SUB: c_int = 2;
/// Answers one request at a time; the handler of authentication.
pub const ZMQ_REP: c_int = 4;
/// Sends and receives freely; the client's side of RPC.
pub const ZMQ_DEALER: c_int = 5;
/// Sends to and receives from named connections; the server's side of RPC.
pub const ZMQ_ROUTER: c_int = 6;
/// Sends to topics and sees subscriptions.
pub const ZMQ_XPUB: c_int = 9;

// Options of a context.
/// Threads that move bytes between sockets and connections.
pub const ZMQ_IO_THREADS: c_int = 1;

// Options of a socket.
/// Adds a topic prefix (SUB), or grants the one just read (XPUB in manual mode).
pub const ZMQ_SUBSCRIBE: c_int = 6;
/// Takes a topic prefix away.
pub const ZMQ_UNSUBSCRIBE: c_int = 7;
/// `int`: time in ms that a closed socket may go on sending.
pub const ZMQ_LINGER: c_int = 17;
/// `int`, read only: a descriptor that becomes readable when the socket has something to look at.
pub const ZMQ_FD: c_int = 14;
/// `int`, read only: [`ZMQ_POLLIN`], if something can be received now. Looks at everything that the descriptor tells of.
pub const ZMQ_EVENTS: c_int = 15;
/// `int`: time in ms before a connection is tried again; -1 never.
pub const ZMQ_RECONNECT_IVL: c_int = 18;
/// `int`: connections that the kernel holds until they are accepted.
pub const ZMQ_BACKLOG: c_int = 19;
/// `int64_t`: bytes of a message; a peer that sends more is disconnected.
pub const ZMQ_MAXMSGSIZE: c_int = 22;
/// `int`: messages waiting to be sent on one connection.
pub const ZMQ_SNDHWM: c_int = 23;
/// `int`: messages of one connection waiting to be received.
pub const ZMQ_RCVHWM: c_int = 24;
/// String, read only: the endpoint bound last.
pub const ZMQ_LAST_ENDPOINT: c_int = 32;
/// `int`: sending to an unknown or full connection is an error rather than nothing.
pub const ZMQ_ROUTER_MANDATORY: c_int = 33;
/// `int`: IPv6 addresses are understood.
pub const ZMQ_IPV6: c_int = 42;
/// `int`: 1 makes the connections of endpoints bound from now on encrypted ones, with us as the server.
pub const ZMQ_CURVE_SERVER: c_int = 47;
/// 32 bytes: our public key; a client's.
pub const ZMQ_CURVE_PUBLICKEY: c_int = 48;
/// 32 bytes: our secret key.
pub const ZMQ_CURVE_SECRETKEY: c_int = 49;
/// 32 bytes: the public key of the server; makes a client's connections encrypted ones.
pub const ZMQ_CURVE_SERVERKEY: c_int = 50;
/// String: what the handler of authentication is told of the endpoints bound from now on.
pub const ZMQ_ZAP_DOMAIN: c_int = 55;
/// `int`: time in ms allowed for the ZMTP handshake.
pub const ZMQ_HANDSHAKE_IVL: c_int = 66;
/// `int`: sending to a full subscriber is an error rather than a loss.
pub const ZMQ_XPUB_NODROP: c_int = 69;
/// `int`: subscriptions take effect only when granted.
pub const ZMQ_XPUB_MANUAL: c_int = 71;

/// `int`: 1 lets nobody in when there is no handler of authentication.
pub const ZMQ_ZAP_ENFORCE_DOMAIN: c_int = 93;

/// Property of a message: the file descriptor of the connection it came by.
pub const ZMQ_SRCFD: c_int = 2;
/// Property of a message: more parts follow.
pub const ZMQ_MORE: c_int = 1;

/// Do not wait.
pub const ZMQ_DONTWAIT: c_int = 1;
/// More parts follow.
pub const ZMQ_SNDMORE: c_int = 2;

/// Something can be received.
pub const ZMQ_POLLIN: c_int = 1;

// Events of a monitor.
/// A connection was accepted; the value is its descriptor.
pub const ZMQ_EVENT_ACCEPTED: c_int = 0x0020;
/// A connection was closed by us, or an attempt to connect failed.
pub const ZMQ_EVENT_CLOSED: c_int = 0x0080;
/// A connection broke.
pub const ZMQ_EVENT_DISCONNECTED: c_int = 0x0200;
/// The handshake failed in the system.
pub const ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: c_int = 0x0800;
/// The handshake succeeded: for a client, the server admits our key.
pub const ZMQ_EVENT_HANDSHAKE_SUCCEEDED: c_int = 0x1000;
/// The handshake failed in the protocol.
pub const ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: c_int = 0x2000;
/// The handshake failed because the server does not want our key.
pub const ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: c_int = 0x4000;

/// Value of [`ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL`]: what came does not decrypt.
pub const ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC: u64 = 0x1100_0001;

unsafe extern "C" {
    /// Version of the library that is linked.
    pub fn zmq_version(major: *mut c_int, minor: *mut c_int, patch: *mut c_int);
    /// Whether the library has a capability, such as `curve`.
    pub fn zmq_has(capability: *const c_char) -> c_int;
    /// The error of this thread's last failed call.
    pub fn zmq_errno() -> c_int;
    /// Text of an error, libzmq's own included.
    pub fn zmq_strerror(errnum: c_int) -> *const c_char;

    /// Makes a context.
    pub fn zmq_ctx_new() -> *mut c_void;
    /// Sets an option of a context that has no socket yet.
    pub fn zmq_ctx_set(context: *mut c_void, option: c_int, value: c_int) -> c_int;
    /// Ends a context; waits until its sockets are closed and have lingered.
    pub fn zmq_ctx_term(context: *mut c_void) -> c_int;

    /// Makes a socket.
    pub fn zmq_socket(context: *mut c_void, kind: c_int) -> *mut c_void;
    /// Closes a socket.
    pub fn zmq_close(socket: *mut c_void) -> c_int;
    /// Sets an option of a socket.
    pub fn zmq_setsockopt(
        socket: *mut c_void,
        option: c_int,
        value: *const c_void,
        length: usize,
    ) -> c_int;
    /// Reads an option of a socket.
    pub fn zmq_getsockopt(
        socket: *mut c_void,
        option: c_int,
        value: *mut c_void,
        length: *mut usize,
    ) -> c_int;
    /// Listens.
    pub fn zmq_bind(socket: *mut c_void, endpoint: *const c_char) -> c_int;
    /// Connects.
    pub fn zmq_connect(socket: *mut c_void, endpoint: *const c_char) -> c_int;
    /// Reports a socket's connections to an `inproc://` address.
    pub fn zmq_socket_monitor(socket: *mut c_void, endpoint: *const c_char, events: c_int)
    -> c_int;
    /// Sends bytes as one part.
    pub fn zmq_send(socket: *mut c_void, data: *const c_void, length: usize, flags: c_int)
    -> c_int;

    /// Makes an empty message.
    pub fn zmq_msg_init(message: *mut zmq_msg_t) -> c_int;
    /// Makes a message of this many bytes, not initialised.
    pub fn zmq_msg_init_size(message: *mut zmq_msg_t, size: usize) -> c_int;
    /// Sends a message; on success it is empty.
    pub fn zmq_msg_send(message: *mut zmq_msg_t, socket: *mut c_void, flags: c_int) -> c_int;
    /// Receives into a message, whose former content is freed.
    pub fn zmq_msg_recv(message: *mut zmq_msg_t, socket: *mut c_void, flags: c_int) -> c_int;
    /// Frees a message.
    pub fn zmq_msg_close(message: *mut zmq_msg_t) -> c_int;
    /// A message's bytes.
    pub fn zmq_msg_data(message: *mut zmq_msg_t) -> *mut c_void;
    /// A message's length.
    pub fn zmq_msg_size(message: *const zmq_msg_t) -> usize;
    /// A textual property of a message, ending in zero, which lives as long as the message; or null.
    pub fn zmq_msg_gets(message: *const zmq_msg_t, property: *const c_char) -> *const c_char;
    /// A numeric property of a message.
    pub fn zmq_msg_get(message: *const zmq_msg_t, property: c_int) -> c_int;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_the_one_declared() {
        let (mut major, mut minor, mut patch) = (0, 0, 0);
        // SAFETY: three valid places for three numbers.
        unsafe { zmq_version(&mut major, &mut minor, &mut patch) };
        assert_eq!((major, minor, patch), ZMQ_VERSION);
    }

    #[test]
    fn it_has_curve_and_ipc() {
        for capability in [c"curve", c"ipc"] {
            // SAFETY: a text that ends in zero.
            assert_eq!(unsafe { zmq_has(capability.as_ptr()) }, 1, "{capability:?}");
        }
        // SAFETY: as above. The answer is not 1 for everything.
        assert_eq!(unsafe { zmq_has(c"nonsense".as_ptr()) }, 0);
    }

    #[test]
    fn a_message_has_the_librarys_size() {
        assert_eq!(size_of::<zmq_msg_t>(), 64);
        assert_eq!(align_of::<zmq_msg_t>(), align_of::<*const c_void>());
    }
}
