//! Builtins about places: moving, and who or what is where.
//!
//! In: objects and places. Out: a moved object, lists of objects. `move()` calls `:accept` of the
//! new place, moves, and calls `:exitfunc` of the old and `:enterfunc` of the new place.

use moor_value::{ErrorCode, List, ObjId, Value};
use moor_vm::PendingBuiltin;
use moor_world::Entity;

use super::invoke::{self, Then};
use super::objects::now_s;
use super::target::{list_of, numbers, object};
use crate::builtins::arg::Args;
use crate::builtins::env::{Answer, Env, Reply, nothing, value};
use crate::builtins::spec::world;
use crate::builtins::{BuiltinSpec, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("move", 2..=3, [Obj, Obj, Int], LambdaMoo, start_move, then go_on_moving)
        .doc(
            "what to position",
            "INT",
            "Moves an object to another, or to #-1, as item number `position` of its contents \
             (the end unless given). `:accept` of the new place is asked, `:exitfunc` of the \
             old one and `:enterfunc` of the new one are told.",
        )
        .raises(
            "E_INVARG if an object is gone or the position negative; E_PERM unless the caller \
             owns the object, and for a position the place, or is a wizard; E_NACC if the \
             place does not accept it and the caller is no wizard; E_RECMOVE if the place is \
             inside of the object",
        )
        .permission("owners of the object, and wizards"),
    world!("locations", 1..=3, [Obj, Obj, Int], ToastStunt, locations)
        .doc(
            "object base by_parent",
            "LIST of OBJ",
            "The object's place, the place of that and so on, up to `base`, which is left \
             out; with `by_parent` up to any descendant of `base`.",
        )
        .raises("E_INVIND if the object is gone"),
    world!(
        "occupants",
        1..=4,
        [List, Any, Int, Int],
        ToastStunt,
        occupants
    )
    .doc(
        "objects parent:OBJ|LIST only_players others",
        "LIST of OBJ",
        "Those of the objects, each once, that descend from `parent` or one of several; \
             with `others` those that do not. Only players if `only_players` is true or no \
             parent is given.",
    )
    .raises("E_INVARG if one of the objects is gone; E_TYPE if the parent is none"),
];

/// `:accept` has returned.
const ACCEPTED: u32 = 2;
/// `:exitfunc` has returned.
const LEFT: u32 = 3;
/// `:enterfunc` has returned.
const ENTERED: u32 = 4;

/// One `move()`.
#[derive(Clone, Copy)]
struct Move {
    what: ObjId,
    to: ObjId,
    /// From 1; 0 for the end.
    position: i64,
}

impl Move {
    fn state(self) -> Value {
        Value::from(vec![self.what.into(), self.to.into(), self.position.into()])
    }

    fn from_state(state: &Value) -> Option<Self> {
        match state.as_list()?.as_slice() {
            [Value::Obj(what), Value::Obj(to), Value::Int(position)] => Some(Self {
                what: *what,
                to: *to,
                position: *position,
            }),
            _ => None,
        }
    }

    /// The call of a verb of a place with the object as argument, if the place has that verb.
    fn call(
        self,
        env: &mut Env<'_, '_, '_>,
        place: ObjId,
        verb: &str,
        step: u32,
    ) -> Result<Option<Answer>, Raise> {
        let then = Then {
            builtin: "move",
            step,
            state: self.state(),
        };
        let args = vec![Value::Obj(self.what)];
        Ok(invoke::verb(env, Value::Obj(place), verb, args, then)?.map(Answer::Call))
    }
}

fn start_move(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let position = args.get(2).and_then(Value::as_int).unwrap_or(0);
    let step = Move {
        what: object(args, 0)?,
        to: object(args, 1)?,
        position,
    };
    let perms = env.perms();
    let unasked = env
        .stretch
        .txn
        .check_move(perms, step.what, step.to, position)?;
    if unasked {
        return carry(env, step, true);
    }
    match step.call(env, step.to, "accept", ACCEPTED)? {
        Some(call) => Ok(call),
        None => carry(env, step, false),
    }
}

