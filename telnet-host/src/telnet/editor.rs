//! The line that a user is typing.
//!
//! In: the data bytes of a connection, with protocol commands taken out. Out: finished lines of text.
//! As in ToastStunt, control characters other than the tab are dropped, backspace and delete take
//! away the last character, and CR, LF or CR LF ends a line (so does the CR of telnet's CR NUL).
//! Unlike there, text is UTF-8; what is not UTF-8 is dropped like a control character.

/// The longest line in bytes. The connection that exceeds it is closed, as ToastStunt does at its own
/// bound (5 MiB); no command or program line comes near.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Lines up to this size keep their buffer for the next one; a longer one gives its memory back.
const BUFFER_KEPT_BYTES: usize = 256;

const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7F;

/// What a byte did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Edited {
    /// Nothing is finished.
    Typing,
    /// A line is finished.
    Line(String),
    /// The line is longer than [`LINE_BYTES_MAX`].
    TooLong,
}

/// The unfinished line.
#[derive(Debug, Default)]
pub(super) struct Editor {
    line: Vec<u8>,
    after_cr: bool,
}

impl Editor {
    /// Takes one data byte.
    pub(super) fn push(&mut self, byte: u8) -> Edited {
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        match byte {
            b'\r' => return Edited::Line(self.finish()),
            b'\n' if after_cr => {}
            b'\n' => return Edited::Line(self.finish()),
            BACKSPACE | DELETE => self.erase_character(),
            b'\t' | b' '..=b'~' | 0x80.. => return self.append(&[byte]),
            _ => {}
        }
        Edited::Typing
    }

    /// Takes as many bytes of plain text from the front of `input` as there are, faster than one by
    /// one. A byte that needs a decision is left there.
    pub(super) fn push_plain(&mut self, input: &mut &[u8]) -> Edited {
        let plain = input
            .iter()
            .take_while(|byte| matches!(byte, b' '..=b'~'))
            .count();
        let room = LINE_BYTES_MAX.saturating_sub(self.line.len());
        let (text, rest) = input.split_at(plain.min(room + 1));
        *input = rest;
        if text.is_empty() {
            return Edited::Typing;
        }
        self.after_cr = false;
        self.append(text)
    }

    /// Takes away the last character (also telnet's EC).
    pub(super) fn erase_character(&mut self) {
        while let Some(byte) = self.line.pop() {
            if byte & 0xC0 != 0x80 {
                break;
            }
        }
    }

    /// Takes away the whole line (telnet's EL).
    pub(super) fn erase_line(&mut self) {
        self.line = Vec::new();
    }

    /// Takes the unfinished line out as it is, for a connection that turns binary in its middle.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.after_cr = false;
        std::mem::take(&mut self.line)
    }

    fn append(&mut self, bytes: &[u8]) -> Edited {
        if self.line.len() + bytes.len() > LINE_BYTES_MAX {
            return Edited::TooLong;
        }
        self.line.extend_from_slice(bytes);
        Edited::Typing
    }

    fn finish(&mut self) -> String {
        let text = clean(&self.line);
        if self.line.capacity() > BUFFER_KEPT_BYTES {
            self.line = Vec::new();
        } else {
            self.line.clear();
        }
        text
    }
}

/// The characters of `line`, without what is not UTF-8 and without the control characters that UTF-8
/// spells with two bytes.
fn clean(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        let valid = chunk.valid();
        if valid.is_ascii() {
            text.push_str(valid);
        } else {
            text.extend(valid.chars().filter(|&c| c == '\t' || !c.is_control()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut editor = Editor::default();
        bytes
            .iter()
            .filter_map(|&byte| match editor.push(byte) {
                Edited::Line(line) => Some(line),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn every_line_end_ends_one_line() {
        assert_eq!(
            lines(b"a\r\nb\nc\rd\r\0e\n\n\r\n"),
            ["a", "b", "c", "d", "e", "", ""]
        );
    }

    #[test]
    fn control_characters_go_and_tabs_stay() {
        assert_eq!(lines(b"a\x01\x1b[1m\tb\x00\n"), ["a[1m\tb"]);
    }

    #[test]
    fn backspace_takes_one_character_and_never_more_than_there_is() {
        assert_eq!(lines("\x08abc\x7f\x08x\n".as_bytes()), ["ax"]);
        assert_eq!(lines("aé\x08b\n".as_bytes()), ["ab"]);
        assert_eq!(lines("a😀\x7fb\n".as_bytes()), ["ab"]);
    }

    #[test]
    fn text_is_utf8_and_what_is_not_is_dropped() {
        assert_eq!(lines("grüße 😀\n".as_bytes()), ["grüße 😀"]);
        assert_eq!(lines(b"caf\xe9 \xff\xf0\x9f ok\n"), ["caf  ok"]);
        assert_eq!(lines("a\u{85}b\n".as_bytes()), ["ab"]);
    }

    #[test]
    fn a_line_may_be_as_long_as_the_bound_and_no_longer() {
        let mut editor = Editor::default();
        let full = vec![b'x'; LINE_BYTES_MAX];
        assert_eq!(editor.push_plain(&mut &full[..]), Edited::Typing);
        assert_eq!(editor.push(b'x'), Edited::TooLong);
        let Edited::Line(line) = editor.push(b'\n') else {
            panic!("the line ends")
        };
        assert_eq!(line.len(), LINE_BYTES_MAX);

        let longer = vec![b'x'; LINE_BYTES_MAX + 1];
        assert_eq!(editor.push_plain(&mut &longer[..]), Edited::TooLong);
    }
}
