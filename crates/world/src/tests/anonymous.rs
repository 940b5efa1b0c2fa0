//! Anonymous objects and waifs: their cells, their validity, their end.

use moor_value::{Dead, List};

use super::*;

/// A class `#1` with properties `p` and `:w`, and `#2` to keep things on.
fn with_class() -> (Arc<World>, Arc<MemoryLog>) {
    let (world, log) = small_world();
    commit(&world, |tx| {
        let class = tx.child(&[])?;
        tx.add(class, "p", 1)?;
        tx.add_property(WIZARD, class.into(), ":w", Value::Int(10), WIZARD, "rc")?;
        let keeper = tx.child(&[])?;
        tx.add(keeper, "kept", 0)
    });
    (world, log)
}

const CLASS: ObjId = ObjId(1);
const KEEPER: ObjId = ObjId(2);

fn keep_anon(world: &Arc<World>) -> u64 {
    commit(world, |tx| {
        let anon = tx.create_anonymous(WIZARD, &[CLASS], WIZARD)?;
        tx.set_property(WIZARD, Entity::anon(anon.id()), symbol("p"), Value::Int(2))?;
        tx.set(KEEPER, "kept", Value::Anon(anon.clone()))?;
        Ok(anon.id())
    })
}

#[test]
fn an_anonymous_object_lives_in_the_store() {
    let (world, log) = with_class();
    let id = keep_anon(&world);
    for world in [world, reloaded(&log)] {
        world.release_loaded_handles();
        assert_eq!(world.orphans(), []);
        let mut tx = world.begin();
        let kept = tx.get(KEEPER, "kept").expect("there");
        assert_eq!(Entity::of(&kept), Some(Entity::anon(id)));
        assert!(tx.valid(Entity::anon(id)));
        assert_eq!(
            tx.get_property(WIZARD, Entity::anon(id), symbol("p")),
            Ok(Value::Int(2))
        );
        assert_eq!(
            objects(&tx.children(CLASS.into()).expect("there")),
            [0i64; 0],
            "it is nobody's child"
        );
        assert_eq!(tx.max_object(), KEEPER);
    }
}

#[test]
fn it_ends_with_its_last_reference() {
    let (world, log) = with_class();
    let id = keep_anon(&world);
    commit(&world, |tx| tx.set(KEEPER, "kept", 0));
    assert_eq!(world.orphans(), [Dead::Anon(id)]);
    assert_eq!(world.orphans(), [], "each is reported once");
    commit(&world, |tx| {
        tx.collect(Dead::Anon(id));
        Ok(())
    });
    assert!(!world.begin().valid(Entity::anon(id)));
    let again = reloaded(&log);
    again.release_loaded_handles();
    assert_eq!(again.orphans(), []);
}

#[test]
fn what_a_crash_left_behind_is_found_at_the_next_start() {
    let (world, log) = with_class();
    let id = keep_anon(&world);
    commit(&world, |tx| tx.set(KEEPER, "kept", 0));
    let again = reloaded(&log);
    assert_eq!(
        again.orphans(),
        [],
        "tasks may still refer to it while loading"
    );
    again.release_loaded_handles();
    assert_eq!(again.orphans(), [Dead::Anon(id)]);
    let fresh = commit(&again, |tx| tx.create_anonymous(WIZARD, &[CLASS], WIZARD));
    assert!(fresh.id() > id);
}

