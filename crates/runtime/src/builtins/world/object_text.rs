//! Builtins that make text of objects and objects of text.
//!
//! In: objects, lines, options. Out: lines, objects, conflicts. What the text looks like is the knowledge of an
//! [`ObjectText`](crate::object_text::ObjectText), what an object may be that of the transaction.

use std::io;
use std::sync::Arc;

use moor_bytecode::Program;
use moor_compiler::Feature;
use moor_value::{ErrorCode, List, Map, ObjId, Value};
use moor_world::{
    Entity, Misfit, NewObject, ObjectFlags, ObjectImage, ObjectSpec, OverrideSpec, VerbCode,
};
use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};

use super::code::text;
use super::load_conflicts::{Conflict, Part, Policy, laid_over, same_property};
use super::target::entity;
use crate::builtins::arg::Args;
use crate::builtins::env::{Env, Reply, value};
use crate::builtins::named_options::Options;
use crate::builtins::spec::world;
use crate::builtins::{BuiltinSpec, Raise};
use crate::effects::{Effect, EndReason};
use crate::object_text::{HeldHandles, ObjectText, TextMistake};
use crate::program;

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("dump_object", 1..=1, [Any], MooR, dump_object)
        .doc(
            "object:OBJ|ANON",
            "LIST of STR",
            "The lines that the object's file has in an object directory.",
        )
        .raises(
            "E_PERM unless a wizard calls; E_INVARG if the object is gone; E_QUOTA if it would be too large",
        )
        .permission("wizards"),
    world!("load_object", 1..=3, [List, Any, Any], MooR, load_object)
        .doc(
            "lines options:MAP|LIST target:OBJ|ANON|INT",
            "OBJ|ANON or LIST",
            "Makes an object what the lines of its file say, as one change, and returns it. It is the object that they name, which \
             is made if it is gone; the object that is `target`; or a new one: for 0 with the next number, for 1 anonymous, for 2 with a unique \
             id. No verb is called. Properties and verbs that only the object has stay. Of the options, a map or a list of pairs, \
             `conflict_mode` says what happens where both have something that is not the same: `clobber` (if none is given), the lines hold; \
             `skip`, the object does; `detect`, nothing is changed. `overrides` is a list of `{object, part}`, for which the lines hold also \
             with `skip`; a part is `object_flags`, `builtin_props`, `parentage`, `{\"property_def\", name}`, `property_value`, `property_flag`, \
             `{\"verb_def\", names}` or `verb_program`. With `dry_run` nothing is changed; the answer is #-1 for an object that would be new. \
             With `return_conflicts` or `detect` the answer is `{ok, {{object, part, as it is, as the lines say}, ...}, {objects that were \
             loaded}}`, and `ok` is 0 if nothing was changed and there are conflicts. `constants` are not needed.",
        )
        .raises(
            "E_PERM unless a wizard calls; E_TYPE if a line is no string, or an option of another type; E_INVARG if the lines are wrong, with \
             line, column and what was expected in the message and `{{line, column, message, {details, ...}}, ...}` for each mistake as the error's value, if `target` is gone, \
             or an option is unknown; E_RECMOVE if the object would be within itself or its own ancestor; E_QUOTA if the owner's `ownership_quota` \
             is used up, the lines have more than 16 MiB or a value is too large",
        )
        .permission("wizards"),
    world!("reload_object", 1..=3, [List, Any, Any], MooR, reload_object)
        .doc(
            "lines options:MAP|LIST target:OBJ|ANON",
            "OBJ|ANON",
            "Makes an object that exists what the lines of its file say, and nothing besides: properties and verbs that they do not \
             have go. It is the object that they name, or `target`, which may also be the second argument. The only option is `constants`, which are \
             not needed. No verb is called.",
        )
        .raises(
            "E_PERM unless a wizard calls; E_TYPE if a line is no string; E_INVARG if the lines are wrong or the object is gone; E_RECMOVE if the \
             object would be within itself or its own ancestor; E_QUOTA if the lines have more than 16 MiB or a value is too large",
        )
        .permission("wizards"),
];

/// Bytes of the longest text of an object that is read.
const TEXT_BYTES_MAX: usize = 16 << 20;
/// The options of `load_object()`.
const OPTIONS: [&str; 5] = [
    "constants",
    "conflict_mode",
    "dry_run",
    "return_conflicts",
    "overrides",
];
/// The modes, in the order of [`Mode`].
const MODES: [&str; 3] = ["clobber", "skip", "detect"];

