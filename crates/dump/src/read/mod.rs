//! A whole textdump, from its header to its end.
//! In: a file or its bytes, a resolver for handles, a callback for progress. Out: a [`TextDump`], or the first place
//! where the file is not one.

mod format;
mod hierarchy;
mod lines;
mod objects;
mod tasks;
mod values;

use std::path::Path;
use std::thread;

use moor_value::codec::HandleResolver;
use moor_value::{ObjId, Value};
use moor_world::{AnonImage, WorldImage};
use rustc_hash::FxHashMap;

pub use format::FORMAT_MAX;

use crate::error::{Place, ReadError};
use crate::model::{Connection, Holder, Program, Progress, Repair, TextDump};
use crate::task::Tasks;
use lines::{Line, LineReader};
use objects::{Links, ReadObject};
use tasks::TaskReader;
use values::ValueReader;

const HEADER_PREFIX: &str = "** LambdaMOO Database, Format Version ";
const HEADER_SUFFIX: &str = " **";

/// How many objects and programs are read between two calls of the progress callback.
const PROGRESS_STEP: u64 = 1000;

/// The stack of a thread that reads or writes: values nest `DEPTH_MAX` deep, and each level takes a few kilobytes.
pub(crate) const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Reads the file at `path`. See [`read`].
///
/// # Errors
/// [`ReadError`]: `Io` when the file cannot be read, the others as for [`read`].
pub fn read_file(
    path: &Path,
    handles: &mut (dyn HandleResolver + Send),
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<TextDump, ReadError> {
    let file = path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => read(&file, &bytes, handles, progress),
        Err(source) => Err(ReadError::Io { file, source }),
    }
}

/// Reads a textdump from the bytes of the file named `file`.
///
/// Anonymous objects and waifs get ids from 1 in the order of their first mention; `handles` supplies the handles,
/// also that of id 0, which stands for anonymous objects that are no more. `progress` is called now and then and at
/// the end. Both are called on a thread of the reader's own.
///
/// # Errors
/// `Mismatch` at the first line that does not fit the format; `EndlessList` when links run in a circle;
/// `MissingAnonymous`; `Io` when no thread can be started.
pub fn read(
    file: &str,
    bytes: &[u8],
    handles: &mut (dyn HandleResolver + Send),
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<TextDump, ReadError> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(STACK_BYTES);
        let reader = builder.spawn_scoped(scope, || read_here(file, bytes, handles, progress));
        match reader {
            Ok(reader) => reader
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(source) => Err(ReadError::Io {
                file: file.to_owned(),
                source,
            }),
        }
    })
}

fn read_here(
    file: &str,
    bytes: &[u8],
    handles: &mut dyn HandleResolver,
    progress: &mut dyn FnMut(Progress),
) -> Result<TextDump, ReadError> {
    let mut lines = LineReader::new(file, bytes);
    let version = header(&mut lines)?;
    let reader = DumpReader {
        values: ValueReader::new(version, handles),
        version,
        lines,
        links: FxHashMap::default(),
        anon_places: FxHashMap::default(),
        object_places: FxHashMap::default(),
        bytes_total: bytes.len() as u64,
        done: Progress::default(),
        progress,
    };
    reader.dump()
}

/// The version that the first line names; files from before there were versions have no such line.
fn header(lines: &mut LineReader<'_>) -> Result<u8, ReadError> {
    let expected = "`** LambdaMOO Database, Format Version N **` with N from 1 to 17";
    match lines.peek() {
        Some(line) if line.numbers::<1>().is_some() => return Ok(format::PREHISTORY),
        _ => {}
    }
    let line = lines.next(expected)?;
    let text = line.text();
    let number = text
        .strip_prefix(HEADER_PREFIX)
        .and_then(|rest| rest.strip_suffix(HEADER_SUFFIX));
    number
        .and_then(|digits| digits.parse().ok())
        .filter(|version| (1..=FORMAT_MAX).contains(version))
        .ok_or_else(|| lines.unexpected(line, expected))
}

struct DumpReader<'a, 'h, 'p> {
    lines: LineReader<'a>,
    values: ValueReader<'h>,
    version: u8,
    links: FxHashMap<ObjId, Links>,
    /// Where the images of anonymous objects are, by their numbers in the file.
    anon_places: FxHashMap<i64, usize>,
    /// Where the images of objects are.
    object_places: FxHashMap<i64, usize>,
    bytes_total: u64,
    done: Progress,
    progress: &'p mut dyn FnMut(Progress),
}

