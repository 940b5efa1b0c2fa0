//! A small world for tests and measurements: objects with properties and verbs, a few builtin functions.
//!
//! Programs are compiled from source when they are first called. Only this file knows the machine's API beyond
//! running a program; cases are MOO source and literals.
#![allow(dead_code, unreachable_pub, missing_docs)]

use rustc_hash::FxHashMap as HashMap;
use std::sync::Arc;

use moor_bytecode::Program;
use moor_compiler::{
    Features, LanguageVersion, ParseOptions, UnknownBuiltins, canonical, compile, compile_function,
};
use moor_value::codec::{HandleResolver, NoHandles};
use moor_value::{AnonRef, ErrorCode, Graveyard, Lambda, List, ObjId, Str, Symbol, Value, WaifRef};
use moor_vm::{
    AbortReason, BuiltinOutcome, Call, Command, Context, Host, Name, Outcome, PendingBuiltin,
    Raise, Start, StateResolver, TaskLimits, Verb, Vm,
};

pub const BUILTINS: &[&str] = &[
    "length",
    "abs",
    "raise",
    "suspend",
    "pass",
    "eval",
    "callers",
    "set_task_perms",
    "task_perms",
    "typeof",
    "tostr",
    "toliteral",
    "caller_perms",
    "ticks_left",
    "kill",
    "relay",
    "listappend",
    "waif",
    "max",
];

pub fn builtin_number(name: &str) -> Option<u16> {
    BUILTINS
        .iter()
        .position(|known| *known == name)
        .map(|at| at as u16)
}

fn options() -> ParseOptions<'static> {
    ParseOptions {
        version: LanguageVersion::CURRENT,
        is_builtin: &|name| builtin_number(name).is_some(),
        unknown_builtins: UnknownBuiltins::Refuse,
        features: Features::default(),
    }
}

fn compiled(source: &str) -> Result<Program, String> {
    let canonical = canonical(source, &options()).map_err(|errors| errors.to_string())?;
    compile(&canonical.ast, &builtin_number).map_err(|error| error.to_string())
}

pub fn program(source: &str) -> Program {
    compiled(source).unwrap_or_else(|errors| panic!("{source}: {errors}"))
}

pub fn verb(definer: ObjId, names: &str, source: &str) -> Arc<Verb> {
    verb_of(program(source), definer, names, source)
}

fn verb_of(program: Program, definer: ObjId, names: &str, source: &str) -> Arc<Verb> {
    Arc::new(Verb {
        program: Arc::new(program),
        definer: Value::Obj(definer),
        names: Str::new(names),
        owner: ObjId(3),
        debug: !source.starts_with("\"no debug\""),
        own_name: None,
    })
}

/// The world: `#0` to `#9` are valid, `#3` is the wizard, `#2`'s parent is `#1`.
pub struct World {
    pub properties: HashMap<(i64, Symbol), Value>,
    pub verbs: HashMap<(i64, Symbol), Arc<Verb>>,
    pub parents: HashMap<i64, i64>,
    pub forked: Vec<(Box<Vm>, f64)>,
    pub interrupted: bool,
    pub waif: WaifRef,
    pub unwound: u32,
}

impl Default for World {
    fn default() -> Self {
        let mut world = Self {
            properties: HashMap::default(),
            verbs: HashMap::default(),
            parents: HashMap::from_iter([(2, 1)]),
            forked: Vec::new(),
            interrupted: false,
            waif: WaifRef::new(1, ObjId(9), ObjId(3), Graveyard::new()),
            unwound: 0,
        };
        for (object, name, value) in [
            (0, "thing", Value::Obj(ObjId(2))),
            (2, "count", Value::Int(0)),
            (2, "list", Value::from(vec![Value::Int(1), Value::Int(2)])),
            (
                2,
                "nested",
                Value::from(vec![Value::from(vec![Value::Int(1)])]),
            ),
        ] {
            world
                .properties
                .insert((object, Symbol::intern(name)), value);
        }
        world
    }
}

impl World {
    pub fn add_verb(&mut self, object: i64, name: &str, source: &str) {
        self.verbs.insert(
            (object, Symbol::intern(name)),
            verb(ObjId(object), name, source),
        );
    }

    pub fn task(&self, verb: Arc<Verb>, args: Vec<Value>) -> Vm {
        Vm::new(Start {
            verb,
            this: Value::Obj(ObjId(2)),
            called_as: Str::new("test"),
            args,
            player: ObjId(3),
            caller: Value::Obj(ObjId(3)),
            command: Command {
                argstr: Value::from("the args"),
                ..Command::default()
            },
        })
    }

    /// Runs a program as verb `#2:test` to its end; suspended tasks go on at once with what they waited for.
    pub fn run(&mut self, source: &str, args: Vec<Value>) -> Outcome<Value> {
        let vm = self.task(verb(ObjId(2), "test", source), args);
        self.finish(vm, &mut |vm| vm)
    }