fn known_text(env: &Env<'_, '_, '_>) -> Result<Arc<dyn ObjectText>, Raise> {
    let known = env.stretch.runtime.limits.object_text.clone();
    known.ok_or_else(|| ErrorCode::InvArg.into())
}

/// What the machine does not allow.
fn refused(error: &io::Error) -> Raise {
    Raise::with(ErrorCode::Quota, error.to_string(), Value::ZERO)
}

fn dump_object(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let entity = entity(&args[0])?;
    let known = known_text(env)?;
    let image = env.stretch.txn.image(entity).ok_or(ErrorCode::InvArg)?;
    let anons = living(env, &image);
    let spec = described(env, &*known, entity, &image);
    env.in_time()?;
    let lines = known.write(entity, &spec, &anons);
    let lines = lines.map_err(|error| refused(&error))?;
    env.in_time()?;
    let limits = &env.stretch.options.value_limits;
    let is_too_long = |line: &String| line.len() > limits.string_bytes_max;
    let is_too_long = lines.iter().any(is_too_long);
    let lines: List = lines.into_iter().map(Value::from).collect();
    let lines = Value::List(lines);
    match is_too_long || lines.bytes() > limits.list_bytes_max {
        true => Err(ErrorCode::Quota.into()),
        false => value(lines),
    }
}

/// The anonymous objects that an object refers to and that exist.
fn living(env: &mut Env<'_, '_, '_>, image: &ObjectImage) -> FxHashSet<u64> {
    let held = held(image);
    let exists = |id: &u64| env.stretch.txn.valid(Entity::anon(*id));
    held.anons().filter(exists).collect()
}

/// The anonymous objects and waifs that an object refers to.
fn held(image: &ObjectImage) -> HeldHandles {
    let mut held = HeldHandles::default();
    let values = image.propvals.iter();
    for value in values.filter_map(|property| property.value.as_ref()) {
        held.add(value);
    }
    held
}

fn described(
    env: &mut Env<'_, '_, '_>,
    known: &dyn ObjectText,
    entity: Entity,
    image: &ObjectImage,
) -> ObjectSpec {
    let txn = &mut env.stretch.txn;
    let ancestors = txn.ancestors(entity).unwrap_or_default();
    let outlines = ancestors.into_iter().filter_map(|id| txn.outline(id));
    known.describe(image, outlines.collect())
}

/// What `load_object()` is asked for besides.
struct Wishes {
    mode: Mode,
    dry_run: bool,
    return_conflicts: bool,
    /// Each with the object that it is about.
    overrides: Vec<(Entity, Part)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Clobber,
    Skip,
    Detect,
}

impl Wishes {
    fn read(given: Option<&Value>) -> Result<Self, Raise> {
        let map = given.map(pairs).transpose()?;
        let options = Options::read(map.as_ref(), &OPTIONS)?;
        let mode = match options.word("conflict_mode", &MODES)? {
            0 => Mode::Clobber,
            1 => Mode::Skip,
            _ => Mode::Detect,
        };
        let overrides = options.get("overrides");
        let overrides = overrides.map_or(Ok(List::new()), |overrides| {
            overrides.as_list().cloned().ok_or(ErrorCode::Type)
        })?;
        let is_detect = mode == Mode::Detect;
        Ok(Self {
            mode,
            dry_run: is_detect || options.flag("dry_run", false),
            return_conflicts: is_detect || options.flag("return_conflicts", false),
            overrides: overrides.iter().map(forced).collect::<Result<_, _>>()?,
        })
    }

    fn policy(&self, target: Entity) -> Policy {
        let own = self.overrides.iter().filter(|(of, _)| *of == target);
        Policy {
            text_holds: self.mode == Mode::Clobber,
            overrides: own.map(|(_, part)| part.clone()).collect(),
        }
    }
}

/// Options as a map: a map, or a list of pairs.
fn pairs(given: &Value) -> Result<Value, Raise> {
    let Some(list) = given.as_list() else {
        return Ok(given.clone());
    };
    let mut map = Map::new();
    for pair in list.iter() {
        let [key, value] = pair.as_list().ok_or(ErrorCode::Type)?.as_slice() else {
            return Err(ErrorCode::InvArg.into());
        };
        if !map.insert_value(key.clone(), value.clone()) {
            return Err(ErrorCode::Type.into());
        }
    }
    Ok(Value::Map(map))
}

