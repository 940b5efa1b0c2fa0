//! Code that a host passes on, run as a task of a token's player.
//!
//! In: a token, source, a time. Out: one answer, when the task has ended and its commits are durable, or its time is
//! over. Whose words the answer becomes is the caller's knowledge.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use moor_store::Seq;
use moor_value::{List, ObjId, Str, Value};
use moor_vm::{AbortReason, Command, Start, Uncaught};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::ids::TaskId;
use crate::program;
use crate::release::Errand;
use crate::run;
use crate::runtime::Runtime;
use crate::task::Job;

/// Evaluations that are not over.
pub const EVALS_MAX: usize = 1_000;
/// The longest time that one may take.
pub const EVAL_TIME_MAX: Duration = Duration::from_secs(60);
/// Bytes that its source may have.
pub const EVAL_BYTES_MAX: usize = 1 << 20;

/// How an evaluation ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Evaluated {
    /// It returned this.
    Value(Value),
    /// It is no program.
    NotCompiled(Vec<String>),
    /// An error went uncaught.
    Raised {
        /// The error.
        code: Value,
        /// Its sentence.
        message: String,
        /// The traceback's lines.
        traceback: Vec<String>,
    },
    /// It was ended, for this reason.
    Aborted(&'static str),
    /// Its time was over; the task was killed.
    TimedOut,
}

/// Why code was not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// The token is none, or not valid any more.
    #[error("the token is not valid any more")]
    BadToken,
    /// The player is no programmer.
    #[error("the player is no programmer")]
    NotProgrammer,
    /// Too many are running.
    #[error("at the limit of {EVALS_MAX} evaluations")]
    Full,
    /// The source is too long.
    #[error("the code has more than {EVAL_BYTES_MAX} bytes")]
    TooLong,
    /// The runtime stops.
    #[error("the server is stopping")]
    Stopping,
}

/// Takes the answer of an evaluation. Called once, from any thread; must not block.
pub type EvalSink = Box<dyn FnOnce(Evaluated) + Send>;

/// Code that is to be run.
pub(crate) struct EvalJob {
    task: TaskId,
    player: ObjId,
    program: std::sync::Arc<moor_bytecode::Program>,
}

impl std::fmt::Debug for EvalJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvalJob")
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}

/// The evaluations that are not over.
#[derive(Default)]
pub(crate) struct Evals {
    /// How many tasks `open` has, so that other tasks need not take its lock.
    count: AtomicUsize,
    open: Mutex<FxHashMap<TaskId, Open>>,
}

struct Open {
    sink: EvalSink,
    /// Time since the daemon's start.
    deadline: Duration,
}

impl Evals {
    /// Whether this task is an evaluation.
    pub(crate) fn has(&self, task: TaskId) -> bool {
        self.count.load(Ordering::Acquire) > 0 && self.open.lock().contains_key(&task)
    }

    /// Adds an evaluation; gives it back when there is one of that number.
    fn add(&self, task: TaskId, open: Open) -> Result<(), Open> {
        let mut all = self.open.lock();
        if all.contains_key(&task) {
            return Err(open);
        }
        all.insert(task, open);
        self.count.store(all.len(), Ordering::Release);
        Ok(())
    }

    /// Whoever gets the sink is the only one that does.
    fn end(&self, task: TaskId) -> Option<EvalSink> {
        let mut all = self.open.lock();
        let open = all.remove(&task);
        self.count.store(all.len(), Ordering::Release);
        open.map(|open| open.sink)
    }

    fn overdue(&self, now: Duration) -> Vec<TaskId> {
        if self.count.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let all = self.open.lock();
        let late = all.iter().filter(|(_, open)| open.deadline <= now);
        late.map(|(task, _)| *task).collect()
    }
}

