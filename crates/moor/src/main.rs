//! The binary `moor`: see the library.

fn main() -> std::process::ExitCode {
    moor::run(std::env::args_os())
}
