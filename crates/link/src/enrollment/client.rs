//! A program's side of enrollment: asks once, waits for the answer, and says clearly why there is none.
//!
//! In: an address, a token, a key pair, a time. Out: [`Enrolled`], [`Probed`], or [`EnrollError`]. Blocks the
//! calling thread; every place that a name stands for is tried until one gives an answer.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use moor_keyring::{EnrollRefusal, KeyPair, PublicKey, Token};
use moor_zmq_sys as sys;

use super::wire::{Answer, Refused, Wish, question};
use super::{EnrollError, Enrolled, Probed};
use crate::address::Address;
use crate::bounds::ENROLLMENT_BYTES_MAX;
use crate::config::{Limits, NameSource};
use crate::endpoint::Endpoint;
use crate::greeting::{Look, look};
use crate::names;
use crate::socket_options;
use crate::waker::Waker;
use crate::zmq::{Context, Message, Monitor, Socket, wait};

/// Every way in which a connection ends or does not begin.
const BROKEN_EVENTS: i32 = sys::ZMQ_EVENT_CLOSED
    | sys::ZMQ_EVENT_DISCONNECTED
    | sys::ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
    | sys::ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

/// Asks to be enrolled as a `service` on `hostname` with the key of `pair`. The token's secret is sent only to
/// whoever has proved the key in the token. Blocks for at most `timeout`, and as long as the system takes to
/// look up a name.
///
/// # Errors
/// [`EnrollError`]; [`EnrollError::is_passing`] says whether to try again.
pub fn enroll(
    address: &Address,
    token: &Token,
    pair: &KeyPair,
    service: &str,
    hostname: &str,
    timeout: Duration,
) -> Result<Enrolled, EnrollError> {
    let daemon_key = token.daemon_key();
    let question = question(Wish::Enroll, Some(token), service, hostname);
    let asked = Asked {
        question: &question,
        pair,
        server: daemon_key,
        until: Instant::now() + timeout,
    };
    match asked.everywhere(address)? {
        (_, Answer::Enrolled(uuid)) => Ok(Enrolled { uuid, daemon_key }),
        (_, Answer::Refused(refused)) => Err(refusal(&refused)),
        (at, Answer::Seen { .. }) => Err(EnrollError::NotEnrollment(at)),
    }
}

/// Looks at an enrollment endpoint: whether it answers and has the secret of `server`, what the daemon there
/// is, and whether it would take `token` for a `service` now. Uses nothing up and enrolls nobody. `pair` may
/// be any key.
///
/// # Errors
/// [`EnrollError`]; a token that would be refused is no error but part of the answer.
pub fn probe(
    address: &Address,
    server: &PublicKey,
    pair: &KeyPair,
    token: Option<&Token>,
    service: &str,
    timeout: Duration,
) -> Result<Probed, EnrollError> {
    // Another daemon's secret is nobody's business.
    let own = token.filter(|token| token.daemon_key() == *server);
    let question = question(Wish::Look, own, service, "");
    let start = Instant::now();
    let asked = Asked {
        question: &question,
        pair,
        server: *server,
        until: start + timeout,
    };
    let (at, answer) = asked.everywhere(address)?;
    let Answer::Seen {
        protocol,
        build,
        clock_ms,
        token: verdict,
    } = answer
    else {
        return Err(EnrollError::NotEnrollment(at));
    };
    let verdict = match (verdict, token) {
        (Some(Ok(())), _) => Some(Ok(())),
        (Some(Err(refused)), _) => match refusal(&refused) {
            EnrollError::Refused(refusal) => Some(Err(refusal)),
            other => return Err(other),
        },
        (None, Some(_)) => Some(Err(EnrollRefusal::UnknownToken)),
        (None, None) => None,
    };
    Ok(Probed {
        protocol,
        build,
        clock: SystemTime::UNIX_EPOCH + Duration::from_millis(clock_ms),
        round_trip: start.elapsed(),
        token: verdict,
    })
}

fn refusal(refused: &Refused) -> EnrollError {
    match EnrollRefusal::from_code(refused.code, &refused.detail) {
        Some(refusal) => EnrollError::Refused(refusal),
        None => EnrollError::RefusedOtherwise { code: refused.code },
    }
}

