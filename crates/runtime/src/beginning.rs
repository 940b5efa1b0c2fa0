//! The first things that happen in a world when the daemon has started.
//!
//! In: who was connected to the server that wrote an imported database, the operator's scripts. Out: `#0.maxint` and `#0.minint` as
//! they are here, `#0:do_start_script()` for each script before anything else runs, then `user_disconnected` for those users,
//! `#0:server_started()`. What came before a restart of this daemon is in `restore`: its users are still there.

use std::cell::RefCell;

use moor_value::{ObjId, Symbol, Value};
use moor_world::{Entity, Transaction};

use crate::command::call_server_verb;
use crate::hooks::Hook;
use crate::options::property;
use crate::run::Ended;
use crate::runtime::Runtime;

/// Properties of `#0` that ToastStunt sets at each start, where a world has them. Sic: its smallest integer is not the
/// smallest that it can compute with.
const INTEGER_LIMITS: [(&str, i64); 2] = [("maxint", i64::MAX), ("minint", -i64::MAX)];

/// Somebody who was connected when an imported database was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportedConnection {
    /// The player; negative for one who had not logged in.
    pub player: ObjId,
    /// The object whose verbs handled the connection.
    pub handler: ObjId,
}

impl Runtime {
    /// What comes before all tasks, on the calling thread, which needs as much stack as a worker's.
    pub(crate) fn prepare(&self) {
        self.set_integer_limits();
        for lines in &self.limits.start_scripts {
            self.run_start_script(lines);
        }
    }

    /// `#0:do_start_script(line, ...)`, as a task of nobody. What becomes of it is in the log, as in ToastStunt.
    fn run_start_script(&self, lines: &[String]) {
        let outcome = RefCell::new(String::new());
        let done = self.run_stretch(self.new_task_id(), false, |stretch| {
            let args = lines
                .iter()
                .map(|line| Value::from(line.as_str()))
                .collect();
            let (system, nobody) = (ObjId::SYSTEM, ObjId::NOTHING);
            let ended = call_server_verb(stretch, system, "do_start_script", args, nobody, "");
            *outcome.borrow_mut() = match ended {
                Ended::Returned(value) => format!("=> {}", value.to_literal()),
                Ended::Parked => "*Suspended*".to_owned(),
                Ended::Failed => "*Aborted*".to_owned(),
            };
        });
        match done {
            Some(_) => tracing::info!(target: "moo", "SCRIPT: {}", outcome.borrow()),
            None => tracing::error!("a start script was not run: the disk refuses writes"),
        }
        self.follow_up(done);
    }

    /// Begins: the hooks run on worker threads.
    pub(crate) fn begin(&self, departed: &[ImportedConnection]) {
        for ImportedConnection { player, handler } in departed {
            self.submit_hook(Hook::about(*handler, "user_disconnected", *player));
        }
        self.submit_hook(Hook::of_system("server_started", Vec::new()));
    }

    fn set_integer_limits(&self) {
        if stale_limits(&mut self.world.begin()).next().is_none() {
            return;
        }
        let done = self.run_stretch(self.new_task_id(), true, |stretch| {
            let system = Entity::object(ObjId::SYSTEM);
            let owner = stretch.txn.owner(system);
            let stale: Vec<_> = stale_limits(&mut stretch.txn).collect();
            for (name, limit) in stale {
                let name = Symbol::intern(name);
                let set = stretch
                    .txn
                    .set_property(owner, system, name, Value::Int(limit));
                if let Err(code) = set {
                    tracing::warn!(%name, code = code.name(), "the limit of integers is not told");
                }
            }
        });
        self.follow_up(done);
    }
}

/// The properties that are there and say something else.
fn stale_limits(txn: &mut Transaction) -> impl Iterator<Item = (&'static str, i64)> {
    INTEGER_LIMITS.into_iter().filter(|(name, limit)| {
        property(txn, ObjId::SYSTEM, name).is_some_and(|value| value.as_int() != Some(*limit))
    })
}
