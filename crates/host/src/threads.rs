//! The threads that serve users' connections.
//!
//! In: a host's body. Out: what it returned. It does not know what a host does.

use std::io;
use std::num::NonZero;

/// Threads that serve sockets. The work for one user is small; more only add switches.
const WORKERS_MAX: usize = 4;

/// Runs a host's body to its end, with one thread for so many processors. Threads that still wait for something then, such as the look-up of a name, are not
/// waited for.
///
/// # Errors
/// The operating system gives no threads.
pub fn block_on<T>(processors_per_thread: usize, body: impl Future<Output = T>) -> io::Result<T> {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let workers = (processors / processors_per_thread).clamp(1, WORKERS_MAX);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("io-users")
        .enable_all()
        .build()?;
    let result = runtime.block_on(body);
    runtime.shutdown_background();
    Ok(result)
}
