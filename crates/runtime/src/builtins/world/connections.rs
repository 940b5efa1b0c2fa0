//! Connections: who is connected, output, options, log-in by hand, ending.
//!
//! In: players' and connections' object numbers. Out: what their sessions say, and effects on them.

use std::sync::Arc;

use moor_value::{ErrorCode, List, ObjId, Value};

use super::super::encoding::bytes_from_binary;
use super::super::env::{Answer, Env, Reply, named_map, nothing, value};
use super::super::spec::world;
use super::super::{BuiltinSpec, Raise};
use crate::effects::{Effect, EndReason};
use crate::login;
use crate::session::{Session, SessionEvent};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!(
        "connected_players",
        0..=1,
        [Any],
        LambdaMoo,
        connected_players
    )
    .doc(
        "all",
        "LIST of OBJ",
        "Who is connected, the newest first; with `all` also connections that have not \
             logged in (negative numbers).",
    ),
    world!(
        "connected_seconds",
        1..=1,
        [Obj],
        LambdaMoo,
        connected_seconds
    )
    .doc("player", "INT", "For how long a player has been connected.")
    .raises("E_INVARG if the player is not connected"),
    world!("idle_seconds", 1..=1, [Obj], LambdaMoo, idle_seconds)
        .doc("player", "INT", "How long ago a player's last line came.")
        .raises("E_INVARG if the player is not connected"),
    world!(
        "connection_name",
        1..=2,
        [Obj, Int],
        LambdaMoo,
        connection_name
    )
    .doc(
        "connection how",
        "STR",
        "Where a connection comes from: the name of its host. With 1 the address; with \
             another number `port PORT from NAME [ADDRESS], port PORT`.",
    )
    .raises(
        "E_INVARG if there is no such connection; E_PERM unless it is the caller's own, \
             or a wizard calls",
    )
    .permission("wizards; others for their own"),
    world!(
        "connection_name_lookup",
        1..=2,
        [Obj, Any],
        ToastStunt,
        connection_name_lookup
    )
    .doc(
        "connection record",
        "STR",
        "The name of the host that a connection comes from, as far as it is known; \
             nothing is looked up.",
    )
    .raises(
        "E_INVARG if there is no such connection; E_PERM unless it is the caller's own, \
             or a wizard calls",
    )
    .permission("wizards; others for their own"),
    world!("connection_info", 1..=1, [Obj], ToastStunt, connection_info)
        .doc(
            "connection",
            "MAP",
            "Both ends of a connection: names, addresses and ports (`destination_...` of the \
             user, `source_...` of the server), `protocol`, `outbound` and `tls`.",
        )
        .raises(
            "E_INVARG if there is no such connection; E_PERM unless it is the caller's own, \
             or a wizard calls",
        )
        .permission("wizards; others for their own"),
    world!("notify", 2..=4, [Obj, Str, Any, Any], LambdaMoo, notify)
        .doc(
            "connection text no_flush no_newline",
            "INT",
            "Sends a line to a player or connection, when this stretch of the task is over. \
             In binary mode the text is a binary string. 0 if `no_flush` is true and there is \
             no room, else 1.",
        )
        .raises(
            "E_INVARG if the connection is in binary mode and the text is no binary string; \
             E_PERM unless it is the caller's own, or a wizard calls",
        )
        .permission("wizards; others for their own"),
    world!(
        "buffered_output_length",
        0..=1,
        [Obj],
        LambdaMoo,
        buffered_output_length
    )
    .doc(
        "connection",
        "INT",
        "How many bytes wait to be sent to a connection; without an argument how many \
             may.",
    )
    .raises(
        "E_INVARG if there is no such connection; E_PERM unless it is the caller's own, \
             or a wizard calls",
    )
    .permission("wizards; others for their own"),
    world!("boot_player", 1..=1, [Obj], LambdaMoo, boot_player)
        .doc("player", "INT", "Disconnects a player or connection.")
        .raises("E_PERM unless it is the caller's own, or a wizard calls")
        .permission("wizards; others for themselves"),
    world!(
        "switch_player",
        2..=3,
        [Obj, Obj, Int],
        ToastStunt,
        switch_player
    )
    .doc(
        "from to silent",
        "INT",
        "Makes the connection of one player that of another, who is disconnected if there \
             is a connection already. With `silent` no message is shown; `user_disconnected`, and \
             `user_connected` or `user_reconnected`, are called in any case.",
    )
    .raises(
        "E_PERM unless a wizard calls; E_INVARG if the first is not connected, the second \
             no player, or both are the same",
    )
    .permission("wizards"),
    world!(
        "output_delimiters",
        1..=1,
        [Obj],
        LambdaMoo,
        output_delimiters
    )
    .doc(
        "connection",
        "LIST of STR",
        "`{prefix, suffix}`: what `PREFIX` and `SUFFIX` have set.",
    )
    .raises(
        "E_INVARG if there is no such connection; E_PERM unless it is the caller's own, \
             or a wizard calls",
    )
    .permission("wizards; others for their own"),
];

