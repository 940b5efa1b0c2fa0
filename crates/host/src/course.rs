//! One session's place in the numbered conversation with the daemon, as a pure state machine.
//!
//! In: lines as they are typed, events with their numbers, the coming and going of the daemon. Out: which line is
//! next, which events are new, what is missing, what to acknowledge. It owns the order of things; it knows nothing
//! of sockets, other sessions, or what an event means.

use moor_rpc::{
    Acknowledgement, AttachSession, Event, EventNumber, Line, LineKind, LineNumber, OpenSession,
    RequestBody, SessionEvents, SessionId,
};

use crate::window::LineWindow;
use crate::{DaemonNews, Requests, UplinkError};

/// How the daemon stands to a session.
#[derive(Debug)]
enum Standing {
    /// The daemon has not confirmed it; what to open it with.
    New(Box<OpenSession>),
    /// The daemon knows it, but is away, or has not yet said how far it is.
    Detached,
    /// Lines may be sent.
    Live,
}

/// The course of one session.
#[derive(Debug)]
pub struct Course {
    id: SessionId,
    standing: Standing,
    window: LineWindow,
    last_event: EventNumber,
    acknowledged: EventNumber,
    /// The last event that the daemon is known to have made.
    known_event: EventNumber,
    told_away: bool,
    /// The daemon has ended it: lines do not matter any more.
    is_ended: bool,
}

impl Course {
    /// The course of a session that is to be opened with `open`.
    #[must_use]
    pub fn new(open: OpenSession) -> Self {
        Self {
            id: open.session,
            standing: Standing::New(Box::new(open)),
            window: LineWindow::default(),
            last_event: EventNumber(0),
            acknowledged: EventNumber(0),
            known_event: EventNumber(0),
            told_away: false,
            is_ended: false,
        }
    }

    /// The session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// What to open it with, as long as the daemon has not confirmed it.
    #[must_use]
    pub fn opening(&self) -> Option<&OpenSession> {
        match &self.standing {
            Standing::New(open) => Some(open),
            _ => None,
        }
    }

    /// Whether the daemon takes lines of it now.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.standing, Standing::Live)
    }

    /// Whether the daemon knows it and is away.
    #[must_use]
    pub fn is_detached(&self) -> bool {
        matches!(self.standing, Standing::Detached)
    }

    /// How far it is, for the daemon after a reconnect.
    #[must_use]
    pub fn attach(&self) -> AttachSession {
        AttachSession {
            session: self.id,
            last_event: self.last_event,
            last_line: self.window.last(),
        }
    }

    // Lines.

    /// Whether one more line may be taken from the user.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.window.has_room()
    }

    /// Numbers a line and keeps it until it is done.
    pub fn push_line(&mut self, kind: LineKind, text: String) -> LineNumber {
        self.window.push(kind, text);
        self.window.last()
    }

    /// Notes that a line is done.
    pub fn line_done(&mut self, number: LineNumber) {
        self.window.done(number);
    }

    /// Whether every line is done.
    #[must_use]
    pub fn all_done(&self) -> bool {
        self.window.is_empty()
    }

    /// Whether every line is on its way or done, or does not matter any more.
    #[must_use]
    pub fn all_sent(&self) -> bool {
        self.is_ended || self.window.next_unsent().is_none()
    }

    /// Whether a line could be sent now.
    #[must_use]
    pub fn has_line(&self) -> bool {
        self.is_live() && !self.all_sent()
    }

    /// The next line to send, once; `None` when there is none or the daemon is not ready for it.
    #[must_use]
    pub fn next_line(&self) -> Option<Line> {
        if !self.is_live() || self.is_ended {
            return None;
        }
        let (number, kind, text) = self.window.next_unsent()?;
        Some(Line {
            session: self.id,
            number,
            last_event: self.last_event,
            kind,
            text: text.into(),
        })
    }

    /// Notes that a line of [`Course::next_line`] is on its way.
    pub fn line_sent(&mut self, number: LineNumber, last_event: EventNumber) {
        self.window.sent(number);
        self.acknowledged = self.acknowledged.max(last_event);
    }

    /// Sends the lines that wait, as far as the uplink takes them. False when it is full.
    pub fn send_lines(&mut self, requests: &Requests) -> bool {
        while let Some(line) = self.next_line() {
            let (number, last_event) = (line.number, line.last_event);
            // Without a daemon the line counts as sent: the reattachment sends it again. A line that
            // fits the window always fits a message.
            if let Err(UplinkError::Full) = requests.send(RequestBody::Line(line)) {
                return false;
            }
            self.line_sent(number, last_event);
        }
        true
    }

    /// The daemon asks for all lines that are not done once more.
    pub fn send_lines_again(&mut self) {
        self.window.send_again();
    }

    // Events.

    /// Counts a batch of events as received, and gives those that are new, each with its number.
    ///
    /// # Errors
    /// The first event that is missing before the batch, of which then nothing counts as received.
    pub fn receive(
        &mut self,
        batch: SessionEvents,
    ) -> Result<impl Iterator<Item = (EventNumber, Event)> + use<>, EventNumber> {
        let next = self.last_event.next();
        let end = batch.first.0.saturating_add(batch.events.len() as u64);
        let last = EventNumber(end.saturating_sub(1));
        if batch.first > next {
            self.known_event = self.known_event.max(last);
            return Err(next);
        }
        self.last_event = self.last_event.max(last);
        self.known_event = self.known_event.max(self.last_event);
        let known = usize::try_from(next.0 - batch.first.0).unwrap_or(usize::MAX);
        Ok((batch.first.0..)
            .map(EventNumber)
            .zip(batch.events)
            .skip(known))
    }

    /// The last event that was received with none missing before it.
    #[must_use]
    pub fn last_event(&self) -> EventNumber {
        self.last_event
    }

    /// The first event that is known to be missing.
    #[must_use]
    pub fn missing(&self) -> Option<EventNumber> {
        (self.last_event < self.known_event).then(|| self.last_event.next())
    }

    /// The acknowledgement that the daemon has not had, if any; `queued_output_bytes` is what waits for the user.
    pub fn acknowledge(&mut self, queued_output_bytes: usize) -> Option<Acknowledgement> {
        if self.acknowledged >= self.last_event {
            return None;
        }
        self.acknowledged = self.last_event;
        Some(Acknowledgement {
            session: self.id,
            event: self.last_event,
            queued_output_bytes: u32::try_from(queued_output_bytes).unwrap_or(u32::MAX),
        })
    }

    // The daemon's coming and going.

    /// Notes how the daemon stands to the session.
    pub fn hear(&mut self, news: DaemonNews<'_>) {
        match news {
            DaemonNews::Away if self.is_live() => self.standing = Standing::Detached,
            DaemonNews::Away => {}
            DaemonNews::Opened => {
                if self.opening().is_some() {
                    self.standing = Standing::Live;
                }
            }
            DaemonNews::Attached {
                lines_done,
                lines_done_early,
                last_event,
            } => {
                self.standing = Standing::Live;
                self.window.done_up_to(lines_done);
                for &number in lines_done_early {
                    self.window.done(number);
                }
                self.window.send_again();
                self.known_event = self.known_event.max(last_event);
            }
        }
    }

    /// The daemon has ended the session.
    pub fn ended_by_daemon(&mut self) {
        self.is_ended = true;
    }

    /// Whether the user is to be told now that the daemon is away: once for each outage.
    pub fn tell_away(&mut self) -> bool {
        !std::mem::replace(&mut self.told_away, true)
    }

    /// Whether the user is to be told now that the daemon is back: once after each [`Course::tell_away`].
    pub fn tell_back(&mut self) -> bool {
        std::mem::take(&mut self.told_away)
    }
}

