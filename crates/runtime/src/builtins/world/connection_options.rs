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

/// What asking for an option raises.
const ASK_RAISES: &str = "E_INVARG if there is no such connection or option; E_PERM unless it is the \
                          caller's own, or a wizard calls";
/// Who may ask for options and set them.
const PERMISSION: &str = "wizards; others for their own";

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
    .permission(PERMISSION),
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
    .raises(ASK_RAISES)
    .permission(PERMISSION),
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
    .raises(ASK_RAISES)
    .permission(PERMISSION),
];

/// Every option, in the order of the listing.
pub(super) const NAMES: [&str; 7] = [
    "binary",
    "flush-command",
    "hold-input",
    "disable-oob",
    "intrinsic-commands",
    "client-echo",
    "keep-alive",
];

fn set_connection_option(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (Some(who), Some(name)) = (args[0].as_obj(), args[1].as_str()) else {
        return Err(ErrorCode::Type.into());
    };
    env.self_or_wizard(who)?;
    let session = connected(env, who)?;
    let name = name.as_str().to_ascii_lowercase();
    let change = match name.as_str() {
        "keep-alive" => {
            let before = record(env, who)?.keep_alive;
            SessionChange::KeepAlive(keep_alive(before, &args[2])?)
        }
        name => change(name, &args[2]).ok_or(ErrorCode::InvArg)?,
    };
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
        "intrinsic-commands" => SessionChange::Intrinsic(intrinsic_bits(value)?),
        "flush-command" => SessionChange::FlushCommand(match value {
            Value::Str(command) => command.as_str().to_owned(),
            _ => String::new(),
        }),
        _ => return None,
    })
}

/// Off with 0 or an empty map, else on: with the times that a map names, and otherwise those from before. As in
/// ToastStunt, other keys and times that are no positive integers are passed over.
fn keep_alive(before: Option<KeepAlive>, value: &Value) -> Result<Option<KeepAlive>, ErrorCode> {
    let mut times = before.unwrap_or_default();
    match value {
        Value::Int(_) => {}
        Value::Map(map) => {
            let named = |name: &str| {
                let given = map.iter().find(|(key, _)| {
                    key.as_str()
                        .is_some_and(|key| key.as_str().eq_ignore_ascii_case(name))
                })?;
                let number = u32::try_from(given.1.as_int()?).ok()?;
                (number > 0).then_some(number)
            };
            times.idle_s = named("idle").unwrap_or(times.idle_s);
            times.interval_s = named("interval").unwrap_or(times.interval_s);
            times.count = named("count").unwrap_or(times.count);
        }
        _ => return Err(ErrorCode::InvArg),
    }
    Ok(value.is_true().then_some(times))
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
pub(super) fn record(
    env: &mut Env<'_, '_, '_>,
    who: ObjId,
) -> Result<SessionRecord, super::super::Raise> {
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
pub(super) fn read(record: &SessionRecord, name: &str) -> Option<Value> {
    let flag = |on: bool| Value::Int(i64::from(on));
    Some(match name {
        "hold-input" => flag(record.hold_input),
        "disable-oob" => flag(record.disable_oob),
        "client-echo" => flag(record.client_echo),
        "binary" => flag(record.binary),
        "flush-command" => Value::from(record.flush_command.as_str()),
        "keep-alive" => keep_alive_map(record.keep_alive),
        "intrinsic-commands" => {
            let enabled = IntrinsicCommand::ALL
                .into_iter()
                .filter(|command| record.intrinsic & command.bit() != 0);
            Value::List(enabled.map(|command| Value::from(command.name())).collect())
        }
        _ => return None,
    })
}

fn keep_alive_map(keep_alive: Option<KeepAlive>) -> Value {
    let times = keep_alive.unwrap_or_default();
    let number = |number: u32| Value::Int(i64::from(number));
    named_map([
        ("enabled", Value::Int(i64::from(keep_alive.is_some()))),
        ("idle", number(times.idle_s)),
        ("interval", number(times.interval_s)),
        ("count", number(times.count)),
    ])
}
