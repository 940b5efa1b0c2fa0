//! Tests of the whole crate, and what they share: a log in memory, a small world, short names for operations.

mod anonymous;
mod described;
mod history;
mod model;
mod parallel;
mod permissions;
mod reload;
mod resolution;
mod unique;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use moor_store::{
    AppendError, Batch, CommitLog, DurableCallback, LogStatus, Op, Seq, Table, WaitError,
};
use moor_value::{ErrorCode, ObjId, Symbol, Value};
use parking_lot::Mutex;

use crate::{Entity, Loader, MooResult, Transaction, VerbArgs, VerbInfo, World};

/// A log that applies batches to a map at once. It can be told to refuse.
#[derive(Default)]
struct MemoryLog {
    state: Mutex<LogState>,
}

#[derive(Default)]
struct LogState {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    last: u64,
    refuses: bool,
}

impl MemoryLog {
    fn rows(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.state.lock().rows.clone()
    }

    fn refuse(&self, refuses: bool) {
        self.state.lock().refuses = refuses;
    }
}

impl CommitLog for MemoryLog {
    fn append(&self, batch: Batch) -> Result<Seq, AppendError> {
        let mut state = self.state.lock();
        if state.refuses {
            return Err(AppendError::ReadOnly {
                reason: "told to".into(),
            });
        }
        for op in batch.ops() {
            match op {
                Op::Put { key, value, .. } => drop(state.rows.insert(key.to_vec(), value.to_vec())),
                Op::Delete { key, .. } => drop(state.rows.remove(key)),
            }
        }
        state.last += 1;
        Ok(Seq(state.last))
    }

    fn accepted(&self) -> Seq {
        Seq(self.state.lock().last)
    }

    fn durable(&self) -> Seq {
        self.accepted()
    }

    fn wait_durable(&self, _: Seq, _: Duration) -> Result<(), WaitError> {
        Ok(())
    }

    fn on_durable(&self, _: DurableCallback) {}

    fn status(&self) -> LogStatus {
        LogStatus::Ok
    }
}

/// The wizard of test worlds, who is also `#0` and owns itself.
const WIZARD: ObjId = ObjId(0);

fn world_on(log: Arc<MemoryLog>) -> Arc<World> {
    World::new(log, Table(0))
}

/// A world that has only the wizard.
fn small_world() -> (Arc<World>, Arc<MemoryLog>) {
    let log = Arc::new(MemoryLog::default());
    let world = world_on(log.clone());
    commit(&world, |tx| {
        tx.found_wizard();
        Ok(())
    });
    (world, log)
}

/// The same world, read back from its rows.
fn reloaded(log: &MemoryLog) -> Arc<World> {
    let mut loader = Loader::new(Arc::new(MemoryLog::default()), Table(0));
    for (key, value) in log.rows() {
        loader.row(&key, &value).expect("own rows decode");
    }
    loader.finish().expect("own rows are whole")
}

fn commit<R>(world: &Arc<World>, work: impl FnOnce(&mut Transaction) -> MooResult<R>) -> R {
    let mut tx = world.begin();
    let result = work(&mut tx).expect("the operation succeeds");
    tx.commit().expect("nobody else commits");
    result
}

fn symbol(name: &str) -> Symbol {
    Symbol::intern(name)
}

fn list(numbers: &[i64]) -> Vec<ObjId> {
    numbers.iter().copied().map(ObjId).collect()
}

fn objects(list: &moor_value::List) -> Vec<i64> {
    list.iter()
        .filter_map(|value| value.as_obj().map(|id| id.0))
        .collect()
}

impl Transaction {
    /// Makes the first object of a world and gives it the wizard flag, which nobody could grant yet.
    fn found_wizard(&mut self) {
        use crate::ids::Slot;
        use crate::ops::ObjectFlags;
        let flags = ObjectFlags::WIZARD.with(ObjectFlags::PROGRAMMER, true);
        self.write_value(Entity::WORLD, Slot::MAX_OBJECT, Value::Obj(WIZARD));
        self.write_value(WIZARD.into(), Slot::FLAGS, Value::Int(flags.bits()));
        self.write_value(WIZARD.into(), Slot::OWNER, Value::Obj(WIZARD));
    }

    fn get(&mut self, id: ObjId, name: &str) -> MooResult<Value> {
        self.get_property(WIZARD, id.into(), symbol(name))
    }

    fn set(&mut self, id: ObjId, name: &str, value: impl Into<Value>) -> MooResult<()> {
        self.set_property(WIZARD, id.into(), symbol(name), value.into())
    }

    fn add(&mut self, id: ObjId, name: &str, value: impl Into<Value>) -> MooResult<()> {
        self.add_property(WIZARD, id.into(), name, value.into(), WIZARD, "r")
    }

    fn child(&mut self, parents: &[ObjId]) -> MooResult<ObjId> {
        self.create(WIZARD, parents, WIZARD)
    }

    fn verb(&mut self, id: ObjId, names: &str) -> MooResult<usize> {
        let info = VerbInfo {
            owner: WIZARD,
            letters: "rxd",
            names,
        };
        self.add_verb(WIZARD, id.into(), info, VerbArgs::METHOD)
    }

    fn calls(&mut self, id: ObjId, name: &str) -> Option<ObjId> {
        self.find_callable_verb(id.into(), symbol(name))
            .and_then(|found| found.definer.as_object())
    }

    fn chparent(&mut self, id: ObjId, parents: &[ObjId]) -> MooResult<()> {
        self.chparents(WIZARD, id.into(), parents, None)
    }

    fn go(&mut self, what: ObjId, to: ObjId) -> MooResult<()> {
        self.raw_move(WIZARD, what, to, 0, true, 0).map(|_| ())
    }
}

fn error<T: std::fmt::Debug>(result: MooResult<T>) -> ErrorCode {
    result.expect_err("the operation is refused")
}
