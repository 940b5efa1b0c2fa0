//! Who may do what: one row per operation, one column per kind of programmer.
//!
//! The world: `#1` owns the thing `#3` and all its properties and verbs; `#2` is somebody else, and both are
//! programmers; `#4` is like `#3` but with the `r`, `w` and `f` flags and everything on it open to all. `#5` is a
//! player owned by itself.

use super::*;
use crate::{ObjectFlags, VerbDesc};

const OWNER: ObjId = ObjId(1);
const OTHER: ObjId = ObjId(2);
const CLOSED: ObjId = ObjId(3);
const OPEN: ObjId = ObjId(4);
const PLAYER: ObjId = ObjId(5);
const GONE: ObjId = ObjId(99);
const FIRST: VerbDesc = VerbDesc::Index(1);

fn world() -> Arc<World> {
    let (world, _) = small_world();
    commit(&world, |tx| {
        for _ in 0..5 {
            tx.child(&[])?;
        }
        for id in [OWNER, OTHER] {
            tx.set(id, "programmer", 1)?;
        }
        for id in [CLOSED, OPEN] {
            tx.set(id, "owner", OWNER)?;
            let (prop, verb) = if id == OPEN {
                ("rw", "rwxd")
            } else {
                ("", "xd")
            };
            tx.add_property(WIZARD, id.into(), "p", Value::Int(1), OWNER, prop)?;
            let info = VerbInfo {
                owner: OWNER,
                letters: verb,
                names: "v",
            };
            tx.add_verb(WIZARD, id.into(), info, VerbArgs::METHOD)?;
        }
        for flag in ["r", "w", "f", "a"] {
            tx.set(OPEN, flag, 1)?;
        }
        tx.set(PLAYER, "owner", PLAYER)?;
        tx.set_player_flag(WIZARD, PLAYER, true)
    });
    world
}

