//! What a format has no place for is named before anything is written.

mod support;

use moor_dump::{Contents, Format, ImageSource, Stopped, WriteError, write};
use moor_value::{
    Binary, DEPTH_MAX, ErrorCode, ErrorName, ErrorValue, Flyweight, Graveyard, Lambda, List, Map,
    ObjId, Origin, Str, Sym, Value, WaifRef,
};
use moor_world::{
    ObjectFlags, ObjectImage, PropFlags, PropImage, VerbImage, WaifImage, WorldImage,
};
use support::{data, import, try_read, written};

/// A world whose `#0` has the property `p` with this value.
fn with_value(value: Value) -> WorldImage {
    let mut system = ObjectImage::new(ObjId(0), "System", ObjId(0));
    system.propdefs.push(Str::new("p"));
    system.propvals.push(PropImage {
        value: Some(value),
        owner: ObjId(0),
        flags: PropFlags::READ,
    });
    WorldImage::from_objects(vec![system])
}

/// A world whose `#0` has the verb `v` with this program.
fn with_program(source: &str) -> WorldImage {
    let verb = import(data("format-4.db")).world.objects[0].verbs[0].clone();
    let mut system = ObjectImage::new(ObjId(0), "System", ObjId(0));
    system.verbs.push(VerbImage {
        names: Str::new("v w"),
        source: source.to_owned(),
        ..verb
    });
    WorldImage::from_objects(vec![system])
}

/// The format that was chosen, or what does not fit.
fn outcome(world: &WorldImage, format: Option<Format>) -> Result<Format, String> {
    let result = written(world, &[], &[], format);
    result
        .map(|(_, written)| written.format)
        .map_err(|error| error.to_string())
}

fn is_newer(world: &WorldImage, what: &str) {
    assert_eq!(outcome(world, None), Ok(Format::ToastStunt), "{what}");
    let refused = outcome(world, Some(Format::LambdaMoo)).expect_err(what);
    assert_eq!(
        refused,
        format!("format 4 (LambdaMOO) has no place for {what}")
    );
}

fn fits_nowhere(world: &WorldImage, what: &str) {
    for format in [None, Some(Format::ToastStunt), Some(Format::LambdaMoo)] {
        let refused = outcome(world, format).expect_err(what);
        assert!(
            refused.contains(&format!("has no place for {what}")),
            "{refused}"
        );
    }
}

fn is_usual(world: &WorldImage) {
    assert_eq!(outcome(world, None), Ok(Format::LambdaMoo));
}

/// What the server itself sets at each start does not keep a world from LambdaMOO.
#[test]
fn the_servers_own_largest_integers_are_those_of_the_format() {
    let with = |name: &str, value: i64| {
        let mut world = with_value(Value::Int(value));
        world.objects[0].propdefs[0] = Str::new(name);
        world
    };
    let value_in = |world: &WorldImage, format: Option<Format>| {
        let (bytes, _) = written(world, &[], &[], format).expect("it is written");
        let again = try_read("again", &bytes).expect("it is read");
        import(again).world.objects[0].propvals[0].value.clone()
    };
    for (name, here, there) in [
        ("maxint", i64::MAX, i64::from(i32::MAX)),
        ("MinInt", -i64::MAX, i64::from(i32::MIN)),
    ] {
        let world = with(name, here);
        is_usual(&world);
        assert_eq!(value_in(&world, None), Some(Value::Int(there)));
        let toaststunt = Some(Format::ToastStunt);
        assert_eq!(value_in(&world, toaststunt), Some(Value::Int(here)));
        let other = with(name, here / 2);
        assert_eq!(outcome(&other, None), Ok(Format::ToastStunt));
    }
}

