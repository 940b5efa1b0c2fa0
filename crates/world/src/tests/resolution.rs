//! Names found through several parents, and what changes of the hierarchy do to properties.

use super::*;
use crate::PropFlags;

/// `#1` is the root; `#2` and `#3` have it as parent; `#4` has `#2` and `#3`; `#5` has `#4`.
fn diamond() -> (Arc<World>, Arc<MemoryLog>) {
    let (world, log) = small_world();
    commit(&world, |tx| {
        tx.child(&[])?;
        tx.child(&list(&[1]))?;
        tx.child(&list(&[1]))?;
        tx.child(&list(&[2, 3]))?;
        tx.child(&list(&[4]))
    });
    (world, log)
}

#[test]
fn ancestors_come_depth_first_and_once() {
    let (world, _) = diamond();
    let mut tx = world.begin();
    assert_eq!(tx.ancestors(ObjId(5).into()), Ok(list(&[4, 2, 1, 3])));
    assert_eq!(tx.descendants(ObjId(1).into()), Ok(list(&[2, 4, 5, 3])));
    assert!(tx.isa(ObjId(5).into(), ObjId(3).into()) && !tx.isa(ObjId(3).into(), ObjId(5).into()));
    assert_eq!(tx.ancestors(ObjId(0).into()), Ok(vec![]));
}

#[test]
fn verbs_are_found_depth_first() {
    let cases: &[(&[i64], Option<i64>)] = &[
        (&[1, 3], Some(1)),
        (&[3, 2], Some(2)),
        (&[3], Some(3)),
        (&[5, 4], Some(5)),
        (&[], None),
    ];
    for (definers, found) in cases {
        let (world, _) = diamond();
        commit(&world, |tx| {
            definers
                .iter()
                .try_for_each(|id| tx.verb(ObjId(*id), "ver*b").map(drop))
        });
        assert_eq!(
            world.begin().calls(ObjId(5), "verb"),
            found.map(ObjId),
            "{definers:?}"
        );
    }
}

#[test]
fn verbs_that_cannot_be_called_are_passed_over() {
    let (world, _) = diamond();
    let mut tx = world.begin();
    tx.verb(ObjId(1), "go").expect("the wizard may");
    let hidden = VerbInfo {
        owner: WIZARD,
        letters: "rd",
        names: "go",
    };
    let any = VerbArgs::parse("any", "any", "none").expect("known words");
    tx.add_verb(WIZARD, ObjId(2).into(), hidden, any)
        .expect("the wizard may");
    assert_eq!(tx.calls(ObjId(5), "GO"), Some(ObjId(1)));
    let given = VerbArgs::parse("this", "with", "none").expect("known words");
    let command = tx
        .find_command_verb(ObjId(5).into(), "go", given)
        .expect("a command needs no x");
    assert_eq!(command.definer, ObjId(2).into());
    let pass = tx
        .find_parent_verb(ObjId(2).into(), symbol("go"))
        .expect("the root has it");
    assert_eq!(pass.definer, ObjId(1).into());
    assert_eq!(tx.verb_place(&pass), Some(1));
}

#[test]
fn clear_values_come_by_the_first_parent_that_leads_to_the_definer() {
    let (world, log) = diamond();
    commit(&world, |tx| {
        tx.add(ObjId(1), "p", "root")?;
        tx.set(ObjId(3), "p", "three")
    });
    assert_eq!(
        world.begin().get(ObjId(5), "p"),
        Ok(Value::from("root")),
        "by #2, where it is clear"
    );
    commit(&world, |tx| tx.set(ObjId(2), "p", "two"));
    assert_eq!(world.begin().get(ObjId(5), "p"), Ok(Value::from("two")));
    commit(&world, |tx| tx.chparent(ObjId(4), &list(&[3, 2])));
    assert_eq!(world.begin().get(ObjId(5), "p"), Ok(Value::from("three")));
    assert_eq!(
        reloaded(&log).begin().get(ObjId(5), "p"),
        Ok(Value::from("three"))
    );
}

#[test]
fn a_name_is_defined_once_along_every_line() {
    let (world, _) = diamond();
    let mut tx = world.begin();
    tx.add(ObjId(3), "p", 0).expect("free");
    for id in [1, 3, 4, 5] {
        assert_eq!(
            error(tx.add(ObjId(id), "P", 0)),
            ErrorCode::InvArg,
            "on #{id}"
        );
    }
    tx.add(ObjId(2), "p", 2)
        .expect("only the line through the object itself counts, as in ToastStunt");
    assert_eq!(
        tx.get(ObjId(5), "p"),
        Ok(Value::Int(2)),
        "an heir of both finds the first"
    );
    let lone = tx.child(&[]).expect("free");
    tx.add(lone, "p", 0).expect("free");
    assert_eq!(
        error(tx.chparent(ObjId(5), &[lone, ObjId(4)])),
        ErrorCode::InvArg
    );
    assert_eq!(error(tx.chparent(lone, &[ObjId(5)])), ErrorCode::InvArg);
    assert_eq!(error(tx.child(&[lone, ObjId(3)])), ErrorCode::InvArg);
    assert_eq!(error(tx.child(&[lone, lone])), ErrorCode::InvArg);
    assert_eq!(
        error(tx.chparent(ObjId(1), &[ObjId(5)])),
        ErrorCode::RecMove
    );
    assert_eq!(
        error(tx.set_property_info(WIZARD, lone.into(), symbol("p"), WIZARD, "", Some("owner"))),
        ErrorCode::InvArg
    );
}

