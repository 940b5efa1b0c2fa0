//! A runtime over a new store in a temporary folder, and programs that run in it.
//!
//! In: source, and whose it is. Out: what it returned or raised, after its commit.

use std::sync::Arc;

use moor_files::executables::Executables;
use moor_store::{Options, Store};
use moor_value::{ErrorCode, ObjId, Str, Value};
use moor_vm::{Command, Outcome, Start, Uncaught, Vm};
use moor_world::{Loader, ObjectFlags, ObjectImage, PropFlags, PropImage, World, WorldImage};
use tempfile::TempDir;

use super::object_text::FewWords;
use crate::program;
use crate::stretch::{Refused, Stretch};
use crate::{
    Clock, HostId, Listener, ListenerId, Outlet, Runtime, RuntimeConfig, SessionEvent, SessionId,
    SystemClock, TABLES, WORLD,
};

/// Where the executables of a world are.
const EXECUTABLES: &str = "executables";

/// A player of the test world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// `#2`.
    Wizard,
    /// `#3`.
    Programmer,
    /// `#4`.
    Player,
}

impl Who {
    /// By the word that cases use.
    pub(super) fn named(word: &str) -> Option<Self> {
        match word {
            "wizard" => Some(Self::Wizard),
            "programmer" => Some(Self::Programmer),
            "player" => Some(Self::Player),
            _ => None,
        }
    }

    pub(super) fn object(self) -> ObjId {
        match self {
            Self::Wizard => ObjId(2),
            Self::Programmer => ObjId(3),
            Self::Player => ObjId(4),
        }
    }
}

/// How a program ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// It returned this.
    Returned(Value),
    /// An error went uncaught.
    Raised(Box<Uncaught>),
    /// It was ended from outside.
    Aborted,
}

/// A running world.
pub(super) struct Server {
    pub(super) runtime: Arc<Runtime>,
    store: Option<Store>,
    folder: TempDir,
}

impl Server {
    /// The usual world with the usual clock, heard by nobody.
    pub(super) fn new() -> Self {
        Self::with(Arc::new(Silent), Arc::new(SystemClock::default()))
    }

    /// A world of `#0`, the fertile root `#1` (`$root`), three players and `$server_options`.
    pub(super) fn with(outlet: Arc<dyn Outlet>, clock: Arc<dyn Clock>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = filled(&folder);
        let runtime = started(&store, &folder, outlet, clock, RuntimeConfig::default());
        Self {
            runtime,
            store: Some(store),
            folder,
        }
    }

    /// Stops, and starts again on the same data, with what the configuration says of the start.
    pub(super) fn restart(
        &mut self,
        outlet: Arc<dyn Outlet>,
        clock: Arc<dyn Clock>,
        config: RuntimeConfig,
    ) {
        self.runtime.stop(std::time::Duration::from_secs(10));
        let store = self.store.take().expect("it was open");
        store.close().expect("the store closes");
        let path = self.folder.path().join("world");
        let store = Store::open(&path, Options::new(&TABLES)).expect("it opens again");
        self.runtime = started(&store, &self.folder, outlet, clock, config);
        self.store = Some(store);
    }

    /// What a program of the world is run with.
    pub(super) fn start_of(who: Who, source: &str) -> Start {
        let (_, program) = match program::canonical(source, moor_compiler::Features::default()) {
            Ok(compiled) => compiled,
            Err(errors) => panic!("{source}\n{errors}"),
        };
        let player = who.object();
        Start {
            verb: program::code_without_verb(program, player),
            this: Value::Obj(player),
            called_as: Str::EMPTY,
            args: Vec::new(),
            player,
            caller: Value::Obj(player),
            command: Command::default(),
        }
    }

    /// The folder of executables.
    pub(super) fn executables(&self) -> std::path::PathBuf {
        self.folder.path().join(EXECUTABLES)
    }

