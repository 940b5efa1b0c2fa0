//! Worker threads: jobs become stretches, stretches are run until they commit.
//!
//! In: jobs from the queue. Out: commits. What a line means is in `command` and `login`, what a
//! builtin does in `builtins`; this file knows retries, tasks and their machines.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use moor_value::{ObjId, Value};
use moor_vm::{Outcome, Start, Vm};

use crate::command;
use crate::effects::{Effect, EndReason};
use crate::eval::Evaluated;
use crate::finished::FinishedTask;
use crate::hooks::{After, Hook};
use crate::http_read::{self, Heard};
use crate::ids::TaskId;
use crate::options;
use crate::request::Request;
use crate::runtime::Runtime;
use crate::session::{Session, SessionEvent, Taken};
use crate::stretch::{Refused, Stretch};
use crate::tally::{self, Counter};
use crate::task::{ActiveTask, Awaited, Begun, Failure, Job, TaskStatus, Wake};
use crate::tasks;
use crate::uncaught;
use crate::{lag, lanes};

/// A stretch that lost so many conflicts runs with the commit turn.
const ATTEMPTS_MAX: u32 = 8;
/// How long a task waits that cannot go on because the store takes no writes.
const READ_ONLY_RETRY: Duration = Duration::from_secs(2);
/// What a user is told whose command could not be carried out.
const READ_ONLY_NOTICE: &str =
    "*** That was not done: the world cannot be changed while its disk refuses writes. ***";

/// A line that a task has waited for.
#[derive(Clone, Copy)]
struct Line<'a> {
    session: &'a Arc<Session>,
    taken: &'a Taken,
    /// What it is to the task.
    awaited: Awaited,
}

/// As what the end of a stretch is counted.
fn outcome_of<T>(committed: &Result<T, Refused>) -> Counter {
    match committed {
        Ok(_) => Counter::Commits,
        Err(Refused::Conflict) => Counter::Conflicts,
        Err(Refused::WantsTurn) => Counter::Turns,
        Err(Refused::ReadOnly(_)) => Counter::Refusals,
    }
}

/// A task whose stretch is run, until this is dropped.
struct Leaving<'a>(&'a Runtime, TaskId);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.queue.leave(self.1);
    }
}

/// How the first stretch of some code ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It returned this.
    Returned(Value),
    /// It waits, as a task of its own.
    Parked,
    /// It failed or was ended; whoever is concerned has been told.
    Failed,
}

impl Runtime {
    /// The life of the worker thread of this number.
    pub(crate) fn work(&self, number: usize) {
        lanes::enter(number);
        let mut before = None;
        loop {
            match self.queue.next(&*self.clock, before) {
                Wake::Stop => return,
                Wake::Job(family, job) => {
                    before = Some(family);
                    self.run_and_collect(job);
                }
            }
        }
    }

    /// Runs the job that [`Runtime::burst_is_over`] has left to the caller, unless a worker thread was quicker. Defects of the server that
    /// it meets are caught. The thread needs as much stack as a worker's.
    pub fn run_one(&self) {
        if let Some((family, job)) = self.queue.take() {
            self.run_and_collect(job);
            self.queue.finish(family);
        }
    }

    fn run_and_collect(&self, job: Job) {
        self.run_guarded(job);
        if catch_unwind(AssertUnwindSafe(|| self.collect_orphans())).is_err() {
            tracing::error!("collecting orphans panicked");
        }
    }

    /// The life of a relief thread: it steps in when every worker thread is busy for long.
    pub(crate) fn relieve(&self) {
        let mut before = None;
        while let Wake::Job(family, job) = self.queue.next_neglected(before) {
            before = Some(family);
            self.run_guarded(job);
        }
    }

    /// Runs a job; a defect of the server costs this job and nothing else.
    fn run_guarded(&self, job: Job) {
        let session = match &job {
            Job::Line(session) => Some(Arc::clone(session)),
            _ => None,
        };
        if catch_unwind(AssertUnwindSafe(|| self.run_job(job))).is_err() {
            tracing::error!(session = ?session.as_ref().map(|session| session.id), "a job panicked");
            if let Some(session) = session {
                self.line_is_over(&session);
            }
        }
    }

