//! Tasks that have begun and wait, told as servers of LambdaMOO's family have them.
//!
//! In: the machine of a waiting task and what it waits for. Out: activations with the state of that server's machine, the way back
//! of `import_stopped.rs`; or why that server cannot have the task. File formats are not known here beyond their numbers.

use moor_compiler::stopped::{Callee, Standing, StopError, Target, Told, tell_stopped};
use moor_compiler::{Features, LanguageVersion, Layout, ParseOptions, UnknownBuiltins, unparse};
use moor_value::{ErrorCode, ObjId, Str, Value};
use moor_vm::{PendingBuiltin, StandingFrame, Vm};

use crate::builtins::Origin;
use crate::ids::TaskId;
use crate::import::ImportedCall;
use crate::import_stopped::{
    BY_NAME, ImportStopError, ImportedActivation, ImportedBuiltin, ImportedTask, StopReason, blame,
    calls, parse_foreign,
};
use crate::program::parse_stored;
use crate::registry::registry;

/// The first format of ToastStunt's family, whose functions its servers have.
const STUNT_FORMAT: u8 = 5;
/// The first format that has tasks which were interrupted, and the error that they go on with.
const INTERRUPT_FORMAT: u8 = LanguageVersion::INTERRUPT.0;

/// A task that has begun and waits.
#[derive(Clone, Debug)]
pub struct BegunTask {
    pub(crate) id: i64,
    pub(crate) wait: Wait,
    pub(crate) value: Value,
    pub(crate) local: Value,
    pub(crate) machine: Vm,
}

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// A time: seconds since 1970.
    Until(u64),
    /// Somebody who resumes it.
    Forever,
    /// What is lost with the server, in a word.
    Lost(&'static str),
}

/// A task as another server has it.
#[derive(Clone, Debug)]
pub struct ToldTask {
    /// The task.
    pub task: ImportedTask,
    /// What it waited for and is told that it was interrupted in; empty for one that is suspended.
    pub status: &'static str,
}

impl BegunTask {
    /// Its number.
    pub fn id(&self) -> TaskId {
        TaskId(self.id)
    }

    /// Whose permissions it has.
    pub fn programmer(&self) -> ObjId {
        self.machine.perms()
    }

    /// The task in a textdump of that format.
    ///
    /// # Errors
    /// See [`StopReason`].
    pub fn told(&self, format: u8) -> Result<ToldTask, ImportStopError> {
        let (start_s, status) = match self.wait {
            Wait::Until(start) => (Some(start), ""),
            Wait::Forever => (None, ""),
            Wait::Lost(status) if format >= INTERRUPT_FORMAT => (Some(0), status),
            Wait::Lost(_) => (Some(0), ""),
        };
        let (fork, activations) = self.activations(format)?;
        let task = ImportedTask {
            id: self.id,
            start_s,
            value: self.outcome(format),
            local: self.local.clone(),
            fork,
            activations,
        };
        Ok(ToldTask { task, status })
    }

    /// What the function in which it waits returns; an error is raised.
    fn outcome(&self, format: u8) -> Value {
        let raised = self.machine.pending_raise();
        let raised = raised.map(|raise| raise.code.as_err().unwrap_or(ErrorCode::InvArg));
        match (self.wait, raised) {
            (Wait::Lost(_), _) if format >= INTERRUPT_FORMAT => Value::Err(ErrorCode::Intrpt),
            // As a function that asks somebody who is gone.
            (Wait::Lost(_), _) => Value::Err(ErrorCode::InvArg),
            (_, Some(code)) => Value::Err(code),
            (_, None) => self.value.clone(),
        }
    }

    /// The activations, and of the first one the fork whose body it runs.
    fn activations(
        &self,
        format: u8,
    ) -> Result<(Option<u32>, Vec<ImportedActivation>), ImportStopError> {
        let frames = self.machine.standing_frames();
        let mut fork = None;
        let mut activations: Vec<ImportedActivation> = Vec::with_capacity(frames.len());
        // From the last one, as each must call what is behind it.
        let mut called: Option<&StandingFrame> = None;
        for (at, frame) in frames.iter().enumerate().rev() {
            let call = call_of(frame);
            let one = activation(frame, call.clone(), format);
            let (one, callee, vector) = one.map_err(|reason| blame(Some(&call), reason))?;
            if let (Some(next), Some(called)) = (activations.first_mut(), called) {
                next.via = via(called, &next.call, &callee, format)
                    .map_err(|reason| blame(Some(&next.call), reason))?;
            }
            let is_fit = calls(&callee, activations.first()) && (at == 0 || vector.is_none());
            if !is_fit {
                let line = frame
                    .verb
                    .program
                    .line(usize::from(frame.pc).saturating_sub(1));
                return Err(blame(Some(&call), StopReason::Callee { line }));
            }
            fork = vector;
            activations.insert(0, one);
            called = Some(frame);
        }
        Ok((fork, activations))
    }
}

/// The call of a frame, with its variables as they come.
fn call_of(frame: &StandingFrame) -> ImportedCall {
    let source = frame.verb.program.source.as_ref();
    ImportedCall {
        this: frame.this.clone(),
        player: frame.player,
        programmer: frame.perms,
        definer: frame.verb.definer.clone(),
        verb: frame.called_as.clone(),
        verb_names: frame.verb.names.clone(),
        debug: frame.debug,
        source: source.map_or_else(String::new, |source| source.as_str().to_owned()),
        variables: frame.variables.clone(),
    }
}

