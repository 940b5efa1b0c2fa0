//! Lines of connections that have not logged in.
//!
//! In: a line. Out: `do_login_command` of the connection's handler, and, when it names a player,
//! the connection's switch to that player with the server's messages and hooks.

use std::net::IpAddr;
use std::sync::Arc;

use moor_value::{ObjId, Value};

use crate::command::{call_server_verb, word_values};
use crate::effects::{Effect, EndReason, SessionChange};
use crate::hooks::Hook;
use crate::options;
use crate::proxy;
use crate::run::Ended;
use crate::session::{Session, SessionEvent};
use crate::stretch::Stretch;

/// Hands a line to `do_login_command`; from a proxy that the world trusts, not every one as it is.
pub(crate) fn run(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    handler: ObjId,
    connection: ObjId,
    line: &str,
) {
    let mut line = line;
    if is_trusted_proxy(stretch, session, handler) {
        if line.is_empty() && !wants_blank(stretch, handler, connection) {
            return;
        }
        line = take_proxied(stretch, session, line);
    }
    log_in(stretch, session, handler, connection, line);
}

fn log_in(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    handler: ObjId,
    connection: ObjId,
    line: &str,
) {
    let newest = stretch.txn.max_object();
    let begin = stretch.runtime.new_unique_id();
    let args = word_values(line);
    let ended = call_server_verb(stretch, handler, "do_login_command", args, connection, line);
    // The verb may have switched the connection to a player, or booted it, by itself.
    let still_here = stretch.effects.object_of(session) == connection
        && stretch.session_of(connection).is_some();
    if let Ended::Returned(Value::Obj(player)) = ended
        && still_here
        && stretch.txn.is_player(player)
    {
        let created = match player.is_unique() {
            true => player.time_ms() >= begin.time_ms(),
            false => player > newest,
        };
        connect(stretch, session, player, created);
    }
}

/// Whether a connection is that of a proxy, which may say whose it is: `$server_options.trusted_proxies`, of the handler or of
/// `#0`, is a list with its address.
fn is_trusted_proxy(stretch: &mut Stretch<'_>, session: &Session, handler: ObjId) -> bool {
    let Some(Value::List(trusted)) =
        options::handler_option(&mut stretch.txn, handler, "trusted_proxies")
    else {
        return false;
    };
    let address = {
        let state = session.lock();
        (!state.record.outbound).then(|| ip(&state.record.peer_address))
    };
    let Some(address) = address.flatten() else {
        return false;
    };
    let mut trusted = trusted.iter().filter_map(Value::as_str);
    trusted.any(|text| ip(text.as_str()) == Some(address))
}

/// An address, in its one form.
fn ip(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok()?;
    Some(address.to_canonical())
}

/// Whether the blank line of a trusted proxy is a line like others: `do_blank_command` says so.
fn wants_blank(stretch: &mut Stretch<'_>, handler: ObjId, connection: ObjId) -> bool {
    let verb = "do_blank_command";
    let ended = call_server_verb(stretch, handler, verb, Vec::new(), connection, "");
    matches!(ended, Ended::Returned(value) if value.is_true())
}

/// Gives a connection the addresses that a proxy's line says, if it is one, which is a blank line from then on. Answers the line that
/// is to be heard.
fn take_proxied<'l>(stretch: &mut Stretch<'_>, session: &Arc<Session>, line: &'l str) -> &'l str {
    if !proxy::is_proxy_line(line) {
        return line;
    }
    let Some(ends) = proxy::parse(line) else {
        tracing::warn!(session = ?session.id, line, "a proxy's line is malformed");
        return line;
    };
    tracing::info!(session = ?session.id, peer = ends.address, "a proxy speaks for somebody");
    let change = SessionChange::Proxied(ends);
    stretch
        .effects
        .push(Effect::Change(Arc::clone(session), change));
    ""
}

/// Makes a connection a player's. `created`: the player did not exist before this log-in.
pub(crate) fn connect(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    player: ObjId,
    created: bool,
) {
    tell_queued_output(stretch, session);
    let before = stretch.session_of(player);
    let (handler, shows) = described(session);
    match before {
        Some(before) => redirect(stretch, session, &before, player),
        None => {
            let peer = stretch.ends_of(session).name;
            stretch
                .effects
                .push(Effect::Switch(Arc::clone(session), player));
            let (name, default, hook) = if created {
                ("create_msg", "*** Created ***", "user_created")
            } else {
                ("connect_msg", "*** Connected ***", "user_connected")
            };
            if shows {
                show(stretch, session, handler, name, default);
            }
            tracing::info!(session = ?session.id, player = player.0, peer, "{hook}");
            stretch
                .effects
                .push(Effect::Hook(Hook::about(handler, hook, player)));
        }
    }
}

