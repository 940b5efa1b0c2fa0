//! What happens by the clock rather than by request: connections that never log in, hosts that stay
//! away, players who no longer exist, rows that nobody needs.

use std::sync::Arc;
use std::time::Duration;

use moor_store::Batch;
use moor_value::ObjId;

use crate::hooks::{After, Hook};
use crate::options;
use crate::runtime::Runtime;
use crate::session::Session;

/// How often the housekeeper looks around.
const ROUND: Duration = Duration::from_secs(1);

impl Runtime {
    /// The life of the housekeeper.
    pub(crate) fn keep_house(&self) {
        while self.queue.sleep(ROUND) {
            self.end_abandoned(self.limits.host_grace);
            self.end_stale();
            self.collect_orphans();
            let mut batch = Batch::new();
            self.garbage.sweep_into(&mut batch);
            if !batch.is_empty() {
                self.append_alone(batch);
            }
        }
    }

    /// Ends connections that have not logged in for too long and those whose player is no more.
    fn end_stale(&self) {
        let mut txn = None;
        for session in self.sessions.all() {
            let (player, handler, since_us, outbound) = {
                let state = session.lock();
                let record = &state.record;
                if state.closed {
                    continue;
                }
                (
                    record.player(),
                    record.handler(),
                    record.since_us,
                    record.outbound,
                )
            };
            let txn = txn.get_or_insert_with(|| self.world.begin());
            if player >= ObjId::SYSTEM {
                if !txn.valid_object(player) {
                    self.end_with(
                        &session,
                        handler,
                        player,
                        ("recycle_msg", "*** Recycled ***"),
                    );
                }
                continue;
            }
            let waited = Duration::from_micros(self.wall_us().saturating_sub(since_us));
            let limit = options::connect_timeout(txn, handler);
            if !outbound && limit.is_some_and(|limit| waited >= limit) {
                let message = ("timeout_msg", "*** Timed-out waiting for login. ***");
                self.end_with(&session, handler, player, message);
            }
        }
    }

    /// Ends a session after `user_disconnected`, with one of the server's messages.
    fn end_with(
        &self,
        session: &Arc<Session>,
        handler: ObjId,
        player: ObjId,
        message: (&'static str, &'static str),
    ) {
        let shows = {
            let mut state = session.lock();
            if std::mem::replace(&mut state.closed, true) {
                return;
            }
            state.record.print_messages
        };
        let mut hook = Hook::about(handler, "user_disconnected", player);
        hook.after = After::EndSession {
            session: Arc::clone(session),
            message: shows.then_some(message),
        };
        self.submit_hook(hook);
    }
}
