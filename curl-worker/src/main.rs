//! The program `moor-curl-worker`: see the library.

fn main() -> std::process::ExitCode {
    moor_curl_worker::run(std::env::args_os())
}
