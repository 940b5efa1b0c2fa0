//! A runtime in this process, with a world, a store in a temporary folder, and one worker thread.
//!
//! In: a textdump; verbs and loops. Out: the processor time of a loop and what it returned. Nothing leaves the process: the only user is
//! a wizard, whose connection is this file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use moor_dump::{CompileOptions, DumpHandles, OnFault};
use moor_runtime::{
    EVAL_TIME_MAX, Evaluated, HostId, InputLine, LineKind, Listener, ListenerId, NewSession,
    Outlet, Runtime, RuntimeConfig, SessionEvent, SessionId, SystemClock, TABLES, WORLD,
    is_builtin,
};
use moor_store::{Options, Store};
use moor_value::{ObjId, STACK_BYTES_MIN, Value};
use moor_world::{Loader, World};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

use crate::Run;
use crate::rows::Row;

const HOST: HostId = HostId([1; 16]);
const SESSION: SessionId = SessionId([2; 16]);

/// Makes the object of the loops, and returns it; no loop may run out of ticks or seconds.
const PREPARE: &str = r#"
    for option in ({"fg_ticks", "fg_seconds"})
        `$server_options.(option) = 2000000000 ! E_PROPNF
            => add_property($server_options, option, 2000000000, {player, "r"})';
    endfor
    load_server_options();
    `player.ownership_quota = 1000000 ! ANY';
    object = create(#1);
    add_property(object, "count", 0, {player, "rw"});
    return object;"#;

/// A running world.
pub(crate) struct Server {
    runtime: Arc<Runtime>,
    store: Option<Store>,
    token: String,
    /// The object of the loops, as a literal.
    object: String,
    _folder: TempDir,
}

impl Server {
    /// Starts with LambdaCore, or with the least world of the tests.
    pub(crate) fn start(core: Option<&Path>, verbs: &BTreeMap<String, String>) -> Self {
        let least = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cases.db");
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let store = import(core.unwrap_or(&least), &folder.path().join("world"));
        let (events, logged_in) = channel();
        let config = RuntimeConfig {
            workers: 1,
            ..RuntimeConfig::default()
        };
        let (outlet, clock) = (Arc::new(Ear(events)), Arc::new(SystemClock::default()));
        let runtime = Runtime::start(config, load(&store), &store, outlet, clock);
        let runtime = runtime.expect("the runtime starts");
        let token = log_in(&runtime, &logged_in);
        let mut server = Self {
            runtime,
            store: Some(store),
            token,
            object: String::new(),
            _folder: folder,
        };
        server.object = server.value(PREPARE).to_literal();
        for (name, code) in verbs {
            server.add_verb(name, code);
        }
        server
    }

    /// Makes a loop a verb, and returns the verb's name.
    pub(crate) fn add_loop(&mut self, row: &Row) -> String {
        let name = format!("loop_{}", row.name);
        self.add_verb(&name, &row.source());
        name
    }

    /// Runs a loop as often as makes `length`, and at least once: the time of one run.
    pub(crate) fn run(&self, verb: &str, n: i64, length: Duration) -> Run {
        let once = self.run_times(verb, n, 1);
        let runs = length.as_secs_f64() / once.time.as_secs_f64().max(1e-9);
        match runs.ceil() as u32 {
            0 | 1 => once,
            runs => self.run_times(verb, n, runs),
        }
    }

    fn run_times(&self, verb: &str, n: i64, runs: u32) -> Run {
        let code = format!(
            "for run in [1..{runs}] value = {}:{verb}({n}); endfor return value;",
            self.object
        );
        let begin = processor_time();
        let value = self.value(&code).to_literal();
        Run {
            time: (processor_time() - begin) / runs,
            value,
        }
    }

    fn add_verb(&self, name: &str, code: &str) {
        let lines: Vec<Value> = code.lines().map(Value::from).collect();
        let compiled = self.value(&format!(
            "add_verb({object}, {{player, \"rxd\", \"{name}\"}}, {{\"this\", \"none\", \"this\"}});
             return set_verb_code({object}, \"{name}\", {lines});",
            object = self.object,
            lines = Value::from(lines).to_literal(),
        ));
        assert_eq!(compiled.to_literal(), "{}", "{name} compiles");
    }

    /// What code of the wizard returns.
    fn value(&self, code: &str) -> Value {
        let (answer, answered) = channel();
        // Nobody waits any more only when the receiver below gave up.
        let sink = Box::new(move |evaluated| drop(answer.send(evaluated)));
        let begun = self.runtime.eval(&self.token, code, EVAL_TIME_MAX, sink);
        begun.expect("the wizard may");
        match answered.recv().expect("every evaluation ends") {
            Evaluated::Value(value) => value,
            other => panic!("{code}\n{other:?}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.runtime.stop(Duration::from_secs(10));
        if let Some(store) = self.store.take() {
            store.close().expect("the store closes");
        }
    }
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

/// Logs the wizard in, as both worlds know, and returns a token.
fn log_in(runtime: &Runtime, logged_in: &Receiver<i64>) -> String {
    let listener = Listener {
        id: ListenerId::MAIN,
        host: Some(HOST),
        handler: ObjId::SYSTEM,
        address: "127.0.0.1".into(),
        port: 7777,
        print_messages: true,
        tls: false,
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
    logged_in
        .recv_timeout(moor_tests::PATIENCE)
        .expect("the wizard logs in");
    let issued = runtime.issue_token(HOST, SESSION);
    issued.expect("a player has tokens").token
}

/// Fills a new store from a textdump. Deeply nested values need a deep stack.
fn import(textdump: &Path, to: &Path) -> Store {
    let bytes = std::fs::read(textdump).expect("a textdump");
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(STACK_BYTES_MIN)
            .spawn_scoped(scope, || import_here(&bytes, to));
        thread.expect("a thread").join().expect("it is imported")
    })
}

fn import_here(bytes: &[u8], to: &Path) -> Store {
    let options = CompileOptions {
        is_builtin: &is_builtin,
        on_fault: OnFault::Refuse,
    };
    let dump = moor_dump::read("world", bytes, &mut DumpHandles::default(), &mut |_| {});
    let import = dump.expect("a textdump").compile(&options);
    let world = import.expect("every program compiles").world;
    let image = world.check().expect("a consistent world");
    let new = Store::create(to, Options::new(&TABLES)).expect("a vacant path");
    new.bulk(|writer| image.rows(|key, value| writer.put(WORLD, key, value)))
        .expect("rows");
    new.finish().expect("a store")
}

fn load(store: &Store) -> Arc<World> {
    let mut loader = Loader::new(store.log(), WORLD);
    store
        .scan(WORLD, |key, value| loader.row(key, value).expect("a row"))
        .expect("a scan");
    loader.finish().expect("a world")
}

/// Time that this process has spent on processors.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
