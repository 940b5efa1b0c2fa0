//! Single objects in the text of their files, for whoever has no directory.
//! In: an image with those of its ancestors, or text. Out: a description, and the lines of its file; or every place that is not
//! as docs/formats/objdir.md has it. What becomes of a description is not known here.

use std::io;

use moor_value::codec::HandleResolver;
use moor_world::{Entity, ObjectImage, ObjectSpec, WorldImage};
use rustc_hash::FxHashSet;

use super::compile::{self, Compile};
use super::cursor::TextFault;
use super::describe::Describer;
use super::parse::{Parser, Subject};
use super::{Anons, deep, print};
use crate::handles::DumpHandles;
use crate::source::ImageSource;

/// What an object does not have from its parents. `ancestors` are all of them, in any order; their values are not looked
/// at.
pub fn describe_object(image: &ObjectImage, ancestors: Vec<ObjectImage>) -> ObjectSpec {
    let ancestors = WorldImage::from_objects(ancestors);
    Describer::new(&ImageSource::from(&ancestors)).object(image)
}

/// The lines of the file of a permanent or anonymous object. References to anonymous objects that are not among `anons` are
/// written as such to what is no more.
///
/// The work is done on a thread of its own, which this waits for.
///
/// # Errors
/// When no thread can be started.
pub fn object_lines(
    entity: Entity,
    object: &ObjectSpec,
    anons: &FxHashSet<u64>,
) -> io::Result<Vec<String>> {
    deep(|| {
        let known = Anons(anons.clone());
        let text = match (entity.as_object(), entity.as_anon()) {
            (Some(id), _) => print::object_text(id, object, &known),
            (None, id) => print::anonymous_text(id.unwrap_or_default(), object, &known),
        };
        text.lines().map(str::to_owned).collect()
    })
}

/// Whose text it is and what it says, or the mistake in it, or those in its programs.
pub type ReadObject = Result<(Entity, ObjectSpec), Vec<TextFault>>;

/// Whose text it is, as far as its first line can be read.
pub fn object_of_text(text: &str) -> Option<Entity> {
    let mut handles = DumpHandles::default();
    let subject = Parser::new(text, &mut handles).subject();
    subject.ok().map(entity)
}

fn entity(subject: Subject) -> Entity {
    match subject {
        Subject::Object(id) => Entity::object(id),
        Subject::Anonymous(id) => Entity::anon(id),
    }
}

/// Reads the text of an object's file: whose it is and what it says. Sources are as `compile` makes them.
///
/// The work is done on a thread of its own, which this waits for.
///
/// # Errors
/// When no thread can be started.
pub fn read_object(
    text: &str,
    handles: &mut (dyn HandleResolver + Send),
    compile: &Compile<'_>,
) -> io::Result<ReadObject> {
    deep(|| {
        let mut parser = Parser::new(text, handles);
        let (subject, mut object) = parser.object_file().map_err(|fault| vec![fault])?;
        let faults = compile::compile_object(&mut object, compile);
        match faults.is_empty() {
            true => Ok((entity(subject), object)),
            false => Err(faults),
        }
    })
}