    pub fn finish(&mut self, mut vm: Vm, between: &mut dyn FnMut(Vm) -> Vm) -> Outcome<Value> {
        let limits = TaskLimits {
            ticks: 3_000_000,
            ..TaskLimits::default()
        };
        loop {
            match vm.run(self, &limits) {
                Outcome::Suspended(value) => {
                    vm = between(vm);
                    match value {
                        Value::Err(code) => vm.resume_raise(Raise::new(code)),
                        value => vm.resume(value),
                    }
                }
                outcome => return outcome,
            }
        }
    }

    fn lookup(&self, object: i64, name: Option<Symbol>) -> Option<&Arc<Verb>> {
        let name = name?;
        let mut at = Some(object);
        while let Some(object) = at {
            if let Some(verb) = self.verbs.get(&(object, name)) {
                return Some(verb);
            }
            at = self.parents.get(&object).copied();
        }
        None
    }
}

fn object_of(value: &Value) -> Result<i64, ErrorCode> {
    match value {
        Value::Obj(id) if (0..10).contains(&id.0) => Ok(id.0),
        Value::Obj(_) => Err(ErrorCode::InvInd),
        Value::Waif(waif) => Ok(waif.class().0),
        Value::Str(_) => Ok(8),
        _ => Err(ErrorCode::Type),
    }
}

impl Host for World {
    type Request = Value;

    fn find_verb(&mut self, receiver: &Value, name: Name<'_>) -> Result<&Arc<Verb>, ErrorCode> {
        let object = object_of(receiver)?;
        self.lookup(object, name.symbol).ok_or(ErrorCode::VerbNf)
    }

    fn function_program(&mut self, function: &Lambda) -> Option<Arc<Program>> {
        let names = function.captured().iter().map(|(name, _)| name.as_str());
        let source = function.source().as_str();
        let program = compile_function(source, names, &options(), &builtin_number);
        program.ok().map(Arc::new)
    }

    fn known_verb(&self, receiver: ObjId, name: Symbol) -> Option<&Arc<Verb>> {
        self.lookup(receiver.0, Some(name))
    }

    fn known_property(&mut self, object: &Value, name: Symbol, _: ObjId) -> Option<&Value> {
        self.properties.get(&(object.as_obj()?.0, name))
    }

    fn known_property_mut(&mut self, object: &Value, name: Symbol, _: ObjId) -> Option<&mut Value> {
        self.properties.get_mut(&(object.as_obj()?.0, name))
    }

    fn get_property(
        &mut self,
        object: &Value,
        name: Name<'_>,
        _: ObjId,
    ) -> Result<Value, ErrorCode> {
        let object = if let Value::Str(_) = object {
            Err(ErrorCode::Type)
        } else {
            object_of(object)
        };
        self.properties
            .get(&(object?, name.known()))
            .cloned()
            .ok_or(ErrorCode::PropNf)
    }

    fn set_property(
        &mut self,
        object: &Value,
        name: Name<'_>,
        value: Value,
        _: ObjId,
    ) -> Result<(), ErrorCode> {
        let slot = self
            .properties
            .get_mut(&(object_of(object)?, name.known()))
            .ok_or(ErrorCode::PropNf)?;
        *slot = value;
        Ok(())
    }

    fn is_wizard(&mut self, object: ObjId) -> bool {
        object.0 == 3
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
        match (BUILTINS[usize::from(builtin)], &*args) {
            ("length", _) => O::error(ErrorCode::Type),
            ("abs", [Value::Int(n)]) => O::Return(Value::Int(n.wrapping_abs())),
            ("max", numbers) => O::Return(Value::Int(
                numbers.iter().filter_map(Value::as_int).max().unwrap_or(0),
            )),
            ("raise", [code, rest @ ..]) => {
                let message = rest.first().and_then(Value::as_str).cloned();
                let message = message.unwrap_or_else(|| Str::from(code.to_text()));
                let value = rest.get(1).cloned().unwrap_or(Value::ZERO);
                O::Raise(Raise::with(code.clone(), message, value))
            }
            ("suspend", [value]) => O::Suspend(value.clone()),
            ("kill", _) => O::Abort(AbortReason::Killed),
            ("typeof", [value]) => O::Return(Value::Int(value.value_type() as i64)),
            ("tostr", values) => O::Return(Value::from(
                values.iter().map(Value::to_text).collect::<String>(),
            )),
            ("toliteral", [value]) => O::Return(Value::from(value.to_literal())),
            ("listappend", [Value::List(_), _]) => {
                let (Value::List(mut list), item) = (args[0].take(), args[1].take()) else {
                    unreachable!()
                };
                list.push(item);
                O::Return(Value::List(list))
            }
            ("callers", rest) => O::Return(Value::List(context.callers(!rest.is_empty()))),
            ("set_task_perms", [Value::Obj(who)]) => {
                context.set_perms(*who);
                O::Return(Value::ZERO)
            }
            ("task_perms", _) => O::Return(Value::Obj(context.perms())),
            ("caller_perms", _) => O::Return(Value::Obj(context.caller_perms())),
            ("ticks_left", _) => O::Return(Value::Int(context.ticks_left())),
            ("waif", _) => O::Return(Value::Waif(self.waif.clone())),
            ("pass", _) => self.pass(args, context),
            ("eval", [Value::Str(source)]) => {
                let source = source.as_str();
                match compiled(source) {
                    Ok(program) => self.eval(program, source, context.perms()),
                    Err(_) => O::error(ErrorCode::InvArg),
                }
            }
            ("relay", [target, name, rest @ ..]) => {
                let Value::Str(name) = name else {
                    return O::error(ErrorCode::Type);
                };
                let Ok(object) = object_of(target) else {
                    return O::error(ErrorCode::InvArg);
                };
                match self.lookup(object, Symbol::lookup(name.as_str())).cloned() {
                    Some(found) => self.call_with(
                        found,
                        target.clone(),
                        name.as_str(),
                        rest.to_vec(),
                        "relay",
                        None,
                    ),
                    None => O::error(ErrorCode::VerbNf),
                }
            }
            _ => O::error(ErrorCode::Args),
        }
    }

