//! Cases: behaviour of the language and the server as data, one JSON object a line (docs/TESTING.md has the fields).
//!
//! In: a file. Out: its cases in order. It does not know how a case is run.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

/// One case.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// `area/file::case`.
    pub id: String,
    /// `lambdamoo` or `toaststunt`: whose builtins and syntax it needs.
    pub level: String,
    /// The connection that runs what names no other.
    pub r#as: String,
    /// Skipped when the server lacks one of these builtins.
    #[serde(default)]
    pub needs_builtins: Vec<String>,
    /// Skipped when this holds: `feature.X`, `missing builtin.X`, `option.X`, or one of them after `not `.
    pub skip_if: Option<String>,
    /// Run before the first case of its suite (the part of the id before `::`).
    pub suite_setup: Option<Script>,
    /// Run after the last case of its suite.
    pub suite_teardown: Option<Script>,
    /// Run after the case.
    pub teardown: Option<Script>,
    /// The code, with its own `return`, when there are no steps.
    pub run: Option<String>,
    /// What `run` must answer.
    #[serde(default)]
    pub expect: Map<String, Value>,
    /// Run in order until one does not answer as it must.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Run after the steps, whatever they did; answers are ignored.
    #[serde(default)]
    pub cleanup: Vec<Step>,
}

/// Code that is run line by line, its answers ignored.
#[derive(Clone, Debug, Deserialize)]
pub struct Script {
    /// The connection.
    pub r#as: Option<String>,
    /// The lines.
    pub code: String,
}

/// One step of a case.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
    /// The connection, if not that of the case.
    pub r#as: Option<String>,
    /// What must be answered.
    #[serde(default)]
    pub expect: Map<String, Value>,
    /// The name under which the answered value is kept: `{name}` in later steps is replaced by its literal.
    pub capture: Option<String>,
    /// For `send`: the line at which the answer ends.
    #[serde(default)]
    pub until: String,
}

/// What a step does.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Runs code.
    Run(String),
    /// Types a command.
    Command(String),
    /// Adds a verb.
    VerbSetup(VerbSetup),
    /// Lets this many milliseconds pass.
    Wait(u64),
    /// Types lines outside the frames of commands, and reads up to the line `until`.
    Send(Vec<String>),
    /// Closes the named connection.
    Close(String),
}

/// A verb to add.
#[derive(Clone, Debug, Deserialize)]
pub struct VerbSetup {
    /// The object, as in code.
    pub object: Value,
    /// Its names.
    pub name: String,
    /// Direct object, preposition, indirect object.
    pub args: Vec<String>,
    /// Its lines.
    pub code: String,
}

/// The cases of a file, in order.
///
/// # Panics
/// If the file cannot be read, or a line is no case.
#[must_use]
pub fn read_cases(path: &Path) -> Vec<Case> {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let read = |(index, line): (usize, &str)| {
        serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("{}:{}: {error}", path.display(), index + 1))
    };
    lines.map(read).collect()
}
