//! Names: `dns:` and `srv:` addresses against a name server of the test's own, asked again at each attempt,
//! every answer tried in turn.
//!
//! In: a table of names, which changes. Out: which server a client reaches.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use moor_link::{Address, ClientEvent, DownReason, NameSource};
use parking_lot::Mutex;

use crate::ground::{next, until_up};
use crate::realm::{Realm, key_pair, next_down, port, tcp};

const A: u16 = 1;
const SRV: u16 = 33;

#[derive(Clone, Debug)]
enum Record {
    A([u8; 4]),
    Srv {
        priority: u16,
        port: u16,
        target: &'static str,
    },
}

type Table = HashMap<&'static str, Vec<Record>>;

/// A name server for one table, over UDP, without compression.
struct Names {
    table: Arc<Mutex<Table>>,
    stop: Arc<AtomicBool>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Names {
    fn serve(table: Table) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
        socket
            .set_read_timeout(Some(Duration::from_millis(20)))
            .expect("timeout");
        let address = socket.local_addr().expect("address");
        let table = Arc::new(Mutex::new(table));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let (table, stop) = (table.clone(), stop.clone());
            std::thread::spawn(move || {
                let mut buffer = [0; 512];
                while !stop.load(Ordering::Relaxed) {
                    if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                        let answer = answer(&buffer[..length], &table.lock());
                        socket.send_to(&answer, from).expect("answer");
                    }
                }
            })
        };
        Self {
            table,
            stop,
            address,
            thread: Some(thread),
        }
    }

    fn source(&self) -> NameSource {
        NameSource::Servers(vec![self.address])
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("name server");
        }
    }
}

fn encode(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut out: Vec<u8> = labels
        .flat_map(|label| std::iter::once(label.len() as u8).chain(label.bytes()))
        .collect();
    out.push(0);
    out
}

/// RFC 1035: header, the question again, the answers.
fn answer(query: &[u8], table: &Table) -> Vec<u8> {
    let mut name = String::new();
    let mut at = 12;
    while query[at] != 0 {
        let label = &query[at + 1..at + 1 + usize::from(query[at])];
        name.push_str(&String::from_utf8_lossy(label).to_ascii_lowercase());
        name.push('.');
        at += 1 + label.len();
    }
    let question = &query[12..at + 5];
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let records = table.get(name.as_str());
    let answers: Vec<Vec<u8>> = records
        .into_iter()
        .flatten()
        .filter_map(|record| match (record, kind) {
            (Record::A(ip), A) => Some(ip.to_vec()),
            (
                Record::Srv {
                    priority,
                    port,
                    target,
                },
                SRV,
            ) => {
                let head = [*priority, 0, *port].map(u16::to_be_bytes).concat();
                Some([head, encode(target)].concat())
            }
            _ => None,
        })
        .collect();
    // Authoritative; NXDOMAIN for a name without any record.
    let code = if records.is_none() { 3 } else { 0 };
    let mut out = query[..2].to_vec();
    out.extend([0x84 | (query[2] & 1), code]);
    out.extend([0, 1]);
    out.extend((answers.len() as u16).to_be_bytes());
    out.extend([0; 4]);
    out.extend(question);
    for data in answers {
        out.extend([0xc0, 12]);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 60]);
        out.extend((data.len() as u16).to_be_bytes());
        out.extend(data);
    }
    out
}

fn address(text: String) -> Vec<Address> {
    vec![text.parse().expect("address")]
}

