//! A session's events between the commit that made them and the host's acknowledgement.
//!
//! In: events of committed stretches, each with the commit that must be durable before it may
//! leave; acknowledgements. Out: events to hand to the host, in order; rows to forget.
//!
//! Events have consecutive numbers. An event leaves only after every event before it, so that a
//! stretch that wrote nothing never overtakes one that waits for the disk. The bytes kept for a
//! host that does not acknowledge are bounded by [`OUTBOX_BYTES_MAX`]: beyond it the oldest lines
//! that have already been handed out are forgotten, and a replay says how many. What has not been
//! handed out, since the host is away or the disk slow, is bounded by [`UNSENT_BYTES_MAX`] in the
//! same way. Beyond [`OUTBOX_EVENTS_MAX`] events new lines are not taken any more.
//!
//! After a restart the daemon does not know how far the host is: events that were never stored had
//! numbers too. Until the host says so, what is made is numbered from [`UNSEEN_FIRST`] on, which no
//! host has reached; then everything that the host has not seen is numbered on from there.

use std::collections::VecDeque;

use moor_store::Seq;

use super::event::SessionEvent;

/// Stands for the number of a commit that is not in the log yet.
pub(crate) const UNKNOWN: Seq = Seq(u64::MAX);

/// Bytes of output kept for a replay.
pub(crate) const OUTBOX_BYTES_MAX: usize = 1 << 20;

/// Bytes of output kept in all, with what has not been handed out.
pub(crate) const UNSENT_BYTES_MAX: usize = 8 << 20;

/// Events kept for one session.
pub(crate) const OUTBOX_EVENTS_MAX: usize = 50_000;

/// The number of the first event that is made after a restart, until the host has come back.
const UNSEEN_FIRST: u64 = 1 << 62;

/// Numbers from here on were given before the host came back: [`UNSEEN_FIRST`] less the stored events.
const UNNUMBERED_MIN: u64 = 1 << 61;

/// One event and what it waits for.
#[derive(Debug)]
struct Entry {
    event: SessionEvent,
    /// Must be durable before the event leaves.
    needs: Seq,
}

/// A stored row of consecutive events.
#[derive(Debug)]
struct Row {
    /// The number in the row's key: the first event's, as it was when the row was stored.
    key: u64,
    /// The present number of its first event.
    first: u64,
    /// The present number of its last event.
    last: u64,
}

impl Row {
    /// The present number of the last of its events that a host has seen whose last event is `seen`.
    fn seen_up_to(&self, seen: u64) -> Option<u64> {
        let count = (seen + 1).saturating_sub(self.key);
        (count > 0).then(|| self.last.min(self.first + (count - 1)))
    }
}

/// What follows from a host's return.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reattached {
    /// Keys of rows that nobody needs.
    pub(crate) forget: Vec<u64>,
    /// Rows whose events have other numbers now. Their events leave when each is settled.
    pub(crate) renumbered: Vec<Renumbered>,
}

/// A row whose events have other numbers now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Renumbered {
    /// The number in its old key.
    pub(crate) old: u64,
    /// The number in its new key.
    pub(crate) new: u64,
    /// Its events that the host has not seen.
    pub(crate) events: Vec<SessionEvent>,
}

/// The events of one session that its host has not acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Number of the first entry, counted from 1.
    first: u64,
    entries: VecDeque<Entry>,
    /// Every event up to this number has been handed out.
    released: u64,
    rows: VecDeque<Row>,
    /// Whether the numbers are those of [`UNSEEN_FIRST`].
    is_unnumbered: bool,
    /// What the host's return has taken from numbers that were given before it.
    shift: u64,
    bytes: usize,
    lost_lines: usize,
    /// Lines that were not taken since the last one that was.
    refused_lines: usize,
}

impl Outbox {
    /// An empty outbox whose next event has number 1.
    pub(crate) fn new() -> Self {
        Self {
            first: 1,
            ..Self::default()
        }
    }

    /// The outbox of a session after a restart: stored rows in the order of their keys.
    pub(crate) fn restored(rows: impl IntoIterator<Item = (u64, Vec<SessionEvent>)>) -> Self {
        let rows: Vec<_> = rows.into_iter().collect();
        let count: usize = rows.iter().map(|(_, events)| events.len()).sum();
        let end = rows
            .last()
            .map_or(0, |(key, events)| key.saturating_add(events.len() as u64));
        let mut outbox = Self::new();
        outbox.is_unnumbered = true;
        outbox.first = end.max(UNSEEN_FIRST) - count as u64;
        outbox.released = outbox.first - 1;
        for (key, events) in rows {
            outbox.push(events, Seq::ZERO, true);
            if let Some(row) = outbox.rows.back_mut() {
                row.key = key;
            }
        }
        outbox
    }