    fn resume_builtin(
        &mut self,
        pending: PendingBuiltin,
        result: Value,
        unwinding: bool,
        _: &mut Context<'_>,
    ) -> BuiltinOutcome<Value> {
        if unwinding {
            self.unwound += 1;
        }
        let parts = vec![Value::from(pending.name.as_str()), pending.state, result];
        BuiltinOutcome::Return(Value::from(parts))
    }

    fn is_protected(&mut self, _: u16) -> bool {
        false
    }

    fn fork(
        &mut self,
        mut child: Box<Vm>,
        delay: f64,
        _: &mut Context<'_>,
    ) -> Result<i64, Box<Raise>> {
        let id = 100 + self.forked.len() as i64;
        child.set_task_variable(id);
        self.forked.push((child, delay));
        Ok(id)
    }

    fn is_interrupted(&mut self) -> bool {
        self.interrupted
    }
}

impl World {
    fn eval(&mut self, program: Program, source: &str, owner: ObjId) -> BuiltinOutcome<Value> {
        let nothing = ObjId::NOTHING;
        let code = verb_of(program, nothing, "Input to EVAL", source);
        let code = Verb {
            owner,
            ..Verb::clone(&code)
        };
        let command = Some(Command::default());
        let this = Value::Obj(nothing);
        self.call_with(Arc::new(code), this, "", vec![], "eval", command)
    }

    fn pass(&mut self, args: &mut [Value], context: &Context<'_>) -> BuiltinOutcome<Value> {
        let definer = object_of(&context.verb().definer).unwrap_or(0);
        let name = context.called_as().clone();
        let parent = self.parents.get(&definer).copied().unwrap_or(-1);
        let Some(found) = self.lookup(parent, Symbol::lookup(name.as_str())).cloned() else {
            return BuiltinOutcome::error(ErrorCode::VerbNf);
        };
        let args = args.iter_mut().map(Value::take).collect();
        let this = context.frame().this().clone();
        BuiltinOutcome::Call(Box::new(Call {
            verb: found,
            this,
            called_as: name,
            args,
            command: None,
            as_command: false,
            then: None,
        }))
    }

    fn call_with(
        &mut self,
        verb: Arc<Verb>,
        this: Value,
        called_as: &str,
        args: Vec<Value>,
        by: &str,
        command: Option<Command>,
    ) -> BuiltinOutcome<Value> {
        let builtin = builtin_number(by).expect("a known builtin");
        let state = Value::from("state");
        let then = PendingBuiltin {
            builtin,
            name: Symbol::intern(by),
            step: 1,
            state,
        };
        let (called_as, then) = (Str::new(called_as), Some(Box::new(then)));
        BuiltinOutcome::Call(Box::new(Call {
            verb,
            this,
            called_as,
            args,
            command,
            as_command: false,
            then,
        }))
    }
}

/// Finds builtins by name; the test world's only waif by id.
pub struct Resolver<'a>(pub &'a World);

impl HandleResolver for Resolver<'_> {
    fn anon(&mut self, id: u64) -> Option<AnonRef> {
        NoHandles.anon(id)
    }
    fn waif(&mut self, id: u64, _: ObjId, _: ObjId) -> Option<WaifRef> {
        (id == self.0.waif.id()).then(|| self.0.waif.clone())
    }
}

impl StateResolver for Resolver<'_> {
    fn builtin(&self, name: &str) -> Option<u16> {
        builtin_number(name)
    }
}

/// How a case writes an outcome: a literal, or `! E_CODE message`.
pub fn show(outcome: &Outcome<Value>) -> String {
    match outcome {
        Outcome::Returned(value) => value.to_literal(),
        Outcome::Raised(error) => format!("! {} {}", error.code.to_literal(), error.message),
        Outcome::Suspended(_) => "suspended".to_owned(),
        Outcome::Aborted(abort) => format!("aborted: {}", abort.reason.message()),
    }
}

pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::List(items.into_iter().collect::<List>())
}
