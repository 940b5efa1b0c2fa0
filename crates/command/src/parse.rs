//! A line as a command: verb, arguments, preposition and objects' strings.
//!
//! In: a line. Out: [`ParsedCommand`]. Objects are not looked up here.

use crate::preposition::{Preposition, PrepositionSpan};
use crate::words::{after_first_word, words};

/// A command, taken apart (LambdaMOO manual, "The built-in command parser").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedCommand {
    /// The first word.
    pub verb: String,
    /// Everything behind the first word, as typed.
    pub argstr: String,
    /// The words behind the first.
    pub args: Vec<String>,
    /// The words before the preposition (all of them when there is none), joined by spaces.
    pub dobjstr: String,
    /// The preposition found, if any.
    pub preposition: Option<Preposition>,
    /// The words of the preposition as typed, joined by spaces.
    pub prepstr: String,
    /// The words behind the preposition, joined by spaces.
    pub iobjstr: String,
}

impl ParsedCommand {
    /// Takes `line` apart; nothing when it has no word. A first character `"`, `:` or `;` stands
    /// for the verb `say`, `emote` or `eval`.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim_start_matches(' ');
        let (words, argstr) = match shorthand(line) {
            Some((verb, rest)) => (words(&format!("{verb} {rest}")), rest),
            None => (words(line), after_first_word(line)),
        };
        let (verb, args) = words.split_first()?;
        let span = Preposition::find(args);
        let (dobjstr, prepstr, iobjstr) = split_around(args, span);
        Some(Self {
            verb: verb.clone(),
            argstr: argstr.to_owned(),
            args: args.to_vec(),
            dobjstr,
            preposition: span.map(|span| span.preposition),
            prepstr,
            iobjstr,
        })
    }
}

/// The verb that a line's first character stands for, and the text behind that character.
fn shorthand(line: &str) -> Option<(&'static str, &str)> {
    let verb = match line.chars().next()? {
        '"' => "say",
        ':' => "emote",
        ';' => "eval",
        _ => return None,
    };
    Some((verb, &line[1..]))
}

/// The strings before, in and behind the preposition.
fn split_around(args: &[String], span: Option<PrepositionSpan>) -> (String, String, String) {
    match span {
        None => (args.join(" "), String::new(), String::new()),
        Some(span) => (
            args[..span.first].join(" "),
            args[span.first..=span.last].join(" "),
            args[span.last + 1..].join(" "),
        ),
    }
}
