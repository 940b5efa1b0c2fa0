//! Anonymous objects and waifs that nothing refers to any more.
//!
//! In: handles that have died, and what only refers to each other. Out: their rows are gone; `:recycle` of an anonymous object, or of a waif's class,
//! has been called before, once. It is looked after at the end of every job, so that what a task drops is gone
//! before the next line of its user runs.

use moor_value::{Dead, Symbol, Value};
use moor_vm::{Start, WAIF_PREFIX};
use moor_world::{Entity, Transaction};

use crate::command::unasked_start;
use crate::run::start;
use crate::runtime::Runtime;
use crate::stretch::Stretch;

/// The verb that an object is told by.
const HOOK: &str = "recycle";

impl Runtime {
    /// Collects everything that has died since the last time.
    pub(crate) fn collect_orphans(&self) {
        self.collect(self.world.orphans());
    }

    /// Collects what has died, and what only refers to each other: `run_gc()`, and each checkpoint.
    pub fn collect_cycles(&self) {
        self.collect_orphans();
        self.collect(self.world.lost_cycles());
    }

    fn collect(&self, dead: Vec<Dead>) {
        if dead.is_empty() {
            return;
        }
        let mut txn = self.world.begin();
        let (heard, silent): (Vec<_>, Vec<_>) =
            dead.into_iter().partition(|dead| has_hook(&mut txn, *dead));
        drop(txn);
        if !silent.is_empty() {
            self.bury(|stretch| silent.iter().for_each(|dead| stretch.txn.collect(*dead)));
        }
        for dead in heard {
            self.bury(|stretch| {
                if let Some(begin) = farewell(stretch, dead) {
                    start(stretch, begin);
                }
                stretch.txn.collect(dead);
            });
        }
    }

    fn bury(&self, body: impl Fn(&mut Stretch<'_>)) {
        let done = self.run_stretch(self.new_task_id(), true, body);
        self.follow_up(done);
    }
}

/// Where the verb is looked for, and its name there.
fn hook_of(txn: &mut Transaction, dead: Dead) -> Option<(Entity, Symbol)> {
    match dead {
        Dead::Anon(id) => Some((Entity::anon(id), Symbol::intern(HOOK))),
        Dead::Waif(id) => {
            let class = txn.revive_waif(id)?.class();
            Some((
                class.into(),
                Symbol::intern(&format!("{WAIF_PREFIX}{HOOK}")),
            ))
        }
    }
}

fn has_hook(txn: &mut Transaction, dead: Dead) -> bool {
    hook_of(txn, dead).is_some_and(|(entity, name)| txn.find_callable_verb(entity, name).is_some())
}

/// The call of the verb, if there still is one.
fn farewell(stretch: &mut Stretch<'_>, dead: Dead) -> Option<Start> {
    let (entity, name) = hook_of(&mut stretch.txn, dead)?;
    let found = stretch.txn.find_callable_verb(entity, name)?;
    let this = match dead {
        Dead::Anon(id) => Value::Anon(stretch.runtime.world.revive_anon(id)),
        Dead::Waif(id) => Value::Waif(stretch.txn.revive_waif(id)?),
    };
    Some(unasked_start(stretch, &found, this, name))
}
