//! Checkpoints: moments at which everything committed is known to be durable, and, where that is wanted, written to a
//! file for other servers.
//!
//! In: `dump_database()`, the clock. Out: `#0:checkpoint_started()`, then, when the log is durable up
//! to that moment and the file is there, `#0:checkpoint_finished(success)`. The world goes on meanwhile: commits are
//! durable before anyone sees them, and the file is written from a snapshot, so a checkpoint stops nobody.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, Sender, bounded};
use moor_runtime::Runtime;
use moor_store::CommitLog;
use moor_value::{STACK_BYTES_MIN, Value};

use crate::args::TextFormat;
use crate::export::{self, Moment};

/// How long the log may take to become durable before the checkpoint counts as failed.
const DURABLE_WITHIN: Duration = Duration::from_secs(60);
/// Wishes that wait; more are the same wish.
const WISHES_MAX: usize = 1;
/// A pause that is longer than any daemon runs.
const NEVER: Duration = Duration::from_secs(1 << 30);

/// Asks for checkpoints.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoints(Sender<()>);

/// The thread that makes them. It ends when every [`Checkpoints`] is gone or when told.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

/// The taking end of both channels.
#[derive(Debug)]
pub(crate) struct Wishes(Receiver<()>);

/// What checkpoints are made of, and when.
pub(crate) struct Checkpointing {
    /// The time between two of them where the world does not say; zero: only at wishes.
    pub(crate) interval: Duration,
    /// The file that is written each time.
    pub(crate) export: Option<PathBuf>,
    /// What is written.
    pub(crate) format: TextFormat,
    /// The world.
    pub(crate) runtime: Arc<Runtime>,
    /// Its log.
    pub(crate) log: Arc<dyn CommitLog>,
}

/// A way to ask for checkpoints, and its taking end.
pub(crate) fn wishes() -> (Checkpoints, Wishes) {
    let (sender, receiver) = bounded(WISHES_MAX);
    (Checkpoints(sender), Wishes(receiver))
}

impl Checkpoints {
    /// Asks for a checkpoint; one that waits already is enough.
    pub(crate) fn ask(&self) {
        // Full means that the wish is noted; gone means that the daemon stops.
        let _ = self.0.try_send(());
    }
}

impl Checkpointer {
    /// Makes a checkpoint at each wish and each interval.
    pub(crate) fn start(wishes: Wishes, checkpointing: Checkpointing) -> Result<Self> {
        let (stop, stopped) = bounded(1);
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .stack_size(STACK_BYTES_MIN)
            .spawn(move || checkpointing.keep(&wishes.0, &stopped))?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread; a checkpoint that is under way is finished first.
    pub(crate) fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

impl Checkpointing {
    fn keep(&self, wishes: &Receiver<()>, stopped: &Receiver<()>) {
        loop {
            let mut wanted = crossbeam_channel::Select::new();
            let stop = wanted.recv(stopped);
            wanted.recv(wishes);
            let ready = wanted.ready_timeout(self.pause());
            if ready == Ok(stop)
                || wishes
                    .try_recv()
                    .is_err_and(|error| error.is_disconnected())
            {
                return;
            }
            self.checkpoint();
        }
    }

    /// The time until the next checkpoint.
    fn pause(&self) -> Duration {
        match self.interval.is_zero() {
            true => NEVER,
            false => self
                .runtime
                .dump_interval()
                .unwrap_or(self.interval)
                .min(NEVER),
        }
    }

    fn checkpoint(&self) {
        self.runtime
            .call_system_hook("checkpoint_started", Vec::new());
        self.runtime.collect_cycles();
        let done = self.durable().and_then(|()| self.export());
        if let Err(error) = &done {
            tracing::error!(error = format!("{error:#}"), "checkpoint failed");
        }
        let success = i64::from(done.is_ok());
        self.runtime
            .call_system_hook("checkpoint_finished", vec![Value::Int(success)]);
    }

    fn durable(&self) -> Result<()> {
        let upto = self.log.accepted();
        self.log
            .wait_durable(upto, DURABLE_WITHIN)
            .with_context(|| format!("the log up to commit {upto}"))?;
        tracing::info!(commit = %upto, "checkpoint");
        Ok(())
    }

    fn export(&self) -> Result<()> {
        match &self.export {
            Some(path) => export::write(|| Moment::of(&self.runtime), self.format, path),
            None => Ok(()),
        }
    }
}
