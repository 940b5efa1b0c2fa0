//! The loop with a real link: a server of `moor-link` stands for the daemon.

use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, bounded};
use moor_link::{
    Client, ClientConfig, ClientHandle, Endpoint, NodeId, PeerId, Retry, Server, ServerConfig,
    ServerEvent, ServiceType,
};
use moor_rpc::{PROTOCOL_VERSION, WorkerCall, WorkerCancel, WorkerReport, encode};
use tokio::sync::{Notify, Semaphore};

use super::*;

/// Longer than anything takes on a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

impl Way for ClientHandle {
    fn send(&self, payload: Vec<u8>) -> Result<(), SendError> {
        Self::send(self, payload)
    }
}

/// The daemon's end.
struct Daemon {
    server: Server,
    events: Receiver<ServerEvent>,
    /// The worker's latest connection.
    peer: Option<PeerId>,
}

impl Daemon {
    fn start(folder: &std::path::Path) -> Self {
        let [responses, requests] = endpoints(folder);
        let (sender, events) = bounded(1_000);
        let config = ServerConfig::new(
            vec![responses],
            vec![requests],
            PROTOCOL_VERSION,
            vec![service()],
        );
        let server = Server::start(config, sender).expect("a server");
        Self {
            server,
            events,
            peer: None,
        }
    }

    fn order(&self, order: &WorkerOrder) {
        let peer = self.peer.expect("a worker");
        let payload = encode(order).expect("it fits");
        self.server
            .handle()
            .publish(peer, payload)
            .expect("it is there");
    }

    fn call(&self, number: u64, args: i64) {
        self.call_within(number, args, 60_000);
    }

    fn call_within(&self, number: u64, args: i64, deadline_ms: u32) {
        let (id, args) = (WorkerRequestId(number), WireValue::Int(args));
        self.order(&WorkerOrder::Call(WorkerCall {
            id,
            deadline_ms,
            args,
        }));
    }

    /// The next report, over whichever connection.
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

    fn ready(&mut self) -> u32 {
        match self.report() {
            WorkerReport::Ready { concurrency_max } => concurrency_max,
            other => panic!("{other:?} before it is ready"),
        }
    }

    fn accepted(&mut self, number: u64) {
        assert_eq!(
            self.report(),
            WorkerReport::Accepted(WorkerRequestId(number))
        );
    }

    fn answer(&mut self, number: u64) -> Outcome {
        match self.report() {
            WorkerReport::Answer { id, result } if id.0 == number => result,
            other => panic!("{other:?}, not the answer of {number}"),
        }
    }
}

fn service() -> ServiceType {
    ServiceType::new("test-worker").expect("a service")
}

fn endpoints(folder: &std::path::Path) -> [Endpoint; 2] {
    ["responses", "requests"]
        .map(|name| Endpoint::ipc(folder.join("moor").join(name)).expect("a short path"))
}

/// A worker and its daemon, in a folder.
struct Bench {
    folder: tempfile::TempDir,
    daemon: Daemon,
    client: Client,
    drain: Drain,
    service: tokio::task::JoinHandle<()>,
}

impl Bench {
    /// Starts both and reads the first report. `limit` is the drain's.
    fn start(concurrency: usize, limit: Duration, worker: impl Worker) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let daemon = Daemon::start(folder.path());
        let (responses, requests) = endpoints(folder.path()).into();
        let node = NodeId([1; 16]);
        let mut config =
            ClientConfig::new([responses], [requests], PROTOCOL_VERSION, node, service());
        config.retry = Some(Retry {
            first: Duration::from_millis(5),
            max: Duration::from_millis(50),
        });
        let (ear, events) = mpsc::channel(100);
        let client = Client::start(config, ear).expect("a client");
        let drain = Drain::new(limit);
        let service = Service::new("test", concurrency, worker, client.handle());
        let service = tokio::spawn(service.run(events, drain.clone()));
        let mut bench = Self {
            folder,
            daemon,
            client,
            drain,
            service,
        };
        assert_eq!(bench.daemon.ready(), concurrency as u32);
        bench
    }
}

fn int(outcome: Outcome) -> i64 {
    match outcome {
        Ok(WireValue::Int(number)) => number,
        other => panic!("{other:?}"),
    }
}

fn arg(call: &Call) -> i64 {
    match call.args {
        WireValue::Int(number) => number,
        ref other => panic!("{other:?}"),
    }
}