impl Runtime {
    /// Runs code with the permissions of a token's player; `sink` gets the answer. The time is bounded by
    /// [`EVAL_TIME_MAX`], and kept to about a second.
    ///
    /// # Errors
    /// See [`EvalError`]; then `sink` is dropped.
    pub fn eval(
        &self,
        token: &str,
        code: &str,
        timeout: Duration,
        sink: EvalSink,
    ) -> Result<(), EvalError> {
        if self.is_stopping() {
            return Err(EvalError::Stopping);
        }
        if code.len() > EVAL_BYTES_MAX {
            return Err(EvalError::TooLong);
        }
        let player = self.holder(token).ok_or(EvalError::BadToken)?;
        if !self.world.begin().is_programmer(player) {
            return Err(EvalError::NotProgrammer);
        }
        if self.evals.count.load(Ordering::Acquire) >= EVALS_MAX {
            return Err(EvalError::Full);
        }
        let program = match program::canonical(code, self.limits.features) {
            Ok((_, program)) => program,
            Err(errors) => {
                sink(Evaluated::NotCompiled(errors.messages()));
                return Ok(());
            }
        };
        let deadline = self.clock.steady() + timeout.min(EVAL_TIME_MAX);
        let job = EvalJob {
            task: self.open_eval(Open { sink, deadline }),
            player,
            program,
        };
        self.queue.submit(player, Job::Eval(Box::new(job)));
        Ok(())
    }

    /// Gives an evaluation the number of a new task.
    fn open_eval(&self, mut open: Open) -> TaskId {
        loop {
            let task = self.new_task_id();
            match self.evals.add(task, open) {
                Ok(()) => return task,
                Err(back) => open = back,
            }
        }
    }

    /// Runs the first stretch of an evaluation.
    pub(crate) fn run_eval(&self, job: &EvalJob) {
        let done = self.run_stretch(job.task, false, |stretch| {
            let player = job.player;
            let program = std::sync::Arc::clone(&job.program);
            let start = Start {
                verb: program::code_without_verb(program, player),
                this: Value::Obj(player),
                called_as: Str::EMPTY,
                args: Vec::new(),
                player,
                caller: Value::Obj(player),
                command: Command::default(),
            };
            run::start(stretch, start);
        });
        if done.is_none()
            && let Some(sink) = self.evals.end(job.task)
        {
            sink(Evaluated::Aborted("the disk refuses writes"));
        }
        // The time was over while the first stretch ran.
        if self.queue.contains(job.task) && !self.evals.has(job.task) {
            self.kill_parked(job.task);
            self.forget_task_row(job.task);
        }
        self.follow_up(done);
    }

    /// An evaluation's task has ended by the commit `needs`: it is answered when that is durable.
    pub(crate) fn eval_ended(&self, task: TaskId, ended: Evaluated, needs: Seq) {
        if let Some(sink) = self.evals.end(task) {
            self.once_durable(needs, Errand::Answer(sink, ended));
        }
    }

    /// Ends the evaluations whose time is over.
    pub(crate) fn end_overdue_evals(&self) {
        for task in self.evals.overdue(self.clock.steady()) {
            if let Some(sink) = self.evals.end(task) {
                self.kill_parked(task);
                self.forget_task_row(task);
                sink(Evaluated::TimedOut);
            }
        }
    }
}

impl Evaluated {
    /// An error that went uncaught.
    pub(crate) fn raised(error: &Uncaught) -> Self {
        Self::Raised {
            code: error.code.clone(),
            message: error.message.as_str().to_owned(),
            traceback: lines(&error.traceback),
        }
    }

    /// A task that was ended from outside.
    pub(crate) fn aborted(reason: AbortReason) -> Self {
        Self::Aborted(match reason {
            AbortReason::Ticks => "out of ticks",
            AbortReason::Seconds => "out of seconds",
            _ => "killed",
        })
    }
}

fn lines(list: &List) -> Vec<String> {
    let texts = list.iter().filter_map(Value::as_str);
    texts.map(|line| line.as_str().to_owned()).collect()
}
