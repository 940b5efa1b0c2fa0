//! What happens by the clock rather than by request: connections that never log in, hosts that stay
//! away, players who no longer exist, ends that hosts have not heard of, rows that nobody needs, word of a disk that
//! refuses writes.

use std::sync::Arc;
use std::time::Duration;

use moor_store::{Batch, LogStatus};
use moor_value::{ObjId, Value};

use crate::hooks::{After, Hook};
use crate::options;
use crate::runtime::Runtime;
use crate::session::{Session, SessionEvent};

/// How often the housekeeper looks around.
const ROUND: Duration = Duration::from_secs(1);
/// What users are told when the disk refuses writes.
const DISK_FAILS: &str = "*** The disk of this world refuses writes. Nothing is lost: what you see next may come late, and nothing can be changed until it takes them again. ***";
/// What they are told when that is over.
const DISK_IS_BACK: &str = "*** The disk of this world takes writes again. ***";

impl Runtime {
    /// The life of the housekeeper.
    pub(crate) fn keep_house(&self) {
        while self.queue.sleep(ROUND) {
            self.end_abandoned(self.limits.host_grace);
            self.end_stale();
            self.repeat_ends();
            self.end_overdue_evals();
            self.collect_orphans();
            self.watch_disk();
            self.measure();
            let mut batch = Batch::new();
            self.garbage.sweep_into(&mut batch);
            if !batch.is_empty() {
                self.append_alone(batch);
            }
        }
    }

    /// Tells users that the disk refuses writes and, later, that it takes them again; then calls
    /// the hooks that could not be called in between.
    fn watch_disk(&self) {
        let failed = matches!(self.log.status(), LogStatus::Failed { .. });
        for session in self.sessions.all() {
            {
                let mut state = session.lock();
                let silent = !state.record.print_messages || state.closed;
                if silent || state.told_read_only == failed {
                    continue;
                }
                let notice = if failed { DISK_FAILS } else { DISK_IS_BACK };
                if state.outbox.push_ahead(SessionEvent::text(notice)) {
                    state.told_read_only = failed;
                }
            }
            self.release(&session);
        }
        if !failed {
            for hook in self.waiting.take_hooks() {
                self.submit_hook(hook);
            }
        }
    }

    /// Hands out again what hosts have not acknowledged of sessions that have ended: no later event will show a host
    /// that the last ones were lost on their way.
    fn repeat_ends(&self) {
        for session in self.sessions.all_ended() {
            let mut state = session.lock();
            if state.attached
                && let Some((first, events)) = state.outbox.replay(0)
            {
                let host = state.record.host();
                self.outlet.events(host, session.id, first, events);
            }
        }
    }

    /// Ends connections that have not logged in for too long and those whose player is no more.
    fn end_stale(&self) {
        let mut txn = None;
        for session in self.sessions.all() {
            let (player, handler, active_at, outbound) = {
                let state = session.lock();
                let record = &state.record;
                if state.closed {
                    continue;
                }
                (
                    record.player(),
                    record.handler(),
                    state.active_at,
                    record.outbound,
                )
            };
            let txn = txn.get_or_insert_with(|| self.world.begin());
            if player >= ObjId::SYSTEM {
                if !txn.valid_object(player) {
                    let message = ("recycle_msg", "*** Recycled ***");
                    // No hook: the player whom it would name is no more.
                    self.end_with(&session, handler, player, None, message);
                }
                continue;
            }
            let waited = self.clock.steady().saturating_sub(active_at);
            let limit = options::connect_timeout(txn, handler);
            if !outbound && limit.is_some_and(|limit| waited >= limit) {
                let message = ("timeout_msg", "*** Timed-out waiting for login. ***");
                self.end_with(
                    &session,
                    handler,
                    player,
                    Some("user_disconnected"),
                    message,
                );
            }
        }
    }

    /// Ends a session after its hook, if any, with one of the server's messages.
    pub(crate) fn end_with(
        &self,
        session: &Arc<Session>,
        handler: ObjId,
        player: ObjId,
        verb: Option<&'static str>,
        message: (&'static str, &'static str),
    ) {
        let shows = {
            let mut state = session.lock();
            if std::mem::replace(&mut state.closed, true) {
                return;
            }
            state.record.print_messages
        };
        let after = After::EndSession {
            session: Arc::clone(session),
            message: shows.then_some(message),
        };
        let hook = Hook {
            handler,
            verb,
            args: vec![Value::Obj(player)],
            player,
            after,
        };
        self.submit_hook(hook);
    }
}
