//! The handler of authentication (ZAP, RFC 27): libzmq asks it about every key that a CURVE handshake has
//! proved, and lets nobody in without its yes.
//!
//! In: requests of one context's sockets, a [`Judge`]. Out: 200 with a user id, or 400. Every endpoint that
//! it guards names a domain and enforces it, so that where this thread is missing or dead the door is shut.
//! Knows nothing of registries or of what the link does with a connection.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use moor_zmq_sys as sys;

use crate::waker::Waker;
use crate::zmq::{Context, Message, Socket, wait};

/// Where libzmq looks for the handler of a context.
const ADDRESS: &str = "inproc://zeromq.zap.01";

/// The version of ZAP.
const VERSION: &[u8] = b"1.0";

/// Parts of a request about a CURVE key: version, id, domain, address, routing id, mechanism, key.
const REQUEST_PARTS: usize = 7;

/// The longest sleep between two looks at the order to stop, which wakes the thread anyway.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// A proved key that knocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Knock<'a> {
    /// The domain of the endpoint.
    pub(crate) domain: &'a str,
    /// The network address it comes from, without a port.
    pub(crate) address: &'a str,
    /// The key.
    pub(crate) key: [u8; sys::CURVE_KEY_BYTES],
}

/// Decides who may come in.
pub(crate) trait Judge: Send + 'static {
    /// The user id of whoever has the key, or `None` to keep it out.
    fn judge(&mut self, knock: Knock<'_>) -> Option<String>;
    /// A request that is none about a CURVE key was answered no.
    fn malformed(&mut self) {}
}

/// The running handler; dropping it ends it, and from then on nobody new comes in.
#[derive(Debug)]
pub(crate) struct ZapHandler {
    waker: Arc<Waker>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ZapHandler {
    /// Starts the handler of a context. It answers when this returns, so sockets are bound afterwards.
    pub(crate) fn start(context: &Context, judge: impl Judge) -> io::Result<Self> {
        let socket = context.socket(sys::ZMQ_REP)?;
        socket.set(sys::ZMQ_LINGER, 0)?;
        socket.bind(ADDRESS)?;
        let waker = Arc::new(Waker::new()?);
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let (waker, stop) = (Arc::clone(&waker), Arc::clone(&stop));
            thread::Builder::new()
                .name("moor-link-zap".to_owned())
                .spawn(move || serve(&socket, judge, &waker, &stop))?
        };
        Ok(Self {
            waker,
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for ZapHandler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.waker.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the handler of authentication had panicked");
        }
    }
}

/// Says so, loudly, when the thread dies before it was told to stop.
struct Obituary;

impl Drop for Obituary {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!(
                "the handler of authentication died: nobody new comes in until this program is restarted"
            );
        }
    }
}

fn serve(socket: &Socket, mut judge: impl Judge, waker: &Waker, stop: &AtomicBool) {
    let _obituary = Obituary;
    loop {
        waker.prepare_sleep();
        if stop.load(Ordering::Acquire) {
            return;
        }
        match serve_one(socket, &mut judge) {
            Ok(true) => {}
            Ok(false) => {
                if let Err(error) = wait([socket], waker, SLEEP_MAX) {
                    tracing::error!(%error, "the handler of authentication stops");
                    return;
                }
            }
            Err(error) => {
                tracing::error!(%error, "the handler of authentication stops");
                return;
            }
        }
        waker.awake(true);
    }
}

/// Takes one request, if there is one, and answers it.
fn serve_one(socket: &Socket, judge: &mut impl Judge) -> io::Result<bool> {
    let mut parts = Vec::with_capacity(REQUEST_PARTS);
    loop {
        let mut part = Message::new();
        if !socket.receive(&mut part)? {
            return Ok(false);
        }
        let more = part.has_more();
        parts.push(part);
        if parts.len() > REQUEST_PARTS {
            if let Some(last) = parts.last_mut() {
                socket.skip_parts(last)?;
            }
            break;
        }
        if !more {
            break;
        }
    }
    let bytes: Vec<&[u8]> = parts.iter().map(Message::bytes).collect();
    let user = match read(&bytes) {
        Some(knock) => judge.judge(knock),
        None => {
            judge.malformed();
            None
        }
    };
    answer(socket, bytes.get(1).copied().unwrap_or(b""), user)?;
    Ok(true)
}

