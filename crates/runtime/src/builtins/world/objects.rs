//! Builtins that make, destroy and list objects.
//!
//! In: parents, owners, objects. Out: new objects, lists of objects, numbers about them. Who may do
//! it is the transaction's knowledge; this file calls `:initialize` and `:recycle` in between.

use moor_compiler::Feature;
use moor_value::fold::Case;
use moor_value::{ErrorCode, List, Map, ObjId, Value};
use moor_vm::PendingBuiltin;
use moor_world::Entity;

use super::invoke::{self, Then};
use super::target::{entity, list_of, object, parents};
use crate::builtins::arg::Args;
use crate::builtins::env::{Answer, Env, Reply, nothing, value};
use crate::builtins::spec::world;
use crate::builtins::{BuiltinSpec, Raise};
use crate::effects::{Effect, EndReason};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("create", 1..=4, [Any, Any, Any, Any], LambdaMoo, create, then initialized)
        .doc(
            "parents:OBJ|LIST owner:OBJ kind:INT args:LIST",
            "OBJ|ANON",
            "Makes an object, calls its `:initialize` with `args`, and returns it. The owner \
             is the caller unless given; #-1 makes it own itself. A `kind` of 0 is an object \
             with a number, other kinds are anonymous; with the feature `use-uuobjids`, 2 or \
             none is one with a unique id. The three last arguments may be left out one by one.",
        )
        .raises(
            "E_INVARG if a parent or the owner is gone, or parents define properties of the \
             same name; E_PERM unless the parents are fertile (for `anonymous` flagged `a`) \
             or the caller's, and the owner is the caller, or a wizard calls; E_QUOTA if the \
             owner's `ownership_quota` is used up",
        )
        .permission("everybody, from fertile parents; wizards for other owners"),
    world!("recreate", 2..=3, [Obj, Obj, Obj], ToastStunt, recreate, then initialized)
        .doc(
            "object parent owner",
            "OBJ",
            "Makes an object under the number of one that was recycled, as `create()` does.",
        )
        .raises(
            "E_INVARG if the number is in use, not positive or above the last one, or the \
             parent is gone; E_PERM unless the parent is fertile or the caller's, and the \
             owner is the caller, or a wizard calls; E_QUOTA if the owner's `ownership_quota` \
             is used up",
        )
        .permission("everybody, from fertile parents; wizards for other owners"),
    world!("recycle", 1..=1, [Any], LambdaMoo, recycle, then go_on_recycling)
        .doc(
            "object:OBJ|ANON",
            "INT",
            "Calls the object's `:recycle`, moves its contents to #-1, gives its children to \
             its parents and destroys it.",
        )
        .raises("E_INVARG if the object is gone; E_PERM unless the caller owns it or is a wizard")
        .permission("owners and wizards"),
    world!("valid", 1..=1, [Any], LambdaMoo, valid).truth().doc(
        "object:OBJ|ANON",
        "INT",
        "1 if the object exists, else 0.",
    ),
    world!("max_object", 0..=0, [], LambdaMoo, max_object).doc(
        "",
        "OBJ",
        "The highest object number that was ever given and not given back.",
    ),
    world!("players", 0..=0, [], LambdaMoo, players).doc(
        "",
        "LIST of OBJ",
        "Every object that is a player.",
    ),
    world!("is_player", 1..=1, [Obj], LambdaMoo, is_player)
        .truth()
        .doc("object", "INT", "1 if the object is a player, else 0.")
        .raises("E_INVARG if the object is gone"),
    world!(
        "set_player_flag",
        2..=2,
        [Obj, Any],
        LambdaMoo,
        set_player_flag
    )
    .doc(
        "object is_player",
        "INT",
        "Makes an object a player or not; one that no longer is one is disconnected.",
    )
    .raises("E_PERM unless a wizard calls; E_INVARG if the object is gone")
    .permission("wizards"),
    world!("object_bytes", 1..=1, [Any], LambdaMoo, object_bytes)
        .doc(
            "object:OBJ|ANON",
            "INT",
            "How much memory the object is taken to need, in bytes.",
        )
        .raises("E_PERM unless a wizard calls; E_INVARG if the object is gone")
        .permission("wizards"),
    world!("renumber", 1..=1, [Obj], LambdaMoo, renumber)
        .doc(
            "object",
            "OBJ",
            "Gives the object the lowest free number, which is returned. Values that name the \
             old number are not changed.",
        )
        .raises("E_PERM unless a wizard calls; E_INVARG if the object is gone")
        .permission("wizards"),
    world!("reset_max_object", 0..=0, [], LambdaMoo, reset_max_object)
        .doc(
            "",
            "INT",
            "Lowers what `max_object()` returns to the highest number in use.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("owned_objects", 1..=1, [Obj], ToastStunt, owned_objects)
        .doc("owner", "LIST of OBJ", "The objects of an owner.")
        .raises("E_INVARG if the owner is gone"),
    world!("recycled_objects", 0..=0, [], ToastStunt, recycled_objects).doc(
        "",
        "LIST of OBJ",
        "The numbers below `max_object()` that no object has.",
    ),
    world!(
        "next_recycled_object",
        0..=1,
        [Obj],
        ToastStunt,
        next_recycled_object
    )
    .doc(
        "from",
        "OBJ|INT",
        "The first number from `from` on (from #0 unless given) that no object has; 0 if \
             there is none.",
    )
    .raises("E_INVARG if `from` is negative or above the last number"),
    world!(
        "locate_by_name",
        1..=2,
        [Str, Int],
        ToastStunt,
        locate_by_name
    )
    .doc(
        "part case_matters",
        "LIST of OBJ",
        "The objects whose names contain a text.",
    )
    .raises("E_PERM unless a wizard calls")
    .permission("wizards"),
    world!("new_waif", 0..=0, [], ToastStunt, new_waif)
        .doc(
            "",
            "WAIF",
            "Makes a waif of the object whose verb calls; it belongs to whom the verb has its \
             permissions of.",
        )
        .raises(
            "E_INVARG if the verb is not called on an object; E_PERM if the object is not \
             fertile and the caller neither owns it nor is a wizard",
        ),
    world!("waif_stats", 0..=0, [], ToastStunt, waif_stats).doc(
        "",
        "MAP",
        "How many waifs there are of each class, and in all (`total`).",
    ),
];

