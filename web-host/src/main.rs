//! The program `moor-web-host`; all of it is in the library.

fn main() -> std::process::ExitCode {
    moor_web_host::run(std::env::args_os())
}
