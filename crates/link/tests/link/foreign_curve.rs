//! Peers that are not moor, at encrypted endpoints: without a key, with a password, with keys that open
//! nothing here or something else, with everything in order and no manners. Played by pyzmq.
//!
//! In: Python with pyzmq if it is there; without it these cases say so and pass. Out: verdicts.

use std::ffi::OsStr;

use crossbeam_channel::Receiver;
use moor_keyring::{Domain, KeyPair};
use moor_link::{ClientEvent, Server, ServerEvent, ServiceType};

use crate::foreign::run_python;
use crate::ground::{carries, next, until_joined, until_request, until_up};
use crate::realm::{Realm, any_port, key_pair, secret_text, tcp};

/// What every script begins with: sockets with this key or another mechanism, what they hear, and how their
/// handshakes end.
const PYTHON: &str = r#"
import itertools, os, sys, zmq
from zmq.utils.monitor import recv_monitor_message
rpc_at, events_at, server_key, public, secret = sys.argv[1:6]
context = zmq.Context()
# A name for each: pyzmq's own is the descriptor's number, which a socket that is still being closed may have had.
monitors = (f"inproc://monitor-{number}" for number in itertools.count())
ENDS = (zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_DISCONNECTED)
def open(kind, at, curve=True, server=server_key, **options):
    socket = context.socket(kind)
    socket.linger = 200
    socket.reconnect_ivl = -1
    if curve:
        socket.curve_publickey, socket.curve_secretkey = public.encode(), secret.encode()
        socket.curve_serverkey = server.encode()
    for option, value in options.items():
        setattr(socket, option, value)
    socket.monitor = socket.get_monitor_socket(ENDS, next(monitors))
    socket.connect(at)
    return socket
