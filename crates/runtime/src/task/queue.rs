//! Every task that exists, when each is to run, and what is ready to run.
//!
//! In: jobs and tasks. Out: the next job for whichever worker thread asks. One lock, private to
//! this file and those below it; it may be taken while the commit lock or a session's lock is held.

mod ends;
mod seen;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use moor_value::{ObjId, Value};
use parking_lot::{Condvar, Mutex};
use rustc_hash::FxHashMap;

use super::active::ActiveTasks;
use super::entry::{Awaited, Begun, Failure, TaskEntry, TaskStatus};
use super::fair::{FairQueue, Family};
use super::watched::Watched;
use crate::clock::Clock;
use crate::cluster::WorkerRequestId;
use crate::eval::EvalJob;
use crate::hooks::Hook;
use crate::ids::TaskId;
use crate::session::{InputLine, Session};

/// A job that waited so long while no other was begun is taken by a relief thread.
const RELIEF_AFTER: Duration = Duration::from_millis(10);
/// How often a relief thread looks while some worker thread is idle.
const RELIEF_LOOKS: Duration = Duration::from_millis(100);

/// Something for a worker thread to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// Run the next line of a session.
    Line(Arc<Session>),
    /// Throw a session's waiting lines away, as the line says that its user typed.
    Flush(Arc<Session>, InputLine),
    /// Run a command of a player who has no session (`force_input()` on somebody absent).
    Command(ObjId, String),
    /// Go on with a task.
    Task(TaskId),
    /// Call a verb of the server's own accord.
    Hook(Hook),
    /// Log a new session in as the player of its token.
    SignIn(Arc<Session>, ObjId),
    /// Run code of a token's player.
    Eval(Box<EvalJob>),
}

/// Why a task could not be killed or resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KillError {
    /// No such task.
    Unknown,
    /// It is somebody else's.
    NotAllowed,
}

/// What a waiting worker thread was woken for.
#[derive(Debug)]
pub(crate) enum Wake {
    /// A job, and the family that runs until the next call.
    Job(Family, Job),
    /// The runtime stops.
    Stop,
}

/// Tasks and jobs.
pub(crate) struct TaskQueue {
    /// The tasks at work. Their lists are locked after the state, never the other way round.
    pub(crate) active: ActiveTasks,
    /// How many tasks wait for others.
    waiters: Arc<AtomicUsize>,
    state: Mutex<State>,
    changed: Condvar,
    stopped: Condvar,
    /// Hears [`State::is_loaded`].
    on_load: Box<dyn Fn(bool) + Send + Sync>,
}

#[derive(Debug)]
struct State {
    ready: FairQueue<Job>,
    tasks: FxHashMap<TaskId, TaskEntry>,
    watched: Watched,
    /// When tasks are due; among those due at once, the order in which they came.
    timers: BTreeSet<(Duration, u64, TaskId)>,
    /// Counts tasks that came to wait.
    arrivals: u64,
    owned: FxHashMap<ObjId, usize>,
    /// Numbers of families that are a single job, counted down from 0.
    solitary: i64,
    idle: usize,
    /// An idle worker thread was called and has not come yet. It calls the next one if there is work for two, so that a burst of
    /// jobs costs few calls.
    is_called: bool,
    /// Every worker thread has a job, and there are more.
    is_loaded: bool,
    active: usize,
    /// Counts jobs that were begun.
    begun: u64,
    stopping: bool,
}

impl TaskQueue {
    /// No tasks.
    ///
    /// `on_load` is told when there comes to be more to do than the worker threads can, and when not any more; it is called under the lock.
    pub(crate) fn new(on_load: Box<dyn Fn(bool) + Send + Sync>) -> Self {
        let watched = Watched::default();
        Self {
            on_load,
            active: ActiveTasks::default(),
            waiters: watched.count(),
            state: Mutex::new(State {
                ready: FairQueue::new(),
                tasks: FxHashMap::default(),
                watched,
                timers: BTreeSet::new(),
                arrivals: 0,
                owned: FxHashMap::default(),
                solitary: 0,
                idle: 0,
                is_called: false,
                is_loaded: false,
                active: 0,
                begun: 0,
                stopping: false,
            }),
            changed: Condvar::new(),
            stopped: Condvar::new(),
        }
    }

    /// Queues a job of `owner`, which begins a family of its own.
    pub(crate) fn submit(&self, owner: ObjId, job: Job) {
        let mut state = self.state.lock();
        state.submit(owner, job);
        state.call_one(&self.changed);
    }

