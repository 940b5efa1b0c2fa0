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
    /// The program's name, and the one or two words of the command line that mean the command.
    name: &'static str,
    /// What it does, for `moor help`.
    pub(crate) about: &'static str,
    run: fn(&'static str, Vec<OsString>) -> ExitCode,
}

impl Command {
    /// The words that mean it.
    fn words(&self) -> impl Iterator<Item = &'static str> {
        self.name.split(' ').skip(1)
    }

    /// The first of its words, which several commands may share.
    pub(crate) fn first(&self) -> &'static str {
        self.words().next().unwrap_or_default()
    }

    /// The second of its words.
    fn second(&self) -> Option<&'static str> {
        self.words().nth(1)
    }
}

/// All commands, in the order of `moor help`.
pub(crate) static COMMANDS: [Command; 14] = [
    Command {
        name: "moor token create",
        about: "Make a token that lets hosts or workers in",
        run: |name, argv| run(name, argv, token::create),
    },
    Command {
        name: "moor token list",
        about: "Tokens, with what is left of them",
        run: |name, argv| run(name, argv, token::list),
    },
    Command {
        name: "moor token revoke",
        about: "End a token",
        run: |name, argv| run(name, argv, token::revoke),
    },
    Command {
        name: "moor token rotate",
        about: "Replace the reusable token",
        run: |name, argv| run(name, argv, token::rotate),
    },
    Command {
        name: "moor peers list",
        about: "Hosts and workers that may connect, and those that are connected",
        run: |name, argv| run(name, argv, peers::list),
    },
    Command {
        name: "moor peers revoke",
        about: "Throw a host or worker out",
        run: |name, argv| run(name, argv, peers::revoke),
    },
    Command {
        name: "moor status",
        about: "How the running daemon is",
        run: |name, argv| run(name, argv, status::run),
    },
    Command {
        name: "moor connections list",
        about: "Users that are connected, and through which host",
        run: |name, argv| run(name, argv, connections::list),
    },
    Command {
        name: "moor drain",
        about: "Stop the daemon, and tell hosts when to come back",
        run: |name, argv| run(name, argv, drain::run),
    },
    Command {
        name: "moor world export",
        about: "Write a world to a file or folder: a textdump or an object directory",
        run: |_, argv| moor_daemon::world::export(argv),
    },
    Command {
        name: "moor world dump",
        about: "Write the world of the running daemon to a file or folder",
        run: |name, argv| run(name, argv, dump::run),
    },
    Command {
        name: "moor world import",
        about: "Put an object directory into a world",
        run: |_, argv| moor_daemon::world::import(argv),
    },
    Command {
        name: "moor world check",
        about: "Compile every verb of an object directory",
        run: |_, argv| moor_daemon::world::check(argv),
    },
    Command {
        name: "moor doctor",
        about: "Why a host or worker on this machine does not join its daemon",
        run: |name, argv| run(name, argv, doctor::run),
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
    COMMANDS.iter().any(|command| word == command.first())
}

/// Runs the command that `argv` names from its second element on; the first is the path of the program. [`begins`] was
/// true for the second.
pub(crate) fn call(mut argv: Vec<OsString>) -> ExitCode {
    let first = argv.remove(1);
    let group: Vec<&Command> = COMMANDS
        .iter()
        .filter(|command| first == command.first())
        .collect();
    if let [command] = group[..]
        && command.second().is_none()
    {
        return (command.run)(command.name, argv);
    }
    let second = argv.get(1).and_then(|word| word.to_str());
    match second {
        Some("-h" | "--help" | "help") => crate::show(&group_help(&group)),
        Some(second) => match group
            .iter()
            .find(|command| command.second() == Some(second))
        {
            Some(command) => {
                argv.remove(1);
                (command.run)(command.name, argv)
            }
            None => refuse(&group, &format!("unknown command `{second}`")),
        },
        None => refuse(&group, "the command is not complete"),
    }
}

fn refuse(group: &[&Command], what: &str) -> ExitCode {
    let first = group[0].first();
    let known: Vec<String> = group
        .iter()
        .map(|command| format!("`{}`", command.name))
        .collect();
    let line = format!("{what}; write {}", known.join(" or "));
    complain(&format!("{} {first}", crate::NAME), line, Exit::Usage).into()
}

fn group_help(group: &[&Command]) -> String {
    let lines: String = group.iter().map(|command| help_line(command)).collect();
    let first = group[0].first();
    format!(
        "Usage: {name} {first} COMMAND [FLAGS]\n\nCommands:\n{lines}\n\
         `{name} {first} COMMAND --help` tells the flags of a command.\n",
        name = crate::NAME
    )
}

/// The line of a command in a help text.
pub(crate) fn help_line(command: &Command) -> String {
    let words: Vec<&str> = command.words().collect();
    format!("  {:<18} {}\n", words.join(" "), command.about)
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
