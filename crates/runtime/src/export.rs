//! A moment of the world, for files of other servers: the objects, the tasks that wait, who is connected.
//!
//! In: the running world, or rows of a stopped one. Out: a snapshot that does not change while it is written, with tasks
//! as text and values. File formats are not known here.

use std::sync::Arc;
use std::time::Duration;

use moor_compiler::names::Predefined;
use moor_compiler::{Features, LanguageVersion};
use moor_value::codec::{self, DecodeError, HandleResolver};
use moor_value::{AnonRef, Graveyard, ObjId, Str, Value, WaifRef};
use moor_vm::{PendingFork, StateError, StateResolver, Vm};
use moor_world::WorldSnapshot;

use crate::error::RowError;
use crate::export_stopped::{BegunTask, Wait};
use crate::ids::TaskId;
use crate::import::{ImportedCall, ImportedFork};
use crate::options::integer_option;
use crate::program::parse_stored;
use crate::registry::registry;
use crate::rows;
use crate::runtime::Runtime;
use crate::session::{SessionRecord, Stage};
use crate::task::{TaskRow, TaskStatus};

/// Checkpoints more often than this would be a mistake of the world's; LambdaMOO's bound.
const DUMP_INTERVAL_MIN_S: u64 = 60;

/// Everything as of one moment.
pub struct ExportPoint {
    /// The world.
    pub world: WorldSnapshot,
    /// The rows of waiting tasks, by number; see [`stored_task`].
    pub tasks: Vec<(TaskId, Arc<[u8]>)>,
    /// Each connected player, negative before log-in, with the object that listens, in that order.
    pub connections: Vec<(ObjId, ObjId)>,
}

/// A task that waits.
#[derive(Clone, Debug)]
pub enum StoredTask {
    /// It was forked and has not begun.
    Forked(Box<ImportedFork>),
    /// It was forked and has not begun, and its text is not known: only this server can go on with it.
    Textless(TextlessFork),
    /// It has begun.
    Begun(Box<BegunTask>),
}

/// What there is to say about a forked task whose text is not known.
#[derive(Clone, Debug)]
pub struct TextlessFork {
    /// Its number.
    pub id: TaskId,
    /// Whose permissions it has.
    pub programmer: ObjId,
    /// The object that defines the verb that runs.
    pub definer: Value,
    /// The names of that verb.
    pub verb: Str,
}