    fn run_job(&self, job: Job) {
        match job {
            Job::Line(session) => self.counted(Counter::Lines, || self.run_line(&session)),
            Job::Command(player, line) => {
                let id = self.new_task_id();
                let done = self.run_stretch(id, false, |stretch| {
                    command::run(stretch, None, player, ObjId::SYSTEM, &line);
                });
                self.follow_up(done);
            }
            Job::Flush(session, line) => {
                let done = self.run_stretch(self.new_task_id(), false, |stretch| {
                    command::flush(stretch, &session, true, line.number);
                });
                if done.is_none() {
                    self.tell_unstored(&session, line.number);
                }
                self.follow_up(done);
            }
            Job::Task(id) => self.counted(Counter::Tasks, || self.run_task(id)),
            Job::Hook(hook) => self.counted(Counter::Hooks, || self.run_hook(hook)),
            Job::SignIn(session, player) => self.sign_in(&session, player),
            Job::Eval(job) => self.run_eval(&job),
        }
    }

    /// Runs a session's next line.
    fn run_line(&self, session: &Arc<Session>) {
        let (taken, reading) = {
            let mut state = session.lock();
            let (held, disable_oob) = (state.is_held(), state.record.disable_oob);
            let Some(taken) = state.input.take(held, disable_oob) else {
                state.busy = false;
                return;
            };
            state.running_line = taken.line.number;
            let reading = if taken.out_of_band {
                None
            } else {
                state.reading.take()
            };
            (taken, reading)
        };
        let begun = reading.and_then(|task| {
            let begun = self.queue.begin_with_line(task, &taken.line.text);
            begun.map(|begun| (task, begun))
        });
        match begun {
            Some((task, (begun, awaited))) => {
                let line = Line {
                    session,
                    taken: &taken,
                    awaited,
                };
                self.run_begun(task, begun, Some(line));
            }
            None => self.run_fresh_line(session, &taken),
        }
        // What the line has dropped is gone before the next one runs.
        self.collect_orphans();
        self.line_is_over(session);
    }

    /// Runs a line that no task was waiting for.
    fn run_fresh_line(&self, session: &Arc<Session>, taken: &Taken) {
        let id = self.new_task_id();
        session.lock().last_task = id;
        let began = self.clock.steady();
        let done = self.run_stretch(id, false, |stretch| {
            stretch.session = Some(Arc::clone(session));
            command::run_line(stretch, session, taken);
            finish_line(stretch, session, taken);
        });
        self.meters
            .command(self.clock.steady().saturating_sub(began));
        if done.is_none() {
            self.tell_unstored(session, taken.line.number);
        }
        self.follow_up(done);
    }

    /// The session may run its next line.
    pub(crate) fn line_is_over(&self, session: &Arc<Session>) {
        {
            let mut state = session.lock();
            state.busy = false;
            state.running_line = None;
        }
        self.submit_input(session);
    }

    /// Goes on with a task, unless it was killed.
    fn run_task(&self, id: TaskId) {
        if let Some(begun) = self.queue.begin(id) {
            self.run_begun(id, begun, None);
        }
    }

    /// Goes on with a task; with a line, it was waiting for that line.
    fn run_begun(&self, id: TaskId, begun: Begun, line: Option<Line<'_>>) {
        if let Some(request) = begun.overdue {
            self.cancel_request(request, "timed_out");
        }
        let silence = self.silence_of(id);
        let done = self.run_stretch(id, true, |stretch| {
            stretch.local = begun.local.clone();
            stretch.family = begun.family;
            stretch.session = line.map(|line| Arc::clone(line.session));
            go_on(stretch, &begun, line);
            if let Some(line) = line {
                finish_line(stretch, line.session, line.taken);
            }
        });
        match (&done, line) {
            (None, Some(line)) => {
                self.tell_unstored(line.session, line.taken.line.number);
                let status = TaskStatus::Reading(line.session.id, line.awaited);
                self.queue.put_back(id, begun, status);
                self.wait_for_line(id, line.session);
            }
            (None, None) => {
                silence.keep_for(id);
                let due = self.clock.wall() + READ_ONLY_RETRY;
                self.queue.put_back(id, begun, TaskStatus::Until(due));
            }
            _ => drop(silence),
        }
        self.follow_up(done);
    }

