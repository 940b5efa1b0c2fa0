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

/// Hands a line to `do_login_command`.
pub(crate) fn run(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    handler: ObjId,
    connection: ObjId,
    line: &str,
) {
    if proxy::is_proxy_line(line) && speaks_for_others(stretch, session) {
        take_proxied(stretch, session, line);
        return;
    }
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

/// Whether a connection may say that it is somebody else's: it comes from this machine, and
/// `$server_options.proxy_rewrite` is not false.
fn speaks_for_others(stretch: &mut Stretch<'_>, session: &Session) -> bool {
    let is_local = {
        let state = session.lock();
        let address = state.record.peer_address.parse::<IpAddr>();
        !state.record.outbound && address.is_ok_and(|address| address.to_canonical().is_loopback())
    };
    is_local && options::integer_option(&mut stretch.txn, "proxy_rewrite", 1) != 0
}

/// Gives a connection the addresses that a proxy says.
fn take_proxied(stretch: &mut Stretch<'_>, session: &Arc<Session>, line: &str) {
    let Some(peer) = proxy::parse(line) else {
        tracing::warn!(session = ?session.id, line, "a proxy's line is malformed");
        return;
    };
    tracing::info!(session = ?session.id, peer = peer.address, "a proxy speaks for somebody");
    let change = SessionChange::Proxied(peer);
    stretch
        .effects
        .push(Effect::Change(Arc::clone(session), change));
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
    let (handler, shows, peer) = described(session);
    match before {
        Some(before) => redirect(stretch, session, &before, player),
        None => {
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
    let (handler, _, peer) = described(session);
    let (old_handler, _, _) = described(before);
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
    let (handler, shows, _) = described(session);
    let (old_handler, old_shows, _) = described(before);
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

/// A session's handler, whether it shows the server's messages, and where its user comes from.
fn described(session: &Session) -> (ObjId, bool, String) {
    let state = session.lock();
    let record = &state.record;
    (
        record.handler(),
        record.print_messages,
        record.peer_name().to_owned(),
    )
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
    let (handler, shows, _) = described(session);
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
