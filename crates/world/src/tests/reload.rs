//! Images and rows: import, the store, reading back, export; and everything that is refused on the way.

use moor_store::{Options, Store};

use super::*;
use crate::{
    ImportError, ObjectFlags, ObjectImage, PropFlags, PropImage, RowError, VerbFlags, VerbImage,
    WaifImage, WorldImage,
};

fn property(value: Option<Value>, letters: &str) -> PropImage {
    PropImage {
        value,
        owner: WIZARD,
        flags: PropFlags::parse(letters).expect("known letters"),
    }
}

/// `#0` the wizard in the room `#1`; `#2` a class with `p`; `#3` its child, which has an own `p`; `#5` after a gap.
fn image() -> WorldImage {
    let mut objects: Vec<ObjectImage> = [0, 1, 2, 3, 5]
        .map(|id| ObjectImage::new(ObjId(id), &format!("thing {id}"), WIZARD))
        .into();
    objects[0].flags = ObjectFlags::from_bits(7);
    objects[0].location = ObjId(1);
    objects[4].location = ObjId(1);
    objects[2].propdefs = vec!["p".into(), ":w".into()];
    objects[2].propvals = vec![
        property(Some(Value::Int(1)), "rc"),
        property(Some(Value::Int(2)), ""),
    ];
    objects[2].verbs = vec![VerbImage {
        names: "do it*".into(),
        owner: WIZARD,
        flags: VerbFlags::parse("rx").expect("known letters"),
        args: VerbArgs::METHOD,
        source: "return 1;\nreturn 2;".into(),
    }];
    objects[3].parents = vec![ObjId(2)];
    objects[3].propvals = vec![property(Some(Value::from("own")), "r"), property(None, "")];
    let mut image = WorldImage::from_objects(objects);
    image.waifs = vec![WaifImage {
        id: 7,
        class: ObjId(3),
        owner: WIZARD,
        values: vec![(0, Value::Int(70))],
    }];
    image
}

fn loaded(image: &WorldImage) -> Arc<World> {
    let mut loader = Loader::new(Arc::new(MemoryLog::default()), Table(0));
    let checked = image.check().expect("the image is right");
    checked
        .rows(|key, value| loader.row(key, value))
        .expect("own rows decode");
    loader.finish().expect("own rows are whole")
}

/// Everything that an export shows, as text.
fn shown(world: &Arc<World>) -> String {
    let snapshot = world.snapshot();
    let objects: Vec<_> = snapshot.objects().collect();
    let (anons, waifs): (Vec<_>, Vec<_>) = (snapshot.anons().collect(), snapshot.waifs().collect());
    format!(
        "{objects:#?} {anons:#?} {waifs:#?} {:?} {}",
        snapshot.players(),
        snapshot.max_object()
    )
}

#[test]
fn an_import_is_exported_as_it_came() {
    let image = image();
    let world = loaded(&image);
    let snapshot = world.snapshot();
    assert_eq!(
        format!("{:#?}", snapshot.objects().collect::<Vec<_>>()),
        format!("{:#?}", image.objects)
    );
    assert_eq!(
        format!("{:?}", snapshot.waifs().collect::<Vec<_>>()),
        format!("{:?}", image.waifs)
    );
    assert_eq!(
        (snapshot.players(), snapshot.max_object()),
        (image.players, image.max_object)
    );
    let mut tx = world.begin();
    assert_eq!(tx.get(ObjId(3), "p"), Ok(Value::from("own")));
    assert_eq!(tx.calls(ObjId(3), "items"), Some(ObjId(2)));
    assert_eq!(tx.recycled_objects(), list(&[4]));
}

