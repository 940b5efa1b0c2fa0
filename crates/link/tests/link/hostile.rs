//! Peers that know ZMTP and CURVE and use them badly, in each phase: before the greeting, in the handshake, without
//! being enrolled, and enrolled. The servers run in a child process: they must neither end it nor keep anything.
//!
//! In: this test program again, told by an environment variable what to be; `zmtp.rs`. Out: verdicts.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::bounded;
use moor_keyring::{Desk, Domain, KeyPair, Registry};
use moor_link::{
    Client, ClientConfig, ClientEvent, ClientKeys, ClientSecurity, Endpoint, Security, Server,
    ServerConfig, ServerEvent, ServerKeys, enrollment,
};

use crate::ground::{PATIENCE, PROTOCOL, next, node, service, until_up};
use crate::realm::{any_port, key_pair, port, tcp};
use crate::zmtp::{COMMAND, LONG, MORE, Peer, frame, greeting, property};

/// The folder of the child's keys.
const FOLDER: &str = "MOOR_LINK_HOSTILE_FOLDER";

/// What precedes the child's ports.
const PORTS: &str = "ports ";

/// How long a hostile peer waits for an answer that is not due.
const SILENCE: Duration = Duration::from_millis(10);

fn daemon_key(folder: &Path) -> KeyPair {
    KeyPair::load_or_create(&folder.join("keys").join("daemon.key")).expect("key")
}

fn registry(folder: &Path) -> Registry {
    Registry::open(&folder.join("allowed-hosts")).expect("registry")
}

/// The child's `main`: a link server that echoes, and an enrollment server.
#[test]
#[ignore = "started by the test of this file in a process of its own"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let pair = Arc::new(daemon_key(folder));
    let mut config = ServerConfig::new(
        vec![any_port()],
        vec![any_port()],
        PROTOCOL,
        vec![service()],
    );
    config.security = Security::Curve(Arc::new(ServerKeys {
        pair: Arc::clone(&pair),
        registry: Arc::new(registry(folder)),
        rpc: Domain::Rpc,
        events: Domain::Events,
    }));
    let (sender, requests) = bounded(1000);
    let server = Server::start(config, sender).expect("server");
    let desk = Arc::new(Desk::open(&folder.join("desk")).expect("desk"));
    let config = enrollment::ServerConfig::new(vec![any_port()], pair, PROTOCOL);
    let enrollment = enrollment::Server::start(config, desk).expect("enrollment");
    let bound = server.handle().endpoints().clone();
    let ports = [
        tcp(&bound.rpc),
        tcp(&bound.events),
        &enrollment.endpoints()[0],
    ]
    .map(port);
    println!("{PORTS}{} {} {}", ports[0], ports[1], ports[2]);
    std::io::stdout().flush().expect("stdout");
    for event in requests {
        if let ServerEvent::Request { peer, payload, .. } = event {
            // A peer that is gone gets nothing.
            let _ = server.handle().reply(peer, payload);
        }
    }
}

