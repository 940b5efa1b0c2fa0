//! The operator's commands: tokens, peers, and a running daemon, from the command line.
//!
//! In: a command line. Out: a table for people or JSON for machines on standard output, one line on standard error if
//! something is wrong, an exit code. It looks at files and at the daemon's admin socket, and knows nothing of the world.

mod admin_socket;
mod connections;
mod doctor;
mod drain;
mod dump;
mod output;
mod peers;
mod status;
mod token;

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use moor_node::{Exit, complain};

/// One command.
pub(crate) struct Command {
    /// The one or two words of the command line that mean it.
    pub(crate) words: &'static [&'static str],
    /// What it does, for `moor help`.
    pub(crate) about: &'static str,
    run: fn(Vec<OsString>) -> ExitCode,
}

/// All commands, in the order of `moor help`.
pub(crate) static COMMANDS: [Command; 14] = [
    Command {
        words: &["token", "create"],
        about: "Make a token that lets hosts or workers in",
        run: |argv| run("moor token create", argv, token::create),
    },
    Command {
        words: &["token", "list"],
        about: "Tokens, with what is left of them",
        run: |argv| run("moor token list", argv, token::list),
    },
    Command {
        words: &["token", "revoke"],
        about: "End a token",
        run: |argv| run("moor token revoke", argv, token::revoke),
    },
    Command {
        words: &["token", "rotate"],
        about: "Replace the reusable token",
        run: |argv| run("moor token rotate", argv, token::rotate),
    },
    Command {
        words: &["peers", "list"],
        about: "Hosts and workers that may connect, and those that are connected",
        run: |argv| run("moor peers list", argv, peers::list),
    },
    Command {
        words: &["peers", "revoke"],
        about: "Throw a host or worker out",
        run: |argv| run("moor peers revoke", argv, peers::revoke),
    },
    Command {
        words: &["status"],
        about: "How the running daemon is",
        run: |argv| run("moor status", argv, status::run),
    },
    Command {
        words: &["connections", "list"],
        about: "Users that are connected, and through which host",
        run: |argv| run("moor connections list", argv, connections::list),
    },
    Command {
        words: &["drain"],
        about: "Stop the daemon, and tell hosts when to come back",
        run: |argv| run("moor drain", argv, drain::run),
    },
    Command {
        words: &["world", "export"],
        about: "Write a world to a file or folder: a textdump or an object directory",
        run: moor_daemon::world::export,
    },
    Command {
        words: &["world", "dump"],
        about: "Write the world of the running daemon to a file or folder",
        run: |argv| run("moor world dump", argv, dump::run),
    },
    Command {
        words: &["world", "import"],
        about: "Put an object directory into a world",
        run: moor_daemon::world::import,
    },
    Command {
        words: &["world", "check"],
        about: "Compile every verb of an object directory",
        run: moor_daemon::world::check,
    },
    Command {
        words: &["doctor"],
        about: "Why a host or worker on this machine does not join its daemon",
        run: |argv| run("moor doctor", argv, doctor::run),
    },
];

/// Why a command did not do what was asked. Each names the thing and the mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CommandError {
    /// The daemon cannot be asked.
    #[error(transparent)]
    Admin(#[from] moor_node::AdminClientError),
    /// It is not clear which daemon is meant.
    #[error(transparent)]
    Socket(#[from] admin_socket::AmbiguousSocket),
    /// The folders of keys, tokens and peers have no place.
    #[error(transparent)]
    Path(#[from] moor_node::PathError),
    /// Tokens or peers cannot be read or changed.
    #[error(transparent)]
    File(#[from] moor_keyring::FileError),
    /// The daemon's key cannot be had.
    #[error("the daemon's key: {0}")]
    Key(#[from] moor_keyring::KeyError),
    /// No token can be made.
    #[error(transparent)]
    Token(#[from] moor_keyring::TokenError),
    /// No token has this name.
    #[error("there is no token {id}; moor token list names all")]
    NoSuchToken {
        /// What was asked for.
        id: moor_keyring::TokenId,
    },
    /// No peer has this name.
    #[error("no peer {uuid} is enrolled; moor peers list names all")]
    NoSuchPeer {
        /// What was asked for.
        uuid: uuid::Uuid,
    },
    /// The daemon did not write the world.
    #[error("not written: {why}")]
    Dump {
        /// Its reason.
        why: String,
    },
    /// The daemon was asked to stop and did not.
    #[error("the daemon is still there after {waited_s:.0} s; its log says what it waits for")]
    StillThere {
        /// How long was waited.
        waited_s: f64,
    },
}

/// Whether some command begins with this word.
pub(crate) fn begins(word: &OsStr) -> bool {
    COMMANDS.iter().any(|command| word == command.words[0])
}

/// Runs the command that `argv` names from its second element on; the first is the path of the program. [`begins`] was
/// true for the second.
pub(crate) fn call(mut argv: Vec<OsString>) -> ExitCode {
    let first = argv.remove(1);
    let group: Vec<&Command> = COMMANDS
        .iter()
        .filter(|command| first == command.words[0])
        .collect();
    if let [command] = group[..]
        && command.words.len() == 1
    {
        return (command.run)(argv);
    }
    let second = argv.get(1).and_then(|word| word.to_str());
    match second {
        Some("-h" | "--help" | "help") => crate::show(&group_help(&group)),
        Some(second) => match group.iter().find(|command| command.words[1] == second) {
            Some(command) => {
                argv.remove(1);
                (command.run)(argv)
            }
            None => refuse(&group, &format!("unknown command `{second}`")),
        },
        None => refuse(&group, "the command is not complete"),
    }
}

fn refuse(group: &[&Command], what: &str) -> ExitCode {
    let first = group[0].words[0];
    let known: Vec<String> = group
        .iter()
        .map(|command| format!("`{} {}`", crate::NAME, command.words.join(" ")))
        .collect();
    let line = format!("{what}; write {}", known.join(" or "));
    complain(&format!("{} {first}", crate::NAME), line, Exit::Usage).into()
}

fn group_help(group: &[&Command]) -> String {
    let lines: String = group.iter().map(|command| help_line(command)).collect();
    let first = group[0].words[0];
    format!(
        "Usage: {name} {first} COMMAND [FLAGS]\n\nCommands:\n{lines}\n\
         `{name} {first} COMMAND --help` tells the flags of a command.\n",
        name = crate::NAME
    )
}

/// The line of a command in a help text.
pub(crate) fn help_line(command: &Command) -> String {
    format!("  {:<18} {}\n", command.words.join(" "), command.about)
}

/// Parses the command's own flags, and does it.
fn run<A: clap::Parser>(
    name: &'static str,
    argv: Vec<OsString>,
    body: fn(&A) -> Result<Exit, CommandError>,
) -> ExitCode {
    let args: A = match moor_node::parse(name, argv) {
        Ok(args) => args,
        Err(error) => return error.report(name).into(),
    };
    body(&args)
        .unwrap_or_else(|error| complain(name, error, Exit::Failure))
        .into()
}
