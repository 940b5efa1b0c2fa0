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
fn it_keeps_the_properties_that_its_parents_keep() {
    type Change = fn(&mut Transaction, Entity) -> MooResult<()>;
    let cases: &[(&str, Change, bool)] = &[
        ("a value", |tx, _| tx.set(CLASS, "p", 5), true),
        (
            "an owner",
            |tx, _| tx.set_property_info(WIZARD, CLASS.into(), symbol("p"), WIZARD, "", None),
            true,
        ),
        ("a new property", |tx, _| tx.add(CLASS, "q", 5), true),
        (
            "a property less",
            |tx, _| tx.delete_property(WIZARD, CLASS.into(), symbol("p")),
            false,
        ),
        (
            "a property anew",
            |tx, _| {
                tx.delete_property(WIZARD, CLASS.into(), symbol("p"))?;
                tx.add(CLASS, "p", 5)
            },
            false,
        ),
        (
            "another parent",
            |tx, _| tx.chparent(CLASS, &[KEEPER]),
            true,
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
    for (what, change, keeps) in cases {
        let (world, log) = with_class();
        let anon = Entity::anon(keep_anon(&world));
        let _handle = world.begin().get(KEEPER, "kept");
        commit(&world, |tx| change(tx, anon));
        for world in [&world, &reloaded(&log)] {
            let mut tx = world.begin();
            assert!(tx.valid(anon), "{what}");
            let value = tx.get_property(WIZARD, anon, symbol("p"));
            assert_eq!(value.is_ok(), *keeps, "{what}: {value:?}");
        }
    }
}

#[test]
fn it_follows_a_parent_that_gets_another_number() {
    let (world, _) = with_class();
    let (anon, number) = commit(&world, |tx| {
        let gap = tx.child(&[])?;
        let class = tx.child(&[])?;
        tx.add(class, "p", 7)?;
        tx.raw_destroy(gap.into());
        let anon = tx.create_anonymous(WIZARD, &[class], WIZARD)?;
        tx.set(KEEPER, "kept", Value::Anon(anon.clone()))?;
        assert_eq!(tx.renumber(WIZARD, class)?, gap);
        Ok((Entity::anon(anon.id()), gap))
    });
    let mut tx = world.begin();
    assert_eq!(tx.parents(anon), [number]);
    assert_eq!(
        tx.get_property(WIZARD, anon, symbol("p")),
        Ok(Value::Int(7))
    );
}

#[test]
fn what_dies_in_its_first_transaction_can_still_be_heard() {
    let (world, _) = with_class();
    let id = commit(&world, |tx| {
        Ok(tx.create_anonymous(WIZARD, &[CLASS], WIZARD)?.id())
    });
    assert_eq!(world.orphans(), [Dead::Anon(id)]);
    commit(&world, |tx| tx.verb(CLASS, ":recycle").map(|_| ()));
    let id = commit(&world, |tx| Ok(tx.new_waif(CLASS, KEEPER)?.id()));
    assert_eq!(world.orphans(), [Dead::Waif(id)]);
    let mut tx = world.begin();
    let waif = tx.revive_waif(id).expect("its cells are there");
    assert_eq!((waif.class(), waif.owner()), (CLASS, KEEPER));
    tx.collect(Dead::Waif(id));
    drop(waif);
    tx.commit().expect("nobody else is there");
    assert_eq!(world.orphans(), []);
    assert!(world.begin().revive_waif(id).is_none());
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

/// Makes two anonymous objects that refer to each other, one through a list, and keeps the first.
fn keep_circle(world: &Arc<World>) -> [u64; 2] {
    commit(world, |tx| {
        let one = tx.create_anonymous(WIZARD, &[CLASS], WIZARD)?;
        let two = tx.create_anonymous(WIZARD, &[CLASS], WIZARD)?;
        let in_list = Value::from(vec![Value::Anon(two.clone())]);
        tx.set_property(WIZARD, Entity::anon(one.id()), symbol("p"), in_list)?;
        let back = Value::Anon(one.clone());
        tx.set_property(WIZARD, Entity::anon(two.id()), symbol("p"), back)?;
        tx.set(KEEPER, "kept", Value::Anon(one.clone()))?;
        Ok([one.id(), two.id()])
    })
}

#[test]
fn what_only_refers_to_each_other_is_lost() {
    let (world, log) = with_class();
    let circle = keep_circle(&world);
    for world in [world, reloaded(&log)] {
        world.release_loaded_handles();
        assert_eq!(world.lost_cycles(), [], "it is kept");
        let held = world.begin().get(KEEPER, "kept").expect("there");
        commit(&world, |tx| tx.set(KEEPER, "kept", 0));
        assert_eq!(world.lost_cycles(), [], "a program has it");
        drop(held);
        assert_eq!(world.orphans(), []);
        let mut lost = world.lost_cycles();
        lost.sort_by_key(|dead| matches!(dead, Dead::Anon(id) if *id == circle[1]));
        assert_eq!(lost, circle.map(Dead::Anon));
        commit(&world, |tx| {
            lost.iter().for_each(|dead| tx.collect(*dead));
            Ok(())
        });
        assert_eq!(world.lost_cycles(), []);
        assert_eq!(world.orphans(), []);
    }
}

#[test]
fn a_list_that_others_have_too_keeps_what_is_in_it() {
    let (world, _log) = with_class();
    let circle = keep_circle(&world);
    let shared = {
        let mut tx = world.begin();
        tx.get_property(WIZARD, Entity::anon(circle[0]), symbol("p"))
    };
    commit(&world, |tx| tx.set(KEEPER, "kept", 0));
    assert_eq!(world.lost_cycles(), []);
    drop(shared);
    assert_eq!(world.lost_cycles().len(), 2);
}