    /// Calls a hook, and does what follows it.
    pub(crate) fn run_hook(&self, hook: Hook) {
        let id = self.new_task_id();
        let done = self.run_stretch(id, false, |stretch| {
            if let Some(verb) = hook.verb {
                let args = hook.args.clone();
                command::call_server_verb(stretch, hook.handler, verb, args, hook.player, "");
            }
            if let After::EndSession { session, message } = &hook.after {
                end_session(stretch, session, *message);
            }
        });
        match done {
            Some(_) => self.follow_up(done),
            None => self.waiting.put_off(hook),
        }
    }

    /// Calls the hooks that a commit left.
    pub(crate) fn follow_up(&self, hooks: Option<Vec<Hook>>) {
        for hook in hooks.into_iter().flatten() {
            self.counted(Counter::Hooks, || self.run_hook(hook));
        }
    }

    /// Runs `body` as one stretch until it commits. `None` when the store takes no writes.
    pub(crate) fn run_stretch(
        &self,
        task: TaskId,
        background: bool,
        body: impl Fn(&mut Stretch<'_>),
    ) -> Option<Vec<Hook>> {
        let mut attempts = 0;
        let _leaving = Leaving(self, task);
        loop {
            let is_exclusive = attempts >= ATTEMPTS_MAX;
            let txn = if is_exclusive {
                self.world.begin_exclusive()
            } else {
                self.world.begin()
            };
            let mut stretch = Stretch::new(self, txn, task, background);
            stretch.is_exclusive = is_exclusive;
            let began = self.clock.steady();
            body(&mut stretch);
            let ran = self.clock.steady();
            tally::count(Counter::Stretches, ran.saturating_sub(began));
            let committed = stretch.commit();
            let took = self.clock.steady().saturating_sub(ran);
            tally::count(outcome_of(&committed), took);
            match committed {
                Ok(hooks) => return Some(hooks),
                Err(Refused::Conflict) => attempts += 1,
                Err(Refused::WantsTurn) => attempts = ATTEMPTS_MAX,
                Err(Refused::ReadOnly(reason)) => {
                    tracing::warn!(task = task.0, reason, "not stored");
                    return None;
                }
            }
            tally::count(Counter::Retries, Duration::ZERO);
        }
    }

    /// Does something that is counted and timed.
    fn counted<T>(&self, counter: Counter, run: impl FnOnce() -> T) -> T {
        let began = self.clock.steady();
        let done = run();
        tally::count(counter, self.clock.steady().saturating_sub(began));
        done
    }

    /// Tells a user that a line could not be carried out.
    fn tell_unstored(&self, session: &Arc<Session>, line: Option<u64>) {
        let mut events = vec![SessionEvent::text(READ_ONLY_NOTICE)];
        events.extend(line.map(SessionEvent::LineDone));
        session
            .lock()
            .outbox
            .push(events, moor_store::Seq::ZERO, false);
        self.release(session);
    }
}

/// What every line's first stretch ends with: the host hears that the line is done.
fn finish_line(stretch: &mut Stretch<'_>, session: &Arc<Session>, taken: &Taken) {
    if let Some(number) = taken.line.number {
        let done = SessionEvent::LineDone(number);
        stretch
            .effects
            .push(Effect::Output(Arc::clone(session), done));
    }
}

/// Ends a session after its hook, with the server's message.
fn end_session(
    stretch: &mut Stretch<'_>,
    session: &Arc<Session>,
    message: Option<(&'static str, &'static str)>,
) {
    if let Some((name, default)) = message {
        let handler = session.lock().record.handler();
        for line in options::message(&mut stretch.txn, handler, name, default) {
            stretch.effects.push(Effect::Output(
                Arc::clone(session),
                SessionEvent::text(line),
            ));
        }
    }
    let reading = session.lock().reading.take();
    if let Some(task) = reading {
        wake_with_error(stretch, task);
    }
    stretch
        .effects
        .push(Effect::End(Arc::clone(session), EndReason::Finished));
}

/// A task that read from a connection that is gone goes on with `E_INVARG`.
fn wake_with_error(stretch: &mut Stretch<'_>, task: TaskId) {
    let value = Value::Err(moor_value::ErrorCode::InvArg);
    let row = stretch
        .runtime
        .queue
        .inspect(task, |entry| tasks::resumed_row(entry, &value));
    if let Some(row) = row {
        stretch.effects.push(Effect::Resume(task, value, row));
    }
}

/// Runs new code to the end of its first stretch.
pub(crate) fn start(stretch: &mut Stretch<'_>, start: Start) -> Ended {
    let player = start.player;
    run_machine(stretch, Box::new(Vm::new(start)), player)
}

/// Goes on with a waiting task. Its row is replaced or deleted by the commit.
fn go_on(stretch: &mut Stretch<'_>, begun: &Begun, line: Option<Line<'_>>) {
    let mut machine = begun.machine.clone();
    let player = machine
        .frames()
        .first()
        .map_or(ObjId::NOTHING, |frame| frame.player());
    let given = match line {
        Some(Line {
            session,
            taken,
            awaited: Awaited::Message(kind),
        }) => match http_read::hear(stretch, session, kind, &begun.value, &taken.line.text) {
            Heard::Over(given) => given,
            Heard::More(so_far) => {
                let request = Request::ReadHttp(Arc::clone(session), kind, so_far);
                let entry = tasks::suspended(stretch, machine, &request);
                stretch.effects.push(Effect::Park(Box::new(entry)));
                return;
            }
        },
        _ => given(begun),
    };
    match given {
        _ if begun.forked => {}
        Ok(value) => machine.resume(value),
        Err(failure) => machine.resume_raise(moor_vm::Raise::with(
            failure.code.into(),
            failure.message.as_str().into(),
            Value::ZERO,
        )),
    }
    if !matches!(run_machine(stretch, machine, player), Ended::Parked) {
        let id = stretch.task;
        stretch.effects.push(Effect::TaskOver(id));
    }
}

/// What a task was given while it waited.
fn given(begun: &Begun) -> Result<Value, Failure> {
    match &begun.failure {
        None => Ok(begun.value.clone()),
        Some(failure) => Err(failure.clone()),
    }
}

/// Runs a machine until its task ends or waits.
pub(crate) fn run_machine(stretch: &mut Stretch<'_>, mut machine: Box<Vm>, player: ObjId) -> Ended {
    machine.tell_variables(stretch.limits.tells_variables);
    let queue = &stretch.runtime.queue;
    let active = ActiveTask::of(stretch.task, &machine, stretch.runtime.clock.wall());
    active.into_iter().for_each(|task| queue.active.enter(task));
    let mut finished = FinishedTask::begin(stretch, &machine);
    let outcome = run_to_its_end(stretch, &mut machine, player, finished.as_mut());
    if let Some(finished) = finished {
        finished.end(stretch, matches!(outcome, Outcome::Suspended(_)));
    }
    match outcome {
        Outcome::Returned(value) => {
            stretch.note_end(|| Evaluated::Value(value.clone()));
            Ended::Returned(value)
        }
        Outcome::Raised(error) => {
            if !stretch.note_end(|| Evaluated::raised(&error)) {
                uncaught::error(stretch, &error, player);
            }
            Ended::Failed
        }
        Outcome::Aborted(abort) => {
            stretch.roll_back_if_wanted();
            if !stretch.note_end(|| Evaluated::aborted(abort.reason)) {
                uncaught::abort(stretch, &abort, player);
            }
            Ended::Failed
        }
        Outcome::Suspended(request) => {
            let entry = tasks::suspended(stretch, machine, &request);
            let asked = tasks::asked(&entry, request);
            stretch.effects.push(Effect::Park(Box::new(entry)));
            asked
                .into_iter()
                .for_each(|asked| stretch.effects.push(asked));
            Ended::Parked
        }
    }
}

/// Runs a machine until it is over, or waits for what it may wait for.
fn run_to_its_end(
    stretch: &mut Stretch<'_>,
    machine: &mut Vm,
    player: ObjId,
    mut finished: Option<&mut FinishedTask>,
) -> Outcome<Request> {
    let limits = stretch.machine_limits();
    loop {
        let runtime = stretch.runtime;
        let began = runtime.clock.steady();
        let outcome = machine.run(stretch, &limits);
        let took = runtime.clock.steady().saturating_sub(began);
        tally::count(Counter::Runs, took);
        if let Some(finished) = finished.as_deref_mut() {
            finished.ran(took);
        }
        lag::look(stretch, machine, &outcome, took, player);
        if let Outcome::Suspended(request) = &outcome
            && let Err(code) = stretch.may_wait(machine.perms(), request)
        {
            machine.resume_raise(moor_vm::Raise::new(code));
            continue;
        }
        return outcome;
    }
}
