//! Flags, their environment variables and their configuration file, as one set of typed arguments.
//!
//! In: a `clap` parser, the argument list, the environment, a TOML file. Out: the parser's value, or an error that names
//! the flag, the value and the mend. The command line wins over the environment, that over the file, that over the
//! default. Every flag `--some-name` has the variable `MOOR_SOME_NAME` and the key `some-name`; a positional argument
//! has those of its field's name. It does not know what any flag means.
//!
//! The values of environment and file are checked one by one, with the flag's own value parser, and then become the
//! flag's default. So only what the command line says can be wrong in the last step, and every message knows its origin.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, Parser};

use crate::exit::{Exit, complain, joined};

/// The flag that names the file; it cannot itself be in the file.
const CONFIG_ID: &str = "config";

/// A mistyped key is answered with a known one that is at least this similar (Jaro-Winkler, 0 to 1).
const NEAR_MIN: f64 = 0.8;

/// Where a value came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The environment variable of this name.
    Variable(String),
    /// This key of this file.
    Key(PathBuf, String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Variable(name) => f.write_str(name),
            Origin::Key(file, key) => write!(f, "{}: {key}", file.display()),
        }
    }
}

/// Why there are no arguments.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// `--help` or `--version`: the text to show. Not a mistake.
    #[error("{0}")]
    Show(clap::Error),
    /// The command line cannot be understood.
    #[error("{}", one_line(.0))]
    CommandLine(clap::Error),
    /// The configuration file cannot be read.
    #[error("--config {}: {source}; name a file that can be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The configuration file is not TOML.
    #[error("{}:{line}: {message}", file.display())]
    NotToml {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// A key of the configuration file is no flag of this program.
    #[error("{}: unknown key `{key}`; {}", file.display(), mend_unknown(near.as_deref()))]
    UnknownKey {
        /// The file.
        file: PathBuf,
        /// The key.
        key: String,
        /// The known key that looks most like it.
        near: Option<String>,
    },
    /// A value of the environment or the configuration file is not one that the flag takes.
    #[error("{origin} = {value}: {reason}")]
    Value {
        /// Where it came from.
        origin: Origin,
        /// The value as text.
        value: String,
        /// Why not, and what would do.
        reason: String,
    },
}

impl ConfigError {
    /// Shows the help text on standard output, or the mistake in one line on standard error; returns the exit code.
    pub fn report(&self, program: &str) -> Exit {
        match self {
            ConfigError::Show(text) => {
                // A closed standard output (`--help | head -1`) is no failure.
                let _ = text.print();
                Exit::Success
            }
            mistake => complain(program, mistake, Exit::Usage),
        }
    }
}

fn mend_unknown(near: Option<&str>) -> String {
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "run with --help for all keys".into(),
    }
}

/// A clap message without its usage lines: they are for a terminal, this is for a log.
fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let told = text.split("\nUsage:").next().unwrap_or(text);
    let lines = told.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with("For more information"));
    format!("{}; run with --help for all flags", joined(lines))
}

/// A duration that is written as a number of seconds (`10`, `0.5`): the value parser of flags such as
/// `--drain-timeout`.
///
/// # Errors
/// [`SecondsError`] for what is no number, negative, or longer than a `Duration` can be.
pub fn seconds(text: &str) -> Result<Duration, SecondsError> {
    let number: f64 = text.trim().parse().map_err(|_| SecondsError)?;
    Duration::try_from_secs_f64(number).map_err(|_| SecondsError)
}

/// A text is not a number of seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("is not a number of seconds; write for example 10 or 0.5")]
pub struct SecondsError;

/// The word that stands for a value behind its flag.
pub fn word_of(value: &impl clap::ValueEnum) -> String {
    let word = value.to_possible_value();
    word.map_or_else(String::new, |word| word.get_name().to_owned())
}

/// Parses `argv` (its first element is the program's path) with the process's environment and the file that
/// `--config` or `MOOR_CONFIG` names.
///
/// # Errors
/// [`ConfigError::Show`] for `--help` and `--version`; the others for mistakes, as their own documentation says.
pub fn parse<A: Parser>(
    program: &'static str,
    argv: impl IntoIterator<Item = OsString>,
) -> Result<A, ConfigError> {
    parse_with_environment(program, argv, |name| std::env::var_os(name))
}

