//! The smallest program on moor-node: it says that it is ready, and acts on the lines of its standard input. The tests
//! of this crate run it as a process.
//!
//! In: lines `fail`, `panic`, `contained`, `log`, `stuck`. Out: `ready` on standard output, log lines, an exit code. It knows no network.

use std::io::BufRead;
use std::process::ExitCode;

use moor_node::{Drain, Exit, NodeArgs};

/// The smallest program on moor-node.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    node: NodeArgs,
}

impl AsRef<NodeArgs> for Args {
    fn as_ref(&self) -> &NodeArgs {
        &self.node
    }
}

fn main() -> ExitCode {
    moor_node::run("moor-smallest", std::env::args_os(), |_: Args, drain| {
        serve(&drain)
    })
}

fn serve(drain: &Drain) -> Result<Exit, std::io::Error> {
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        match line?.as_str() {
            "fail" => return Err(std::io::Error::other("it failed\nfor a reason")),
            "panic" => panic!("it panicked"),
            "contained" => contained()?,
            "contained here" => contained_here(),
            "log" => tracing::info!(answer = 42, "logged"),
            "stuck" => {
                drain.wait();
                println!("draining");
                // Never done: only a second signal or the limit ends it.
                Drain::new(drain.limit()).wait();
            }
            other => tracing::warn!(line = other, "unknown line"),
        }
    }
    drain.wait();
    tracing::info!("drained");
    Ok(Exit::Success)
}

/// A thread that is known to catch its panics.
fn contained() -> Result<(), std::io::Error> {
    moor_node::contain_panics(&["worker-"]);
    let thread = std::thread::Builder::new().name("worker-1".into());
    let ended = thread.spawn(|| panic!("it panicked"))?.join();
    println!("contained {}", ended.is_err());
    Ok(())
}

/// A part of this thread that catches its panics.
fn contained_here() {
    let ended = moor_node::containing_panics(|| std::panic::catch_unwind(|| panic!("it panicked")));
    println!("contained {}", ended.is_err());
}
