//! Real databases, where they are at hand.

mod support;

use moor_dump::Encoding;
use moor_value::ObjId;
use support::{import, object, shared, try_read};

fn verbs(dump: &moor_dump::TextDump) -> usize {
    let objects = dump.world.objects.iter();
    objects.map(|object| object.verbs.len()).sum()
}

#[test]
fn lambdacore() {
    let Some(bytes) = shared("LambdaCore-latest.db") else {
        return;
    };
    let mut last = moor_dump::Progress::default();
    let mut handles = moor_dump::DumpHandles::default();
    let dump = moor_dump::read("LambdaCore", &bytes, &mut handles, &mut |progress| {
        assert!(progress.bytes >= last.bytes && progress.verbs >= last.verbs);
        last = progress;
    });
    let dump = dump.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((last.objects, last.verbs), (97, 1727));
    assert_eq!(
        (last.bytes, last.bytes_total),
        (bytes.len() as u64, bytes.len() as u64)
    );
    assert_eq!((dump.version, dump.programs.len()), (4, 1727));
    assert_eq!(
        (dump.world.max_object, dump.world.players.len()),
        (ObjId(96), 5)
    );
    assert!(dump.repairs.is_empty(), "{:?}", dump.repairs);
    let root = object(&dump, 1);
    assert_eq!(root.name.as_str(), "Root Class");
    assert_eq!(root.propdefs[0].as_str(), "key");
    let wizard = object(&dump, 2);
    assert_eq!(wizard.name.as_str(), "Wizard");
    assert_eq!(wizard.parents, [ObjId(57)]);
    assert_eq!(object(&dump, 0).verbs[0].names.as_str(), "do_login_command");
    let import = import(dump);
    assert_eq!(import.world.objects.len(), 97);
    assert!(!import.world.objects[0].verbs[0].source.is_empty());
}

#[test]
fn test_database() {
    let Some(bytes) = shared("Test.db") else {
        return;
    };
    let dump = try_read("Test.db", &bytes).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        (dump.version, dump.world.objects.len(), verbs(&dump)),
        (4, 8, 5)
    );
    assert_eq!(dump.encoding, Encoding::Utf8);
    import(dump);
}

#[test]
fn minimal_database() {
    let Some(bytes) = shared("Minimal.db") else {
        return;
    };
    let dump = try_read("Minimal.db", &bytes).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((dump.version, dump.world.objects.len()), (1, 4));
    assert_eq!(dump.world.players, [ObjId(3)]);
    let import = import(dump);
    assert_eq!(import.world.objects[0].verbs[0].source, "return #3;");
    // A verb that was never programmed.
    assert_eq!(import.world.objects[2].verbs[0].source, "");
}