def end(socket):
    if not socket.monitor.poll(5000):
        return "nothing"
    event = recv_monitor_message(socket.monitor)
    if event["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
        return "in"
    if event["event"] == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
        return "refused %d" % event["value"]
    return "out"
def say(socket, ms=200):
    while socket.poll(ms):
        print(b"|".join(socket.recv_multipart()).hex())
def hello(service=b"telnet-host", node=b"n" * 16):
    return b"\x01MOOR\x02\x00" + (7).to_bytes(4, "little") + node + bytes([len(service)]) + service + b"\x01x"
"#;

/// Runs a script against a server with a key pair.
fn python(realm: &Realm, server: &Server, pair: &KeyPair, script: &str) -> Option<Vec<String>> {
    let bound = server.handle().endpoints().clone();
    let arguments = [
        tcp(&bound.rpc).to_string(),
        tcp(&bound.events).to_string(),
        realm.pair.public().to_string(),
        pair.public().to_string(),
        secret_text(pair),
    ];
    let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    run_python(&format!("{PYTHON}{script}"), &arguments)
}

/// An honest host still gets through, both ways.
fn is_unharmed(realm: &Realm, server: &Server, requests: &Receiver<ServerEvent>) {
    let (pair, _) = realm.enroll("telnet-host");
    carries(realm.client(server, &pair), server, requests);
}

#[test]
fn no_key_a_password_an_unknown_key_and_a_wrong_server_key_open_nothing() {
    let realm = Realm::new();
    let (server, requests) = realm.server();
    let script = r#"
for at, kind in [(rpc_at, zmq.DEALER), (events_at, zmq.SUB)]:
    print("null", end(open(kind, at, curve=False)))
    print("plain", end(open(kind, at, curve=False, plain_username=b"moor", plain_password=b"moor")))
    print("unknown", end(open(kind, at)))
    print("wrong", end(open(kind, at, server=public)))
for knocking in [open(zmq.DEALER, rpc_at, curve=False), open(zmq.DEALER, rpc_at)]:
    knocking.sndtimeo = 200
    try:
        knocking.send(hello())
    except zmq.Again:
        pass # it was turned away already
    say(knocking)
"#;
    let Some(said) = python(&realm, &server, &key_pair(), script) else {
        return;
    };
    let expected = ["null out", "plain out", "unknown refused 400", "wrong out"];
    assert_eq!(said, [expected, expected].concat());
    assert!(requests.is_empty());
    assert_eq!(server.handle().counts().keys_refused, 3);
    assert_eq!(
        server.handle().counts().malformed,
        0,
        "not a message came through"
    );
    is_unharmed(&realm, &server, &requests);
}

#[test]
fn a_workers_key_does_not_open_rpc_and_events() {
    let realm = Realm::new();
    let (hosts, requests) = realm.server();
    let (workers, _worker_requests) = realm.server_with(|config| {
        config.rpc = vec![any_port()];
        config.events = vec![any_port()];
        config.services = vec![ServiceType::new("curl-worker").expect("service")];
        config.security = realm.keys(Domain::WorkersResponse, Domain::WorkersRequest);
    });
    let (worker, _) = realm.enroll("curl-worker");
    let script = r#"
print(end(open(zmq.DEALER, rpc_at)))
events = open(zmq.SUB, events_at)
events.subscribe(b"")
print(end(events))
"#;
    let Some(said) = python(&realm, &hosts, &worker, script) else {
        return;
    };
    assert_eq!(said, ["refused 400", "refused 400"]);
    let said = python(&realm, &workers, &worker, script).expect("as before");
    assert_eq!(said, ["in", "in"], "its own doors open");
    assert_eq!(hosts.handle().counts().subscriptions_denied, 0);
    is_unharmed(&realm, &hosts, &requests);
}

/// An enrolled host, in order in every way, wants more than its own: everything, prefixes, another's ticket.
#[test]
fn an_enrolled_host_hears_its_own_events_and_nobody_elses() {
    let realm = Realm::new();
    let (server, requests) = realm.server();
    let (victim_pair, _) = realm.enroll("telnet-host");
    let (_victim, answers) = realm.client(&server, &victim_pair);
    until_up(&answers);
    let victim = until_joined(&requests);
    let (pair, enrolled) = realm.enroll("telnet-host");
    let handle = server.handle();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let publisher = {
        let stop = stop.clone();
        std::thread::spawn(move || {
            let mut published = 0u32;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let payload = published.to_le_bytes().to_vec();
                handle.publish(victim, payload).expect("room");
                published += 1;
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            published
        })
    };
    let script = r#"
rpc = open(zmq.DEALER, rpc_at)
rpc.send(hello(node=b"\x01" * 16))
assert rpc.poll(5000)
welcome = rpc.recv()
assert welcome[:1] == b"\x02", welcome
ticket = welcome[19:35]
events = open(zmq.SUB, events_at)
for greedy in [b"", b"\x00", ticket[:15], ticket + b"\x00", b"n" * 16, b"\x01" * 16]:
    events.subscribe(greedy)
say(events, 300)
events.subscribe(ticket)
assert events.poll(5000)
granted = events.recv()
print(granted == ticket + b"\x05")
while events.poll(300):
    message = events.recv()
    if message[:16] != ticket or message[16] != 6:
        print("heard", message.hex())
        break
    if os.urandom(1)[0] < 30:
        break
"#;
    let heard = python(&realm, &server, &pair, script);
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let published = publisher.join().expect("publisher");
    for number in 0..published {
        let expected = ClientEvent::Published(number.to_le_bytes().to_vec());
        assert_eq!(next(&answers), expected);
    }
    let Some(heard) = heard else { return };
    assert_eq!(heard, ["True"]);
    assert_eq!(server.handle().counts().subscriptions_denied, 6);
    let joined = requests.iter().find_map(|event| match event {
        ServerEvent::Joined { identity, .. } => Some(identity),
        _ => None,
    });
    let node = joined.expect("the guest").node();
    assert_eq!(node.0, *enrolled.uuid.as_bytes(), "not the one it claims");
}

/// The ticket of another, if it ever leaked, is of no use with another key: not to hear, not to disturb.
#[test]
fn another_hosts_ticket_is_of_no_use() {
    let realm = Realm::new();
    let (server, requests) = realm.server();
    let (first, _) = realm.enroll("telnet-host");
    let (thief, _) = realm.enroll("web-host");
    // Both keys in one script: the first says hello and tells the second its ticket.
    let script = format!(
        r#"
mine = open(zmq.DEALER, rpc_at)
mine.send(hello())
assert mine.poll(5000)
ticket = mine.recv()[19:35]
own = open(zmq.SUB, events_at)
own.subscribe(ticket)
assert own.poll(5000)
print(own.recv() == ticket + b"\x05")
public, secret = "{}", "{}"
stolen = open(zmq.XSUB, events_at)
print(end(stolen))
stolen.send(b"\x01" + ticket)
say(stolen, 400)
stolen.send(b"\x00" + ticket)
assert own.poll(5000)
print(own.recv() == ticket + b"\x06")
mine.send(b"\x04still here")
# Heartbeats may come faster than one waits for the last of them.
say(mine, 0)
"#,
        thief.public(),
        secret_text(&thief)
    );
    let Some(said) = python(&realm, &server, &first, &script) else {
        return;
    };
    let (truths, rest): (Vec<&String>, Vec<&String>) =
        said.iter().partition(|line| !line.starts_with("07"));
    assert_eq!(truths, ["True", "in", "True"], "{rest:?}");
    assert_eq!(until_request(&requests).1, b"still here");
    assert!(server.handle().counts().subscriptions_denied >= 1);
}

/// A revoked peer that does not leave: its messages are refused, its events stop, its connections end.
#[test]
fn a_revoked_peer_that_stays_is_put_out() {
    let realm = Realm::new();
    let (server, requests) = realm.server();
    let (pair, enrolled) = realm.enroll("telnet-host");
    let script = r#"
rpc = open(zmq.DEALER, rpc_at)
rpc.send(hello())
assert rpc.poll(5000)
ticket = rpc.recv()[19:35]
events = open(zmq.SUB, events_at)
events.subscribe(ticket)
assert events.poll(5000)
events.recv()
rpc.send(b"\x04first")
refused = b""
while not refused.startswith(b"\x03"):
    assert rpc.poll(5000)
    refused = rpc.recv()
print(refused[:4].hex())
rpc.send(b"\x04second")
rpc.send(hello())
assert rpc.poll(5000)
print(rpc.recv()[:4].hex())
for socket in [rpc, events]:
    ends = [end(socket), end(socket)]
    print(ends)
again = open(zmq.DEALER, rpc_at)
print(end(again))
"#;
    let revoker = {
        let (registry, handle) = (realm.registry.clone(), server.handle());
        std::thread::spawn(move || {
            let answer = requests.recv_timeout(crate::ground::PATIENCE);
            if answer.is_err() {
                return requests;
            }
            assert_eq!(until_request(&requests).1, b"first");
            registry.revoke(enrolled.uuid).expect("revoked");
            handle.recheck().expect("room");
            requests
        })
    };
    let Some(said) = python(&realm, &server, &pair, script) else {
        return;
    };
    let ended = "['in', 'out']";
    // Refused as revoked, twice; both connections are ended; and the door is shut.
    assert_eq!(said, ["03020007", "03020007", ended, ended, "refused 400"]);
    let requests = revoker.join().expect("revoker");
    assert!(
        requests
            .try_iter()
            .all(|event| !matches!(event, ServerEvent::Request { .. })),
        "nothing of it was taken any more"
    );
}
