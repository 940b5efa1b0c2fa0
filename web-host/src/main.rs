//! The program `moor-web-host`: see the library.

fn main() -> std::process::ExitCode {
    moor_web_host::run(std::env::args_os())
}