type Operation = fn(&mut Transaction, ObjId) -> MooResult<()>;
type Row = (&'static str, Operation, [Option<ErrorCode>; 3]);

const OK: Option<ErrorCode> = None;
const PERM: Option<ErrorCode> = Some(ErrorCode::Perm);
const INVARG: Option<ErrorCode> = Some(ErrorCode::InvArg);
const INVIND: Option<ErrorCode> = Some(ErrorCode::InvInd);
const TYPE: Option<ErrorCode> = Some(ErrorCode::Type);
const PROPNF: Option<ErrorCode> = Some(ErrorCode::PropNf);
const VERBNF: Option<ErrorCode> = Some(ErrorCode::VerbNf);

fn put(
    tx: &mut Transaction,
    perms: ObjId,
    id: ObjId,
    name: &str,
    value: impl Into<Value>,
) -> MooResult<()> {
    tx.set_property(perms, id.into(), symbol(name), value.into())
}

fn read(tx: &mut Transaction, perms: ObjId, id: ObjId, name: &str) -> MooResult<()> {
    tx.get_property(perms, id.into(), symbol(name)).map(drop)
}

fn info(
    tx: &mut Transaction,
    perms: ObjId,
    id: ObjId,
    owner: ObjId,
    new: Option<&str>,
) -> MooResult<()> {
    tx.set_property_info(perms, id.into(), symbol("p"), owner, "rc", new)
}

fn verb_info(tx: &mut Transaction, perms: ObjId, id: ObjId, owner: ObjId) -> MooResult<()> {
    tx.set_verb_info(
        perms,
        id.into(),
        &FIRST,
        VerbInfo {
            owner,
            letters: "x",
            names: "w",
        },
    )
}

fn new_verb(tx: &mut Transaction, perms: ObjId, id: ObjId, owner: ObjId) -> MooResult<()> {
    tx.add_verb(
        perms,
        id.into(),
        VerbInfo {
            owner,
            letters: "x",
            names: "n",
        },
        VerbArgs::METHOD,
    )
    .map(drop)
}

/// Columns: a wizard, the owner, somebody else.
const VALUES: &[Row] = &[
    (
        "read closed",
        |tx, who| read(tx, who, CLOSED, "p"),
        [OK, OK, PERM],
    ),
    (
        "read open",
        |tx, who| read(tx, who, OPEN, "p"),
        [OK, OK, OK],
    ),
    (
        "read absent",
        |tx, who| read(tx, who, OPEN, "q"),
        [PROPNF, PROPNF, PROPNF],
    ),
    (
        "read of nothing",
        |tx, who| read(tx, who, GONE, "p"),
        [INVIND, INVIND, INVIND],
    ),
    (
        "read built-in",
        |tx, who| read(tx, who, CLOSED, "owner"),
        [OK, OK, OK],
    ),
    (
        "read location of nothing",
        |tx, who| read(tx, who, ObjId::NOTHING, "name"),
        [INVIND, INVIND, INVIND],
    ),
    (
        "write closed",
        |tx, who| put(tx, who, CLOSED, "p", 2),
        [OK, OK, PERM],
    ),
    (
        "write open",
        |tx, who| put(tx, who, OPEN, "p", 2),
        [OK, OK, OK],
    ),
    (
        "write name",
        |tx, who| put(tx, who, CLOSED, "name", "n"),
        [OK, OK, PERM],
    ),
    (
        "write name of a player",
        |tx, _| put(tx, PLAYER, PLAYER, "name", "n"),
        [PERM, PERM, PERM],
    ),
    (
        "write a number as name",
        |tx, who| put(tx, who, CLOSED, "name", 1),
        [TYPE, TYPE, TYPE],
    ),
    (
        "write owner",
        |tx, who| put(tx, who, CLOSED, "owner", OTHER),
        [OK, PERM, PERM],
    ),
    (
        "write a number as owner",
        |tx, who| put(tx, who, CLOSED, "owner", 1),
        [TYPE, TYPE, TYPE],
    ),
    (
        "write programmer",
        |tx, who| put(tx, who, CLOSED, "programmer", 1),
        [OK, PERM, PERM],
    ),
    (
        "write wizard",
        |tx, who| put(tx, who, CLOSED, "wizard", 1),
        [OK, PERM, PERM],
    ),
    (
        "write r",
        |tx, who| put(tx, who, OPEN, "r", 0),
        [OK, OK, PERM],
    ),
    (
        "write location",
        |tx, who| put(tx, who, CLOSED, "location", OPEN),
        [PERM, PERM, PERM],
    ),
    (
        "write contents",
        |tx, who| put(tx, who, CLOSED, "contents", 0),
        [PERM, PERM, PERM],
    ),
    (
        "write last_move",
        |tx, who| put(tx, who, CLOSED, "last_move", 0),
        [PERM, PERM, PERM],
    ),
    (
        "clear where defined",
        |tx, who| tx.clear_property(who, OPEN.into(), symbol("p")),
        [INVARG, INVARG, INVARG],
    ),
    (
        "clear closed",
        |tx, who| tx.clear_property(who, CLOSED.into(), symbol("p")),
        [INVARG, INVARG, PERM],
    ),
    (
        "clear built-in",
        |tx, who| tx.clear_property(who, OPEN.into(), symbol("name")),
        [PERM, PERM, PERM],
    ),
    (
        "is_clear of built-in",
        |tx, who| {
            tx.is_clear_property(who, OPEN.into(), symbol("name"))
                .map(drop)
        },
        [OK, OK, OK],
    ),
    (
        "is_clear closed",
        |tx, who| {
            tx.is_clear_property(who, CLOSED.into(), symbol("p"))
                .map(drop)
        },
        [OK, OK, PERM],
    ),
];

const DEFINITIONS: &[Row] = &[
    (
        "properties closed",
        |tx, who| tx.property_names(who, CLOSED.into()).map(drop),
        [OK, OK, PERM],
    ),
    (
        "properties open",
        |tx, who| tx.property_names(who, OPEN.into()).map(drop),
        [OK, OK, OK],
    ),
    (
        "properties of nothing",
        |tx, who| tx.property_names(who, GONE.into()).map(drop),
        [INVARG, INVARG, INVARG],
    ),
    (
        "info closed",
        |tx, who| tx.property_info(who, CLOSED.into(), symbol("p")).map(drop),
        [OK, OK, PERM],
    ),
    (
        "info built-in",
        |tx, who| tx.property_info(who, OPEN.into(), symbol("name")).map(drop),
        [PROPNF; 3],
    ),
    (
        "set info",
        |tx, who| info(tx, who, CLOSED, OWNER, None),
        [OK, OK, PERM],
    ),
    (
        "set info open",
        |tx, who| info(tx, who, OPEN, OWNER, None),
        [OK, OK, OK],
    ),
    (
        "give property away",
        |tx, who| info(tx, who, OPEN, OTHER, None),
        [OK, PERM, PERM],
    ),
    (
        "give property to nobody",
        |tx, who| info(tx, who, OPEN, GONE, None),
        [INVARG, INVARG, INVARG],
    ),
    (
        "rename",
        |tx, who| info(tx, who, CLOSED, OWNER, Some("q")),
        [OK, OK, PERM],
    ),
    (
        "rename to a built-in",
        |tx, who| info(tx, who, CLOSED, OWNER, Some("name")),
        [INVARG, INVARG, PERM],
    ),
    (
        "add for oneself",
        |tx, who| tx.add_property(who, CLOSED.into(), "n", Value::ZERO, who, ""),
        [OK, OK, PERM],
    ),
    (
        "add open",
        |tx, who| tx.add_property(who, OPEN.into(), "n", Value::ZERO, who, ""),
        [OK, OK, OK],
    ),
    (
        "add for another",
        |tx, who| tx.add_property(who, OPEN.into(), "n", Value::ZERO, PLAYER, ""),
        [OK, PERM, PERM],
    ),
    (
        "add taken",
        |tx, who| tx.add_property(who, OPEN.into(), "P", Value::ZERO, who, ""),
        [INVARG; 3],
    ),
    (
        "add built-in",
        |tx, who| tx.add_property(who, OPEN.into(), "Wizard", Value::ZERO, who, ""),
        [INVARG; 3],
    ),
    (
        "add letters",
        |tx, who| tx.add_property(who, CLOSED.into(), "n", Value::ZERO, who, "x"),
        [INVARG; 3],
    ),
    (
        "delete",
        |tx, who| tx.delete_property(who, CLOSED.into(), symbol("p")),
        [OK, OK, PERM],
    ),
    (
        "delete open",
        |tx, who| tx.delete_property(who, OPEN.into(), symbol("p")),
        [OK, OK, OK],
    ),
    (
        "delete absent",
        |tx, who| tx.delete_property(who, CLOSED.into(), symbol("q")),
        [PROPNF, PROPNF, PERM],
    ),
];

const VERBS: &[Row] = &[
    (
        "verbs closed",
        |tx, who| tx.verb_names(who, CLOSED.into()).map(drop),
        [OK, OK, PERM],
    ),
    (
        "verb_info closed",
        |tx, who| tx.verb_info(who, CLOSED.into(), &FIRST).map(drop),
        [OK, OK, PERM],
    ),
    (
        "verb_info absent",
        |tx, who| {
            tx.verb_info(who, CLOSED.into(), &VerbDesc::Index(2))
                .map(drop)
        },
        [VERBNF; 3],
    ),
    (
        "verb_code open",
        |tx, who| tx.verb_code(who, OPEN.into(), &FIRST).map(drop),
        [OK, OK, OK],
    ),
    (
        "verb_code closed",
        |tx, who| tx.verb_code(who, CLOSED.into(), &FIRST).map(drop),
        [OK, OK, PERM],
    ),
    (
        "set_verb_info",
        |tx, who| verb_info(tx, who, CLOSED, OWNER),
        [OK, OK, PERM],
    ),
    (
        "give verb away",
        |tx, who| verb_info(tx, who, OPEN, OTHER),
        [OK, PERM, PERM],
    ),
    (
        "give verb to nobody",
        |tx, who| verb_info(tx, who, OPEN, GONE),
        [INVARG, INVARG, INVARG],
    ),
    (
        "set_verb_args",
        |tx, who| tx.set_verb_args(who, CLOSED.into(), &FIRST, VerbArgs::METHOD),
        [OK, OK, PERM],
    ),
    (
        "add_verb",
        |tx, who| new_verb(tx, who, CLOSED, who),
        [OK, OK, PERM],
    ),
    (
        "add_verb open",
        |tx, who| new_verb(tx, who, OPEN, who),
        [OK, OK, OK],
    ),
    (
        "add_verb for another",
        |tx, who| new_verb(tx, who, OPEN, PLAYER),
        [OK, PERM, PERM],
    ),
    (
        "delete_verb",
        |tx, who| tx.delete_verb(who, CLOSED.into(), &FIRST),
        [OK, OK, PERM],
    ),
    (
        "delete_verb open",
        |tx, who| tx.delete_verb(who, OPEN.into(), &FIRST),
        [OK, OK, OK],
    ),
    (
        "set_verb_code",
        |tx, who| tx.set_verb_code(who, CLOSED.into(), &FIRST, "".into(), None),
        [OK, OK, PERM],
    ),
    (
        "set_verb_code open",
        |tx, who| tx.set_verb_code(who, OPEN.into(), &FIRST, "".into(), None),
        [OK, OK, OK],
    ),
    (
        "no programmer",
        |tx, _| tx.set_verb_code(PLAYER, OPEN.into(), &FIRST, "".into(), None),
        [PERM, PERM, PERM],
    ),
];

const OBJECTS: &[Row] = &[
    (
        "create from closed",
        |tx, who| tx.create(who, &[CLOSED], who).map(drop),
        [OK, OK, PERM],
    ),
    (
        "create from open",
        |tx, who| tx.create(who, &[OPEN], who).map(drop),
        [OK, OK, OK],
    ),
    (
        "create from nothing",
        |tx, who| tx.create(who, &[], who).map(drop),
        [OK, OK, OK],
    ),
    (
        "create from the gone",
        |tx, who| tx.create(who, &[GONE], who).map(drop),
        [INVARG, INVARG, INVARG],
    ),
    (
        "create for another",
        |tx, who| tx.create(who, &[OPEN], PLAYER).map(drop),
        [OK, PERM, PERM],
    ),
    (
        "create for itself",
        |tx, who| tx.create(who, &[OPEN], ObjId::NOTHING).map(drop),
        [OK, PERM, PERM],
    ),
    (
        "anonymous from closed",
        |tx, who| tx.create_anonymous(who, &[CLOSED], who).map(drop),
        [OK, OK, PERM],
    ),
    (
        "anonymous of nobody",
        |tx, who| tx.create_anonymous(who, &[OPEN], ObjId::NOTHING).map(drop),
        [INVARG; 3],
    ),
    (
        "chparent closed",
        |tx, who| tx.chparents(who, CLOSED.into(), &[OPEN], None),
        [INVARG, INVARG, PERM],
    ),
    (
        "chparent to nothing",
        |tx, who| tx.chparents(who, CLOSED.into(), &[], None),
        [OK, OK, PERM],
    ),
    (
        "chparent to oneself",
        |tx, who| tx.chparents(who, OPEN.into(), &[OPEN], None),
        [Some(ErrorCode::RecMove), Some(ErrorCode::RecMove), PERM],
    ),
    (
        "chparent with kids",
        |tx, who| tx.chparents(who, CLOSED.into(), &[], Some(&[])),
        [OK, PERM, PERM],
    ),
    (
        "recycle",
        |tx, who| tx.check_recycle(who, OPEN.into()),
        [OK, OK, PERM],
    ),
    (
        "recycle nothing",
        |tx, who| tx.check_recycle(who, GONE.into()),
        [INVARG, INVARG, INVARG],
    ),
    (
        "recreate",
        |tx, who| tx.recreate(who, GONE, OPEN, who),
        [INVARG, INVARG, INVARG],
    ),
    (
        "move",
        |tx, who| tx.check_move(who, CLOSED, OPEN, 0).map(drop),
        [OK, OK, PERM],
    ),
    (
        "move to a place",
        |tx, who| tx.check_move(who, CLOSED, PLAYER, 1).map(drop),
        [OK, PERM, PERM],
    ),
    (
        "move nothing",
        |tx, who| tx.check_move(who, GONE, OPEN, 0).map(drop),
        [INVARG, INVARG, INVARG],
    ),
    (
        "move before the start",
        |tx, who| tx.check_move(who, CLOSED, OPEN, -1).map(drop),
        [INVARG; 3],
    ),
    (
        "unaccepted",
        |tx, who| tx.raw_move(who, CLOSED, OPEN, 0, false, 0).map(drop),
        [OK, Some(ErrorCode::NAcc), Some(ErrorCode::NAcc)],
    ),
    (
        "move into itself",
        |tx, who| tx.raw_move(who, CLOSED, CLOSED, 0, true, 0).map(drop),
        [Some(ErrorCode::RecMove); 3],
    ),
    (
        "set_player_flag",
        |tx, who| tx.set_player_flag(who, OPEN, true),
        [OK, PERM, PERM],
    ),
    (
        "set_player_flag of nothing",
        |tx, who| tx.set_player_flag(who, GONE, true),
        [INVARG, INVARG, INVARG],
    ),
    (
        "object_bytes",
        |tx, who| tx.object_bytes(who, OPEN.into()).map(drop),
        [OK, PERM, PERM],
    ),
    (
        "object_bytes of nothing",
        |tx, who| tx.object_bytes(who, GONE.into()).map(drop),
        [INVIND, INVIND, INVIND],
    ),
    (
        "renumber",
        |tx, who| tx.renumber(who, OPEN).map(drop),
        [OK, PERM, PERM],
    ),
    (
        "reset_max_object",
        |tx, who| tx.reset_max_object(who),
        [OK, PERM, PERM],
    ),
    (
        "owned_objects of nobody",
        |tx, _| tx.owned_objects(GONE).map(drop),
        [INVIND, INVIND, INVIND],
    ),
];

#[test]
fn the_matrix_holds() {
    let world = world();
    for (what, operation, expected) in [VALUES, DEFINITIONS, VERBS, OBJECTS].concat() {
        for (who, expected) in [WIZARD, OWNER, OTHER].into_iter().zip(expected) {
            let result = operation(&mut world.begin(), who);
            assert_eq!(result.err(), expected, "{what} as {who}");
        }
    }
}

#[test]
fn protected_built_ins_are_for_wizards() {
    use crate::{Builtin, BuiltinSet};
    let world = world();
    let mut tx = world.begin();
    tx.set_protected(
        BuiltinSet::default()
            .with(Builtin::Location)
            .with(Builtin::R),
    );
    assert_eq!(
        read(&mut tx, OWNER, CLOSED, "location"),
        Err(ErrorCode::Perm)
    );
    assert_eq!(read(&mut tx, WIZARD, CLOSED, "location"), Ok(()));
    assert_eq!(put(&mut tx, OWNER, CLOSED, "r", 1), Err(ErrorCode::Perm));
    assert_eq!(put(&mut tx, OWNER, CLOSED, "w", 1), Ok(()));
}

#[test]
fn quotas_count_creations_and_recycling() {
    let world = world();
    let mut tx = world.begin();
    tx.add_property(
        WIZARD,
        OWNER.into(),
        "ownership_quota",
        Value::Int(1),
        WIZARD,
        "",
    )
    .expect("free");
    let made = tx.create(OWNER, &[OPEN], OWNER).expect("one is left");
    assert_eq!(error(tx.create(OWNER, &[OPEN], OWNER)), ErrorCode::Quota);
    tx.raw_destroy(made.into());
    assert_eq!(tx.get(OWNER, "ownership_quota"), Ok(Value::Int(1)));
    assert!(tx.flags(OPEN.into()).has(ObjectFlags::FERTILE));
}