#[test]
fn a_world_comes_back_from_a_real_store() {
    const OPTIONS: Options = Options::new(&["world"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("db");
    let new = Store::create(&path, OPTIONS).expect("the folder is empty");
    let image = image();
    let checked = image.check().expect("the image is right");
    new.bulk(|writer| checked.rows(|key, value| writer.put(Table(0), key, value)))
        .expect("the disk works");
    let open = |store: &Store| {
        let mut loader = Loader::new(store.log(), Table(0));
        let rows = store.snapshot().expect("readable");
        loader.read(&rows).expect("own rows decode");
        loader.finish().expect("own rows are whole")
    };
    let store = new.finish().expect("the disk works");
    let world = open(&store);
    commit(&world, |tx| {
        let made = tx.child(&list(&[3]))?;
        tx.set(made, "p", 9)?;
        tx.go(made, ObjId(1))?;
        tx.delete_verb(WIZARD, ObjId(2).into(), &crate::VerbDesc::Index(1))
    });
    let before = shown(&world);
    drop(world);
    store.close().expect("everything is written");
    let store = Store::open(&path, OPTIONS).expect("it was closed");
    assert_eq!(shown(&open(&store)), before);
}

#[test]
fn wrong_images_are_refused_by_name() {
    type Spoil = fn(&mut WorldImage);
    let cases: &[(&str, Spoil)] = &[
        ("#9 is not from #0 to #5", |image| {
            image.objects[0].id = ObjId(9)
        }),
        ("#-1 is not from", |image| image.objects[0].id = ObjId(-1)),
        ("#2 is there twice", |image| image.objects[3].id = ObjId(2)),
        ("#0 has the parent #4", |image| {
            image.objects[0].parents.push(ObjId(4))
        }),
        ("#0 has the location #4", |image| {
            image.objects[0].location = ObjId(4)
        }),
        ("#1 has the child #4", |image| {
            image.objects[1].children.push(ObjId(4))
        }),
        ("the player #4", |image| image.players.push(ObjId(4))),
        ("#3 is among the children of #2", |image| {
            image.objects[2].children.clear()
        }),
        ("#5 is among the contents of #1", |image| {
            image.objects[1].contents.push(ObjId(5))
        }),
        ("#1 is among the players", |image| {
            image.players.push(ObjId(1))
        }),
        ("its own ancestors", |image| {
            image.objects[2].parents.push(ObjId(3));
            image.objects[3].children.push(ObjId(2));
        }),
        ("its own locations", |image| {
            image.objects[1].location = ObjId(0);
            image.objects[0].contents.push(ObjId(1));
        }),
        (
            "#3 has 1 property values; it and its ancestors define 2",
            |image| {
                image.objects[3].propvals.pop();
            },
        ),
        (
            "waif 7 has 3 property values; it and its ancestors define 1",
            |image| {
                image.waifs[0].values[0].0 = 2;
            },
        ),
    ];
    for (message, spoil) in cases {
        let mut image = image();
        spoil(&mut image);
        let error: ImportError = image.check().expect_err(message);
        assert!(
            error.to_string().contains(message),
            "{error} should say {message}"
        );
    }
}

/// A room, and things in it that are children of the one before the last; enough for several threads.
fn many() -> WorldImage {
    let object = |id: i64| {
        let mut object = ObjectImage::new(ObjId(id), &format!("thing {id}"), WIZARD);
        if id > 1 {
            object.location = ObjId(1);
            object.parents = vec![ObjId(id % 2)];
        }
        object
    };
    // Not in order of their numbers, and one is missing.
    let numbers = (0..30_000).rev().filter(|id| *id != 20_000);
    WorldImage::from_objects(numbers.map(object).collect())
}

#[test]
fn several_threads_read_what_one_does() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("db");
    let new = Store::create(&path, Options::new(&["world"])).expect("the folder is empty");
    let image = many();
    let checked = image.check().expect("the image is right");
    new.bulk(|writer| checked.rows(|key, value| writer.put(Table(0), key, value)))
        .expect("the disk works");
    let store = new.finish().expect("the disk works");
    let mut loader = Loader::new(store.log(), Table(0));
    loader
        .read(&store.snapshot().expect("readable"))
        .expect("own rows decode");
    let world = loader.finish().expect("own rows are whole");
    assert!(
        shown(&world) == shown(&loaded(&image)),
        "the worlds are the same"
    );
}

#[test]
fn damaged_rows_are_typed_errors() {
    let log = MemoryLog::default();
    let mut rows = Vec::new();
    image()
        .check()
        .expect("right")
        .rows(|key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            Ok::<(), ()>(())
        })
        .expect("the sink takes all");
    for (key, value) in &rows {
        // Every cut of every row, and every single byte changed, decodes or is refused; nothing panics.
        for cut in 0..value.len() {
            let mut loader = Loader::new(Arc::new(MemoryLog::default()), Table(0));
            assert!(
                loader.row(key, &value[..cut]).is_err(),
                "{key:?} cut at {cut}"
            );
        }
        // The middle of an id is spared: it would only make room for objects that are far away.
        for at in (0..key.len() + value.len()).filter(|at| !(1..7).contains(at)) {
            let (mut key, mut value) = (key.clone(), value.clone());
            match at.checked_sub(key.len()) {
                Some(at) => value[at] ^= 0x55,
                None => key[at] ^= 0x55,
            }
            let mut loader = Loader::new(Arc::new(MemoryLog::default()), Table(0));
            let _ = loader.row(&key, &value);
        }
    }
    assert!(log.rows().is_empty());
    let mut newer = Loader::new(Arc::new(MemoryLog::default()), Table(0));
    let version = rows
        .iter()
        .find(|(key, _)| key.len() == 2)
        .expect("the version row");
    let result = newer.row(&version.0, &[1, 200, 1]);
    assert!(
        matches!(result, Err(RowError::Version { .. })),
        "{result:?}"
    );
    let mut unversioned = Loader::new(Arc::new(MemoryLog::default()), Table(0));
    let (key, value) = rows
        .iter()
        .find(|(key, _)| key.len() == 14)
        .expect("a cell");
    unversioned.row(key, value).expect("a right row");
    assert!(matches!(
        unversioned.finish(),
        Err(RowError::Version { found: 0 } | RowError::MissingInfos { .. })
    ));
}
