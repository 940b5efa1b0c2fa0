//! Objects that become what is described: what their descendants have of it, who may, and that a refusal changes nothing.

use moor_value::Str;

use super::*;
use crate::{
    Access, At, Misfit, NewObject, ObjectSpec, OverrideSpec, PropFlags, PropertyName, PropertySpec,
    VerbCode, VerbFlags, VerbSpec,
};

fn spec(parents: &[ObjId]) -> ObjectSpec {
    ObjectSpec {
        name: Str::new("thing"),
        parents: parents.to_vec(),
        place: At { line: 1 },
        ..ObjectSpec::new(WIZARD)
    }
}

fn property(name: &str, letters: &str, value: Option<i64>) -> PropertySpec {
    PropertySpec {
        name: Str::new(name),
        access: access(letters),
        value: value.map(Value::Int),
        place: At { line: 2 },
    }
}

fn access(letters: &str) -> Access<PropFlags> {
    Access {
        owner: WIZARD,
        flags: PropFlags::parse(letters).expect("letters"),
    }
}

fn overriding(name: &str, letters: Option<&str>, value: Option<i64>) -> OverrideSpec {
    OverrideSpec {
        property: PropertyName {
            name: Str::new(name),
            definer: None,
        },
        access: letters.map(access),
        value: value.map(Value::Int),
        place: At { line: 3 },
    }
}

fn verb(names: &str, source: &str) -> VerbSpec {
    VerbSpec {
        names: Str::new(names),
        access: Access {
            owner: WIZARD,
            flags: VerbFlags::EXEC,
        },
        args: VerbArgs::METHOD,
        source: source.to_owned(),
        place: At { line: 4 },
    }
}

fn become_so(
    tx: &mut Transaction,
    perms: ObjId,
    id: ObjId,
    spec: &ObjectSpec,
) -> Result<(), Misfit> {
    tx.become_described(perms, id.into(), spec, &|source| VerbCode::new(source))
}

fn make(tx: &mut Transaction, new: NewObject, spec: &ObjectSpec) -> Result<Value, Misfit> {
    tx.create_described(WIZARD, new, spec, &|source| VerbCode::new(source))
}

/// `#1` with a child `#2`.
fn family() -> (Arc<World>, Arc<MemoryLog>) {
    let (world, log) = small_world();
    commit(&world, |tx| {
        let parent = tx.child(&[])?;
        let child = tx.child(&[parent])?;
        for (name, value) in [("stays", 1), ("goes", 2)] {
            tx.add(parent, name, value)?;
        }
        tx.set(child, "stays", 10)?;
        tx.set(child, "goes", 20)
    });
    (world, log)
}

#[test]
fn descendants_keep_what_stays_and_lose_what_goes() {
    let (world, log) = family();
    let (parent, child) = (ObjId(1), ObjId(2));
    let mut wanted = spec(&[]);
    wanted.properties = vec![
        property("new", "rc", Some(3)),
        property("STAYS", "w", Some(4)),
    ];
    wanted.verbs = vec![verb("a", "return 1;"), verb("a", "return 2;")];
    commit(&world, |tx| {
        become_so(tx, WIZARD, parent, &wanted).expect("it may");
        Ok(())
    });
    for world in [world, reloaded(&log)] {
        commit(&world, |tx| {
            let names = tx.property_names(WIZARD, parent.into())?;
            let names: Vec<&str> = names.iter().map(Str::as_str).collect();
            assert_eq!(names, ["new", "STAYS"]);
            for (id, stays, new) in [(parent, 4, 3), (child, 10, 3)] {
                assert_eq!(tx.get(id, "stays")?, Value::Int(stays));
                assert_eq!(tx.get(id, "new")?, Value::Int(new));
                assert_eq!(error(tx.get(id, "goes")), ErrorCode::PropNf);
            }
            let sources = tx.image(parent.into()).expect("it is there").verbs;
            let sources: Vec<_> = sources.into_iter().map(|verb| verb.source).collect();
            assert_eq!(sources, ["return 1;", "return 2;"]);
            Ok(())
        });
    }
}