    /// As [`TaskQueue::submit`], but nobody is called before [`TaskQueue::hand_out`], which the caller owes.
    pub(crate) fn submit_quietly(&self, owner: ObjId, job: Job) {
        self.state.lock().submit(owner, job);
    }

    /// Calls a worker thread to the jobs that are ready. True if none is called, because one job is all that there is to do, and
    /// worker threads are free for what may come: the caller runs it itself, see [`TaskQueue::take`].
    pub(crate) fn hand_out(&self) -> bool {
        let mut state = self.state.lock();
        if state.active == 0 && state.idle > 0 && state.ready.has_one() {
            return true;
        }
        if !state.ready.is_empty() {
            state.call_one(&self.changed);
        }
        false
    }

    /// The next job, if there is one, for a thread that is no worker thread; followed by [`TaskQueue::finish`].
    pub(crate) fn take(&self) -> Option<(Family, Job)> {
        let mut state = self.state.lock();
        if state.stopping {
            return None;
        }
        state.pop()
    }

    /// The job of a family is over that was taken with [`TaskQueue::take`].
    pub(crate) fn finish(&self, family: Family) {
        let mut state = self.state.lock();
        state.finish(family, &self.changed);
        if !state.ready.is_empty() {
            state.call_one(&self.changed);
        }
    }

    /// Waits for the next job. The job of the family `before`, if any, is over.
    pub(crate) fn next(&self, clock: &dyn Clock, before: Option<Family>) -> Wake {
        let mut state = self.state.lock();
        if let Some(family) = before {
            state.finish(family, &self.changed);
        }
        loop {
            if state.stopping {
                return Wake::Stop;
            }
            let now = clock.wall();
            state.start_due(now);
            let next = state.pop();
            self.tell_load(&mut state, next.is_some());
            if let Some((family, job)) = next {
                if !state.ready.is_empty() {
                    state.call_one(&self.changed);
                }
                return Wake::Job(family, job);
            }
            state.idle += 1;
            match state.timers.first() {
                Some((due, ..)) => {
                    let wait = due.saturating_sub(now);
                    self.changed.wait_for(&mut state, wait);
                }
                None => self.changed.wait(&mut state),
            }
            state.idle -= 1;
            state.is_called = false;
        }
    }

    /// A worker thread has looked for a job.
    fn tell_load(&self, state: &mut State, has_job: bool) {
        let is_loaded = has_job && state.idle == 0 && !state.ready.is_empty();
        if std::mem::replace(&mut state.is_loaded, is_loaded) != is_loaded {
            (self.on_load)(is_loaded);
        }
    }

    /// Waits for a job that the worker threads leave waiting: all of them have been busy with the same
    /// jobs for [`RELIEF_AFTER`], as with tasks that compute for seconds.
    pub(crate) fn next_neglected(&self, before: Option<Family>) -> Wake {
        let mut state = self.state.lock();
        if let Some(family) = before {
            state.finish(family, &self.changed);
        }
        let mut begun = state.begun;
        loop {
            if state.stopping {
                return Wake::Stop;
            }
            let busy = state.idle == 0 && state.active > 0;
            if busy
                && state.begun == begun
                && let Some((family, job)) = state.pop()
            {
                return Wake::Job(family, job);
            }
            begun = state.begun;
            let pause = if busy { RELIEF_AFTER } else { RELIEF_LOOKS };
            self.stopped.wait_for(&mut state, pause);
        }
    }

    /// Tells every worker thread to stop after its job.
    pub(crate) fn stop(&self) {
        self.state.lock().stopping = true;
        self.changed.notify_all();
        self.stopped.notify_all();
    }

    /// Waits until no job runs, for at most `limit`. True when none runs.
    pub(crate) fn wait_idle(&self, limit: Duration) -> bool {
        let mut state = self.state.lock();
        let condition = |state: &mut State| state.active > 0;
        let result = self.changed.wait_while_for(&mut state, condition, limit);
        !result.timed_out()
    }

