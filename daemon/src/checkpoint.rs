//! Checkpoints: moments at which everything committed is known to be durable.
//!
//! In: `dump_database()`, the clock. Out: `#0:checkpoint_started()`, then, when the log is durable up
//! to that moment, `#0:checkpoint_finished(success)`. The world goes on meanwhile: commits are durable
//! before anyone sees them, so a checkpoint has nothing to write and stops nobody.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use crossbeam_channel::{Receiver, Sender, bounded};
use moor_runtime::Runtime;
use moor_store::CommitLog;
use moor_value::Value;

/// How long the log may take to become durable before the checkpoint counts as failed.
const DURABLE_WITHIN: Duration = Duration::from_secs(60);
/// Wishes that wait; more are the same wish.
const WISHES_MAX: usize = 1;

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
    /// Makes a checkpoint at each wish and each `interval` (zero: only at wishes).
    pub(crate) fn start(
        wishes: Wishes,
        interval: Duration,
        runtime: Arc<Runtime>,
        log: Arc<dyn CommitLog>,
    ) -> Result<Self> {
        let (stop, stopped) = bounded(1);
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || keep(&wishes.0, &stopped, interval, &runtime, &*log))?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread; a checkpoint that is under way is finished first.
    pub(crate) fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

fn keep(
    wishes: &Receiver<()>,
    stopped: &Receiver<()>,
    interval: Duration,
    runtime: &Runtime,
    log: &dyn CommitLog,
) {
    let interval = if interval.is_zero() {
        Duration::MAX
    } else {
        interval
    };
    loop {
        let mut wanted = crossbeam_channel::Select::new();
        let stop = wanted.recv(stopped);
        wanted.recv(wishes);
        // A timeout too long for the clock means never, which select_timeout cannot express.
        let ready = wanted.ready_timeout(interval.min(Duration::from_secs(1 << 30)));
        if ready == Ok(stop)
            || wishes
                .try_recv()
                .is_err_and(|error| error.is_disconnected())
        {
            return;
        }
        checkpoint(runtime, log);
    }
}

/// One checkpoint.
fn checkpoint(runtime: &Runtime, log: &dyn CommitLog) {
    runtime.call_system_hook("checkpoint_started", Vec::new());
    runtime.collect_cycles();
    let upto = log.accepted();
    let durable = log.wait_durable(upto, DURABLE_WITHIN);
    match &durable {
        Ok(()) => tracing::info!(commit = %upto, "checkpoint"),
        Err(error) => tracing::error!(commit = %upto, %error, "checkpoint failed"),
    }
    let success = i64::from(durable.is_ok());
    runtime.call_system_hook("checkpoint_finished", vec![Value::Int(success)]);
}
