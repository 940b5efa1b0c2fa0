//! The daemon: it owns the world and everything that happens in it.
//!
//! In: a data directory, perhaps a database to import into it, and what hosts report of users.
//! Out: a served world. Tasks and sessions are the runtime's knowledge, sockets the link's; this
//! crate joins them.
//!
//! | part | file |
//! |---|---|
//! | flags | `args`, `addresses`, `heartbeat`, `features` |
//! | opening, importing, the starter world | `database`, `import`, `token_key` |
//! | files that hold the whole world | `export`, `dumps`, `replacement`, `directory`, `world` |
//! | links, keys, tokens and peers | `links`, `gate`, `credentials`, `operator`, `watcher` |
//! | runtime and hosts | `bridge`, `publisher`, `permits`, `convert`, `values`, `topics`, `nodes` |
//! | runtime and workers | `workers` |
//! | what programs of the world reach of the machine | `machine` |
//! | the life of the program, checkpoints | `serve`, `checkpoint` |
//! | the operator's view | `admin`, `measure` |

mod addresses;
mod admin;
mod args;
mod bridge;
mod checkpoint;
mod convert;
mod credentials;
mod database;
mod directory;
mod dumps;
mod export;
mod features;
mod gate;
mod heartbeat;
mod import;
mod links;
mod machine;
mod measure;
mod nodes;
mod object_text;
mod operator;
mod permits;
mod publisher;
mod replacement;
mod serve;
mod signals;
mod start_script;
mod token_key;
mod topics;
mod values;
mod watcher;
mod workers;
pub mod world;

pub use args::ImportFormat;
pub use database::holds_world;
pub use features::FeatureArgs;

use std::ffi::OsString;
use std::process::ExitCode;

/// The name of the program, as in log lines.
pub const PROGRAM: &str = "moor-daemon";

/// The whole program: `argv` is its command line, the first element its path.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    let argv: Vec<OsString> = argv.into_iter().collect();
    if let Some(code) = moor_files::executables::guard(&argv) {
        return code;
    }
    moor_node::run_with_health(PROGRAM, argv, serve::serve)
}
