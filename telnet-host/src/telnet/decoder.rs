//! Bytes of a telnet connection to its input, one item at a time.
//!
//! In: chunks of bytes as they were read, cut anywhere. Out: lines, protocol commands with their
//! answers, or a chunk of binary input. The same bytes give the same items however they are cut,
//! except in binary mode, where a chunk is an item as in LambdaMOO. Nothing here allocates more than
//! [`LINE_BYTES_MAX`](super::LINE_BYTES_MAX) for a line and [`SUBNEGOTIATION_BYTES_MAX`] for a command.

use super::IAC;
use super::binary::push_binary;
use super::editor::{Edited, Editor};
use super::negotiation::{Negotiation, OptionCommand, is_verb};

/// The longest subnegotiation in bytes, from its IAC SB to its IAC SE; a longer one is ignored whole.
pub const SUBNEGOTIATION_BYTES_MAX: usize = 16 << 10;

const SUBNEGOTIATION_END: u8 = 240;
const ARE_YOU_THERE: u8 = 246;
const ERASE_CHARACTER: u8 = 247;
const ERASE_LINE: u8 = 248;
const SUBNEGOTIATION: u8 = 250;

/// One thing that came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// A line of text.
    Line(String),
    /// Bytes of a connection in binary mode, as a binary string.
    Binary(String),
    /// A telnet command for the world, as a binary string, and the answer that the host owes it.
    Command {
        /// The whole command, such as `~FF~FB~1F`.
        text: String,
        /// What to send back.
        answer: Option<OptionCommand>,
    },
    /// The user asks whether anybody is there (IAC AYT).
    AreYouThere,
    /// The line is longer than [`LINE_BYTES_MAX`](super::LINE_BYTES_MAX); nothing more is read from this connection.
    TooLong,
}

/// Where in the protocol the next byte falls.
#[derive(Debug)]
enum State {
    Data,
    Command,
    Option {
        verb: u8,
    },
    /// Inside a subnegotiation, with its bytes so far; `None` when it is too long.
    Sub {
        bytes: Option<Vec<u8>>,
        after_iac: bool,
    },
    Closed,
}

/// The reading side of one connection.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    editor: Editor,
    negotiation: Negotiation,
    binary: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            state: State::Data,
            editor: Editor::default(),
            negotiation: Negotiation::default(),
            binary: false,
        }
    }
}

impl Decoder {
    /// Takes bytes from the front of `input` until one item is complete; `None` when they are used up.
    pub fn next(&mut self, input: &mut &[u8]) -> Option<Input> {
        if self.binary {
            return self.next_binary(input);
        }
        loop {
            if matches!(self.state, State::Data)
                && let Edited::TooLong = self.editor.push_plain(input)
            {
                return self.close();
            }
            let (&byte, rest) = input.split_first()?;
            *input = rest;
            let item = self.take(byte);
            if item.is_some() {
                return item;
            }
        }
    }

    /// Turns binary mode on or off for the bytes that follow. What was typed of a line goes in front
    /// of the first binary chunk.
    pub fn set_binary(&mut self, binary: bool) {
        self.binary = binary;
    }

    /// Whether binary mode is on.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.binary
    }

    /// The command to send for a new value of the `client-echo` option.
    pub fn set_client_echo(&mut self, client_echoes: bool) -> OptionCommand {
        self.negotiation.set_client_echo(client_echoes)
    }

    /// Notes raw output of the world, which may negotiate options by itself.
    pub fn world_sends(&mut self, bytes: &[u8]) {
        self.negotiation.world_sends(bytes);
    }

    fn next_binary(&mut self, input: &mut &[u8]) -> Option<Input> {
        if input.is_empty() || matches!(self.state, State::Closed) {
            return None;
        }
        let typed = self.editor.take();
        let bytes = std::mem::take(input);
        let mut text = String::with_capacity(typed.len() + bytes.len());
        push_binary(&mut text, &typed);
        push_binary(&mut text, bytes);
        Some(Input::Binary(text))
    }

    fn take(&mut self, byte: u8) -> Option<Input> {
        match &mut self.state {
            State::Data if byte == IAC => {
                self.state = State::Command;
                None
            }
            State::Data => self.data(byte),
            State::Command => self.command(byte),
            State::Option { verb } => {
                let verb = *verb;
                self.state = State::Data;
                self.option(verb, byte)
            }
            State::Sub {
                after_iac: true, ..
            } => self.sub_command(byte),
            State::Sub { bytes, after_iac } => {
                push_bounded(bytes, byte);
                *after_iac = byte == IAC;
                None
            }
            State::Closed => None,
        }
    }

    fn data(&mut self, byte: u8) -> Option<Input> {
        match self.editor.push(byte) {
            Edited::Typing => None,
            Edited::Line(line) => Some(Input::Line(line)),
            Edited::TooLong => self.close(),
        }
    }

    fn command(&mut self, byte: u8) -> Option<Input> {
        self.state = State::Data;
        match byte {
            verb if is_verb(verb) => self.state = State::Option { verb },
            SUBNEGOTIATION => {
                self.state = State::Sub {
                    bytes: Some(vec![IAC, SUBNEGOTIATION]),
                    after_iac: false,
                };
            }
            IAC => return self.data(IAC),
            ERASE_CHARACTER => self.editor.erase_character(),
            ERASE_LINE => self.editor.erase_line(),
            ARE_YOU_THERE => return Some(Input::AreYouThere),
            // No operation, data mark, break, interrupt, abort output, go ahead, and bytes that are
            // no command: nothing to do for any of them.
            _ => {}
        }
        None
    }

    fn option(&mut self, verb: u8, option: u8) -> Option<Input> {
        let answer = self.negotiation.receive(verb, option);
        if answer.is_none() && self.negotiation.answers_host(verb, option) {
            return None;
        }
        let mut text = String::new();
        push_binary(&mut text, &[IAC, verb, option]);
        Some(Input::Command { text, answer })
    }

    /// The byte after an IAC in a subnegotiation: a doubled IAC, the end, or a command that cuts the
    /// subnegotiation short, which is then ignored.
    fn sub_command(&mut self, byte: u8) -> Option<Input> {
        let State::Sub { bytes, after_iac } = &mut self.state else {
            return None;
        };
        if byte == IAC {
            push_bounded(bytes, byte);
            *after_iac = false;
            return None;
        }
        if byte != SUBNEGOTIATION_END {
            return self.command(byte);
        }
        push_bounded(bytes, byte);
        let bytes = bytes.take();
        self.state = State::Data;
        let mut text = String::new();
        push_binary(&mut text, &bytes?);
        Some(Input::Command { text, answer: None })
    }

    fn close(&mut self) -> Option<Input> {
        self.state = State::Closed;
        self.editor.take();
        Some(Input::TooLong)
    }
}

/// Appends to a subnegotiation, or gives it up when it is full.
fn push_bounded(bytes: &mut Option<Vec<u8>>, byte: u8) {
    match bytes {
        Some(all) if all.len() < SUBNEGOTIATION_BYTES_MAX => all.push(byte),
        _ => *bytes = None,
    }
}

#[cfg(test)]
mod tests;
