//! A folder of programs that the world may start, and nothing else of the machine.
//!
//! In: a name below the folder, arguments, environment, bytes for standard input. Out: the exit code and what the
//! program wrote, within bounds of time and bytes. No shell reads anything, no variable and no open file of this
//! process is handed down, and nothing of a program outlives its run, or this process.

mod folder;
mod guard;
mod run;

pub use folder::{Executable, Executables, check_name};
pub use guard::{Guard, guard};
pub use run::{Bounds, Call, Cancel, Ended};

/// Why a program was not started, or was ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutableError {
    /// The name leads out of the folder, or names something hidden.
    #[error("Invalid path")]
    BadPath,
    /// Nothing has this name.
    #[error("Does not exist")]
    Missing,
    /// What has this name is no file.
    #[error("Is not a file")]
    NotAFile,
    /// It ran longer than it may.
    #[error("the program ran for more than {seconds} seconds and was ended")]
    TooLong {
        /// The bound.
        seconds: u64,
    },
    /// It wrote more than it may.
    #[error("the program wrote more than {bytes_max} bytes and was ended")]
    TooMuch {
        /// The bound.
        bytes_max: usize,
    },
    /// Nobody waits for it any more.
    #[error("the program was ended")]
    Cancelled,
    /// The operating system did not start it, or not let it be watched.
    #[error("the program cannot be started: {0}")]
    Io(#[from] std::io::Error),
}