#[cfg(test)]
mod tests {
    use moor_rpc::{ListenerId, Text};

    use super::*;

    const ID: SessionId = SessionId([7; 16]);

    fn course() -> Course {
        Course::new(OpenSession {
            session: ID,
            listener: ListenerId::MAIN,
            peer_address: "127.0.0.1".into(),
            peer_port: 1,
            local_address: "127.0.0.1".into(),
            local_port: 2,
            hostname: None,
            tls: None,
            options: vec![],
            token: None,
            outbound: false,
        })
    }

    fn batch(first: u64, count: u64) -> SessionEvents {
        let events = (first..first + count).map(|n| Event::Text(Text::lines(vec![n.to_string()])));
        SessionEvents {
            session: ID,
            first: EventNumber(first),
            events: events.collect(),
        }
    }

    fn receive(course: &mut Course, first: u64, count: u64) -> Result<Vec<u64>, u64> {
        match course.receive(batch(first, count)) {
            Ok(events) => Ok(events.map(|(number, _)| number.0).collect()),
            Err(missing) => Err(missing.0),
        }
    }

    #[test]
    fn events_are_new_once_and_in_order() {
        let mut course = course();
        assert_eq!(receive(&mut course, 1, 2), Ok(vec![1, 2]));
        assert_eq!(
            receive(&mut course, 1, 2),
            Ok(vec![]),
            "a replay is not new"
        );
        assert_eq!(receive(&mut course, 5, 1), Err(3));
        assert_eq!(course.missing(), Some(EventNumber(3)));
        assert_eq!(receive(&mut course, 2, 4), Ok(vec![3, 4, 5]));
        assert_eq!(course.missing(), None);
        assert_eq!(
            receive(&mut course, 0, 1),
            Ok(vec![]),
            "no event has the number 0"
        );
        assert_eq!(receive(&mut course, 6, 0), Ok(vec![]));
        assert_eq!(course.last_event(), EventNumber(5));
    }

    #[test]
    fn numbers_at_the_end_of_the_range_harm_nothing() {
        let mut course = course();
        let far = SessionEvents {
            first: EventNumber(u64::MAX),
            ..batch(1, 3)
        };
        assert!(matches!(course.receive(far), Err(EventNumber(1))));
        assert_eq!(receive(&mut course, 1, 1), Ok(vec![1]));
    }

    #[test]
    fn an_outage_is_told_once_and_its_end_once() {
        let mut course = course();
        assert!(!course.tell_back());
        assert!(course.tell_away());
        assert!(!course.tell_away());
        assert!(course.tell_back());
        assert!(!course.tell_back());
    }

    #[test]
    fn a_session_that_the_daemon_ended_sends_nothing_and_opens_all_the_same() {
        let mut course = course();
        course.push_line(LineKind::Text, "late".into());
        course.ended_by_daemon();
        assert!(course.opening().is_some(), "the daemon may have been asked");
        course.hear(DaemonNews::Opened);
        assert!(course.next_line().is_none());
        assert!(!course.has_line());
        assert!(course.all_sent());
    }
}
