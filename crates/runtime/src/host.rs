//! The world as a running program sees it: the machine's one door, opened onto a stretch.
//!
//! In: names, values, permissions. Out: properties, verbs ready to run, results of builtins. What a
//! property or a permission is, is the world's knowledge; what a builtin does is in `builtins`.

use std::sync::Arc;

use moor_bytecode::Program;
use moor_compiler::Feature;
use moor_value::{ErrorCode, Lambda, ObjId, Symbol, Value};
use moor_vm::{
    AbortReason, BuiltinOutcome, Context, Host, Name, PendingBuiltin, Raise, Verb, Vm, WAIF_PREFIX,
};
use moor_world::{Entity, ResolvedVerb};

use crate::builtins::{self, Answer, Call, Env, Run};
use crate::effects::Effect;
use crate::program;
use crate::registry::registry;
use crate::request::Request;
use crate::stretch::Stretch;
use crate::surroundings::Around;
use crate::tally;
use crate::tasks;

/// Bytes of arguments and of values that are written, between two looks at the clock and at what the stretch holds.
const TOIL_BYTES_MAX: usize = 8 << 20;
/// What one stretch may write and print: what one commit may hold (`store/batch.rs`), less a largest value and what
/// comes between two looks.
const STRETCH_BYTES_MAX: usize = 176 << 20;

