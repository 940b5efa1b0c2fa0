//! Options of connections: `set_connection_option()` and its kin.
//!
//! In: a connection, the name and value of an option. Out: the session's record, and changes of it.

use std::sync::Arc;

use moor_value::{ErrorCode, List, ObjId, Value};

use super::super::BuiltinSpec;
use super::super::env::{Answer, Env, Reply, named_map, nothing};
use super::super::spec::world;
use super::connections::connected;
use crate::effects::{Effect, SessionChange};
use crate::session::{IntrinsicCommand, KeepAlive, SessionRecord};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!(
        "set_connection_option",
        3..=3,
        [Obj, Str, Any],
        LambdaMoo,
        set_connection_option
    )
    .doc(
        "connection name value",
        "INT",
        "Sets an option of a connection: `hold-input`, `disable-oob`, `client-echo`, \
             `binary`, `flush-command`, `intrinsic-commands`, `keep-alive`.",
    )
    .raises(
        "E_INVARG if there is no such connection, option or value; E_PERM unless it is \
             the caller's own, or a wizard calls",
    )
    .permission("wizards; others for their own"),
    world!(
        "connection_options",
        1..=2,
        [Obj, Str],
        LambdaMoo,
        connection_options
    )
    .doc(
        "connection name",
        "LIST",
        "The options of a connection as pairs of name and value, or the value of one.",
    )
    .raises(
        "E_INVARG if there is no such connection or option; E_PERM unless it is the \
             caller's own, or a wizard calls",
    )
    .permission("wizards; others for their own"),
    world!(
        "connection_option",
        2..=2,
        [Obj, Str],
        LambdaMoo,
        connection_option
    )
    .doc(
        "connection name",
        "value",
        "The value of one option of a connection.",
    )
    .raises(
        "E_INVARG if there is no such connection or option; E_PERM unless it is the \
             caller's own, or a wizard calls",
    )
    .permission("wizards; others for their own"),
];

/// Every option, in the order of the listing.
const NAMES: [&str; 7] = [
    "keep-alive",
    "binary",
    "client-echo",
    "flush-command",
    "hold-input",
    "disable-oob",
    "intrinsic-commands",
];

fn set_connection_option(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (Some(who), Some(name)) = (args[0].as_obj(), args[1].as_str()) else {
        return Err(ErrorCode::Type.into());
    };
    env.self_or_wizard(who)?;
    let session = connected(env, who)?;
    let change = change(&name.as_str().to_ascii_lowercase(), &args[2]).ok_or(ErrorCode::InvArg)?;
    env.stretch
        .effects
        .push(Effect::Change(Arc::clone(&session), change));
    nothing()
}

/// The change that sets an option, or nothing when there is no such option or value.
fn change(name: &str, value: &Value) -> Option<SessionChange> {
    Some(match name {
        "hold-input" => SessionChange::HoldInput(value.is_true()),
        "disable-oob" => SessionChange::DisableOob(value.is_true()),
        "client-echo" => SessionChange::ClientEcho(value.is_true()),
        "binary" => SessionChange::Binary(value.is_true()),
        "keep-alive" => SessionChange::KeepAlive(keep_alive(value)?),
        "intrinsic-commands" => SessionChange::Intrinsic(intrinsic_bits(value)?),
        "flush-command" => SessionChange::FlushCommand(match value {
            Value::Str(command) => command.as_str().to_owned(),
            _ => String::new(),
        }),
        _ => return None,
    })
}

/// A truth value, or a map of `idle`, `interval` and `count`.
fn keep_alive(value: &Value) -> Option<Option<KeepAlive>> {
    let Value::Map(map) = value else {
        return Some(value.is_true().then(KeepAlive::default));
    };
    let mut times = KeepAlive::default();
    for (key, value) in map.iter() {
        let number = u32::try_from(value.as_int()?)
            .ok()
            .filter(|number| *number > 0)?;
        match key.as_str()?.as_str() {
            "idle" => times.idle_s = number,
            "interval" => times.interval_s = number,
            "count" => times.count = number,
            _ => return None,
        }
    }
    Some(Some(times))
}

/// A truth value for all or none, or a list of names.
fn intrinsic_bits(value: &Value) -> Option<u8> {
    match value {
        Value::Int(_) => Some(if value.is_true() {
            SessionRecord::INTRINSIC_ALL
        } else {
            0
        }),
        Value::List(names) => names.iter().try_fold(0, |bits, name| {
            let command = IntrinsicCommand::named(name.as_str()?.as_str())?;
            Some(bits | command.bit())
        }),
        _ => None,
    }
}

/// `connection_options(connection [, name])`: a map of all, or one.
fn connection_options(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let record = record(env, args[0].as_obj().unwrap_or(ObjId::NOTHING))?;
    if let Some(name) = args.get(1).and_then(Value::as_str) {
        let value = read(&record, &name.as_str().to_ascii_lowercase()).ok_or(ErrorCode::InvArg)?;
        return Ok(Answer::Value(value));
    }
    let pairs: List = NAMES
        .iter()
        .filter_map(|name| Some(Value::from(vec![Value::from(*name), read(&record, name)?])))
        .collect();
    Ok(Answer::Value(Value::List(pairs)))
}

fn connection_option(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    connection_options(env, args)
}

/// The record of a connection with the changes that this stretch has asked for.
fn record(env: &mut Env<'_, '_, '_>, who: ObjId) -> Result<SessionRecord, super::super::Raise> {
    let session = connected(env, who)?;
    env.self_or_wizard(who)?;
    let mut record = session.lock().record.clone();
    for effect in env.stretch.effects.list() {
        if let Effect::Change(changed, change) = effect
            && Arc::ptr_eq(changed, &session)
        {
            crate::apply::change_record(&mut record, change);
        }
    }
    Ok(record)
}

/// The value of an option.
fn read(record: &SessionRecord, name: &str) -> Option<Value> {
    let flag = |on: bool| Value::Int(i64::from(on));
    Some(match name {
        "hold-input" => flag(record.hold_input),
        "disable-oob" => flag(record.disable_oob),
        "client-echo" => flag(record.client_echo),
        "binary" => flag(record.binary),
        "flush-command" => Value::from(record.flush_command.as_str()),
        "keep-alive" => record.keep_alive.map_or(flag(false), keep_alive_map),
        "intrinsic-commands" => {
            let enabled = IntrinsicCommand::ALL
                .into_iter()
                .filter(|command| record.intrinsic & command.bit() != 0);
            Value::List(enabled.map(|command| Value::from(command.name())).collect())
        }
        _ => return None,
    })
}

fn keep_alive_map(times: KeepAlive) -> Value {
    let number = |number: u32| Value::Int(i64::from(number));
    named_map([
        ("idle", number(times.idle_s)),
        ("interval", number(times.interval_s)),
        ("count", number(times.count)),
    ])
}
