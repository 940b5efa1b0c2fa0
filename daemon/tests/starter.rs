//! The starter world: the embedded textdump is what its sources say, and every program in it compiles.
//!
//! With `MOOR_UPDATE=1` in the environment the textdump is written anew from the sources, to be reviewed as a diff.

#[path = "starter/source.rs"]
mod source;
#[path = "starter/textdump.rs"]
mod textdump;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use moor_dump::{CompileOptions, DumpHandles, OnFault};
use moor_runtime::is_builtin;

/// The variable that asks for the textdump to be written.
const UPDATE: &str = "MOOR_UPDATE";

fn daemon_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn embedded() -> PathBuf {
    daemon_folder().join("src/starter.db")
}

/// The textdump that the sources describe; the files are read in the order of their names.
fn generated() -> String {
    let folder = daemon_folder().join("starter");
    let entries = std::fs::read_dir(&folder).expect("the folder of the sources");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a source").path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "moo"));
    files.sort();
    let mut objects = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source");
        source::read(&file.display().to_string(), &text, &mut objects)
            .unwrap_or_else(|fault| panic!("{fault}"));
    }
    textdump::write(&objects).unwrap_or_else(|fault| panic!("{fault}"))
}

#[test]
fn the_embedded_textdump_is_what_the_sources_say() {
    let generated = generated();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(embedded(), &generated).expect("write the textdump");
    }
    let embedded = std::fs::read_to_string(embedded()).expect("the textdump");
    let differs = generated
        .lines()
        .zip(embedded.lines())
        .position(|(new, old)| new != old);
    assert!(
        generated == embedded,
        "src/starter.db differs from starter/*.moo (first at line {}); run this test with {UPDATE}=1",
        differs.map_or(0, |at| at + 1),
    );
}

#[test]
fn every_program_compiles_without_a_warning() {
    let bytes = std::fs::read(embedded()).expect("the textdump");
    let dump = moor_dump::read(
        "starter.db",
        &bytes,
        &mut DumpHandles::default(),
        &mut |_| {},
    )
    .expect("a textdump");
    assert!(dump.repairs.is_empty(), "{:?}", dump.repairs);
    let programs = dump.programs.len();
    let options = CompileOptions {
        is_builtin: &is_builtin,
        on_fault: OnFault::Refuse,
        features: Default::default(),
    };
    let import = dump
        .compile(&options)
        .unwrap_or_else(|errors| panic!("{errors:?}"));
    let warnings: Vec<String> = import.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert!(programs > 100, "{programs} programs");
    import.world.check().expect("a consistent world");
}

#[test]
fn the_wizard_is_the_only_player() {
    let bytes = std::fs::read(embedded()).expect("the textdump");
    let dump = moor_dump::read(
        "starter.db",
        &bytes,
        &mut DumpHandles::default(),
        &mut |_| {},
    )
    .expect("a textdump");
    let players: Vec<&str> = dump
        .world
        .objects
        .iter()
        .filter(|object| dump.world.players.contains(&object.id))
        .map(|object| object.name.as_str())
        .collect();
    assert_eq!(players, ["Wizard"]);
}
