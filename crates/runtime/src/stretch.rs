//! One stretch of a task: everything between two commit points, as one transaction.
//!
//! In: a transaction and the task that runs in it. Out: a commit with its effects, or a conflict
//! after which the caller runs the stretch again from its beginning.

use std::sync::Arc;
use std::time::Duration;

use moor_store::{Batch, LogStatus, Seq};
use moor_value::{ObjId, Value};
use moor_vm::{AbortReason, SizeLimits, TaskLimits};
use moor_world::{CommitError, Transaction};

use crate::apply::{self, Prepared};
use crate::effects::{Effect, Effects, EndReason};
use crate::eval::Evaluated;
use crate::hooks::Hook;
use crate::ids::TaskId;
use crate::known_verbs::KnownVerbs;
use crate::options::{Limits, ServerOptions};
use crate::runtime::Runtime;
use crate::session::{Ends, Session};
use crate::task::Family;

/// A running stretch.
pub(crate) struct Stretch<'r> {
    /// Everything shared.
    pub(crate) runtime: &'r Runtime,
    /// What it reads and writes.
    pub(crate) txn: Transaction,
    /// What it asks for.
    pub(crate) effects: Effects,
    /// The task that it is part of.
    pub(crate) task: TaskId,
    /// The family of that task; what it forks belongs to it too.
    pub(crate) family: Family,
    /// `task_local()`.
    pub(crate) local: Value,
    /// The session whose line it runs.
    pub(crate) session: Option<Arc<Session>>,
    /// The server options as of its beginning.
    pub(crate) options: Arc<ServerOptions>,
    /// Ticks and seconds that it may use.
    pub(crate) limits: Limits,
    /// Whether those are of a task that was forked or has waited.
    pub(crate) is_background: bool,
    /// `set_thread_mode()`.
    pub(crate) threaded: bool,
    /// Whether `handle_uncaught_error` or `handle_task_timeout` is running: its own errors are shown.
    pub(crate) is_handling_error: bool,
    /// Whether it holds the commit turn: nothing can make it run again.
    pub(crate) is_exclusive: bool,
    /// Whether it is to run again with the commit turn: it was about to do what cannot be undone.
    pub(crate) wants_turn: bool,
    /// `rollback()`: nothing of it is to happen, except, where this says so, that what it has printed is shown.
    pub(crate) rollback: Option<Rollback>,
    /// When its seconds are over: time since the daemon's start.
    pub(crate) deadline: Duration,
    /// Bytes of large values that were worked on since the last look at the clock.
    pub(crate) toil_bytes: usize,
    /// The verbs that its calls have found.
    pub(crate) verbs: KnownVerbs,
}

/// How a stretch is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rollback {
    /// Nothing of it is seen.
    Silent,
    /// What it has printed is shown all the same.
    WithOutput,
}

/// Why a stretch was not committed.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Another commit changed what it had read: it is to run again.
    Conflict,
    /// It is to run again with the commit turn.
    WantsTurn,
    /// The store takes no writes at the moment.
    ReadOnly(String),
}

impl<'r> Stretch<'r> {
    /// A stretch that begins.
    pub(crate) fn new(
        runtime: &'r Runtime,
        txn: Transaction,
        task: TaskId,
        background: bool,
    ) -> Self {
        let mut stretch = Self {
            runtime,
            txn,
            effects: Effects::default(),
            task,
            family: Family(task.0),
            local: Value::from(moor_value::Map::new()),
            session: None,
            options: runtime.options(),
            limits: Limits::default(),
            is_background: background,
            threaded: true,
            is_handling_error: false,
            is_exclusive: false,
            wants_turn: false,
            rollback: None,
            deadline: Duration::ZERO,
            toil_bytes: 0,
            verbs: KnownVerbs::new(),
        };
        stretch
            .txn
            .set_protected(stretch.options.protected_properties);
        stretch.begin_limits(background);
        stretch
    }

