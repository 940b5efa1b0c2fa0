//! Out and in again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use moor_dump::ImageSource;
use moor_dump::objdir;
use moor_value::{
    AnonRef, Binary, ErrorName, ErrorValue, Flyweight, Graveyard, Lambda, List, Map, ObjId, Origin,
    Str, Sym, Value,
};
use moor_world::{ObjectImage, PropFlags, PropImage, WorldImage};
use proptest::prelude::*;

use crate::support::generated::{self, Choices};
use crate::support::{data, import, normal, shared, try_read, written};
use crate::{image, read, write};

/// All files with their contents.
fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(inner) = open.pop() {
        for entry in fs::read_dir(inner).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    let text = fs::read_to_string(&path).expect("UTF-8");
                    let name = path.strip_prefix(folder).expect("it is inside");
                    found.insert(name.to_owned(), text);
                }
            }
        }
    }
    found
}

fn goes_round(world: &WorldImage) -> BTreeMap<PathBuf, String> {
    let folder = tempfile::tempdir().expect("a folder");
    write(world, folder.path());
    let first = files(folder.path());
    let spec = read(folder.path());
    let second = image(&spec);
    assert_eq!(normal(world), normal(&second));
    // Ids of anonymous objects and waifs are kept, so a comparison finds nothing.
    let described = objdir::describe(&ImageSource::from(world));
    assert_eq!(spec.objects, described.objects);
    let again = tempfile::tempdir().expect("a folder");
    write(&second, again.path());
    assert_eq!(first, files(again.path()));
    first
}

