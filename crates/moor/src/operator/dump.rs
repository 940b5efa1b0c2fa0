//! `moor world dump`: the running daemon writes its world to a file or folder.
//!
//! In: the admin socket, a path, a format. Out: the file, of one moment, while the world goes on; this command ends when it
//! is there.

use std::path::PathBuf;
use std::time::Duration;

use moor_node::admin_api::{DUMP, DumpRequest, DumpState};
use moor_node::{Exit, word_of};

use super::CommandError;
use super::admin_socket::AdminSocketArgs;
use super::output::OutputArgs;

/// How often the daemon is asked how far it is.
const INTERVAL: Duration = Duration::from_millis(100);

/// Write the world of the running daemon to a file or folder, as of one moment, while it goes on. The daemon writes it, as
/// its own user
#[derive(Debug, clap::Parser)]
pub(super) struct Args {
    /// The file or folder, which must be vacant; an object directory is brought up to date
    path: PathBuf,
    /// What is written
    #[arg(long, value_enum, default_value_t = Format::Objdir, value_name = "FORMAT")]
    format: Format,
    #[command(flatten)]
    socket: AdminSocketArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// A format that holds a world as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A folder with a source file for each object
    Objdir,
    /// A file for LambdaMOO where the world uses nothing newer, else for ToastStunt
    Textdump,
    /// A file for LambdaMOO (format 4), or nothing
    Lambdamoo,
    /// A file for ToastStunt (format 17)
    Toaststunt,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let client = args.socket.client()?;
    let path = std::path::absolute(&args.path).unwrap_or_else(|_| args.path.clone());
    let request = DumpRequest {
        path: path.display().to_string(),
        format: word_of(&args.format),
    };
    let mut state: DumpState = client.post(DUMP, &request)?;
    if let Some(why) = state.refused {
        return Err(CommandError::Dump { why });
    }
    let number = state.number;
    while state.is_running && state.number == number {
        std::thread::sleep(INTERVAL);
        state = client.get(DUMP)?;
    }
    if let Some(why) = state.error.filter(|_| state.number == number) {
        return Err(CommandError::Dump { why });
    }
    let written = DumpState {
        error: None,
        ..state
    };
    args.output.show(&written, human);
    Ok(Exit::Success)
}

fn human(written: &DumpState) -> String {
    format!("{} written in {:.1} s\n", written.path, written.seconds)
}
