//! Errors that no program handled, and tasks that ran out of ticks or seconds.
//!
//! In: the error with its traceback. Out: the hook of `#0` that may take care of it, else the
//! traceback for the player.

use moor_value::{List, ObjId, Value};
use moor_vm::{Abort, AbortReason, Uncaught, Vm};

use crate::command::server_start;
use crate::run::{Ended, run_machine};
use crate::stretch::Stretch;

/// An error reached the bottom of its task's stack.
pub(crate) fn error(stretch: &mut Stretch<'_>, error: &Uncaught, player: ObjId) {
    let args = vec![
        error.code.clone(),
        Value::Str(error.message.clone()),
        error.value.clone(),
        Value::List(error.stack.clone()),
        Value::List(error.traceback.clone()),
    ];
    if !is_handled(stretch, "handle_uncaught_error", args, player) {
        show(stretch, &error.traceback, player);
    }
}

/// A task was ended from outside.
pub(crate) fn abort(stretch: &mut Stretch<'_>, abort: &Abort, player: ObjId) {
    let resource = match abort.reason {
        AbortReason::Ticks => "ticks",
        AbortReason::Seconds => "seconds",
        _ => return,
    };
    let args = vec![
        Value::from(resource),
        Value::List(abort.stack.clone()),
        Value::List(abort.traceback.clone()),
    ];
    if !is_handled(stretch, "handle_task_timeout", args, player) {
        show(stretch, &abort.traceback, player);
    }
}

/// Whether the hook of `#0` exists and takes care: it returns a true value or goes on later. An
/// error in the hook itself is shown, and then the first one too.
fn is_handled(
    stretch: &mut Stretch<'_>,
    hook: &'static str,
    args: Vec<Value>,
    player: ObjId,
) -> bool {
    let Some(start) = server_start(stretch, ObjId::SYSTEM, hook, args, player, "") else {
        return false;
    };
    stretch.begin_limits(true);
    if stretch.is_handling_error {
        return false;
    }
    stretch.is_handling_error = true;
    let ended = run_machine(stretch, Box::new(Vm::new(start)), player);
    stretch.is_handling_error = false;
    match ended {
        Ended::Returned(value) => value.is_true(),
        Ended::Parked => true,
        Ended::Failed => false,
    }
}

/// Shows a traceback to the player, or to the log when the player is not connected.
fn show(stretch: &mut Stretch<'_>, traceback: &List, player: ObjId) {
    let connected = stretch.session_of(player).is_some();
    for line in traceback.iter().filter_map(Value::as_str) {
        if connected {
            stretch.tell(player, line.as_str());
        } else {
            tracing::info!(task = stretch.task.0, "{}", line.as_str());
        }
    }
}
