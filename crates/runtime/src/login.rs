//! Lines of connections that have not logged in.
//!
//! In: a line. Out: `do_login_command` of the connection's handler, and, when it names a player,
//! the connection's switch to that player with the server's messages and hooks.

use std::sync::Arc;

use moor_value::{ObjId, Value};

use crate::command::{call_server_verb, word_values};
use crate::effects::{Effect, EndReason};
use crate::hooks::Hook;
use crate::options;
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

/// Makes a connection a player's. `created`: the player did not exist before this log-in.
pub(crate) fn connect(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    player: ObjId,
    created: bool,
) {
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

/// A player logs in who is connected already: the old connection ends in favour of the new one.
fn redirect(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    before: &Arc<Session>,
    player: ObjId,
) {
    let (handler, shows, peer) = described(session);
    let (old_handler, old_shows, _) = described(before);
    if old_shows {
        let default = "*** Redirecting connection to new port ***";
        show(stretch, before, old_handler, "redirect_from_msg", default);
    }
    if shows {
        let default = "*** Redirecting old connection to this port ***";
        show(stretch, session, handler, "redirect_to_msg", default);
    }
    stretch
        .effects
        .push(Effect::End(Arc::clone(before), EndReason::Redirected));
    stretch
        .effects
        .push(Effect::Switch(Arc::clone(session), player));
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
        stretch
            .effects
            .push(Effect::Hook(Hook::about(*object, hook, player)));
    }
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

/// `switch_player()`: makes a connection another player's without messages and hooks. Whoever was
/// connected as that player is disconnected.
pub(crate) fn switch(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    player: ObjId,
    silent: bool,
) {
    if let Some(before) = stretch.session_of(player) {
        stretch
            .effects
            .push(Effect::End(before, EndReason::Redirected));
    }
    stretch
        .effects
        .push(Effect::Switch(Arc::clone(session), player));
    if !silent {
        tracing::info!(session = ?session.id, player = player.0, "switched");
    }
}