    /// Sleeps for `time`. False when the runtime stops.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.stopping {
            self.stopped.wait_for(&mut state, time);
        }
        !state.stopping
    }

    /// Whether a task of this number exists.
    pub(crate) fn contains(&self, id: TaskId) -> bool {
        self.state.lock().tasks.contains_key(&id)
    }

    /// Adds a task, or puts back one that ran. False when it was killed in the meantime: the
    /// caller forgets its row.
    pub(crate) fn park(&self, entry: TaskEntry) -> bool {
        let mut state = self.state.lock();
        if let Some(old) = state.tasks.get(&entry.id)
            && old.killed
        {
            state.remove(entry.id);
            return false;
        }
        let status = entry.status;
        state.insert(entry);
        if let TaskStatus::Awaiting { task, .. } = status {
            self.check_awaited(&mut state, task);
        }
        state.call_one(&self.changed);
        true
    }

    /// Forgets a task that has ended.
    pub(crate) fn forget(&self, id: TaskId) {
        self.state.lock().remove(id);
    }

    /// Hands a task's machine to the worker thread that runs it, with the value that it is resumed
    /// with. `None` when it has been killed.
    pub(crate) fn begin(&self, id: TaskId) -> Option<Begun> {
        self.state.lock().tasks.get_mut(&id)?.begin()
    }

    /// Hands a reading task's machine to the worker thread that has its line. What the line is to the task: of a
    /// message, the value is the state of what has come before. `None` when the task does not read any more.
    pub(crate) fn begin_with_line(&self, id: TaskId, line: &str) -> Option<(Begun, Awaited)> {
        let mut state = self.state.lock();
        let entry = state.tasks.get_mut(&id)?;
        let TaskStatus::Reading(_, awaited) = entry.status else {
            return None;
        };
        let mut begun = entry.begin()?;
        if awaited == Awaited::Line {
            begun.value = Value::from(line);
        }
        Some((begun, awaited))
    }

    /// Makes a suspended or reading task ready, with the value that its `suspend()` or `read()`
    /// returns. False when there is no such task waiting.
    pub(crate) fn wake(&self, id: TaskId, value: Value) -> bool {
        let mut state = self.state.lock();
        let Some(entry) = state.tasks.get_mut(&id) else {
            return false;
        };
        if entry.status == TaskStatus::Running {
            return false;
        }
        entry.value = value;
        state.ready(id);
        state.call_one(&self.changed);
        true
    }

    /// Makes a task ready that waits for this request, with the answer. Does nothing when it no longer does, and
    /// answers so.
    pub(crate) fn answer(
        &self,
        id: TaskId,
        request: WorkerRequestId,
        answer: Result<Value, Failure>,
    ) -> bool {
        self.settle(id, |status| status.waits_for(request), answer)
    }

    /// Whether a task waits for this request.
    pub(crate) fn waits_for(&self, id: TaskId, request: WorkerRequestId) -> bool {
        self.inspect(id, |entry| entry.status.waits_for(request)) == Some(true)
    }

    /// Looks at a task that waits for this request, whose time cannot be over from now on: it waits for
    /// [`TaskQueue::answer`] alone. `None` when it no longer waits.
    pub(crate) fn claim<R>(
        &self,
        id: TaskId,
        request: WorkerRequestId,
        look: impl FnOnce(&TaskEntry) -> R,
    ) -> Option<R> {
        let mut state = self.state.lock();
        let entry = state.tasks.get_mut(&id)?;
        let TaskStatus::Working {
            request: known,
            until,
        } = &mut entry.status
        else {
            return None;
        };
        if *known != request {
            return None;
        }
        let due = std::mem::replace(until, Duration::MAX);
        let timer = (due, entry.arrival, id);
        let seen = look(entry);
        state.timers.remove(&timer);
        Some(seen)
    }

    /// Makes a task ready that waits until this very moment, with what it waits for. Does nothing when it no longer
    /// does.
    pub(crate) fn answer_early(&self, id: TaskId, until: Duration, answer: Result<Value, Failure>) {
        self.settle(id, |status| status == TaskStatus::Until(until), answer);
    }

    fn settle(
        &self,
        id: TaskId,
        waits: impl Fn(TaskStatus) -> bool,
        answer: Result<Value, Failure>,
    ) -> bool {
        let mut state = self.state.lock();
        let Some(entry) = state.tasks.get_mut(&id) else {
            return false;
        };
        if !waits(entry.status) {
            return false;
        }
        match answer {
            Ok(value) => entry.value = value,
            Err(failure) => entry.failure = Some(failure),
        }
        state.ready(id);
        state.call_one(&self.changed);
        true
    }

    /// A task could not go on: it waits for `status`, with the value that it had before. One that was killed meanwhile is
    /// gone.
    pub(crate) fn put_back(&self, id: TaskId, begun: Begun, status: TaskStatus) {
        let mut state = self.state.lock();
        let Some(entry) = state.tasks.get_mut(&id) else {
            return;
        };
        if entry.killed {
            state.remove(id);
            return;
        }
        entry.machine = Some(begun.machine);
        entry.status = status;
        if let TaskStatus::Until(due) = status {
            state.wait_until(due, id);
        }
    }

    /// Removes a task, or marks it when it is running. The request to a worker that nobody waits for any more.
    pub(crate) fn kill(&self, id: TaskId) -> Option<WorkerRequestId> {
        let mut state = self.state.lock();
        let entry = state.tasks.get_mut(&id)?;
        let request = match entry.status {
            TaskStatus::Working { request, .. } => Some(request),
            _ => entry.overdue.take(),
        };
        if entry.status == TaskStatus::Running {
            entry.killed = true;
        } else {
            state.remove(id);
            state.end_waits(id);
            state.call_one(&self.changed);
        }
        request
    }
}

