//! Tasks of another server's database that had begun: suspended ones, and those that waited for input.
//!
//! In: activations as a database file holds them, with the state of that server's machine. Out: rows of tasks that wait, and
//! for each task that cannot go on the reason. What the file says is believed only where it fits the programs.

use std::time::Duration;

use moor_compiler::ast::Ast;
use moor_compiler::stopped::{
    Callee, Dialect, StackValue, StopError, Stopped, StoppedAt, compile_stopped,
};
use moor_compiler::{
    CompileErrors, Features, LanguageVersion, Layout, ParseOptions, UnknownBuiltins, unparse,
};
use moor_value::{Map, ObjId, Str, Symbol, Value};
use moor_vm::{PendingBuiltin, StateError, StoppedFrame, Vm};

use crate::error::RowError;
use crate::ids::TaskId;
use crate::import::ImportedCall;
use crate::registry::registry;
use crate::rows;
use crate::task::{Family, TaskRow, TaskStatus};

/// A task that had begun on another server.
#[derive(Clone, Debug)]
pub struct ImportedTask {
    /// Its number.
    pub id: i64,
    /// When it goes on: seconds since 1970. Without it, when somebody resumes it.
    pub start_s: Option<u64>,
    /// What the function in which it waits returns; an error is raised.
    pub value: Value,
    /// `task_local()`.
    pub local: Value,
    /// Of the first activation, the fork whose body it runs, as that server numbers them.
    pub fork: Option<u32>,
    /// Its activations, the first one first.
    pub activations: Vec<ImportedActivation>,
}

/// A verb under way.
#[derive(Clone, Debug)]
pub struct ImportedActivation {
    /// The call of the verb.
    pub call: ImportedCall,
    /// The version of the language of its program, as the formats of textdumps are numbered.
    pub language: u8,
    /// The stack of that server's machine, bottom first.
    pub stack: Vec<StackValue>,
    /// The offset of the next instruction in that server's bytecode.
    pub offset: u64,
    /// The offset of the instruction of the call, or again that of the next one.
    pub call_offset: u64,
    /// The builtin function that called the verb; none where code did.
    pub via: Option<ImportedBuiltin>,
}

/// A builtin function that called a verb.
#[derive(Clone, Debug)]
pub struct ImportedBuiltin {
    /// Its name.
    pub name: Str,
    /// Where it goes on, as that server numbers its steps.
    pub step: u64,
    /// What it noted, as lines of the file.
    pub notes: Vec<Str>,
}

/// Why a task cannot go on, here or on another server, and which of its verbs is the reason.
#[derive(Debug, thiserror::Error)]
#[error("{}:{verb}: {reason}", definer.to_literal())]
pub struct ImportStopError {
    /// The object that defines the verb.
    pub definer: Value,
    /// The verb's names.
    pub verb: Str,
    /// The reason.
    pub reason: StopReason,
}