    /// Adds an executable, or replaces it: lines of a shell.
    pub(super) fn add_executable(&self, name: &str, script: &str) {
        let path = self.executables().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&path, mode).expect("its mode");
    }

    /// Runs source like the code of a verb that `who` wrote and calls, until its commit. A task
    /// that waits goes on at once.
    pub(super) fn run(&self, who: Who, source: &str) -> Ended {
        self.run_machine(Vm::new(Self::start_of(who, source)))
    }

    /// As [`run`](Self::run), a machine.
    pub(super) fn run_machine(&self, machine: Vm) -> Ended {
        self.run_on(machine, &mut |machine| machine)
    }

    /// As [`run_machine`](Self::run_machine); where the task waits, it goes on with what the machine is changed to.
    pub(super) fn run_on(&self, mut machine: Vm, change: &mut dyn FnMut(Vm) -> Vm) -> Ended {
        let mut is_exclusive = false;
        loop {
            let begun = machine.clone();
            let task = self.runtime.new_task_id();
            let txn = match is_exclusive {
                true => self.runtime.world.begin_exclusive(),
                false => self.runtime.world.begin(),
            };
            let mut stretch = Stretch::new(&self.runtime, txn, task, false);
            stretch.is_exclusive = is_exclusive;
            let limits = stretch.machine_limits();
            let outcome = machine.run(&mut stretch, &limits);
            if let Err(refused) = stretch.commit() {
                is_exclusive = matches!(refused, Refused::WantsTurn);
                machine = begun;
                continue;
            }
            is_exclusive = false;
            match outcome {
                Outcome::Returned(value) => return Ended::Returned(value),
                Outcome::Raised(error) => return Ended::Raised(error),
                Outcome::Aborted(_) => return Ended::Aborted,
                Outcome::Suspended(_) => {
                    machine = change(machine);
                    machine.resume(Value::ZERO);
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.runtime.stop(std::time::Duration::from_secs(10));
        if let Some(store) = self.store.take() {
            store.close().expect("the store closes");
        }
    }
}

impl Ended {
    /// As cases word it: a literal, or `! ` with code and message.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Returned(value) => value.to_literal(),
            Self::Raised(error) => format!("! {} {}", error.code.to_literal(), error.message),
            Self::Aborted => "! aborted".to_owned(),
        }
    }

    /// The code of the error, if it is one.
    pub(super) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Raised(error) => error.code.as_err(),
            _ => None,
        }
    }
}

/// Nobody listens.
pub(super) struct Silent;

impl Outlet for Silent {
    fn events(&self, _: HostId, _: SessionId, _: u64, _: Vec<SessionEvent>) {}
    fn listen(&self, _: HostId, _: &Listener) {}
    fn unlisten(&self, _: HostId, _: ListenerId) {}
    fn shutdown(&self, _: &str) {}
    fn checkpoint(&self) {}
    fn disk_bytes(&self) -> Option<u64> {
        None
    }
}

fn filled(folder: &TempDir) -> Store {
    let image = image();
    let image = image.check().expect("a consistent image");
    let path = folder.path().join("world");
    let new = Store::create(&path, Options::new(&TABLES)).expect("a new store");
    new.bulk(|writer| image.rows(|key, value| writer.put(WORLD, key, value)))
        .expect("rows");
    new.finish().expect("a filled store")
}

fn started(
    store: &Store,
    folder: &TempDir,
    outlet: Arc<dyn Outlet>,
    clock: Arc<dyn Clock>,
    config: RuntimeConfig,
) -> Arc<Runtime> {
    let files = moor_files::Folder::open(&folder.path().join("files")).expect("a folder");
    let executables = folder.path().join(EXECUTABLES);
    std::fs::create_dir_all(&executables).expect("a folder");
    let executables = Executables::open(&executables, None).expect("a folder");
    let config = RuntimeConfig {
        executables: Some(Arc::new(executables)),
        workers: 1,
        files: Some(Arc::new(files)),
        outbound_network: true,
        count_builtins: true,
        object_text: Some(Arc::new(FewWords)),
        ..config
    };
    Runtime::start(config, loaded(store), store, outlet, clock).expect("the runtime starts")
}

fn loaded(store: &Store) -> Arc<World> {
    let mut loader = Loader::new(store.log(), WORLD);
    store
        .scan(WORLD, |key, value| loader.row(key, value).expect("a row"))
        .expect("a scan");
    loader.finish().expect("a world")
}

fn image() -> WorldImage {
    let wizard = ObjId(2);
    let player = ObjectFlags::PLAYER;
    let programmer = player.with(ObjectFlags::PROGRAMMER, true);
    let fertile = ObjectFlags::READ.with(ObjectFlags::FERTILE, true);
    let fertile = fertile.with(ObjectFlags::ANONYMOUS, true);
    let mut system = ObjectImage::new(ObjId::SYSTEM, "The System Object", wizard);
    for (name, object) in [("root", ObjId(1)), ("server_options", ObjId(5))] {
        system.propdefs.push(Str::new(name));
        system.propvals.push(PropImage {
            value: Some(Value::Obj(object)),
            owner: wizard,
            flags: PropFlags::READ,
        });
    }
    let object = |number: i64, name: &str, owner: i64, flags: ObjectFlags| {
        let mut object = ObjectImage::new(ObjId(number), name, ObjId(owner));
        object.flags = flags;
        object.parents = if number == 1 {
            Vec::new()
        } else {
            vec![ObjId(1)]
        };
        object
    };
    WorldImage::from_objects(vec![
        system,
        object(1, "Root", 2, fertile),
        object(2, "Wizard", 2, programmer.with(ObjectFlags::WIZARD, true)),
        object(3, "Programmer", 3, programmer),
        object(4, "Player", 4, player),
        object(5, "Server Options", 2, ObjectFlags::READ),
    ])
}
