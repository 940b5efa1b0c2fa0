//! Peers that libzmq as it is published does not survive, or pays dearly for: each case of `mends.rs` that can be
//! seen from outside. The library runs in a child process, so that an abort is a verdict and not the end of the test.
//!
//! In: this test program again, told by an environment variable what to be; raw TCP with the NULL mechanism. Out:
//! verdicts. How CURVE fares is tested where CURVE is used, in `moor-link`.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_void};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use moor_zmq_sys as sys;

/// What the child's socket is: `router` or `xpub`.
const ROLE: &str = "MOOR_ZMQ_TEST_ROLE";

/// What precedes each of the child's answers; the test harness prints lines of its own.
const ANSWER: &str = "answer ";

/// Messages of one connection that wait in the child.
const RECEIVE_HWM: c_int = 4;

/// Longer than the child takes to notice that a connection broke; nothing outside of it shows that it has.
const BREAK_TIME: Duration = Duration::from_millis(300);

/// Longer than an answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// `int`: time in ms after which receiving is an error; no part of what the link uses.
const ZMQ_RCVTIMEO: c_int = 27;

// The child.

/// The child's `main`: one socket, and an order for each line of its input.
#[test]
#[ignore = "started by the tests of this file in a process of its own"]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let socket = Socket::bound(&role);
    answer(&socket.endpoint());
    for order in std::io::stdin().lines() {
        let order = order.expect("stdin");
        match order.split_once(' ').unwrap_or((&order, "")) {
            ("take", _) => answer(&socket.take()),
            ("grant", topic) => socket.set(sys::ZMQ_SUBSCRIBE, topic.as_bytes()),
            ("publish", topic) => socket.publish(topic.as_bytes()),
            ("resident", _) => answer(&resident_kib().to_string()),
            other => panic!("{other:?}"),
        }
    }
}

fn answer(text: &str) {
    println!("{ANSWER}{text}");
    std::io::stdout().flush().expect("stdout");
}

/// Memory of this process in KiB.
fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|n| n.parse().ok()).expect("a number")
}

/// A socket that lives as long as its process.
struct Socket(*mut c_void);

impl Socket {
    fn bound(role: &str) -> Self {
        let kind = match role {
            "router" => sys::ZMQ_ROUTER,
            _ => sys::ZMQ_XPUB,
        };
        // SAFETY: a context and a socket of it, used by this thread alone and never closed.
        let socket = Self(unsafe { sys::zmq_socket(sys::zmq_ctx_new(), kind) });
        assert!(!socket.0.is_null());
        socket.set(sys::ZMQ_RCVHWM, &RECEIVE_HWM.to_ne_bytes());
        socket.set(ZMQ_RCVTIMEO, &(PATIENCE.as_millis() as c_int).to_ne_bytes());
        if kind == sys::ZMQ_XPUB {
            socket.set(sys::ZMQ_XPUB_MANUAL, &1i32.to_ne_bytes());
        }
        // SAFETY: an open socket and a text that ends in zero.
        let bound = unsafe { sys::zmq_bind(socket.0, c"tcp://127.0.0.1:*".as_ptr()) };
        assert_eq!(bound, 0);
        socket
    }

    fn set(&self, option: c_int, value: &[u8]) {
        // SAFETY: an open socket, and the value's own length.
        let set =
            unsafe { sys::zmq_setsockopt(self.0, option, value.as_ptr().cast(), value.len()) };
        assert_eq!(set, 0);
    }

    fn endpoint(&self) -> String {
        let mut text = [0u8; 256];
        let mut length = text.len();
        // SAFETY: room for `length` bytes.
        let got = unsafe {
            sys::zmq_getsockopt(
                self.0,
                sys::ZMQ_LAST_ENDPOINT,
                text.as_mut_ptr().cast(),
                &mut length,
            )
        };
        assert_eq!(got, 0);
        let text = CStr::from_bytes_until_nul(&text).expect("a text");
        text.to_str().expect("ASCII").to_owned()
    }

    /// The next message, each part's length and its first bytes in hex.
    fn take(&self) -> String {
        let mut parts = Vec::new();
        let mut message = std::mem::MaybeUninit::<sys::zmq_msg_t>::uninit();
        // SAFETY: initialised by the first call, and only used by the next ones; its bytes are read before the
        // next call changes them.
        unsafe {
            assert_eq!(sys::zmq_msg_init(message.as_mut_ptr()), 0);
            loop {
                assert!(sys::zmq_msg_recv(message.as_mut_ptr(), self.0, 0) >= 0);
                let data = sys::zmq_msg_data(message.as_mut_ptr()).cast::<u8>();
                let bytes = std::slice::from_raw_parts(data, sys::zmq_msg_size(message.as_ptr()));
                parts.push(format!(
                    "{}:{}",
                    bytes.len(),
                    hex(&bytes[..bytes.len().min(16)])
                ));
                if sys::zmq_msg_get(message.as_ptr(), sys::ZMQ_MORE) == 0 {
                    break;
                }
            }
            sys::zmq_msg_close(message.as_mut_ptr());
        }
        parts.join(" ")
    }

