//! A world with a few objects, in which any program may run.
//!
//! In: programs. Out: the end of each, within few ticks and little memory. Its builtins are the server's pure ones, and
//! those by which a program waits, calls and asks about itself. It has no permissions, no store and no clock.

use std::collections::HashMap;
use std::sync::Arc;

use moor_bytecode::Program;
use moor_runtime::fuzzing::call_pure_builtin;
use moor_value::{ErrorCode, Lambda, ObjId, Str, Symbol, Value};
use moor_vm::{
    AbortReason, BuiltinOutcome, Call, Command, Context, Host, Name, Outcome, PendingBuiltin,
    Raise, SizeLimits, Start, TaskLimits, Verb, Vm,
};

use crate::source::{function_program, name_of_builtin, program};

/// Ticks of a stretch.
const TICKS: i64 = 5_000;
/// Calls within one another.
const STACK_DEPTH: usize = 20;
/// Bytes of a string, a list or a map.
const VALUE_BYTES_MAX: usize = 256 << 10;
/// Stretches that one input gets: of the task and all that it forks.
const STRETCHES_MAX: u32 = 8;
/// Polls until the time of one builtin is up.
const POLLS: u32 = 50;
/// Questions whether the time is up, until it is.
const QUESTIONS_MAX: u32 = 200;
/// Objects that exist, from `#0`.
const OBJECTS: i64 = 4;

/// The objects, all with the same properties and verbs.
#[derive(Default)]
pub struct World {
    properties: HashMap<Symbol, Value>,
    verbs: HashMap<Symbol, Arc<Verb>>,
    forked: Vec<Box<Vm>>,
    questions: u32,
}

impl World {
    /// A world in which `program` is the verb `test` of every object.
    #[must_use]
    pub fn new(program: Program) -> Self {
        let mut world = Self::default();
        world.define("test", program);
        for (name, value) in [
            ("count", Value::Int(0)),
            ("list", Value::from(vec![Value::Int(1), Value::from("two")])),
            ("name", Value::from("thing")),
        ] {
            world.properties.insert(Symbol::intern(name), value);
        }
        world
    }

    fn define(&mut self, name: &str, program: Program) {
        let verb = Verb {
            program: Arc::new(program),
            definer: Value::Obj(ObjId(1)),
            names: Str::new(name),
            owner: ObjId(2),
            debug: true,
            own_name: None,
        };
        self.verbs.insert(Symbol::intern(name), Arc::new(verb));
    }
}

/// Runs the verb `test`, and what it forks, each to its end or until there have been enough stretches.
pub fn run(world: World) {
    let verb = Arc::clone(&world.verbs[&Symbol::intern("test")]);
    let first = Vm::new(Start {
        verb,
        this: Value::Obj(ObjId(1)),
        called_as: Str::new("test"),
        args: vec![Value::Int(3), Value::from("text"), Value::Float(0.5)],
        player: ObjId(2),
        caller: Value::Obj(ObjId(2)),
        command: Command::default(),
    });
    run_task(world, first);
}

/// The same for a task that has begun.
pub(crate) fn run_task(mut world: World, first: Vm) {
    let mut waiting = vec![Box::new(first)];
    for _ in 0..STRETCHES_MAX {
        let Some(mut task) = waiting.pop() else {
            return;
        };
        let sizes = SizeLimits {
            string_bytes: VALUE_BYTES_MAX,
            list_bytes: VALUE_BYTES_MAX,
            map_bytes: VALUE_BYTES_MAX,
            quota_catchable: true,
        };
        let limits = TaskLimits {
            ticks: TICKS,
            stack_depth: STACK_DEPTH,
            sizes: sizes.into(),
        };
        world.questions = 0;
        if let Outcome::Suspended(value) = task.run(&mut world, &limits) {
            task.resume(value);
            waiting.push(task);
        }
        waiting.append(&mut world.forked);
    }
}

fn exists(object: &Value) -> Result<(), ErrorCode> {
    match object {
        Value::Obj(id) if (0..OBJECTS).contains(&id.0) => Ok(()),
        Value::Obj(_) => Err(ErrorCode::InvInd),
        _ => Err(ErrorCode::Type),
    }
}

impl Host for World {
    type Request = Value;

    fn function_program(&mut self, function: &Lambda) -> Option<Arc<Program>> {
        function_program(function).map(Arc::new)
    }

    fn find_verb(&mut self, receiver: &Value, name: Name<'_>) -> Result<&Arc<Verb>, ErrorCode> {
        exists(receiver)?;
        let found = name.symbol.and_then(|name| self.verbs.get(&name));
        found.ok_or(ErrorCode::VerbNf)
    }

    fn known_verb(&self, receiver: ObjId, name: Symbol) -> Option<&Arc<Verb>> {
        exists(&Value::Obj(receiver)).ok()?;
        self.verbs.get(&name)
    }

