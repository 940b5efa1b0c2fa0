//! A directory put into a world that has objects already.

use moor_dump::ImageSource;
use moor_dump::objdir::{self, Merged, OnConflict, WorldSpec};
use moor_value::{ObjId, Str, Value};
use moor_world::{ObjectImage, PropFlags, PropImage, VerbImage, WorldImage};

use crate::image;
use crate::support::{data, import};

fn property(value: i64) -> PropImage {
    PropImage {
        value: Some(Value::Int(value)),
        owner: ObjId(0),
        flags: PropFlags::READ,
    }
}

/// `#0` with two properties and two verbs; `#1` is its child.
fn world() -> WorldImage {
    let verb = import(data("format-4.db")).world.objects[0].verbs[0].clone();
    let verb = |names: &str, source: &str| VerbImage {
        names: Str::new(names),
        source: source.to_owned(),
        ..verb.clone()
    };
    let mut system = ObjectImage::new(ObjId(0), "System", ObjId(0));
    system.propdefs = vec![Str::new("a"), Str::new("b")];
    system.propvals = vec![property(1), property(2)];
    system.verbs = vec![
        verb("look", "return 1;\nreturn 2;\nreturn 3;"),
        verb("get", "return;"),
    ];
    let mut child = ObjectImage::new(ObjId(1), "Child", ObjId(0));
    child.parents = vec![ObjId(0)];
    child.propvals = vec![property(5), property(6)];
    WorldImage::from_objects(vec![system, child])
}

/// The same, where `#0` has one property less and another more, and other code; and with `#2`.
fn directory() -> WorldSpec {
    let mut other = world();
    let system = &mut other.objects[0];
    system.name = Str::new("Renamed");
    system.propdefs = vec![Str::new("b"), Str::new("c")];
    system.propvals = vec![property(20), property(30)];
    system.verbs.remove(1);
    system.verbs[0].source = "return 1;\nreturn \"two\";\nreturn 3;".to_owned();
    other.objects[1].propvals = vec![property(6), property(7)];
    other
        .objects
        .push(ObjectImage::new(ObjId(2), "New", ObjId(0)));
    other.max_object = ObjId(2);
    objdir::describe(&ImageSource::from(&other))
}

fn merged(on_conflict: OnConflict) -> Merged {
    let into = objdir::describe(&ImageSource::from(&world()));
    let merged = objdir::merge(into, directory(), on_conflict);
    merged.unwrap_or_else(|conflicts| panic!("{conflicts}"))
}

fn value_of(spec: &WorldSpec, id: i64, name: &str) -> Option<i64> {
    let object = &spec.objects[&ObjId(id)];
    let own = object.properties.iter().map(|one| (&one.name, &one.value));
    let inherited = object
        .overrides
        .iter()
        .map(|one| (&one.property.name, &one.value));
    let mut all = own.chain(inherited);
    let found = all.find(|(known, _)| known.as_str() == name)?;
    found.1.as_ref().and_then(Value::as_int)
}

