//! Object directories: a world as a folder of source files, one for each object, made for git and editors.
//!
//! In: a world that is asked for its objects, or a folder. Out: the folder, or descriptions of what is in it, which can be
//! compared with and merged into those of another world, and made a world again. The format is described in
//! docs/formats/objdir.md.
//!
//! It knows nothing of the store and of running tasks; tasks and connections are not in a directory.

mod build;
mod compile;
mod cursor;
mod describe;
mod files;
mod function;
mod gone;
mod lineage;
mod literal;
mod merge;
mod parse;
mod print;
mod single;
mod spec;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::thread;

use moor_value::Value;
use moor_value::codec::HandleResolver;
use moor_world::WorldImage;
use rustc_hash::FxHashSet;

pub use compile::Compile;
pub use cursor::TextFault;
pub use merge::{Changes, Conflict, Conflicts, Merged, OnConflict};
pub use single::{ReadObject, describe_object, object_lines, object_of_text, read_object};
pub use spec::{
    Access, At, ObjectSpec, OverrideSpec, PropertyName, PropertySpec, VerbSpec, WaifSpec, WorldSpec,
};

use crate::error::write_lines;
use crate::programs::CompileOptions;
use crate::read::STACK_BYTES;
use crate::source::WorldSource;
use describe::Describer;
use files::{Files, WORLD, anonymous_file, object_file, waifs_file};
use literal::Known;
use parse::{Parser, Subject};

/// Something that is wrong with a file. As text: `FILE:LINE:COLUMN: what`, as editors follow it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileFault {
    /// The file, within the directory.
    pub file: String,
    /// Where, and what.
    pub fault: TextFault,
}

impl FileFault {
    fn new(file: &str, fault: TextFault) -> Self {
        Self {
            file: file.to_owned(),
            fault,
        }
    }
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TextFault { line, column, what } = &self.fault;
        write!(f, "{}:{line}:{column}: {what}", self.file)
    }
}

/// Everything that is wrong with a directory; never empty. As text: one line each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileFaults(pub Vec<FileFault>);

impl fmt::Display for FileFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.0)
    }
}

impl std::error::Error for FileFaults {}