/// `{object, part}`.
fn forced(pair: &Value) -> Result<(Entity, Part), Raise> {
    let [object, part] = pair.as_list().ok_or(ErrorCode::Type)?.as_slice() else {
        return Err(ErrorCode::InvArg.into());
    };
    Ok((entity(object)?, Part::read(part)?))
}

/// Which object becomes what lines say.
#[derive(Clone, PartialEq)]
enum Target {
    /// The one that they name.
    Named,
    New(NewObject),
    Existing(Value),
}

fn target(env: &mut Env<'_, '_, '_>, given: Option<&Value>) -> Result<Target, Raise> {
    let given = match given {
        None => return Ok(Target::Named),
        Some(given) => given,
    };
    match given {
        Value::Int(0) => Ok(Target::New(NewObject::Next)),
        Value::Int(1) => Ok(Target::New(NewObject::Anonymous)),
        Value::Int(2) if env.features().has(Feature::UseUuobjids) => {
            let id = env.stretch.runtime.new_unique_id();
            Ok(Target::New(NewObject::At(id)))
        }
        Value::Int(_) => Err(ErrorCode::InvArg.into()),
        Value::Obj(_) | Value::Anon(_) => {
            let exists = env.stretch.txn.valid(entity(given)?);
            let target = exists.then(|| Target::Existing(given.clone()));
            target.ok_or_else(|| ErrorCode::InvArg.into())
        }
        _ => Err(ErrorCode::Type.into()),
    }
}

/// A text that was read.
struct Loaded {
    known: Arc<dyn ObjectText>,
    /// Whose text it is.
    named: Entity,
    spec: ObjectSpec,
    /// The programs of its verbs by their canonical sources.
    programs: FxHashMap<String, Arc<Program>>,
}

impl Loaded {
    /// Reads lines for an object. What they say of anonymous objects and waifs, they say of those that the object, or the one
    /// that they name, refers to.
    fn read(env: &mut Env<'_, '_, '_>, lines: &Value, target: &Target) -> Result<Self, Raise> {
        let known = known_text(env)?;
        let lines = lines.as_list().ok_or(ErrorCode::Type)?;
        let text = text(lines.as_slice())?;
        if text.len() > TEXT_BYTES_MAX {
            return Err(ErrorCode::Quota.into());
        }
        let mut handles = HeldHandles::default();
        let target = match target {
            Target::Existing(object) => Some(entity(object)?),
            Target::Named | Target::New(_) => None,
        };
        for holder in known.subject(&text).into_iter().chain(target) {
            let image = env.stretch.txn.image(holder);
            let values = image.iter().flat_map(|image| &image.propvals);
            for value in values.filter_map(|property| property.value.as_ref()) {
                handles.add(value);
            }
        }
        let programs: Mutex<FxHashMap<String, Arc<Program>>> = Mutex::default();
        let features = env.features();
        let compile = |source: &str| {
            let (source, program) = program::canonical(source, features)?;
            let source = source.into_string();
            programs.lock().insert(source.clone(), program);
            Ok(source)
        };
        let read = known.read(&text, &mut handles, &compile);
        let read = read.map_err(|error| refused(&error))?;
        let (named, spec) = read.map_err(|mistakes| wrong_text(&mistakes))?;
        check_sizes(env, &spec)?;
        env.in_time()?;
        Ok(Self {
            known,
            named,
            spec,
            programs: programs.into_inner(),
        })
    }

    fn code(&self, source: &str) -> Arc<VerbCode> {
        match self.programs.get(source) {
            Some(program) => {
                let shared = program.source.clone();
                let source = shared.unwrap_or_else(|| source.into());
                VerbCode::with_compiled(source, program::kept(Arc::clone(program)))
            }
            None => VerbCode::new(source),
        }
    }

    /// The object that becomes what is read, if there is one: as a value, and as it is.
    fn existing(
        &self,
        env: &mut Env<'_, '_, '_>,
        target: &Target,
    ) -> Result<Option<(Value, Entity, ObjectSpec)>, Raise> {
        let object = match (target, self.named.as_object()) {
            (Target::Existing(object), _) => object.clone(),
            (Target::Named, Some(id)) => Value::Obj(id),
            (Target::Named | Target::New(_), _) => return Ok(None),
        };
        let entity = entity(&object)?;
        let Some(image) = env.stretch.txn.image(entity) else {
            return Ok(None);
        };
        let now = described(env, &*self.known, entity, &image);
        Ok(Some((object, entity, now)))
    }
}