fn go_on_moving(
    env: &mut Env<'_, '_, '_>,
    pending: PendingBuiltin,
    result: Value,
    _unwinding: bool,
) -> Reply {
    let Some(step) = Move::from_state(&pending.state) else {
        return Err(ErrorCode::InvArg.into());
    };
    match pending.step {
        ACCEPTED => carry(env, step, result.is_true()),
        LEFT => enter(env, step),
        _ => nothing(),
    }
}

/// Moves the object and tells the old place.
fn carry(env: &mut Env<'_, '_, '_>, step: Move, accepted: bool) -> Reply {
    let (perms, now) = (env.perms(), now_s(env));
    let Move { what, to, position } = step;
    let moved = env
        .stretch
        .txn
        .raw_move(perms, what, to, position, accepted, now)?;
    let Some(from) = moved.filter(|from| *from != to) else {
        return nothing();
    };
    match step.call(env, from, "exitfunc", LEFT)? {
        Some(call) => Ok(call),
        None => enter(env, step),
    }
}

/// Tells the new place, if the object is there still.
fn enter(env: &mut Env<'_, '_, '_>, step: Move) -> Reply {
    let txn = &mut env.stretch.txn;
    let is_there = txn.valid_object(step.what)
        && txn.valid_object(step.to)
        && txn.location(step.what.into()) == step.to;
    if is_there && let Some(call) = step.call(env, step.to, "enterfunc", ENTERED)? {
        return Ok(call);
    }
    nothing()
}

/// The places around an object, innermost first, up to a base (a place, or with a third argument
/// any descendant of it). `#0` as base is none.
fn locations(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let what = object(args, 0)?;
    let base = args
        .get(1)
        .and_then(Value::as_obj)
        .filter(|base| *base != ObjId::SYSTEM);
    let by_parent = args.flag(2);
    let txn = &mut env.stretch.txn;
    if !txn.valid_object(what) {
        return Err(ErrorCode::InvInd.into());
    }
    let mut places = Vec::new();
    let mut place = txn.location(what.into());
    while txn.valid_object(place) {
        let is_base = base
            .is_some_and(|base| place == base || (by_parent && txn.isa(place.into(), base.into())));
        if is_base {
            break;
        }
        places.push(place);
        place = txn.location(place.into());
    }
    value(list_of(places))
}

/// Which occupants are asked for: descendants of any of some parents (or of none of them), players.
struct Wanted {
    parents: Option<Vec<ObjId>>,
    others: bool,
    players: bool,
}

impl Wanted {
    fn read(args: &[Value]) -> Result<Self, Raise> {
        let parents = match args.get(1) {
            None => None,
            Some(Value::Obj(parent)) => Some(vec![*parent]),
            Some(Value::List(list)) => Some(numbers(list).ok_or(ErrorCode::Type)?),
            Some(_) => return Err(ErrorCode::Type.into()),
        };
        let players = parents.is_none() || args.flag(2);
        Ok(Self {
            parents,
            others: args.flag(3),
            players,
        })
    }

    fn takes(&self, env: &mut Env<'_, '_, '_>, id: ObjId) -> bool {
        let txn = &mut env.stretch.txn;
        let entity = Entity::object(id);
        let by_parent = self.parents.as_ref().is_none_or(|parents| {
            let descends = parents
                .iter()
                .any(|parent| txn.isa(entity, (*parent).into()));
            descends != self.others
        });
        by_parent && (!self.players || txn.is_player(id))
    }
}

fn occupants(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let wanted = Wanted::read(args)?;
    let objects = all_valid(env, args.list(0)?)?;
    let mut found: Vec<ObjId> = Vec::new();
    for id in objects {
        if !found.contains(&id) && wanted.takes(env, id) {
            found.push(id);
        }
    }
    value(list_of(found))
}

/// The numbers of a list of objects that exist.
fn all_valid(env: &mut Env<'_, '_, '_>, list: &List) -> Result<Vec<ObjId>, Raise> {
    let objects = numbers(list).ok_or(ErrorCode::InvArg)?;
    if objects.iter().all(|id| env.stretch.txn.valid_object(*id)) {
        Ok(objects)
    } else {
        Err(ErrorCode::InvArg.into())
    }
}
