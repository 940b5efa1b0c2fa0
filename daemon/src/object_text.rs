//! Objects as text for the programs of the world: the files of object directories.
//!
//! In and out: what the runtime asks for. It joins the runtime, which does not know the files, with the crate that does.

use std::io;

use moor_dump::objdir;
use moor_runtime::{CompileSource, ObjectText, ReadObject, TextMistake};
use moor_value::codec::HandleResolver;
use moor_world::{Entity, ObjectImage, ObjectSpec};
use rustc_hash::FxHashSet;

/// The text that files of object directories have.
#[derive(Debug)]
pub(crate) struct ObjectFiles;

impl ObjectText for ObjectFiles {
    fn describe(&self, image: &ObjectImage, ancestors: Vec<ObjectImage>) -> ObjectSpec {
        objdir::describe_object(image, ancestors)
    }

    fn write(
        &self,
        entity: Entity,
        object: &ObjectSpec,
        anons: &FxHashSet<u64>,
    ) -> io::Result<Vec<String>> {
        objdir::object_lines(entity, object, anons)
    }

    fn subject(&self, text: &str) -> Option<Entity> {
        objdir::object_of_text(text)
    }

    fn read(
        &self,
        text: &str,
        handles: &mut (dyn HandleResolver + Send),
        compile: &CompileSource<'_>,
    ) -> io::Result<ReadObject> {
        let read = objdir::read_object(text, handles, compile)?;
        Ok(read.map_err(|faults| faults.into_iter().map(mistake).collect()))
    }
}

fn mistake(fault: objdir::TextFault) -> TextMistake {
    let objdir::TextFault { line, column, what } = fault;
    TextMistake {
        line,
        column,
        what: what.into_owned(),
    }
}