/// The error for a text that is not as it should be: its first mistake in the message, all of them as its value.
fn wrong_text(mistakes: &[TextMistake]) -> Raise {
    let rows: List = mistakes.iter().map(row).collect();
    let message = mistakes.first().map(|first| {
        let TextMistake { line, column, .. } = first;
        let what = first.what.lines().next().unwrap_or_default();
        format!("line {line}, column {column}: {what}")
    });
    let message = message.unwrap_or_default();
    Raise::with(ErrorCode::InvArg, message, Value::List(rows))
}

/// `{line, column, message, {the line of a program, a caret and what may have been meant}}`.
fn row(mistake: &TextMistake) -> Value {
    let mut lines = mistake.what.lines().map(Value::from);
    let message = lines.next().unwrap_or_default();
    let details: List = lines.collect();
    let [line, column] = [mistake.line, mistake.column].map(|number| Value::Int(number.into()));
    Value::from(vec![line, column, message, Value::List(details)])
}

/// The error for what cannot be; its value is as for a text that is wrong.
fn misfit(misfit: &Misfit) -> Raise {
    let Misfit { code, line, what } = misfit;
    let message = match line {
        0 => what.clone(),
        line => format!("line {line}: {what}"),
    };
    let mistake = TextMistake {
        line: *line,
        column: 1,
        what: what.clone(),
    };
    Raise::with(*code, message, Value::from(vec![row(&mistake)]))
}

/// `E_QUOTA` if a value is larger than programs may make one.
fn check_sizes(env: &Env<'_, '_, '_>, spec: &ObjectSpec) -> Result<(), Raise> {
    let limits = &env.stretch.options.value_limits;
    let own = spec.properties.iter().map(|one| &one.value);
    let inherited = spec.overrides.iter().map(|one| &one.value);
    let values = own.chain(inherited).flatten().chain([&spec.last_move]);
    let is_too_large = |value: &Value| {
        let most = match value {
            Value::Str(_) => limits.string_bytes_max,
            Value::Map(_) => limits.map_bytes_max,
            _ => limits.list_bytes_max,
        };
        value.bytes() > most
    };
    match values.into_iter().any(is_too_large) {
        true => Err(ErrorCode::Quota.into()),
        false => Ok(()),
    }
}

fn load_object(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let wishes = Wishes::read(args.given(1))?;
    let target = target(env, args.given(2))?;
    let loaded = Loaded::read(env, &args[0], &target)?;
    match loaded.existing(env, &target)? {
        Some((object, entity, now)) => {
            let (mut spec, conflicts) = laid_over(&now, &loaded.spec, &wishes.policy(entity));
            if spec.parents != now.parents {
                leave_what_is_inherited_no_more(env, &mut spec, &loaded.spec.overrides);
            }
            if wishes.dry_run {
                check(env, Some(entity), false, &spec)?;
            } else {
                become_described(env, entity, &spec, &loaded)?;
            }
            answer(env, &wishes, object, &conflicts)
        }
        None => {
            let new = match (target, loaded.named.as_object()) {
                (Target::New(new), _) => new,
                (_, Some(id)) => NewObject::At(id),
                (_, None) => NewObject::Anonymous,
            };
            let made = match wishes.dry_run {
                true => {
                    let is_anonymous = new == NewObject::Anonymous;
                    check(env, None, is_anonymous, &loaded.spec)?;
                    Value::Obj(ObjId::NOTHING)
                }
                false => create_described(env, new, &loaded)?,
            };
            answer(env, &wishes, made, &[])
        }
    }
}