impl Host for Stretch<'_> {
    type Request = Request;

    fn find_verb(&mut self, receiver: &Value, name: Name<'_>) -> Result<&Arc<Verb>, ErrorCode> {
        let entity = match receiver {
            Value::Obj(id) => Entity::object(*id),
            other => self.receiver_entity(other)?,
        };
        let symbol = match name.symbol {
            Some(symbol) => symbol,
            // Only a pattern can match a word that was never a name.
            None => Symbol::intern(name.text),
        };
        let way = match self.verbs.find(entity, symbol) {
            Some(way) => way,
            None => self.look_verb_up(entity, receiver, symbol)?,
        };
        self.verbs.at(way).ok_or(ErrorCode::VerbNf)
    }

    #[inline]
    fn known_verb(&self, receiver: ObjId, name: Symbol) -> Option<&Arc<Verb>> {
        let way = self.verbs.find(Entity::object(receiver), name)?;
        self.verbs.at(way)
    }

    fn get_property(
        &mut self,
        object: &Value,
        name: Name<'_>,
        perms: ObjId,
    ) -> Result<Value, ErrorCode> {
        match object {
            Value::Obj(id) => {
                let entity = Entity::object(*id);
                self.txn.get_property(perms, entity, name.known())
            }
            Value::Anon(handle) => {
                let entity = Entity::anon(handle.id());
                self.txn.get_property(perms, entity, name.known())
            }
            Value::Waif(waif) => self.txn.get_waif_property(perms, waif, name.text),
            _ => Err(ErrorCode::Type),
        }
    }

    #[inline]
    fn known_property(&mut self, object: &Value, name: Symbol, perms: ObjId) -> Option<&Value> {
        let Value::Obj(id) = object else {
            return None;
        };
        self.txn.known_value(perms, Entity::object(*id), name)
    }

    fn set_property(
        &mut self,
        object: &Value,
        name: Name<'_>,
        value: Value,
        perms: ObjId,
    ) -> Result<(), ErrorCode> {
        if self.toil([value.bytes()].into_iter()).is_err() {
            return Err(ErrorCode::Quota);
        }
        match object {
            Value::Obj(id) => {
                let entity = Entity::object(*id);
                self.txn.set_property(perms, entity, name.known(), value)
            }
            Value::Anon(handle) => {
                let entity = Entity::anon(handle.id());
                self.txn.set_property(perms, entity, name.known(), value)
            }
            Value::Waif(waif) => self.txn.set_waif_property(perms, waif, name.text, value),
            _ => Err(ErrorCode::Type),
        }
    }

    #[inline]
    fn known_property_mut(
        &mut self,
        object: &Value,
        name: Symbol,
        perms: ObjId,
    ) -> Option<&mut Value> {
        let Value::Obj(id) = object else {
            return None;
        };
        self.txn.known_value_mut(perms, Entity::object(*id), name)
    }

    fn is_wizard(&mut self, object: ObjId) -> bool {
        self.txn.is_wizard(object)
    }

    fn waif_is_indexable(&mut self, waif: &Value) -> Result<(), ErrorCode> {
        match waif {
            Value::Waif(waif) if !self.txn.valid_object(waif.class()) => Err(ErrorCode::InvInd),
            Value::Waif(waif) => {
                // Only wizards' classes may say what indexing means.
                let owner = self.txn.owner(waif.class().into());
                if self.txn.is_wizard(owner) {
                    Ok(())
                } else {
                    Err(ErrorCode::Type)
                }
            }
            _ => Err(ErrorCode::Type),
        }
    }

    fn call_builtin(
        &mut self,
        builtin: u16,
        args: &mut [Value],
        context: &mut Context<'_>,
    ) -> BuiltinOutcome<Request> {
        if !(self.runtime.limits.count_builtins && tally::begin_builtin(builtin)) {
            return self.run_builtin(builtin, args, context);
        }
        let began = self.runtime.clock.steady();
        let outcome = self.run_builtin(builtin, args, context);
        let took = self.runtime.clock.steady().saturating_sub(began);
        tally::end_builtin(builtin, took);
        outcome
    }

    fn resume_builtin(
        &mut self,
        pending: PendingBuiltin,
        result: Value,
        unwinding: bool,
        context: &mut Context<'_>,
    ) -> BuiltinOutcome<Request> {
        let run = registry().spec(pending.builtin).map(|spec| spec.run);
        let Some(Run::Context(_, Some(resume))) = run else {
            return BuiltinOutcome::Return(result);
        };
        let reply = resume(
            &mut Env {
                stretch: self,
                context,
            },
            pending,
            result,
            unwinding,
        );
        builtins::outcome(reply)
    }

    fn function_program(&mut self, function: &Lambda) -> Option<Arc<Program>> {
        program::function_program(function, self.runtime.limits.features)
    }

    fn is_protected(&mut self, builtin: u16) -> bool {
        self.options.is_protected_builtin(builtin)
    }

    fn fork(
        &mut self,
        child: Box<Vm>,
        delay: f64,
        context: &mut Context<'_>,
    ) -> Result<i64, Box<Raise>> {
        let owner = context.perms();
        if !self.may_queue_task(owner) {
            return Err(Raise::new(ErrorCode::Quota));
        }
        let id = self.runtime.new_task_id();
        let entry = tasks::forked(self, id, child, delay);
        if self.toil([entry.row.len()].into_iter()).is_err() {
            return Err(Raise::new(ErrorCode::Quota));
        }
        self.effects.push(Effect::Park(Box::new(entry)));
        Ok(id.0)
    }

    fn is_interrupted(&mut self) -> bool {
        self.is_late()
    }
}

/// What `$server_options.protect_...` says of a call of a builtin.
enum Protection {
    /// Go on.
    Open,
    /// `#0` has a verb that takes its place.
    Override(Box<moor_vm::Call>),
    /// Wizards only.
    Refused,
}

