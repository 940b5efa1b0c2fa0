//! A look at a TCP endpoint: whether somebody listens, speaks CURVE, and has the secret of a given key.
//!
//! A CURVE server that cannot open a client's first command closes the connection without a word, which
//! looks like any other broken connection. This sends that command by hand: whoever answers "welcome" could
//! open it, and so has the secret. (ZMTP 3.1, RFC 37; CurveZMQ, RFC 26.)
//!
//! In: an address, a public key, a time. Out: a [`Look`]. Proves nothing about us, and sends no secret.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::zmq::CurveHello;

/// What was seen at an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nobody listens, or nothing came back in time.
    Unreachable,
    /// Somebody listens who does not speak CURVE.
    NotSecure,
    /// A CURVE server with another secret.
    OtherKey,
    /// The server that has the secret of the key.
    Right,
}

/// Bytes of a greeting, both ways.
const GREETING_BYTES: usize = 64;

/// Bytes of the signature that it begins with.
const SIGNATURE_BYTES: usize = 10;

/// Where the mechanism's name stands behind the signature, 20 bytes filled with zeros.
const MECHANISM: std::ops::Range<usize> = 2..22;

/// The first bytes of a short command frame of 200 bytes, with the client's hello.
const HELLO_HEAD: &[u8; 10] = b"\x04\xc8\x05HELLO\x01\x00";

/// The first bytes of the server's answer: a short command frame of 168 bytes, a welcome.
const WELCOME_HEAD: &[u8; 10] = b"\x04\xa8\x07WELCOME";

/// Pause before a server that seemed to have another secret is looked at again: it may have died just then.
const SECOND_LOOK: Duration = Duration::from_millis(250);

/// Looks at an endpoint, twice where the first look says another key.
pub(crate) fn look(address: SocketAddr, server: &[u8; 32], until: Instant) -> Look {
    let first = look_once(address, server, until);
    if first != Look::OtherKey {
        return first;
    }
    std::thread::sleep(SECOND_LOOK.min(until.saturating_duration_since(Instant::now())));
    look_once(address, server, until)
}

fn look_once(address: SocketAddr, server: &[u8; 32], until: Instant) -> Look {
    let Some(hello) = CurveHello::seal(server) else {
        return Look::Unreachable;
    };
    let Ok(mut stream) = connect(address, until) else {
        return Look::Unreachable;
    };
    let greeting = greeting();
    // First the signatures, so that one who speaks ZeroMQ but not CURVE is known before it hangs up.
    let (signature, rest) = greeting.split_at(SIGNATURE_BYTES);
    let mut theirs = [0; SIGNATURE_BYTES];
    if exchange(&mut stream, signature, &mut theirs, until).is_err() {
        return Look::Unreachable;
    }
    if theirs[0] != signature[0] || theirs[9] != signature[9] {
        return Look::NotSecure;
    }
    let mut theirs = [0; GREETING_BYTES - SIGNATURE_BYTES];
    match exchange(&mut stream, rest, &mut theirs, until) {
        Ok(()) if theirs[MECHANISM] == rest[MECHANISM] => {}
        Err(error) if !is_hang_up(&error) => return Look::Unreachable,
        Ok(()) | Err(_) => return Look::NotSecure,
    }
    let mut answer = [0; WELCOME_HEAD.len()];
    match exchange(&mut stream, &hello_frame(&hello), &mut answer, until) {
        Ok(()) if &answer == WELCOME_HEAD => Look::Right,
        Ok(()) => Look::NotSecure,
        Err(error) if is_hang_up(&error) => Look::OtherKey,
        Err(_) => Look::Unreachable,
    }
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

/// The time that is left; an error when there is none.
fn left(until: Instant) -> io::Result<Duration> {
    match until.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

fn connect(address: SocketAddr, until: Instant) -> io::Result<TcpStream> {
    TcpStream::connect_timeout(&address, left(until)?)
}

/// Sends, and reads as many bytes as `answer` has.
fn exchange(
    stream: &mut TcpStream,
    bytes: &[u8],
    answer: &mut [u8],
    until: Instant,
) -> io::Result<()> {
    stream.set_write_timeout(Some(left(until)?))?;
    stream.write_all(bytes)?;
    let mut filled = 0;
    while filled < answer.len() {
        stream.set_read_timeout(Some(left(until)?))?;
        match stream.read(&mut answer[filled..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    Ok(())
}

/// Signature, version 3.1, mechanism, as a client.
fn greeting() -> [u8; GREETING_BYTES] {
    let mut greeting = [0; GREETING_BYTES];
    greeting[0] = 0xff;
    greeting[8] = 1;
    greeting[9] = 0x7f;
    greeting[10..12].copy_from_slice(&[3, 1]);
    greeting[12..17].copy_from_slice(b"CURVE");
    greeting
}

/// Head, 72 bytes of padding (so that an answer is never longer than its question), key, nonce, box.
fn hello_frame(hello: &CurveHello) -> Vec<u8> {
    let mut frame = Vec::with_capacity(202);
    frame.extend_from_slice(HELLO_HEAD);
    frame.extend_from_slice(&[0; 72]);
    frame.extend_from_slice(&hello.transient);
    frame.extend_from_slice(&hello.nonce);
    frame.extend_from_slice(&hello.sealed);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use moor_zmq_sys as sys;

    use crate::zmq::Context;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    fn listening(socket: &crate::zmq::Socket) -> SocketAddr {
        socket.bind("tcp://127.0.0.1:*").expect("bind");
        let endpoint = socket.last_endpoint().expect("endpoint");
        endpoint
            .trim_start_matches("tcp://")
            .parse()
            .expect("address")
    }

    #[test]
    fn the_owner_of_the_secret_is_told_apart_from_everybody_else() {
        let (ours, other) = (
            moor_keyring::KeyPair::generate().expect("random bytes"),
            moor_keyring::KeyPair::generate().expect("random bytes"),
        );
        let context = Context::new().expect("context");
        let server = context.socket(sys::ZMQ_ROUTER).expect("socket");
        server.set(sys::ZMQ_CURVE_SERVER, 1).expect("option");
        server
            .set_bytes(sys::ZMQ_CURVE_SECRETKEY, ours.secret_bytes())
            .expect("option");
        let address = listening(&server);
        assert_eq!(look(address, ours.public().as_bytes(), soon()), Look::Right);
        assert_eq!(
            look(address, other.public().as_bytes(), soon()),
            Look::OtherKey
        );
        drop(server);

        let plain = context.socket(sys::ZMQ_ROUTER).expect("socket");
        let address = listening(&plain);
        assert_eq!(
            look(address, ours.public().as_bytes(), soon()),
            Look::NotSecure
        );
        drop((plain, context));
        assert_eq!(
            look(address, ours.public().as_bytes(), soon()),
            Look::Unreachable
        );
    }

    #[test]
    fn one_that_says_nothing_and_one_that_hangs_up_are_unreachable() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("listen");
        let address = silent.local_addr().expect("address");
        let until = Instant::now() + Duration::from_millis(100);
        assert_eq!(look(address, &[9; 32], until), Look::Unreachable);
        let hangs_up = std::thread::spawn(move || drop(silent.accept()));
        assert_eq!(look(address, &[9; 32], soon()), Look::Unreachable);
        hangs_up.join().expect("listener");
    }
}
