//! The server itself: version, log, options, checkpoints, stopping, statistics.
//!
//! In: checked arguments. Out: numbers about the process, and wishes for it.

use moor_value::{ErrorCode, List, Value};

use super::super::BuiltinSpec;
use super::super::env::{Answer, Env, Reply, named_map, nothing, value};
use super::super::spec::world;
use crate::effects::{Effect, LogLevel, ServerRequest};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("server_version", 0..=1, [Any], LambdaMoo, server_version),
    world!("server_log", 1..=2, [Str, Any], LambdaMoo, server_log),
    world!(
        "load_server_options",
        0..=0,
        [],
        LambdaMoo,
        load_server_options
    ),
    world!("dump_database", 0..=0, [], LambdaMoo, dump_database),
    world!("shutdown", 0..=2, [Str, Any], LambdaMoo, shutdown),
    world!("db_disk_size", 0..=0, [], LambdaMoo, db_disk_size),
    world!("memory_usage", 0..=0, [], LambdaMoo, memory_usage),
    world!("verb_cache_stats", 0..=0, [], LambdaMoo, verb_cache_stats),
    world!("log_cache_stats", 0..=0, [], LambdaMoo, log_cache_stats),
    world!("usage", 0..=0, [], ToastStunt, usage),
    world!("getenv", 1..=1, [Str], ToastStunt, getenv),
    world!("gc_stats", 0..=0, [], ToastStunt, gc_stats),
    world!("run_gc", 0..=0, [], ToastStunt, run_gc),
];

/// The version as MOO code sees it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `server_version([detail])`: the version; with an argument, details by name.
fn server_version(_: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    if args.is_empty() {
        return value(VERSION);
    }
    let mut parts = VERSION
        .split('.')
        .map(|part| part.parse::<i64>().unwrap_or(0));
    let pair = |name: &str, number: i64| Value::from(vec![Value::from(name), Value::Int(number)]);
    let details: List = [
        pair("major", parts.next().unwrap_or(0)),
        pair("minor", parts.next().unwrap_or(0)),
        pair("release", parts.next().unwrap_or(0)),
        Value::from(vec![Value::from("string"), Value::from(VERSION)]),
        Value::from(vec![Value::from("name"), Value::from("moor")]),
    ]
    .into_iter()
    .collect();
    Ok(Answer::Value(Value::List(details)))
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
    // The stretch itself sees what it has set; everyone else from its commit on.
    env.stretch.reload_options();
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

/// `{size, resident}` and so on as ToastStunt reads them from /proc, in pages turned to bytes.
fn memory_usage(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let text = std::fs::read_to_string("/proc/self/statm").map_err(|_| ErrorCode::File)?;
    let page = page_bytes();
    let numbers = text.split_whitespace().map(|pages| {
        let pages: i64 = pages.parse().unwrap_or(0);
        Value::Int(pages.saturating_mul(page))
    });
    Ok(Answer::Value(Value::List(numbers.take(5).collect())))
}

/// Bytes of a page of memory.
fn page_bytes() -> i64 {
    i64::try_from(rustix::param::page_size()).unwrap_or(4096)
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

/// Load averages and the process's processor time, faults and switches.
fn usage(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let loads: List = load
        .split_whitespace()
        .take(3)
        .map(|number| Value::Float(number.parse().unwrap_or(0.0)))
        .collect();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Field 3 and on follow the name, which may hold spaces, in parentheses.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let number = |field: usize| -> i64 {
        fields
            .get(field - 3)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    };
    let ticks_per_second = rustix::param::clock_ticks_per_second().max(1) as f64;
    Ok(Answer::Value(Value::from(vec![
        Value::List(loads),
        Value::Float(number(14) as f64 / ticks_per_second),
        Value::Float(number(15) as f64 / ticks_per_second),
        Value::Int(number(10)),
        Value::Int(number(12)),
        Value::ZERO,
        Value::ZERO,
        Value::ZERO,
        Value::ZERO,
        Value::ZERO,
    ])))
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

fn run_gc(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    env.stretch
        .effects
        .push(Effect::Server(ServerRequest::Collect));
    nothing()
}