/// The session of a player or connection; `E_INVARG` when there is none.
pub(super) fn connected(env: &Env<'_, '_, '_>, whom: ObjId) -> Result<Arc<Session>, Raise> {
    env.stretch
        .session_of(whom)
        .ok_or_else(|| ErrorCode::InvArg.into())
}

/// The first argument as an object number; the table has checked that it is one.
fn object(args: &[Value]) -> ObjId {
    args.first()
        .and_then(Value::as_obj)
        .unwrap_or(ObjId::NOTHING)
}

fn connected_players(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let all = args.first().is_some_and(Value::is_true);
    let stretch = &env.stretch;
    let mut players: Vec<(u64, ObjId)> = Vec::new();
    for session in stretch.runtime.sessions.all() {
        let (closed, since) = {
            let state = session.lock();
            (state.closed, state.record.since_us)
        };
        let player = stretch.effects.object_of(&session);
        let still = stretch
            .session_of(player)
            .is_some_and(|found| Arc::ptr_eq(&found, &session));
        if !closed && still && (all || player >= ObjId::SYSTEM) {
            players.push((since, player));
        }
    }
    // The newest first, as LambdaMOO keeps them.
    players.sort_unstable_by(|a, b| b.cmp(a));
    let players: List = players
        .into_iter()
        .map(|(_, player)| Value::Obj(player))
        .collect();
    Ok(Answer::Value(Value::List(players)))
}

fn connected_seconds(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let session = connected(env, object(args))?;
    let (since, logged_in) = {
        let state = session.lock();
        (state.record.since_us, state.record.is_logged_in())
    };
    if !logged_in && object(args) < ObjId::SYSTEM {
        return Err(ErrorCode::InvArg.into());
    }
    let us = env.stretch.runtime.wall_us().saturating_sub(since);
    value(i64::try_from(us / 1_000_000).unwrap_or(i64::MAX))
}

fn idle_seconds(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let session = connected(env, object(args))?;
    let active_at = session.lock().active_at;
    let idle = env.stretch.runtime.clock.steady().saturating_sub(active_at);
    value(i64::try_from(idle.as_secs()).unwrap_or(i64::MAX))
}

/// `connection_name(connection [, how])`: the host name; with 1, the address; with another number,
/// LambdaMOO's longer form.
fn connection_name(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let who = object(args);
    env.self_or_wizard(who)?;
    let session = connected(env, who)?;
    let ends = env.stretch.ends_of(&session);
    let name = match args.get(1).and_then(Value::as_int) {
        Some(how) if how != 1 => format!(
            "port {} from {} [{}], port {}",
            ends.local_port, ends.name, ends.address, ends.port
        ),
        Some(_) => ends.address,
        None => ends.name,
    };
    value(name.as_str())
}

/// `connection_name_lookup(connection [, record])`: the host name that is known; names are looked up
/// by the host when the connection is made.
fn connection_name_lookup(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let who = object(args);
    env.self_or_wizard(who)?;
    let session = connected(env, who)?;
    value(env.stretch.ends_of(&session).name)
}