/// [`parse`] with another environment.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_environment<A: Parser>(
    program: &'static str,
    argv: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<A, ConfigError> {
    // The path that the program was called by may be that of the multi-call binary: its name is what it acts as.
    let argv: Vec<OsString> = std::iter::once(program.into())
        .chain(argv.into_iter().skip(1))
        .collect();
    let mut command = prepare::<A>(program);
    if let Some(file) = config_file(&command, &argv, &environment) {
        command = apply_file(command, &file)?;
    }
    command = apply_environment(command, &environment)?;
    let mut matches = command
        .try_get_matches_from_mut(argv)
        .map_err(sort_clap_error)?;
    A::from_arg_matches_mut(&mut matches)
        .map_err(|error| sort_clap_error(error.format(&mut command)))
}

/// The environment variables of all flags of `A`: for a program that starts others and must not pass on its own.
pub fn variables<A: Parser>() -> Vec<String> {
    A::command().get_arguments().map(variable_of).collect()
}

fn sort_clap_error(error: clap::Error) -> ConfigError {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ConfigError::Show(error),
        _ => ConfigError::CommandLine(error),
    }
}

/// The program's command with its version, with the variable of each flag in the help, and with switches that can also
/// be switched off (`--tls=false`), as the command line must be able to overrule a file that says `tls = true`.
fn prepare<A: Parser>(program: &'static str) -> Command {
    let command = A::command()
        .name(program)
        .bin_name(program)
        .version(crate::long_version());
    command.mut_args(|arg| {
        let variable = variable_of(&arg);
        let with_variable = |text: String| format!("{text} [env: {variable}]");
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        // The help of more than one paragraph, which `--help` shows instead of the other.
        let long_help = arg.get_long_help().map(ToString::to_string);
        let arg = arg.help(with_variable(help));
        let arg = match long_help {
            Some(text) => arg.long_help(with_variable(text)),
            None => arg,
        };
        match arg.get_action() {
            ArgAction::SetTrue => switch(arg),
            _ => arg,
        }
    })
}

fn switch(arg: Arg) -> Arg {
    arg.action(ArgAction::Set)
        .value_parser(clap::builder::BoolishValueParser::new())
        .num_args(0..=1)
        .require_equals(true)
        .value_name("BOOL")
        .hide_possible_values(true)
        .default_value("false")
        .default_missing_value("true")
}

/// The key in the file: the long flag, or the field's name of a positional argument.
fn key_of(arg: &Arg) -> String {
    arg.get_long()
        .map_or_else(|| arg.get_id().as_str().replace('_', "-"), str::to_string)
}

fn variable_of(arg: &Arg) -> String {
    format!("MOOR_{}", key_of(arg).replace('-', "_").to_uppercase())
}

/// The file to read: looked for in the command line with everything else ignored, then in the environment.
fn config_file(
    command: &Command,
    argv: &[OsString],
    environment: &impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    let arg = command
        .get_arguments()
        .find(|arg| arg.get_id() == CONFIG_ID)?;
    let variable = variable_of(arg);
    let lenient = command.clone().ignore_errors(true);
    // `--help` and the like fail here, and again, for good, when everything is parsed.
    let matches: ArgMatches = lenient.try_get_matches_from(argv).ok()?;
    let named = matches
        .try_get_one::<PathBuf>(CONFIG_ID)
        .ok()
        .flatten()
        .cloned();
    named.or_else(|| environment(&variable).map(PathBuf::from))
}

fn apply_environment(
    command: Command,
    environment: &impl Fn(&str) -> Option<OsString>,
) -> Result<Command, ConfigError> {
    let mut set = Vec::new();
    for arg in command.get_arguments() {
        let variable = variable_of(arg);
        if let Some(value) = environment(&variable) {
            let values = split(arg, value);
            check(arg, &values, || Origin::Variable(variable))?;
            set.push((arg.get_id().clone(), values));
        }
    }
    Ok(with_defaults(command, set))
}