    /// The number of the last event made.
    pub(crate) fn last(&self) -> u64 {
        self.first + self.entries.len() as u64 - 1
    }

    /// Takes output out of `events` where there is no room for it; where there is again, puts the
    /// notice of what was lost before it. To be asked before [`Outbox::push`].
    pub(crate) fn admit(&mut self, events: &mut Vec<SessionEvent>) {
        if self.entries.len() >= OUTBOX_EVENTS_MAX {
            let before = events.len();
            events.retain(|event| event.output_bytes() == 0);
            self.refused_lines += before - events.len();
        } else if self.refused_lines > 0 {
            let lost = std::mem::take(&mut self.refused_lines);
            events.insert(0, SessionEvent::text(lost_notice(lost)));
        }
    }

    /// Appends events that may leave once `needs` is durable. With `stored`, they are a row of the
    /// same commit, whose key has the number that is returned.
    pub(crate) fn push(&mut self, events: Vec<SessionEvent>, needs: Seq, stored: bool) -> u64 {
        let key = self.last() + 1;
        for event in events {
            self.bytes += event.output_bytes();
            self.entries.push_back(Entry { event, needs });
        }
        if stored {
            let (first, last) = (key, self.last());
            self.rows.push_back(Row { key, first, last });
        }
        self.forget_excess();
        key
    }

    /// Puts an event before those that wait, so that a user whose output waits for a disk that
    /// fails can be told of it. False when the commit of one of them is not known yet, whose
    /// number must stay until then: the caller tries again later.
    pub(crate) fn push_ahead(&mut self, event: SessionEvent) -> bool {
        let at = usize::try_from(self.released + 1 - self.first).unwrap_or(usize::MAX);
        if self.entries.range(at..).any(|entry| entry.needs == UNKNOWN) {
            return false;
        }
        self.bytes += event.output_bytes();
        let needs = Seq::ZERO;
        self.entries.insert(at, Entry { event, needs });
        for row in &mut self.rows {
            if row.last > self.released {
                row.last += 1;
                row.first += u64::from(row.first > self.released);
            }
        }
        true
    }

    /// The commit of the `count` events from `key` on is known: they may leave once `needs` is
    /// durable.
    pub(crate) fn settle(&mut self, key: u64, count: usize, needs: Seq) {
        for entry in self.range_mut(key, count) {
            entry.needs = needs;
        }
    }

    /// The commit of the `count` events from `key` on has failed: their numbers stay, empty.
    pub(crate) fn withdraw(&mut self, key: u64, count: usize) {
        let mut freed = 0;
        for entry in self.range_mut(key, count) {
            freed += entry.event.output_bytes();
            *entry = Entry {
                event: lost_output(String::new()),
                needs: Seq::ZERO,
            };
        }
        self.bytes -= freed;
        self.rows.retain(|row| row.key != key);
    }

