//! Requests to workers: `worker_request()`, `workers()`.
//!
//! In: checked arguments. Out: a request that the task waits for, leaving with its commit; maps that describe
//! workers. What a worker does with its arguments is its own knowledge.

use std::time::Duration;

use moor_value::{ErrorCode, List, Map, Value};

use super::super::env::{Answer, Env, Reply, named_map};
use super::super::spec::world;
use super::super::{BuiltinSpec, Raise};
use crate::cluster::{WORKER_BYTES_MAX, WORKER_DEPTH_MAX, WorkerCall, WorkerInfo, seconds};
use crate::request::Request;
use crate::workers::{Shape, Wanted};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!(
        "worker_request",
        2..=3,
        [Str, Any, Map],
        Own,
        worker_request
    )
    .doc(
        "type args:LIST|MAP options",
        "value",
        "Asks a worker of that type, and returns its answer. The task waits, and what it \
             did before is let go. Options: `timeout` (seconds, 30 unless given, at most \
             600), `idempotent` (another worker may be asked if one is lost).",
    )
    .raises(
        "E_PERM unless a wizard calls; E_INVIND if there is no such worker; E_INVARG if \
             the type, an option or a value is wrong; E_QUOTA if there are too many requests, \
             or too much is sent; E_INTRPT if the time is over, or the worker or the server \
             went away",
    )
    .permission("wizards"),
    world!("workers", 0..=0, [], Own, workers)
        .doc(
            "",
            "LIST of MAP",
            "A map for each worker that is there: `type`, `node`, `since`, `in_flight`, \
             `concurrency_max`.",
        )
        .raises("E_PERM unless a wizard calls")
        .permission("wizards"),
];

/// Values that arguments may consist of; the wire holds no more.
const VALUES_MAX: usize = 200_000;
/// Characters of the name of a kind of worker.
const KIND_CHARS_MAX: usize = 32;
/// Seconds that a task waits for an answer, unless told otherwise.
const TIMEOUT_SECONDS: f64 = 30.0;
/// Seconds that a task may wait for an answer.
const TIMEOUT_SECONDS_MAX: f64 = 600.0;

/// `worker_request(type, args [, options])`: the worker's answer. `args` is a list, or a map, which stands for a list of
/// it alone. Options: `timeout` in seconds, `idempotent`.
fn worker_request(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let kind = args[0].as_str().map_or("", |kind| kind.as_str()).to_owned();
    if !is_kind(&kind) {
        let message = "a type of worker is 1 to 32 lower-case letters, digits and hyphens";
        return Err(bad(message, &args[0]));
    }
    let options = Options::read(args.get(2).and_then(Value::as_map))?;
    check(&args[1])?;
    let list = match &args[1] {
        Value::List(list) => list.clone(),
        map @ Value::Map(_) => std::iter::once(map.clone()).collect(),
        _ => return Err(ErrorCode::Type.into()),
    };
    Ok(wait(env, &kind, list, options, Shape::Whole))
}

/// `workers()`: a map for each live worker.
fn workers(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let all = env.stretch.runtime.outlet.workers();
    let shown: List = all.iter().map(describe).collect();
    Ok(Answer::Value(Value::List(shown)))
}

/// The task waits for a worker.
pub(super) fn wait(
    env: &mut Env<'_, '_, '_>,
    kind: &str,
    args: List,
    options: Options,
    shape: Shape,
) -> Answer {
    let call = WorkerCall {
        id: env.stretch.runtime.workers.allocate(),
        kind: kind.to_owned(),
        args,
        timeout: options.timeout,
        idempotent: options.idempotent,
    };
    Answer::Suspend(Request::Work(Box::new(Wanted {
        call,
        task: env.stretch.task,
        owner: env.perms(),
        shape,
    })))
}

/// How a request is made.
pub(super) struct Options {
    /// How long the task waits.
    pub(super) timeout: Duration,
    /// Whether another worker may be asked if one is lost.
    pub(super) idempotent: bool,
}