/// The servers in their process, and an enrolled key pair.
struct Fort {
    folder: tempfile::TempDir,
    child: Child,
    /// RPC, events, enrollment, with the kind of socket that each takes.
    doors: [(u16, &'static str); 3],
    enrolled: Arc<KeyPair>,
    stranger: Arc<KeyPair>,
}

impl Fort {
    fn build() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        daemon_key(folder.path());
        let enrolled = key_pair();
        let now = SystemTime::now();
        registry(folder.path())
            .enroll("telnet-host", "machine", enrolled.public(), now, now)
            .expect("enrolled");
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "hostile::child", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("child");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let ports = lines
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once(PORTS)?.1.to_owned()))
            .expect("the child started");
        let ports: Vec<u16> = ports
            .split(' ')
            .map(|port| port.parse().expect("a port"))
            .collect();
        Self {
            folder,
            child,
            doors: [
                (ports[0], "DEALER"),
                (ports[1], "SUB"),
                (ports[2], "DEALER"),
            ],
            enrolled,
            stranger: key_pair(),
        }
    }

    fn knock(&self, port: u16) -> Peer {
        Peer::connect(port, &daemon_key(self.folder.path()).public())
    }

    /// A peer that came in, with a key that opens the door.
    fn come_in(&self, (port, kind): (u16, &str)) -> Peer {
        let mut peer = self.knock(port);
        peer.join(&self.enrolled, kind);
        peer
    }

    fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        fs::read_dir(folder).map_or(0, Iterator::count)
    }

    fn assert_stands(&mut self, after: &str) {
        if let Some(status) = self.child.try_wait().expect("child") {
            panic!("{after} ended the servers: signal {:?}", status.signal());
        }
    }

    /// An honest host comes in and is answered.
    fn assert_serves(&self) {
        let at = |port| Endpoint::Tcp {
            host: "127.0.0.1".to_owned(),
            port,
        };
        let [(rpc, _), (events, _), _] = self.doors;
        let mut config = ClientConfig::new([at(rpc)], [at(events)], PROTOCOL, node(1), service());
        config.security = ClientSecurity::Curve(Arc::new(ClientKeys {
            pair: Arc::clone(&self.enrolled),
            server: daemon_key(self.folder.path()).public(),
        }));
        let (sender, answers) = bounded(1000);
        let client = Client::start(config, sender).expect("client");
        until_up(&answers);
        client.handle().send(b"well?".to_vec()).expect("up");
        assert_eq!(next(&answers), ClientEvent::Reply(b"well?".to_vec()));
    }
}

