//! The world as a file for other servers, or for an editor.
//!
//! In: a moment of the running world, or a data directory that nobody serves. Out: the file, whole or not at all; in the
//! log, what it does not hold.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use moor_dump::{Activation, Connection, Contents, ForkedTask, Format, Variable};
use moor_runtime::{
    ExportPoint, ImportedFork, Runtime, SESSIONS, StoppedTask, StoredTask, TASKS, TaskId,
    connection_of, stored_task, task_of_key,
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
    stopped: Vec<StoppedTask>,
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

    /// The state of a data directory that is open and that nobody serves.
    pub(crate) fn stored(store: &Store, world: &Arc<World>) -> Result<Self> {
        let mut tasks = BTreeMap::new();
        store.scan(TASKS, |key, row| {
            if let Some(id) = task_of_key(key) {
                tasks.insert(id, row.to_vec());
            }
        })?;
        let mut connections = Vec::new();
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
        let (mut forked, mut stopped) = (Vec::new(), Vec::new());
        for (id, row) in tasks {
            match stored_task(id, row).with_context(|| format!("task {id}"))? {
                StoredTask::Forked(task) => forked.push(forked_task(*task)),
                StoredTask::Stopped(task) => stopped.push(task),
            }
        }
        forked.sort_by_key(|task| (task.start, task.id));
        let connection = |(player, listener)| Connection { player, listener };
        Ok(Self {
            world,
            forked,
            stopped,
            connections: connections.into_iter().map(connection).collect(),
        })
    }

    fn contents(&self) -> Contents<'_> {
        Contents {
            world: &self.world,
            forked: &self.forked,
            connections: &self.connections,
        }
    }
}

fn forked_task(task: ImportedFork) -> ForkedTask {
    let call = task.call;
    let variables = call.variables.into_iter();
    ForkedTask {
        id: task.id,
        start: i64::try_from(task.start_s).unwrap_or(i64::MAX),
        first_line: i64::from(task.line),
        activation: Activation {
            this: call.this,
            player: call.player,
            progr: call.programmer,
            vloc: call.definer,
            verb: call.verb,
            verb_names: call.verb_names,
            debug: call.debug,
            threaded: true,
        },
        variables: variables
            .map(|(name, value)| Variable { name, value })
            .collect(),
        source: call.source.lines().map(str::to_owned).collect(),
        line: 0,
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
    let written = replace(path, |file| {
        Ok(moor_dump::write(moment.contents(), wanted, file)?)
    })?;
    report(&moment.stopped);
    tracing::info!(
        file = %path.display(),
        format = written.format.number(),
        objects = written.objects,
        programs = written.programs,
        tasks = moment.forked.len(),
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
fn report(stopped: &[StoppedTask]) {
    for task in stopped.iter().take(TASKS_SHOWN) {
        let why = match task.is_forked {
            true => "a forked task is not exported: its text is not known",
            false => "a task that has begun is not exported",
        };
        tracing::warn!(
            task = task.id.0,
            programmer = task.programmer.0,
            definer = %task.definer.to_literal(),
            verb = task.verb.as_str(),
            "{why}"
        );
    }
    let more = stopped.len().saturating_sub(TASKS_SHOWN);
    if more > 0 {
        tracing::warn!(more, "further tasks are not exported");
    }
}
