//! The world as a file for other servers, or for an editor.
//!
//! In: a moment of the running world, or a data directory that nobody serves. Out: the file, whole or not at all; in the
//! log, what it does not hold.

mod tasks;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use moor_dump::{Connection, Contents, ForkedTask, Format, LeftOut, Stopped};
use moor_runtime::{
    BegunTask, ExportPoint, ImportedConnection, Runtime, SESSIONS, StoredTask, TASKS, TaskId,
    TextlessFork, connection_of, stored_task, task_of_key,
};
use moor_store::Store;
use moor_value::{ObjId, STACK_BYTES_MIN};
use moor_world::{World, WorldSnapshot};

use crate::args::TextFormat;
use crate::replacement::replace;

/// How much less often than others the thread runs that writes: the world goes on meanwhile.
const NICENESS: i32 = 5;
/// Tasks that are named one by one; more are counted.
const TASKS_SHOWN: usize = 20;

/// Everything that an export writes, as of one moment.
pub(crate) struct Moment {
    world: WorldSnapshot,
    forked: Vec<ForkedTask>,
    begun: Vec<BegunTask>,
    textless: Vec<TextlessFork>,
    connections: Vec<Connection>,
}

impl Moment {
    /// This moment of a world that runs.
    pub(crate) fn of(runtime: &Runtime) -> Result<Self> {
        let ExportPoint {
            world,
            tasks,
            connections,
        } = runtime.export_point();
        let rows = tasks.iter().map(|(id, row)| (*id, &row[..]));
        Self::new(world, rows, connections)
    }

    /// The state of a data directory that is open and that nobody serves, with who was connected when the file was written
    /// that it has just been imported from.
    pub(crate) fn stored(
        store: &Store,
        world: &Arc<World>,
        departed: &[ImportedConnection],
    ) -> Result<Self> {
        let mut tasks = BTreeMap::new();
        store.scan(TASKS, |key, row| {
            if let Some(id) = task_of_key(key) {
                tasks.insert(id, row.to_vec());
            }
        })?;
        let departed = departed.iter().map(|one| (one.player, one.handler));
        let mut connections: Vec<_> = departed.collect();
        let mut unreadable = None;
        store.scan(SESSIONS, |_, row| match connection_of(row) {
            Ok(connection) => connections.extend(connection),
            Err(error) => unreadable = Some(error),
        })?;
        if let Some(error) = unreadable {
            return Err(error.into());
        }
        connections.sort_unstable();
        let rows = tasks.iter().map(|(id, row)| (*id, &row[..]));
        Self::new(world.snapshot(), rows, connections)
    }

    fn new<'a>(
        world: WorldSnapshot,
        tasks: impl Iterator<Item = (TaskId, &'a [u8])>,
        connections: Vec<(ObjId, ObjId)>,
    ) -> Result<Self> {
        let (mut forked, mut begun, mut textless) = (Vec::new(), Vec::new(), Vec::new());
        for (id, row) in tasks {
            match stored_task(id, row).with_context(|| format!("task {id}"))? {
                StoredTask::Forked(task) => forked.push(tasks::forked(*task)),
                StoredTask::Textless(task) => textless.push(task),
                StoredTask::Begun(task) => begun.push(*task),
            }
        }
        forked.sort_by_key(|task| (task.start, task.id));
        let connection = |(player, listener)| Connection { player, listener };
        Ok(Self {
            world,
            forked,
            begun,
            textless,
            connections: connections.into_iter().map(connection).collect(),
        })
    }

    /// The tasks that have begun, as a format has them.
    fn stopped(&self, format: Format) -> Stopped {
        let mut stopped = Stopped {
            tasks: Vec::new(),
            left_out: self.textless.iter().map(textless).collect(),
        };
        for task in &self.begun {
            match task.told(format.number()) {
                Ok(told) => stopped.tasks.push(tasks::stopped(told)),
                Err(error) => stopped.left_out.push(LeftOut {
                    id: task.id().0,
                    programmer: task.programmer(),
                    definer: error.definer,
                    verb_names: error.verb,
                    reason: error.reason.to_string(),
                }),
            }
        }
        stopped
    }
}

fn textless(fork: &TextlessFork) -> LeftOut {
    LeftOut {
        id: fork.id.0,
        programmer: fork.programmer,
        definer: fork.definer.clone(),
        verb_names: fork.verb.clone(),
        reason: "the text of the forked task is not known".to_owned(),
    }
}

/// Writes a moment to `path`, in the place of what is there. It is done on a thread that makes way for others, and whose
/// stack is deep enough for any value.
pub(crate) fn write(
    moment: impl FnOnce() -> Result<Moment> + Send,
    format: TextFormat,
    path: &Path,
) -> Result<()> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("export".to_owned())
            .stack_size(STACK_BYTES_MIN);
        let thread = thread.spawn_scoped(scope, || {
            let moment = moment()?;
            // After the commit turn was held. Where it is not allowed, the export takes its turn like everyone.
            let _ = rustix::process::nice(NICENESS);
            write_here(&moment, format, path)
        })?;
        match thread.join() {
            Ok(written) => written,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn write_here(moment: &Moment, format: TextFormat, path: &Path) -> Result<()> {
    match format {
        TextFormat::Textdump => write_textdump(moment, None, path),
        TextFormat::Lambdamoo => write_textdump(moment, Some(Format::LambdaMoo), path),
        TextFormat::Toaststunt => write_textdump(moment, Some(Format::ToastStunt), path),
        TextFormat::Objdir => write_directory(moment, path),
    }
}

fn write_textdump(moment: &Moment, wanted: Option<Format>, path: &Path) -> Result<()> {
    let begun = Instant::now();
    let contents = Contents {
        world: &moment.world,
        forked: &moment.forked,
        stopped: &|format| moment.stopped(format),
        connections: &moment.connections,
    };
    let written = replace(path, |file| Ok(moor_dump::write(contents, wanted, file)?))?;
    report(&written.left_out);
    tracing::info!(
        file = %path.display(),
        format = written.format.number(),
        objects = written.objects,
        programs = written.programs,
        tasks = written.tasks,
        bytes = written.bytes,
        seconds = begun.elapsed().as_secs_f64(),
        "exported"
    );
    Ok(())
}

/// Tasks and connections have no place in a directory of sources.
fn write_directory(moment: &Moment, path: &Path) -> Result<()> {
    let begun = Instant::now();
    let written = moor_dump::objdir::write(&moment.world, path)?;
    tracing::info!(
        folder = %path.display(),
        objects = written.objects,
        written = written.written,
        removed = written.removed,
        seconds = begun.elapsed().as_secs_f64(),
        "exported"
    );
    Ok(())
}

/// Says which tasks are not in the file.
fn report(left_out: &[LeftOut]) {
    for task in left_out.iter().take(TASKS_SHOWN) {
        tracing::warn!(
            task = task.id,
            programmer = task.programmer.0,
            definer = %task.definer.to_literal(),
            verb = task.verb_names.as_str(),
            "a task is not exported: {}",
            task.reason
        );
    }
    let more = left_out.len().saturating_sub(TASKS_SHOWN);
    if more > 0 {
        tracing::warn!(more, "further tasks are not exported");
    }
}
