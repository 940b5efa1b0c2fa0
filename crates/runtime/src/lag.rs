//! Stretches that take long: a line of the log, and `#0:handle_lagging_task(stack, seconds)`, as ToastStunt has it.
//!
//! In: a machine that has run, and how long. Out: the hook, which is called when the stretch is committed. How long a stretch may
//! take at most is not decided here.

use std::time::Duration;

use moor_value::{List, ObjId, Value};
use moor_vm::{Outcome, Verb, Vm};

use crate::effects::Effect;
use crate::hooks::{After, Hook};
use crate::options;
use crate::request::Request;
use crate::stretch::Stretch;

/// The hook of `#0`.
const HOOK: &str = "handle_lagging_task";
/// Seconds that are long where `$server_options.task_lag_threshold`, a float, does not say.
const THRESHOLD_S: f64 = 5.0;
/// A world that sets less than this many seconds wants to hear of nothing.
const THRESHOLD_MIN_S: f64 = 0.1;

/// Tells the world of a machine that took long to come to this end.
pub(crate) fn look(
    stretch: &mut Stretch<'_>,
    machine: &Vm,
    outcome: &Outcome<Request>,
    took: Duration,
    player: ObjId,
) {
    if took.as_secs_f64() < THRESHOLD_MIN_S {
        return;
    }
    // A machine that has come to its end does not know any more what it began with.
    if let Some(task) = stretch.runtime.queue.active.get(stretch.task) {
        tell(
            stretch,
            &task.verb,
            took,
            || stack(machine, outcome),
            player,
        );
    }
}

fn tell(
    stretch: &mut Stretch<'_>,
    verb: &Verb,
    took: Duration,
    stack: impl FnOnce() -> List,
    player: ObjId,
) {
    let threshold = options::float_option(&mut stretch.txn, "task_lag_threshold", THRESHOLD_S);
    let is_hook = verb.definer == Value::Obj(ObjId::SYSTEM) && verb.names.as_str() == HOOK;
    let seconds = took.as_secs_f64();
    if seconds < threshold || threshold < THRESHOLD_MIN_S || is_hook {
        return;
    }
    let (task, names) = (stretch.task.0, verb.names.as_str());
    tracing::warn!(task, seconds, definer = %verb.definer.to_literal(), verb = names, "a task lags");
    stretch.effects.push(Effect::Hook(Hook {
        handler: ObjId::SYSTEM,
        verb: Some(HOOK),
        args: vec![Value::List(stack()), Value::Float(seconds)],
        player,
        after: After::Nothing,
    }));
}

/// Where the task stands, as `callers(1)` would say it from above; nowhere, if it has returned.
fn stack(machine: &Vm, outcome: &Outcome<Request>) -> List {
    match outcome {
        Outcome::Raised(error) => error.stack.clone(),
        Outcome::Aborted(abort) => abort.stack.clone(),
        Outcome::Returned(_) => List::new(),
        Outcome::Suspended(_) => machine.stack_list(),
    }
}
