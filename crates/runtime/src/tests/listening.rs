//! A world whose outlet is heard: what it says comes by channels, and what an operator does is counted.
//!
//! In: programs to run as tasks of the real queue. Out: calls for workers, events of sessions, answers; a clock that
//! is put forward.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use moor_value::Value;

use super::fixture::{Server, Who};
use crate::{
    Clock, Dial, Evaluated, HostId, InputLine, Listener, ListenerId, NodeInfo, Operator,
    OperatorError, Outlet, PeerInfo, RuntimeConfig, SessionEvent, SessionId, SystemClock,
    TokenInfo, TokenSpec, WorkerCall, WorkerInfo, WorkerRequestId,
};

/// How long a test waits for something that must come.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What the world said.
#[derive(Debug)]
pub(super) enum Heard {
    Call(WorkerCall),
    Cancel(WorkerRequestId),
    Dial(HostId, Dial),
    Events(SessionId, Vec<SessionEvent>),
}

/// A world with its ear.
pub(super) struct Listening {
    pub(super) server: Server,
    pub(super) clock: Arc<TestClock>,
    pub(super) ear: Arc<Ear>,
    heard: Receiver<Heard>,
}

/// The operating system's clock, put forward.
pub(super) struct TestClock {
    system: SystemClock,
    ahead_ms: AtomicU64,
}

/// The outlet.
pub(super) struct Ear {
    said: Mutex<Sender<Heard>>,
    pub(super) desk: Desk,
}

/// The operator's part: it counts.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) made: AtomicUsize,
    pub(super) specs: Mutex<Vec<TokenSpec>>,
}

impl Listening {
    pub(super) fn new() -> Self {
        let (said, heard) = channel();
        let ear = Arc::new(Ear {
            said: Mutex::new(said),
            desk: Desk::default(),
        });
        let clock = Arc::new(TestClock {
            system: SystemClock::default(),
            ahead_ms: AtomicU64::new(0),
        });
        let server = Server::with(ear.clone(), clock.clone());
        Self {
            server,
            clock,
            ear,
            heard,
        }
    }

    /// The daemon ends and is started again; what it said and nobody heard is forgotten.
    pub(super) fn restart(&mut self) {
        self.restart_with(RuntimeConfig::default());
    }

    /// The same, with what the configuration says of the start.
    pub(super) fn restart_with(&mut self, config: RuntimeConfig) {
        let (said, heard) = channel();
        *self.ear.said.lock().expect("not poisoned") = said;
        self.heard = heard;
        let (ear, clock) = (self.ear.clone(), self.clock.clone());
        self.server.restart(ear, clock, config);
    }

    /// Puts the clock forward, and lets waiting threads look at it.
    pub(super) fn pass(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).expect("not so long");
        self.clock.ahead_ms.fetch_add(ms, Ordering::SeqCst);
        self.server.runtime.call_system_hook("nothing", Vec::new());
    }

    /// Runs source as a task; its answer comes by the channel.
    pub(super) fn eval(&self, who: Who, source: &str) -> Receiver<Evaluated> {
        let token = self
            .server
            .runtime
            .token_of(who.object())
            .expect("a player");
        let (answer, answers) = channel();
        let sink = Box::new(move |ended| answer.send(ended).expect("the test listens"));
        self.server
            .runtime
            .eval(&token.token, source, Duration::from_secs(60), sink)
            .expect("it begins");
        answers
    }

    /// What source returns.
    pub(super) fn value(&self, who: Who, source: &str) -> String {
        literal(&answer(&self.eval(who, source)))
    }

    /// The next call for a worker.
    pub(super) fn call(&self) -> WorkerCall {
        loop {
            match self.next() {
                Heard::Call(call) => return call,
                Heard::Events(..) => {}
                other => panic!("{other:?} instead of a call"),
            }
        }
    }

    /// The next wish for a connection.
    pub(super) fn dial(&self) -> (HostId, Dial) {
        loop {
            match self.next() {
                Heard::Dial(host, dial) => return (host, dial),
                Heard::Events(..) => {}
                other => panic!("{other:?} instead of a wish for a connection"),
            }
        }
    }

    /// The next request that is called off.
    pub(super) fn cancel(&self) -> WorkerRequestId {
        loop {
            match self.next() {
                Heard::Cancel(id) => return id,
                Heard::Events(..) => {}
                other => panic!("{other:?} instead of a cancellation"),
            }
        }
    }

    /// A host passes on a line that came alone.
    pub(super) fn line(&self, host: HostId, session: SessionId, line: InputLine) {
        let runtime = &self.server.runtime;
        runtime.line(host, session, line, 0);
        if runtime.burst_is_over() {
            runtime.run_one();
        }
    }

    /// The events of a session until one fits.
    pub(super) fn events_until(
        &self,
        session: SessionId,
        fits: impl Fn(&SessionEvent) -> bool,
    ) -> Vec<SessionEvent> {
        let mut all = Vec::new();
        while !all.iter().any(&fits) {
            match self.next() {
                Heard::Events(id, events) if id == session => all.extend(events),
                Heard::Events(..) => {}
                other => panic!("{other:?} instead of events"),
            }
        }
        all
    }

    /// Whether nothing but events was said since.
    pub(super) fn is_silent(&self) -> bool {
        self.heard
            .try_iter()
            .all(|heard| matches!(heard, Heard::Events(..)))
    }

    fn next(&self) -> Heard {
        self.heard
            .recv_timeout(PATIENCE)
            .expect("something is said")
    }
}