/// The step at which a builtin goes on after the only kind of verb that it calls.
const AFTER_VERB: u32 = 2;

/// What `create()` is asked for by a number: an object with a number, or with a unique id where such are made; all else
/// is an anonymous object.
const NUMBERED: i64 = 0;
const UNIQUE: i64 = 2;

/// The arguments of `create()` behind the parents: each at most once, an owner only as the first.
#[derive(Default)]
struct CreateOptions {
    owner: Option<ObjId>,
    kind: Option<i64>,
    args: Option<List>,
}

impl CreateOptions {
    fn read(options: &[Value]) -> Result<Self, Raise> {
        let mut read = Self::default();
        for (at, option) in options.iter().enumerate() {
            match option {
                Value::Obj(owner) if at == 0 => read.owner = Some(*owner),
                Value::Int(kind) if read.kind.is_none() => read.kind = Some(*kind),
                Value::List(args) if read.args.is_none() => read.args = Some(args.clone()),
                _ => return Err(ErrorCode::Type.into()),
            }
        }
        Ok(read)
    }
}

fn create(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let parents = parents(&args[0])?;
    let options = CreateOptions::read(&args[1..])?;
    let perms = env.perms();
    let owner = options.owner.unwrap_or(perms);
    let has_uniques = env.features().has(Feature::UseUuobjids);
    let unique = env.stretch.runtime.new_unique_id();
    let txn = &mut env.stretch.txn;
    let object = match options.kind {
        Some(UNIQUE) | None if has_uniques => {
            txn.create_unique(perms, &parents, owner, unique)?;
            Value::Obj(unique)
        }
        Some(NUMBERED) | None => Value::Obj(txn.create(perms, &parents, owner)?),
        Some(_) => Value::Anon(txn.create_anonymous(perms, &parents, owner)?),
    };
    let args = options.args.unwrap_or_default();
    initialize(env, "create", object, args.into_vec())
}

fn recreate(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (id, parent) = (object(args, 0)?, object(args, 1)?);
    let perms = env.perms();
    let txn = &mut env.stretch.txn;
    let owner = args.get(2).and_then(Value::as_obj);
    let owner = owner
        .filter(|owner| txn.valid_object(*owner))
        .unwrap_or(perms);
    txn.recreate(perms, id, parent, owner)?;
    initialize(env, "recreate", Value::Obj(id), Vec::new())
}

/// Calls `:initialize` on an object that was just made.
pub(super) fn initialize(
    env: &mut Env<'_, '_, '_>,
    builtin: &'static str,
    object: Value,
    args: Vec<Value>,
) -> Reply {
    let then = Then {
        builtin,
        step: AFTER_VERB,
        state: object.clone(),
    };
    match invoke::verb(env, object.clone(), "initialize", args, then)? {
        Some(call) => Ok(Answer::Call(call)),
        None => value(object),
    }
}

/// What such a builtin answers in the end: the object.
pub(super) fn initialized(
    _: &mut Env<'_, '_, '_>,
    pending: PendingBuiltin,
    _result: Value,
    _unwinding: bool,
) -> Reply {
    value(pending.state)
}

fn recycle(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let object = args[0].take();
    let entity = entity(&object)?;
    let perms = env.perms();
    env.stretch.txn.check_recycle(perms, entity)?;
    let then = Then {
        builtin: "recycle",
        step: AFTER_VERB,
        state: object.clone(),
    };
    match invoke::verb(env, object.clone(), "recycle", Vec::new(), then) {
        Ok(Some(call)) => Ok(Answer::Call(call)),
        Ok(None) | Err(_) => empty_and_destroy(env, object),
    }
}

