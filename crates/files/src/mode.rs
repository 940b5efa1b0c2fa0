//! How a file is opened, as four letters.

/// How a file is opened. As text: `r`, `w` (made empty) or `a` (written at its end); `+` for reading and writing, else
/// `-`; `t` for text or `b` for binary strings; `f` to flush after each write, else `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenMode {
    /// Whether it can be read.
    pub reads: bool,
    /// Whether it can be written.
    pub writes: bool,
    /// Whether it is made empty, or made if it is not there.
    pub truncates: bool,
    /// Whether everything is written at its end; it is made if it is not there.
    pub appends: bool,
    /// Whether what is read and written are binary strings.
    pub is_binary: bool,
    /// Whether each write is flushed.
    pub flushes: bool,
}

impl OpenMode {
    /// The mode of four letters; `None` if they are not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let [first, plus, kind, flush] = text.as_bytes() else {
            return None;
        };
        let letter = |byte: &u8, yes: u8, no: u8| match *byte {
            byte if byte == yes => Some(true),
            byte if byte == no => Some(false),
            _ => None,
        };
        let both = letter(plus, b'+', b'-')?;
        if !b"rwa".contains(first) {
            return None;
        }
        Some(Self {
            reads: *first == b'r' || both,
            writes: *first != b'r' || both,
            truncates: *first == b'w',
            appends: *first == b'a',
            is_binary: letter(kind, b'b', b't')?,
            flushes: letter(flush, b'f', b'n')?,
        })
    }

    /// What `file_openmode()` shows, which does not tell how a file was opened but what can be done: `r` where it can be
    /// read, else `w`, and always `+`, as ToastStunt has it.
    #[must_use]
    pub fn shown(self) -> String {
        let pick = |on, yes, no| if on { yes } else { no };
        [
            pick(self.reads, 'r', 'w'),
            '+',
            pick(self.is_binary, 'b', 't'),
            pick(self.flushes, 'f', 'n'),
        ]
        .iter()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_read_strictly() {
        let mode = OpenMode::parse("a+bf").expect("a mode");
        assert!(mode.reads && mode.writes && mode.appends && mode.is_binary && mode.flushes);
        let mode = OpenMode::parse("r-tn").expect("a mode");
        assert!(mode.reads && !mode.writes && !mode.truncates && !mode.is_binary && !mode.flushes);
        for wrong in [
            "", "r", "r-t", "r-tnn", "x-tn", "r*tn", "r-xn", "r-tx", "R-tn",
        ] {
            assert_eq!(OpenMode::parse(wrong), None, "{wrong}");
        }
    }
}