#[test]
fn fail_names_everything_that_differs() {
    let into = objdir::describe(&ImageSource::from(&world()));
    let conflicts = objdir::merge(into, directory(), OnConflict::Fail).expect_err("they differ");
    let expected = "\
#0: name \"System\" -> \"Renamed\"
#0.a: gone: (#0, \"r\") 1
#0.b: (#0, \"r\") 2 -> (#0, \"r\") 20
#0.c: new: (#0, \"r\") 30
#0:get: gone: (this none this) (#3, \"rxd\")
#0:look: code
  - return 2;
  + return \"two\";
#1.a (inherited): gone: 5
#1.b (inherited): 6 -> 6
#1.c (inherited): new: 7";
    // What does not differ is not named.
    let expected: Vec<&str> = expected
        .lines()
        .filter(|line| !line.ends_with("6 -> 6"))
        .collect();
    assert_eq!(conflicts.to_string().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn verbs_of_one_name_are_told_apart() {
    let mut first = world();
    let mut twin = first.objects[0].verbs[0].clone();
    twin.source = "return \"twin\";".to_owned();
    first.objects[0].verbs.push(twin);
    let described = |image: &WorldImage| objdir::describe(&ImageSource::from(image));
    let same = objdir::merge(described(&first), described(&first), OnConflict::Fail);
    assert!(same.expect("nothing differs").changes.lines.is_empty());
    let mut second = first.clone();
    second.objects[0].verbs[2].owner = ObjId(1);
    second.objects[0].verbs[2].source = "return \"other\";".to_owned();
    let conflicts = objdir::merge(described(&first), described(&second), OnConflict::Fail);
    let expected = "\
#0:look (number 2 of this name): (this none this) (#3, \"rxd\") -> (this none this) (#1, \"rxd\")
#0:look (number 2 of this name): code
  - return \"twin\";
  + return \"other\";";
    assert_eq!(
        conflicts.expect_err("they differ").to_string().trim_end(),
        expected
    );
}

#[test]
fn skip_adds_what_is_new_and_nothing_else() {
    let Merged { world, changes } = merged(OnConflict::Skip);
    assert_eq!((changes.added, changes.changed, changes.kept), (1, 0, 2));
    assert_eq!(
        changes.to_string(),
        "#2: new: \"New\"\n1 added, 0 changed, 2 kept as they are"
    );
    assert_eq!(world.objects[&ObjId(0)].name.as_str(), "System");
    assert_eq!(
        (value_of(&world, 0, "a"), value_of(&world, 0, "b")),
        (Some(1), Some(2))
    );
    assert_eq!(image(&world).max_object, ObjId(2));
}

#[test]
fn overwrite_takes_objects_as_they_are() {
    let Merged { world, changes } = merged(OnConflict::Overwrite);
    assert_eq!((changes.added, changes.changed, changes.kept), (1, 2, 0));
    assert_eq!(world.objects, directory().objects);
    image(&world);
}

#[test]
fn merge_keeps_what_the_directory_does_not_mention() {
    let Merged { world, changes } = merged(OnConflict::Merge);
    assert_eq!((changes.added, changes.changed, changes.kept), (1, 2, 0));
    let system = &world.objects[&ObjId(0)];
    let names: Vec<&str> = system
        .properties
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
    let values = ["a", "b", "c"].map(|name| value_of(&world, 0, name));
    assert_eq!(values, [Some(1), Some(20), Some(30)]);
    let verbs: Vec<&str> = system.verbs.iter().map(|one| one.names.as_str()).collect();
    assert_eq!(verbs, ["look", "get"]);
    assert!(system.verbs[0].source.contains("two"));
    assert_eq!(system.name.as_str(), "Renamed");
    let inherited = ["a", "b", "c"].map(|name| value_of(&world, 1, name));
    assert_eq!(inherited, [Some(5), Some(6), Some(7)]);
    let image = image(&world);
    assert_eq!(image.objects[1].propvals.len(), 3);
}

#[test]
fn the_same_directory_changes_nothing() {
    let spec = objdir::describe(&ImageSource::from(&world()));
    for mode in [
        OnConflict::Fail,
        OnConflict::Skip,
        OnConflict::Overwrite,
        OnConflict::Merge,
    ] {
        let merged = objdir::merge(spec.clone(), spec.clone(), mode);
        let changes = merged
            .unwrap_or_else(|conflicts| panic!("{conflicts}"))
            .changes;
        assert_eq!(
            changes.to_string(),
            "0 added, 0 changed, 0 kept as they are"
        );
    }
}

#[test]
fn lists_keep_their_order_and_gain_what_is_new() {
    let mut first = world();
    for id in 2..=4 {
        let mut thing = ObjectImage::new(ObjId(id), "Thing", ObjId(0));
        thing.location = ObjId(0);
        first.objects.push(thing);
    }
    let mut first = WorldImage::from_objects(first.objects);
    first.objects[0].contents = vec![ObjId(4), ObjId(2), ObjId(3)];
    let into = objdir::describe(&ImageSource::from(&first));
    let mut from = WorldSpec::default();
    let mut moved = into.objects[&ObjId(2)].clone();
    moved.location = ObjId(1);
    let mut new = moved.clone();
    new.location = ObjId(0);
    from.objects.insert(ObjId(2), moved);
    from.objects.insert(ObjId(5), new);
    let merged = objdir::merge(into, from, OnConflict::Overwrite);
    let merged = merged.unwrap_or_else(|conflicts| panic!("{conflicts}"));
    let image = image(&merged.world);
    let contents = &image.objects[0].contents;
    assert_eq!(contents[..], [ObjId(4), ObjId(3), ObjId(5)]);
    assert_eq!(image.objects[1].contents, [ObjId(2)]);
}
