//! The files of the deployment: YAML, units, environment files, the Dockerfile.
//!
//! In: paths from the folder of the workspace. Out: what is in them, as values. What a value means is not known here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    parent
        .expect("the tests are a folder of the workspace")
        .to_owned()
}

pub(crate) fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of `folder` whose names end so, as paths from the workspace, in order.
pub(crate) fn names(folder: &str, end: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).expect(folder);
    let names = entries.map(|entry| {
        entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    let mut names: Vec<String> = names.filter(|name| name.ends_with(end)).collect();
    names.sort();
    assert!(!names.is_empty(), "{folder} has files that end in {end}");
    names
        .into_iter()
        .map(|name| format!("{folder}/{name}"))
        .collect()
}

/// The documents of a YAML file; merge keys (`<<`) are resolved.
pub(crate) fn yaml(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Text at a place such as `spec.replicas`; `None` if there is nothing.
pub(crate) fn at<'a>(value: &'a Value, place: &str) -> &'a Value {
    place.split('.').fold(value, |value, key| &value[key])
}

/// A YAML value as a word: `30` and `"30"` are the same.
pub(crate) fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(crate) fn words(value: &Value) -> Vec<String> {
    let list = value
        .as_array()
        .unwrap_or_else(|| panic!("not a list: {value}"));
    list.iter().map(word).collect()
}

/// An empty list where there is none.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A number of seconds as compose files write it: `30s`.
pub(crate) fn seconds(text: &str) -> u64 {
    let number = text.strip_suffix('s').unwrap_or(text);
    number
        .parse()
        .unwrap_or_else(|_| panic!("not seconds: {text}"))
}

/// The settings of a unit: (section, key, value) in order; comments and continued lines are understood.
pub(crate) fn unit(path: &str) -> Vec<(String, String, String)> {
    let joined = text(path).replace("\\\n", " ");
    let (mut section, mut settings) = (String::new(), Vec::new());
    for line in joined.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = name.to_owned();
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .unwrap_or_else(|| panic!("{path}: {line}"));
        settings.push((section.clone(), key.to_owned(), value.to_owned()));
    }
    settings
}

/// The variables of a file of `NAME=VALUE` lines.
pub(crate) fn variables(path: &str) -> BTreeMap<String, String> {
    let text = text(path);
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.map(|line| {
        line.split_once('=')
            .unwrap_or_else(|| panic!("{path}: {line}"))
    });
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The instructions of a Dockerfile: (stage, instruction, rest), continued lines joined.
pub(crate) fn dockerfile(path: &str) -> Vec<(String, String, String)> {
    let kept: Vec<String> = text(path)
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(String::from)
        .collect();
    let joined = kept.join("\n").replace("\\\n", " ");
    let mut stage = String::new();
    let mut found = Vec::new();
    for line in joined.lines().filter(|line| !line.trim().is_empty()) {
        let (instruction, rest) = line
            .trim()
            .split_once(' ')
            .unwrap_or_else(|| panic!("{path}: {line}"));
        let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
        if instruction == "FROM" {
            stage = rest
                .split_once(" AS ")
                .map_or_else(String::new, |(_, name)| name.to_owned());
        }
        found.push((stage.clone(), instruction.to_owned(), rest));
    }
    found
}

/// Shows every Rust file below `folder`.
pub(crate) fn for_each_source(folder: &str, mut show: impl FnMut(&str)) {
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                show(&std::fs::read_to_string(&path).expect("text"));
            }
        }
    }
}