    fn get_property(
        &mut self,
        object: &Value,
        name: Name<'_>,
        _: ObjId,
    ) -> Result<Value, ErrorCode> {
        exists(object)?;
        let found = self.properties.get(&name.known());
        found.cloned().ok_or(ErrorCode::PropNf)
    }

    fn known_property(&mut self, object: &Value, name: Symbol, _: ObjId) -> Option<&Value> {
        exists(object).ok()?;
        self.properties.get(&name)
    }

    fn set_property(
        &mut self,
        object: &Value,
        name: Name<'_>,
        value: Value,
        _: ObjId,
    ) -> Result<(), ErrorCode> {
        exists(object)?;
        let place = self.properties.get_mut(&name.known());
        *place.ok_or(ErrorCode::PropNf)? = value;
        Ok(())
    }

    fn known_property_mut(&mut self, object: &Value, name: Symbol, _: ObjId) -> Option<&mut Value> {
        exists(object).ok()?;
        self.properties.get_mut(&name)
    }

    fn is_wizard(&mut self, object: ObjId) -> bool {
        object.0 == 0
    }

    fn waif_is_indexable(&mut self, _: &Value) -> Result<(), ErrorCode> {
        Ok(())
    }

    fn call_builtin(
        &mut self,
        builtin: u16,
        args: &mut [Value],
        context: &mut Context<'_>,
    ) -> BuiltinOutcome<Value> {
        use BuiltinOutcome as O;
        match (name_of_builtin(builtin), &mut *args) {
            ("suspend" | "read" | "commit" | "yin", _) => O::Suspend(Value::ZERO),
            ("kill_task", _) => O::Abort(AbortReason::Killed),
            ("callers", rest) => O::Return(Value::List(context.callers(!rest.is_empty()))),
            ("caller_perms", _) => O::Return(Value::Obj(context.caller_perms())),
            ("task_perms", _) => O::Return(Value::Obj(context.perms())),
            ("ticks_left", _) => O::Return(Value::Int(context.ticks_left())),
            ("set_task_perms", [Value::Obj(who)]) => {
                context.set_perms(*who);
                O::Return(Value::ZERO)
            }
            ("raise", [code, rest @ ..]) => {
                let message = rest.first().and_then(Value::as_str).cloned();
                let message = message.unwrap_or_else(|| Str::from(code.to_text()));
                let about = rest.get(1).cloned().unwrap_or(Value::ZERO);
                O::Raise(Raise::with(code.take(), message, about))
            }
            ("eval", [Value::Str(source)]) => self.eval(source.as_str(), builtin, context),
            (name, args) => match call_pure_builtin(name, args, POLLS) {
                Some(Ok(value)) => O::Return(value),
                Some(Err((code, message))) => O::Raise(Raise::with(code, message, Value::ZERO)),
                None => O::error(ErrorCode::Perm),
            },
        }
    }

    fn resume_builtin(
        &mut self,
        _: PendingBuiltin,
        result: Value,
        _unwinding: bool,
        _: &mut Context<'_>,
    ) -> BuiltinOutcome<Value> {
        BuiltinOutcome::Return(result)
    }

    fn is_protected(&mut self, _: u16) -> bool {
        false
    }

    fn fork(&mut self, mut child: Box<Vm>, _: f64, _: &mut Context<'_>) -> Result<i64, Box<Raise>> {
        if self.forked.len() >= STRETCHES_MAX as usize {
            return Err(Raise::new(ErrorCode::Quota));
        }
        let id = 1 + self.forked.len() as i64;
        child.set_task_variable(id);
        self.forked.push(child);
        Ok(id)
    }

    fn is_interrupted(&mut self) -> bool {
        self.questions += 1;
        self.questions > QUESTIONS_MAX
    }
}

impl World {
    fn eval(&self, source: &str, builtin: u16, context: &Context<'_>) -> BuiltinOutcome<Value> {
        let Some(program) = program(source) else {
            return BuiltinOutcome::Return(Value::ZERO);
        };
        let verb = Verb {
            program: Arc::new(program),
            definer: Value::Obj(ObjId::NOTHING),
            names: Str::new("Input to EVAL"),
            owner: context.perms(),
            debug: true,
            own_name: None,
        };
        BuiltinOutcome::Call(Box::new(Call {
            verb: Arc::new(verb),
            this: Value::Obj(ObjId::NOTHING),
            called_as: Str::EMPTY,
            args: Vec::new(),
            command: Some(Command::default()),
            as_command: false,
            then: Some(Box::new(PendingBuiltin {
                builtin,
                name: Symbol::intern("eval"),
                step: 1,
                state: Value::ZERO,
            })),
        }))
    }
}
