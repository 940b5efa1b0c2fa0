//! What a panic does: one line, then the end of the process, unless the thread is known to contain its panics.
//!
//! In: a panic of any thread. Out: a line with the place and the message, exit code 70. A thread that died
//! silently would leave a program that looks healthy and answers nobody; the commit log makes the end of a
//! process harmless, and its supervisor starts it again. But a thread that runs what users typed catches its panics and goes
//! on: otherwise the line that met a defect would be sent again after each restart, and end the process again.

use std::cell::Cell;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::thread::Thread;

use crate::exit::{Exit, complain};

/// What the names of threads that contain their panics begin with.
static CONTAINED: OnceLock<&'static [&'static str]> = OnceLock::new();

thread_local! {
    /// Whether this thread catches its panics at the moment.
    static CONTAINS: Cell<bool> = const { Cell::new(false) };
}

/// Runs what catches its panics itself: one there is written as a line, and the process goes on, whatever the thread is called.
pub fn containing_panics<R>(body: impl FnOnce() -> R) -> R {
    let before = CONTAINS.replace(true);
    let result = body();
    CONTAINS.set(before);
    result
}

/// From now on a panic in any thread writes one line and ends the process with [`Exit::Panic`].
pub fn exit_on_panic(program: &'static str) {
    std::panic::set_hook(Box::new(move |info| {
        let thread = std::thread::current();
        complain(program, describe(info, &thread), Exit::Panic);
        if !is_contained(&thread) {
            std::process::exit(i32::from(Exit::Panic.code()));
        }
    }));
}

/// Declares that threads whose names begin with one of `prefixes` catch their panics themselves: the line is written, the
/// process goes on. The first call of a process counts.
pub fn contain_panics(prefixes: &'static [&'static str]) {
    CONTAINED.get_or_init(|| prefixes);
}

fn is_contained(thread: &Thread) -> bool {
    if CONTAINS.get() {
        return true;
    }
    let prefixes = CONTAINED.get().copied().unwrap_or_default();
    let name = thread.name().unwrap_or_default();
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// `panic at FILE:LINE:COLUMN in thread NAME: MESSAGE`.
fn describe(info: &PanicHookInfo<'_>, thread: &Thread) -> String {
    let place = info
        .location()
        .map_or_else(|| "an unknown place".into(), ToString::to_string);
    let message = info.payload_as_str().unwrap_or("no message");
    format!(
        "panic at {place} in thread {}: {message}",
        thread.name().unwrap_or("unnamed")
    )
}
