//! Objects with unique ids live beside those with numbers, and nobody waits for anybody to make one.

use super::*;
use crate::WorldImage;

fn unique(counter: u16) -> ObjId {
    ObjId::unique(counter, 1, 1_000)
}

/// The wizard, `#1`, and two objects with unique ids: a child of `#1`, and a child of that in the first.
fn family() -> (Arc<World>, Arc<MemoryLog>) {
    let (world, log) = small_world();
    commit(&world, |tx| {
        tx.child(&[])?;
        tx.create_unique(WIZARD, &list(&[1]), WIZARD, unique(9))?;
        tx.create_unique(WIZARD, &[unique(9)], unique(9), unique(2))?;
        tx.add(ObjId(1), "p", 1)?;
        tx.verb(unique(9), "v")?;
        tx.set(unique(2), "p", 2)?;
        tx.set_player_flag(WIZARD, unique(2), true)?;
        tx.go(unique(2), unique(9))
    });
    (world, log)
}

fn check_family(world: &Arc<World>) {
    let mut tx = world.begin();
    assert_eq!(tx.max_object(), ObjId(1));
    let all = [ObjId(0), ObjId(1), unique(2), unique(9)];
    assert_eq!(tx.all_objects(), all);
    assert_eq!(tx.get(unique(9), "p"), Ok(Value::Int(1)));
    assert_eq!(tx.get(unique(2), "p"), Ok(Value::Int(2)));
    assert_eq!(tx.calls(unique(2), "v"), Some(unique(9)));
    assert_eq!(tx.location(unique(2).into()), unique(9));
    assert_eq!(objects(&tx.contents(unique(9))), [unique(2).0]);
    assert_eq!(objects(&tx.players()), [unique(2).0]);
    assert_eq!(tx.owned_objects(unique(9)), Ok(vec![unique(2)]));
    assert_eq!(tx.recycled_objects(), []);
    assert_eq!(
        tx.recreate(WIZARD, unique(3), ObjId::NOTHING, WIZARD),
        Err(ErrorCode::InvArg)
    );
}

#[test]
fn they_are_as_others_and_outlive_a_restart() {
    let (world, log) = family();
    check_family(&world);
    check_family(&reloaded(&log));
    assert_eq!(world.snapshot().object_count(), 4);
}

#[test]
fn an_image_holds_them() {
    let (world, _) = family();
    let image: WorldImage = world.snapshot().image();
    let log = Arc::new(MemoryLog::default());
    let mut loader = Loader::new(log, Table(0));
    let checked = image.check().expect("the image is right");
    checked
        .rows(|key, value| loader.row(key, value))
        .expect("own rows decode");
    check_family(&loader.finish().expect("own rows are whole"));
}

#[test]
fn ids_are_given_once_and_only_unique_ones() {
    let (world, _) = family();
    let mut tx = world.begin();
    for id in [unique(9), ObjId(7), ObjId(i64::MAX), ObjId::NOTHING] {
        let refused = tx.create_unique(WIZARD, &[], WIZARD, id);
        assert_eq!(refused, Err(ErrorCode::Quota), "{id}");
    }
    let refused = tx.create_unique(unique(2), &[], WIZARD, unique(4));
    assert_eq!(refused, Err(ErrorCode::Perm));
}

#[test]
fn recycled_ones_are_gone() {
    let (world, log) = family();
    commit(&world, |tx| {
        tx.raw_destroy(unique(9).into());
        Ok(())
    });
    for world in [world.clone(), reloaded(&log)] {
        let mut tx = world.begin();
        assert_eq!(tx.all_objects(), [ObjId(0), ObjId(1), unique(2)]);
        assert_eq!(tx.location(unique(2).into()), ObjId::NOTHING);
        assert_eq!(tx.parents(unique(2).into()), list(&[1]));
        assert!(!tx.valid_object(unique(9)));
    }
}

#[test]
fn makers_are_in_nobodys_way_but_that_of_who_looks_at_all() {
    let (world, _) = family();
    let (mut first, mut second, mut looking) = (world.begin(), world.begin(), world.begin());
    let make = |tx: &mut Transaction, id| tx.create_unique(WIZARD, &[], WIZARD, id);
    make(&mut first, unique(20)).expect("the wizard may");
    make(&mut second, unique(21)).expect("the wizard may");
    assert_eq!(looking.all_objects().len(), 4);
    looking
        .set(WIZARD, "name", "who looked")
        .expect("the wizard may");
    first.commit().expect("nobody is in the way");
    second.commit().expect("nobody is in the way");
    assert!(looking.commit().is_err(), "it has missed two objects");
}

#[test]
fn they_can_get_numbers() {
    let (world, log) = family();
    commit(&world, |tx| {
        assert_eq!(tx.renumber(WIZARD, unique(9)), Ok(ObjId(2)));
        Ok(())
    });
    for world in [world.clone(), reloaded(&log)] {
        let mut tx = world.begin();
        assert_eq!(tx.max_object(), ObjId(2));
        let all = [ObjId(0), ObjId(1), ObjId(2), unique(2)];
        assert_eq!(tx.all_objects(), all);
        assert_eq!(tx.parents(unique(2).into()), list(&[2]));
        assert_eq!(tx.owner(unique(2).into()), ObjId(2));
        assert_eq!(tx.location(unique(2).into()), ObjId(2));
    }
}