fn go_on_recycling(
    env: &mut Env<'_, '_, '_>,
    pending: PendingBuiltin,
    _result: Value,
    _unwinding: bool,
) -> Reply {
    empty_and_destroy(env, pending.state)
}

/// Moves everything out of an object, and the object out of its place, then destroys it. Each
/// `:exitfunc` may move things again, so everything is looked at anew after one.
fn empty_and_destroy(env: &mut Env<'_, '_, '_>, object: Value) -> Reply {
    let entity = entity(&object)?;
    if !env.stretch.txn.valid(entity) {
        return Err(ErrorCode::InvArg.into());
    }
    let now = now_s(env);
    while let Some(thing) = next_to_move(env, entity) {
        let from = env.stretch.txn.raw_evict(thing, now);
        let then = Then {
            builtin: "recycle",
            step: AFTER_VERB,
            state: object.clone(),
        };
        let args = vec![Value::Obj(thing)];
        if let Ok(Some(call)) = invoke::verb(env, Value::Obj(from), "exitfunc", args, then) {
            return Ok(Answer::Call(call));
        }
    }
    env.stretch.txn.raw_destroy(entity);
    env.stretch.forget_verbs();
    nothing()
}

/// What must move before an entity can be destroyed: its contents, then itself.
fn next_to_move(env: &mut Env<'_, '_, '_>, entity: Entity) -> Option<ObjId> {
    let id = entity.as_object()?;
    let txn = &mut env.stretch.txn;
    let first = txn.contents(id).get(0).and_then(Value::as_obj);
    first.or_else(|| (txn.location(entity) != ObjId::NOTHING).then_some(id))
}

/// The time for `last_move`, in seconds since 1970.
pub(super) fn now_s(env: &Env<'_, '_, '_>) -> i64 {
    i64::try_from(env.stretch.runtime.clock.wall().as_secs()).unwrap_or(i64::MAX)
}

fn valid(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let entity = entity(&args[0])?;
    value(i64::from(env.stretch.txn.valid(entity)))
}

fn max_object(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    value(env.stretch.txn.max_object())
}

fn players(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    value(env.stretch.txn.players())
}

fn is_player(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let id = object(args, 0)?;
    if !env.stretch.txn.valid_object(id) {
        return Err(ErrorCode::InvArg.into());
    }
    value(i64::from(env.stretch.txn.is_player(id)))
}

/// Whoever loses the flag is disconnected.
fn set_player_flag(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (id, on) = (object(args, 0)?, args.flag(1));
    let perms = env.perms();
    env.stretch.txn.set_player_flag(perms, id, on)?;
    if !on && let Some(session) = env.stretch.session_of(id) {
        env.stretch
            .effects
            .push(Effect::End(session, EndReason::Booted));
    }
    nothing()
}

fn object_bytes(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let entity = entity(&args[0])?;
    let perms = env.perms();
    let bytes = env.stretch.txn.object_bytes(perms, entity)?;
    value(i64::try_from(bytes).unwrap_or(i64::MAX))
}

fn renumber(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (perms, id) = (env.perms(), object(args, 0)?);
    let new = env.stretch.txn.renumber(perms, id)?;
    env.stretch.forget_verbs();
    value(new)
}

fn reset_max_object(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    let perms = env.perms();
    env.stretch.txn.reset_max_object(perms)?;
    nothing()
}

fn owned_objects(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let owner = object(args, 0)?;
    value(list_of(env.stretch.txn.owned_objects(owner)?))
}

fn recycled_objects(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    value(list_of(env.stretch.txn.recycled_objects()))
}

fn next_recycled_object(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let start = args
        .first()
        .and_then(Value::as_obj)
        .unwrap_or(ObjId::SYSTEM);
    match env.stretch.txn.next_recycled_object(start)? {
        Some(id) => value(id),
        None => nothing(),
    }
}

/// The objects whose names contain a text.
fn locate_by_name(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let part = args.str(0)?;
    let case = Case::from_matters(args.flag(1));
    let txn = &mut env.stretch.txn;
    let mut found = Vec::new();
    for id in txn.all_objects() {
        if txn.name(id.into()).find(part, case).is_some() {
            found.push(id);
        }
    }
    value(list_of(found))
}

/// A waif of the object whose verb calls.
fn new_waif(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    let Value::Obj(class) = *env.context.frame().this() else {
        return Err(ErrorCode::InvArg.into());
    };
    let perms = env.perms();
    let waif = env.stretch.txn.new_waif(class, perms)?;
    value(Value::Waif(waif))
}

/// How many waifs there are of each class, and in all.
fn waif_stats(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    let mut stats = Map::new();
    let mut total = 0;
    for (class, count) in env.stretch.txn.waif_counts() {
        stats.insert_value(Value::Obj(class), Value::Int(count));
        total += count;
    }
    stats.insert_value(Value::from("total"), Value::Int(total));
    value(stats)
}
