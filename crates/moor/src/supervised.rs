//! One program that `moor up` keeps running.
//!
//! In: how to start it, the time, the end of its process. Out: a running process, a restart after a pause, or the verdict
//! that everything is to stop. It does not wait and knows nothing of the other programs.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use moor_node::{Check, Exit, Health};
use rustix::process::{Pid, Signal, kill_process};

use crate::output::copy_lines;

/// The first pause before a restart; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(200);

/// No pause is longer.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A program that ran for this long has started well: its next pause is the shortest again.
const SETTLED: Duration = Duration::from_secs(5);

/// A program that never started well is given up when it failed this often. A program that was killed did not fail.
const FAILURES_MAX: u32 = 5;

/// How to start a program.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Its name in log lines.
    pub(crate) name: &'static str,
    /// The file to run.
    pub(crate) file: PathBuf,
    /// Its arguments, without the path of the program.
    pub(crate) args: Vec<OsString>,
    /// Further ones, with which it is to make the world.
    pub(crate) first: Option<First>,
    /// Environment variables that it must not see.
    pub(crate) without: Vec<String>,
}

impl Plan {
    /// The further arguments, as long as they are wanted.
    fn wanted_first(&self) -> &[OsString] {
        let first = self.first.as_ref();
        let wanted = first.filter(|first| !moor_daemon::holds_world(&first.world));
        wanted.map_or(&[], |first| &first.args)
    }
}

/// Arguments that are given as long as there is no world.
#[derive(Clone, Debug)]
pub(crate) struct First {
    /// The folder of the world.
    pub(crate) world: PathBuf,
    /// The arguments.
    pub(crate) args: Vec<OsString>,
}

/// A program with its state.
#[derive(Debug)]
pub(crate) struct Supervised {
    plan: Plan,
    state: State,
    /// The state, for whoever asks for the health of all.
    is_running: Arc<AtomicBool>,
    pause: Duration,
    settled_once: bool,
    failures: u32,
}

#[derive(Debug)]
enum State {
    Running { child: Child, since: Instant },
    Pausing { until: Instant },
    Stopped,
}

impl Supervised {
    /// A program that [`Supervised::tend`] starts.
    pub(crate) fn new(plan: Plan, now: Instant) -> Self {
        Self {
            plan,
            state: State::Pausing { until: now },
            is_running: Arc::default(),
            pause: PAUSE_MIN,
            settled_once: false,
            failures: 0,
        }
    }

    /// Registers whether the process is there; what it does is asked of the program itself.
    pub(crate) fn vouch(&self, health: &Health) {
        let is_running = Arc::clone(&self.is_running);
        health.check(self.plan.name, move || {
            match is_running.load(Ordering::Relaxed) {
                true => Check::passing(),
                false => Check::failing("does not run"),
            }
        });
    }

    /// Does what is due: notices the end of the process, starts it if its pause is over. Breaks with the exit code of
    /// `moor up` if everything is to stop: the program ended of its own accord, or starting it again is of no use.
    pub(crate) fn tend(&mut self, now: Instant) -> ControlFlow<Exit> {
        if let State::Running { child, since } = &mut self.state
            && let Some(status) = ended(child)
        {
            let ran = now.saturating_duration_since(*since);
            self.after_end(status, ran, now)?;
        }
        match self.state {
            State::Pausing { until } if until <= now => self.start(now),
            _ => ControlFlow::Continue(()),
        }
    }

