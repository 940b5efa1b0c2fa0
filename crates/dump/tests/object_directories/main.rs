//! Worlds as folders of source files: what goes out comes in the same, what is wrong is told with its place, and what is in
//! two worlds is put together as asked.

mod merging;
mod mistakes;
mod round;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;

use moor_dump::objdir::{self, ObjdirError, WorldSpec};
use moor_dump::{CompileOptions, DumpHandles, ImageSource, OnFault};
use moor_world::WorldImage;

fn write(world: &WorldImage, folder: &Path) -> objdir::WrittenDirectory {
    let written = objdir::write(&ImageSource::from(world), folder);
    written.unwrap_or_else(|error| panic!("{error}"))
}

fn try_read(folder: &Path) -> Result<WorldSpec, ObjdirError> {
    let options = CompileOptions {
        is_builtin: &|name| name != "unknown",
        on_fault: OnFault::Refuse,
        features: Default::default(),
    };
    objdir::read(folder, &mut DumpHandles::default(), &options)
}

fn read(folder: &Path) -> WorldSpec {
    try_read(folder).unwrap_or_else(|error| panic!("{error}"))
}

fn image(spec: &WorldSpec) -> WorldImage {
    let image = objdir::image(spec).unwrap_or_else(|faults| panic!("{faults}"));
    let checked = image.check();
    assert!(checked.is_ok(), "{checked:?}");
    image
}
