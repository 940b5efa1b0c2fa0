//! Verbs that the server calls of its own accord: the hooks of `#0` and of listeners' handlers.
//!
//! In: what happened. Out: a [`Hook`] for a worker thread, which knows how it runs; an answer at once where somebody
//! waits for it.

use std::cell::Cell;
use std::sync::Arc;

use moor_value::{ObjId, Value};

use crate::command::call_server_verb;
use crate::run::Ended;
use crate::runtime::Runtime;
use crate::session::Session;

/// One call of a hook.
#[derive(Debug)]
pub(crate) struct Hook {
    /// The object whose verb is called, if it has it.
    pub(crate) handler: ObjId,
    /// The verb's name; `None` where only what follows is to be done.
    pub(crate) verb: Option<&'static str>,
    /// The verb's arguments.
    pub(crate) args: Vec<Value>,
    /// The `player` of the task.
    pub(crate) player: ObjId,
    /// What follows the hook's first stretch.
    pub(crate) after: After,
}

/// What follows a hook's first stretch.
#[derive(Debug)]
pub(crate) enum After {
    /// Nothing.
    Nothing,
    /// The session is told why it ends, and ends.
    EndSession {
        /// The session.
        session: Arc<Session>,
        /// The property of `$server_options` that words the message, and its default; nothing when
        /// the user is gone already.
        message: Option<(&'static str, &'static str)>,
    },
}

impl Hook {
    /// A hook that concerns one player or connection, as `user_connected(player)` and its like.
    pub(crate) fn about(handler: ObjId, verb: &'static str, player: ObjId) -> Self {
        Self {
            handler,
            verb: Some(verb),
            args: vec![Value::Obj(player)],
            player,
            after: After::Nothing,
        }
    }

    /// The hook of a session that `boot_player()` ends; the session ends after it.
    pub(crate) fn booted(session: Arc<Session>) -> Self {
        let (handler, player, shows) = {
            let state = session.lock();
            let record = &state.record;
            (record.handler(), record.player(), record.print_messages)
        };
        let message = shows.then_some(("boot_msg", "*** Disconnected ***"));
        Self {
            after: After::EndSession { session, message },
            ..Self::about(handler, "user_disconnected", player)
        }
    }

    /// A hook of `#0` without a player, as `server_started()` and `checkpoint_started()`.
    pub(crate) fn of_system(verb: &'static str, args: Vec<Value>) -> Self {
        Self {
            handler: ObjId::SYSTEM,
            verb: Some(verb),
            args,
            player: ObjId::NOTHING,
            after: After::Nothing,
        }
    }
}

impl Runtime {
    /// Calls `#0:handle_signal(name)`. Whether the world takes care of the signal, and the daemon need not: as in
    /// ToastStunt, whenever the verb does anything but return a false value.
    pub fn handles_signal(&self, name: &str) -> bool {
        let is_handled = Cell::new(false);
        let done = self.run_stretch(self.new_task_id(), false, |stretch| {
            let args = vec![Value::from(name)];
            let nobody = ObjId::NOTHING;
            let ended = call_server_verb(stretch, ObjId::SYSTEM, "handle_signal", args, nobody, "");
            is_handled.set(!matches!(ended, Ended::Returned(value) if !value.is_true()));
        });
        self.follow_up(done);
        is_handled.get()
    }
}
