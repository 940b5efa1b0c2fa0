//! A session's lines that have not run yet.
//!
//! In: lines from the host (numbered) and from `force_input()`. Out: the next line that may run.
//! The bound of what waits is the host's: it stops reading a user's socket while too many of its
//! lines are not done. Forced lines are bounded by [`FORCED_LINES_MAX`] and [`FORCED_BYTES_MAX`].

use std::collections::{BTreeSet, VecDeque};

/// Lines that `force_input()` may queue for one connection; at the bound it raises `E_QUOTA`.
pub(crate) const FORCED_LINES_MAX: usize = 10_000;
/// Bytes of these lines together, likewise: they are in the session's row, which is written anew with each that is taken.
pub(crate) const FORCED_BYTES_MAX: usize = 1 << 20;

/// Lines that begin so are handed to `do_out_of_band_command`.
const OUT_OF_BAND_PREFIX: &str = "#$#";
/// A line that begins so is ordinary, without this beginning.
const QUOTE_PREFIX: &str = "#$\"";

/// How the text of a line came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// A line as typed.
    Text,
    /// Bytes of a connection in binary mode, as a binary string.
    Binary,
    /// Protocol commands from between the lines, as a binary string.
    OutOfBand,
}

/// One line of input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputLine {
    /// The host's number of the line; `None` for a forced line.
    pub number: Option<u64>,
    /// How to read the text.
    pub kind: LineKind,
    /// The line without its end.
    pub text: String,
}

/// A line taken from the queue, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The line; a quoted line has lost its quote.
    pub(crate) line: InputLine,
    /// Whether it goes to `do_out_of_band_command`.
    pub(crate) out_of_band: bool,
}

/// Lines that wait, oldest first, and which of the host's lines have been seen.
#[derive(Debug, Default)]
pub(crate) struct InputQueue {
    lines: VecDeque<InputLine>,
    last_number: Option<u64>,
    done_early: BTreeSet<u64>,
}

impl InputQueue {
    /// A queue whose lines `done` were taken before the daemon stopped.
    pub(crate) fn after_restart(done: impl IntoIterator<Item = u64>, forced: &[String]) -> Self {
        Self {
            lines: forced.iter().map(|text| forced_line(text)).collect(),
            last_number: None,
            done_early: done.into_iter().collect(),
        }
    }

    /// Notes a line that is handled out of line. False when it has been seen before.
    pub(crate) fn note(&mut self, number: Option<u64>) -> bool {
        let Some(number) = number else { return true };
        if self.last_number.is_some_and(|last| number <= last) {
            return false;
        }
        self.last_number = Some(number);
        !self.done_early.remove(&number)
    }

    /// Adds a line from the host. False when it has been seen before and is ignored.
    pub(crate) fn push(&mut self, line: InputLine) -> bool {
        let fresh = self.note(line.number);
        if fresh {
            self.lines.push_back(line);
        }
        fresh
    }

    /// The number of the last line seen from the host.
    pub(crate) fn last_number(&self) -> Option<u64> {
        self.last_number
    }