#[test]
fn owners_are_fixed_when_a_property_arrives() {
    let (world, _) = diamond();
    let mut tx = world.begin();
    let somebody = tx.child(&[]).expect("free");
    tx.set(ObjId(4), "owner", somebody).expect("the wizard may");
    tx.add_property(WIZARD, ObjId(1).into(), "c", Value::ZERO, WIZARD, "c")
        .expect("free");
    tx.add_property(WIZARD, ObjId(1).into(), "n", Value::ZERO, WIZARD, "")
        .expect("free");
    let mut info = |id: i64, name: &str| {
        tx.property_info(WIZARD, ObjId(id).into(), symbol(name))
            .expect("there")
    };
    assert_eq!(
        (info(4, "c").owner, info(5, "c").owner, info(4, "n").owner),
        (somebody, WIZARD, WIZARD)
    );
    tx.set_property_info(WIZARD, ObjId(2).into(), symbol("n"), somebody, "r", None)
        .expect("the wizard may");
    let below = tx
        .property_info(WIZARD, ObjId(4).into(), symbol("n"))
        .expect("there");
    assert_eq!(
        (below.owner, below.flags),
        (WIZARD, PropFlags::default()),
        "those who have it keep theirs"
    );
    let child = tx.create(WIZARD, &[ObjId(2)], WIZARD).expect("free");
    let fresh = tx
        .property_info(WIZARD, child.into(), symbol("n"))
        .expect("there");
    assert_eq!(
        (fresh.owner, fresh.flags),
        (somebody, PropFlags::READ),
        "a child gets the parent's"
    );
}

#[test]
fn values_stay_while_their_definition_does() {
    let (world, log) = diamond();
    commit(&world, |tx| {
        tx.add(ObjId(2), "two", 0)?;
        tx.add(ObjId(3), "three", 0)?;
        tx.set(ObjId(5), "two", 22)?;
        tx.set(ObjId(5), "three", 33)?;
        tx.chparent(ObjId(5), &list(&[3]))
    });
    for world in [world.clone(), reloaded(&log)] {
        let mut tx = world.begin();
        assert_eq!(tx.get(ObjId(5), "three"), Ok(Value::Int(33)));
        assert_eq!(error(tx.get(ObjId(5), "two")), ErrorCode::PropNf);
    }
    commit(&world, |tx| tx.chparent(ObjId(5), &list(&[4])));
    assert_eq!(
        world.begin().get(ObjId(5), "two"),
        Ok(Value::Int(0)),
        "it comes back clear"
    );
}

#[test]
fn an_inherited_value_is_seen_where_it_stands_after_each_write() {
    let (world, _) = diamond();
    commit(&world, |tx| {
        tx.add(ObjId(1), "p", 1)?;
        tx.add(ObjId(1), "q", 0)
    });
    let mut tx = world.begin();
    let p = Symbol::intern("p");
    let sees = |tx: &mut Transaction, value: i64| {
        // Once found, then remembered.
        assert_eq!(tx.get(ObjId(5), "p"), Ok(Value::Int(value)));
        assert_eq!(tx.get(ObjId(5), "p"), Ok(Value::Int(value)));
    };
    sees(&mut tx, 1);
    for (id, name, value, seen) in [
        (5, "q", 7, 1),
        (5, "q", 8, 1),
        (1, "p", 2, 2),
        (1, "p", 3, 3),
        (2, "p", 4, 4),
        (5, "p", 5, 5),
        (2, "p", 6, 5),
    ] {
        tx.set(ObjId(id), name, value).expect("the wizard may");
        sees(&mut tx, seen);
    }
    for (id, seen) in [(5, 6), (2, 3)] {
        tx.clear_property(WIZARD, ObjId(id).into(), p)
            .expect("the wizard may");
        sees(&mut tx, seen);
    }
}

#[test]
fn recycling_hands_children_to_the_parents() {
    let (world, log) = diamond();
    commit(&world, |tx| {
        tx.add(ObjId(1), "p", 1)?;
        tx.set(ObjId(5), "p", 5)?;
        tx.go(ObjId(5), ObjId(4))?;
        tx.raw_destroy(ObjId(4).into());
        Ok(())
    });
    for world in [world.clone(), reloaded(&log)] {
        let mut tx = world.begin();
        assert!(!tx.valid_object(ObjId(4)));
        assert_eq!(tx.parents(ObjId(5).into()), list(&[2, 3]));
        assert_eq!(tx.get(ObjId(5), "p"), Ok(Value::Int(5)));
        assert_eq!(tx.location(ObjId(5).into()), ObjId::NOTHING);
        assert_eq!(tx.recycled_objects(), list(&[4]));
        assert_eq!(tx.next_recycled_object(ObjId(0)), Ok(Some(ObjId(4))));
    }
    commit(&world, |tx| tx.recreate(WIZARD, ObjId(4), ObjId(1), WIZARD));
    let mut tx = world.begin();
    assert_eq!(
        tx.get(ObjId(4), "p"),
        Ok(Value::Int(1)),
        "nothing remembers the old #4"
    );
    assert_eq!(tx.max_object(), ObjId(5));
}

