//! The multi-call binary: every program of this workspace in one file, `moor up`, which runs them together, and the
//! operator's commands.
//!
//! In: a command line. Out: that of the program it names, by its first word (`moor daemon ...`) or by the name of the
//! link through which the binary was called (`moor-daemon ...`). It knows the programs' names and flags, and nothing
//! of what they do.

mod operator;
mod output;
mod programs;
mod runtime_folder;
mod supervised;
mod supervisor;
mod up;
mod vacancy;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use moor_node::{Exit, complain};

use operator::COMMANDS;
use programs::{PROGRAMS, Program};

/// The name of the binary, as in messages.
const NAME: &str = "moor";

/// A mistyped word is answered with a known one that is at least this similar (Jaro-Winkler, 0 to 1).
const NEAR_MIN: f64 = 0.8;

/// What a command line asks for, and the arguments that remain (the first is the path of the program).
enum Call {
    Up(Vec<OsString>),
    Program(&'static Program, Vec<OsString>),
    Operator(Vec<OsString>),
    Help,
    Version,
    Unknown(OsString),
}

/// Acts as the program that `argv` names; its first element is the path by which the binary was called.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    match understand(argv.into_iter().collect()) {
        Call::Up(rest) => up::run(rest),
        Call::Program(program, rest) => (program.run)(rest.into_iter()),
        Call::Operator(rest) => operator::call(rest),
        Call::Help => show(&help()),
        Call::Version => show(&format!("{NAME} {}\n", moor_node::long_version())),
        Call::Unknown(word) => complain(NAME, unknown(&word), Exit::Usage).into(),
    }
}

fn understand(mut argv: Vec<OsString>) -> Call {
    let called = argv.first().map(Path::new).and_then(Path::file_name);
    if let Some(program) = PROGRAMS
        .iter()
        .find(|program| called == Some(OsStr::new(program.name)))
    {
        return Call::Program(program, argv);
    }
    let Some(word) = argv.get(1).cloned() else {
        return Call::Up(argv);
    };
    match word.to_str() {
        Some("-h" | "--help" | "help") => return Call::Help,
        Some("-V" | "--version" | "version") => return Call::Version,
        Some(flag) if flag.starts_with('-') => return Call::Up(argv),
        _ if operator::begins(&word) => return Call::Operator(argv),
        _ => argv.remove(1),
    };
    match PROGRAMS.iter().find(|program| word == program.word) {
        Some(program) => Call::Program(program, argv),
        None if word == "up" => Call::Up(argv),
        None => Call::Unknown(word),
    }
}

fn help() -> String {
    let programs: String = PROGRAMS
        .iter()
        .map(|program| format!("  {:<18} {}\n", program.word, program.about))
        .collect();
    let commands: String = COMMANDS.iter().map(operator::help_line).collect();
    format!(
        "A MOO server: a world that many people share, build and program.\n\n\
         Usage: {NAME} [COMMAND] [FLAGS]\n\n\
         Programs:\n  {:<18} Run the world on this machine: everything that users need (the default)\n{programs}\n\
         Commands of the operator:\n{commands}\n\
         `{NAME} COMMAND --help` tells the flags of a command.\n",
        "up"
    )
}

fn unknown(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let known = PROGRAMS
        .iter()
        .map(|program| program.word)
        .chain(COMMANDS.iter().map(operator::Command::first))
        .chain(["up", "help"]);
    let similar = known.map(|known| (strsim::jaro_winkler(&word, known), known));
    let best = similar.max_by(|one, other| one.0.total_cmp(&other.0));
    let mend = match best.filter(|(score, _)| *score >= NEAR_MIN) {
        Some((_, near)) => format!("did you mean `{NAME} {near}`?"),
        None => format!("run `{NAME} help` for all commands"),
    };
    format!("unknown command `{word}`; {mend}")
}

fn show(text: &str) -> ExitCode {
    // A closed standard output (`moor help | head -1`) is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Exit::Success.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `WHAT: ARGUMENTS`, as text.
    fn understood(argv: &[&str]) -> String {
        let (what, rest) = match understand(argv.iter().map(OsString::from).collect()) {
            Call::Up(rest) => ("up", rest),
            Call::Program(program, rest) => (program.name, rest),
            Call::Operator(rest) => ("operator", rest),
            Call::Help => ("help", vec![]),
            Call::Version => ("version", vec![]),
            Call::Unknown(word) => ("unknown", vec![word]),
        };
        let rest: Vec<_> = rest.iter().map(|word| word.to_string_lossy()).collect();
        format!("{what}: {}", rest.join(" "))
    }

    #[test]
    fn command_lines_name_programs() {
        for (argv, wanted) in [
            (&["moor"][..], "up: moor"),
            (
                &["/bin/moor", "--telnet-port", "1"],
                "up: /bin/moor --telnet-port 1",
            ),
            (&["moor", "up", "--help"], "up: moor --help"),
            (
                &["moor", "daemon", "dir", "--x"],
                "moor-daemon: moor dir --x",
            ),
            (&["moor", "telnet-host"], "moor-telnet-host: moor"),
            (&["/x/moor-daemon", "up"], "moor-daemon: /x/moor-daemon up"),
            (&["moor-web-host"], "moor-web-host: moor-web-host"),
            (&["moor", "--help"], "help: "),
            (&["moor", "-V"], "version: "),
            (
                &["moor", "status", "--json"],
                "operator: moor status --json",
            ),
            (&["moor", "demon"], "unknown: demon"),
            (&[], "up: "),
        ] {
            assert_eq!(understood(argv), wanted, "{argv:?}");
        }
    }

    #[test]
    fn unknown_words_are_answered_with_a_near_one() {
        assert_eq!(
            unknown(OsStr::new("demon")),
            "unknown command `demon`; did you mean `moor daemon`?"
        );
        assert_eq!(
            unknown(OsStr::new("xyz")),
            "unknown command `xyz`; run `moor help` for all commands"
        );
    }
}