/// After a change of parents an object has nothing of its own in properties that are not its any more.
fn leave_what_is_inherited_no_more(
    env: &mut Env<'_, '_, '_>,
    spec: &mut ObjectSpec,
    of_text: &[OverrideSpec],
) {
    let txn = &mut env.stretch.txn;
    let mut defined = Vec::new();
    for parent in &spec.parents {
        let above = txn.ancestors((*parent).into()).unwrap_or_default();
        for id in above.into_iter().chain([*parent]) {
            let names = txn.outline(id).map(|outline| outline.propdefs);
            defined.extend(names.into_iter().flatten().map(|name| (id, name)));
        }
    }
    spec.overrides.retain(|one| {
        let called = &one.property;
        let is_it = |(definer, name): &(ObjId, moor_value::Str)| {
            called.definer.is_none_or(|called| called == *definer) && called.name.eq_fold(name)
        };
        let is_of_text = |other: &OverrideSpec| same_property(&other.property, called);
        of_text.iter().any(is_of_text) || defined.iter().any(is_it)
    });
}

fn check(
    env: &mut Env<'_, '_, '_>,
    entity: Option<Entity>,
    is_anonymous: bool,
    spec: &ObjectSpec,
) -> Result<(), Raise> {
    let perms = env.perms();
    let checked = env
        .stretch
        .txn
        .check_described(perms, entity, is_anonymous, spec);
    checked.map_err(|fault| misfit(&fault))
}

fn create_described(
    env: &mut Env<'_, '_, '_>,
    new: NewObject,
    loaded: &Loaded,
) -> Result<Value, Raise> {
    let perms = env.perms();
    let code = |source: &str| loaded.code(source);
    let txn = &mut env.stretch.txn;
    let made = txn.create_described(perms, new, &loaded.spec, &code);
    env.stretch.forget_verbs();
    made.map_err(|fault| misfit(&fault))
}

/// Whoever is no player any more is disconnected.
fn become_described(
    env: &mut Env<'_, '_, '_>,
    entity: Entity,
    spec: &ObjectSpec,
    loaded: &Loaded,
) -> Result<(), Raise> {
    let perms = env.perms();
    let code = |source: &str| loaded.code(source);
    let txn = &mut env.stretch.txn;
    let player = entity.as_object().filter(|id| txn.is_player(*id));
    let done = txn.become_described(perms, entity, spec, &code);
    done.map_err(|fault| misfit(&fault))?;
    env.stretch.forget_verbs();
    let lost = player.filter(|_| !spec.flags.has(ObjectFlags::PLAYER));
    if let Some(session) = lost.and_then(|player| env.stretch.session_of(player)) {
        let end = Effect::End(session, EndReason::Booted);
        env.stretch.effects.push(end);
    }
    Ok(())
}

/// The object, or what is asked for about conflicts.
fn answer(env: &Env<'_, '_, '_>, wishes: &Wishes, object: Value, conflicts: &[Conflict]) -> Reply {
    if !wishes.return_conflicts {
        return value(object);
    }
    let name = |name: &str| {
        let named = env.names([name.into()]);
        named.into_iter().next().unwrap_or_default()
    };
    let row = |conflict: &Conflict| {
        Value::from(vec![
            object.clone(),
            conflict.part.shown(&name),
            conflict.now.clone(),
            conflict.text.clone(),
        ])
    };
    let rows: List = conflicts.iter().map(row).collect();
    let is_ok = !wishes.dry_run || conflicts.is_empty();
    let loaded = match wishes.dry_run {
        true => List::new(),
        false => vec![object.clone()].into(),
    };
    let is_ok = env.stretch.truth(Value::Int(is_ok.into()));
    let answer = Value::from(vec![is_ok, Value::List(rows), Value::List(loaded)]);
    match answer.bytes() <= env.stretch.options.value_limits.list_bytes_max {
        true => value(answer),
        false => Err(ErrorCode::Quota.into()),
    }
}

fn reload_object(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let is_object = |value: &Value| matches!(value, Value::Obj(_) | Value::Anon(_));
    let (options, object) = match args.given(1) {
        Some(second) if is_object(second) && args.len() == 2 => (None, Some(second)),
        second => (second, args.given(2)),
    };
    let options = options.map(pairs).transpose()?;
    Options::read(options.as_ref(), &OPTIONS[..1])?;
    if object.is_some_and(|object| !is_object(object)) {
        return Err(ErrorCode::Type.into());
    }
    let target = target(env, object)?;
    let loaded = Loaded::read(env, &args[0], &target)?;
    let existing = loaded.existing(env, &target)?;
    let (object, entity, _) = existing.ok_or(ErrorCode::InvArg)?;
    become_described(env, entity, &loaded.spec, &loaded)?;
    value(object)
}