/// Reads a request about a CURVE key; anything else is `None`.
fn read<'a>(parts: &[&'a [u8]]) -> Option<Knock<'a>> {
    let &[version, _id, domain, address, _routing, mechanism, key] = parts else {
        return None;
    };
    (version == VERSION && mechanism == b"CURVE").then_some(())?;
    Some(Knock {
        domain: std::str::from_utf8(domain).ok()?,
        address: std::str::from_utf8(address).ok()?,
        key: key.try_into().ok()?,
    })
}

fn answer(socket: &Socket, id: &[u8], user: Option<String>) -> io::Result<()> {
    let (status, text): (&[u8], &[u8]) = match user {
        Some(_) => (b"200", b"OK"),
        None => (b"400", b"no"),
    };
    for part in [
        VERSION,
        id,
        status,
        text,
        user.unwrap_or_default().as_bytes(),
    ] {
        socket.send_first(part)?;
    }
    // No metadata.
    socket.send([&[], &[], &[]])
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// For an answer that comes at once.
    const PATIENCE: Duration = Duration::from_secs(30);

    const KEY: [u8; 32] = [7; 32];

    fn request(key: &[u8]) -> [&[u8]; 7] {
        [VERSION, b"1", b"moor.rpc", b"127.0.0.1", b"", b"CURVE", key]
    }

    #[test]
    fn a_request_about_a_key_is_read() {
        let expected = Knock {
            domain: "moor.rpc",
            address: "127.0.0.1",
            key: KEY,
        };
        assert_eq!(read(&request(&KEY)), Some(expected));
    }

    #[test]
    fn anything_else_is_a_no() {
        let with = |index: usize, bytes: &'static [u8]| {
            let mut parts = request(&KEY);
            parts[index] = bytes;
            read(&parts)
        };
        assert_eq!(with(0, b"2.0"), None, "another version");
        assert_eq!(with(5, b"NULL"), None, "no key");
        assert_eq!(with(5, b"PLAIN"), None, "a password");
        assert_eq!(with(6, b"short"), None, "no key of 32 bytes");
        assert_eq!(with(2, b"\xff"), None, "no text");
        assert_eq!(read(&request(&KEY)[..6]), None, "a part is missing");
        let long: Vec<&[u8]> = [&request(&KEY)[..], &[b"more"]].concat();
        assert_eq!(read(&long), None, "a part too many");
    }

    /// Yes to one key; a panic for the key of zeros.
    struct OneKey;

    impl Judge for OneKey {
        fn judge(&mut self, knock: Knock<'_>) -> Option<String> {
            assert_ne!(knock.key, [0; 32], "planted");
            (knock.key == KEY).then(|| "the one".to_owned())
        }
    }

    fn ask(client: &Socket, key: &[u8]) -> Vec<Vec<u8>> {
        let parts = request(key);
        for part in &parts[..6] {
            client.send_first(part).expect("send");
        }
        client.send([parts[6], &[], &[]]).expect("send");
        let never = Waker::new().expect("eventfd");
        let until = Instant::now() + PATIENCE;
        let mut parts = Vec::new();
        let mut part = Message::new();
        loop {
            if client.receive(&mut part).expect("receive") {
                parts.push(part.bytes().to_vec());
                if !part.has_more() {
                    return parts;
                }
                continue;
            }
            // A socket also has something to look at when the two have found each other.
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no answer");
            wait([client], &never, left).expect("poll");
        }
    }

    /// A REQ socket, as libzmq itself speaks to the handler.
    fn client(context: &Context) -> Socket {
        const ZMQ_REQ: i32 = 3;
        let client = context.socket(ZMQ_REQ).expect("socket");
        client.set(sys::ZMQ_LINGER, 0).expect("option");
        client.connect(ADDRESS).expect("connect");
        client
    }

    #[test]
    fn answers_over_the_socket_and_ends_when_dropped() {
        let context = Context::new().expect("context");
        let handler = ZapHandler::start(&context, OneKey).expect("handler");
        let client = client(&context);
        let yes: [&[u8]; 6] = [b"1.0", b"1", b"200", b"OK", b"the one", b""];
        assert_eq!(ask(&client, &KEY), yes);
        let no: [&[u8]; 6] = [b"1.0", b"1", b"400", b"no", b"", b""];
        assert_eq!(ask(&client, &[8; 32]), no);
        assert_eq!(ask(&client, b"malformed"), no);
        drop(handler);
        drop(client);
        // Hangs for as long as any socket is left.
        drop(context);
    }
}
