//! The program `moor-telnet-host`; all of it is in the library.

fn main() -> std::process::ExitCode {
    moor_telnet_host::run(std::env::args_os())
}