/// Values of the kinds that no textdump has, in each other.
fn newest_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<String>().prop_map(|text| Sym::new(&text).into()),
        "[a-zA-Z_][a-zA-Z0-9_]{0,8}".prop_map(|text| Sym::new(&text).into()),
        (
            "E_[A-Z]{1,5}|E_PERM|e_div",
            prop::option::of(any::<String>())
        )
            .prop_map(|(name, said)| {
                let name = ErrorName::from_text(&name).expect("a name");
                ErrorValue::make(name, said.map(Str::from))
            }),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| Binary::from_vec(bytes).into()),
        (any::<u16>(), any::<u8>(), any::<u64>())
            .prop_map(|(counter, chance, time)| ObjId::unique(counter, chance, time).into()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let some = prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            some.clone().prop_map(Value::from),
            ("[a-z]{1,5}", inner.clone(), some).prop_map(|(name, slot, contents)| {
                let plain = Flyweight::new(ObjId(2), contents.into()).expect("it is not deep");
                let full = plain.with_slot(&name, slot);
                full.unwrap_or(plain).into()
            }),
            (inner.clone(), inner).prop_map(|(key, value)| {
                let mut map = Map::new();
                map.insert_value(key, value);
                map.into()
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn newest_values_go_round(value in newest_values()) {
        let mut world = import(data("format-4.db")).world;
        let defined = world.objects.iter_mut().find(|one| !one.propvals.is_empty());
        defined.expect("a property").propvals[0].value = Some(value);
        goes_round(&world);
    }
}

/// Kinds of values that no textdump has.
#[test]
fn newer_values() {
    let gone = Value::Anon(AnonRef::new(0, Graveyard::new()));
    let flyweight = Flyweight::new(ObjId(0), vec![gone, "text".into()].into())
        .and_then(|plain| plain.with_slot("if", Flyweight::new(ObjId(-1), List::new())?.into()))
        .expect("a slot");
    let gone = Value::Anon(AnonRef::new(0, Graveyard::new()));
    let origin = Origin {
        this: gone.clone(),
        programmer: ObjId(2),
        definer: ObjId(0).into(),
        verb_names: Str::new("a b"),
        debug: false,
        line: 7,
    };
    let captured = vec![
        (Str::new("n"), 1.into()),
        (Str::new("l"), vec![gone].into()),
    ];
    let source = Str::new("fn (x)\n  return x + n;\nendfn");
    let function = Lambda::new(source, captured, origin).expect("it is not deep");
    let error = |name, message: &str| {
        let name = ErrorName::from_text(name).expect("a name");
        ErrorValue::make(name, Some(message.into()))
    };
    let mut map = Map::new();
    map.insert_value(Sym::new("Key").into(), Binary::default().into());
    let values = Value::from(vec![
        Sym::new("name").into(),
        Sym::new("two\nlines").into(),
        error("E_PERM", "a \"quoted\" word\n"),
        error("E_MINE", ""),
        Binary::from_vec(vec![0, 255, 9]).into(),
        flyweight.into(),
        function.into(),
        map.into(),
    ]);
    let mut world = import(data("format-4.db")).world;
    world.objects[0].name = Str::new("system");
    let defined = world
        .objects
        .iter_mut()
        .find(|one| !one.propvals.is_empty());
    defined.expect("a property").propvals[0].value = Some(values);
    let files = goes_round(&world);
    let written = files.values().any(|text| {
        text.contains("  <#0, .if = <#-1>, {anonymous(gone), \"text\"}>,\n")
            && text.contains("  function(\"fn (x)\\n  return x + n;\\nendfn\", [\"n\" -> 1, \"l\" -> {anonymous(gone)}], anonymous(gone), #2, #0, \"a b\", false, 7),\n")
            && text.contains("  'name,\n  '\"two\\nlines\",\n")
    });
    assert!(written, "{files:?}");
}

#[test]
fn objects_with_unique_ids() {
    let id = |counter| ObjId::unique(counter, 3, 0x12_3456_7890);
    let mut objects = vec![
        ObjectImage::new(ObjId(0), "system", ObjId(0)),
        ObjectImage::new(id(1), "one", id(1)),
        ObjectImage::new(id(2), "two", ObjId(0)),
    ];
    objects[2].parents = vec![id(1)];
    objects[2].location = id(1);
    objects[1].propdefs = vec![Str::new("p")];
    let property = |value| PropImage {
        value,
        owner: id(1),
        flags: PropFlags::default(),
    };
    objects[1].propvals = vec![property(Some(Value::from(vec![id(2).into()])))];
    objects[2].propvals = vec![property(None)];
    let world = WorldImage::from_objects(objects);
    assert_eq!(world.max_object, ObjId(0));
    let files = goes_round(&world);
    let name = Path::new("objects/unique/000043-1234567890.moo");
    let text = files.get(name).expect("the file of the first");
    assert!(text.contains("= {#000083-1234567890};"), "{text}");
    assert!(files["world.moo".as_ref() as &Path].contains("max_object #0\n"));
}

#[test]
fn databases_at_hand() {
    for name in ["LambdaCore-latest.db", "Minimal.db", "Test.db"] {
        let Some(bytes) = shared(name) else {
            continue;
        };
        let dump = try_read(name, &bytes).unwrap_or_else(|error| panic!("{error}"));
        goes_round(&import(dump).world);
    }
    for name in ["format-1.db", "format-4.db", "format-7.db", "format-17.db"] {
        goes_round(&import(data(name)).world);
    }
}

#[test]
fn what_files_look_like() {
    let files = goes_round(&import(data("format-17.db")).world);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/objdir");
    let mut listing = String::new();
    for (name, text) in &files {
        listing += &format!("==> {} <==\n{text}", name.display());
    }
    let golden = golden.with_extension("txt");
    if std::env::var_os("MOOR_UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &listing).expect("it is written");
    }
    let expected = fs::read_to_string(golden).expect("the file belongs to the tests");
    assert_eq!(listing, expected);
}

#[test]
fn a_directory_is_brought_up_to_date_and_other_files_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut world = import(data("format-4.db")).world;
    fs::create_dir(folder.path().join(".git")).expect("a folder");
    let first = write(&world, folder.path());
    assert_eq!(
        first.written,
        first.objects + 1,
        "each object, and the world"
    );
    fs::write(folder.path().join("README"), "mine").expect("it is written");
    let nothing = write(&world, folder.path());
    assert_eq!((nothing.written, nothing.removed), (0, 0));
    world.objects[0].name = moor_value::Str::new("renamed");
    let one = write(&world, folder.path());
    assert_eq!((one.written, one.removed), (1, 0));
    let last = world.objects.pop().expect("an object");
    let gone = write(&world, folder.path());
    assert_eq!(gone.removed, 1, "{}", last.id);
    assert_eq!(
        fs::read_to_string(folder.path().join("README")).expect("it stays"),
        "mine"
    );
    assert!(!folder.path().join(".unfinished").exists());
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("novel.txt"), "mine").expect("it is written");
    let world = import(data("format-4.db")).world;
    let refused = objdir::write(&ImageSource::from(&world), folder.path());
    let message = refused.expect_err("it is refused").to_string();
    assert!(
        message.ends_with("no object directory: it has no world.moo"),
        "{message}"
    );
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn a_textdump_of_what_came_from_a_directory_is_the_same() {
    let Some(bytes) = shared("LambdaCore-latest.db") else {
        return;
    };
    let dump = try_read("LambdaCore", &bytes).unwrap_or_else(|error| panic!("{error}"));
    let first = import(dump).world;
    let folder = tempfile::tempdir().expect("a folder");
    write(&first, folder.path());
    let second = image(&read(folder.path()));
    let text = |world: &WorldImage| {
        let (bytes, _) = written(world, &[], &[], None).expect("it is written");
        bytes
    };
    assert!(text(&first) == text(&second));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_world(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        goes_round(&generated::world(&mut Choices::new(&bytes), false));
    }
}
