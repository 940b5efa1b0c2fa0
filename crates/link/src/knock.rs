//! A knock at a door: whether an endpoint of the daemon admits a key, for an operator who looks for the cause of a
//! trouble.
//!
//! In: an endpoint, the pinned key, a key pair. Out: a [`Knock`]. The connection ends with its handshake and says no hello:
//! a program that is connected with the same key is not disturbed.

use std::io;
use std::time::{Duration, Instant};

use moor_keyring::{KeyPair, PublicKey};
use moor_zmq_sys as sys;

use crate::address::Address;
use crate::config::{Limits, NameSource};
use crate::endpoint::Endpoint;
use crate::greeting::{Look, look};
use crate::names::{self, NameError};
use crate::socket_options;
use crate::waker::Waker;
use crate::zmq::{self, Context, Monitor, Socket};

/// Every way in which a handshake ends.
const ENDS: i32 = sys::ZMQ_EVENT_HANDSHAKE_SUCCEEDED
    | sys::ZMQ_EVENT_CLOSED
    | sys::ZMQ_EVENT_DISCONNECTED
    | sys::ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
    | sys::ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

/// What kind of endpoint it is: sockets of the wrong kind are turned away whatever their key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorKind {
    /// It takes requests: the first address of a client.
    Rpc,
    /// It publishes events: the second.
    Events,
}

impl DoorKind {
    fn socket_type(self) -> i32 {
        match self {
            Self::Rpc => sys::ZMQ_DEALER,
            Self::Events => sys::ZMQ_SUB,
        }
    }
}

/// What a knock at an endpoint tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knock {
    /// The server has the secret of the pinned key, and admits ours.
    Admitted,
    /// The server has the secret of the pinned key, and does not admit ours here.
    NotAdmitted,
    /// Whoever answers does not have the secret of the pinned key.
    WrongServerKey,
    /// Whoever answers does not speak CURVE.
    NotSecure,
    /// Nobody answers, or the handshake did not end in time.
    Unreachable,
}

/// Every endpoint that an address stands for at this moment, in the order in which a client tries them. Blocks for as
/// long as the name servers take.
///
/// # Errors
/// [`NameError`] if a name stands for nothing.
pub fn resolve(address: &Address) -> Result<Vec<Endpoint>, NameError> {
    let targets = names::find(address, None, &NameSource::System)?;
    Ok(targets.into_iter().map(|target| target.rpc).collect())
}

/// Knocks at a `tcp://` endpoint with a number for its host, as [`resolve`] gives them. Blocks for at most `timeout`.
///
/// # Errors
/// What the system says if it gives no socket.
pub fn knock(
    endpoint: &Endpoint,
    kind: DoorKind,
    server: &PublicKey,
    pair: &KeyPair,
    timeout: Duration,
) -> io::Result<Knock> {
    let until = Instant::now() + timeout;
    let context = Context::new()?;
    let socket = context.socket(kind.socket_type())?;
    prepare(&socket, endpoint, server, pair)?;
    let mut monitor = socket.monitor("knock", ENDS)?;
    socket.connect(&endpoint.to_string())?;
    let Some((event, value)) = wait(&mut monitor, until)? else {
        return Ok(Knock::Unreachable);
    };
    Ok(match event {
        sys::ZMQ_EVENT_HANDSHAKE_SUCCEEDED => Knock::Admitted,
        sys::ZMQ_EVENT_HANDSHAKE_FAILED_AUTH => Knock::NotAdmitted,
        sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
            if value == sys::ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC =>
        {
            Knock::WrongServerKey
        }
        sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL => Knock::NotSecure,
        // Hung up without a word: why, shows a look.
        sys::ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL => hung_up(endpoint, server, until),
        _ => Knock::Unreachable,
    })
}

fn prepare(
    socket: &Socket,
    endpoint: &Endpoint,
    server: &PublicKey,
    pair: &KeyPair,
) -> io::Result<()> {
    socket_options::set_always(socket, &Limits::client())?;
    socket_options::set_connecting(socket)?;
    socket_options::set_family(socket, endpoint)?;
    socket_options::set_curve_pair(socket, pair)?;
    socket.set_bytes(sys::ZMQ_CURVE_SERVERKEY, server.as_bytes())
}

/// The end of the handshake; `None` if there was none in time.
fn wait(monitor: &mut Monitor, until: Instant) -> io::Result<Option<(i32, u64)>> {
    let never = Waker::new()?;
    loop {
        if let Some(end) = monitor.next()? {
            return Ok(Some(end));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        zmq::wait([monitor.socket()], &never, left)?;
    }
}

fn hung_up(endpoint: &Endpoint, server: &PublicKey, until: Instant) -> Knock {
    let text = endpoint.to_string();
    let address = text.trim_start_matches("tcp://").parse();
    match address.map(|address| look(address, server.as_bytes(), until)) {
        Ok(Look::OtherKey) => Knock::WrongServerKey,
        Ok(Look::NotSecure) => Knock::NotSecure,
        Ok(Look::Right | Look::Unreachable) | Err(_) => Knock::Unreachable,
    }
}
