//! Signals that are the world's business: SIGUSR1 and SIGUSR2.
//!
//! In: signals. Out: `#0:handle_signal(name)`, and, where the world does not take care of it, a checkpoint for SIGUSR2, as
//! in ToastStunt; SIGUSR1, which makes that server open its log file again, then means nothing. What ends the daemon is
//! `moor_node`'s business.

use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use moor_runtime::Runtime;
use moor_value::STACK_BYTES_MIN;
use signal_hook::consts::{SIGUSR1, SIGUSR2};
use signal_hook::iterator::{Handle, Signals};

use crate::checkpoint::Checkpoints;

/// The thread that hears signals.
#[derive(Debug)]
pub(crate) struct SignalEar {
    handle: Handle,
    thread: JoinHandle<()>,
}

impl SignalEar {
    /// Hears signals from now on.
    pub(crate) fn start(runtime: Arc<Runtime>, checkpoints: Checkpoints) -> Result<Self> {
        let mut signals = Signals::new([SIGUSR1, SIGUSR2]).context("signals cannot be received")?;
        let handle = signals.handle();
        let thread = std::thread::Builder::new()
            .name("world-signals".to_owned())
            .stack_size(STACK_BYTES_MIN)
            .spawn(move || {
                for signal in signals.forever() {
                    hear(signal, &runtime, &checkpoints);
                }
            })?;
        Ok(Self { handle, thread })
    }

    /// Ends the thread; a hook that runs is waited for.
    pub(crate) fn stop(self) {
        self.handle.close();
        let _ = self.thread.join();
    }
}

fn hear(signal: i32, runtime: &Runtime, checkpoints: &Checkpoints) {
    let name = match signal {
        SIGUSR1 => "SIGUSR1",
        _ => "SIGUSR2",
    };
    let is_handled = runtime.handles_signal(name);
    tracing::info!(signal = name, handled_by_world = is_handled, "signal");
    if !is_handled && signal == SIGUSR2 {
        checkpoints.ask();
    }
}
