//! Peers that are not moor: raw bytes, other ZeroMQ programs (pyzmq), and hostile ones. Whatever they do,
//! they get nothing and harm nobody.
//!
//! In: Python with pyzmq if it is there; without it those cases say so and pass. Out: verdicts.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use moor_link::{ClientEvent, Server, ServerEvent};

use crate::ground::{Ground, carries, next, until_joined, until_up};

/// A peer in good standing still gets through, both ways.
fn is_unharmed(
    ground: &Ground,
    server: &Server,
    requests: &crossbeam_channel::Receiver<ServerEvent>,
    number: u8,
) {
    carries(ground.client(number), server, requests);
}

#[test]
fn raw_bytes_on_the_sockets_do_nothing() {
    let ground = Ground::ipc();
    let (server, requests) = ground.server();
    let garbage: Vec<u8> = (0..100_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let greeting = [&[0xff][..], &[0; 8], &[0x7f, 3, 0], b"NULL", &[0; 48]].concat();
    // A long frame that claims to have 2^62 bytes.
    let giant = [&greeting[..], &[2, 0x40], &[0; 7], &[0; 1000]].concat();
    let cases: [&[u8]; 5] = [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        &garbage,
        &greeting[..20],
        &giant,
    ];
    for bytes in cases {
        for name in ["rpc.sock", "events.sock"] {
            let mut stream =
                UnixStream::connect(ground.folder().join("moor").join(name)).expect("connect");
            // The server may hang up in the middle of it.
            let _ = stream.write_all(bytes);
            stream
                .set_read_timeout(Some(Duration::from_millis(50)))
                .expect("timeout");
            let _ = stream.read(&mut [0; 1000]);
        }
    }
    is_unharmed(&ground, &server, &requests, 1);
    assert_eq!(server.handle().counts().requests, 1);
}

/// What every script below begins with. `say` prints what a socket receives within a time, in hex.
const PYTHON: &str = r#"
import os, sys, zmq
folder = sys.argv[1]
context = zmq.Context()
def open(kind, name, **options):
    socket = context.socket(kind)
    socket.linger = 200
    for option, value in options.items():
        setattr(socket, option, value)
    socket.connect("ipc://" + folder + "/moor/" + name)
    return socket
def say(socket, ms=200):
    while socket.poll(ms):
        print(b"|".join(socket.recv_multipart()).hex())
def hello(protocol=7, service=b"telnet-host", link=2, node=b"n" * 16):
    return (b"\x01MOOR" + link.to_bytes(2, "little") + protocol.to_bytes(4, "little") + node
        + bytes([len(service)]) + service + b"\x01x")
rpc = open(zmq.DEALER, "rpc.sock")
"#;

/// Runs a script against a folder and returns what it printed, or `None` without pyzmq.
fn python(ground: &Ground, script: &str) -> Option<Vec<String>> {
    run_python(&format!("{PYTHON}{script}"), &[ground.folder().as_os_str()])
}

/// Runs a script that has a `context`, with arguments.
pub(crate) fn run_python(script: &str, arguments: &[&OsStr]) -> Option<Vec<String>> {
    let has_zmq = Command::new("python3").args(["-c", "import zmq"]).output();
    if !has_zmq.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: python3 with pyzmq is not installed");
        return None;
    }
    let output = Command::new("python3")
        .arg("-c")
        .arg(format!("{script}\ncontext.destroy(linger=200)\n"))
        .args(arguments)
        .output()
        .expect("python3");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect(),
    )
}

/// First byte of a refusal in hex.
const REFUSED: &str = "03";

#[test]
fn random_messages_are_refused() {
    let ground = Ground::ipc();
    let (server, requests) = ground.server();
    let script = r#"
rpc.send(b"")
for length in range(1, 200):
    rpc.send(os.urandom(length).replace(b"\x01", b"\xee"))
rpc.send_multipart([b"\x04data", b"more"])
rpc.send_multipart([hello(), b""])
say(rpc)
"#;
    let Some(answers) = python(&ground, script) else {
        return;
    };
    // A refusal, or a goodbye for what looks like the payload of a forgotten peer, for all but "bye"s.
    assert!(!answers.is_empty());
    assert!(
        answers
            .iter()
            .all(|answer| answer.starts_with(REFUSED) || answer == "0802"),
        "{answers:?}"
    );
    assert!(requests.is_empty());
    assert!(server.handle().counts().malformed > 0);
    is_unharmed(&ground, &server, &requests, 1);
}