/// One question, to whoever answers at an address.
struct Asked<'a> {
    question: &'a [u8],
    pair: &'a KeyPair,
    /// The only one who may read the question.
    server: PublicKey,
    until: Instant,
}

impl Asked<'_> {
    /// Asks at every place that the address stands for, until one gives an answer.
    fn everywhere(&self, address: &Address) -> Result<(String, Answer), EnrollError> {
        if !address.is_network() {
            return Err(EnrollError::NotNetwork(address.to_string()));
        }
        let unresolved = |error| EnrollError::Unresolved {
            address: address.to_string(),
            error,
        };
        let targets = names::find(address, None, &NameSource::System).map_err(unresolved)?;
        let mut last = unresolved(names::NameError::Unknown);
        for target in targets {
            match self.at(&target.rpc) {
                Ok(answer) => return Ok((address.to_string(), answer)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn at(&self, endpoint: &Endpoint) -> Result<Answer, EnrollError> {
        let context = Context::new()?;
        let socket = self.socket(&context, endpoint)?;
        let mut monitor = socket.monitor("enroll", BROKEN_EVENTS)?;
        socket.connect(&endpoint.to_string())?;
        // Sealed for the pinned key, and sent only behind a handshake with whoever has its secret.
        socket.send([self.question, &[], &[]])?;
        self.wait(endpoint, &socket, &mut monitor)
    }

    fn socket(&self, context: &Context, endpoint: &Endpoint) -> io::Result<Socket> {
        let socket = context.socket(sys::ZMQ_DEALER)?;
        let mut limits = Limits::client();
        limits.message_bytes_max = ENROLLMENT_BYTES_MAX;
        socket_options::set_always(&socket, &limits)?;
        socket_options::set_connecting(&socket)?;
        socket_options::set_family(&socket, endpoint)?;
        socket_options::set_curve_pair(&socket, self.pair)?;
        socket.set_bytes(sys::ZMQ_CURVE_SERVERKEY, self.server.as_bytes())?;
        Ok(socket)
    }

    fn wait(
        &self,
        endpoint: &Endpoint,
        socket: &Socket,
        monitor: &mut Monitor,
    ) -> Result<Answer, EnrollError> {
        let never = Waker::new()?;
        let mut message = Message::new();
        loop {
            if socket.receive(&mut message)? {
                let whole = !message.has_more();
                let answer = Answer::decode(message.bytes()).ok().filter(|_| whole);
                return answer.ok_or_else(|| EnrollError::NotEnrollment(endpoint.to_string()));
            }
            if let Some((event, value)) = monitor.next()? {
                return Err(self.broken(endpoint, event, value));
            }
            let left = self.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(EnrollError::Timeout(endpoint.to_string()));
            }
            wait([socket, monitor.socket()], &never, left)?;
        }
    }

    /// Why there is no answer.
    fn broken(&self, endpoint: &Endpoint, event: i32, value: u64) -> EnrollError {
        let at = endpoint.to_string();
        match event {
            sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
                if value == sys::ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC =>
            {
                EnrollError::WrongServerKey(at)
            }
            sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | sys::ZMQ_EVENT_HANDSHAKE_FAILED_AUTH => {
                EnrollError::NotEnrollment(at)
            }
            sys::ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL => self.look(endpoint),
            // Connected and welcome, but nobody answers such a question there.
            sys::ZMQ_EVENT_DISCONNECTED => EnrollError::NotEnrollment(at),
            _ => EnrollError::Unreachable(at),
        }
    }

    /// The server hung up without a word: finds out why.
    fn look(&self, endpoint: &Endpoint) -> EnrollError {
        let at = endpoint.to_string();
        let address = at.trim_start_matches("tcp://").parse();
        match address.map(|address| look(address, self.server.as_bytes(), self.until)) {
            Ok(Look::OtherKey) => EnrollError::WrongServerKey(at),
            Ok(Look::NotSecure) => EnrollError::NotEnrollment(at),
            Ok(Look::Right | Look::Unreachable) | Err(_) => EnrollError::Unreachable(at),
        }
    }
}
