//! The programs that the tests run: the same library call as the binary `moor`.
//!
//! In: a command line. Out: that of the program it names. It exists because cargo builds, for the tests of a crate,
//! only that crate's own binaries.

fn main() -> std::process::ExitCode {
    moor::run(std::env::args_os())
}