/// Tells the host how much output may wait, where the world says so.
fn tell_queued_output(stretch: &mut Stretch<'_>, session: &Arc<Session>) {
    if let Some(bytes) = stretch.options.queued_output_max {
        let change = SessionChange::QueuedOutput(bytes);
        stretch
            .effects
            .push(Effect::Change(Arc::clone(session), change));
    }
}

/// A player logs in who is connected already: the old connection ends in favour of the new one.
fn redirect(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    before: &Arc<Session>,
    player: ObjId,
) {
    let (handler, _) = described(session);
    let (old_handler, _) = described(before);
    let peer = stretch.ends_of(session).name;
    tell_redirected(stretch, session, before);
    take_over(stretch, session, before, player);
    tracing::info!(session = ?session.id, player = player.0, peer, "user_reconnected");
    let hooks: &[(ObjId, &'static str)] = if old_handler == handler {
        &[(handler, "user_reconnected")]
    } else {
        &[
            (old_handler, "user_client_disconnected"),
            (handler, "user_connected"),
        ]
    };
    for (object, hook) in hooks {
        push_hook(stretch, *object, hook, player);
    }
}

/// Says on both connections of a player that one takes the other's place.
fn tell_redirected(stretch: &mut Stretch<'_>, session: &Arc<Session>, before: &Arc<Session>) {
    let (handler, shows) = described(session);
    let (old_handler, old_shows) = described(before);
    if old_shows {
        let default = "*** Redirecting connection to new port ***";
        show(stretch, before, old_handler, "redirect_from_msg", default);
    }
    if shows {
        let default = "*** Redirecting old connection to this port ***";
        show(stretch, session, handler, "redirect_to_msg", default);
    }
}

/// A connection becomes a player's, whose connection until now ends.
fn take_over(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    before: &Arc<Session>,
    player: ObjId,
) {
    let ends = Effect::End(Arc::clone(before), EndReason::Redirected);
    stretch.effects.push(ends);
    let switches = Effect::Switch(Arc::clone(session), player);
    stretch.effects.push(switches);
}

fn push_hook(stretch: &mut Stretch<'_>, handler: ObjId, verb: &'static str, player: ObjId) {
    let hook = Hook::about(handler, verb, player);
    stretch.effects.push(Effect::Hook(hook));
}

/// A session's handler, and whether it shows the server's messages.
fn described(session: &Session) -> (ObjId, bool) {
    let state = session.lock();
    (state.record.handler(), state.record.print_messages)
}

/// Shows one of the server's messages on a session.
fn show(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    handler: ObjId,
    name: &str,
    default: &str,
) {
    for line in options::message(&mut stretch.txn, handler, name, default) {
        stretch.effects.push(Effect::Output(
            Arc::clone(session),
            SessionEvent::text(line),
        ));
    }
}

/// `switch_player()`: makes a connection another player's, as ToastStunt does: with the messages of a log-in unless
/// it is to be silent, and then with hooks. Whoever was connected as that player is disconnected.
pub(crate) fn switch(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    player: ObjId,
    silent: bool,
) {
    tell_queued_output(stretch, session);
    let (handler, shows) = described(session);
    let from = stretch.effects.object_of(session);
    let hook = match stretch.session_of(player) {
        Some(before) => {
            if !silent {
                tell_redirected(stretch, session, &before);
            }
            take_over(stretch, session, &before, player);
            "user_reconnected"
        }
        None => {
            if shows && !silent {
                let default = "*** Connected ***";
                show(stretch, session, handler, "connect_msg", default);
            }
            stretch
                .effects
                .push(Effect::Switch(Arc::clone(session), player));
            "user_connected"
        }
    };
    tracing::info!(session = ?session.id, from = from.0, player = player.0, "switched");
    if hook == "user_connected" && stretch.txn.is_player(from) {
        push_hook(stretch, handler, "user_disconnected", from);
    }
    push_hook(stretch, handler, hook, player);
}