/// The answer of an evaluation.
pub(super) fn answer(answers: &Receiver<Evaluated>) -> Evaluated {
    answers.recv_timeout(PATIENCE).expect("an answer")
}

/// An answer as a literal.
pub(super) fn literal(answer: &Evaluated) -> String {
    match answer {
        Evaluated::Value(value) => value.to_literal(),
        other => format!("{other:?}"),
    }
}

/// A literal value's list.
pub(super) fn list(values: impl IntoIterator<Item = Value>) -> Value {
    Value::List(values.into_iter().collect())
}

impl Clock for TestClock {
    fn wall(&self) -> Duration {
        self.system.wall() + self.ahead()
    }

    fn steady(&self) -> Duration {
        self.system.steady() + self.ahead()
    }
}

impl TestClock {
    fn ahead(&self) -> Duration {
        Duration::from_millis(self.ahead_ms.load(Ordering::SeqCst))
    }
}

impl Ear {
    fn say(&self, heard: Heard) {
        // At the end of a test nobody listens any more.
        let _ = self.said.lock().expect("not poisoned").send(heard);
    }
}

impl Outlet for Ear {
    fn events(&self, _: HostId, session: SessionId, _: u64, events: Vec<SessionEvent>) {
        self.say(Heard::Events(session, events));
    }
    fn listen(&self, _: HostId, _: &Listener) {}
    fn unlisten(&self, _: HostId, _: ListenerId) {}
    fn shutdown(&self, _: &str) {}
    fn checkpoint(&self) {}
    fn disk_bytes(&self) -> Option<u64> {
        None
    }
    fn dial(&self, host: HostId, dial: &Dial) {
        self.say(Heard::Dial(host, dial.clone()));
    }
    fn worker_request(&self, call: WorkerCall) {
        self.say(Heard::Call(call));
    }
    fn worker_cancel(&self, id: WorkerRequestId) {
        self.say(Heard::Cancel(id));
    }
    fn workers(&self) -> Vec<WorkerInfo> {
        vec![WorkerInfo {
            kind: "echo".to_owned(),
            node: "n".to_owned(),
            since: Duration::from_secs(7),
            in_flight: 1,
            concurrency_max: 8,
        }]
    }
    fn nodes(&self) -> Vec<NodeInfo> {
        vec![node()]
    }
    fn operator(&self) -> Option<&dyn Operator> {
        Some(&self.desk)
    }
}

/// A node.
pub(super) fn node() -> NodeInfo {
    NodeInfo {
        node: "n".to_owned(),
        service: "echo-worker".to_owned(),
        hostname: None,
        since: Duration::from_secs(7),
    }
}

impl Operator for Desk {
    fn rotate_token(&self) -> Result<String, OperatorError> {
        let number = self.made.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(format!("default-{number}"))
    }
    fn create_token(&self, spec: TokenSpec) -> Result<String, OperatorError> {
        if spec.service.as_deref() == Some("cow") {
            return Err(OperatorError::Refused("there is no service cow".to_owned()));
        }
        self.specs.lock().expect("not poisoned").push(spec);
        let number = self.made.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(format!("token-{number}"))
    }
    fn tokens(&self) -> Result<Vec<TokenInfo>, OperatorError> {
        let bounded = TokenInfo {
            id: "a".to_owned(),
            service: Some("curl-worker".to_owned()),
            uses_left: Some(1),
            created_at: Duration::from_secs(1),
            expires_at: Some(Duration::from_secs(2)),
        };
        let unbounded = TokenInfo {
            id: "b".to_owned(),
            service: None,
            uses_left: None,
            expires_at: None,
            ..bounded.clone()
        };
        Ok(vec![bounded, unbounded])
    }
    fn revoke_token(&self, id: &str) -> Result<(), OperatorError> {
        match id {
            "a" => Ok(()),
            _ => Err(OperatorError::Unknown {
                what: "enrollment token",
                name: id.to_owned(),
            }),
        }
    }
    fn peers(&self) -> Result<Vec<PeerInfo>, OperatorError> {
        Ok(vec![PeerInfo {
            uuid: "u".to_owned(),
            service: "telnet-host".to_owned(),
            hostname: "h".to_owned(),
            key: "k".to_owned(),
            enrolled_at: Duration::from_secs(3),
        }])
    }
    fn revoke_peer(&self, uuid: &str) -> Result<(), OperatorError> {
        match uuid {
            "u" => Ok(()),
            _ => Err(OperatorError::Failed("no disk".to_owned())),
        }
    }
}
