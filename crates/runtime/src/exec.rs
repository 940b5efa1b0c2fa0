//! Programs of the machine that wizards' code runs (`exec()`), between the commit that asks and the answer.
//!
//! In: wishes of committed stretches; durable commits; tasks that are killed or whose time is over. Out: each program
//! started at most once, on a thread of its own and only when its commit is durable; the waiting task woken with
//! `{code, standard output, standard error}`. Which programs there are, and how they are watched, is not known here.
//!
//! A wish lives in memory only: after a restart its task goes on with `E_INTRPT`, and the program has ended.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use moor_files::executables::{Bounds, Call, Cancel, Ended, Executable, ExecutableError};
use moor_store::Seq;
use moor_value::{ErrorCode, Value};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::builtins::binary_from_bytes;
use crate::cluster::WorkerRequestId;
use crate::ids::TaskId;
use crate::release::Errand;
use crate::runtime::Runtime;
use crate::task::Failure;

/// How long a program may run; then it is ended.
pub(crate) const EXEC_TIME_MAX: Duration = Duration::from_secs(600);
/// How long a task waits: also for the disk, before the program starts.
pub(crate) const EXEC_WAIT_MAX: Duration = Duration::from_secs(660);
/// Programs that run or wait for the disk; one more raises `E_QUOTA`.
pub(crate) const PROGRAMS_MAX: usize = 64;
/// Bytes that a program may write, to both outputs together.
pub(crate) const OUTPUT_BYTES_MAX: usize = 4 << 20;

/// A wish of a task.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// What the task waits for.
    pub(crate) request: WorkerRequestId,
    /// The task.
    pub(crate) task: TaskId,
    /// The program.
    pub(crate) executable: Executable,
    /// What it is run with.
    pub(crate) call: Call,
}

/// The programs that run, and those that wait for the disk.
#[derive(Default)]
pub(crate) struct Programs {
    open: Mutex<FxHashMap<WorkerRequestId, Open>>,
}

struct Open {
    cancel: Cancel,
    /// The thread that waits for the program's end, once it was started.
    thread: Option<JoinHandle<()>>,
}

impl Programs {
    /// Whether one more program may be asked for.
    pub(crate) fn has_room(&self) -> bool {
        self.open.lock().len() < PROGRAMS_MAX
    }

    /// Ends all programs.
    pub(crate) fn stop(&self) {
        let open = std::mem::take(&mut *self.open.lock());
        for program in open.values() {
            program.cancel.say();
        }
        for thread in open.into_values().filter_map(|program| program.thread) {
            // A panic is in the log already.
            let _ = thread.join();
        }
    }

    fn add(&self, request: WorkerRequestId, cancel: Cancel) {
        let thread = None;
        self.open.lock().insert(request, Open { cancel, thread });
    }

    fn cancel_of(&self, request: WorkerRequestId) -> Option<Cancel> {
        let open = self.open.lock();
        open.get(&request).map(|open| open.cancel.clone())
    }

    /// Notes the thread of a program, unless it has ended already.
    fn started(&self, request: WorkerRequestId, thread: JoinHandle<()>) {
        if let Some(open) = self.open.lock().get_mut(&request) {
            open.thread = Some(thread);
        }
    }

    fn forget(&self, request: WorkerRequestId) {
        self.open.lock().remove(&request);
    }
}

impl Runtime {
    /// The task that asked waits: the program is started once `needs` is durable.
    pub(crate) fn exec(&self, wish: Wish, needs: Seq) {
        let (task, request) = (wish.task, wish.request);
        let cancel = match Cancel::new() {
            Ok(cancel) => cancel,
            Err(error) => {
                let answer = answer_of(Err(error.into()), usize::MAX);
                self.queue.answer(task, request, answer);
                return;
            }
        };
        self.programs.add(request, cancel);
        // A kill that came before the addition has found nothing to end.
        if !self.queue.waits_for(task, request) {
            self.cancel_exec(request);
        }
        self.once_durable(needs, Errand::Program(wish));
    }

    /// Starts a program, unless the server stops.
    pub(crate) fn begin_program(&self, wish: Wish) {
        let (task, request) = (wish.task, wish.request);
        let (Some(runtime), Some(cancel)) = (self.me.upgrade(), self.programs.cancel_of(request))
        else {
            return;
        };
        let thread = std::thread::Builder::new()
            .name("exec".to_owned())
            .spawn(move || runtime.run_program(wish, &cancel));
        match thread {
            Ok(thread) => self.programs.started(request, thread),
            Err(error) => {
                self.programs.forget(request);
                let answer = answer_of(Err(error.into()), usize::MAX);
                self.queue.answer(task, request, answer);
            }
        }
    }

    /// Nobody waits for a program any more: it is ended, or not started.
    pub(crate) fn cancel_exec(&self, request: WorkerRequestId) {
        if let Some(cancel) = self.programs.cancel_of(request) {
            cancel.say();
        }
    }

    /// The life of a program's thread.
    fn run_program(self: Arc<Self>, wish: Wish, cancel: &Cancel) {
        let Wish {
            request,
            task,
            executable,
            call,
        } = wish;
        let name = call.args.first().cloned().unwrap_or_default();
        tracing::info!(task = task.0, program = name, "exec");
        let bounds = Bounds {
            time_max: EXEC_TIME_MAX,
            output_bytes_max: OUTPUT_BYTES_MAX,
        };
        let ended = executable.run(call, bounds, cancel);
        if let Err(error) = &ended {
            tracing::info!(task = task.0, program = name, %error, "exec");
        }
        let string_bytes_max = self.options().value_limits.string_bytes_max;
        self.programs.forget(request);
        self.queue
            .answer(task, request, answer_of(ended, string_bytes_max));
    }
}

/// What the task gets: `{code, standard output, standard error}`, the outputs as binary strings.
fn answer_of(
    ended: Result<Ended, ExecutableError>,
    string_bytes_max: usize,
) -> Result<Value, Failure> {
    let failure = |code, message| Failure { code, message };
    let ended = ended.map_err(|error| {
        let code = match error {
            ExecutableError::TooMuch { .. } => ErrorCode::Quota,
            _ => ErrorCode::Exec,
        };
        failure(code, error.to_string())
    })?;
    let outputs = [ended.stdout, ended.stderr].map(|bytes| binary_from_bytes(&bytes));
    if outputs.iter().any(|text| text.len() > string_bytes_max) {
        let message = format!("the program wrote a string of more than {string_bytes_max} bytes");
        return Err(failure(ErrorCode::Quota, message));
    }
    let [stdout, stderr] = outputs.map(|text| Value::from(text.as_str()));
    let code = Value::Int(i64::from(ended.code));
    Ok(Value::from(vec![code, stdout, stderr]))
}