    /// The `count` entries from number `key` on, as far as they are still here.
    fn range_mut(&mut self, key: u64, count: usize) -> impl Iterator<Item = &mut Entry> {
        let key = match self.is_unnumbered || key < UNNUMBERED_MIN {
            true => key,
            false => key - self.shift,
        };
        let skip = usize::try_from(key.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.entries.iter_mut().skip(skip).take(count)
    }

    /// The events that may leave now that `durable` is durable, with the number of the first.
    pub(crate) fn release(&mut self, durable: Seq) -> Option<(u64, Vec<SessionEvent>)> {
        let from = self.released + 1;
        let skip = usize::try_from(from - self.first).unwrap_or(usize::MAX);
        let events: Vec<_> = self
            .entries
            .iter()
            .skip(skip)
            .take_while(|entry| entry.needs <= durable)
            .map(|entry| entry.event.clone())
            .collect();
        self.released += events.len() as u64;
        self.forget_excess();
        (!events.is_empty()).then_some((from, events))
    }

    /// Whether an event waits for more than `durable`.
    pub(crate) fn waits(&self) -> Option<Seq> {
        let next = usize::try_from(self.released + 1 - self.first).ok()?;
        self.entries.get(next).map(|entry| entry.needs)
    }

    /// Forgets every event up to `number`; answers the keys of rows that hold nothing else.
    pub(crate) fn acknowledge(&mut self, number: u64) -> Vec<u64> {
        let number = number.min(self.released);
        while self.first <= number {
            let Some(entry) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= entry.event.output_bytes();
            self.first += 1;
        }
        let mut keys = Vec::new();
        while let Some(row) = self.rows.front()
            && row.last <= number
        {
            keys.push(row.key);
            self.rows.pop_front();
        }
        keys
    }

    /// Events from `number` on that have been handed out before, to be handed out again.
    pub(crate) fn replay(&mut self, number: u64) -> Option<(u64, Vec<SessionEvent>)> {
        let from = number.max(self.first);
        if from > self.released {
            return None;
        }
        let skip = usize::try_from(from - self.first).ok()?;
        let count = usize::try_from(self.released + 1 - from).ok()?;
        let events = self.entries.iter().skip(skip).take(count);
        self.lost_lines = 0;
        Some((from, events.map(|entry| entry.event.clone()).collect()))
    }

    /// The host is back and has seen everything up to `seen`: what it has seen is forgotten, and
    /// the rest follows that number without a gap (numbers of events that were never stored are
    /// lost when the daemon is killed). Everything is to be handed out again.
    pub(crate) fn reattach(&mut self, seen: u64) -> Reattached {
        let seen = seen.min(UNNUMBERED_MIN - 1);
        let seen_here = match self.is_unnumbered {
            true => self
                .rows
                .iter()
                .filter_map(|row| row.seen_up_to(seen))
                .max(),
            false => Some(seen),
        };
        let seen_here = seen_here.unwrap_or(0);
        self.released = self.released.max(self.last().min(seen_here));
        let forget = self.acknowledge(seen_here);
        let shift = self.first.wrapping_sub(seen + 1);
        for row in &mut self.rows {
            row.first = row.first.wrapping_sub(shift);
            row.last = row.last.wrapping_sub(shift);
        }
        if std::mem::take(&mut self.is_unnumbered) {
            self.shift = shift;
        }
        self.first = seen + 1;
        self.released = seen;
        let renumbered = self.rename_rows();
        Reattached { forget, renumbered }
    }

    /// Names rows by the present numbers of their events, which wait until that is settled. A row
    /// whose commit is not known yet keeps its name: its commit is still to store it under that.
    fn rename_rows(&mut self) -> Vec<Renumbered> {
        let mut renumbered = Vec::new();
        for row in &mut self.rows {
            let new = row.first.max(self.first);
            let at = usize::try_from(new - self.first).unwrap_or(usize::MAX);
            let count = usize::try_from(row.last + 1 - new).unwrap_or(0);
            let is_known = |entry: &Entry| entry.needs != UNKNOWN;
            if row.first == row.key || !self.entries.range(at..at + count).all(is_known) {
                continue;
            }
            let entries = self.entries.range_mut(at..at + count);
            let events = entries.map(|entry| {
                entry.needs = UNKNOWN;
                entry.event.clone()
            });
            renumbered.push(Renumbered {
                old: row.key,
                new,
                events: events.collect(),
            });
            (row.key, row.first) = (new, new);
        }
        renumbered
    }

    /// Numbers of the user's lines whose end is among these events.
    pub(crate) fn lines_done(&self) -> impl Iterator<Item = u64> + '_ {
        self.entries.iter().filter_map(|entry| match entry.event {
            SessionEvent::LineDone(number) => Some(number),
            _ => None,
        })
    }

    /// The keys of all rows, when the session ends.
    pub(crate) fn row_keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.rows.iter().map(|row| row.key)
    }

    /// How many events the host has not acknowledged.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of output that the host has not acknowledged.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets the oldest lines while too many bytes are kept: those that were handed out, and the
    /// others only beyond the larger bound. Their numbers stay, as empty output; the newest of them
    /// says how many lines were lost.
    fn forget_excess(&mut self) {
        if self.bytes <= OUTBOX_BYTES_MAX {
            return;
        }
        let handed_out = usize::try_from(self.released + 1 - self.first).unwrap_or(0);
        let forgettable = if self.bytes > UNSENT_BYTES_MAX {
            usize::MAX
        } else {
            handed_out
        };
        let mut last_emptied = None;
        for at in 0..forgettable.min(self.entries.len()) {
            if self.bytes <= OUTBOX_BYTES_MAX / 2 {
                break;
            }
            let event = &mut self.entries[at].event;
            let bytes = event.output_bytes();
            if bytes > 0 {
                *event = lost_output(String::new());
                self.bytes -= bytes;
                self.lost_lines += 1;
                last_emptied = Some(at);
            }
        }
        if let Some(at) = last_emptied {
            let notice = SessionEvent::text(lost_notice(self.lost_lines));
            self.bytes += notice.output_bytes();
            self.entries[at].event = notice;
        }
    }
}