/// Why a task cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StopReason {
    /// The text of its program is not known.
    #[error("the text of its program is not known")]
    Textless,
    /// Another server would take its program for another one.
    #[error("its program has words that the other server does not know")]
    Foreign,
    /// It is in no verb.
    #[error("the task has no activation")]
    Empty,
    /// Its program does not compile.
    #[error("its program does not compile: {0}")]
    Compile(CompileErrors),
    /// Its program cannot be in that state.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// Where it stands, something else is called than what is under way.
    #[error("its program calls something else in line {line} than what is under way")]
    Callee {
        /// The line, from 1.
        line: u32,
    },
    /// A builtin function that called a verb cannot go on.
    #[error("the function {name}() cannot go on behind its step {step}")]
    Builtin {
        /// Its name.
        name: Str,
        /// Its step.
        step: u64,
    },
    /// The machine refuses the state.
    #[error(transparent)]
    State(#[from] StateError),
    /// It cannot be stored.
    #[error(transparent)]
    Row(#[from] RowError),
}

/// Key and value of a row of a waiting task, for [`TASKS`](crate::TASKS).
type Row = ([u8; 8], Vec<u8>);

/// The rows of tasks from one textdump of this format, in their order.
///
/// A file does not say how its server was built, so that the offsets in it may mean one thing or the other: taken is what
/// lets the most tasks go on.
///
/// # Errors
/// For each task that cannot go on, see [`StopReason`].
pub fn stopped_rows(tasks: &[ImportedTask], format: u8) -> Vec<Result<Row, ImportStopError>> {
    let mut best: Vec<Result<Row, ImportStopError>> = Vec::new();
    let fits = |rows: &[Result<Row, _>]| rows.iter().filter(|row| row.is_ok()).count();
    for dialect in Dialect::of_format(format) {
        let rows: Vec<_> = tasks
            .iter()
            .map(|task| stopped_row(task, *dialect))
            .collect();
        let count = fits(&rows);
        if best.is_empty() || count > fits(&best) {
            best = rows;
        }
        if count == tasks.len() {
            break;
        }
    }
    best
}

fn stopped_row(task: &ImportedTask, dialect: Dialect) -> Result<Row, ImportStopError> {
    let machine = machine(task, dialect)?;
    let first = task.activations.first().map(|first| &first.call);
    row(task, machine).map_err(|error| blame(first, error.into()))
}

/// The task's machine, which waits.
///
/// # Errors
/// See [`StopReason`].
pub(crate) fn machine(task: &ImportedTask, dialect: Dialect) -> Result<Vm, ImportStopError> {
    let frames = frames(task, dialect)?;
    let first = task.activations.first().map(|first| &first.call);
    let caller = first.map_or(Value::Obj(ObjId::NOTHING), ImportedCall::caller);
    Vm::stopped(frames, caller).map_err(|error| blame(first, error.into()))
}

fn row(task: &ImportedTask, machine: Vm) -> Result<Row, RowError> {
    let status = match task.start_s {
        Some(start) => TaskStatus::Until(Duration::from_secs(start)),
        None => TaskStatus::Forever,
    };
    let or = |value: &Value, usual: Value| match value {
        Value::None => usual,
        value => value.clone(),
    };
    let value = or(&task.value, Value::ZERO);
    let local = or(&task.local, Value::Map(Map::new()));
    let family = Family(task.id);
    let row = TaskRow::new(status, family, false, &value, &local, machine.encode());
    let bytes = rows::committable(row.encode()?)?;
    Ok((rows::task_key(TaskId(task.id)), bytes))
}

pub(crate) fn blame(call: Option<&ImportedCall>, reason: StopReason) -> ImportStopError {
    let nothing = Value::Obj(ObjId::NOTHING);
    ImportStopError {
        definer: call.map_or(nothing, |call| call.definer.clone()),
        verb: call.map_or(Str::EMPTY, |call| call.verb_names.clone()),
        reason,
    }
}

fn frames(task: &ImportedTask, dialect: Dialect) -> Result<Vec<StoppedFrame>, ImportStopError> {
    let activations = &task.activations;
    if activations.is_empty() {
        return Err(blame(None, StopReason::Empty));
    }
    let one = |(at, activation): (usize, &ImportedActivation)| {
        let fork = task.fork.filter(|_| at == 0);
        let callee = activations.get(at + 1);
        let is_first = at == 0;
        frame(activation, fork, callee, is_first, dialect)
            .map_err(|reason| blame(Some(&activation.call), reason))
    };
    activations.iter().enumerate().map(one).collect()
}

fn frame(
    activation: &ImportedActivation,
    fork: Option<u32>,
    callee: Option<&ImportedActivation>,
    is_first: bool,
    dialect: Dialect,
) -> Result<StoppedFrame, StopReason> {
    let stopped = stopped(activation, fork, dialect)?;
    if !calls(&stopped.callee, callee) {
        let line = stopped.program.line(usize::from(stopped.pc) - 1);
        return Err(StopReason::Callee { line });
    }
    // What called the first activation is not waited for.
    let via = activation.via.as_ref().filter(|_| !is_first);
    let via = via.map(|via| pending(via, &activation.call)).transpose()?;
    let call = &activation.call;
    Ok(StoppedFrame {
        verb: call.verb(stopped.program),
        pc: stopped.pc,
        result: stopped.result,
        registers: stopped.registers,
        this: call.this(),
        called_as: call.verb.clone(),
        player: call.player,
        perms: call.programmer,
        command: call.command(),
        via: via.map(Box::new),
    })
}

fn stopped(
    activation: &ImportedActivation,
    fork: Option<u32>,
    dialect: Dialect,
) -> Result<Stopped, StopReason> {
    let source = &activation.call.source;
    let version = LanguageVersion(activation.language);
    let ast = parse_foreign(source, version).map_err(StopReason::Compile)?;
    let at = StoppedAt {
        fork,
        offset: activation.offset,
        call_offset: activation.call_offset,
        stack: &activation.stack,
    };
    let builtins = |name: &str| registry().number(name);
    let variables = &activation.call.variables;
    let mut stopped = compile_stopped(&ast, variables, at, dialect, &builtins)?;
    let text = unparse(&ast, Layout::CANONICAL).join("\n");
    stopped.program = stopped.program.with_source(Str::from(text));
    Ok(stopped)
}

/// The tree of a program of another server.
pub(crate) fn parse_foreign(source: &str, version: LanguageVersion) -> Result<Ast, CompileErrors> {
    let options = ParseOptions {
        version,
        // Whatever that server has called, it had.
        is_builtin: &|_| true,
        unknown_builtins: UnknownBuiltins::Refuse,
        features: Features::NONE,
    };
    moor_compiler::parse(source, &options)
}

/// The functions that a verb they call takes the place of.
const GIVING_WAY: [&str; 2] = ["pass", BY_NAME];
/// The function that calls another by its name.
pub(crate) const BY_NAME: &str = "call_function";

/// Whether what stands in the program is what is under way: a function that waits, one that called a verb, or a verb.
pub(crate) fn calls(callee: &Callee, next: Option<&ImportedActivation>) -> bool {
    let Some(next) = next else {
        return matches!(callee, Callee::Builtin(_));
    };
    match (callee, &next.via) {
        (Callee::Verb, None) => true,
        (Callee::Builtin(name), None) => GIVING_WAY.contains(&&**name),
        (Callee::Builtin(name), Some(via)) => {
            **name == *BY_NAME || name.eq_ignore_ascii_case(via.name.as_str())
        }
        (Callee::Verb, Some(_)) => false,
    }
}

/// The function that called a verb, as it goes on here. Its steps are numbered as on those servers.
fn pending(via: &ImportedBuiltin, called: &ImportedCall) -> Result<PendingBuiltin, StopReason> {
    let mut name = via.name.as_str();
    let mut notes = via.notes.as_slice();
    while let (true, [note, rest @ ..]) = (name == BY_NAME, notes) {
        name = note
            .as_str()
            .rsplit_once("fname = ")
            .map_or("", |(_, name)| name);
        notes = rest;
    }
    let refuse = || StopReason::Builtin {
        name: via.name.clone(),
        step: via.step,
    };
    let note = notes.first().map_or("", Str::as_str);
    let state = match (name, via.step) {
        ("eval", 2) => Some(Value::ZERO),
        ("move", 2..=4) => moved(note),
        ("create" | "recreate", 2) => Some(called.this()),
        ("recycle", 2) if called.verb.as_str() == "recycle" => Some(called.this()),
        ("recycle", 2) => number(note, "oid").map(|id| Value::Obj(ObjId(id))),
        _ => None,
    };
    let state = state.ok_or_else(refuse)?;
    Ok(PendingBuiltin {
        builtin: registry().number(name).ok_or_else(refuse)?,
        name: Symbol::intern(name),
        step: via.step as u32,
        state,
    })
}

/// What `move()` notes: what, where to, and in ToastStunt at which position.
fn moved(note: &str) -> Option<Value> {
    let [what, to] = [number(note, "what")?, number(note, "where")?];
    let position = number(note, "position").unwrap_or(0);
    Some(Value::from(vec![
        Value::Obj(ObjId(what)),
        Value::Obj(ObjId(to)),
        Value::Int(position),
    ]))
}

/// The number behind `name = ` in what a function noted.
fn number(note: &str, name: &str) -> Option<i64> {
    let (_, fields) = note.split_once(" data: ")?;
    let mut fields = fields.split(", ");
    let value = fields.find_map(|field| field.strip_prefix(name)?.strip_prefix(" = "))?;
    value.parse().ok()
}