impl Drop for Fort {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A frame whose header claims almost all that can be claimed.
const GIANT: [u8; 9] = [
    COMMAND | LONG,
    0x7f,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
];

/// Bytes in the place of a greeting.
fn greetings() -> Vec<Vec<u8>> {
    let mut cases = vec![
        Vec::new(),
        b"\x01\x00\x01\x00".to_vec(),
        vec![0xff; 200],
        [&[0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 0, 5][..], &[0; 60]].concat(),
        [
            &[0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 5][..],
            &[0, 0, 0, 3],
            b"abc",
        ]
        .concat(),
        [&[0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7e, 3, 1][..], &[0; 60]].concat(),
    ];
    for mechanism in [
        &b"NULL"[..],
        b"PLAIN",
        b"GSSAPI",
        b"",
        b"CURVEX",
        &[0xff; 20],
    ] {
        let ready = frame(
            COMMAND,
            &[b"\x05READY", &property("Socket-Type", b"DEALER")[..]].concat(),
        );
        cases.push([greeting(mechanism), ready, frame(0, b"message")].concat());
    }
    cases.push(greeting(b"CURVE")[..20].to_vec());
    cases
}

/// Bytes in the place of a hello.
fn hellos(hello: &[u8]) -> Vec<Vec<u8>> {
    let with = |index: usize, byte: u8| {
        let mut changed = hello.to_vec();
        changed[index] = byte;
        frame(COMMAND, &changed)
    };
    let mut cases: Vec<Vec<u8>> = [0, 1, 6, 199]
        .map(|end| frame(COMMAND, &hello[..end]))
        .into();
    let mut zero_key = hello.to_vec();
    zero_key[80..112].fill(0);
    cases.extend([
        frame(COMMAND, &[hello, b"x"].concat()),
        frame(0, hello),
        frame(COMMAND | MORE, hello),
        frame(!LONG, hello),
        [frame(COMMAND, hello), frame(COMMAND, hello)].concat(),
        frame(COMMAND, &zero_key),
        with(6, 9),
        with(119, 7),
        with(150, 7),
        GIANT.to_vec(),
        frame(COMMAND, &[0xff]),
        frame(COMMAND, b"\x08INITIATE"),
        frame(COMMAND, &[b"\x08INITIATE", &[7; 300][..]].concat()),
        frame(COMMAND, b"\x05READY"),
        frame(COMMAND, b"\x05ERROR\xffno"),
        frame(COMMAND, b"\x04PING\x00\x01context"),
        frame(COMMAND, b"\x09SUBSCRIBE"),
        frame(0, &[b"\x07MESSAGE", &[7; 60][..]].concat()),
        vec![0; 1000],
    ]);
    cases
}

/// Bytes in the place of an initiate, behind a welcome.
fn initiates(peer: &Peer, pair: &KeyPair, kind: &str) -> Vec<Vec<u8>> {
    let kind = property("Socket-Type", kind.as_bytes());
    let right = peer.initiate(pair, pair, &kind);
    let with = |index: usize| {
        let mut changed = right.clone();
        changed[index] ^= 1;
        frame(COMMAND, &changed)
    };
    let of = |metadata: &[u8]| frame(COMMAND, &peer.initiate(pair, pair, metadata));
    let giant = [&[4][..], b"name", &[0xff; 4], b"value"].concat();
    vec![
        frame(COMMAND, &right[..9]),
        frame(COMMAND, &right[..256]),
        frame(COMMAND, &right[..right.len() - 1]),
        with(9),
        with(40),
        with(112),
        with(200),
        frame(COMMAND, &peer.initiate(pair, &key_pair(), &kind)),
        of(b""),
        of(&[0xff]),
        of(&[0xff; 100]),
        of(&giant),
        of(&[0; 100]),
        of(&property("Socket-Type", b"NONSENSE")),
        of(&[
            &kind[..],
            &property("User-Id", b"someone"),
            &property("__fd", b"1"),
        ]
        .concat()),
        of(&[&kind[..], &property("Identity", &[7; 1000])].concat()),
        of(&[&kind[..], &property("Identity", b"\x00\x00\x00\x00\x01")].concat()),
        [frame(COMMAND, &right), frame(COMMAND, &right)].concat(),
        [
            frame(COMMAND, &right),
            frame(0, &[b"\x07MESSAGE", &[7; 60][..]].concat()),
        ]
        .concat(),
        [frame(COMMAND, &right), GIANT.to_vec()].concat(),
        [frame(COMMAND, &peer.hello()), frame(COMMAND, &right)].concat(),
    ]
}

/// Bytes of one who has come in, that end its connection.
fn offences(peer: &mut Peer) -> Vec<Vec<u8>> {
    let message = peer.message(0, b"message");
    let mut forged = peer.message(0, b"message");
    forged[30] ^= 1;
    vec![
        [frame(0, &message), frame(0, &message)].concat(),
        frame(0, &forged),
        frame(0, &message[..31]),
        frame(0, &message[..8]),
        frame(0, b""),
        frame(COMMAND, b"\x05ERROR\x03400"),
        frame(COMMAND, b"\x04PING\x00\x01in the clear"),
        frame(COMMAND, b"\x09SUBSCRIBE"),
        frame(0, &[0xff; 40]),
        GIANT.to_vec(),
    ]
}

/// Bytes of one who has come in, that are in order for CURVE.
fn liberties(peer: &mut Peer) -> Vec<Vec<u8>> {
    let long = [b"\x09SUBSCRIBE", &[7; 1500][..]].concat();
    let mut cases: Vec<Vec<u8>> = [
        (COMMAND, &b""[..]),
        (COMMAND, b"\xff"),
        (COMMAND, b"\xffname"),
        (COMMAND, b"\x04PING"),
        (COMMAND, b"\x04PING\x01"),
        (COMMAND, b"\x04PING\x00\x01"),
        (
            COMMAND,
            b"\x04PING\xff\xffa context that is longer than sixteen",
        ),
        (COMMAND, b"\x04PONGcontext"),
        (COMMAND, &long),
        (COMMAND, b"\x06CANCELnothing"),
        (COMMAND, b"\x04JOINgroup"),
        (COMMAND, b"\x05LEAVEgroup"),
        (COMMAND, b"\x05ERROR"),
        (COMMAND, b"\x05READY"),
        (COMMAND | MORE, b"\x09SUBSCRIBEmore"),
        (0xff, b"all flags"),
        (0, b""),
        (0, b"\x01"),
        (0, b"\x02"),
    ]
    .into_iter()
    .map(|(flags, body)| peer.sealed(flags, body))
    .collect();
    let parts: Vec<Vec<u8>> = (0..1000).map(|_| peer.sealed(MORE, b"part")).collect();
    cases.push(parts.concat());
    cases.push([parts.concat(), peer.sealed(0, b"last")].concat());
    let pings: Vec<Vec<u8>> = (0..500)
        .map(|_| peer.sealed(COMMAND, b"\x04PING\x00\x01ping"))
        .collect();
    cases.push(pings.concat());
    cases
}

fn siege_by_strangers(fort: &mut Fort) {
    for (port, kind) in fort.doors {
        for bytes in greetings() {
            let mut peer = fort.knock(port);
            peer.send(&bytes);
            peer.is_hung_up(SILENCE);
        }
        fort.assert_stands("a greeting");
        for index in 0..hellos(&[0; 200]).len() {
            let mut peer = fort.knock(port);
            peer.greet();
            let hello = peer.hello();
            peer.send(&hellos(&hello)[index]);
            peer.is_hung_up(SILENCE);
        }
        fort.assert_stands("a hello");
        for pair in [&fort.stranger, &fort.enrolled] {
            let mut index = 0;
            loop {
                let mut peer = fort.knock(port);
                peer.be_welcomed();
                let cases = initiates(&peer, pair, kind);
                let Some(bytes) = cases.get(index) else {
                    break;
                };
                peer.send(bytes);
                peer.is_hung_up(SILENCE);
                index += 1;
            }
        }
        fort.assert_stands("an initiate");
    }
}

fn siege_from_inside(fort: &mut Fort) {
    for door in fort.doors {
        let mut probe = fort.come_in(door);
        let (offences_count, liberties_count) =
            (offences(&mut probe).len(), liberties(&mut probe).len());
        for index in 0..offences_count {
            let mut peer = fort.come_in(door);
            let bytes = offences(&mut peer).swap_remove(index);
            peer.send(&bytes);
            assert!(
                peer.is_hung_up(PATIENCE),
                "offence {index} at {door:?} ends its connection"
            );
        }
        fort.assert_stands("an offence");
        for index in 0..liberties_count {
            let mut peer = fort.come_in(door);
            let bytes = liberties(&mut peer).swap_remove(index);
            peer.send(&bytes);
            peer.is_hung_up(SILENCE);
            peer.reset();
        }
        fort.assert_stands("a liberty");
    }
}

/// Floods with pings behind, and connections that break in the middle.
fn floods(fort: &mut Fort) {
    for door in fort.doors {
        for _ in 0..5 {
            let mut peer = fort.come_in(door);
            let mut flood = Vec::new();
            for _ in 0..2000 {
                flood.extend(peer.sealed(0, b"\x01flood"));
            }
            for _ in 0..100 {
                flood.extend(peer.sealed(COMMAND, b"\x04PING\x00\x01flood"));
            }
            peer.send(&flood);
            peer.reset();
        }
        fort.assert_stands("a flood");
    }
}

#[test]
fn hostile_peers_end_nothing_and_leave_nothing() {
    let mut fort = Fort::build();
    let before = fort.descriptors();
    fort.assert_serves();
    siege_by_strangers(&mut fort);
    siege_from_inside(&mut fort);
    floods(&mut fort);
    let until = Instant::now() + PATIENCE;
    while fort.descriptors() > before {
        fort.assert_stands("the end of the siege");
        let left = fort.descriptors() - before;
        assert!(
            Instant::now() < until,
            "{left} descriptors are never closed"
        );
        thread::sleep(Duration::from_millis(20));
    }
    fort.assert_serves();
    fort.assert_stands("all of it");
}