    /// Lines that were taken before the daemon stopped and that the host may still send.
    pub(crate) fn done_early(&self) -> impl Iterator<Item = u64> + '_ {
        self.done_early.iter().copied()
    }

    /// Numbers of the host's lines that wait.
    pub(crate) fn waiting_numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.lines.iter().filter_map(|line| line.number)
    }

    /// The lines that wait, oldest first.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &InputLine> {
        self.lines.iter()
    }

    /// Adds a line of `force_input()`.
    pub(crate) fn force(&mut self, text: &str, at_front: bool) {
        if at_front {
            self.lines.push_front(forced_line(text));
        } else {
            self.lines.push_back(forced_line(text));
        }
    }

    /// The text of every forced line that waits.
    pub(crate) fn forced(&self) -> impl Iterator<Item = &str> {
        let forced = self.lines.iter().filter(|line| line.number.is_none());
        forced.map(|line| line.text.as_str())
    }

    /// Takes the first line that may run: while input is held, only an out-of-band one.
    pub(crate) fn take(&mut self, held: bool, disable_oob: bool) -> Option<Taken> {
        let at = self.ready(held, disable_oob)?;
        let mut line = self.lines.remove(at)?;
        let out_of_band = !disable_oob && is_out_of_band(&line);
        if !disable_oob
            && line.kind == LineKind::Text
            && let Some(plain) = line.text.strip_prefix(QUOTE_PREFIX)
        {
            line.text = plain.to_owned();
        }
        Some(Taken { line, out_of_band })
    }

    /// Whether [`InputQueue::take`] would give a line.
    pub(crate) fn has_ready(&self, held: bool, disable_oob: bool) -> bool {
        self.ready(held, disable_oob).is_some()
    }

    /// The place of the first line that may run.
    fn ready(&self, held: bool, disable_oob: bool) -> Option<usize> {
        if !held {
            return (!self.lines.is_empty()).then_some(0);
        }
        if disable_oob {
            return None;
        }
        self.lines.iter().position(is_out_of_band)
    }

    /// The first line that is not out of band, for `read(_, 1)`; lines of the numbers `taken` (0 for
    /// each forced one) are passed over.
    pub(crate) fn first_in_band(&self, disable_oob: bool, taken: &[u64]) -> Option<&InputLine> {
        let mut forced_taken = taken.iter().filter(|number| **number == 0).count();
        self.lines.iter().find(|line| {
            let in_band = disable_oob || !is_out_of_band(line);
            in_band
                && match line.number {
                    Some(number) => !taken.contains(&number),
                    None if forced_taken > 0 => {
                        forced_taken -= 1;
                        false
                    }
                    None => true,
                }
        })
    }

    /// Removes a line, wherever it stands.
    pub(crate) fn remove(&mut self, line: &InputLine) {
        if let Some(at) = self.lines.iter().position(|waiting| waiting == line) {
            self.lines.remove(at);
        }
    }

    /// Puts a line back where it was taken: at the front.
    pub(crate) fn put_back(&mut self, line: InputLine) {
        self.lines.push_front(line);
    }

    /// Takes everything, for a flush.
    pub(crate) fn drain(&mut self) -> Vec<InputLine> {
        self.lines.drain(..).collect()
    }

    /// How many lines wait.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }
}

/// A line of `force_input()`.
fn forced_line(text: &str) -> InputLine {
    InputLine {
        number: None,
        kind: LineKind::Text,
        text: text.to_owned(),
    }
}

/// Whether a line goes to `do_out_of_band_command` where that is not disabled.
fn is_out_of_band(line: &InputLine) -> bool {
    match line.kind {
        LineKind::OutOfBand => true,
        LineKind::Binary => false,
        LineKind::Text => line.text.starts_with(OUT_OF_BAND_PREFIX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(number: u64, text: &str) -> InputLine {
        InputLine {
            number: Some(number),
            kind: LineKind::Text,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_line_that_is_sent_again_is_ignored() {
        let mut queue = InputQueue::after_restart([8], &[]);
        assert!(queue.push(typed(7, "a")));
        assert!(!queue.push(typed(7, "a")));
        assert!(!queue.push(typed(8, "b")));
        assert!(queue.push(typed(9, "c")));
        assert_eq!(queue.waiting_numbers().collect::<Vec<_>>(), [7, 9]);
    }

    #[test]
    fn held_input_lets_only_out_of_band_lines_through() {
        let mut queue = InputQueue::default();
        queue.push(typed(1, "look"));
        queue.push(typed(2, "#$#mcp"));
        queue.push(typed(3, "#$\"#$#quoted"));
        assert!(queue.take(true, true).is_none());
        let taken = queue.take(true, false).unwrap();
        assert!(taken.out_of_band);
        assert_eq!(taken.line.text, "#$#mcp");
        assert!(queue.take(true, false).is_none());
        assert_eq!(queue.take(false, false).unwrap().line.text, "look");
        let quoted = queue.take(false, false).unwrap();
        assert!(!quoted.out_of_band);
        assert_eq!(quoted.line.text, "#$#quoted");
    }

    #[test]
    fn forced_lines_may_come_first() {
        let mut queue = InputQueue::default();
        queue.push(typed(1, "a"));
        queue.force("b", false);
        queue.force("c", true);
        assert!(queue.forced().eq(["c", "b"]));
        let order: Vec<_> = std::iter::from_fn(|| queue.take(false, false))
            .map(|taken| taken.line.text)
            .collect();
        assert_eq!(order, ["c", "a", "b"]);
    }
}
