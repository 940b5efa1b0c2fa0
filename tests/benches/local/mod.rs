//! A server inside the process of a benchmark or test: a runtime with a world and a store in a temporary folder.
//!
//! In: a textdump, a number of worker threads; code of a wizard. Out: what the code returned. Nothing leaves the process: the only user is
//! the wizard, whose connection is this file.
// Each program uses its part.
#![allow(dead_code)]

pub(crate) mod data;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use moor_runtime::{
    EVAL_TIME_MAX, EvalSink, Evaluated, HostId, InputLine, LineKind, Listener, ListenerId,
    NewSession, Outlet, Runtime, RuntimeConfig, SessionEvent, SessionId, SystemClock,
};
use moor_store::Store;
use moor_value::{ObjId, Value};
use moor_world::World;
use tempfile::TempDir;

const HOST: HostId = HostId([1; 16]);
const SESSION: SessionId = SessionId([2; 16]);

/// Tasks get so many ticks and seconds that none runs out of them.
const LIMITS: &str = r#"
    for option in ({"fg_ticks", "fg_seconds"})
        `$server_options.(option) = 2000000000 ! E_PROPNF
            => add_property($server_options, option, 2000000000, {player, "r"})';
    endfor
    load_server_options();
    `player.ownership_quota = 1000000 ! ANY';"#;

/// The least world: a wizard can log in.
pub(crate) fn least_world() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/cases.db"))
}

/// A running server.
pub(crate) struct Local {
    runtime: Arc<Runtime>,
    world: Arc<World>,
    store: Option<Store>,
    token: String,
    _folder: TempDir,
}

impl Local {
    /// Starts with a world in which `connect wizard` logs a wizard in, and takes its limits away.
    pub(crate) fn start(textdump: &Path, workers: usize) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let store = data::import(textdump, &folder.path().join("world"));
        let world = data::load(&store);
        let (events, logged_in) = channel();
        let config = RuntimeConfig {
            workers,
            ..RuntimeConfig::default()
        };
        let (outlet, clock) = (Arc::new(Ear(events)), Arc::new(SystemClock::default()));
        let runtime = Runtime::start(config, world.clone(), &store, outlet, clock);
        let runtime = runtime.expect("the runtime starts");
        let token = log_in(&runtime, &logged_in);
        let server = Self {
            runtime,
            world,
            store: Some(store),
            token,
            _folder: folder,
        };
        server.value(LIMITS);
        server
    }

    /// The world, for what it counts.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// What code of the wizard returns.
    pub(crate) fn value(&self, code: &str) -> Value {
        let (answer, answered) = channel();
        // Nobody waits any more only when the receiver below gave up.
        self.begin(
            code,
            Box::new(move |evaluated| drop(answer.send(evaluated))),
        );
        match answered.recv().expect("every evaluation ends") {
            Evaluated::Value(value) => value,
            other => panic!("{code}\n{other:?}"),
        }
    }

    /// Runs code of the wizard as a task of its own; `sink` hears its end once that is durable.
    pub(crate) fn begin(&self, code: &str, sink: EvalSink) {
        let begun = self.runtime.eval(&self.token, code, EVAL_TIME_MAX, sink);
        begun.expect("the wizard may");
    }

    /// Gives an object, named as in code, a verb that other verbs call.
    pub(crate) fn add_verb(&self, object: &str, name: &str, code: &str) {
        let lines: Vec<Value> = code.lines().map(Value::from).collect();
        let compiled = self.value(&format!(
            "add_verb({object}, {{player, \"rxd\", \"{name}\"}}, {{\"this\", \"none\", \"this\"}});
             return set_verb_code({object}, \"{name}\", {lines});",
            lines = Value::from(lines).to_literal(),
        ));
        assert_eq!(compiled.to_literal(), "{}", "{name} compiles");
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.runtime.stop(Duration::from_secs(10));
        if let Some(store) = self.store.take() {
            store.close().expect("the store closes");
        }
    }
}

/// The way out to users, of whom there are none.
pub(crate) fn nobody() -> Arc<dyn Outlet> {
    Arc::new(Ear(channel().0))
}

/// Tells who has logged in.
struct Ear(Sender<i64>);

impl Outlet for Ear {
    fn events(&self, _: HostId, _: SessionId, _: u64, events: Vec<SessionEvent>) {
        for event in events {
            if let SessionEvent::LoggedIn(player) = event {
                // Nobody listens any more once the wizard is there.
                let _ = self.0.send(player);
            }
        }
    }

    fn listen(&self, _: HostId, _: &Listener) {}
    fn unlisten(&self, _: HostId, _: ListenerId) {}
    fn shutdown(&self, _: &str) {}
    fn checkpoint(&self) {}
    fn disk_bytes(&self) -> Option<u64> {
        None
    }
}

/// Logs the wizard in, as every world of these programs knows, and returns a token.
fn log_in(runtime: &Runtime, logged_in: &Receiver<i64>) -> String {
    let listener = Listener {
        id: ListenerId::MAIN,
        host: Some(HOST),
        handler: ObjId::SYSTEM,
        address: "127.0.0.1".into(),
        port: 7777,
        print_messages: true,
        tls: None,
        ipv6: false,
        serves_programs: true,
    };
    runtime.report_listeners(HOST, &[listener]);
    let session = NewSession {
        id: SESSION,
        listener: ListenerId::MAIN,
        peer_address: "127.0.0.1".into(),
        peer_port: 40_000,
        hostname: None,
        local_address: "127.0.0.1".into(),
        local_port: 7777,
        tls: None,
        token: None,
        outbound: false,
    };
    runtime.open_session(HOST, session).expect("a session");
    let line = InputLine {
        number: Some(1),
        kind: LineKind::Text,
        text: "connect wizard".into(),
    };
    runtime.line(HOST, SESSION, line, 0);
    if runtime.burst_is_over() {
        runtime.run_one();
    }
    logged_in
        .recv_timeout(moor_tests::PATIENCE)
        .expect("the wizard logs in");
    let issued = runtime.issue_token(HOST, SESSION);
    issued.expect("a player has tokens").token
}
