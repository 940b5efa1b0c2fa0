//! What a browser has been told, or is to be told, and has not said that it has.
//!
//! In: numbered events as JSON, the host's own notices, acknowledgements, a browser that comes back. Out: what to send
//! next. Bounded in bytes: when it is full the oldest is dropped, and the browser is told how many lines it missed. It
//! does not know what is in a message.

use std::collections::VecDeque;

use axum::extract::ws::Utf8Bytes;

/// Bytes kept for one session unless the world sets another limit.
pub const KEPT_BYTES_DEFAULT: usize = 262_144;

/// The least that the world can set the limit to (LambdaMOO's minimum).
pub const KEPT_BYTES_MIN: usize = 2_048;

/// What each message costs beside its text, so that a flood of empty ones is bounded too.
const ENTRY_BYTES: usize = 64;

/// A message with what it counts for.
#[derive(Debug, Clone)]
struct Entry {
    /// The event's number; `None` for a notice, which is told once and not again.
    number: Option<u64>,
    text: Utf8Bytes,
    /// Lines of output in it.
    lines: u64,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.text.len() + ENTRY_BYTES
    }
}

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A message.
    Message(Utf8Bytes),
    /// So many lines were dropped before what comes next.
    Missed(u64),
}

/// The queue of one session.
#[derive(Debug)]
pub struct Kept {
    entries: VecDeque<Entry>,
    /// How many of `entries`, from the front, the present socket has taken.
    sent: usize,
    bytes: usize,
    bytes_max: usize,
    /// Lines dropped that no socket has taken.
    missed: u64,
    /// The last event that a socket took and that was dropped without being acknowledged, and the lines in all such.
    dropped_sent: (u64, u64),
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            sent: 0,
            bytes: 0,
            bytes_max: KEPT_BYTES_DEFAULT,
            missed: 0,
            dropped_sent: (0, 0),
        }
    }
}

impl Kept {
    /// Keeps an event with `lines` lines of output. When it does not fit, the oldest makes room, or this one is dropped
    /// if `no_flush`.
    pub fn push_event(&mut self, number: u64, text: Utf8Bytes, lines: u64, no_flush: bool) {
        let entry = Entry {
            number: Some(number),
            text,
            lines,
        };
        if no_flush && !self.has_room_for(&entry) {
            self.missed += lines;
        } else {
            self.push(entry);
        }
    }

    /// Queues a word of the host's own.
    pub fn push_notice(&mut self, text: Utf8Bytes) {
        self.push(Entry {
            number: None,
            text,
            lines: 1,
        });
    }

    /// Sets how many bytes are kept; at least [`KEPT_BYTES_MIN`].
    pub fn set_bytes_max(&mut self, bytes: usize) {
        self.bytes_max = bytes.max(KEPT_BYTES_MIN);
    }

    /// Bytes that no socket has taken.
    #[must_use]
    pub fn unsent_bytes(&self) -> usize {
        let unsent = self.entries.range(self.sent..);
        unsent.map(|entry| entry.text.len()).sum()
    }

    /// Whether something is to be sent.
    #[must_use]
    pub fn has_next(&self) -> bool {
        self.missed > 0 || self.sent < self.entries.len()
    }

    /// What to send next; counts as taken.
    pub fn take_next(&mut self) -> Option<Outgoing> {
        if self.missed > 0 {
            return Some(Outgoing::Missed(std::mem::take(&mut self.missed)));
        }
        let text = self.entries.get(self.sent)?.text.clone();
        self.sent += 1;
        Some(Outgoing::Message(text))
    }

    /// The browser has everything up to `number`.
    pub fn acknowledge(&mut self, number: u64) {
        while self.sent > 0 {
            match self.entries.front() {
                Some(entry) if entry.number.is_none_or(|own| own <= number) => self.pop_front(),
                _ => break,
            }
        }
        if self.dropped_sent.0 <= number {
            self.dropped_sent = (0, 0);
        }
    }

    /// Another socket comes, whose browser has everything up to `number`: what it has not is to be sent again.
    pub fn rewind(&mut self, number: u64) {
        if number < self.dropped_sent.0 {
            self.missed += self.dropped_sent.1;
        }
        self.dropped_sent = (0, 0);
        let (mut index, sent) = (0, self.sent);
        self.entries.retain(|entry| {
            let is_told = entry.number.map_or(index < sent, |own| own <= number);
            index += 1;
            !is_told
        });
        self.sent = 0;
        self.bytes = self.entries.iter().map(Entry::bytes).sum();
    }

