//! The programs of a dump in the canonical layout of the current language.
//! In: a [`TextDump`] and which builtin functions there are. Out: an [`Import`], or every program that does not
//! compile, with its place. Programs are independent of each other, so threads share them.

use std::fmt;
use std::num::NonZeroUsize;
use std::thread;

use moor_compiler::{
    CompileError, Feature, Features, LanguageVersion, ParseOptions, UnknownBuiltins, canonical,
};
use moor_value::{ObjId, Str, Value};
use moor_world::{VerbImage, WorldImage};

use crate::error::write_lines;
use crate::model::{Connection, Holder, Program, TextDump};
use crate::task::{ForkedTask, Tasks, TwinTask};

/// Threads that compile; more than this do not pay for the dumps there are.
const THREADS_MAX: usize = 4;

/// Fewer programs than this for a thread are not worth starting it.
const PROGRAMS_PER_THREAD_MIN: usize = 200;

/// The stack of a thread that compiles: the parser recurses as deep as its own limits allow.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// What happens when a program does not compile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnFault {
    /// The dump is refused.
    #[default]
    Refuse,
    /// The program is kept as the file has it, to fail when it is run, and reported.
    Keep,
}

/// What the compiler must be told.
#[derive(Clone, Copy)]
pub struct CompileOptions<'a> {
    /// Whether there is a builtin function of that name, which is in lower case.
    pub is_builtin: &'a (dyn Fn(&str) -> bool + Sync),
    /// What happens when a program does not compile.
    pub on_fault: OnFault,
    /// Which additions to the language the server has.
    pub features: Features,
}

/// A dump ready to become a world.
#[derive(Clone, Debug)]
pub struct Import {
    /// The world.
    pub world: WorldImage,
    /// Queued tasks, each with a number of its own; the sources of forked ones are canonical.
    pub tasks: Tasks,
    /// Anonymous objects and waifs that wait for their `:recycle`.
    pub pending: Vec<Value>,
    /// Who was connected.
    pub connections: Vec<Connection>,
    /// What deserves a look.
    pub warnings: Vec<Warning>,
}

/// What deserves a look.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Warning {
    /// A task is left out.
    Task(TwinTask),
    /// A program calls unknown functions or has variables that were renamed; with [`OnFault::Keep`] also one that does not compile.
    Program(Fault),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(twin) => twin.fmt(f),
            Self::Program(fault) => fault.fmt(f),
        }
    }
}

/// Something that is wrong with a program of the dump.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    /// Whose verb, or in a forked task the object that defines it.
    pub object: ObjId,
    /// Which verb of the object, from 0; `None` in a forked task.
    pub verb: Option<usize>,
    /// The names of the verb.
    pub names: Str,
    /// The number of the forked task.
    pub task: Option<i64>,
    /// The line of the file where the program begins, from 1.
    pub line: u64,
    /// What is wrong, and where in the program.
    pub error: CompileError,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file_line = self.line + u64::from(self.error.pos.line).saturating_sub(1);
        match (self.task, self.verb) {
            (Some(task), _) => write!(f, "forked task {task} of {}:{}", self.object, self.names)?,
            (None, verb) => {
                write!(f, "{}:{}", self.object, self.names)?;
                verb.map_or(Ok(()), |verb| write!(f, " (verb {})", verb + 1))?;
            }
        }
        write!(f, ", line {} of the file: {}", file_line, self.error)?;
        let mut details = self.error.details().into_iter();
        details.try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// Every program that does not compile; never empty. As text: a few lines each.
#[derive(Clone, PartialEq, Debug)]
pub struct ProgramErrors(pub Vec<Fault>);

impl fmt::Display for ProgramErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.0)
    }
}

impl std::error::Error for ProgramErrors {}

/// A program in its new layout, or as it was, and what there is to say about it.
struct Outcome {
    lines: Vec<String>,
    errors: Vec<CompileError>,
    warnings: Vec<CompileError>,
}