#[test]
fn values_that_lambdamoo_has_not_got() {
    let mut map = Map::new();
    map.insert_value(Value::from("k"), Value::ZERO);
    is_newer(&with_value(Value::Map(map)), "a map (#0.p)");
    is_newer(&with_value(Value::Bool(false)), "a boolean (#0.p)");
    is_newer(&with_value(Value::Err(ErrorCode::File)), "E_FILE (#0.p)");
    let large = "an integer of more than 32 bits (#0.p)";
    is_newer(&with_value(Value::Int(1 << 31)), large);
    is_usual(&with_value(Value::Int((1 << 31) - 1)));
    is_newer(&with_value(Value::Int(-(1 << 31) - 1)), large);
    is_usual(&with_value(Value::Int(-(1 << 31))));
    is_newer(
        &with_value(Value::Obj(ObjId(1 << 31))),
        "an object number of more than 32 bits (#0.p)",
    );
    is_usual(&with_value(Value::Err(ErrorCode::Float)));
    is_usual(&with_value(Value::Float(1e-300)));
}

#[test]
fn objects_that_lambdamoo_has_not_got() {
    let object = |id| ObjectImage::new(ObjId(id), "", ObjId(0));
    let mut several = vec![object(0), object(1), object(2)];
    several[2].parents = vec![ObjId(0), ObjId(1)];
    is_newer(&WorldImage::from_objects(several), "several parents (#2)");
    let mut flagged = vec![object(0)];
    flagged[0].flags = ObjectFlags::ANONYMOUS;
    is_newer(&WorldImage::from_objects(flagged), "the flag `a` (#0)");
}

#[test]
fn programs_that_lambdamoo_cannot_read() {
    for (source, what) in [
        ("return [1 -> 2];", "a map"),
        ("return a[^];", "`^` as an index"),
        ("return 1 <<2;", "an operator on bits"),
        ("return 1 &. 2;", "an operator on bits"),
        ("return ~x;", "the operator `~`"),
        ("++x;", "the operators `++` and `--`"),
        ("for v, k in ({})\nendfor", "a loop over indices or keys"),
        ("return this.:name;", "a property of a waif"),
        ("this.:name = 1;", "a property of a waif"),
        ("return x.last_move;", "the property `last_move`"),
        ("return 4294967296;", "an integer of more than 32 bits"),
        (
            "return #4294967296;",
            "an object number of more than 32 bits",
        ),
        ("return `1 ! E_EXEC';", "E_EXEC"),
        ("return true;", "true"),
        ("fork (1)\n  return typeof(x) == MAP;\nendfork", "MAP"),
    ] {
        is_newer(&with_program(source), &format!("{what} (#0:v w)"));
    }
    for source in [
        "",
        "return map_of(2147483647, E_FLOAT);",
        "MAP = {};\nreturn MAP;",
        "{true, ?BOOL = 1, @rest} = args;\nreturn {true, BOOL};",
        "return x[$] ^ 2;",
        "return file_open(\"unknown there, but it loads\");",
        "return x.(\"last\" + \"_move\");",
    ] {
        is_usual(&with_program(source));
    }
}