#[test]
fn renumbering_follows_every_reference_of_structure() {
    let (world, log) = diamond();
    commit(&world, |tx| {
        tx.raw_destroy(ObjId(2).into());
        tx.add(ObjId(4), "p", 7)?;
        tx.verb(ObjId(4), "v")?;
        tx.go(ObjId(4), ObjId(3))?;
        tx.go(ObjId(1), ObjId(4))?;
        tx.set(ObjId(1), "owner", ObjId(4))?;
        tx.set_player_flag(WIZARD, ObjId(4), true)?;
        assert_eq!(tx.renumber(WIZARD, ObjId(4)), Ok(ObjId(2)));
        Ok(())
    });
    for world in [world.clone(), reloaded(&log)] {
        let mut tx = world.begin();
        assert!(!tx.valid_object(ObjId(4)));
        assert_eq!(tx.get(ObjId(5), "p"), Ok(Value::Int(7)));
        assert_eq!(tx.calls(ObjId(5), "v"), Some(ObjId(2)));
        assert_eq!(
            (tx.location(ObjId(2).into()), tx.location(ObjId(1).into())),
            (ObjId(3), ObjId(2))
        );
        assert_eq!(objects(&tx.contents(ObjId(3))), [2]);
        assert_eq!(objects(&tx.players()), [2]);
        assert_eq!(tx.owner(ObjId(1).into()), ObjId(2));
        assert_eq!(tx.owned_objects(ObjId(2)), Ok(list(&[1])));
    }
}

#[test]
fn a_position_puts_the_newcomer_before_others() {
    let (world, _) = diamond();
    let mut tx = world.begin();
    for (what, position) in [(2, 0), (3, 0), (4, 1), (5, 2), (0, 9)] {
        tx.raw_move(WIZARD, ObjId(what), ObjId(1), position, true, 7)
            .expect("the wizard may");
    }
    assert_eq!(objects(&tx.contents(ObjId(1))), [4, 5, 2, 3, 0]);
    let last_move = tx.get(ObjId(4), "last_move").expect("built in");
    let time = last_move
        .as_map()
        .and_then(|map| map.get(&Value::from("time")))
        .cloned();
    assert_eq!(time, Some(Value::Int(7)));
}

#[test]
fn a_command_depends_on_the_verb_that_it_found_and_on_none_that_takes_other_arguments() {
    let none = VerbArgs::parse("none", "none", "none").expect("known words");
    let this = VerbArgs::parse("this", "none", "none").expect("known words");
    let verb = |tx: &mut Transaction, id: i64, args: VerbArgs| {
        let info = VerbInfo {
            owner: WIZARD,
            letters: "rd",
            names: "l*ook",
        };
        tx.add_verb(WIZARD, ObjId(id).into(), info, args)
    };
    for (added, refused) in [(none, true), (this, false)] {
        let (world, _) = diamond();
        commit(&world, |tx| {
            tx.add(ObjId(1), "count", 0)?;
            verb(tx, 1, none)
        });
        // From now on the word is a name.
        world
            .begin()
            .find_command_verb(ObjId(5).into(), "loo", none);
        let mut tx = world.begin();
        let mut definer = || {
            let found = tx.find_command_verb(ObjId(5).into(), "loo", none);
            found.map(|found| found.definer)
        };
        assert_eq!(definer(), Some(ObjId(1).into()));
        assert_eq!(
            definer(),
            Some(ObjId(1).into()),
            "again, from what is known"
        );
        tx.set(ObjId(1), "count", 1).expect("the wizard may");
        commit(&world, |tx| verb(tx, 2, added));
        assert_eq!(tx.commit().is_err(), refused, "{added:?}");
        let found = world
            .begin()
            .find_command_verb(ObjId(5).into(), "loo", none);
        let expected = if refused { ObjId(2) } else { ObjId(1) };
        assert_eq!(found.map(|found| found.definer), Some(expected.into()));
    }
}

#[test]
fn what_users_type_becomes_a_name_only_where_a_verb_lists_it() {
    let (world, _) = diamond();
    let args = VerbArgs::parse("none", "none", "none").expect("known words");
    commit(&world, |tx| {
        let info = VerbInfo {
            owner: WIZARD,
            letters: "rd",
            names: "frob*nicate quux*",
        };
        tx.add_verb(WIZARD, ObjId(1).into(), info, args)
    });
    for (word, is_found, is_name) in [
        ("frobnic", true, true),
        ("quuxly", true, false),
        ("plugh", false, false),
    ] {
        let found = world.begin().find_command_verb(ObjId(5).into(), word, args);
        assert_eq!(found.is_some(), is_found, "{word}");
        assert_eq!(Symbol::lookup(word).is_some(), is_name, "{word}");
    }
}
