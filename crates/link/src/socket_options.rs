//! The options that every socket of the link has, each with its reason.
//!
//! In: a fresh socket and the configured limits. Out: the same socket, set. Knows nothing of messages.

use std::io;

use moor_keyring::KeyPair;
use moor_zmq_sys as sys;

use crate::bounds::{
    HANDSHAKE_MS_MAX, LISTEN_BACKLOG, MESSAGE_OVERHEAD_BYTES, RECEIVE_HWM, SEND_HWM_SPARE,
};
use crate::config::Limits;
use crate::endpoint::Endpoint;
use crate::security::ClientKeys;
use crate::zmq::Socket;

/// Bytes that are added to the largest payload: by the link a topic and a kind, by CURVE a command's name, a
/// nonce, flags and a seal.
const HEADER_BYTES: usize = 17 + 33;

/// The send queue in messages. Credit is what bounds it, in bytes: a queue that is full is never met unless
/// something is wrong. Doubled, because libzmq counts a message as waiting until half a queue has been read.
fn send_hwm(limits: &Limits) -> i32 {
    let in_flight = limits.in_flight_bytes_max / MESSAGE_OVERHEAD_BYTES;
    let hwm = in_flight.saturating_add(SEND_HWM_SPARE).saturating_mul(2);
    i32::try_from(hwm).unwrap_or(i32::MAX)
}

/// Sets what every socket has.
pub(crate) fn set_always(socket: &Socket, limits: &Limits) -> io::Result<()> {
    set_bytes_max(socket, limits.message_bytes_max + HEADER_BYTES)?;
    // Connections that do not finish their handshake go away.
    socket.set(sys::ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS_MAX)?;
    // ZMTP's own pings stay off: the link's find dead peers and measure more, and strangers are ended by the clock.
    socket.set(sys::ZMQ_SNDHWM, send_hwm(limits))?;
    socket.set(sys::ZMQ_RCVHWM, RECEIVE_HWM)?;
    // A connection given up holds neither memory nor the end of the program.
    socket.set(sys::ZMQ_LINGER, 0)
}

/// Bounds what may be received as one message, with all that the link and CURVE add to it. Without a bound, one
/// frame header of nine bytes makes libzmq take any amount of memory.
pub(crate) fn set_bytes_max(socket: &Socket, bytes_max: usize) -> io::Result<()> {
    let bytes_max = i64::try_from(bytes_max).map_err(io::Error::other)?;
    socket.set_bytes(sys::ZMQ_MAXMSGSIZE, &bytes_max.to_ne_bytes())
}

/// Sets what a listening socket has beside.
pub(crate) fn set_listening(socket: &Socket) -> io::Result<()> {
    // The system's default of 100 turns away hosts that all come back at once after a restart.
    socket.set(sys::ZMQ_BACKLOG, LISTEN_BACKLOG)
}

/// Sets what a connecting socket has beside.
pub(crate) fn set_connecting(socket: &Socket) -> io::Result<()> {
    // libzmq's own reconnection would bring back half a link without a hello; the client makes new sockets.
    socket.set(sys::ZMQ_RECONNECT_IVL, -1)
}

/// Makes the endpoints that are bound from now on encrypted, and their keys judged under `domain`. Without a
/// handler of authentication nobody comes in.
pub(crate) fn set_curve_door(socket: &Socket, pair: &KeyPair, domain: &str) -> io::Result<()> {
    socket.set(sys::ZMQ_ZAP_ENFORCE_DOMAIN, 1)?;
    socket.set_bytes(sys::ZMQ_ZAP_DOMAIN, domain.as_bytes())?;
    socket.set_bytes(sys::ZMQ_CURVE_SECRETKEY, pair.secret_bytes())?;
    socket.set(sys::ZMQ_CURVE_SERVER, 1)
}

/// Makes the connections of a client encrypted, and to one server only.
pub(crate) fn set_curve_client(socket: &Socket, keys: &ClientKeys) -> io::Result<()> {
    set_curve_pair(socket, &keys.pair)?;
    socket.set_bytes(sys::ZMQ_CURVE_SERVERKEY, keys.server.as_bytes())
}

/// Gives a client its own key pair.
pub(crate) fn set_curve_pair(socket: &Socket, pair: &KeyPair) -> io::Result<()> {
    socket.set_bytes(sys::ZMQ_CURVE_PUBLICKEY, pair.public().as_bytes())?;
    socket.set_bytes(sys::ZMQ_CURVE_SECRETKEY, pair.secret_bytes())
}

/// Lets a socket understand an IPv6 address. Not set for names, which would then go to IPv6 first.
pub(crate) fn set_family(socket: &Socket, endpoint: &Endpoint) -> io::Result<()> {
    match endpoint {
        Endpoint::Tcp { host, .. } if host.contains(':') => socket.set(sys::ZMQ_IPV6, 1),
        Endpoint::Tcp { .. } | Endpoint::Ipc(_) => Ok(()),
    }
}
