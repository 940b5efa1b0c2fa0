//! The lines of one user that the daemon has not yet taken.
//!
//! In: lines as they are typed, and news of which are done. Out: the lines to send, each with its
//! number, once per connection to the daemon; after a reconnect those that are not done come again.
//! The window is bounded: while it is full its owner reads no more from the socket, so that TCP makes
//! a flooding client wait. It does not know how a line is sent.

use std::collections::VecDeque;

use moor_rpc::{LineKind, LineNumber};

/// Lines that may wait; one more is not read.
pub const WINDOW_LINES_MAX: usize = 256;

/// Bytes of lines that may wait (LambdaMOO's bound of queued input). The line that passes it is still
/// taken, as it has been read; the next is not.
pub const WINDOW_BYTES_MAX: usize = 65_536;

/// Lines that are not done, in order.
#[derive(Debug)]
pub struct LineWindow {
    /// `None` for a line that was done out of turn.
    lines: VecDeque<Option<WaitingLine>>,
    /// The number of the front of `lines`.
    first: LineNumber,
    /// The number of the next line to send.
    unsent: LineNumber,
    bytes: usize,
}

#[derive(Debug)]
struct WaitingLine {
    kind: LineKind,
    text: Box<str>,
}

impl Default for LineWindow {
    fn default() -> Self {
        let first = LineNumber(1);
        Self {
            lines: VecDeque::new(),
            first,
            unsent: first,
            bytes: 0,
        }
    }
}

impl LineWindow {
    /// Numbers a line and keeps it until it is done.
    pub fn push(&mut self, kind: LineKind, text: String) {
        self.bytes += text.len();
        self.lines.push_back(Some(WaitingLine {
            kind,
            text: text.into_boxed_str(),
        }));
    }

    /// Whether one more line may be read.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.lines.len() < WINDOW_LINES_MAX && self.bytes < WINDOW_BYTES_MAX
    }

    /// Whether every line is done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The number of the last line that was ever pushed; 0 before the first.
    #[must_use]
    pub fn last(&self) -> LineNumber {
        LineNumber(self.first.0 + self.lines.len() as u64 - 1)
    }

    /// The next line to send.
    #[must_use]
    pub fn next_unsent(&self) -> Option<(LineNumber, LineKind, &str)> {
        let from = usize::try_from(self.unsent.0 - self.first.0).ok()?;
        let waiting = self.lines.iter().enumerate().skip(from);
        let (index, line) = waiting
            .filter_map(|(i, line)| Some((i, line.as_ref()?)))
            .next()?;
        Some((
            LineNumber(self.first.0 + index as u64),
            line.kind,
            &line.text,
        ))
    }

    /// Notes that everything up to `number` was sent.
    pub fn sent(&mut self, number: LineNumber) {
        self.unsent = self.unsent.max(LineNumber(number.0.min(self.last().0) + 1));
    }

    /// Makes every line that is not done unsent again.
    pub fn send_again(&mut self) {
        self.unsent = self.first;
    }

    /// Notes that one line is done. A number that is not waiting is ignored: the news may come twice.
    pub fn done(&mut self, number: LineNumber) {
        let index = number
            .0
            .checked_sub(self.first.0)
            .and_then(|i| usize::try_from(i).ok());
        if let Some(line) = index.and_then(|i| self.lines.get_mut(i)?.take()) {
            self.bytes -= line.text.len();
        }
        while let Some(None) = self.lines.front() {
            self.lines.pop_front();
            self.first = self.first.next();
        }
        self.unsent = self.unsent.max(self.first);
        if self.lines.is_empty() {
            self.lines = VecDeque::new();
        }
    }

    /// Notes that every line up to `number` is done.
    pub fn done_up_to(&mut self, number: LineNumber) {
        while self.first <= number && !self.lines.is_empty() {
            self.done(self.first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(lines: &[&str]) -> LineWindow {
        let mut window = LineWindow::default();
        lines
            .iter()
            .for_each(|line| window.push(LineKind::Text, (*line).into()));
        window
    }

    fn send_all(window: &mut LineWindow) -> Vec<(u64, String)> {
        let mut sent = Vec::new();
        while let Some((number, _, text)) = window.next_unsent() {
            sent.push((number.0, text.to_string()));
            window.sent(number);
        }
        sent
    }

    fn numbered(lines: &[(u64, &str)]) -> Vec<(u64, String)> {
        lines
            .iter()
            .map(|(number, text)| (*number, (*text).to_string()))
            .collect()
    }

    #[test]
    fn lines_are_numbered_from_one_and_sent_once() {
        let mut window = window(&["a", "b"]);
        assert_eq!(send_all(&mut window), numbered(&[(1, "a"), (2, "b")]));
        assert_eq!(send_all(&mut window), []);
        window.push(LineKind::Text, "c".into());
        assert_eq!(send_all(&mut window), numbered(&[(3, "c")]));
        assert_eq!(window.last(), LineNumber(3));
    }

    #[test]
    fn what_is_not_done_is_sent_again() {
        let mut window = window(&["a", "b", "c", "d"]);
        send_all(&mut window);
        window.done(LineNumber(1));
        window.done(LineNumber(3));
        window.send_again();
        assert_eq!(send_all(&mut window), numbered(&[(2, "b"), (4, "d")]));
        window.done_up_to(LineNumber(3));
        window.send_again();
        assert_eq!(send_all(&mut window), numbered(&[(4, "d")]));
        window.done(LineNumber(4));
        assert!(window.is_empty());
        assert_eq!(window.last(), LineNumber(4));
    }

    #[test]
    fn news_that_comes_twice_or_too_early_changes_nothing() {
        let mut window = window(&["a"]);
        window.done(LineNumber(0));
        window.done(LineNumber(9));
        assert!(!window.is_empty());
        window.done(LineNumber(1));
        window.done(LineNumber(1));
        window.done_up_to(LineNumber(u64::MAX));
        window.push(LineKind::Text, "b".into());
        assert_eq!(send_all(&mut window), numbered(&[(2, "b")]));
    }

    #[test]
    fn the_window_is_bounded_in_lines() {
        let mut window = LineWindow::default();
        for _ in 0..WINDOW_LINES_MAX {
            assert!(window.has_room());
            window.push(LineKind::Text, String::new());
        }
        assert!(!window.has_room());
        window.done(LineNumber(1));
        assert!(window.has_room());
    }

    #[test]
    fn the_window_is_bounded_in_bytes() {
        let mut window = LineWindow::default();
        window.push(LineKind::Text, "x".repeat(WINDOW_BYTES_MAX - 1));
        assert!(window.has_room());
        window.push(LineKind::Text, "x".into());
        assert!(!window.has_room());
        window.done_up_to(LineNumber(1));
        assert!(window.has_room());
    }
}