    fn publish(&self, bytes: &[u8]) {
        // SAFETY: an open socket, and the bytes' own length.
        let sent = unsafe { sys::zmq_send(self.0, bytes.as_ptr().cast(), bytes.len(), 0) };
        assert!(sent >= 0);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// The parent's end of the child.

struct Library {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    address: String,
}

impl Library {
    fn start(role: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("child");
        let orders = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        let mut library = Self {
            child,
            orders,
            answers,
            address: String::new(),
        };
        let endpoint = library.answer();
        library.address = endpoint.trim_start_matches("tcp://").to_owned();
        library
    }

    fn order(&mut self, order: &str) {
        // A child that is dead shows when it is to answer.
        let _ = writeln!(self.orders, "{order}");
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let length = self.answers.read_line(&mut line).expect("stdout");
            if length == 0 {
                let status = self.child.wait().expect("child");
                panic!(
                    "the library ended its process: signal {:?}",
                    status.signal()
                );
            }
            if let Some((_, answer)) = line.split_once(ANSWER) {
                return answer.trim_end().to_owned();
            }
        }
    }

    fn take(&mut self) -> String {
        self.order("take");
        self.answer()
    }

    fn resident_kib(&mut self) -> usize {
        self.order("resident");
        self.answer().parse().expect("a number")
    }

    /// Takes messages until that of a newcomer, which is served whatever came before.
    fn serves_a_newcomer(&mut self) {
        let mut newcomer = Peer::join(&self.address, "DEALER", b"");
        newcomer.send(&frame(0, b"newcomer"));
        let wanted = hex(b"newcomer");
        while !self.take().ends_with(&wanted) {}
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// Raw ZMTP 3.1.

const COMMAND: u8 = 4;
const LONG: u8 = 2;

fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u64;
    let mut frame = match u8::try_from(length) {
        Ok(length) => vec![flags, length],
        Err(_) => [&[flags | LONG][..], &length.to_be_bytes()].concat(),
    };
    frame.extend(body);
    frame
}

fn property(name: &str, value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(value.len()).expect("short").to_be_bytes();
    let name_length = u8::try_from(name.len()).expect("short");
    [&[name_length], name.as_bytes(), &length, value].concat()
}

struct Peer(TcpStream);

impl Peer {
    /// Connects and shakes hands; when this returns, the library has its routing id.
    fn join(address: &str, kind: &str, identity: &[u8]) -> Self {
        let stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let mut peer = Self(stream);
        let mut greeting = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
        greeting.extend(b"NULL");
        greeting.resize(64, 0);
        peer.send(&greeting);
        let kind = property("Socket-Type", kind.as_bytes());
        let identity = property("Identity", identity);
        peer.send(&frame(
            COMMAND,
            &[b"\x05READY", &kind[..], &identity].concat(),
        ));
        peer.0.read_exact(&mut [0; 64]).expect("a greeting");
        assert!(peer.receive().starts_with(b"\x05READY"));
        peer
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("sent");
    }

    /// The body of a short frame.
    fn receive(&mut self) -> Vec<u8> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).expect("a frame");
        let mut body = vec![0; usize::from(head[1])];
        self.0.read_exact(&mut body).expect("its body");
        body
    }

    /// Breaks the connection in both directions at once.
    fn reset(self) {
        rustix::net::sockopt::set_socket_linger(&self.0, Some(Duration::ZERO)).expect("option");
    }
}

/// A queue that is full, a ping behind it, a connection that breaks, a queue that is read.
#[test]
fn a_ping_behind_a_full_queue_on_a_broken_connection() {
    let mut library = Library::start("router");
    let mut peer = Peer::join(&library.address, "DEALER", b"");
    let filling = frame(0, b"filling").repeat(2 * RECEIVE_HWM as usize);
    let ping = frame(COMMAND, b"\x04PING\x00\x00context");
    peer.send(&[filling, ping].concat());
    thread::sleep(BREAK_TIME);
    peer.reset();
    thread::sleep(BREAK_TIME);
    for _ in 0..2 * RECEIVE_HWM {
        assert!(library.take().ends_with(&hex(b"filling")));
    }
    library.serves_a_newcomer();
}