impl<'a> DumpReader<'a, '_, '_> {
    fn dump(mut self) -> Result<TextDump, ReadError> {
        let mut dump = TextDump {
            version: self.version,
            encoding: self.lines.encoding(),
            world: WorldImage::from_objects(Vec::new()),
            programs: Vec::new(),
            tasks: Tasks::default(),
            pending: Vec::new(),
            connections: Vec::new(),
            repairs: Vec::new(),
        };
        match self.version < format::ANONYMOUS {
            true => self.objects_first(&mut dump)?,
            false => self.tasks_first(&mut dump)?,
        }
        self.end()?;
        self.settle(&mut dump)?;
        self.report();
        Ok(dump)
    }

    fn objects_first(&mut self, dump: &mut TextDump) -> Result<(), ReadError> {
        let objects = self.lines.count("how many objects there are")?;
        let programs = self.lines.count("how many programs there are")?;
        self.lines.int("a number that is not used")?;
        self.players(dump)?;
        self.objects(objects, dump)?;
        self.programs(programs, dump)?;
        dump.tasks = self.tasks()?;
        dump.connections = self.connections()?;
        Ok(())
    }

    fn tasks_first(&mut self, dump: &mut TextDump) -> Result<(), ReadError> {
        self.players(dump)?;
        dump.pending = self.pending()?;
        dump.tasks = self.tasks()?;
        dump.connections = self.connections()?;
        self.lines.place = Place::Objects;
        let objects = self.lines.count("how many objects there are")?;
        self.objects(objects, dump)?;
        self.anonymous(dump)?;
        self.lines.place = Place::Programs;
        let programs = self.lines.count("how many programs there are")?;
        self.programs(programs, dump)
    }

    fn players(&mut self, dump: &mut TextDump) -> Result<(), ReadError> {
        self.lines.place = Place::Players;
        for _ in 0..self.lines.count("how many players there are")? {
            dump.world.players.push(self.lines.obj("a player")?);
        }
        self.lines.place = Place::Objects;
        Ok(())
    }

    fn pending(&mut self) -> Result<Vec<Value>, ReadError> {
        self.lines.place = Place::Pending;
        let expected = "`N values pending finalization`";
        let count = self
            .lines
            .count_of(" values pending finalization", expected)?;
        (0..count)
            .map(|_| self.values.value(&mut self.lines))
            .collect()
    }

    fn tasks(&mut self) -> Result<Tasks, ReadError> {
        let mut reader = TaskReader {
            lines: &mut self.lines,
            values: &mut self.values,
            version: self.version,
        };
        reader.tasks()
    }

    fn connections(&mut self) -> Result<Vec<Connection>, ReadError> {
        self.lines.place = Place::Connections;
        if self.version < format::ANONYMOUS && self.lines.is_at_end() {
            return Ok(Vec::new());
        }
        let with_listeners = " active connections with listeners";
        let line = self.lines.peek();
        let has_listeners =
            line.is_some_and(|line| line.bytes.ends_with(with_listeners.as_bytes()));
        let suffix = match has_listeners {
            true => with_listeners,
            false => " active connections",
        };
        let count = self
            .lines
            .count_of(suffix, "`N active connections with listeners`")?;
        (0..count).map(|_| self.connection(has_listeners)).collect()
    }

    fn connection(&mut self, has_listener: bool) -> Result<Connection, ReadError> {
        if !has_listener {
            return Ok(Connection {
                player: self.lines.obj("a connected player")?,
                listener: ObjId::SYSTEM,
            });
        }
        let expected = "a connected player and the object that listens";
        let line = self.lines.next(expected)?;
        let numbers = line.numbers();
        let [player, listener] = numbers.ok_or_else(|| self.lines.unexpected(line, expected))?;
        Ok(Connection {
            player: ObjId(player),
            listener: ObjId(listener),
        })
    }

    fn objects(&mut self, count: usize, dump: &mut TextDump) -> Result<(), ReadError> {
        for number in 0..count as i64 {
            let read = self.object(Place::Object)?;
            if read.number != number {
                let expected = format!("object `#{number}`");
                return Err(self.lines.unexpected(read.line, expected));
            }
            let id = ObjId(number);
            dump.world.max_object = id;
            if let Some(links) = read.links {
                self.links.insert(id, links);
            }
            if let Some(image) = read.image {
                self.object_places.insert(number, dump.world.objects.len());
                dump.world.objects.push(image);
            }
            self.count_object();
        }
        Ok(())
    }

    /// Lists of anonymous objects follow until an empty one: each may mention others that come later.
    fn anonymous(&mut self, dump: &mut TextDump) -> Result<(), ReadError> {
        loop {
            self.lines.place = Place::Objects;
            let count = self.lines.count("how many anonymous objects follow")?;
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count {
                self.anonymous_object(dump)?;
            }
        }
    }

