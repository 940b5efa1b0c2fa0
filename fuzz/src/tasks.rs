//! Stored tasks, and those of other servers.
//!
//! In: the tasks of a textdump. Out: nothing, or a panic where one that is taken over cannot be read again.

use moor_compiler::stopped::StopError;
use moor_dump::Tasks;
use moor_runtime::fuzzing::stored_machine;
use moor_runtime::{
    ImportedTask, StopReason, StoredTask, TaskId, stopped_rows, stored_task, task_row,
};
use moor_value::codec::HandleResolver;
use moor_value::{AnonRef, ObjId, WaifRef};
use moor_vm::{StateResolver, Vm};

use crate::imported::{forked, stopped};
use crate::source::number_of_builtin;
use crate::world::{World, run_task};

/// What a stored task needs from outside: builtins, and these handles.
pub struct Resolver<'a, H>(pub &'a mut H);

impl<H: HandleResolver> HandleResolver for Resolver<'_, H> {
    fn anon(&mut self, id: u64) -> Option<AnonRef> {
        self.0.anon(id)
    }

    fn waif(&mut self, id: u64, class: ObjId, owner: ObjId) -> Option<WaifRef> {
        self.0.waif(id, class, owner)
    }
}

impl<H: HandleResolver> StateResolver for Resolver<'_, H> {
    fn builtin(&self, name: &str) -> Option<u16> {
        number_of_builtin(name)
    }
}

/// Takes over the tasks, as an import does, and begins or goes on with each of them.
///
/// # Panics
/// A row that an import would write cannot be read, or a program breaks a rule of programs.
pub fn go_on<R: StateResolver>(tasks: &Tasks, format: u8, resolver: &mut R) {
    for task in &tasks.forked {
        // One whose text does not compile is refused.
        if let Ok((_, row)) = task_row(&forked(task)) {
            go_on_alone(&row, resolver);
        }
    }
    let suspended = tasks.suspended.iter().map(|task| stopped(task, false));
    let interrupted = tasks.interrupted.iter().map(|task| stopped(task, true));
    let known: Vec<ImportedTask> = suspended.chain(interrupted).collect();
    for row in stopped_rows(&known, format) {
        match row {
            Ok((_, row)) => go_on_alone(&row, resolver),
            Err(error) => {
                let is_defect = matches!(error.reason, StopReason::Stop(StopError::Verify(_)));
                assert!(!is_defect, "{error}");
            }
        }
    }
}

/// Encodes a task and reads it again, and tells what is shown of it.
///
/// # Panics
/// It is not read as it was.
pub fn round_trip<R: StateResolver>(task: &Vm, resolver: &mut R) {
    let bytes = task.encode();
    let again = Vm::decode(&bytes, resolver).expect("what was encoded is a task");
    assert_eq!(again.encode(), bytes);
    let _ = (task.stack_rows(), task.variables());
}

/// Tells a task to the servers that it may have come from, and takes it over from there.
///
/// # Panics
/// It is not taken over.
fn tell(row: &[u8]) {
    let Ok(StoredTask::Begun(task)) = stored_task(TaskId(1), row) else {
        return;
    };
    for format in [4, 17] {
        let Ok(told) = task.told(format) else {
            continue;
        };
        let rows = stopped_rows(std::slice::from_ref(&told.task), format);
        for error in rows.into_iter().filter_map(Result::err) {
            let is_large = matches!(error.reason, StopReason::Row(_));
            assert!(is_large, "{error}: {:?}", told.task);
        }
    }
}

fn go_on_alone<R: StateResolver>(row: &[u8], resolver: &mut R) {
    let (mut machine, value) = stored_machine(row, resolver).expect("what was stored is a task");
    round_trip(&machine, resolver);
    tell(row);
    if let Some(value) = value {
        machine.resume(value);
    }
    run_task(World::default(), machine);
}