async fn double(call: Call) -> Outcome {
    Ok(WireValue::Int(2 * arg(&call)))
}

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_answered() {
    let mut bench = Bench::start(4, LIMIT, double);
    for number in 1..=20 {
        bench.daemon.call(number, number as i64);
        bench.daemon.accepted(number);
        assert_eq!(int(bench.daemon.answer(number)), 2 * number as i64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_one_call_and_garbage_none() {
    let worker = |call: Call| async move {
        assert_ne!(arg(&call), 13, "a panic, as it should be");
        double(call).await
    };
    let mut bench = Bench::start(1, LIMIT, worker);
    let peer = bench.daemon.peer.expect("a worker");
    bench
        .daemon
        .server
        .handle()
        .publish(peer, vec![0xff; 100])
        .expect("it is there");
    bench.daemon.call(1, 13);
    bench.daemon.accepted(1);
    let error = bench.daemon.answer(1).expect_err("a panic is no answer");
    assert_eq!(error.code, "E_EXEC");
    assert!(error.message.starts_with("defect"), "{error}");
    bench.daemon.call(2, 4);
    bench.daemon.accepted(2);
    assert_eq!(int(bench.daemon.answer(2)), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_does_not_outlive_its_deadline() {
    let worker = |_: Call| std::future::pending::<Outcome>();
    let mut bench = Bench::start(1, LIMIT, worker);
    bench.daemon.call_within(1, 0, 20);
    bench.daemon.accepted(1);
    assert_eq!(bench.daemon.answer(1), Err(late()));
    assert!(!bench.service.is_finished() && bench.client.handle().is_up());
}

/// Says so when it is dropped.
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_call_is_stopped_and_makes_room() {
    let dropped = Arc::new(Notify::new());
    let worker = {
        let dropped = dropped.clone();
        move |call: Call| {
            let guard = Dropped(dropped.clone());
            async move {
                if arg(&call) == 0 {
                    std::future::pending::<()>().await;
                }
                drop(guard);
                double(call).await
            }
        }
    };
    let mut bench = Bench::start(1, LIMIT, worker);
    bench.daemon.call(1, 0);
    bench.daemon.accepted(1);
    bench.daemon.call(2, 4);
    bench.daemon.accepted(2);
    bench.daemon.order(&WorkerOrder::Cancel(WorkerCancel {
        id: WorkerRequestId(1),
    }));
    tokio::time::timeout(PATIENCE, dropped.notified())
        .await
        .expect("the call is stopped");
    assert_eq!(int(bench.daemon.answer(2)), 8);
}

/// Counts its calls and answers when it is let.
fn gated() -> (Arc<AtomicUsize>, Arc<Semaphore>, impl Worker) {
    let (ran, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let worker = {
        let (ran, gate) = (ran.clone(), gate.clone());
        move |call: Call| {
            let (ran, gate) = (ran.clone(), gate.clone());
            async move {
                ran.fetch_add(1, Ordering::SeqCst);
                gate.acquire().await.expect("never closed").forget();
                double(call).await
            }
        }
    };
    (ran, gate, worker)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_outlives_a_break_of_the_link_and_runs_once() {
    let (ran, gate, worker) = gated();
    let mut bench = Bench::start(1, LIMIT, worker);
    bench.daemon.call(1, 4);
    bench.daemon.accepted(1);
    let peer = bench.daemon.peer.expect("a worker");
    bench
        .daemon
        .server
        .handle()
        .disconnect(peer)
        .expect("asked");
    assert_eq!(bench.daemon.ready(), 1, "it is back");
    assert_ne!(bench.daemon.peer, Some(peer));
    bench.daemon.accepted(1);
    // The daemon is not sure that the first one arrived.
    bench.daemon.call(1, 4);
    bench.daemon.accepted(1);
    gate.add_permits(1);
    assert_eq!(int(bench.daemon.answer(1)), 8);
    // Nor that the answer did: a new link brings it again, and a repeated call does.
    let peer = bench.daemon.peer.expect("a worker");
    bench
        .daemon
        .server
        .handle()
        .disconnect(peer)
        .expect("asked");
    assert_eq!(bench.daemon.ready(), 1);
    assert_eq!(int(bench.daemon.answer(1)), 8);
    bench.daemon.call(1, 4);
    assert_eq!(int(bench.daemon.answer(1)), 8);
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_run_of_the_daemon_gets_nothing_of_the_former() {
    let (ran, gate, worker) = gated();
    let mut bench = Bench::start(1, LIMIT, worker);
    bench.daemon.call(1, 4);
    bench.daemon.accepted(1);
    bench.daemon.server.shutdown();
    bench.daemon = Daemon::start(bench.folder.path());
    assert_eq!(bench.daemon.ready(), 1);
    gate.add_permits(1);
    // The place of the former call is free, and the first thing that is heard is the new one.
    bench.daemon.call(2, 5);
    bench.daemon.accepted(2);
    assert_eq!(int(bench.daemon.answer(2)), 10);
    assert_eq!(ran.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_finishes_what_runs_and_takes_nothing_new() {
    let (_, gate, worker) = gated();
    let mut bench = Bench::start(1, LIMIT, worker);
    bench.daemon.call(1, 4);
    bench.daemon.accepted(1);
    bench.drain.begin();
    assert_eq!(bench.daemon.ready(), 0);
    bench.daemon.call(2, 5);
    assert_eq!(
        bench.daemon.report(),
        WorkerReport::Rejected(WorkerRequestId(2))
    );
    gate.add_permits(1);
    assert_eq!(int(bench.daemon.answer(1)), 8);
    let ended = tokio::time::timeout(PATIENCE, bench.service).await;
    ended.expect("it ends by itself").expect("without a panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_does_not_wait_for_ever() {
    let worker = |_: Call| std::future::pending::<Outcome>();
    let mut bench = Bench::start(1, Duration::from_millis(400), worker);
    for number in 1..=2 {
        bench.daemon.call(number, 4);
        bench.daemon.accepted(number);
    }
    bench.drain.begin();
    assert_eq!(bench.daemon.ready(), 0);
    for _ in 1..=2 {
        let WorkerReport::Answer {
            result: Err(error), ..
        } = bench.daemon.report()
        else {
            panic!("an answer")
        };
        assert!(error.message.starts_with("stopped"), "{error}");
    }
    let ended = tokio::time::timeout(PATIENCE, bench.service).await;
    ended.expect("it ends by itself").expect("without a panic");
}