    /// Gives the task fresh ticks and seconds.
    pub(crate) fn begin_limits(&mut self, background: bool) {
        self.is_background = background;
        self.limits = Limits::read(&mut self.txn, background);
        self.deadline = self.runtime.clock.steady() + self.limits.seconds;
    }

    /// Reads the server options as this stretch sees them.
    pub(crate) fn reload_options(&mut self) {
        self.options = Arc::new(crate::runtime::read_options(&mut self.txn));
        self.txn.set_protected(self.options.protected_properties);
    }

    /// Takes the first line that waits in band on a session, for `read()` that does not wait.
    pub(crate) fn take_input(&mut self, session: &Arc<Session>) -> Option<String> {
        let taken: Vec<u64> = self.effects.taken_from(session).collect();
        let line = {
            let state = session.lock();
            let disable_oob = state.record.disable_oob;
            state.input.first_in_band(disable_oob, &taken).cloned()
        }?;
        self.effects
            .push(Effect::TakeLine(Arc::clone(session), line.clone()));
        Some(line.text)
    }

    /// The machine's limits.
    pub(crate) fn machine_limits(&self) -> TaskLimits {
        TaskLimits {
            ticks: self.limits.ticks,
            stack_depth: self.limits.stack_depth,
            sizes: self.size_limits().into(),
        }
    }

    /// How large values may become.
    pub(crate) fn size_limits(&self) -> SizeLimits {
        let limits = &self.options.value_limits;
        SizeLimits {
            string_bytes: limits.string_bytes_max,
            list_bytes: limits.list_bytes_max,
            map_bytes: limits.map_bytes_max,
            quota_catchable: self.options.max_concat_catchable,
        }
    }

    /// Time that is left.
    pub(crate) fn time_left(&self) -> Duration {
        self.deadline.saturating_sub(self.runtime.clock.steady())
    }

    /// Whether the time is over.
    pub(crate) fn is_late(&self) -> bool {
        self.time_left().is_zero()
    }

    /// Shows a line to a player or connection, if it is connected.
    pub(crate) fn tell(&mut self, whom: ObjId, line: impl Into<String>) {
        self.effects.tell(&self.runtime.sessions, whom, line);
    }

    /// The session of a player or connection, as this stretch sees it.
    pub(crate) fn session_of(&self, whom: ObjId) -> Option<Arc<Session>> {
        self.effects.session(&self.runtime.sessions, whom)
    }

    /// The two ends of a session's connection, as this stretch sees them.
    pub(crate) fn ends_of(&self, session: &Arc<Session>) -> Ends {
        let (is_logged_in, ends) = {
            let state = session.lock();
            (state.record.is_logged_in(), state.record.ends())
        };
        // Proxies speak before a log-in only, and `effects` may be long.
        match is_logged_in {
            true => ends,
            false => self.effects.proxied(session).cloned().unwrap_or(ends),
        }
    }

    /// Forgets what calls found: parents or verbs have changed.
    pub(crate) fn forget_verbs(&mut self) {
        self.verbs.forget();
    }

    /// Takes back what the stretch has done so far, if `rollback()` was called: it goes on as one that has just begun, to say
    /// that its line is done and its task over. What cannot be undone, such as what it did to files, stays.
    pub(crate) fn roll_back_if_wanted(&mut self) {
        let Some(how) = self.rollback.take() else {
            return;
        };
        self.txn = self.runtime.world.begin();
        self.is_exclusive = false;
        self.options = self.runtime.options();
        self.txn.set_protected(self.options.protected_properties);
        self.effects.take_back(how == Rollback::WithOutput);
        self.forget_verbs();
    }

    /// Notes how the code of a host's evaluation ended, whose answer takes the place of tracebacks. False for other
    /// tasks.
    pub(crate) fn note_end(&mut self, how: impl FnOnce() -> Evaluated) -> bool {
        let is_eval = self.runtime.evals.has(self.task);
        if is_eval {
            self.effects.push(Effect::Evaluated(self.task, how()));
        }
        is_eval
    }

