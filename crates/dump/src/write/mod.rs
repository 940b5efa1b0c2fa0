//! A whole textdump, from its header to its end.
//! In: a world that does not change meanwhile, tasks that wait, connections. Out: a file of format 4 or 17,
//! or everything that the format has no place for, before the first byte is written.

mod limits;
mod lines;
mod objects;
mod survey;
mod tasks;
mod values;

use std::fmt;
use std::io::{self, Write};
use std::thread;

use moor_value::{ObjId, Str};
use rustc_hash::FxHashMap;

use crate::model::Connection;
use crate::read::STACK_BYTES;
use crate::source::WorldSource;
use crate::task::{ForkedTask, LeftOut, StoppedTask};
use limits::SmallIntegers;
use lines::LineWriter;
use survey::Survey;
use values::ValueWriter;

/// Things that do not fit which are named one by one; more are counted.
const UNFIT_SHOWN: usize = 20;

/// A format that can be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// LambdaMOO's last one.
    LambdaMoo,
    /// ToastStunt's last one.
    ToastStunt,
}

impl Format {
    /// The number in the header.
    pub const fn number(self) -> u8 {
        match self {
            Self::LambdaMoo => 4,
            Self::ToastStunt => 17,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = match self {
            Self::LambdaMoo => "LambdaMOO",
            Self::ToastStunt => "ToastStunt",
        };
        write!(f, "format {} ({server})", self.number())
    }
}

/// Everything that goes into a file.
#[derive(Clone, Copy)]
pub struct Contents<'a> {
    /// The world.
    pub world: &'a (dyn WorldSource + Sync),
    /// Tasks of `fork` that have not begun. Their `line` does not matter.
    pub forked: &'a [ForkedTask],
    /// The tasks that have begun, as a format has them. Their programs' `line` does not matter.
    pub stopped: &'a (dyn Fn(Format) -> Stopped + Sync),
    /// Who is connected.
    pub connections: &'a [Connection],
}

/// Tasks that have begun, as a format has them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Stopped {
    /// The tasks.
    pub tasks: Vec<StoppedTask>,
    /// Those of which servers of that format cannot be told.
    pub left_out: Vec<LeftOut>,
}

/// What was written.
#[derive(Clone, PartialEq, Debug)]
pub struct Written {
    /// In which format.
    pub format: Format,
    /// Objects, without recycled numbers and anonymous ones.
    pub objects: u64,
    /// Programs of verbs.
    pub programs: u64,
    /// Tasks.
    pub tasks: u64,
    /// Tasks that are not in the file.
    pub left_out: Vec<LeftOut>,
    /// Bytes.
    pub bytes: u64,
}

/// Why nothing usable was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The file cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The format has no place for parts of the world; nothing was written.
    #[error("{format} has no place for {what}")]
    Unfit {
        /// The format.
        format: Format,
        /// The parts.
        what: UnfitParts,
    },
}

/// Parts of a world that a format has no place for; never empty. As text: one line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UnfitParts {
    /// The first ones.
    pub first: Vec<Unfit>,
    /// How many more there are.
    pub more: u64,
    /// What was found last: the same in the same place is one part.
    last: Option<Unfit>,
}

/// A part of a world that a format has no place for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfit {
    /// Where it is.
    pub place: UnfitPlace,
    /// What it is, such as "a map".
    pub what: &'static str,
}

/// Where something is that a format has no place for.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum UnfitPlace {
    /// The object itself: its name, its parents, its flags.
    Object(ObjId),
    /// A property's value or name.
    Property(ObjId, Str),
    /// A verb's names or program.
    Verb(ObjId, Str),
    /// A forked task.
    Task(i64),
    /// An anonymous object, by its id.
    Anonymous(u64),
    /// A waif, by its id.
    Waif(u64),
}

impl UnfitParts {
    fn push(&mut self, place: UnfitPlace, what: &'static str) {
        let unfit = Some(Unfit { place, what });
        if unfit == self.last {
            return;
        }
        self.last = unfit;
        match self.first.len() < UNFIT_SHOWN {
            true => self.first.extend(self.last.clone()),
            false => self.more += 1,
        }
    }

    fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Both together.
    fn with(mut self, others: Self) -> Self {
        self.more += others.more;
        for Unfit { place, what } in others.first {
            self.push(place, what);
        }
        self
    }
}

impl fmt::Display for UnfitParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, unfit) in self.first.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{} ({})", unfit.what, unfit.place)?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl fmt::Display for UnfitPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(id) => write!(f, "{id}"),
            Self::Property(id, name) => write!(f, "{id}.{name}"),
            Self::Verb(id, names) => write!(f, "{id}:{names}"),
            Self::Task(id) => write!(f, "task {id}"),
            Self::Anonymous(id) => write!(f, "anonymous object {id}"),
            Self::Waif(id) => write!(f, "waif {id}"),
        }
    }
}

/// Writes a textdump. Without a `format`, it is LambdaMOO's where the world uses nothing newer, else ToastStunt's.
///
/// The text is UTF-8. What a file does not hold even where nothing is refused: tasks that have begun and that the format has no
/// place for, which are named, and in format 4 `last_move`, unless a program mentions it. The work is done on a thread of its own, which this waits for.
///
/// # Errors
/// `Unfit` before anything is written; `Io` when `out` refuses, or when no thread can be started.
pub fn write(
    contents: Contents<'_>,
    format: Option<Format>,
    out: &mut (dyn Write + Send),
) -> Result<Written, WriteError> {
    thread::scope(|scope| {
        let builder = thread::Builder::new()
            .name("textdump".to_owned())
            .stack_size(STACK_BYTES);
        let writer = builder.spawn_scoped(scope, || write_here(contents, format, out))?;
        writer
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn write_here(
    contents: Contents<'_>,
    wanted: Option<Format>,
    out: &mut dyn Write,
) -> Result<Written, WriteError> {
    let small = SmallIntegers(contents.world);
    let as_lambdamoo = Contents {
        world: &small,
        ..contents
    };
    let (format, stopped, survey) = chosen(as_lambdamoo, wanted);
    let what = survey.unfit_for(format);
    if !what.is_empty() {
        return Err(WriteError::Unfit { format, what });
    }
    let world = match format {
        Format::LambdaMoo => as_lambdamoo.world,
        Format::ToastStunt => contents.world,
    };
    let writer = DumpWriter {
        world,
        format,
        lines: LineWriter::new(out),
        values: ValueWriter::new(world),
        next: FxHashMap::default(),
    };
    let tasks = contents.forked.len() + stopped.tasks.len();
    let bytes = writer.dump(contents, &stopped.tasks, &survey)?;
    Ok(Written {
        format,
        objects: survey.objects,
        programs: survey.programs,
        tasks: tasks as u64,
        left_out: stopped.left_out,
        bytes,
    })
}

/// The format, the tasks as it has them, and what the world uses. LambdaMOO's format is chosen where it holds as much as ToastStunt's.
fn chosen(contents: Contents<'_>, wanted: Option<Format>) -> (Format, Stopped, Survey) {
    if let Some(format) = wanted {
        let stopped = fitting(contents, format);
        let survey = Survey::of(contents, &stopped.tasks);
        return (format, stopped, survey);
    }
    let newer = fitting(contents, Format::ToastStunt);
    let older = fitting(contents, Format::LambdaMoo);
    if older.left_out.len() > newer.left_out.len() {
        let survey = Survey::of(contents, &newer.tasks);
        return (Format::ToastStunt, newer, survey);
    }
    // The same tasks, so the survey is of both formats; only the newer one has variables such as `true`.
    let survey = Survey::of(contents, &older.tasks);
    match survey.newer.is_empty() {
        true => (Format::LambdaMoo, older, survey),
        false => (Format::ToastStunt, newer, survey),
    }
}

/// The tasks that have begun and for all of which the format has a place.
fn fitting(contents: Contents<'_>, format: Format) -> Stopped {
    let mut stopped = (contents.stopped)(format);
    for task in std::mem::take(&mut stopped.tasks) {
        let what = Survey::of_task(contents.world, &task).unfit_for(format);
        match (what.is_empty(), task.activation()) {
            (false, Some(activation)) => stopped.left_out.push(LeftOut {
                id: task.id,
                programmer: activation.progr,
                definer: activation.vloc.clone(),
                verb_names: activation.verb_names.clone(),
                reason: format!("{format} has no place for {what}"),
            }),
            _ => stopped.tasks.push(task),
        }
    }
    stopped
}

/// The neighbours of an object in the lists that it is in: the next in its location, the next child of its parent.
#[derive(Clone, Copy)]
struct Neighbours {
    content: ObjId,
    child: ObjId,
}

struct DumpWriter<'a> {
    world: &'a (dyn WorldSource + Sync),
    format: Format,
    lines: LineWriter<'a>,
    values: ValueWriter<'a>,
    /// In LambdaMOO's format, which keeps lists as links.
    next: FxHashMap<ObjId, Neighbours>,
}

impl DumpWriter<'_> {
    fn dump(
        mut self,
        contents: Contents<'_>,
        stopped: &[StoppedTask],
        survey: &Survey,
    ) -> io::Result<u64> {
        let number = self.format.number();
        self.lines.line(format_args!(
            "** LambdaMOO Database, Format Version {number} **"
        ))?;
        match self.format {
            Format::LambdaMoo => self.objects_first(contents, stopped, survey.programs)?,
            Format::ToastStunt => self.tasks_first(contents, stopped, survey)?,
        }
        self.lines.finish()
    }

    fn objects_first(
        &mut self,
        contents: Contents<'_>,
        stopped: &[StoppedTask],
        programs: u64,
    ) -> io::Result<()> {
        self.find_neighbours();
        self.lines.int(self.world.max_object().0 + 1)?;
        self.lines.count(programs)?;
        self.lines.int(0)?;
        self.players()?;
        self.objects()?;
        self.programs(&[])?;
        self.tasks(contents.forked, stopped)?;
        self.connections(contents.connections)
    }

    fn tasks_first(
        &mut self,
        contents: Contents<'_>,
        stopped: &[StoppedTask],
        survey: &Survey,
    ) -> io::Result<()> {
        self.players()?;
        let count = survey.pending.len();
        self.lines
            .line(format_args!("{count} values pending finalization"))?;
        for lost in &survey.pending {
            self.values.lost(&mut self.lines, *lost)?;
        }
        self.tasks(contents.forked, stopped)?;
        self.connections(contents.connections)?;
        self.lines.int(self.world.max_object().0 + 1)?;
        self.objects()?;
        let anons = self.anonymous()?;
        self.lines.count(survey.programs)?;
        self.programs(&anons)
    }

    fn players(&mut self) -> io::Result<()> {
        let players = self.world.players();
        self.lines.count(players.len() as u64)?;
        players
            .into_iter()
            .try_for_each(|player| self.lines.obj(player))
    }

    fn connections(&mut self, connections: &[Connection]) -> io::Result<()> {
        let count = connections.len();
        self.lines
            .line(format_args!("{count} active connections with listeners"))?;
        connections.iter().try_for_each(|connection| {
            let Connection { player, listener } = connection;
            self.lines.line(format_args!("{} {}", player.0, listener.0))
        })
    }

    fn objects(&mut self) -> io::Result<()> {
        for number in 0..=self.world.max_object().0 {
            let id = ObjId(number);
            match (self.world.object(id), self.format) {
                (Some(object), Format::LambdaMoo) => self.linked_object(&object)?,
                (Some(object), Format::ToastStunt) => self.listed_object(number, &object)?,
                (None, Format::LambdaMoo) => {
                    self.lines.line(format_args!("#{number} recycled"))?;
                }
                (None, Format::ToastStunt) => {
                    self.lines.line(format_args!("# {number} recycled"))?;
                }
            }
        }
        Ok(())
    }

    /// The anonymous objects that were mentioned, then those that these mention, until there are no more. Answers
    /// their ids with their numbers.
    fn anonymous(&mut self) -> io::Result<Vec<(u64, i64)>> {
        let mut written = Vec::new();
        loop {
            let mentioned = self.values.take_mentioned();
            self.lines.count(mentioned.len() as u64)?;
            if mentioned.is_empty() {
                return Ok(written);
            }
            for &(id, number) in &mentioned {
                if let Some(object) = self.world.anon(id) {
                    self.listed_object(number, &object)?;
                }
            }
            written.extend(mentioned);
        }
    }
}
