//! The connections of a player, the one of the calling task, and everything that is set for one.
//!
//! In: players and connections. Out: rows and maps.

use moor_value::{ErrorCode, ObjId, Value};

use super::connection_options::{NAMES, read, record};
use super::target::object;
use crate::builtins::BuiltinSpec;
use crate::builtins::env::{Answer, Env, Reply, named_map, value};
use crate::builtins::spec::world;

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("connection", 0..=0, [], MooR, connection)
        .doc(
            "",
            "OBJ",
            "The connection whose command runs: its player, or before log-in its own number.",
        )
        .raises("E_INVARG if the task runs for no command, as after `suspend()` and `fork`"),
    world!("connection_attributes", 1..=1, [Obj], MooR, connection_attributes)
        .doc(
            "connection",
            "MAP",
            "What is set for a connection: its options, as `connection_options()` has them, and in `line-output-prefix` and \
             `line-output-suffix` what `PREFIX` and `SUFFIX` have set.",
        )
        .raises(
            "E_INVARG if there is no such connection; E_PERM unless it is the caller's own, or a wizard calls",
        )
        .permission("wizards; others for their own"),
    world!("connections", 0..=1, [Obj], MooR, connections)
        .doc(
            "player",
            "LIST",
            "`{{connection, host name, seconds without input, {types of content}}}` of a player, or of the one that the task is for; `{}` \
             for one that is not connected.",
        )
        .raises("E_PERM unless it is the caller's own, or a wizard calls")
        .permission("wizards; others for their own"),
];

/// What every connection shows.
const CONTENT: &str = "text/plain";

fn connection(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    let session = env.stretch.session.as_ref().ok_or(ErrorCode::InvArg)?;
    value(env.stretch.effects.object_of(session))
}

fn connection_attributes(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let record = record(env, object(args, 0)?)?;
    let options = NAMES
        .iter()
        .filter_map(|name| Some((*name, read(&record, name)?)));
    let delimiters = [
        ("line-output-prefix", record.prefix.as_str().into()),
        ("line-output-suffix", record.suffix.as_str().into()),
    ];
    Ok(Answer::Value(named_map(options.chain(delimiters))))
}

fn connections(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let whose = match args.is_empty() {
        true => env.context.task_player(),
        false => object(args, 0)?,
    };
    env.self_or_wizard(whose)?;
    value(row(env, whose).into_iter().collect::<Vec<Value>>())
}

/// The one connection of a player, if there is one.
fn row(env: &Env<'_, '_, '_>, whose: ObjId) -> Option<Value> {
    let session = env.stretch.session_of(whose)?;
    let active_at = session.lock().active_at;
    let now = env.stretch.runtime.clock.steady();
    Some(Value::from(vec![
        Value::Obj(whose),
        env.stretch.ends_of(&session).name.into(),
        Value::Float(now.saturating_sub(active_at).as_secs_f64()),
        vec![Value::from(CONTENT)].into(),
    ]))
}