    /// When [`Supervised::tend`] has something to do even if no process ends.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Pausing { until } => Some(until),
            State::Running { .. } | State::Stopped => None,
        }
    }

    /// Whether no process is left, noticing an end. No restart follows from here.
    pub(crate) fn is_gone(&mut self) -> bool {
        if let State::Running { child, .. } = &mut self.state {
            match ended(child) {
                None => return false,
                Some(status) => tracing::info!(ended = self.plan.name, %status, "stopped"),
            }
        }
        self.state = State::Stopped;
        true
    }

    /// Sends `signal` to the process, if one is left. It is not reaped before this file says so: no other process can
    /// have its number.
    pub(crate) fn signal(&self, signal: Signal) {
        if let State::Running { child, .. } = &self.state {
            // An error means that the process has just ended.
            let _ = kill_process(Pid::from_child(child), signal);
        }
    }

    fn start(&mut self, now: Instant) -> ControlFlow<Exit> {
        let child = match self.spawn() {
            Ok(child) => child,
            Err(error) => {
                tracing::error!(program = self.plan.name, file = %self.plan.file.display(), %error, "cannot be started");
                return ControlFlow::Break(Exit::Failure);
            }
        };
        tracing::info!(started = self.plan.name, process = child.id(), "started");
        self.state = State::Running { child, since: now };
        self.is_running.store(true, Ordering::Relaxed);
        ControlFlow::Continue(())
    }

    /// A process group of its own keeps the Ctrl-C of a terminal from it: it is told to stop once, by `moor up`.
    fn spawn(&self) -> std::io::Result<Child> {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(&self.plan.file);
        command.args(&self.plan.args).process_group(0);
        command.args(self.plan.wanted_first());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for variable in &self.plan.without {
            command.env_remove(variable);
        }
        let mut child = command.spawn()?;
        if let Some(out) = child.stdout.take() {
            copy_lines(self.plan.name, out)?;
        }
        if let Some(err) = child.stderr.take() {
            copy_lines(self.plan.name, err)?;
        }
        Ok(child)
    }

    fn after_end(&mut self, status: ExitStatus, ran: Duration, now: Instant) -> ControlFlow<Exit> {
        self.state = State::Stopped;
        self.is_running.store(false, Ordering::Relaxed);
        if ran >= SETTLED {
            self.settled_once = true;
            self.pause = PAUSE_MIN;
        }
        self.judge(status)?;
        tracing::warn!(ended = self.plan.name, %status, pause_s = self.pause.as_secs_f64(), "starting it again");
        self.state = State::Pausing {
            until: now + self.pause,
        };
        self.pause = PAUSE_MAX.min(self.pause * 2);
        ControlFlow::Continue(())
    }

    /// Whether starting it again may help. A program that drained without being told to by `moor up` was told by the
    /// world (`shutdown()`) or by the operator: that is a wish to stop, and no accident.
    fn judge(&mut self, status: ExitStatus) -> ControlFlow<Exit> {
        let code = status.code();
        if status.success() {
            tracing::info!(
                ended = self.plan.name,
                "it was told to stop; stopping everything"
            );
            return ControlFlow::Break(Exit::Success);
        }
        if code == Some(i32::from(Exit::Usage.code())) {
            tracing::error!(ended = self.plan.name, %status, "its own line above says why; stopping everything");
            return ControlFlow::Break(Exit::Usage);
        }
        let failed = code.is_some();
        if failed && !self.plan.wanted_first().is_empty() {
            tracing::error!(ended = self.plan.name, %status, "there is no world yet, and its own line above says why; stopping everything");
            return ControlFlow::Break(Exit::Failure);
        }
        self.failures += u32::from(failed && !self.settled_once);
        if self.failures >= FAILURES_MAX {
            tracing::error!(ended = self.plan.name, %status, times = self.failures, "never started well; stopping everything");
            return ControlFlow::Break(Exit::Failure);
        }
        ControlFlow::Continue(())
    }
}

/// The status of a process that ended; `None` while it runs.
fn ended(child: &mut Child) -> Option<ExitStatus> {
    // An error would mean that somebody else reaped the process, which nothing here does.
    child.try_wait().ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    fn program() -> (Supervised, Instant) {
        let now = Instant::now();
        let plan = Plan {
            name: "p",
            file: "/nonexistent".into(),
            args: vec![],
            first: None,
            without: vec![],
        };
        (Supervised::new(plan, now), now)
    }

    fn exited(code: i32) -> ExitStatus {
        ExitStatus::from_raw(code << 8)
    }

    fn restarted(verdict: ControlFlow<Exit>) {
        assert_eq!(verdict, ControlFlow::Continue(()));
    }

    fn killed() -> ExitStatus {
        ExitStatus::from_raw(9)
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_start_over_after_a_good_run() {
        let (mut program, now) = program();
        let mut pauses = Vec::new();
        for ran in [0, 0, 0, 0, 0, 0, 0, 6, 0] {
            restarted(program.after_end(killed(), Duration::from_secs(ran), now));
            pauses.push((program.due().expect("it pauses") - now).as_millis());
        }
        assert_eq!(pauses, [200, 400, 800, 1600, 3200, 5000, 5000, 200, 400]);
    }

    #[test]
    fn mistakes_are_not_repeated() {
        let (mut program, now) = program();
        let usage = Exit::Usage;
        assert_eq!(
            program.after_end(exited(usage.code().into()), SETTLED, now),
            ControlFlow::Break(usage)
        );
        assert!(program.is_gone());
    }

    #[test]
    fn a_program_that_was_told_to_stop_ends_everything() {
        for ran in [Duration::ZERO, SETTLED] {
            let (mut program, now) = program();
            let verdict = program.after_end(exited(0), ran, now);
            assert_eq!(verdict, ControlFlow::Break(Exit::Success));
            assert!(program.is_gone());
        }
    }

    #[test]
    fn a_program_that_never_starts_well_is_given_up() {
        let (mut program, now) = program();
        for _ in 1..FAILURES_MAX {
            restarted(program.after_end(exited(1), Duration::ZERO, now));
        }
        assert_eq!(
            program.after_end(exited(1), Duration::ZERO, now),
            ControlFlow::Break(Exit::Failure)
        );
    }

    #[test]
    fn a_program_that_once_started_well_or_was_killed_is_never_given_up() {
        for (status, first_run) in [
            (exited(1), SETTLED),
            (exited(70), SETTLED),
            (killed(), Duration::ZERO),
        ] {
            let (mut program, now) = program();
            restarted(program.after_end(status, first_run, now));
            for _ in 0..3 * FAILURES_MAX {
                restarted(program.after_end(status, Duration::ZERO, now));
            }
        }
    }

    #[test]
    fn a_file_that_cannot_be_run_ends_everything() {
        let (mut program, now) = program();
        assert_eq!(program.tend(now), ControlFlow::Break(Exit::Failure));
    }
}
