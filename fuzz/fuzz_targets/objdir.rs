//! Any texts as an object directory: refused with file, line and column, or descriptions that are written and read again.
//!
//! The input is the texts of the files, in the order of `FILES`, with a zero byte between them.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use moor_dump::objdir::{self, ObjdirError, WorldSpec};
use moor_dump::{CompileOptions, DumpHandles, ImageSource, OnFault};
use moor_fuzz::{features, is_builtin};
use tempfile::TempDir;

/// The files of one input.
const FILES: [&str; 5] = [
    "world.moo",
    "objects/000/0.moo",
    "objects/000/1.moo",
    "anonymous/1.moo",
    "waifs.moo",
];

static FOLDERS: LazyLock<[TempDir; 2]> =
    LazyLock::new(|| [(); 2].map(|()| tempfile::tempdir().expect("a folder for temporary files")));

fn read(folder: &Path) -> Result<WorldSpec, ObjdirError> {
    let options = CompileOptions {
        is_builtin: &is_builtin,
        features: features(),
        on_fault: OnFault::Refuse,
    };
    objdir::read(folder, &mut DumpHandles::default(), &options)
}

/// Writes the files of an input, and removes those that it has not got.
fn spread(data: &[u8], folder: &Path) {
    let mut texts = data.split(|byte| *byte == 0);
    for name in FILES {
        let path = folder.join(name);
        match texts.next() {
            Some(text) => {
                std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                std::fs::write(path, text).expect("a file");
            }
            None => {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let [from, to] = [&FOLDERS[0], &FOLDERS[1]].map(TempDir::path);
    spread(data, from);
    let Ok(spec) = read(from) else {
        return;
    };
    let Ok(image) = objdir::image(&spec) else {
        return;
    };
    if image.check().is_err() {
        return;
    }
    objdir::write(&ImageSource::from(&image), to).expect("it is written");
    let again = read(to).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again.objects.len(), spec.objects.len());
    objdir::image(&again).unwrap_or_else(|error| panic!("{error}"));
});