#[test]
fn inherited_properties_are_clear_and_as_a_new_child_has_them_unless_described() {
    let (world, _) = family();
    let child = ObjId(2);
    commit(&world, |tx| {
        let mut wanted = spec(&[ObjId(1)]);
        wanted.overrides = vec![overriding("goes", Some("w"), Some(7))];
        become_so(tx, WIZARD, child, &wanted).expect("it may");
        assert_eq!(tx.get(child, "stays")?, Value::Int(1));
        assert_eq!(tx.get(child, "goes")?, Value::Int(7));
        let info = tx.property_info(WIZARD, child.into(), symbol("goes"))?;
        assert_eq!(info.flags.to_string(), "w");
        become_so(tx, WIZARD, child, &spec(&[ObjId(1)])).expect("it may");
        assert_eq!(tx.get(child, "goes")?, Value::Int(2));
        let info = tx.property_info(WIZARD, child.into(), symbol("goes"))?;
        assert_eq!(info.flags.to_string(), "r");
        assert_eq!(
            tx.image(child.into()).map(|image| image.name),
            Some(Str::new("thing"))
        );
        Ok(())
    });
}

#[test]
fn what_cannot_be_changes_nothing() {
    let (world, _) = family();
    let mut tx = world.begin();
    let mut wanted = spec(&[ObjId(1)]);
    wanted.overrides = vec![
        overriding("stays", None, Some(1)),
        overriding("stays", None, None),
    ];
    let twice = become_so(&mut tx, WIZARD, ObjId(2), &wanted).expect_err("twice");
    assert_eq!((twice.code, twice.line), (ErrorCode::InvArg, 3));
    let stranger = become_so(&mut tx, ObjId(2), ObjId(2), &spec(&[])).expect_err("no wizard");
    assert_eq!(stranger.code, ErrorCode::Perm);
    let mut within = spec(&[]);
    within.location = ObjId(2);
    let within = become_so(&mut tx, WIZARD, ObjId(2), &within).expect_err("within itself");
    assert_eq!(within.code, ErrorCode::RecMove);
    let mut nameless = spec(&[]);
    nameless.verbs = vec![verb(" ", "")];
    let nameless = make(&mut tx, NewObject::Next, &nameless).expect_err("a verb without a name");
    assert_eq!((nameless.code, nameless.line), (ErrorCode::InvArg, 4));
    let far = make(&mut tx, NewObject::At(ObjId(1_000_000)), &spec(&[])).expect_err("too far");
    assert_eq!(far.code, ErrorCode::Quota);
    assert!(tx.is_read_only());
}

#[test]
fn new_objects_take_numbers_owners_and_places_as_described() {
    let (world, _) = family();
    commit(&world, |tx| {
        let mut wanted = spec(&[ObjId(1)]);
        wanted.owner = ObjId(5);
        wanted.location = ObjId(1);
        wanted.properties = vec![property(":tag", "rc", None)];
        let made = make(tx, NewObject::At(ObjId(5)), &wanted).expect("it may");
        assert_eq!(made, Value::Obj(ObjId(5)));
        assert_eq!(tx.get(ObjId(5), "owner")?, Value::Obj(ObjId(5)));
        assert_eq!(objects(&tx.contents(ObjId(1))), [5]);
        assert_eq!(tx.max_object(), ObjId(5));
        wanted.owner = ObjId(77);
        make(tx, NewObject::Next, &wanted).expect("whose owner is gone");
        assert_eq!(tx.get(ObjId(6), "owner")?, Value::Obj(ObjId(77)));
        let mut order = spec(&[]);
        order.contents = Some(list(&[6, 77]));
        order.properties = vec![property("stays", "r", None), property("goes", "r", None)];
        become_so(tx, WIZARD, ObjId(1), &order).expect("it may");
        assert_eq!(objects(&tx.contents(ObjId(1))), [6, 5]);
        Ok(())
    });
}
