//! Tasks of another server's database.
//!
//! In: forked tasks as a database file holds them. Out: rows of tasks that wait, for the bulk load of
//! a new data directory.

use std::sync::Arc;
use std::time::Duration;

use moor_bytecode::{CodeTable, Program};
use moor_compiler::{CompileErrors, Features};
use moor_value::{Map, ObjId, Str, Value};
use moor_vm::{Command, Start, Verb, Vm};

use crate::error::RowError;
use crate::ids::TaskId;
use crate::program;
use crate::registry::registry;
use crate::rows;
use crate::task::{Family, TaskRow, TaskStatus};

/// A task that was forked on another server and has not begun.
#[derive(Clone, Debug)]
pub struct ImportedFork {
    /// Its number.
    pub id: i64,
    /// When it begins: seconds since 1970.
    pub start_s: u64,
    /// `this`.
    pub this: Value,
    /// `player`.
    pub player: ObjId,
    /// Whose permissions it has.
    pub programmer: ObjId,
    /// The object that defines the verb.
    pub definer: Value,
    /// The name that the verb was called by.
    pub verb: Str,
    /// All names of the verb.
    pub verb_names: Str,
    /// Whether errors are raised rather than returned.
    pub debug: bool,
    /// The body of the fork.
    pub source: String,
    /// The line of the verb at which the body stands, from 1: tracebacks name its lines.
    pub line: u32,
    /// Variables that have a value, by name.
    pub variables: Vec<(Str, Value)>,
}

/// Why a task cannot be taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportTaskError {
    /// Its text does not compile.
    #[error("{0}")]
    Compile(CompileErrors),
    /// It cannot be stored.
    #[error(transparent)]
    Row(#[from] RowError),
}

/// Whether there is a builtin function of this name, which is in lower case.
pub fn is_builtin(name: &str) -> bool {
    registry().number(name).is_some()
}

/// The key and the value of the row of a waiting task, for [`TASKS`](crate::TASKS).
///
/// # Errors
/// See [`ImportTaskError`].
pub fn task_row(fork: &ImportedFork) -> Result<([u8; 8], Vec<u8>), ImportTaskError> {
    let program = body(&fork.source, fork.line)?;
    let verb = Verb {
        program,
        definer: fork.definer.clone(),
        names: fork.verb_names.clone(),
        owner: fork.programmer,
        debug: fork.debug,
        own_name: None,
    };
    let mut machine = Vm::new(Start {
        verb: Arc::new(verb),
        this: fork.this.clone(),
        called_as: fork.verb.clone(),
        args: arguments(fork),
        player: fork.player,
        caller: variable(fork, "caller").unwrap_or(Value::Obj(ObjId::NOTHING)),
        command: command(fork),
    });
    for (name, value) in &fork.variables {
        machine.set_variable(name.as_str(), value.clone());
    }
    let status = TaskStatus::Until(Duration::from_secs(fork.start_s));
    let local = Value::Map(Map::new());
    let row = TaskRow::new(
        status,
        Family(fork.id),
        true,
        &Value::ZERO,
        &local,
        machine.encode(),
    );
    let bytes = rows::committable(row.encode()?)?;
    Ok((rows::task_key(TaskId(fork.id)), bytes))
}

/// The program of a fork's body, which knows that it is one.
fn body(source: &str, line: u32) -> Result<Arc<Program>, ImportTaskError> {
    let (text, program) =
        program::canonical(source, Features::default()).map_err(ImportTaskError::Compile)?;
    let mut table = CodeTable::clone(&program::below(&program, line));
    table.forks.push((0, Str::new(&text)));
    let program =
        Program::new(table).expect("a text at the first instruction does not break a program");
    Ok(Arc::new(program))
}

fn variable(fork: &ImportedFork, name: &str) -> Option<Value> {
    let found = fork
        .variables
        .iter()
        .find(|(known, _)| known.as_str().eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.clone())
}

fn arguments(fork: &ImportedFork) -> Vec<Value> {
    match variable(fork, "args") {
        Some(Value::List(args)) => args.iter().cloned().collect(),
        _ => Vec::new(),
    }
}

fn command(fork: &ImportedFork) -> Command {
    let usual = Command::default();
    let or = |name, usual| variable(fork, name).unwrap_or(usual);
    Command {
        argstr: or("argstr", usual.argstr),
        dobj: or("dobj", usual.dobj),
        dobjstr: or("dobjstr", usual.dobjstr),
        prepstr: or("prepstr", usual.prepstr),
        iobj: or("iobj", usual.iobj),
        iobjstr: or("iobjstr", usual.iobjstr),
    }
}