#[test]
fn every_address_of_a_name_is_tried_until_one_answers() {
    let realm = Realm::new();
    let (server, _requests) = realm.server();
    let (pair, _) = realm.enroll("telnet-host");
    let bound = server.handle().endpoints().clone();
    // Nobody listens at the others.
    let ips = [[127, 0, 0, 9], [127, 0, 0, 8], [127, 0, 0, 1]].map(Record::A);
    let names = Names::serve(HashMap::from([("daemon.moo.", ips.to_vec())]));
    let (_client, answers) = realm.client_with(&server, &pair, |config| {
        config.rpc = address(format!("dns:daemon.moo:{}", port(tcp(&bound.rpc))));
        config.events = address(format!("dns:daemon.moo:{}", port(tcp(&bound.events))));
        config.names = names.source();
    });
    let mut losses = 0;
    loop {
        match next(&answers) {
            ClientEvent::Up { .. } => break,
            ClientEvent::Down {
                reason: DownReason::Unreachable(_),
            } => losses += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(losses <= 2, "each wrong address is tried once: {losses}");
}

#[test]
fn a_name_is_asked_for_again_at_each_attempt() {
    let realm = Realm::new();
    let (server, _requests) = realm.server();
    let (pair, _) = realm.enroll("telnet-host");
    let bound = server.handle().endpoints().clone();
    let names = Names::serve(HashMap::new());
    let (_client, answers) = realm.client_with(&server, &pair, |config| {
        config.rpc = address(format!("tcp://daemon.moo:{}", port(tcp(&bound.rpc))));
        config.events = address(format!("tcp://daemon.moo:{}", port(tcp(&bound.events))));
        config.names = names.source();
    });
    let reason = next_down(&answers);
    let text = reason.to_string();
    assert!(matches!(reason, DownReason::Unresolved { .. }), "{text}");
    assert!(
        text.contains("daemon.moo") && text.contains("no such name"),
        "{text}"
    );
    let at = |ip| HashMap::from([("daemon.moo.", vec![Record::A(ip)])]);
    *names.table.lock() = at([127, 0, 0, 9]);
    while !matches!(next_down(&answers), DownReason::Unreachable(_)) {}
    *names.table.lock() = at([127, 0, 0, 1]);
    until_up(&answers);
}

#[test]
fn a_service_record_leads_to_one_machine_by_priority() {
    let realm = Realm::new();
    let (near, near_requests) = realm.server();
    let (far, _far_requests) = realm.server_with(|config| {
        config.rpc.remove(0);
        config.events.remove(0);
    });
    let (pair, _) = realm.enroll("telnet-host");
    let record = |server: &moor_link::Server, priority, target, rpc: bool| {
        let bound = server.handle().endpoints().clone();
        let endpoints = if rpc { bound.rpc } else { bound.events };
        Record::Srv {
            priority,
            port: port(tcp(&endpoints)),
            target,
        }
    };
    let loopback = || vec![Record::A([127, 0, 0, 1])];
    let names = Names::serve(HashMap::from([
        (
            "_moor._tcp.moo.",
            vec![
                record(&far, 20, "far.moo.", true),
                record(&near, 10, "near.moo.", true),
            ],
        ),
        (
            "_moor-events._tcp.moo.",
            vec![
                record(&far, 20, "far.moo.", false),
                record(&near, 10, "near.moo.", false),
            ],
        ),
        ("near.moo.", loopback()),
        ("far.moo.", loopback()),
    ]));
    let (_client, answers) = realm.client_with(&near, &pair, |config| {
        config.rpc = address("srv:_moor._tcp.moo".to_owned());
        config.events = address("srv:_moor-events._tcp.moo".to_owned());
        config.names = names.source();
    });
    assert_eq!(until_up(&answers), near.handle().instance());
    // The better one goes: the other one is next, with its own events.
    drop((near, near_requests));
    assert_eq!(until_up(&answers), far.handle().instance());
}

#[test]
fn a_name_server_that_does_not_answer_is_told_of() {
    let realm = Realm::new();
    let (server, _requests) = realm.server();
    let silent = UdpSocket::bind("127.0.0.1:0").expect("socket");
    let (_client, answers) = realm.client_with(&server, &key_pair(), |config| {
        config.rpc = address("dns:daemon.moo:7899".to_owned());
        config.events = address("dns:daemon.moo:7898".to_owned());
        config.names = NameSource::Servers(vec![silent.local_addr().expect("address")]);
    });
    let text = next_down(&answers).to_string();
    assert!(text.contains("no name server answered"), "{text}");
}