fn apply_file(command: Command, file: &Path) -> Result<Command, ConfigError> {
    let mut set = Vec::new();
    for (key, value) in read_table(file)? {
        let known = || {
            command
                .get_arguments()
                .filter(|arg| arg.get_id() != CONFIG_ID)
        };
        let Some(arg) = known().find(|arg| key_of(arg) == key) else {
            return Err(unknown_key(file, key, known().map(key_of)));
        };
        let origin = || Origin::Key(file.to_path_buf(), key.clone());
        let values = texts(arg, &value).map_err(|reason| ConfigError::Value {
            origin: origin(),
            value: value.to_string(),
            reason,
        })?;
        check(arg, &values, origin)?;
        set.push((arg.get_id().clone(), values));
    }
    Ok(with_defaults(command, set))
}

fn with_defaults(mut command: Command, set: Vec<(clap::Id, Vec<OsString>)>) -> Command {
    for (id, values) in set {
        command = command.mut_arg(id, |arg| {
            arg.required(false)
                .default_values(values.iter().map(ToOwned::to_owned))
        });
    }
    command
}

fn read_table(file: &Path) -> Result<toml::Table, ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|source| ConfigError::Unreadable {
        file: file.to_path_buf(),
        source,
    })?;
    text.parse::<toml::Table>().map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = 1 + text.as_bytes()[..offset]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        ConfigError::NotToml {
            file: file.to_path_buf(),
            line,
            message: error.message().to_string(),
        }
    })
}

fn unknown_key(file: &Path, key: String, known: impl Iterator<Item = String>) -> ConfigError {
    let similar = known
        .map(|known| (strsim::jaro_winkler(&key, &known), known))
        .filter(|(score, _)| *score >= NEAR_MIN);
    let near = similar
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known);
    ConfigError::UnknownKey {
        file: file.to_path_buf(),
        key,
        near,
    }
}

fn takes_many(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append) || arg.get_value_delimiter().is_some()
}

/// A value of the environment as the flag's values: comma separated where the flag is.
fn split(arg: &Arg, value: OsString) -> Vec<OsString> {
    match (arg.get_value_delimiter(), value.to_str()) {
        (Some(delimiter), Some(text)) => text.split(delimiter).map(OsString::from).collect(),
        _ => vec![value],
    }
}

/// A value of the file as the flag's values.
fn texts(arg: &Arg, value: &toml::Value) -> Result<Vec<OsString>, String> {
    match value {
        toml::Value::String(text) => Ok(split(arg, text.into())),
        toml::Value::Integer(number) => Ok(vec![number.to_string().into()]),
        toml::Value::Float(number) => Ok(vec![number.to_string().into()]),
        toml::Value::Boolean(truth) => Ok(vec![truth.to_string().into()]),
        toml::Value::Array(items) if takes_many(arg) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| texts(arg, item)).collect();
            Ok(items?.concat())
        }
        toml::Value::Array(_) => Err("takes one value, not a list".into()),
        toml::Value::Table(_) => Err("takes a value, not a table".into()),
        toml::Value::Datetime(_) => {
            Err("takes a string, a number or true/false; put it in quotes".into())
        }
    }
}

/// Whether the flag's own value parser takes each of the values.
fn check(
    arg: &Arg,
    values: &[OsString],
    origin: impl FnOnce() -> Origin,
) -> Result<(), ConfigError> {
    let refused = values
        .iter()
        .find_map(|value| refusal(arg, value).map(|reason| (value, reason)));
    match refused {
        Some((value, reason)) => Err(ConfigError::Value {
            origin: origin(),
            value: value.to_string_lossy().into(),
            reason,
        }),
        None => Ok(()),
    }
}

/// Why the flag does not take `value`; `None` if it does.
fn refusal(arg: &Arg, value: &OsStr) -> Option<String> {
    let probe = Arg::new("value")
        .value_parser(arg.get_value_parser().clone())
        .required(true);
    let command = Command::new("probe")
        .no_binary_name(true)
        .disable_help_flag(true)
        .arg(probe);
    let error = command
        .try_get_matches_from([OsStr::new("--"), value])
        .err()?;
    Some(
        match (
            std::error::Error::source(&error),
            error.get(ContextKind::ValidValue),
        ) {
            (Some(source), _) => source.to_string(),
            (None, Some(ContextValue::Strings(valid))) => {
                format!("is not one of {}", valid.join(", "))
            }
            _ => "is not a value of this flag".into(),
        },
    )
}

#[cfg(test)]
mod tests;
