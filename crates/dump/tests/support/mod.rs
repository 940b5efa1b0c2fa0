//! What the tests share: files, reading and compiling them.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file uses a part of this"
)]

use std::path::PathBuf;

use moor_dump::{
    CompileOptions, DumpHandles, Import, OnFault, ProgramErrors, ReadError, TextDump, read,
};
use moor_value::{ObjId, Value};
use moor_world::ObjectImage;

/// Reads the bytes of a dump called `file`.
pub fn try_read(file: &str, bytes: &[u8]) -> Result<TextDump, ReadError> {
    read(file, bytes, &mut DumpHandles::default(), &mut |_| ())
}

/// The bytes of a dump of the folder tests/data.
pub fn data_bytes(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name);
    std::fs::read(path).expect("the file belongs to the tests")
}

/// A dump of the folder tests/data.
pub fn data(name: &str) -> TextDump {
    try_read(name, &data_bytes(name)).unwrap_or_else(|error| panic!("{error}"))
}

/// The bytes of a dump that is not part of the repository, from the folder that `MOOR_SHARED_DATA` names, or
/// `../shared/data` beside the checkout. Where it is absent, that is said.
pub fn shared(name: &str) -> Option<Vec<u8>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("MOOR_SHARED_DATA").map_or_else(beside, PathBuf::from);
    let path = folder.join(name);
    let read = std::fs::read(&path);
    read.inspect_err(|error| println!("skipped: {}: {error}", path.display()))
        .ok()
}

/// Compiles with every function known but `unknown`.
pub fn compile(dump: TextDump, on_fault: OnFault) -> Result<Import, ProgramErrors> {
    dump.compile(&CompileOptions {
        is_builtin: &|name| name != "unknown",
        on_fault,
    })
}

/// Compiles and checks that what comes out is a world.
pub fn import(dump: TextDump) -> Import {
    let import = compile(dump, OnFault::Refuse).unwrap_or_else(|errors| panic!("{errors}"));
    let checked = import.world.check();
    checked.unwrap_or_else(|error| panic!("{error}"));
    import
}

/// The object of that number.
pub fn object(dump: &TextDump, id: i64) -> &ObjectImage {
    let mut objects = dump.world.objects.iter();
    objects
        .find(|object| object.id == ObjId(id))
        .expect("the object is in the dump")
}

/// The literals of an object's property values; `clear` for clear ones.
pub fn literals(object: &ObjectImage) -> Vec<String> {
    let values = object.propvals.iter().map(|prop| prop.value.as_ref());
    values
        .map(|value| value.map_or_else(|| "clear".to_owned(), Value::to_literal))
        .collect()
}