/// A peer that names itself as the library will name the next.
#[test]
fn a_routing_id_that_the_next_connection_would_get() {
    let mut library = Library::start("router");
    let id_of = |library: &mut Library, identity: &[u8]| {
        let mut peer = Peer::join(&library.address, "DEALER", identity);
        peer.send(&frame(0, b"named"));
        let message = library.take();
        let id = message
            .strip_prefix("5:00")
            .expect("an id of the library's");
        let id = u32::from_str_radix(&id[..8], 16).expect("a number");
        (peer, id)
    };
    let (_first, id) = id_of(&mut library, b"");
    let next = id.wrapping_add(1).to_be_bytes();
    let (_thief, _) = id_of(&mut library, &[&[0], &next[..]].concat());
    let (_honest, _) = id_of(&mut library, b"");
    library.serves_a_newcomer();
}

/// Peers that all give themselves the same name: each is another, and none leaves anything behind.
#[test]
fn a_routing_id_that_is_taken() {
    const MESSAGE_BYTES: usize = 1 << 20;
    let mut library = Library::start("router");
    let mut ids = Vec::new();
    let _first = Peer::join(&library.address, "DEALER", b"name");
    let before = library.resident_kib();
    for _ in 0..20 {
        let mut peer = Peer::join(&library.address, "DEALER", b"name");
        peer.send(&frame(0, &[1; MESSAGE_BYTES]));
        let message = library.take();
        let (id, body) = message.split_once(' ').expect("two parts");
        assert!(body.starts_with(&format!("{MESSAGE_BYTES}:")));
        ids.push(id.to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 20);
    let grown = library.resident_kib().saturating_sub(before);
    assert!(grown < 10 * 1024, "{grown} KiB");
}

/// Long topics that nobody grants cost their bytes while they wait, and nothing afterwards.
#[test]
fn subscriptions_that_are_not_granted() {
    const TOPIC_BYTES: usize = 1 << 20;
    let mut library = Library::start("xpub");
    let mut peer = Peer::join(&library.address, "SUB", b"");
    let before = library.resident_kib();
    for first in 0..4 {
        let topic = [&[first][..], &[7; TOPIC_BYTES - 1]].concat();
        peer.send(&frame(COMMAND, &[b"\x09SUBSCRIBE", &topic[..]].concat()));
        assert!(
            library
                .take()
                .starts_with(&format!("{}:01", TOPIC_BYTES + 1))
        );
    }
    let grown = library.resident_kib().saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB");
}

/// What a grant means: events of the topic, until it is cancelled or the connection ends, which is told.
#[test]
fn subscriptions_that_are_granted() {
    let mut library = Library::start("xpub");
    let mut denied = Peer::join(&library.address, "SUB", b"");
    denied.send(&frame(COMMAND, b"\x09SUBSCRIBEtopic"));
    assert_eq!(library.take(), format!("6:01{}", hex(b"topic")));
    let mut peer = Peer::join(&library.address, "SUB", b"");
    peer.send(&frame(COMMAND, b"\x09SUBSCRIBEtopic"));
    assert_eq!(library.take(), format!("6:01{}", hex(b"topic")));
    library.order("grant topic");
    library.order("publish topic one");
    assert_eq!(peer.receive(), b"topic one");
    drop(denied);
    drop(peer);
    // Nothing is told of the one that had nothing.
    assert_eq!(library.take(), format!("6:00{}", hex(b"topic")));
    let mut other = Peer::join(&library.address, "SUB", b"");
    other.send(&frame(COMMAND, b"\x09SUBSCRIBEother"));
    assert_eq!(library.take(), format!("6:01{}", hex(b"other")));
}

/// A subscriber that is gone before its subscription is read: a grant goes to nobody.
#[test]
fn a_grant_to_a_connection_that_is_gone() {
    let mut library = Library::start("xpub");
    for _ in 0..20 {
        let mut gone = Peer::join(&library.address, "SUB", b"");
        gone.send(&frame(COMMAND, b"\x09SUBSCRIBEtopic"));
        thread::sleep(Duration::from_millis(5));
        gone.reset();
        thread::sleep(Duration::from_millis(5));
        // Often takes the place in memory of the one that is gone.
        let mut next = Peer::join(&library.address, "SUB", b"");
        next.send(&frame(COMMAND, b"\x09SUBSCRIBEmark"));
        // The subscription of the one that is gone may have been lost with its connection.
        loop {
            let taken = library.take();
            if taken == format!("5:01{}", hex(b"mark")) {
                break;
            }
            if taken == format!("6:01{}", hex(b"topic")) {
                library.order("grant topic");
                library.order("publish topic is not yours");
            }
        }
        library.order("grant mark");
        library.order("publish mark");
        assert_eq!(next.receive(), b"mark");
        drop(next);
        while library.take() != format!("5:00{}", hex(b"mark")) {}
    }
}
