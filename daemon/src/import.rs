//! Making a data directory: from a database of another server, or with the starter world.
//!
//! In: a file, a vacant path. Out: the store, filled, and who was connected when the file was written. A failure leaves
//! nothing at the path.

use std::fmt::Display;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use moor_dump::{CompileOptions, DumpHandles, Import, OnFault, Progress, StoppedTask, TextDump};
use moor_runtime::{
    Features, ImportStopError, ImportedConnection, TASKS, WORLD, is_builtin, stopped_rows, task_row,
};
use moor_store::{Options, Store};
use moor_value::STACK_BYTES_MIN;

mod tasks;

/// The world that an empty data directory gets: a textdump like any other.
const STARTER: &[u8] = include_bytes!("starter.db");
/// Faults of programs that are named one by one, and so for other warnings; more are counted.
const WARNINGS_SHOWN: usize = 20;

/// A new data directory.
pub(crate) struct Imported {
    /// What is in it.
    pub(crate) store: Store,
    /// Who was connected to the old server.
    pub(crate) connections: Vec<ImportedConnection>,
}

/// Fills a new data directory from a textdump.
pub(crate) fn from_file(
    file: &Path,
    path: &Path,
    options: Options,
    features: Features,
) -> Result<Imported> {
    let bytes = std::fs::read(file).with_context(|| format!("--import {}", file.display()))?;
    tracing::info!(file = %file.display(), bytes = bytes.len(), "importing");
    import(&file.display().to_string(), &bytes, path, options, features)
}

/// Fills a new data directory with the starter world.
pub(crate) fn starter(path: &Path, options: Options) -> Result<Store> {
    tracing::info!(database = %path.display(), "making the starter world");
    let features = Features::default();
    let imported = import("the starter world", STARTER, path, options, features)?;
    Ok(imported.store)
}

/// Reads, compiles and stores a textdump. Deeply nested values and programs need a deep stack.
fn import(
    name: &str,
    bytes: &[u8],
    path: &Path,
    options: Options,
    features: Features,
) -> Result<Imported> {
    deep(|| {
        let begun = Instant::now();
        let mut handles = DumpHandles::default();
        let dump = moor_dump::read(name, bytes, &mut handles, &mut show_progress)?;
        let (connections, format) = (connected(&dump), dump.version);
        report(&dump.repairs);
        let import = compile(dump, features)?;
        report(&import.warnings);
        let store = fill(&import, format, path, options)?;
        let objects = import.world.objects.len();
        tracing::info!(objects, seconds = begun.elapsed().as_secs_f64(), "imported");
        Ok(Imported { store, connections })
    })
}

/// Does work that recurses into values and programs.
pub(crate) fn deep<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("import".to_owned())
            .stack_size(4 * STACK_BYTES_MIN)
            .spawn_scoped(scope, work)?;
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn connected(dump: &TextDump) -> Vec<ImportedConnection> {
    let connections = dump.connections.iter();
    connections
        .map(|connection| ImportedConnection {
            player: connection.player,
            handler: connection.listener,
        })
        .collect()
}

fn show_progress(progress: Progress) {
    let percent = 100 * progress.bytes / progress.bytes_total.max(1);
    tracing::info!(
        objects = progress.objects,
        verbs = progress.verbs,
        percent,
        "reading"
    );
}

fn compile(dump: TextDump, features: Features) -> Result<Import> {
    let options = CompileOptions {
        is_builtin: &is_builtin,
        on_fault: OnFault::Refuse,
        features,
    };
    dump.compile(&options).map_err(|errors| {
        let more = errors.0.len().saturating_sub(WARNINGS_SHOWN);
        for fault in errors.0.iter().take(WARNINGS_SHOWN) {
            tracing::error!("{fault}");
        }
        if more > 0 {
            tracing::error!(more, "further programs do not compile");
        }
        anyhow::anyhow!(
            "{} programs do not compile; nothing was imported",
            errors.0.len()
        )
    })
}

/// Says what is not as it was.
fn report(warnings: &[impl Display]) {
    for warning in warnings.iter().take(WARNINGS_SHOWN) {
        tracing::warn!("{warning}");
    }
    let more = warnings.len().saturating_sub(WARNINGS_SHOWN);
    if more > 0 {
        tracing::warn!(more, "further warnings");
    }
}

/// A row of a waiting task.
type TaskRow = ([u8; 8], Vec<u8>);

/// The rows of the tasks that had begun. One that cannot go on is named, and left out.
fn stopped(import: &Import, format: u8) -> Vec<TaskRow> {
    let suspended = import.tasks.suspended.iter().map(|task| (task, false));
    let interrupted = import.tasks.interrupted.iter().map(|task| (task, true));
    let tasks: Vec<(&StoppedTask, bool)> = suspended.chain(interrupted).collect();
    let known = tasks
        .iter()
        .map(|(task, is_interrupted)| tasks::stopped(task, *is_interrupted));
    let rows = stopped_rows(&known.collect::<Vec<_>>(), format);
    let mut taken = Vec::with_capacity(rows.len());
    for ((task, _), row) in tasks.into_iter().zip(rows) {
        match row {
            Ok(row) => taken.push(row),
            Err(error) => report_lost(task, &error),
        }
    }
    if !taken.is_empty() {
        tracing::info!(
            tasks = taken.len(),
            "suspended tasks of the old server go on"
        );
    }
    taken
}

fn report_lost(task: &StoppedTask, reason: &ImportStopError) {
    let activation = task.activation();
    tracing::warn!(
        task = task.id,
        programmer = activation.map(|activation| activation.progr.0),
        verb = activation.map(|activation| activation.verb_names.as_str()),
        %reason,
        "a suspended task of the old server cannot go on here; start it anew"
    );
}

/// Writes the world and its waiting tasks into a new data directory.
fn fill(import: &Import, format: u8, path: &Path, options: Options) -> Result<Store> {
    let image = import
        .world
        .check()
        .context("the database is not a consistent world")?;
    let mut tasks = stopped(import, format);
    for task in &import.tasks.forked {
        let row = task_row(&tasks::forked(task));
        tasks.push(row.with_context(|| format!("forked task {} cannot be taken over", task.id))?);
    }
    let new = Store::create(path, options)?;
    new.bulk(|writer| {
        image.rows(|key, value| writer.put(WORLD, key, value))?;
        tasks
            .iter()
            .try_for_each(|(key, value)| writer.put(TASKS, key, value))
    })?;
    Ok(new.finish()?)
}