    /// One object, of which errors are told as of this place.
    fn object(&mut self, place: fn(i64) -> Place) -> Result<ReadObject<'a>, ReadError> {
        self.lines.place = Place::Objects;
        let (lines, values) = (&mut self.lines, &mut self.values);
        objects::object(lines, values, self.version, place)
    }

    fn anonymous_object(&mut self, dump: &mut TextDump) -> Result<(), ReadError> {
        let read = self.object(Place::Anonymous)?;
        if let Some(object) = read.image {
            let place = dump.world.anons.len();
            let known = read.number <= dump.world.max_object.0
                || self.anon_places.insert(read.number, place).is_some();
            if known {
                let expected = "the number of an anonymous object that was not there yet";
                return Err(self.lines.unexpected(read.line, expected));
            }
            let id = self.values.anon_id(read.number);
            dump.world.anons.push(AnonImage { id, object });
        }
        self.count_object();
        Ok(())
    }

    fn programs(&mut self, count: usize, dump: &mut TextDump) -> Result<(), ReadError> {
        for _ in 0..count {
            self.lines.place = Place::Programs;
            let program = self.program(dump)?;
            dump.programs.push(program);
            self.done.verbs += 1;
            if self.done.verbs.is_multiple_of(PROGRESS_STEP) {
                self.report();
            }
        }
        Ok(())
    }

    fn program(&mut self, dump: &TextDump) -> Result<Program, ReadError> {
        let expected = "`#OBJECT:VERB` of a verb that exists";
        let line = self.lines.next(expected)?;
        let named = self.named_verb(line, dump);
        let (object, verb, holder) = named.ok_or_else(|| self.lines.unexpected(line, expected))?;
        self.lines.place = Place::Program {
            object,
            verb: verb as i64,
        };
        Ok(Program {
            object: ObjId(object),
            holder,
            verb,
            line: self.lines.next_number(),
            source: self.lines.program()?.join("\n"),
        })
    }

    /// The object's number in the file, the verb's place and the object's, from `#OBJECT:VERB`.
    fn named_verb(&self, line: Line<'_>, dump: &TextDump) -> Option<(i64, usize, Holder)> {
        let text = std::str::from_utf8(line.bytes).ok()?;
        let (object, verb) = text.strip_prefix('#')?.split_once(':')?;
        let (object, verb): (i64, usize) = (object.parse().ok()?, verb.parse().ok()?);
        let holder = self.holder(object)?;
        let verbs = match holder {
            Holder::Object(place) => &dump.world.objects[place].verbs,
            Holder::Anon(place) => &dump.world.anons[place].object.verbs,
        };
        (verb < verbs.len()).then_some((object, verb, holder))
    }

    fn holder(&self, number: i64) -> Option<Holder> {
        let object = self.object_places.get(&number).copied().map(Holder::Object);
        object.or_else(|| self.anon_places.get(&number).copied().map(Holder::Anon))
    }

    fn end(&mut self) -> Result<(), ReadError> {
        self.lines.place = Place::End;
        if self.lines.is_at_end() {
            return Ok(());
        }
        let line = self.lines.next("the end of the file")?;
        Err(self.lines.unexpected(line, "the end of the file"))
    }

    fn settle(&mut self, dump: &mut TextDump) -> Result<(), ReadError> {
        self.check_anonymous()?;
        let world = &mut dump.world;
        let repairs: &mut Vec<Repair> = &mut dump.repairs;
        world.waifs = std::mem::take(&mut self.values.waifs);
        if self.version < format::NEXT_GENERATION {
            hierarchy::follow_links(self.lines.file(), &mut world.objects, &self.links, repairs)?;
        }
        hierarchy::remove_missing(world, repairs);
        hierarchy::settle_players(world, repairs);
        Ok(())
    }

    /// Without its body, the id of an anonymous object would be free for a new one.
    fn check_anonymous(&self) -> Result<(), ReadError> {
        let mentioned = self.values.anons_mentioned();
        let missing = mentioned.filter(|number| !self.anon_places.contains_key(number));
        missing.min().map_or(Ok(()), |number| {
            Err(ReadError::MissingAnonymous {
                file: self.lines.file().to_owned(),
                number,
            })
        })
    }

    fn count_object(&mut self) {
        self.done.objects += 1;
        if self.done.objects.is_multiple_of(PROGRESS_STEP) {
            self.report();
        }
    }

    fn report(&mut self) {
        self.done.bytes = self.lines.bytes_read() as u64;
        self.done.bytes_total = self.bytes_total;
        (self.progress)(self.done);
    }
}
