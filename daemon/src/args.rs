//! The daemon's flags.

use std::path::PathBuf;
use std::time::Duration;

use moor_node::{NodeArgs, seconds};

use crate::addresses::AddressArgs;
use crate::features::FeatureArgs;
use crate::heartbeat::HeartbeatArgs;

/// Own a world: its database, its compiler and its tasks
#[derive(Debug, clap::Parser)]
pub(crate) struct Args {
    /// The data directory; an empty or missing one gets the world of --import, or a small starter world
    #[arg(value_name = "DATABASE", default_value = "moor.db")]
    pub(crate) database: PathBuf,
    /// Fill the data directory, which must be empty, from this file or folder, then serve it, or write it with --export
    #[arg(long, value_name = "PATH")]
    pub(crate) import: Option<PathBuf>,
    /// What --import reads
    #[arg(long, value_enum, default_value_t = ImportFormat::Textdump, value_name = "FORMAT")]
    pub(crate) import_format: ImportFormat,
    /// Write the database to this path, which must be vacant, then stop
    #[arg(long, value_name = "PATH")]
    pub(crate) export: Option<PathBuf>,
    /// What --export writes
    #[arg(long, value_enum, default_value_t = ExportFormat::Snapshot, value_name = "FORMAT")]
    pub(crate) export_format: ExportFormat,
    /// Hand this line to #0:do_start_script() at each start, before anything else runs
    #[arg(long, value_name = "LINE")]
    pub(crate) start_line: Option<String>,
    /// Hand the lines of this file to #0:do_start_script() at each start, after --start-line
    #[arg(long, value_name = "FILE")]
    pub(crate) start_script: Option<PathBuf>,
    /// Make a new enrollment token, which ends the former one, write it to enrollment-token in the config folder, and
    /// stop; a daemon that runs takes it at once
    #[arg(long)]
    pub(crate) rotate_enrollment_token: bool,
    #[command(flatten)]
    pub(crate) addresses: AddressArgs,
    #[command(flatten)]
    pub(crate) heartbeat: HeartbeatArgs,
    /// How many threads run tasks; 0 for one per processor
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) worker_threads: u16,
    /// Least time between two syncs of the log, in seconds; 0 syncs whenever something waits for it
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub(crate) commit_interval: Duration,
    /// How often there is a checkpoint, in seconds, where $server_options.dump_interval does not say; 0 for never
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = seconds)]
    pub(crate) checkpoint_interval: Duration,
    /// Write the world to this path at each checkpoint and dump_database(), while it goes on; what was there is replaced
    #[arg(long, value_name = "PATH")]
    pub(crate) checkpoint_export: Option<PathBuf>,
    /// What --checkpoint-export writes
    #[arg(long, value_enum, default_value_t = TextFormat::Textdump, value_name = "FORMAT")]
    pub(crate) checkpoint_export_format: TextFormat,
    /// How long users are kept whose host is out of touch, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub(crate) host_grace: Duration,
    /// How long a user who signed in on the web may come back without a password, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "604800", value_parser = seconds)]
    pub(crate) token_lifetime: Duration,
    /// The folder of wizards' files and SQLite databases, and all that file_open() and its kin reach; default files in the
    /// data directory
    #[arg(long, value_name = "DIR")]
    pub(crate) files: Option<PathBuf>,
    /// The folder of programs of this machine that wizards' code may run (exec()); none unless given. Nothing that the world can
    /// write may be in it
    #[arg(long, value_name = "DIR")]
    pub(crate) executables: Option<PathBuf>,
    /// The dictionary of spellcheck(): the path of a Hunspell dictionary without .aff and .dic
    #[arg(long, value_name = "PATH", default_value = "/usr/share/hunspell/en_US")]
    pub(crate) spelling_dictionary: PathBuf,
    /// Let wizards' programs open connections to other machines, through the telnet host (open_network_connection())
    #[arg(long)]
    pub(crate) outbound_network: bool,
    /// Count the calls of builtins and their time, for bf_counters() and /metrics; each call takes some nanoseconds more
    #[arg(long)]
    pub(crate) count_builtins: bool,
    #[command(flatten)]
    pub(crate) features: FeatureArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

/// A file format that can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ImportFormat {
    /// A database of LambdaMOO (format 1 to 4) or ToastStunt (5 to 17)
    Textdump,
    /// A folder with a source file for each object
    Objdir,
}

/// A format that can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ExportFormat {
    /// A data directory that the daemon can serve
    Snapshot,
    /// A file for LambdaMOO where the world uses nothing newer, else for ToastStunt
    Textdump,
    /// A file for LambdaMOO (format 4), or nothing
    Lambdamoo,
    /// A file for ToastStunt (format 17)
    Toaststunt,
    /// A folder with a source file for each object
    Objdir,
}

/// A format that holds a world as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TextFormat {
    /// A file for LambdaMOO where the world uses nothing newer, else for ToastStunt
    Textdump,
    /// A file for LambdaMOO (format 4), or nothing
    Lambdamoo,
    /// A file for ToastStunt (format 17)
    Toaststunt,
    /// A folder with a source file for each object; one that is there is brought up to date
    Objdir,
}

impl ExportFormat {
    /// The same as a format of text; `None` for a data directory.
    pub(crate) fn text(self) -> Option<TextFormat> {
        match self {
            Self::Snapshot => None,
            Self::Textdump => Some(TextFormat::Textdump),
            Self::Lambdamoo => Some(TextFormat::Lambdamoo),
            Self::Toaststunt => Some(TextFormat::Toaststunt),
            Self::Objdir => Some(TextFormat::Objdir),
        }
    }
}

impl AsRef<NodeArgs> for Args {
    fn as_ref(&self) -> &NodeArgs {
        &self.node
    }
}