/// A map of both ends of a connection: `destination` is the user's end and `source` the server's, whoever has
/// made the connection.
fn connection_info(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let who = object(args);
    let session = connected(env, who)?;
    env.self_or_wizard(who)?;
    let ends = env.stretch.ends_of(&session);
    let protocol = if ends.address.contains(':') {
        "IPv6"
    } else {
        "IPv4"
    };
    let (outbound, tls) = {
        let state = session.lock();
        let record = &state.record;
        (record.outbound, tls_entries(record.tls.as_ref()))
    };
    let local = Value::from(ends.local_address.as_str());
    let entries = [
        ("destination_address", Value::from(ends.name)),
        ("destination_ip", Value::from(ends.address)),
        ("destination_port", Value::Int(i64::from(ends.port))),
        ("outbound", Value::Int(i64::from(outbound))),
        ("protocol", Value::from(protocol)),
        ("source_address", local.clone()),
        ("source_ip", local),
        ("source_port", Value::Int(i64::from(ends.local_port))),
        ("tls", tls),
    ];
    Ok(Answer::Value(named_map(entries)))
}

/// What is known of the encryption of a connection.
fn tls_entries(tls: Option<&(String, String)>) -> Value {
    let Some((version, cipher)) = tls else {
        return named_map([("active", Value::ZERO)]);
    };
    named_map([
        ("active", Value::Int(1)),
        ("cyphersuite", cipher.as_str().into()),
        ("version", version.as_str().into()),
    ])
}

/// `notify(connection, text [, no_flush [, no_newline]])`.
fn notify(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let who = object(args);
    env.self_or_wizard(who)?;
    let no_flush = args.get(2).is_some_and(Value::is_true);
    let newline = !args.get(3).is_some_and(Value::is_true);
    let Some(text) = args[1].as_str() else {
        return Err(ErrorCode::Type.into());
    };
    let Some(session) = env.stretch.session_of(who) else {
        return value(1);
    };
    let (binary, waiting) = {
        let state = session.lock();
        (
            env.stretch
                .effects
                .binary(&session)
                .unwrap_or(state.record.binary),
            state.outbox.bytes().max(state.host_queued_bytes),
        )
    };
    let event = if binary {
        SessionEvent::Binary(bytes_from_binary(text.as_str()).ok_or(ErrorCode::InvArg)?)
    } else {
        SessionEvent::Text {
            line: text.as_str().to_owned(),
            newline,
            no_flush,
        }
    };
    let bytes_max = env.stretch.options.queued_output() as usize;
    if no_flush && waiting + event.output_bytes() > bytes_max {
        return value(0);
    }
    env.stretch.effects.push(Effect::Output(session, event));
    value(1)
}

fn buffered_output_length(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let Some(who) = args.first().and_then(Value::as_obj) else {
        return value(i64::from(env.stretch.options.queued_output()));
    };
    let session = connected(env, who)?;
    env.self_or_wizard(who)?;
    let state = session.lock();
    value((state.outbox.bytes() + state.host_queued_bytes) as i64)
}

fn boot_player(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let who = object(args);
    env.self_or_wizard(who)?;
    if let Some(session) = env.stretch.session_of(who) {
        env.stretch
            .effects
            .push(Effect::End(session, EndReason::Booted));
    }
    nothing()
}

/// `switch_player(connection, player [, silent])`.
fn switch_player(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let (from, to) = (object(args), object(&args[1..]));
    let silent = args.get(2).is_some_and(Value::is_true);
    if from == to || !env.stretch.txn.is_player(to) {
        return Err(ErrorCode::InvArg.into());
    }
    let session = connected(env, from)?;
    login::switch(env.stretch, &session, to, silent);
    nothing()
}

fn output_delimiters(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let who = object(args);
    env.self_or_wizard(who)?;
    let session = connected(env, who)?;
    let state = session.lock();
    let delimiters = vec![
        state.record.prefix.as_str().into(),
        state.record.suffix.as_str().into(),
    ];
    drop(state);
    Ok(Answer::Value(Value::from(delimiters)))
}