/// Output that keeps an event's number and shows `line` without a new line.
fn lost_output(line: String) -> SessionEvent {
    SessionEvent::Text {
        line,
        newline: false,
        no_flush: false,
    }
}

/// LambdaMOO's notice of lost output.
fn lost_notice(lines: usize) -> String {
    format!(">> Network buffer overflow: {lines} lines of output to you have been lost <<")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[&str]) -> Vec<SessionEvent> {
        lines.iter().map(|line| SessionEvent::text(*line)).collect()
    }

    #[test]
    fn nothing_overtakes_an_event_that_waits_for_the_disk() {
        let mut outbox = Outbox::new();
        outbox.push(texts(&["written"]), Seq(5), true);
        outbox.push(texts(&["read only"]), Seq(3), false);
        assert_eq!(outbox.release(Seq(4)), None);
        assert_eq!(outbox.waits(), Some(Seq(5)));
        assert_eq!(
            outbox.release(Seq(5)),
            Some((1, texts(&["written", "read only"])))
        );
        assert_eq!(outbox.release(Seq(9)), None);
    }

    #[test]
    fn a_word_about_the_disk_overtakes_what_waits_for_it() {
        let mut outbox = Outbox::new();
        outbox.push(texts(&["seen"]), Seq(1), true);
        outbox.release(Seq(1));
        let key = outbox.push(texts(&["a", "b"]), UNKNOWN, true);
        assert!(!outbox.push_ahead(SessionEvent::text("too early")));
        outbox.settle(key, 2, Seq(2));
        assert!(outbox.push_ahead(SessionEvent::text("the disk is full")));
        assert_eq!(
            outbox.release(Seq(1)),
            Some((2, texts(&["the disk is full"])))
        );
        assert_eq!(outbox.release(Seq(2)), Some((3, texts(&["a", "b"]))));
        assert_eq!(outbox.acknowledge(3), [1]);
        assert_eq!(
            outbox.acknowledge(4),
            [key],
            "a row goes with its last event"
        );
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn acknowledged_events_are_forgotten_with_their_rows() {
        let mut outbox = Outbox::new();
        assert_eq!(outbox.push(texts(&["a", "b"]), Seq(1), true), 1);
        assert_eq!(outbox.push(texts(&["c"]), Seq(2), true), 3);
        outbox.release(Seq(2));
        assert!(outbox.acknowledge(1).is_empty());
        assert_eq!(outbox.acknowledge(2), [1]);
        assert_eq!(outbox.replay(1), Some((3, texts(&["c"]))));
        assert_eq!(outbox.acknowledge(99), [3]);
        assert_eq!(outbox.replay(1), None);
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn after_a_restart_stored_events_follow_what_the_host_has_seen() {
        let rows = [(4, texts(&["seen"])), (9, texts(&["unseen"]))];
        let mut outbox = Outbox::restored(rows);
        let renumbered = Renumbered {
            old: 9,
            new: 5,
            events: texts(&["unseen"]),
        };
        let reattached = Reattached {
            forget: vec![4],
            renumbered: vec![renumbered],
        };
        assert_eq!(outbox.reattach(4), reattached);
        assert_eq!(outbox.release(Seq::ZERO), None, "not under its old name");
        outbox.settle(5, 1, Seq(1));
        assert_eq!(outbox.release(Seq(1)), Some((5, texts(&["unseen"]))));
        assert_eq!(outbox.reattach(4), Reattached::default());
        assert_eq!(outbox.release(Seq(1)), Some((5, texts(&["unseen"]))));
        assert_eq!(outbox.acknowledge(5), [5]);
        let mut ahead = Outbox::restored([(2, texts(&["stored"]))]);
        assert_eq!(ahead.reattach(7).forget, [2]);
        assert_eq!(ahead.push(texts(&["new"]), Seq::ZERO, false), 8);
    }

    #[test]
    fn after_a_restart_numbers_that_were_never_stored_hide_no_event() {
        // Events 5 to 8 were shown and not stored; 9 was stored and not shown.
        let rows = [(4, texts(&["seen"])), (9, texts(&["unseen", "too"]))];
        let mut outbox = Outbox::restored(rows);
        settle_all(&mut outbox, 6, Seq(1));
        assert_eq!(outbox.release(Seq(1)), Some((7, texts(&["unseen", "too"]))));
        let rows = [(4, texts(&["seen"])), (9, texts(&["seen", "unseen"]))];
        let mut outbox = Outbox::restored(rows);
        settle_all(&mut outbox, 9, Seq(1));
        assert_eq!(outbox.release(Seq(1)), Some((10, texts(&["unseen"]))));
    }

    /// The host is back, and rows with new names are stored.
    fn settle_all(outbox: &mut Outbox, seen: u64, seq: Seq) {
        for row in outbox.reattach(seen).renumbered {
            outbox.settle(row.new, row.events.len(), seq);
        }
    }

    #[test]
    fn what_is_made_between_a_restart_and_the_host_s_return_is_unseen() {
        let mut outbox = Outbox::restored([]);
        let stored = outbox.push(texts(&["a"]), Seq(1), true);
        let key = outbox.push(texts(&["b"]), UNKNOWN, true);
        // Killed again in between: the stored row tells no less.
        let mut again = Outbox::restored([(stored, texts(&["a"]))]);
        settle_all(&mut again, 50, Seq(1));
        assert_eq!(again.release(Seq(1)), Some((51, texts(&["a"]))));
        settle_all(&mut outbox, 50, Seq(1));
        assert_eq!(outbox.release(Seq(1)), Some((51, texts(&["a"]))));
        outbox.settle(key, 1, Seq(2));
        assert_eq!(outbox.release(Seq(2)), Some((52, texts(&["b"]))));
        assert_eq!(outbox.push(texts(&["c"]), Seq(2), false), 53);
        assert_eq!(outbox.acknowledge(52), [51, key]);
    }

    #[test]
    fn kept_output_is_bounded_and_says_what_is_lost() {
        let mut outbox = Outbox::new();
        let line = "x".repeat(998);
        for _ in 0..2 * OUTBOX_BYTES_MAX / 1000 {
            outbox.push(texts(&[&line]), Seq(1), false);
            outbox.release(Seq(1));
        }
        assert!(outbox.bytes() <= OUTBOX_BYTES_MAX);
        let (from, events) = outbox.replay(1).unwrap();
        assert_eq!(from, 1);
        assert_eq!(events.len() as u64, outbox.last());
        let notice = events.iter().rev().find(|event| {
            matches!(event, SessionEvent::Text { line, .. } if line.starts_with(">> Network buffer"))
        });
        assert!(notice.is_some());
    }

    #[test]
    fn what_a_host_that_is_away_misses_is_bounded() {
        let mut outbox = Outbox::new();
        let line = "x".repeat(998);
        for _ in 0..2 * UNSENT_BYTES_MAX / 1000 {
            outbox.push(texts(&[&line]), Seq(1), false);
        }
        assert!(outbox.bytes() <= UNSENT_BYTES_MAX);
        let (_, events) = outbox.release(Seq(1)).unwrap();
        assert_eq!(events.len(), 2 * UNSENT_BYTES_MAX / 1000);
    }

    #[test]
    fn beyond_the_greatest_number_only_output_is_refused() {
        let mut outbox = Outbox::new();
        let push = |outbox: &mut Outbox, mut events: Vec<SessionEvent>| {
            outbox.admit(&mut events);
            let count = events.len();
            outbox.push(events, Seq(1), false);
            count
        };
        for _ in 0..OUTBOX_EVENTS_MAX {
            assert_eq!(push(&mut outbox, texts(&["a"])), 1);
        }
        let mut more = texts(&["b", "c"]);
        more.push(SessionEvent::LineDone(7));
        assert_eq!(push(&mut outbox, more), 1);
        outbox.release(Seq(1));
        outbox.acknowledge(u64::MAX);
        assert_eq!(push(&mut outbox, texts(&["d"])), 2);
        let notice = texts(&[&lost_notice(2), "d"]);
        let first = OUTBOX_EVENTS_MAX as u64 + 2;
        assert_eq!(outbox.release(Seq(1)), Some((first, notice)));
    }
}
