//! Runs of tasks that are over, for `finished_tasks()`, as ToastStunt has it where it is compiled so.
//!
//! In: a machine before it runs, and how its run ended. Out: what programs are told of the newest ones. It costs nothing while the
//! world does not ask for it (`$server_options.finished_tasks_limit`). What is kept holds no values of programs: it keeps no memory
//! busy and no anonymous object alive.

use std::collections::VecDeque;
use std::time::Duration;

use moor_value::{ObjId, Str, Value};
use moor_vm::Vm;
use moor_world::Entity;
use parking_lot::Mutex;

use crate::builtins::named_map;
use crate::effects::Effect;
use crate::stretch::Stretch;

/// Most runs that a world may have remembered.
pub(crate) const FINISHED_MAX: usize = 1_000;
/// Characters of the name of a call that are remembered: a pattern in a verb's names fits ever so long ones.
const NAME_CHARS_MAX: usize = 256;
/// What stands for a name where code has none, such as that of `eval()`.
const NO_NAME: &str = "N/A";

/// A run of a task, from where it began or went on to where it ended or waited, by the verb that it began in.
#[derive(Debug)]
pub(crate) struct FinishedTask {
    called_as: String,
    names: String,
    definer: ObjId,
    this: ObjId,
    receiver: ObjId,
    player: ObjId,
    programmer: ObjId,
    is_foreground: bool,
    is_suspended: bool,
    took: Duration,
}

/// The newest of them, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct FinishedTasks {
    list: Mutex<VecDeque<FinishedTask>>,
}

impl FinishedTask {
    /// The run of a machine that is about to begin, if the world wants to know; `None` of a machine without frames.
    pub(crate) fn begin(stretch: &mut Stretch<'_>, machine: &Vm) -> Option<Self> {
        if stretch.options.finished_tasks_max == 0 {
            return None;
        }
        let frame = machine.frames().last()?;
        let row = machine.stack_rows().into_iter().next()?;
        let verb = machine.verb_of(frame);
        let receiver = receiver(stretch, frame.this());
        Some(Self {
            called_as: cut(&row.name),
            names: cut(&verb.names),
            definer: verb.definer.as_obj().unwrap_or(ObjId::NOTHING),
            this: frame.this().as_obj().unwrap_or(receiver),
            receiver,
            player: frame.player(),
            programmer: frame.perms(),
            is_foreground: !stretch.is_background,
            is_suspended: false,
            took: Duration::ZERO,
        })
    }

    /// The machine has run for so long.
    pub(crate) fn ran(&mut self, took: Duration) {
        self.took += took;
    }

    /// The run is over, and told of when its stretch is committed.
    pub(crate) fn end(mut self, stretch: &mut Stretch<'_>, is_suspended: bool) {
        self.is_suspended = is_suspended;
        stretch.effects.push(Effect::Finished(Box::new(self)));
    }

    /// What programs see of it.
    fn to_value(&self) -> Value {
        named_map([
            ("foreground", Value::Int(i64::from(self.is_foreground))),
            ("fullverb", named(&self.names)),
            ("object", Value::Obj(self.definer)),
            ("player", Value::Obj(self.player)),
            ("programmer", Value::Obj(self.programmer)),
            ("receiver", Value::Obj(self.receiver)),
            ("suspended", Value::Int(i64::from(self.is_suspended))),
            ("this", Value::Obj(self.this)),
            ("time", Value::Float(self.took.as_secs_f64())),
            ("verb", named(&self.called_as)),
        ])
    }
}

impl FinishedTasks {
    /// Remembers one more; the oldest give way.
    pub(crate) fn add(&self, task: FinishedTask, limit: usize) {
        let mut list = self.list.lock();
        list.push_back(task);
        keep_newest(&mut list, limit);
    }

    /// Forgets the oldest beyond a limit that may be new.
    pub(crate) fn limit(&self, limit: usize) {
        keep_newest(&mut self.list.lock(), limit);
    }

    /// What programs see of them.
    pub(crate) fn to_values(&self) -> Vec<Value> {
        self.list
            .lock()
            .iter()
            .map(FinishedTask::to_value)
            .collect()
    }
}

fn keep_newest(list: &mut VecDeque<FinishedTask>, limit: usize) {
    let surplus = list.len().saturating_sub(limit);
    list.drain(..surplus);
}

/// The object with a number whose verbs a call on `this` finds; `#-1` for an anonymous object.
fn receiver(stretch: &mut Stretch<'_>, this: &Value) -> ObjId {
    match this {
        Value::Obj(this) => *this,
        other => {
            let found = stretch.receiver_entity(other).ok();
            found.and_then(Entity::as_object).unwrap_or(ObjId::NOTHING)
        }
    }
}

fn cut(name: &Str) -> String {
    name.as_str().chars().take(NAME_CHARS_MAX).collect()
}

fn named(name: &str) -> Value {
    match name {
        "" => NO_NAME.into(),
        name => name.into(),
    }
}
