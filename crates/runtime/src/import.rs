//! Tasks of another server's database: calls of verbs, and forked tasks.
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

/// A call of a verb on another server.
#[derive(Clone, Debug)]
pub struct ImportedCall {
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
    /// The text that runs: of the verb, or of the body of a fork.
    pub source: String,
    /// All variables in their order; `Value::None` where one has no value.
    pub variables: Vec<(Str, Value)>,
}

impl ImportedCall {
    /// `this`, which is some object.
    pub(crate) fn this(&self) -> Value {
        object(&self.this)
    }

    /// The verb, which runs this program.
    pub(crate) fn verb(&self, program: Program) -> Arc<Verb> {
        Arc::new(Verb {
            program: Arc::new(program),
            definer: object(&self.definer),
            names: self.verb_names.clone(),
            owner: self.programmer,
            debug: self.debug,
            own_name: None,
        })
    }

    /// `caller`.
    pub(crate) fn caller(&self) -> Value {
        self.variable("caller")
            .unwrap_or(Value::Obj(ObjId::NOTHING))
    }

    /// The variables of the command line.
    pub(crate) fn command(&self) -> Command {
        let usual = Command::default();
        let or = |name, usual| self.variable(name).unwrap_or(usual);
        Command {
            argstr: or("argstr", usual.argstr),
            dobj: or("dobj", usual.dobj),
            dobjstr: or("dobjstr", usual.dobjstr),
            prepstr: or("prepstr", usual.prepstr),
            iobj: or("iobj", usual.iobj),
            iobjstr: or("iobjstr", usual.iobjstr),
        }
    }

    fn arguments(&self) -> Vec<Value> {
        match self.variable("args") {
            Some(Value::List(args)) => args.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// The value of a variable that has one.
    fn variable(&self, name: &str) -> Option<Value> {
        let mut variables = self.variables.iter();
        let found = variables.find(|(known, _)| known.as_str().eq_ignore_ascii_case(name));
        found
            .map(|(_, value)| value.clone())
            .filter(|value| !value.is_none())
    }
}

/// The value where it is something; no object else.
fn object(value: &Value) -> Value {
    match value {
        Value::None => Value::Obj(ObjId::NOTHING),
        value => value.clone(),
    }
}

/// A task that was forked on another server and has not begun.
#[derive(Clone, Debug)]
pub struct ImportedFork {
    /// Its number.
    pub id: i64,
    /// When it begins: seconds since 1970.
    pub start_s: u64,
    /// The line of the verb at which the body stands, from 1: tracebacks name its lines.
    pub line: u32,
    /// The call that forked it, whose text is the body.
    pub call: ImportedCall,
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
    let call = &fork.call;
    let mut machine = Vm::new(Start {
        verb: call.verb(body(&call.source, fork.line)?),
        this: call.this(),
        called_as: call.verb.clone(),
        args: call.arguments(),
        player: call.player,
        caller: call.caller(),
        command: call.command(),
    });
    for (name, value) in &call.variables {
        if !value.is_none() {
            machine.set_variable(name.as_str(), value.clone());
        }
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
fn body(source: &str, line: u32) -> Result<Program, ImportTaskError> {
    let (text, program) =
        program::canonical(source, Features::default()).map_err(ImportTaskError::Compile)?;
    let mut table = CodeTable::clone(&program::below(&program, line));
    table.forks.push((0, text));
    Ok(Program::new(table).expect("a text at the first instruction does not break a program"))
}