#[test]
fn a_giant_message_is_cut_off() {
    let ground = Ground::ipc();
    let (server, requests) = ground.server();
    let script = "rpc.send(b'\\x04' + bytes(64 * 1024 * 1024))\nsay(rpc)\n";
    let Some(answers) = python(&ground, script) else {
        return;
    };
    assert_eq!(
        answers,
        Vec::<String>::new(),
        "its connection is closed before the message is read"
    );
    assert!(requests.is_empty());
    is_unharmed(&ground, &server, &requests, 1);
}

#[test]
fn a_wrong_hello_is_refused_and_a_right_one_from_elsewhere_is_welcome() {
    let ground = Ground::ipc();
    let (server, requests) = ground.server();
    let script = r#"
for wrong in [hello(protocol=8), hello(link=9), hello(service=b"stranger"), hello(service=b"Bad Name"), hello()[:-1]]:
    rpc.send(wrong)
    assert rpc.poll(5000)
    say(rpc, 20)
named = open(zmq.DEALER, "rpc.sock", identity=b"chosen")
named.send(hello(node=b"m" * 16))
assert named.poll(5000)
print(named.recv()[:1].hex())
print("right")
rpc.send(hello())
assert rpc.poll(5000)
print(rpc.recv()[:1].hex())
"#;
    let Some(answers) = python(&ground, script) else {
        return;
    };
    let codes: Vec<&str> = answers
        .iter()
        .map(|answer| answer.get(..8).unwrap_or(answer))
        .collect();
    // Refused: version, version, service, protocol, protocol. Welcome, to one whose name for itself is not taken, and to
    // one without.
    assert_eq!(
        codes,
        [
            "03020001", "03020001", "03020002", "03020006", "03020006", "02", "right", "02"
        ]
    );
    assert!(requests.is_empty(), "nobody came in without a subscription");
    is_unharmed(&ground, &server, &requests, 1);
}

#[test]
fn payloads_before_the_welcome_are_not_taken() {
    let ground = Ground::ipc();
    let (server, requests) = ground.server();
    let script = r#"
rpc.send(b"\x04early")
rpc.send(hello())
rpc.send(b"\x04before the subscription")
say(rpc)
"#;
    let Some(answers) = python(&ground, script) else {
        return;
    };
    let kinds: Vec<&str> = answers.iter().map(|answer| &answer[..2]).collect();
    assert_eq!(kinds, ["08", "02", "03"], "goodbye, welcome, refusal");
    assert!(requests.is_empty());
    is_unharmed(&ground, &server, &requests, 1);
}

/// Subscriptions to everything, to prefixes, to guesses, before and behind messages that put libzmq's two
/// queues out of step: nothing is ever received, and the owner of a topic gets all of it.
#[test]
fn nobody_receives_what_is_not_theirs() {
    let ground = Ground::ipc();
    let (server, requests) = ground.server();
    let (_owner, answers) = ground.client(1);
    until_up(&answers);
    let mut peer = until_joined(&requests);
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let publisher = {
        let (stop, handle) = (stop.clone(), server.handle());
        std::thread::spawn(move || {
            let mut published = 0u32;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                handle
                    .publish(peer, published.to_le_bytes().to_vec())
                    .expect("room");
                published += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            (published, handle)
        })
    };
    let script = r#"
everything = open(zmq.SUB, "events.sock")
everything.subscribe(b"")
for byte in range(256):
    everything.subscribe(bytes([byte]))
everything.subscribe(b"n" * 16)
everything.subscribe(b"\x01" * 16)
rude = open(zmq.XSUB, "events.sock")
for _ in range(50):
    rude.send(b"\x02not a subscription")
    rude.send(b"\x01")
    rude.send(b"\x00")
    rude.send_multipart([b"\x07", b"\x01", os.urandom(16)])
    rude.send(b"\x01" + os.urandom(16))
say(everything, 500)
say(rude, 500)
"#;
    let heard = python(&ground, script);
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let (published, handle) = publisher.join().expect("publisher");
    for number in 0..published {
        assert_eq!(
            next(&answers),
            ClientEvent::Published(number.to_le_bytes().to_vec())
        );
    }
    let Some(heard) = heard else { return };
    assert_eq!(heard, Vec::<String>::new());
    assert!(handle.counts().subscriptions_denied > 256);
    // A newcomer comes in behind all that.
    let (_late, late_answers) = ground.client(2);
    peer = until_joined(&requests);
    until_up(&late_answers);
    handle.publish(peer, b"late".to_vec()).expect("publish");
    assert_eq!(
        next(&late_answers),
        ClientEvent::Published(b"late".to_vec())
    );
}
