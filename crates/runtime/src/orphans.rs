//! Anonymous objects and waifs that nothing refers to any more.
//!
//! In: handles that have died. Out: their rows are gone; an anonymous object's `:recycle` has been
//! called before.

use moor_value::{Dead, Value};

use crate::command::call_server_value;
use crate::runtime::Runtime;

impl Runtime {
    /// Collects everything that has died since the last time.
    pub(crate) fn collect_orphans(&self) {
        for dead in self.world.orphans() {
            let id = self.new_task_id();
            let done = self.run_stretch(id, true, |stretch| {
                if let Dead::Anon(handle) = dead {
                    let this = Value::Anon(self.world.revive_anon(handle));
                    call_server_value(stretch, &this, "recycle");
                }
                stretch.txn.collect(dead);
            });
            self.follow_up(done);
        }
    }
}
