//! The exit codes of every program, and the one line that says why.
//!
//! In: an outcome. Out: a process exit code and a line on standard error. Codes from 64 to 78 are those of BSD's
//! `sysexits.h`; from 80 up they are our own: why a program may not join its daemon. It does not decide what is a
//! failure: the programs do.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// How a program ends. The numbers are part of the interface: service managers and `moor up` act on them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Exit {
    /// It did what was asked, or drained completely after SIGTERM or SIGINT.
    Success = 0,
    /// Something failed while running; starting it again may help.
    Failure = 1,
    /// The command line, the environment or the configuration file is wrong; starting it again does not help.
    Usage = 2,
    /// It stopped before its drain was complete: a second signal came, or `--drain-timeout` passed.
    Hurried = 3,
    /// `moor doctor` looked at everything and something is wrong; a line for each says what and the mend.
    Ailing = 4,
    /// `moor world check` or `moor world import` found files that are not as they should be; a line for each says where.
    Faulty = 5,
    /// `moor world import` found objects that are not the same in the world, and was not told what to do with them.
    Conflict = 6,
    /// A panic: a defect in the program, logged in one line (`EX_SOFTWARE`).
    Panic = 70,
    /// It must enroll and has no enrollment token, or what it was given is none.
    NoToken = 80,
    /// The daemon does not know the enrollment token.
    TokenUnknown = 81,
    /// The enrollment token's time is over.
    TokenExpired = 82,
    /// The enrollment token has let in as many programs as it may.
    TokenUsedUp = 83,
    /// The enrollment token is for programs of another kind.
    TokenWrongService = 84,
    /// Who answers is not the daemon whose key the token, or an earlier enrollment, names.
    WrongServerKey = 85,
    /// The daemon threw this program's key out, and the token at hand does not let it in again.
    Revoked = 86,
}

impl Exit {
    /// The number that the operating system is given.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// Writes one line, `PROGRAM: MESSAGE`, to standard error, and returns `exit` for the caller to return.
///
/// The alternate form of `message` is used, which for `anyhow::Error` is the whole chain of causes. Line breaks
/// become `; `. A closed standard error is no reason to fail: the exit code still tells.
pub fn complain(program: &str, message: impl Display, exit: Exit) -> Exit {
    // The result is dropped because there is nobody left to tell.
    let _ = writeln!(
        std::io::stderr(),
        "{program}: {}",
        one_line(&format!("{message:#}"))
    );
    exit
}

fn one_line(text: &str) -> String {
    let mut line = joined(text.lines().map(str::trim));
    let told = without_repetition(&line).len();
    line.truncate(told);
    line
}

/// One line of several: between them `; `, or a space after a colon.
pub(crate) fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for part in lines.filter(|part| !part.is_empty()) {
        line.push_str(match line.chars().next_back() {
            None => "",
            Some(':') => " ",
            Some(_) => "; ",
        });
        line.push_str(part);
    }
    line
}

/// Without a last cause that the sentence before it ends with already: some errors tell their source, and so does the
/// chain of causes.
fn without_repetition(line: &str) -> &str {
    line.match_indices(": ")
        .find(|(at, colon)| line[..*at].ends_with(&line[at + colon.len()..]))
        .map_or(line, |(at, _)| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_takes_one_line_and_is_said_once() {
        for (text, line) in [
            ("bad flag", "bad flag"),
            (
                "missing:\n  --type <TYPE>\n\nrun with --help\n",
                "missing: --type <TYPE>; run with --help",
            ),
            (
                "a: cannot read: Not a folder (20): Not a folder (20)",
                "a: cannot read: Not a folder (20)",
            ),
            ("a: b: c", "a: b: c"),
            ("ends: ", "ends:"),
            ("", ""),
        ] {
            assert_eq!(one_line(text), line);
        }
    }
}
