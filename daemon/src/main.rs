//! The binary `moor-daemon`.

use std::process::ExitCode;

fn main() -> ExitCode {
    moor_daemon::run(std::env::args_os())
}