impl State {
    /// Queues a job that begins a family of its own.
    fn submit(&mut self, owner: ObjId, job: Job) {
        self.solitary -= 1;
        let family = Family(self.solitary);
        self.ready.push(owner, family, job);
    }

    /// The next job; it has begun.
    fn pop(&mut self) -> Option<(Family, Job)> {
        let next = self.ready.pop()?;
        self.active += 1;
        self.begun += 1;
        Some(next)
    }

    /// The job of a family is over.
    fn finish(&mut self, family: Family, changed: &Condvar) {
        self.ready.finish(family);
        self.active -= 1;
        if self.active == 0 && self.stopping {
            changed.notify_all();
        }
    }

    /// Wakes an idle worker thread, unless one is on its way.
    fn call_one(&mut self, changed: &Condvar) {
        if self.idle > 0 && !self.is_called {
            self.is_called = true;
            changed.notify_one();
        }
    }

    /// Adds or replaces a task.
    fn insert(&mut self, mut entry: TaskEntry) {
        self.remove(entry.id);
        entry.row = Vec::new();
        *self.owned.entry(entry.info.owner).or_default() += 1;
        let (id, owner, family, status) = (entry.id, entry.info.owner, entry.family, entry.status);
        self.tasks.insert(id, entry);
        match status {
            TaskStatus::Until(due) | TaskStatus::Working { until: due, .. } => {
                self.wait_until(due, id);
            }
            TaskStatus::Awaiting { task, until } => {
                self.watched.add(task, id);
                if until != Duration::MAX {
                    self.wait_until(until, id);
                }
            }
            TaskStatus::Ready => self.ready.push(owner, family, Job::Task(id)),
            TaskStatus::Forever | TaskStatus::Reading(..) | TaskStatus::Running => {}
        }
    }

    /// Notes when a task is due.
    fn wait_until(&mut self, due: Duration, id: TaskId) {
        self.arrivals += 1;
        if let Some(entry) = self.tasks.get_mut(&id) {
            entry.arrival = self.arrivals;
            self.timers.insert((due, self.arrivals, id));
        }
    }

    /// Removes a task from everywhere; a job that names it finds nothing.
    fn remove(&mut self, id: TaskId) {
        let Some(entry) = self.tasks.remove(&id) else {
            return;
        };
        self.stop_waiting(id, entry.status, entry.arrival);
        if let Some(count) = self.owned.get_mut(&entry.info.owner) {
            *count -= 1;
            if *count == 0 {
                self.owned.remove(&entry.info.owner);
            }
        }
    }

    /// Queues a waiting task for a worker thread; once is enough.
    fn ready(&mut self, id: TaskId) {
        let Some(entry) = self.tasks.get_mut(&id) else {
            return;
        };
        if entry.status == TaskStatus::Ready {
            return;
        }
        let (status, arrival) = (entry.status, entry.arrival);
        entry.status = TaskStatus::Ready;
        let (owner, family) = (entry.info.owner, entry.family);
        self.ready.push(owner, family, Job::Task(id));
        self.stop_waiting(id, status, arrival);
    }

    /// A task that waits for a worker has waited long enough.
    fn time_out(&mut self, id: TaskId) {
        if let Some(entry) = self.tasks.get_mut(&id)
            && let TaskStatus::Working { request, .. } = entry.status
        {
            entry.failure = Some(Failure::timed_out());
            entry.overdue = Some(request);
        }
    }

    /// Queues every task whose time has come.
    fn start_due(&mut self, now: Duration) {
        while let Some(&(due, _, id)) = self.timers.first()
            && due <= now
        {
            self.time_out(id);
            self.ready(id);
        }
    }
}