    /// Whether nothing that waits would have to give way. An empty queue has room for anything.
    fn has_room_for(&self, entry: &Entry) -> bool {
        let unsent: usize = self.entries.range(self.sent..).map(Entry::bytes).sum();
        unsent == 0 || unsent + entry.bytes() <= self.bytes_max
    }

    fn push(&mut self, entry: Entry) {
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        while self.bytes > self.bytes_max && self.entries.len() > 1 {
            self.drop_front();
        }
    }

    /// Drops the oldest to make room, and remembers what that cost.
    fn drop_front(&mut self) {
        if let Some(entry) = self.entries.front() {
            match (self.sent, entry.number) {
                (0, Some(_)) => self.missed += entry.lines,
                (0, None) | (_, None) => {}
                (_, Some(number)) => {
                    self.dropped_sent = (number, self.dropped_sent.1 + entry.lines);
                }
            }
        }
        self.pop_front();
    }

    fn pop_front(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.bytes();
            self.sent = self.sent.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kept: &mut Kept, number: u64, text: &str) {
        kept.push_event(number, text.into(), 1, false);
    }

    fn take_all(kept: &mut Kept) -> Vec<String> {
        std::iter::from_fn(|| kept.take_next())
            .map(|outgoing| match outgoing {
                Outgoing::Message(text) => text.to_string(),
                Outgoing::Missed(lines) => format!("missed {lines}"),
            })
            .collect()
    }

    #[test]
    fn a_browser_that_comes_back_gets_what_it_has_not() {
        let mut kept = Kept::default();
        (1..=3).for_each(|n| event(&mut kept, n, &n.to_string()));
        kept.push_notice("away".into());
        assert_eq!(take_all(&mut kept), ["1", "2", "3", "away"]);
        event(&mut kept, 4, "4");
        kept.push_notice("back".into());
        kept.rewind(2);
        assert_eq!(
            take_all(&mut kept),
            ["3", "4", "back"],
            "a notice is told once"
        );
        kept.acknowledge(3);
        kept.rewind(0);
        assert_eq!(take_all(&mut kept), ["4"], "acknowledged is acknowledged");
        kept.acknowledge(4);
        assert_eq!(kept.bytes, 0);
        assert!(!kept.has_next());
    }

    #[test]
    fn what_was_not_sent_is_not_acknowledged_away() {
        let mut kept = Kept::default();
        (1..=3).for_each(|n| event(&mut kept, n, &n.to_string()));
        kept.take_next();
        kept.acknowledge(u64::MAX);
        assert_eq!(take_all(&mut kept), ["2", "3"]);
    }

    #[test]
    fn a_browser_that_is_away_too_long_is_told_what_it_missed() {
        let mut kept = Kept::default();
        let text = "x".repeat(1_000);
        for number in 1..=1_000 {
            event(&mut kept, number, &text);
            assert!(kept.bytes <= KEPT_BYTES_DEFAULT);
        }
        let room = KEPT_BYTES_DEFAULT / (1_000 + ENTRY_BYTES);
        let told = take_all(&mut kept);
        assert_eq!(told[0], format!("missed {}", 1_000 - room));
        assert_eq!(told.len(), 1 + room);
    }

    #[test]
    fn what_was_sent_and_dropped_is_missed_only_by_a_browser_that_lost_it() {
        let fill = |kept: &mut Kept| {
            for number in 1..=3 {
                event(kept, number, &"x".repeat(1_000));
                take_all(kept);
            }
        };
        let mut kept = Kept::default();
        kept.set_bytes_max(0);
        fill(&mut kept);
        kept.rewind(2);
        assert_eq!(take_all(&mut kept).len(), 1, "it has the first two");
        let mut kept = Kept::default();
        kept.set_bytes_max(0);
        fill(&mut kept);
        kept.rewind(0);
        assert_eq!(take_all(&mut kept)[0], "missed 2");
    }

    #[test]
    fn one_message_fits_always_and_a_line_without_flush_gives_way() {
        let mut kept = Kept::default();
        let long = "y".repeat(2 * KEPT_BYTES_DEFAULT);
        kept.push_event(1, long.clone().into(), 1, true);
        kept.push_event(2, "z".into(), 1, true);
        assert_eq!(take_all(&mut kept), ["missed 1".to_owned(), long]);
        kept.push_event(3, "z".into(), 1, true);
        assert_eq!(take_all(&mut kept), ["z"], "what was sent is no reason");
    }

    #[test]
    fn a_flood_of_nothing_is_bounded() {
        let mut kept = Kept::default();
        (1..=100_000).for_each(|n| event(&mut kept, n, ""));
        assert!(kept.entries.len() <= KEPT_BYTES_DEFAULT / ENTRY_BYTES);
    }
}