/// Why a folder is not an object directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjdirError {
    /// It cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The folder.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// It holds other things.
    #[error("{path}: no object directory: it has no {WORLD}")]
    Other {
        /// The folder.
        path: String,
    },
    /// Files of it are not as they should be.
    #[error(transparent)]
    Faults(#[from] FileFaults),
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WrittenDirectory {
    /// Objects, without anonymous ones.
    pub objects: u64,
    /// Files that are new or have changed.
    pub written: u64,
    /// Files of objects that are no more, which were removed.
    pub removed: u64,
}

/// Writes a world into `folder`: a new one, an empty one, or an object directory, which is brought up to date. Files that are
/// no part of it stay. Until everything is written, nothing is changed; then each file is replaced whole.
///
/// The work is done on a thread of its own, which this waits for.
///
/// # Errors
/// `Io`; `Other` when the folder holds something else.
pub fn write(
    world: &(dyn WorldSource + Sync),
    folder: &Path,
) -> Result<WrittenDirectory, ObjdirError> {
    deep(|| {
        let io = |source| io_error(folder, source);
        if !may_be_written(folder).map_err(io)? {
            return Err(not_ours(folder));
        }
        write_here(world, folder).map_err(io)
    })
    .map_err(|source| io_error(folder, source))?
}

/// Does work that recurses into values and programs.
fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let builder = thread::Builder::new()
            .name("objdir".to_owned())
            .stack_size(STACK_BYTES);
        let worker = builder.spawn_scoped(scope, work)?;
        Ok(worker
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn io_error(folder: &Path, source: io::Error) -> ObjdirError {
    let path = folder.display().to_string();
    ObjdirError::Io { path, source }
}

fn not_ours(folder: &Path) -> ObjdirError {
    let path = folder.display().to_string();
    ObjdirError::Other { path }
}

/// Whether there is nothing, an empty folder (hidden entries such as `.git` aside), or an object directory.
fn may_be_written(folder: &Path) -> io::Result<bool> {
    if folder.join(WORLD).is_file() {
        return Ok(true);
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry?.file_name();
        if !name.to_string_lossy().starts_with('.') {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The anonymous objects of a world.
struct Anons(FxHashSet<u64>);

impl Known for Anons {
    fn has_anon(&self, id: u64) -> bool {
        self.0.contains(&id)
    }
}

fn write_here(world: &dyn WorldSource, folder: &Path) -> io::Result<WrittenDirectory> {
    let anons = world.anons();
    let known = Anons(anons.iter().copied().collect());
    let mut files = Files::begin(folder)?;
    let mut describer = Describer::new(world);
    let mut objects = 0;
    for id in world.ids() {
        if let Some(image) = world.object(id) {
            let text = print::object_text(id, &describer.object(&image), &known);
            files.add(object_file(id), &text)?;
            objects += 1;
        }
    }
    for id in anons {
        if let Some(image) = world.anon(id) {
            let text = print::anonymous_text(id, &describer.object(&image), &known);
            files.add(anonymous_file(id), &text)?;
        }
    }
    let waifs = waifs_text(world, &mut describer, &known);
    if !waifs.is_empty() {
        files.add(waifs_file().to_owned(), &waifs)?;
    }
    files.add(WORLD.to_owned(), &print::world_text(&describer.head()))?;
    let changed = files.settle()?;
    Ok(WrittenDirectory {
        objects,
        written: changed.written,
        removed: changed.removed,
    })
}

fn waifs_text(world: &dyn WorldSource, describer: &mut Describer<'_>, known: &Anons) -> String {
    let mut text = String::new();
    for id in world.waifs() {
        if let Some(image) = world.waif(id) {
            if !text.is_empty() {
                text.push('\n');
            }
            text += &print::waif_text(id, &describer.waif(&image), known);
        }
    }
    text
}

/// Describes a whole world, to compare it with a directory.
pub fn describe(world: &dyn WorldSource) -> WorldSpec {
    let mut described = describe::describe(world);
    gone::settle(&mut described, &Anons(world.anons().into_iter().collect()));
    described
}

/// Reads an object directory, or a part of one. Programs are compiled and stored in their canonical layout; all that is wrong
/// with any file is found.
///
/// The work is done on a thread of its own, which this waits for.
///
/// # Errors
/// `Io`; `Other` where there is no `world.moo`; `Faults`.
pub fn read(
    folder: &Path,
    handles: &mut (dyn HandleResolver + Send),
    options: &CompileOptions<'_>,
) -> Result<WorldSpec, ObjdirError> {
    deep(|| read_here(folder, handles, options)).map_err(|source| io_error(folder, source))?
}

fn read_here(
    folder: &Path,
    handles: &mut dyn HandleResolver,
    options: &CompileOptions<'_>,
) -> Result<WorldSpec, ObjdirError> {
    let io = |source| io_error(folder, source);
    if !folder.join(WORLD).is_file() {
        return Err(not_ours(folder));
    }
    let mut reader = DirectoryReader {
        world: WorldSpec::default(),
        handles,
        faults: Vec::new(),
    };
    for name in files::names(folder).map_err(io)? {
        match String::from_utf8(std::fs::read(folder.join(&name)).map_err(io)?) {
            Ok(text) => reader.file(&name, &text),
            Err(error) => reader.fault(&name, not_utf8(&error)),
        }
    }
    let DirectoryReader {
        mut world,
        mut faults,
        ..
    } = reader;
    compile::compile(&mut world, options, &mut faults);
    match faults.is_empty() {
        true => Ok(world),
        false => Err(FileFaults(faults).into()),
    }
}

fn not_utf8(error: &std::string::FromUtf8Error) -> TextFault {
    let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = good.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
    TextFault {
        line,
        column: 1,
        what: "the line is not UTF-8".into(),
    }
}

struct DirectoryReader<'h> {
    world: WorldSpec,
    handles: &'h mut dyn HandleResolver,
    faults: Vec<FileFault>,
}

impl DirectoryReader<'_> {
    fn fault(&mut self, file: &str, fault: TextFault) {
        self.faults.push(FileFault::new(file, fault));
    }

    fn file(&mut self, name: &str, text: &str) {
        let mut parser = Parser::new(text, self.handles);
        let read = match name {
            WORLD => parser.world().map(|world| self.head(world)),
            _ if name == waifs_file() => parser.waifs().and_then(|waifs| self.waifs(waifs)),
            _ => parser
                .object_file()
                .and_then(|(subject, object)| self.object(name, subject, object)),
        };
        if let Err(fault) = read {
            self.fault(name, fault);
        }
    }

    fn head(&mut self, head: WorldSpec) {
        self.world.max_object = head.max_object;
        self.world.players = head.players;
    }

    fn waifs(&mut self, waifs: Vec<(u64, WaifSpec)>) -> Result<(), TextFault> {
        for (id, waif) in waifs {
            let line = waif.place.line;
            if self.world.waifs.insert(id, waif).is_some() {
                return Err(fault_at(line, format!("waif {id} is there twice")));
            }
        }
        Ok(())
    }

    fn object(
        &mut self,
        name: &str,
        subject: Subject,
        object: ObjectSpec,
    ) -> Result<(), TextFault> {
        let (wanted, is_new) = match subject {
            Subject::Object(id) => {
                let wanted = object_file(id);
                (wanted, self.world.objects.insert(id, object).is_none())
            }
            Subject::Anonymous(id) => {
                let wanted = anonymous_file(id);
                (wanted, self.world.anons.insert(id, object).is_none())
            }
        };
        match wanted == name && is_new {
            true => Ok(()),
            false => Err(fault_at(1, format!("this object belongs into {wanted}"))),
        }
    }
}

fn fault_at(line: u32, what: String) -> TextFault {
    TextFault {
        line,
        column: 1,
        what: what.into(),
    }
}

/// The world of these descriptions; they must be all of it.
///
/// # Errors
/// Every place that names a property which is not there. Whether what comes out is a world is for
/// [`WorldImage::check`].
pub fn image(world: &WorldSpec) -> Result<WorldImage, FileFaults> {
    build::image(world).map_err(FileFaults)
}

/// Puts what a directory describes into a world.
///
/// # Errors
/// [`Conflicts`], with [`OnConflict::Fail`].
pub fn merge(
    into: WorldSpec,
    from: WorldSpec,
    on_conflict: OnConflict,
) -> Result<Merged, Conflicts> {
    merge::merge(into, from, on_conflict)
}

/// A value as files have it, on one line.
fn literal(value: &Value) -> String {
    struct Everything;
    impl Known for Everything {
        fn has_anon(&self, _: u64) -> bool {
            true
        }
    }
    let mut out = String::new();
    literal::one_line(&mut out, value, &Everything);
    out
}

/// Names with what they mean; the order is that of the names.
type Named<T> = BTreeMap<String, T>;