    /// Ends the stretch: its writes and effects happen, or nothing of it does. Answers the hooks
    /// that are to be called next.
    ///
    /// # Errors
    /// [`Refused`]; sessions, tasks and the world are as if the stretch had never run.
    pub(crate) fn commit(self) -> Result<Vec<Hook>, Refused> {
        let Self {
            runtime,
            txn,
            effects,
            wants_turn,
            ..
        } = self;
        if wants_turn {
            return Err(Refused::WantsTurn);
        }
        if txn.is_read_only() && !effects.need_rows() {
            let seq = txn.seq();
            drop(txn);
            let tables = (&runtime.sessions, &runtime.stored_tasks);
            let prepared = apply::prepare(effects, tables, runtime.wall_us(), None);
            return Ok(runtime.after_commit(prepared, seq));
        }
        if let LogStatus::Failed { reason, .. } = runtime.log.status() {
            return Err(Refused::ReadOnly(reason));
        }
        let mut prepared = None;
        let receipt = txn.commit_with(|_, batch: &mut Batch| {
            runtime.garbage.sweep_into(batch);
            prepared = Some(apply::prepare(
                effects,
                (&runtime.sessions, &runtime.stored_tasks),
                runtime.wall_us(),
                Some(batch),
            ));
        });
        match receipt {
            Ok(receipt) => Ok(runtime.after_commit(prepared.unwrap_or_default(), receipt.seq)),
            Err(error) => {
                if let Some(prepared) = prepared {
                    prepared.withdraw(&runtime.stored_tasks);
                }
                Err(match error {
                    CommitError::Log(error) => Refused::ReadOnly(error.to_string()),
                    _ => Refused::Conflict,
                })
            }
        }
    }
}

impl Runtime {
    /// What follows a commit: events may leave and tasks wait. Answers hooks to call.
    fn after_commit(&self, prepared: Prepared, seq: Seq) -> Vec<Hook> {
        prepared.finish(seq);
        let mut follow_ups = Vec::new();
        for effect in prepared.rest {
            self.settle(effect, seq, &mut follow_ups);
        }
        for touched in &prepared.touched {
            self.release(&touched.session);
        }
        follow_ups
    }

    /// What an effect does besides its rows and events.
    fn settle(&self, effect: Effect, seq: Seq, follow_ups: &mut Vec<Hook>) {
        match effect {
            Effect::Park(entry) => self.park(*entry),
            Effect::Evaluated(id, ended) => self.eval_ended(id, ended, seq),
            Effect::Work(wanted) => self.request_worker(*wanted, seq),
            Effect::Dial(calling) => self.dial(*calling, seq),
            Effect::Sql(asked) => self.run_sql(*asked, seq),
            Effect::Exec(wish) => self.exec(*wish, seq),
            Effect::Kill(id) => {
                self.kill_parked(id);
                if self.evals.has(id) {
                    self.eval_ended(id, Evaluated::aborted(AbortReason::Killed), seq);
                }
            }
            Effect::TaskOver(id) => self.queue.forget(id),
            Effect::Resume(id, value, _) => {
                self.queue.wake(id, value);
            }
            Effect::Finished(task) => self.finished.add(*task, self.options().finished_tasks_max),
            Effect::Hook(hook) => follow_ups.push(hook),
            Effect::Log(level, text) => crate::runtime::log_line(level, &text),
            Effect::Server(request) => self.serve(request),
            Effect::End(session, EndReason::Booted) => follow_ups.push(Hook::booted(session)),
            Effect::End(session, _) => {
                let reading = session.lock().reading.take();
                // Came while the session was ending.
                if let Some(task) = reading {
                    self.stop_reading(task);
                }
            }
            Effect::ForceInput {
                player,
                session,
                text,
                ..
            } => match session {
                Some(session) => self.submit_input(&session),
                None => self.submit_command(player, text),
            },
            Effect::Change(session, _) | Effect::FlushInput(session, _) => {
                self.submit_input(&session);
            }
            Effect::Output(..) | Effect::Switch(..) | Effect::TakeLine(..) => {}
        }
    }
}