/// Why a row is not a task.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoredTaskError {
    /// The row is damaged or of another version.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The machine in it is.
    #[error(transparent)]
    Machine(#[from] StateError),
    /// A value in it is.
    #[error(transparent)]
    Value(#[from] DecodeError),
}

impl Runtime {
    /// The newest committed state. Commits wait while tasks and sessions are listed, not while anything is written.
    pub fn export_point(&self) -> ExportPoint {
        let (world, (tasks, connections)) = self
            .world
            .snapshot_with(|| (self.stored_tasks.all(), self.connected()));
        ExportPoint {
            world,
            tasks,
            connections,
        }
    }

    /// How often the world wants checkpoints: `$server_options.dump_interval`, in seconds from 60 on. `None` where it
    /// does not say.
    pub fn dump_interval(&self) -> Option<Duration> {
        let seconds = integer_option(&mut self.world.begin(), "dump_interval", 0);
        let seconds = u64::try_from(seconds).ok();
        seconds
            .filter(|seconds| *seconds >= DUMP_INTERVAL_MIN_S)
            .map(Duration::from_secs)
    }

    fn connected(&self) -> Vec<(ObjId, ObjId)> {
        let sessions = self.sessions.all().into_iter();
        let mut all: Vec<_> = sessions
            .map(|session| {
                let state = session.lock();
                (state.record.player(), state.record.handler())
            })
            .collect();
        all.sort_unstable();
        all
    }
}

/// The task of a row of [`TASKS`](crate::TASKS).
///
/// # Errors
/// See [`StoredTaskError`].
pub fn stored_task(id: TaskId, row: &[u8]) -> Result<StoredTask, StoredTaskError> {
    let row = TaskRow::decode(row)?;
    let mut handles = OwnHandles(Graveyard::new());
    let machine = Vm::decode(&row.machine, &mut handles)?;
    let wait = wait(&row);
    if row.forked {
        return Ok(match machine.pending_fork() {
            Some(fork) => {
                let start_s = match wait {
                    Wait::Until(start_s) => start_s,
                    Wait::Forever | Wait::Lost(_) => 0,
                };
                StoredTask::Forked(Box::new(forked(id, start_s, fork)))
            }
            None => StoredTask::Textless(textless(id, &machine)),
        });
    }
    Ok(StoredTask::Begun(Box::new(BegunTask {
        id: id.0,
        wait,
        value: codec::decode(&mut row.value.as_slice(), &mut handles)?,
        local: codec::decode(&mut row.local.as_slice(), &mut handles)?,
        machine,
    })))
}

/// What a task waits for, as others can know it.
fn wait(row: &TaskRow) -> Wait {
    match row.status() {
        _ if row.was_working() => Wait::Lost("working"),
        // A moment within a second is that second's end: no task goes on too early.
        TaskStatus::Until(due) => Wait::Until(due.as_secs() + u64::from(due.subsec_nanos() > 0)),
        TaskStatus::Forever => Wait::Forever,
        TaskStatus::Reading(..) => Wait::Lost("reading"),
        TaskStatus::Awaiting { .. } => Wait::Lost("waiting"),
        TaskStatus::Ready | TaskStatus::Running | TaskStatus::Working { .. } => Wait::Until(0),
    }
}

/// The task number of a key of [`TASKS`](crate::TASKS).
pub fn task_of_key(key: &[u8]) -> Option<TaskId> {
    rows::task_of_key(key)
}

/// The player and the listening object of a row of [`SESSIONS`](crate::SESSIONS), as in
/// [`ExportPoint::connections`]. `None` when the session has ended.
///
/// # Errors
/// [`RowError`] when the row is damaged or of another version.
pub fn connection_of(row: &[u8]) -> Result<Option<(ObjId, ObjId)>, RowError> {
    let record = SessionRecord::decode(row)?;
    let lives = record.stage != Stage::Ended;
    Ok(lives.then(|| (record.player(), record.handler())))
}

fn forked(id: TaskId, start_s: u64, fork: PendingFork) -> ImportedFork {
    ImportedFork {
        id: id.0,
        start_s,
        line: fork.line,
        call: ImportedCall {
            this: fork.this,
            player: fork.player,
            programmer: fork.programmer,
            definer: fork.verb.definer.clone(),
            verb: fork.called_as,
            verb_names: fork.verb.names.clone(),
            debug: fork.debug,
            variables: mentioned(fork.source.as_str(), fork.variables),
            source: fork.source.as_str().to_owned(),
        },
    }
}

/// Those of the variables that every program has, or that the text of a fork mentions: servers forget the others when they read it.
fn mentioned(source: &str, mut variables: Vec<(Str, Value)>) -> Vec<(Str, Value)> {
    if let Ok(ast) = parse_stored(source, Features::default()) {
        variables.retain(|(name, _)| {
            let name = name.as_str();
            let predefined = Predefined::from_name(name, LanguageVersion::CURRENT);
            predefined.is_some() || ast.names.find(name).is_some()
        });
    }
    variables
}

fn textless(id: TaskId, machine: &Vm) -> TextlessFork {
    let verb = machine.frames().last().map(|frame| machine.verb_of(frame));
    TextlessFork {
        id,
        programmer: machine.perms(),
        definer: verb.map_or(Value::Obj(ObjId::NOTHING), |verb| verb.definer.clone()),
        verb: verb.map_or(Str::EMPTY, |verb| verb.names.clone()),
    }
}

/// Handles that belong to no world: what dies with them was only a copy.
struct OwnHandles(triomphe::Arc<Graveyard>);

impl HandleResolver for OwnHandles {
    fn anon(&mut self, id: u64) -> Option<AnonRef> {
        Some(AnonRef::new(id, self.0.clone()))
    }

    fn waif(&mut self, id: u64, class: ObjId, owner: ObjId) -> Option<WaifRef> {
        Some(WaifRef::new(id, class, owner, self.0.clone()))
    }
}

impl StateResolver for OwnHandles {
    fn builtin(&self, name: &str) -> Option<u16> {
        registry().number(name)
    }
}
