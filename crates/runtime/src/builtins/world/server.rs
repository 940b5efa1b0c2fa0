//! The server itself: version, log, options, checkpoints, stopping, statistics.
//!
//! In: checked arguments. Out: numbers about the process, and wishes for it.

use moor_value::{ErrorCode, List, Value};

use super::super::BuiltinSpec;
use super::super::env::{Answer, Env, Reply, named_map, nothing, value};
use super::super::spec::world;
use crate::effects::{Effect, LogLevel, ServerRequest, SessionChange};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("server_version", 0..=1, [Any], LambdaMoo, server_version)
        .doc(
            "detail",
            "STR|LIST",
            "The version of this server. With `\"\"` all details as pairs of name and value, \
             with the name of one that one.",
        )
        .raises("E_INVARG if there is no such detail"),
    world!("server_log", 1..=2, [Str, Any], LambdaMoo, server_log)
        .doc("text is_error", "INT", "Writes a line to the server's log.")
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!(
        "load_server_options",
        0..=0,
        [],
        LambdaMoo,
        load_server_options
    )
    .doc(
        "",
        "INT",
        "Lets the server look at `$server_options` again.",
    )
    .raises("E_PERM unless a wizard calls")
    .permission("wizards"),
    world!("dump_database", 0..=0, [], LambdaMoo, dump_database)
        .doc(
            "",
            "INT",
            "Begins a checkpoint: its hooks are called, and a file is written where the \
             operator has asked for one. Every commit is on disk without it.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("shutdown", 0..=2, [Str, Any], LambdaMoo, shutdown)
        .doc(
            "message panic",
            "INT",
            "Tells the users and stops the server; the second argument makes no difference.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("db_disk_size", 0..=0, [], LambdaMoo, db_disk_size)
        .doc(
            "",
            "INT",
            "How many bytes the database takes on disk; -1 if that is not known.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("verb_cache_stats", 0..=0, [], LambdaMoo, verb_cache_stats)
        .doc(
            "",
            "LIST",
            "`{hits, negative hits, misses, generation, histogram}`; all but the generation \
             are 0 here, where each thread keeps what it has looked up.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("log_cache_stats", 0..=0, [], LambdaMoo, log_cache_stats)
        .doc(
            "",
            "INT",
            "Writes a line about look-ups of verbs to the log.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("getenv", 1..=1, [Str], ToastStunt, getenv)
        .doc(
            "name",
            "STR|INT",
            "The value of a variable of the server's environment; 0 if there is none.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("gc_stats", 0..=0, [], ToastStunt, gc_stats)
        .doc(
            "",
            "MAP",
            "How many values the collector of cycles has of each colour; always 0 here.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
    world!("run_gc", 0..=0, [], ToastStunt, run_gc)
        .doc(
            "",
            "INT",
            "Looks for anonymous objects and waifs that only refer to each other, and \
             destroys them.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
];

/// The version as MOO code sees it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `server_version([detail])`: the version; with a string that is not empty the detail of that name, `E_INVARG`
/// if there is none; with anything else all details, as pairs of name and value.
fn server_version(_: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let Some(wanted) = args.first() else {
        return value(VERSION);
    };
    let details = details();
    let wanted = wanted.as_str().map_or("", |name| name.as_str());
    if wanted.is_empty() {
        let pairs = details.map(|(name, detail)| Value::from(vec![name.into(), detail]));
        return Ok(Answer::Value(Value::from(pairs.to_vec())));
    }
    let found = details.into_iter().find(|(name, _)| *name == wanted);
    let (_, detail) = found.ok_or(ErrorCode::InvArg)?;
    Ok(Answer::Value(detail))
}

/// What `server_version()` tells, by name.
fn details() -> [(&'static str, Value); 5] {
    let mut parts = VERSION.split('.').map(|part| part.parse().unwrap_or(0));
    let mut part = || Value::Int(parts.next().unwrap_or(0));
    [
        ("major", part()),
        ("minor", part()),
        ("release", part()),
        ("string", VERSION.into()),
        ("name", "moor".into()),
    ]
}

fn server_log(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let text = args[0].as_str().map_or("", |text| text.as_str());
    let is_error = args.get(1).is_some_and(Value::is_true);
    let level = if is_error {
        LogLevel::Error
    } else {
        LogLevel::Info
    };
    // One entry is one line, whatever the text holds.
    let line = format!("> {}", text.replace(['\n', '\r'], " "));
    env.stretch.effects.push(Effect::Log(level, line));
    nothing()
}

fn load_server_options(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let before = env.stretch.options.queued_output();
    // The stretch itself sees what it has set; everyone else from its commit on.
    env.stretch.reload_options();
    let bytes = env.stretch.options.queued_output();
    if bytes != before {
        let sessions = env.stretch.runtime.sessions.all().into_iter();
        for session in sessions.filter(|session| !session.lock().closed) {
            let change = SessionChange::QueuedOutput(bytes);
            env.stretch.effects.push(Effect::Change(session, change));
        }
    }
    env.stretch
        .effects
        .push(Effect::Server(ServerRequest::LoadOptions));
    Ok(Answer::Resize(env.stretch.size_limits()))
}

fn dump_database(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    env.stretch
        .effects
        .push(Effect::Server(ServerRequest::Checkpoint));
    nothing()
}

fn shutdown(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let why = args
        .first()
        .and_then(Value::as_str)
        .map_or("", |text| text.as_str());
    let who = env.perms();
    let name = env.stretch.txn.name(who.into());
    let colon = if why.is_empty() { "" } else { ": " };
    let name = name.as_str();
    let message = format!("*** Shutting down: shutdown() called by {name} ({who}){colon}{why} ***");
    env.stretch
        .effects
        .push(Effect::Server(ServerRequest::Shutdown { message }));
    nothing()
}

/// Bytes that the objects take, about.
fn db_disk_size(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    value(
        env.stretch
            .runtime
            .outlet
            .disk_bytes()
            .and_then(|bytes| i64::try_from(bytes).ok())
            .unwrap_or(-1),
    )
}

/// `{hits, negative hits, misses, generation, histogram}`: look-ups are kept per thread and their
/// hits not counted, so all numbers but the generation are 0.
fn verb_cache_stats(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let generation = env.stretch.txn.schema_version().unwrap_or(0);
    let histogram: List = (0..17).map(|_| Value::ZERO).collect();
    Ok(Answer::Value(Value::from(vec![
        Value::ZERO,
        Value::ZERO,
        Value::ZERO,
        Value::Int(i64::try_from(generation).unwrap_or(i64::MAX)),
        Value::List(histogram),
    ])))
}

fn log_cache_stats(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    tracing::info!(
        schema = env.stretch.txn.schema_version(),
        "verb look-ups are kept per thread"
    );
    nothing()
}

fn getenv(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let name = args[0].as_str().map_or("", |name| name.as_str());
    // Names that hold these characters are no names, and the system's call must not see them.
    if name.is_empty() || name.contains(['=', '\0']) {
        return nothing();
    }
    match std::env::var(name) {
        Ok(text) => value(text.as_str()),
        Err(_) => nothing(),
    }
}

/// Colours of the collector of cycles: nothing is ever grey here, handles are counted.
fn gc_stats(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let colours = [
        "green", "yellow", "black", "gray", "white", "purple", "pink",
    ];
    Ok(Answer::Value(named_map(
        colours.map(|colour| (colour, Value::ZERO)),
    )))
}

pub(super) fn run_gc(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    env.stretch
        .effects
        .push(Effect::Server(ServerRequest::Collect));
    nothing()
}
