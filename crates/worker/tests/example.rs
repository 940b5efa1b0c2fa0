//! The worker of docs/WORKERS.md as a process, with a server of `moor-link` as its daemon.
//!
//! It runs `examples/wordcount.rs`, which cargo builds with the tests.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use moor_link::{Endpoint, Heartbeat, PeerId, Server, ServerConfig, ServerEvent, ServiceType};
use moor_rpc::{
    PROTOCOL_VERSION, WireValue, WorkerCall, WorkerOrder, WorkerReport, WorkerRequestId, decode,
    encode,
};
use rustix::process::{Pid, Signal, kill_process};

const PATIENCE: Duration = Duration::from_secs(30);

/// Beside the folder of this test's own binary.
fn example() -> PathBuf {
    let own = std::env::current_exe().expect("own path");
    own.ancestors()
        .nth(2)
        .expect("target/debug")
        .join("examples/wordcount")
}

fn endpoint(folder: &Path, name: &str) -> Endpoint {
    Endpoint::ipc(folder.join("moor").join(name)).expect("a short path")
}

struct Daemon {
    server: Server,
    events: Receiver<ServerEvent>,
    peer: Option<PeerId>,
}

impl Daemon {
    fn start(folder: &Path) -> Self {
        let service = ServiceType::new("wordcount-worker").expect("a service");
        let responses = vec![endpoint(folder, "workers-response.sock")];
        let requests = vec![endpoint(folder, "workers-request.sock")];
        let mut config = ServerConfig::new(responses, requests, PROTOCOL_VERSION, vec![service]);
        config.heartbeat = Heartbeat {
            interval: Duration::from_millis(50),
            misses: 100,
        };
        let (sender, events) = bounded(1_000);
        let server = Server::start(config, sender).expect("a server");
        Self {
            server,
            events,
            peer: None,
        }
    }

    fn report(&mut self) -> WorkerReport {
        loop {
            match self
                .events
                .recv_timeout(PATIENCE)
                .expect("a report in time")
            {
                ServerEvent::Joined { peer, .. } => self.peer = Some(peer),
                ServerEvent::Request { payload, .. } => return decode(&payload).expect("a report"),
                _ => {}
            }
        }
    }

    fn ask(&mut self, number: u64, args: WireValue) -> WorkerReport {
        let id = WorkerRequestId(number);
        let order = WorkerOrder::Call(WorkerCall {
            id,
            deadline_ms: 60_000,
            args,
        });
        let payload = encode(&order).expect("it fits");
        self.server
            .handle()
            .publish(self.peer.expect("a worker"), payload)
            .expect("it is there");
        assert_eq!(self.report(), WorkerReport::Accepted(id));
        self.report()
    }
}

struct Worker {
    child: Child,
    health: String,
}

impl Worker {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(example())
            .env_clear()
            .args([
                "--health-check-port",
                "0",
                "--concurrency",
                "3",
                "--drain-timeout",
                "20",
                "--data-dir",
            ])
            .arg(folder.join("data"))
            .args([
                "--workers-request-address",
                &endpoint(folder, "workers-request.sock").to_string(),
            ])
            .args([
                "--workers-response-address",
                &endpoint(folder, "workers-response.sock").to_string(),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let (_, health) = line
            .trim_end()
            .split_once("health=")
            .expect("its health port");
        let health = health.replace("0.0.0.0", "127.0.0.1");
        Self { child, health }
    }

    fn until_healthy(&self) {
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(&self.health).is_err() {
            assert!(Instant::now() < end, "never healthy");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn terminate(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("signalled");
        self.child.wait().expect("waited").code()
    }
}

fn string(text: &str) -> WireValue {
    WireValue::Str(text.to_owned())
}

#[test]
fn the_example_counts_words_and_stops_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let worker = Worker::start(folder.path());
    assert!(
        TcpStream::connect(&worker.health).is_err(),
        "healthy without a daemon"
    );
    let mut daemon = Daemon::start(folder.path());
    assert_eq!(daemon.report(), WorkerReport::Ready { concurrency_max: 3 });
    worker.until_healthy();
    let told = daemon.ask(1, WireValue::List(vec![string("one two\nthree")]));
    let counts = vec![
        (string("lines"), WireValue::Int(2)),
        (string("words"), WireValue::Int(3)),
    ];
    assert_eq!(
        told,
        WorkerReport::Answer {
            id: WorkerRequestId(1),
            result: Ok(WireValue::Map(counts))
        }
    );
    let told = daemon.ask(2, WireValue::List(vec![WireValue::Int(1)]));
    let WorkerReport::Answer {
        result: Err(error), ..
    } = told
    else {
        panic!("{told:?}")
    };
    assert_eq!(error.code, "E_TYPE");
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn help_names_the_flags_and_their_variables() {
    let output = Command::new(example())
        .env_clear()
        .arg("--help")
        .output()
        .expect("it starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    for flag in [
        "--workers-request-address",
        "--workers-response-address",
        "--enrollment-token-file",
        "--data-dir",
        "--health-check-port",
        "--concurrency",
        "--drain-timeout",
        "MOOR_CONCURRENCY",
    ] {
        assert!(text.contains(flag), "{flag} in {text}");
    }
}