impl TextDump {
    /// Compiles every program to its canonical source and puts it into its verb. Of tasks with one number the first is
    /// kept.
    ///
    /// # Errors
    /// All programs that do not compile, unless `options` say to keep them.
    pub fn compile(mut self, options: &CompileOptions<'_>) -> Result<Import, ProgramErrors> {
        let version = LanguageVersion(self.version);
        let outcomes = compile_all(&self.programs, version, options);
        let mut faults = Faults::default();
        for (program, outcome) in self.programs.iter().zip(outcomes) {
            let verb = verb_of(&mut self.world, program);
            verb.source = outcome.lines.join("\n");
            faults.of_verb(program, &verb.names, outcome.errors, outcome.warnings);
        }
        let twins = self.tasks.remove_twins();
        for task in &mut self.tasks.forked {
            let outcome = compile_text(&task.source.join("\n"), version, options);
            task.source = outcome.lines;
            faults.of_task(task, outcome.errors, outcome.warnings);
        }
        if options.on_fault == OnFault::Refuse && !faults.errors.is_empty() {
            return Err(ProgramErrors(faults.errors));
        }
        let programs = faults.errors.into_iter().chain(faults.warnings);
        let warnings = twins.into_iter().map(Warning::Task);
        Ok(Import {
            world: self.world,
            tasks: self.tasks,
            pending: self.pending,
            connections: self.connections,
            warnings: warnings.chain(programs.map(Warning::Program)).collect(),
        })
    }
}

#[derive(Default)]
struct Faults {
    errors: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Faults {
    fn of_verb(
        &mut self,
        program: &Program,
        names: &Str,
        errors: Vec<CompileError>,
        warnings: Vec<CompileError>,
    ) {
        let fault = |error| Fault {
            object: program.object,
            verb: Some(program.verb),
            names: names.clone(),
            task: None,
            line: program.line,
            error,
        };
        self.errors.extend(errors.into_iter().map(fault));
        self.warnings.extend(warnings.into_iter().map(fault));
    }

    fn of_task(
        &mut self,
        task: &ForkedTask,
        errors: Vec<CompileError>,
        warnings: Vec<CompileError>,
    ) {
        let fault = |error| Fault {
            object: task.activation.vloc.as_obj().unwrap_or(ObjId::NOTHING),
            verb: None,
            names: task.activation.verb_names.clone(),
            task: Some(task.id),
            line: task.line,
            error,
        };
        self.errors.extend(errors.into_iter().map(fault));
        self.warnings.extend(warnings.into_iter().map(fault));
    }
}

fn verb_of<'a>(world: &'a mut WorldImage, program: &Program) -> &'a mut VerbImage {
    let object = match program.holder {
        Holder::Object(place) => &mut world.objects[place],
        Holder::Anon(place) => &mut world.anons[place].object,
    };
    &mut object.verbs[program.verb]
}

fn compile_all(
    programs: &[Program],
    version: LanguageVersion,
    options: &CompileOptions<'_>,
) -> Vec<Outcome> {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = (programs.len() / PROGRAMS_PER_THREAD_MIN).clamp(1, cores.min(THREADS_MAX));
    let share = programs.len().div_ceil(threads).max(1);
    let compile = |programs: &[Program]| -> Vec<Outcome> {
        let sources = programs.iter().map(|program| program.source.as_str());
        sources
            .map(|source| compile_text(source, version, options))
            .collect()
    };
    thread::scope(|scope| {
        let shares: Vec<_> = programs
            .chunks(share)
            .map(|share| {
                let builder = thread::Builder::new().stack_size(STACK_BYTES);
                (share, builder.spawn_scoped(scope, || compile(share)))
            })
            .collect();
        let outcomes = shares.into_iter().flat_map(|(share, thread)| match thread {
            Ok(thread) => thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // No thread to be had: the work is done here.
            Err(_) => compile(share),
        });
        outcomes.collect()
    })
}

fn compile_text(source: &str, version: LanguageVersion, options: &CompileOptions<'_>) -> Outcome {
    let parse = ParseOptions {
        version,
        is_builtin: &|name| (options.is_builtin)(name),
        unknown_builtins: UnknownBuiltins::CallByName,
        // What looks like a call of a function that is a value calls an unknown one in a file of another server.
        features: options.features.of_accepted().with(Feature::Lambdas, false),
    };
    match canonical(source, &parse) {
        Ok(program) => Outcome {
            lines: program.lines,
            errors: Vec::new(),
            warnings: program.warnings,
        },
        Err(errors) => Outcome {
            lines: source.lines().map(str::to_owned).collect(),
            errors: errors.iter().cloned().collect(),
            warnings: Vec::new(),
        },
    }
}