/// A frame, what it calls, and which fork's body it runs.
fn activation(
    frame: &StandingFrame,
    mut call: ImportedCall,
    format: u8,
) -> Result<(ImportedActivation, Callee, Option<u32>), StopReason> {
    let told = told(frame, format)?;
    call.source = in_words_of(format, &call.source)?;
    call.variables = told
        .variables
        .into_iter()
        .map(|(name, constant)| {
            let mut known = call.variables.iter();
            let own = known.find(|(known, _)| known.eq_fold(&name));
            let value = own.map_or(constant, |(_, value)| value.clone());
            (name, value)
        })
        .collect();
    let activation = ImportedActivation {
        call,
        language: format,
        stack: told.stack,
        offset: told.offset,
        call_offset: told.call_offset,
        via: None,
    };
    Ok((activation, told.callee, told.fork))
}

fn told(frame: &StandingFrame, format: u8) -> Result<Told, StopReason> {
    let program = &frame.verb.program;
    let source = program
        .source
        .as_ref()
        .ok_or(StopReason::Textless)?
        .as_str();
    let tell = |ast| {
        let standing = Standing {
            program,
            pc: frame.pc,
            registers: &frame.registers,
            arguments: &frame.arguments,
        };
        let target = Target {
            format,
            is_builtin: &|name| is_there(name, format),
        };
        tell_stopped(&ast, standing, target, &|name| registry().number(name))
    };
    let ast = parse_stored(source, Features::default()).map_err(StopReason::Compile)?;
    match tell(ast) {
        // One that goes on from another server may call functions that only that one has.
        Err(StopError::Changed) => {
            let ast = parse_foreign(source, LanguageVersion::CURRENT);
            Ok(tell(ast.map_err(StopReason::Compile)?)?)
        }
        told => Ok(told?),
    }
}

/// A program that calls the functions which servers of that format have not got as their parsers would have it: by their names.
fn in_words_of(format: u8, source: &str) -> Result<String, StopReason> {
    let is_builtin = |name: &str| is_there(name, format);
    let mut options = ParseOptions::new(&is_builtin);
    options.unknown_builtins = UnknownBuiltins::CallByName;
    let ast = moor_compiler::parse(source, &options).map_err(StopReason::Compile)?;
    let text = unparse(&ast, Layout::CANONICAL).join("\n");
    match parse_foreign(&text, LanguageVersion(format)) {
        Ok(there) if there == ast => Ok(text),
        _ => Err(StopReason::Foreign),
    }
}

/// Whether servers of that format have the function. One that is unknown here came from such a server.
fn is_there(name: &str, format: u8) -> bool {
    registry()
        .by_name(name)
        .is_none_or(|spec| match spec.origin {
            Origin::LambdaMoo => true,
            Origin::ToastStunt => format >= STUNT_FORMAT,
            Origin::MooR | Origin::Own => false,
        })
}

/// The function that called a frame, as those servers note it.
fn via(
    frame: &StandingFrame,
    call: &ImportedCall,
    callee: &Callee,
    format: u8,
) -> Result<Option<ImportedBuiltin>, StopReason> {
    let Some(pending) = frame.via.as_deref() else {
        return Ok(None);
    };
    let name = pending.name.as_str();
    let step = u64::from(pending.step);
    let refuse = || StopReason::Builtin {
        name: Str::new(name),
        step,
    };
    let mut notes = notes(pending, call, format).ok_or_else(refuse)?;
    let mut outer = name;
    if *callee == Callee::Builtin(BY_NAME.into()) {
        notes.insert(0, format!("bf_{BY_NAME} data: fname = {name}"));
        outer = BY_NAME;
    }
    Ok(Some(ImportedBuiltin {
        name: Str::new(outer),
        step,
        notes: notes.into_iter().map(Str::from).collect(),
    }))
}

/// What a function notes; steps are numbered as on those servers.
fn notes(pending: &PendingBuiltin, call: &ImportedCall, format: u8) -> Option<Vec<String>> {
    let name = pending.name.as_str();
    if !is_there(name, format) {
        return None;
    }
    let object = |value: &Value| value.as_obj().map(|id| id.0);
    match (name, pending.step) {
        ("eval", 2) => Some(Vec::new()),
        ("move", 2..=4) => {
            let [what, to, Value::Int(position)] = pending.state.as_list()?.as_slice() else {
                return None;
            };
            let (what, to) = (object(what)?, object(to)?);
            let mut note = format!("bf_move data: what = {what}, where = {to}");
            if format >= STUNT_FORMAT {
                note.push_str(&format!(", position = {position}"));
            }
            Some(vec![note])
        }
        ("create" | "recreate", 2) => {
            let made = object(&pending.state)?;
            Some(vec![format!("bf_create data: oid = {made}")])
        }
        ("recycle", 2) => {
            let gone = object(&pending.state).or_else(|| object(&call.this))?;
            Some(vec![format!("bf_recycle data: oid = {gone}, cont = 0")])
        }
        _ => None,
    }
}
