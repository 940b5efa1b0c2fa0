//! A player's line, taken apart the way MOO commands are.
//!
//! In: one line of text. Out: its words, and a [`ParsedCommand`] (verb, arguments, preposition,
//! the strings of the direct and indirect object). [`ObjectMatch`] turns such a string into an
//! object, given the names of what the player can see; [`Ranking`] and [`split_ordinal`] do so more
//! leniently, for programs. This crate knows nothing of databases, sessions or tasks: whoever calls it supplies names and does
//! the look-ups.

mod matching;
mod ordinal;
mod parse;
mod preposition;
mod ranking;
mod words;

pub use matching::{ObjectMatch, literal_match};
pub use ordinal::split_ordinal;
pub use parse::ParsedCommand;
pub use preposition::{Preposition, PrepositionSpan};
pub use ranking::{Ranking, Tier};
pub use words::words;