impl Stretch<'_> {
    /// Runs a builtin, if its arguments are right and the world does not protect it.
    fn run_builtin(
        &mut self,
        builtin: u16,
        args: &mut [Value],
        context: &mut Context<'_>,
    ) -> BuiltinOutcome<Request> {
        let Some(spec) = registry().spec(builtin) else {
            return BuiltinOutcome::error(ErrorCode::InvArg);
        };
        if let Err(raise) = builtins::check_args(spec, args) {
            return BuiltinOutcome::Raise(builtins::raised(raise));
        }
        if self.options.is_protected_builtin(builtin) {
            match self.protect(spec.name, args, context) {
                Protection::Open => {}
                Protection::Override(call) => return BuiltinOutcome::Call(call),
                Protection::Refused => return BuiltinOutcome::error(ErrorCode::Perm),
            }
        }
        if let Err(outcome) = self.toil(args.iter().map(Value::bytes)) {
            return outcome;
        }
        match spec.run {
            Run::Pure(run) => match self.with_call(context.perms(), |call| run(call, args)) {
                Ok(value) if spec.answers_truth => BuiltinOutcome::returned(self.truth(value)),
                Ok(value) => BuiltinOutcome::returned(value),
                Err(raise) => self.refused(raise),
            },
            Run::Context(run, _) => {
                let reply = run(
                    &mut Env {
                        stretch: self,
                        context,
                    },
                    args,
                );
                match reply {
                    Ok(Answer::Value(value)) if spec.answers_truth => {
                        BuiltinOutcome::returned(self.truth(value))
                    }
                    reply => builtins::outcome(reply),
                }
            }
        }
    }

    /// Runs what needs no world but the limits, the clock and chance; `perms` are those of the calling code.
    #[inline]
    pub(crate) fn with_call<T>(&mut self, perms: ObjId, run: impl FnOnce(&mut Call<'_>) -> T) -> T {
        let mut around = Around {
            runtime: self.runtime,
            txn: &mut self.txn,
            deadline: self.deadline,
            perms,
        };
        run(&mut Call::new(&self.options.value_limits, &mut around))
    }

    /// What a builtin answers whose 1 and 0 stand for true and false.
    #[cold]
    pub(crate) fn truth(&self, answer: Value) -> Value {
        let features = self.runtime.limits.features;
        match answer {
            Value::Int(truth @ 0..=1) if features.has(Feature::UseBooleanReturns) => {
                Value::Bool(truth == 1)
            }
            other => other,
        }
    }

    /// Accounts for work on values of these sizes. After much of it the task ends if its time is over, and gets `E_QUOTA`
    /// if what it has written, printed and forked is more than one commit may hold.
    fn toil(&mut self, bytes: impl Iterator<Item = usize>) -> Result<(), BuiltinOutcome<Request>> {
        let bytes = bytes.fold(0, usize::saturating_add);
        self.toil_bytes = self.toil_bytes.saturating_add(bytes);
        if self.toil_bytes < TOIL_BYTES_MAX {
            return Ok(());
        }
        self.toil_bytes = 0;
        if self.is_late() {
            return Err(BuiltinOutcome::Abort(AbortReason::Seconds));
        }
        let held = self
            .txn
            .written_bytes()
            .saturating_add(self.effects.bytes());
        if held > STRETCH_BYTES_MAX {
            return Err(BuiltinOutcome::error(ErrorCode::Quota));
        }
        Ok(())
    }

    /// What a pure builtin's error is to the task: a value that grew too large ends it, unless the world wants to
    /// hear of that.
    fn refused(&self, raise: builtins::Raise) -> BuiltinOutcome<Request> {
        let is_quota = raise.code == Value::Err(ErrorCode::Quota);
        if is_quota && !self.options.max_concat_catchable {
            return BuiltinOutcome::Abort(AbortReason::Seconds);
        }
        BuiltinOutcome::Raise(builtins::raised(raise))
    }

    /// The entity whose verbs a call on a value that is not an object finds.
    pub(crate) fn receiver_entity(&mut self, receiver: &Value) -> Result<Entity, ErrorCode> {
        match receiver {
            Value::Anon(handle) => Ok(Entity::anon(handle.id())),
            Value::Waif(waif) => Ok(Entity::object(waif.class())),
            Value::Fly(flyweight) => Ok(Entity::object(flyweight.delegate())),
            other => self.prototype(other),
        }
    }

    /// The object whose verbs values of a type have: the one of ToastStunt's name, else of mooR's where the feature is on.
    fn prototype(&mut self, value: &Value) -> Result<Entity, ErrorCode> {
        let (own, dispatched) = prototype_names(value);
        let features = self.runtime.limits.features;
        let dispatched = dispatched.filter(|_| features.has(Feature::TypeDispatch));
        let system = Entity::object(ObjId::SYSTEM);
        for name in own.into_iter().chain(dispatched) {
            let prototype = self.txn.property_value(system, Symbol::intern(name));
            if let Some(Value::Obj(prototype)) = prototype {
                return Ok(Entity::object(prototype));
            }
        }
        Err(ErrorCode::Type)
    }

    /// Finds a verb in the world, makes it ready to run and remembers it.
    fn look_verb_up(
        &mut self,
        entity: Entity,
        receiver: &Value,
        symbol: Symbol,
    ) -> Result<usize, ErrorCode> {
        let wanted = match receiver {
            // A waif's verbs are its class's verbs whose names begin with a colon.
            Value::Waif(_) => Symbol::intern(&format!("{WAIF_PREFIX}{}", symbol.as_str())),
            _ => symbol,
        };
        let Some(found) = self.txn.find_callable_verb(entity, wanted) else {
            let valid = self.txn.valid(entity);
            return Err(if valid {
                ErrorCode::VerbNf
            } else {
                ErrorCode::InvInd
            });
        };
        let verb = self.ready_verb(&found);
        Ok(self.verbs.remember(entity, symbol, verb))
    }

    /// A verb as the machine runs it; compiled by whoever runs it first.
    pub(crate) fn ready_verb(&self, found: &Arc<ResolvedVerb>) -> Arc<Verb> {
        program::ready_verb(found, self.runtime.limits.features)
    }

    /// What the world's protection of builtins says of a call of a protected one.
    fn protect(&mut self, name: &str, args: &mut [Value], context: &mut Context<'_>) -> Protection {
        let by_system = context.frame().this() == &Value::Obj(ObjId::SYSTEM);
        if !by_system && let Some(call) = self.override_of(name, args) {
            return Protection::Override(call);
        }
        if self.txn.is_wizard(context.perms()) {
            Protection::Open
        } else {
            Protection::Refused
        }
    }

    /// The call of `#0:bf_NAME` that takes a protected builtin's place.
    fn override_of(&mut self, name: &str, args: &mut [Value]) -> Option<Box<moor_vm::Call>> {
        let verb_name = format!("bf_{name}");
        let symbol = Symbol::intern(&verb_name);
        let found = self
            .txn
            .find_callable_verb(Entity::object(ObjId::SYSTEM), symbol)?;
        Some(Box::new(moor_vm::Call {
            verb: self.ready_verb(&found),
            this: Value::Obj(ObjId::SYSTEM),
            called_as: verb_name.into(),
            args: args.iter_mut().map(std::mem::take).collect(),
            command: None,
            as_command: false,
            then: None,
        }))
    }
}

/// The properties of `#0` that hold the prototype of a type: ToastStunt's, and mooR's.
fn prototype_names(value: &Value) -> (Option<&'static str>, Option<&'static str>) {
    let (own, dispatched) = match value {
        Value::Int(_) => ("int_proto", "integer"),
        Value::Float(_) => ("float_proto", "float"),
        Value::Str(_) => ("str_proto", "string"),
        Value::List(_) => ("list_proto", "list"),
        Value::Map(_) => ("map_proto", "map"),
        Value::Err(_) | Value::Error(_) => ("err_proto", "error"),
        Value::Bool(_) => ("bool_proto", "boolean"),
        Value::Sym(_) => return (None, Some("symbol")),
        Value::Binary(_) => return (None, Some("binary")),
        _ => return (None, None),
    };
    (Some(own), Some(dispatched))
}
