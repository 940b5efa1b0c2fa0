//! Lines of connections: waiting for one, or for a message of several, putting one in, dropping those that wait.
//!
//! In: checked arguments. Out: lines, requests to wait, effects on input queues.

use moor_value::{ErrorCode, ObjId, Str, Value};

use super::super::env::{Answer, Env, Reply, nothing};
use super::super::spec::world;
use super::super::{BuiltinSpec, Raise};
use super::connections::connected;
use crate::command;
use crate::effects::Effect;
use crate::http_message::MessageKind;
use crate::request::Request;
use crate::session::{FORCED_BYTES_MAX, FORCED_LINES_MAX, Session};

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("read", 0..=2, [Obj, Any], LambdaMoo, read)
        .doc(
            "connection no_wait",
            "STR|INT",
            "Waits for a line of a connection, or of the command's own, and returns it. With \
             `no_wait` a line that is there already, or 0.",
        )
        .raises(
            "E_INVARG if the connection is gone, or ends while the task waits; E_PERM unless \
             it is the caller's own, or a wizard calls",
        )
        .permission("programmers for the command's own connection, players for theirs, wizards"),
    world!(
        "force_input",
        2..=3,
        [Obj, Str, Any],
        LambdaMoo,
        force_input
    )
    .doc(
        "connection text at_front",
        "INT",
        "Puts a line behind those that a connection has sent, or before them.",
    )
    .raises(
        "E_PERM unless it is the caller's own, or a wizard calls; E_QUOTA if too many \
             lines wait",
    )
    .permission("wizards; others for their own"),
    world!("read_http", 1..=2, [Str, Obj], ToastStunt, read_http)
        .doc(
            "kind connection",
            "MAP",
            "Waits for an HTTP message of the kind `request` or `response` from the connection whose command runs, or \
             from another one, which had better hold its input and be binary. The map has `method` and `uri`, or \
             `status`; `headers`, a map; perhaps `body`, a binary string, and `upgrade`. For what is no such message it \
             has `error`, a list of a name and a sentence. 0 stands for input that is no binary string.",
        )
        .raises(
            "E_INVARG for another kind, and if nobody is connected or another task reads already; \
             E_PERM unless a wizard calls from the connection's own command, or it is the caller's own; E_QUOTA for \
             more than 1 MiB",
        )
        .permission("wizards; others for their own, by name"),
    world!("flush_input", 1..=2, [Obj, Any], LambdaMoo, flush_input)
        .doc(
            "connection show",
            "INT",
            "Drops the lines of a connection that wait; with `show` they are shown to it.",
        )
        .raises("E_PERM unless it is the caller's own, or a wizard calls")
        .permission("wizards; others for their own"),
];

fn read(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let connection = match args.first().and_then(Value::as_obj) {
        Some(connection) => {
            env.self_or_wizard(connection)?;
            connection
        }
        None => {
            let player = env.own_input()?;
            env.wizard_or_programmer()?;
            player
        }
    };
    let session = connected(env, connection)?;
    if args.get(1).is_some_and(Value::is_true) {
        let line = env.stretch.take_input(&session);
        return Ok(Answer::Value(
            line.map_or(Value::ZERO, |line| Value::from(line.as_str())),
        ));
    }
    Ok(Answer::Suspend(Request::Read(session)))
}

fn force_input(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (Some(player), Some(text)) = (args[0].as_obj(), args[1].as_str()) else {
        return Err(ErrorCode::Type.into());
    };
    env.self_or_wizard(player)?;
    let session = env.stretch.session_of(player);
    let text = text.as_str().to_owned();
    let full = session
        .as_deref()
        .is_some_and(|session| !has_room(env, session, text.len()));
    if full {
        return Err(ErrorCode::Quota.into());
    }
    let at_front = args.get(2).is_some_and(Value::is_true);
    env.stretch.effects.push(Effect::ForceInput {
        player,
        session,
        text,
        at_front,
    });
    nothing()
}

/// Whether one more forced line of so many bytes may wait for a session.
fn has_room(env: &Env<'_, '_, '_>, session: &Session, more: usize) -> bool {
    let (lines, bytes) = env.stretch.effects.forced_upon(session.id);
    let input = &session.lock().input;
    let waiting: usize = input.forced().map(str::len).sum();
    lines + input.len() < FORCED_LINES_MAX && bytes + waiting + more <= FORCED_BYTES_MAX
}

fn flush_input(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let Some(player) = args[0].as_obj() else {
        return Err(ErrorCode::Type.into());
    };
    env.self_or_wizard(player)?;
    let shown = args.get(1).is_some_and(Value::is_true);
    if let Some(session) = env.stretch.session_of(player) {
        command::flush(env.stretch, &session, shown, None);
    }
    nothing()
}

/// `read_http("request" or "response" [, connection])`.
fn read_http(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let name = args[0].as_str().map_or("", Str::as_str);
    let kind = MessageKind::named(name).ok_or(ErrorCode::InvArg)?;
    let connection = match args.get(1).and_then(Value::as_obj) {
        Some(connection) => {
            env.self_or_wizard(connection)?;
            connection
        }
        None => {
            env.wizard_only()?;
            env.own_input()?
        }
    };
    let session = connected(env, connection)?;
    Ok(Answer::Suspend(Request::ReadHttp(
        session,
        kind,
        Value::from(""),
    )))
}

impl Env<'_, '_, '_> {
    /// The player whose line the task came from: the only input that a task may read without naming it.
    fn own_input(&self) -> Result<ObjId, Raise> {
        let player = self.context.task_player();
        let own = self.stretch.session.as_ref();
        let is_own = own.is_some_and(|own| self.stretch.effects.object_of(own) == player);
        if is_own {
            Ok(player)
        } else {
            Err(ErrorCode::Perm.into())
        }
    }

    /// `E_PERM` unless the calling code has a programmer's permissions.
    fn wizard_or_programmer(&mut self) -> Result<(), Raise> {
        let perms = self.perms();
        let allowed = self.stretch.txn.is_programmer(perms) || self.stretch.txn.is_wizard(perms);
        if allowed {
            Ok(())
        } else {
            Err(ErrorCode::Perm.into())
        }
    }
}