impl Options {
    fn read(given: Option<&Map>) -> Result<Self, Raise> {
        let mut options = Self {
            timeout: Duration::from_secs_f64(TIMEOUT_SECONDS),
            idempotent: false,
        };
        for (key, value) in given.into_iter().flat_map(Map::iter) {
            let key: &Value = key;
            match key.as_str().map(|key| key.as_str()) {
                Some("timeout") => options.timeout = Duration::from_secs_f64(timeout(value)?),
                Some("idempotent") => options.idempotent = value.is_true(),
                _ => {
                    let message = "the options of a request are timeout and idempotent";
                    return Err(bad(message, key));
                }
            }
        }
        Ok(options)
    }
}

/// Seconds: more than 0 and at most [`TIMEOUT_SECONDS_MAX`].
fn timeout(value: &Value) -> Result<f64, Raise> {
    let seconds = match value {
        Value::Int(seconds) => *seconds as f64,
        Value::Float(seconds) => *seconds,
        _ => return Err(ErrorCode::Type.into()),
    };
    if seconds > 0.0 && seconds <= TIMEOUT_SECONDS_MAX {
        Ok(seconds)
    } else {
        let message = format!("a timeout is more than 0 and at most {TIMEOUT_SECONDS_MAX} seconds");
        Err(bad(&message, value))
    }
}

/// Whether a worker's type may have this name.
fn is_kind(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=KIND_CHARS_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

/// Whether arguments can leave the daemon: `E_QUOTA` when there is too much of them, `E_TYPE` for an anonymous
/// object or a waif.
pub(super) fn check(args: &Value) -> Result<(), Raise> {
    if args.bytes() > WORKER_BYTES_MAX {
        return Err(too_large());
    }
    let mut values_left = VALUES_MAX;
    check_part(args, WORKER_DEPTH_MAX, &mut values_left)
}

fn check_part(value: &Value, depth_left: usize, values_left: &mut usize) -> Result<(), Raise> {
    *values_left = values_left.checked_sub(1).ok_or_else(too_large)?;
    let deeper = || depth_left.checked_sub(1).ok_or_else(too_large);
    match value {
        Value::List(items) => {
            let depth_left = deeper()?;
            items
                .iter()
                .try_for_each(|item| check_part(item, depth_left, values_left))
        }
        Value::Map(entries) => {
            let depth_left = deeper()?;
            entries.iter().try_for_each(|(key, value)| {
                check_part(key, depth_left, values_left)?;
                check_part(value, depth_left, values_left)
            })
        }
        Value::Anon(_)
        | Value::Waif(_)
        | Value::Binary(_)
        | Value::Fly(_)
        | Value::Lambda(_)
        | Value::None => {
            let message =
                "anonymous objects, waifs, flyweights and binaries cannot be sent to a worker";
            Err(Raise::with(ErrorCode::Type, message, Value::ZERO))
        }
        _ => Ok(()),
    }
}

fn too_large() -> Raise {
    let message = format!(
        "arguments for a worker have at most {WORKER_BYTES_MAX} bytes, {VALUES_MAX} values and {WORKER_DEPTH_MAX} lists in each other"
    );
    Raise::with(ErrorCode::Quota, message.as_str(), Value::ZERO)
}

fn bad(message: &str, value: &Value) -> Raise {
    Raise::with(ErrorCode::InvArg, message, value.clone())
}

fn describe(worker: &WorkerInfo) -> Value {
    named_map([
        ("type", Value::from(worker.kind.as_str())),
        ("node", Value::from(worker.node.as_str())),
        ("since", seconds(worker.since)),
        ("in_flight", Value::Int(i64::from(worker.in_flight))),
        (
            "concurrency_max",
            Value::Int(i64::from(worker.concurrency_max)),
        ),
    ])
}
