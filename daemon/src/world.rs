//! What `moor world` does with data directories that nobody serves, and with object directories.
//!
//! In: command lines. Out: files, changed data directories, lines for people; exit codes that tell what kind of thing was
//! wrong.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use moor_dump::objdir::{FileFaults, ObjdirError, OnConflict, WorldSpec};
use moor_node::{Exit, complain, word_of};
use moor_runtime::Features;

use crate::args::ExportFormat;
use crate::directory::{self, Outcome};
use crate::features::FeatureArgs;

/// Write the world of a data directory that nobody serves to a file or folder
#[derive(Debug, clap::Parser)]
struct ExportArgs {
    /// The data directory
    database: PathBuf,
    /// The file or folder, which must be vacant; an object directory is brought up to date
    path: PathBuf,
    /// What is written
    #[arg(long, value_enum, default_value_t = ExportFormat::Objdir, value_name = "FORMAT")]
    format: ExportFormat,
}

/// Put an object directory, or a part of one, into the world of a data directory that nobody serves; a data directory that
/// is not there is made
#[derive(Debug, clap::Parser)]
struct ImportArgs {
    /// The object directory
    directory: PathBuf,
    /// The data directory
    database: PathBuf,
    /// What happens to an object that the world has and that is not the same
    #[arg(long, value_enum, default_value_t = Mode::Fail, value_name = "MODE")]
    on_conflict: Mode,
    /// Change nothing, and say what would be changed
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    features: FeatureArgs,
}

/// Read an object directory, compile every verb, and tell everything that is wrong, as FILE:LINE:COLUMN: what
#[derive(Debug, clap::Parser)]
struct CheckArgs {
    /// The object directory
    directory: PathBuf,
    #[command(flatten)]
    features: FeatureArgs,
}

/// What happens to an object that is in the world and, not the same, in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// Nothing is done at all, and the differences are told
    Fail,
    /// It stays as it is in the world
    Skip,
    /// It becomes as it is in the directory
    Overwrite,
    /// It becomes as it is in the directory, and keeps properties and verbs that the directory does not mention
    Merge,
}

impl From<Mode> for OnConflict {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Fail => Self::Fail,
            Mode::Skip => Self::Skip,
            Mode::Overwrite => Self::Overwrite,
            Mode::Merge => Self::Merge,
        }
    }
}

/// `moor world export`: the daemon's `--export` under its operator's name.
pub fn export(argv: Vec<OsString>) -> ExitCode {
    let args: ExportArgs = match moor_node::parse("moor world export", argv) {
        Ok(args) => args,
        Err(error) => return error.report("moor world export").into(),
    };
    let flags: [OsString; 6] = [
        crate::PROGRAM.into(),
        args.database.into(),
        "--export".into(),
        args.path.into(),
        "--export-format".into(),
        word_of(&args.format).into(),
    ];
    crate::run(flags)
}

/// `moor world import`.
pub fn import(argv: Vec<OsString>) -> ExitCode {
    run("moor world import", argv, import_here)
}

/// `moor world check`.
pub fn check(argv: Vec<OsString>) -> ExitCode {
    run("moor world check", argv, check_here)
}

fn run<A: clap::Parser>(
    name: &'static str,
    argv: Vec<OsString>,
    body: fn(A, &'static str) -> Result<Exit>,
) -> ExitCode {
    let args: A = match moor_node::parse(name, argv) {
        Ok(args) => args,
        Err(error) => return error.report(name).into(),
    };
    body(args, name)
        .unwrap_or_else(|error| complain(name, error, Exit::Failure))
        .into()
}

/// A closed standard output is no failure: the exit code tells.
fn say(text: &dyn std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Lines for what is wrong with files, and how many there are.
fn faulty(name: &str, faults: &FileFaults) -> Exit {
    say(faults);
    let count = match faults.0.len() {
        1 => "1 error".to_owned(),
        count => format!("{count} errors"),
    };
    complain(name, count, Exit::Faulty)
}

/// Reads an object directory; what is wrong with its files has been told where there is only an exit code.
fn read(folder: &Path, features: Features, name: &'static str) -> Result<Result<WorldSpec, Exit>> {
    match directory::read(folder, features) {
        Ok(spec) => Ok(Ok(spec)),
        Err(ObjdirError::Faults(faults)) => Ok(Err(faulty(name, &faults))),
        Err(error @ ObjdirError::Other { .. }) if folder.is_file() => {
            bail!("{error}; a textdump is imported with moor daemon --import")
        }
        Err(error) => Err(error.into()),
    }
}

fn import_here(args: ImportArgs, name: &'static str) -> Result<Exit> {
    let spec = match read(&args.directory, args.features.features(), name)? {
        Ok(spec) => spec,
        Err(exit) => return Ok(exit),
    };
    let done = directory::put_into(spec, &args.database, args.on_conflict.into(), args.dry_run);
    match done {
        Ok(Outcome::Done(changes)) => {
            say(&changes);
            Ok(Exit::Success)
        }
        Ok(Outcome::Conflicts(conflicts)) => {
            say(&conflicts);
            let line = format!(
                "{} objects are not the same; nothing was changed; choose --on-conflict skip, overwrite or merge",
                conflicts.0.len()
            );
            Ok(complain(name, line, Exit::Conflict))
        }
        Err(error) => match error.downcast::<FileFaults>() {
            Ok(faults) => Ok(faulty(name, &faults)),
            Err(error) => Err(error),
        },
    }
}

fn check_here(args: CheckArgs, name: &'static str) -> Result<Exit> {
    let spec = match read(&args.directory, args.features.features(), name)? {
        Ok(spec) => spec,
        Err(exit) => return Ok(exit),
    };
    match directory::image(&spec) {
        Ok(image) => {
            let verbs: usize = image.objects.iter().map(|object| object.verbs.len()).sum();
            say(&format!("{} objects, {verbs} verbs", image.objects.len()));
            Ok(Exit::Success)
        }
        Err(error) => match error.downcast::<FileFaults>() {
            Ok(faults) => Ok(faulty(name, &faults)),
            Err(error) => Ok(complain(name, error, Exit::Faulty)),
        },
    }
}