#[test]
fn a_changed_parent_makes_it_invalid_unless_it_follows() {
    type Change = fn(&mut Transaction, Entity) -> MooResult<()>;
    let cases: &[(&str, Change, bool)] = &[
        ("a value", |tx, _| tx.set(CLASS, "p", 5), true),
        (
            "an owner",
            |tx, _| tx.set_property_info(WIZARD, CLASS.into(), symbol("p"), WIZARD, "", None),
            true,
        ),
        ("a new property", |tx, _| tx.add(CLASS, "q", 5), false),
        (
            "a property less",
            |tx, _| tx.delete_property(WIZARD, CLASS.into(), symbol("p")),
            false,
        ),
        (
            "another parent",
            |tx, _| tx.chparent(CLASS, &[KEEPER]),
            false,
        ),
        (
            "another parent, followed",
            |tx, anon| tx.chparents(WIZARD, CLASS.into(), &[KEEPER], Some(&[anon])),
            true,
        ),
        (
            "no parent",
            |tx, _| {
                tx.raw_destroy(CLASS.into());
                Ok(())
            },
            false,
        ),
    ];
    for (what, change, valid) in cases {
        let (world, log) = with_class();
        let anon = Entity::anon(keep_anon(&world));
        commit(&world, |tx| change(tx, anon));
        assert_eq!(world.begin().valid(anon), *valid, "{what}");
        assert_eq!(
            reloaded(&log).begin().valid(anon),
            *valid,
            "{what}, reloaded"
        );
    }
}

#[test]
fn a_waif_has_the_properties_of_its_class() {
    let (world, log) = with_class();
    let id = commit(&world, |tx| {
        let waif = tx.new_waif(CLASS, KEEPER)?;
        assert_eq!(tx.get_waif_property(WIZARD, &waif, "W"), Ok(Value::Int(10)));
        assert_eq!(
            error(tx.get_waif_property(WIZARD, &waif, "p")),
            ErrorCode::PropNf
        );
        assert_eq!(
            tx.get_waif_property(ObjId(9), &waif, "class"),
            Ok(Value::Obj(CLASS))
        );
        assert_eq!(
            error(tx.set_waif_property(WIZARD, &waif, "owner", Value::ZERO)),
            ErrorCode::Perm
        );
        assert_eq!(
            error(tx.set_waif_property(ObjId(9), &waif, "w", Value::ZERO)),
            ErrorCode::Perm
        );
        tx.set_waif_property(KEEPER, &waif, "w", Value::Int(11))?;
        let inside = Value::List(List::from_vec(vec![Value::Waif(waif.clone())]));
        assert_eq!(
            error(tx.set_waif_property(WIZARD, &waif, "w", inside)),
            ErrorCode::RecMove
        );
        tx.set(KEEPER, "kept", Value::Waif(waif.clone()))?;
        Ok(waif.id())
    });
    for world in [world, reloaded(&log)] {
        let mut tx = world.begin();
        let kept = tx.get(KEEPER, "kept").expect("there");
        let waif = kept.as_waif().expect("a waif was put there").clone();
        assert_eq!((waif.id(), waif.class(), waif.owner()), (id, CLASS, KEEPER));
        assert_eq!(tx.waif_counts(), BTreeMap::from([(CLASS, 1)]));
        assert_eq!(tx.get_waif_property(WIZARD, &waif, "w"), Ok(Value::Int(11)));
        tx.raw_destroy(CLASS.into());
        assert_eq!(
            error(tx.get_waif_property(WIZARD, &waif, "w")),
            ErrorCode::InvInd
        );
        assert_eq!(tx.waif_class(&waif), ObjId::NOTHING);
        let _young = tx.new_waif(KEEPER, WIZARD).expect("it exists");
        assert_eq!(tx.waif_counts(), BTreeMap::from([(CLASS, 1), (KEEPER, 1)]));
    }
}

#[test]
fn waifs_that_nobody_keeps_are_not_stored() {
    let (world, log) = with_class();
    let (rows, seq) = (log.rows().len(), world.seq());
    commit(&world, |tx| {
        for number in 0..100 {
            let waif = tx.new_waif(CLASS, WIZARD)?;
            tx.set_waif_property(WIZARD, &waif, "w", Value::Int(number))?;
        }
        let inner = tx.new_waif(CLASS, WIZARD)?;
        let outer = tx.new_waif(CLASS, WIZARD)?;
        tx.set_waif_property(WIZARD, &outer, "w", Value::Waif(inner))
    });
    assert_eq!((log.rows().len(), world.seq()), (rows, seq));
    assert_eq!(world.orphans(), []);
}
