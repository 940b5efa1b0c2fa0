//! Strangers that only cost: silent connections, giant frames, trickling bytes, garbage, at an encrypted
//! server. Meanwhile an honest host is served, and memory stays where it was.
//!
//! In: raw TCP. Out: how long the honest host took, and how much memory the siege took (printed).

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use moor_link::{Server, raise_open_files};

use crate::ground::{next, until_request, until_up};
use crate::realm::{Realm, port, tcp};

/// Connections of each kind, to each endpoint.
const SILENT: usize = 900;
const GIANTS: usize = 100;
const TRICKLING: usize = 100;

/// What the host may take in a busy run of all tests; alone it takes a few milliseconds.
const SERVED_TIME_MAX: Duration = Duration::from_secs(1);

/// Growth of this process, which holds both sides of each connection.
const GROWTH_BYTES_MAX: u64 = 200 * 1024 * 1024;

/// Signature, version 3.1, mechanism CURVE.
fn greeting() -> Vec<u8> {
    let mut greeting = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
    greeting.extend(b"CURVE");
    greeting.resize(64, 0);
    greeting
}

/// A long command frame that claims 8 GiB.
const GIANT: [u8; 9] = [6, 0, 0, 0, 2, 0, 0, 0, 0];

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("VmRSS");
    let kilobytes = line
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse::<u64>().ok());
    kilobytes.expect("a number") * 1024
}

/// Comes in with a fresh link and gets an answer; how long that took.
fn serve(
    realm: &Realm,
    server: &Server,
    requests: &crossbeam_channel::Receiver<moor_link::ServerEvent>,
) -> Duration {
    let (pair, _) = realm.enroll("telnet-host");
    let start = Instant::now();
    let (client, answers) = realm.client(server, &pair);
    until_up(&answers);
    client.handle().send(b"well?".to_vec()).expect("up");
    let (peer, _) = until_request(requests);
    server.handle().reply(peer, b"well".to_vec()).expect("room");
    assert_eq!(
        next(&answers),
        moor_link::ClientEvent::Reply(b"well".to_vec())
    );
    start.elapsed()
}

fn connect(at: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", at)).expect("connected")
}

#[test]
fn strangers_cost_little_and_keep_nobody_out() {
    raise_open_files().expect("descriptors");
    let realm = Realm::new();
    let (server, requests) = realm.server();
    let bound = server.handle().endpoints().clone();
    let ports = [port(tcp(&bound.rpc)), port(tcp(&bound.events))];
    let peace = serve(&realm, &server, &requests);
    let before = resident_bytes();

    let mut held = Vec::new();
    for at in ports {
        held.extend((0..SILENT / 2).map(|_| connect(at)));
        for _ in 0..GIANTS / 2 {
            let mut giant = connect(at);
            // The server may have hung up in the middle of it.
            let _ = giant.write_all(&greeting());
            let _ = giant.write_all(&GIANT);
            let _ = giant.write_all(&[0; 100_000]);
            held.push(giant);
        }
        let mut garbage = connect(at);
        let noise: Vec<u8> = (0..1_000_000u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let _ = garbage.write_all(&noise);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let trickle = {
        let stop = Arc::clone(&stop);
        let mut streams: Vec<TcpStream> = ports
            .into_iter()
            .flat_map(|at| (0..TRICKLING / 2).map(move |_| connect(at)))
            .collect();
        std::thread::spawn(move || {
            for byte in greeting() {
                for stream in &mut streams {
                    let _ = stream.write_all(&[byte]);
                }
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        })
    };
    let worst = (0..20).map(|_| serve(&realm, &server, &requests)).max();
    let worst = worst.expect("several");
    let growth = resident_bytes().saturating_sub(before);
    stop.store(true, Ordering::Relaxed);
    trickle.join().expect("trickle");
    println!(
        "a new host served within {worst:?} (in peace {peace:?}) among {} connections; {} MiB more",
        held.len() + TRICKLING,
        growth / 1024 / 1024
    );
    assert!(worst < SERVED_TIME_MAX, "{worst:?}");
    assert!(growth < GROWTH_BYTES_MAX, "{growth}");
    assert_eq!(
        server.handle().counts().malformed,
        0,
        "nothing of theirs was a message"
    );
}
