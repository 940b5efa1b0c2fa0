//! What a panic does: one log line, then the end of the process.
//!
//! In: a panic of any thread. Out: a line with the place and the message, exit code 70. A thread that died
//! silently would leave a program that looks healthy and answers nobody; the commit log makes the end of a
//! process harmless, and its supervisor starts it again.

use std::panic::PanicHookInfo;

use crate::exit::{Exit, complain};

/// From now on a panic in any thread writes one line and ends the process with [`Exit::Panic`].
pub fn exit_on_panic(program: &'static str) {
    std::panic::set_hook(Box::new(move |info| {
        complain(program, describe(info), Exit::Panic);
        std::process::exit(i32::from(Exit::Panic.code()));
    }));
}

/// `panic at FILE:LINE:COLUMN in thread NAME: MESSAGE`.
fn describe(info: &PanicHookInfo<'_>) -> String {
    let place = info
        .location()
        .map_or_else(|| "an unknown place".into(), ToString::to_string);
    let thread = std::thread::current();
    let message = info.payload_as_str().unwrap_or("no message");
    format!(
        "panic at {place} in thread {}: {message}",
        thread.name().unwrap_or("unnamed")
    )
}