#[test]
fn values_that_no_format_has_a_place_for() {
    for text in ["a\nb", "\n", "a\0"] {
        fits_nowhere(
            &with_value(Value::from(text)),
            "a string of several lines (#0.p)",
        );
    }
    fits_nowhere(
        &with_value(Value::Float(f64::INFINITY)),
        "a float that is no number (#0.p)",
    );
    fits_nowhere(
        &with_program("return"),
        "a program that does not compile (#0:v w)",
    );
    let flyweight = Flyweight::new(ObjId(0), List::new()).expect("it is not deep");
    let origin = Origin {
        this: Value::ZERO,
        programmer: ObjId(0),
        definer: Value::ZERO,
        verb_names: Str::new("v"),
        debug: true,
        line: 1,
    };
    let function = Lambda::new(Str::new("{} => 1"), Vec::new(), origin).expect("it is not deep");
    let says = ErrorValue::make(ErrorName::Known(ErrorCode::Perm), Some("no".into()));
    for (value, what) in [
        (Sym::new("name").into(), "a symbol"),
        (says, "an error with a message or a name of its own"),
        (Binary::from_vec(vec![0]).into(), "a binary value"),
        (flyweight.into(), "a flyweight"),
        (function.into(), "a function"),
    ] {
        let within = Value::from(vec![value]);
        fits_nowhere(&with_value(within), &format!("{what} (#0.p)"));
    }
    let unique = ObjId::unique(1, 2, 3);
    fits_nowhere(&with_value(unique.into()), "a unique id (#0.p)");
    fits_nowhere(
        &with_program("return {#000042-0000000003};"),
        "a unique id (#0:v w)",
    );
    let mut world = with_value(Value::ZERO);
    let id = unique.to_string();
    world.objects.push(ObjectImage::new(unique, "", ObjId(0)));
    fits_nowhere(&world, &format!("an object with a unique id ({id})"));
    for (source, what) in [
        ("return 'name;", "a symbol"),
        ("return b\"AA==\";", "a binary value"),
        ("return <#1>;", "a flyweight"),
        ("return E_PERM(\"no\");", "an error with a message"),
    ] {
        fits_nowhere(&with_program(source), &format!("{what} (#0:v w)"));
    }
    let mut named = with_value(Value::ZERO);
    named.objects[0].name = Str::new("two\nlines");
    fits_nowhere(&named, "a name of several lines (#0)");
}

/// A world with a waif that holds a waif, and so on.
fn with_waifs(count: u64) -> WorldImage {
    let graveyard = Graveyard::new();
    let handle = |id| Value::Waif(WaifRef::new(id, ObjId(0), ObjId(0), graveyard.clone()));
    let mut world = with_value(handle(1));
    world.objects[0].propdefs[0] = Str::new(":p");
    let waif = |id| WaifImage {
        id,
        class: ObjId(0),
        owner: ObjId(0),
        values: (id < count)
            .then(|| (0, handle(id + 1)))
            .into_iter()
            .collect(),
    };
    world.waifs = (1..=count).map(waif).collect();
    world
}

#[test]
fn waifs_within_waifs_are_as_many_as_can_be_read() {
    let deepest = with_waifs(u64::from(DEPTH_MAX));
    let (bytes, written) = written(&deepest, &[], &[], None).expect("it is written");
    assert_eq!(written.format, Format::ToastStunt);
    let read = try_read("deep", &bytes).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read.world.waifs.len(), DEPTH_MAX as usize);
    let deeper = with_waifs(u64::from(DEPTH_MAX) + 1);
    fits_nowhere(&deeper, "values nested too deep (#0.:p)");
}

#[test]
fn many_things_that_do_not_fit_are_counted() {
    // The same in one place is one.
    let list: List = (0..30).map(|_| Value::Bool(true)).collect();
    let mut world = with_value(Value::List(list));
    for number in 1..30 {
        let system = &mut world.objects[0];
        system.propdefs.push(Str::new(&format!("p{number}")));
        system.propvals.push(system.propvals[0].clone());
    }
    let refused = outcome(&world, Some(Format::LambdaMoo)).expect_err("it is refused");
    assert_eq!(refused.matches("a boolean (#0.p").count(), 20, "{refused}");
    assert!(
        refused.contains("a boolean (#0.p1), a boolean (#0.p2)"),
        "{refused}"
    );
    assert!(
        refused.ends_with("a boolean (#0.p19) and 10 more"),
        "{refused}"
    );
}

#[test]
fn a_file_that_takes_nothing_is_an_error() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let world = with_value(Value::ZERO);
    let source = ImageSource::from(&world);
    let contents = Contents {
        world: &source,
        forked: &[],
        stopped: &|_| Stopped::default(),
        connections: &[],
    };
    let error = write(contents, None, &mut Full).expect_err("nothing can be written");
    assert!(matches!(error, WriteError::Io(_)), "{error}");
}
