//! ZMTP 3.1 with CURVE by hand (RFC 23, 25, 26), for peers that do what no library would.
//!
//! In: an address, keys. Out: bytes on a TCP connection, right ones unless the caller changes them. Panics where an
//! honest server would have answered.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crypto_box::aead::Aead;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use moor_keyring::KeyPair;
use rustix::net::sockopt::set_socket_linger;

use crate::ground::PATIENCE;
use crate::realm::key_pair;

/// Flags of a frame.
pub(crate) const MORE: u8 = 1;
pub(crate) const LONG: u8 = 2;
pub(crate) const COMMAND: u8 = 4;

/// Bytes of the key and the cookie in a welcome.
const KEY_BYTES: usize = 32;

/// A greeting of version 3.1 with a mechanism.
pub(crate) fn greeting(mechanism: &[u8]) -> Vec<u8> {
    let mut greeting = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
    greeting.extend(mechanism);
    greeting.resize(64, 0);
    greeting
}

pub(crate) fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u64;
    let mut frame = match u8::try_from(length) {
        Ok(length) => vec![flags, length],
        Err(_) => [&[flags | LONG][..], &length.to_be_bytes()].concat(),
    };
    frame.extend(body);
    frame
}

pub(crate) fn property(name: &str, value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(value.len()).expect("short").to_be_bytes();
    let name_length = u8::try_from(name.len()).expect("short");
    [&[name_length], name.as_bytes(), &length, value].concat()
}

fn secret(pair: &KeyPair) -> SecretKey {
    SecretKey::from(*pair.secret_bytes())
}

/// Seals under a nonce of a prefix and the rest.
fn seal(with: &SalsaBox, prefix: &[u8], rest: &[u8], plain: &[u8]) -> Vec<u8> {
    let nonce: [u8; 24] = [prefix, rest].concat().try_into().expect("24 bytes");
    with.encrypt(&nonce.into(), plain).expect("sealed")
}

/// One connection from the client's side.
pub(crate) struct Peer {
    stream: TcpStream,
    server: PublicKey,
    /// The keys of this connection.
    brief: SecretKey,
    /// The server's key and its cookie of this connection, and the secret of both, when it has said welcome.
    server_brief: Option<PublicKey>,
    shared: Option<SalsaBox>,
    cookie: Vec<u8>,
    nonce: u64,
}

impl Peer {
    pub(crate) fn connect(port: u16, server: &moor_keyring::PublicKey) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        Self {
            stream,
            server: PublicKey::from(*server.as_bytes()),
            brief: secret(&key_pair()),
            server_brief: None,
            shared: None,
            cookie: Vec::new(),
            nonce: 1,
        }
    }

    /// Sends bytes; a server that has hung up already is none of a hostile peer's worries.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    pub(crate) fn greet(&mut self) {
        self.send(&greeting(b"CURVE"));
        self.stream.read_exact(&mut [0; 64]).expect("a greeting");
    }

    /// The body of a short frame.
    fn receive(&mut self) -> Vec<u8> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).expect("a frame");
        let mut body = vec![0; usize::from(head[1])];
        self.stream.read_exact(&mut body).expect("its body");
        body
    }

    /// A hello, as a body.
    pub(crate) fn hello(&self) -> Vec<u8> {
        let with = SalsaBox::new(&self.server, &self.brief);
        let short = 1u64.to_be_bytes();
        let sealed = seal(&with, b"CurveZMQHELLO---", &short, &[0; 64]);
        let key = self.brief.public_key();
        [
            b"\x05HELLO\x01\x00",
            &[0; 72][..],
            key.as_bytes(),
            &short,
            &sealed,
        ]
        .concat()
    }

    /// Says hello and takes the welcome.
    pub(crate) fn be_welcomed(&mut self) {
        self.greet();
        let hello = self.hello();
        self.send(&frame(COMMAND, &hello));
        let welcome = self.receive();
        let sealed = welcome.strip_prefix(b"\x07WELCOME").expect("a welcome");
        let nonce: [u8; 24] = [b"WELCOME-", &sealed[..16]]
            .concat()
            .try_into()
            .expect("24");
        let with = SalsaBox::new(&self.server, &self.brief);
        let plain = with.decrypt(&nonce.into(), &sealed[16..]).expect("ours");
        let (key, cookie) = plain.split_at(KEY_BYTES);
        let key: [u8; KEY_BYTES] = key.try_into().expect("a key");
        let server_brief = PublicKey::from(key);
        self.shared = Some(SalsaBox::new(&server_brief, &self.brief));
        self.server_brief = Some(server_brief);
        self.cookie = cookie.to_vec();
    }

    fn shared(&self) -> &SalsaBox {
        self.shared.as_ref().expect("welcomed")
    }

    /// An initiate, as a body, with a vouch of `voucher` for the key of `pair`.
    pub(crate) fn initiate(&self, pair: &KeyPair, voucher: &KeyPair, metadata: &[u8]) -> Vec<u8> {
        let brief = self.server_brief.as_ref().expect("welcomed");
        let vouched = [*self.brief.public_key().as_bytes(), *self.server.as_bytes()].concat();
        let with = SalsaBox::new(brief, &secret(voucher));
        let vouch = seal(&with, b"VOUCH---", &[9; 16], &vouched);
        let plain = [&pair.public().as_bytes()[..], &[9; 16], &vouch, metadata].concat();
        let short = 2u64.to_be_bytes();
        let sealed = seal(self.shared(), b"CurveZMQINITIATE", &short, &plain);
        [b"\x08INITIATE", &self.cookie[..], &short, &sealed].concat()
    }

    /// Comes in as whoever has the key pair.
    pub(crate) fn join(&mut self, pair: &KeyPair, kind: &str) {
        self.be_welcomed();
        let initiate = self.initiate(pair, pair, &property("Socket-Type", kind.as_bytes()));
        self.send(&frame(COMMAND, &initiate));
        assert!(self.receive().starts_with(b"\x05READY"), "it came in");
        self.nonce = 2;
    }

    /// A message of a frame's flags and body, sealed, as a body.
    pub(crate) fn message(&mut self, flags: u8, body: &[u8]) -> Vec<u8> {
        self.nonce += 1;
        let short = self.nonce.to_be_bytes();
        let plain = [&[flags], body].concat();
        let sealed = seal(self.shared(), b"CurveZMQMESSAGEC", &short, &plain);
        [b"\x07MESSAGE", &short[..], &sealed].concat()
    }

    /// The same as a frame.
    pub(crate) fn sealed(&mut self, flags: u8, body: &[u8]) -> Vec<u8> {
        let message = self.message(flags, body);
        frame(0, &message)
    }

    /// Hears the server out until it hangs up or says nothing for a time, and whether it hung up.
    pub(crate) fn is_hung_up(&mut self, silence: Duration) -> bool {
        self.stream
            .set_read_timeout(Some(silence))
            .expect("timeout");
        loop {
            match self.stream.read(&mut [0; 4096]) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == io::ErrorKind::ConnectionReset,
            }
        }
    }

    /// Breaks the connection in both directions at once.
    pub(crate) fn reset(self) {
        set_socket_linger(&self.stream, Some(Duration::ZERO)).expect("option");
    }
}
