//! The program as a process, with a server of `moor-link` as its daemon: its flags, its exit codes, and a worker that is killed
//! in the middle of a request.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use moor_link::{Endpoint, PeerId, Server, ServerConfig, ServerEvent, ServiceType};
use moor_rpc::{
    PROTOCOL_VERSION, WireValue, WorkerCall, WorkerOrder, WorkerReport, WorkerRequestId, decode,
    encode,
};

use super::support::*;

const PATIENCE: Duration = Duration::from_secs(30);

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_moor-curl-worker"));
    command.env_clear();
    command
}

fn endpoint(folder: &Path, name: &str) -> Endpoint {
    Endpoint::ipc(folder.join("moor").join(name)).expect("a short path")
}

fn start(folder: &Path) -> Child {
    let mut child = command()
        .args([
            "--health-check-port",
            "0",
            "--allow-address",
            "127.0.0.1",
            "--data-dir",
        ])
        .arg(folder.join("data"))
        .args([
            "--workers-request-address",
            &endpoint(folder, "q").to_string(),
        ])
        .args([
            "--workers-response-address",
            &endpoint(folder, "r").to_string(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("a line");
    assert!(
        line.starts_with("moor-curl-worker: started health="),
        "{line}"
    );
    child
}

struct Daemon {
    server: Server,
    events: Receiver<ServerEvent>,
    peer: Option<PeerId>,
}

impl Daemon {
    fn start(folder: &Path) -> Self {
        let service = ServiceType::new("curl-worker").expect("a service");
        let (rpc, events) = (vec![endpoint(folder, "r")], vec![endpoint(folder, "q")]);
        let (sender, receiver) = bounded(1_000);
        let config = ServerConfig::new(rpc, events, PROTOCOL_VERSION, vec![service]);
        Self {
            server: Server::start(config, sender).expect("a server"),
            events: receiver,
            peer: None,
        }
    }

    fn next(&mut self) -> ServerEvent {
        let event = self
            .events
            .recv_timeout(PATIENCE)
            .expect("an event in time");
        if let ServerEvent::Joined { peer, .. } = &event {
            self.peer = Some(*peer);
        }
        event
    }

    fn report(&mut self) -> WorkerReport {
        loop {
            if let ServerEvent::Request { payload, .. } = self.next() {
                return decode(&payload).expect("a report");
            }
        }
    }

    fn call(&self, number: u64, url: &str) {
        let args = list([s("GET"), s(url)]);
        let order = WorkerOrder::Call(WorkerCall {
            id: WorkerRequestId(number),
            deadline_ms: 60_000,
            args,
        });
        let payload = encode(&order).expect("it fits");
        self.server
            .handle()
            .publish(self.peer.expect("a worker"), payload)
            .expect("it is there");
    }
}

#[test]
fn a_killed_worker_answers_nothing_and_its_successor_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let (began, begun) = mpsc::channel();
    let site = Site::start(move |asked| {
        began.send(()).expect("the test is there");
        if asked.path == "/slow" {
            std::thread::sleep(Duration::from_secs(5));
        }
        ok("hello")
    });
    let mut daemon = Daemon::start(folder.path());
    let mut worker = start(folder.path());
    assert!(matches!(daemon.report(), WorkerReport::Ready { .. }));
    daemon.call(1, &site.url("/slow"));
    assert_eq!(daemon.report(), WorkerReport::Accepted(WorkerRequestId(1)));
    begun
        .recv_timeout(PATIENCE)
        .expect("the request is under way");
    worker.kill().expect("killed");
    worker.wait().expect("waited");
    while !matches!(daemon.next(), ServerEvent::Gone { .. }) {}
    let mut worker = start(folder.path());
    assert!(
        matches!(daemon.report(), WorkerReport::Ready { .. }),
        "nothing of the former"
    );
    daemon.call(2, &site.url("/"));
    assert_eq!(daemon.report(), WorkerReport::Accepted(WorkerRequestId(2)));
    let told = daemon.report();
    let WorkerReport::Answer {
        id: WorkerRequestId(2),
        result: Ok(WireValue::Map(_)),
    } = told
    else {
        panic!("{told:?}")
    };
    worker.kill().expect("killed");
    worker.wait().expect("waited");
}

#[test]
fn help_says_what_is_not_used() {
    let output = command().arg("--help").output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(
        text.starts_with("Make HTTP requests for the world"),
        "{text}"
    );
    for word in [
        "--rpc-address",
        "not used",
        "--allow-address",
        "--deny-address",
        "--allow-private",
        "--allow-port",
        "MOOR_CA_FILE",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
}

#[test]
fn mistakes_end_the_program_with_the_mend() {
    for (args, mend) in [
        (["--ca-file", "/no/such/file"], "--ca-file /no/such/file"),
        (["--allow-address", "home"], "10.1.0.0/16"),
        (["--concurrency", "0"], "--concurrency"),
        (
            ["--workers-request-address", "tcp://127.0.0.1"],
            "missing port; write tcp://127.0.0.1:7896",
        ),
    ] {
        let output = command().args(args).output().expect("it starts");
        let text = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(mend), "{text}");
    }
}
