//! Real processes that are killed, restarted and stopped. The child is this test program again, told by an
//! environment variable what to be.
//!
//! In: a temporary folder. Out: verdicts on what the other side sees.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use moor_link::{Client, ClientEvent, DownReason, GoneReason, Server, ServerEvent};
use rustix::process::{Pid, Signal, kill_process};

use crate::ground::{
    Ground, PATIENCE, client_config, next, server_config, until, until_joined, until_up,
};

/// `server:FOLDER` or `client:FOLDER`.
const ROLE: &str = "MOOR_LINK_TEST_ROLE";

/// What a child prints when it does its work.
const READY: &str = "ready";

struct Process(Child);

impl Process {
    fn start(role: &str, folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "processes::child", "--ignored", "--nocapture"])
            .env(ROLE, format!("{role}:{}", folder.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("child");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let ready = lines
            .map_while(Result::ok)
            .any(|line| line.ends_with(READY));
        assert!(ready, "the child did not start");
        Self(child)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("signal");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be dead or stopped already; killing ends both.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The child's `main`: an echo server, or a client that only listens, until its input ends.
#[test]
#[ignore = "started by the tests of this file in a process of its own"]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    match role.split_once(':').expect("role") {
        ("server", folder) => serve(Path::new(folder)),
        (_, folder) => listen(Path::new(folder)),
    }
}

fn ready() {
    println!("{READY}");
    std::io::stdout().flush().expect("stdout");
}

fn quick_server_config(folder: &Path) -> moor_link::ServerConfig {
    let mut config = server_config(folder);
    config.heartbeat.interval = Duration::from_millis(100);
    config.heartbeat.misses = 5;
    config
}

fn serve(folder: &Path) {
    let (sender, requests) = bounded(1000);
    let server = Server::start(quick_server_config(folder), sender).expect("server");
    ready();
    for event in requests {
        if let ServerEvent::Request { peer, payload, .. } = event {
            server.handle().reply(peer, payload).expect("reply");
        }
    }
}

fn listen(folder: &Path) {
    let (sender, events) = bounded(1000);
    let _client = Client::start(client_config(folder, 2), sender).expect("client");
    until_up(&events);
    ready();
    events.iter().for_each(drop);
}

fn echo(client: &Client, answers: &crossbeam_channel::Receiver<ClientEvent>, word: &[u8]) {
    client.handle().send(word.to_vec()).expect("up");
    assert_eq!(next(answers), ClientEvent::Reply(word.to_vec()));
}

#[test]
fn a_killed_server_is_noticed_at_once_and_found_again() {
    let ground = Ground::ipc();
    let mut server = Process::start("server", ground.folder());
    let (client, answers) = ground.client(1);
    let mut before = until_up(&answers);
    for round in 0..3u8 {
        echo(&client, &answers, &[round]);
        let killed = Instant::now();
        server.signal(Signal::KILL);
        assert_eq!(
            next(&answers),
            ClientEvent::Down {
                reason: DownReason::Disconnected
            }
        );
        // The heartbeat alone would take 500 ms at the least; a busy machine is given most of that.
        assert!(
            killed.elapsed() < Duration::from_millis(400),
            "{:?}",
            killed.elapsed()
        );
        // Its sockets are still lying there, and are replaced.
        drop(server);
        server = Process::start("server", ground.folder());
        let now = until_up(&answers);
        assert_ne!(now, before);
        before = now;
    }
    echo(&client, &answers, b"back");
}

#[test]
fn a_stopped_server_is_silent_and_a_continued_one_is_up_again() {
    let ground = Ground::ipc();
    let server = Process::start("server", ground.folder());
    let (client, answers) = ground.client(1);
    let before = until_up(&answers);
    server.signal(Signal::STOP);
    assert_eq!(
        next(&answers),
        ClientEvent::Down {
            reason: DownReason::Silent
        }
    );
    assert!(
        client
            .handle()
            .ping_age()
            .is_some_and(|age| age >= Duration::from_millis(400))
    );
    server.signal(Signal::CONT);
    assert_eq!(until_up(&answers), before, "the same run of the server");
    echo(&client, &answers, b"again");
}

#[test]
fn a_killed_client_is_gone_at_once() {
    let ground = Ground::ipc();
    let (_server, requests) =
        ground.server_with(100, |config| config.heartbeat.interval = PATIENCE);
    let client = Process::start("client", ground.folder());
    let peer = until_joined(&requests);
    client.signal(Signal::KILL);
    let ServerEvent::Gone {
        peer: gone, reason, ..
    } = next(&requests)
    else {
        panic!("gone")
    };
    assert_eq!((gone, reason), (peer, GoneReason::Disconnected));
}

#[test]
fn a_stopped_client_is_silent() {
    let ground = Ground::ipc();
    let config = quick_server_config(ground.folder());
    let (_server, requests) = ground.server_with(100, |changed| *changed = config);
    let client = Process::start("client", ground.folder());
    let peer = until_joined(&requests);
    client.signal(Signal::STOP);
    let ServerEvent::Gone {
        peer: gone, reason, ..
    } = next(&requests)
    else {
        panic!("gone")
    };
    assert_eq!((gone, reason), (peer, GoneReason::Silent));
    client.signal(Signal::CONT);
    assert_ne!(until_joined(&requests), peer, "it comes back as another");
}

/// Bytes of memory that this process has in use, from `/proc/self/status`.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("VmRSS");
    let kilobytes: usize = line
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("number");
    kilobytes * 1024
}

/// A process that is stopped holds at most the bound of bytes in flight, however much is sent to it, and
/// nobody else waits for it.
#[test]
fn a_stopped_client_costs_bounded_memory() {
    const IN_FLIGHT: u64 = 8 * 1024 * 1024;
    const EVENT_BYTES: usize = 64 * 1024;
    let ground = Ground::ipc();
    let (server, requests) = ground.server_with(100_000, |config| {
        config.limits.in_flight_bytes_max = IN_FLIGHT;
        config.heartbeat.interval = PATIENCE;
    });
    let stopped = Process::start("client", ground.folder());
    let slow_peer = until_joined(&requests);
    let (_quick, answers) = ground.client(1);
    let quick_peer = until_joined(&requests);
    until_up(&answers);
    stopped.signal(Signal::STOP);
    let before = resident_bytes();
    // 128 MiB to the stopped one.
    for number in 0..2_048u32 {
        server
            .handle()
            .publish(slow_peer, vec![1; EVENT_BYTES])
            .expect("room");
        server
            .handle()
            .publish(quick_peer, number.to_le_bytes().to_vec())
            .expect("room");
        assert_eq!(
            next(&answers),
            ClientEvent::Published(number.to_le_bytes().to_vec())
        );
    }
    let reason = until(&requests, |event| match event {
        ServerEvent::Gone { peer, reason, .. } if peer == slow_peer => Some(reason),
        _ => None,
    });
    assert_eq!(reason, GoneReason::Slow);
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 4 * IN_FLIGHT as usize, "{grown} bytes");
}
