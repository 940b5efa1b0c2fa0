//! One user's session, from the host's side, as a pure state machine.
//!
//! In: lines of a browser, events of the daemon, the coming and going of both. Out: what to say to the browser, lines
//! to send, whether a log-in succeeded. The order of lines and events is its [`Course`]'s, what a browser still lacks
//! its [`Kept`]'s. It knows nothing of sockets, time, or other sessions.

use moor_host::{AWAY, BACK, Course, DaemonNews, Progress};
use moor_rpc::{
    Acknowledgement, CloseReason, ConnectionOption, Event, EventNumber, LineKind, LineNumber,
    OpenSession, SessionEvents,
};

use crate::kept::{KEPT_BYTES_DEFAULT, Kept, Outgoing};
use crate::messages::{Down, event_text};

/// Words of a world that refuses a log-in, in lines; more are not told.
const WORDS_MAX: usize = 50;

/// What became of a line of a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is on its way, or was before.
    Yes,
    /// Lines before it are missing.
    Gap,
    /// It is more than one line.
    NotALine,
}

/// How a log-in stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// The world has not decided.
    Waiting,
    /// It took the line and the session is nobody's: these are its words.
    Refused(Vec<String>),
    /// The session is this player's.
    Player(i64),
    /// The session has ended; these were the last words.
    Ended(Vec<String>),
}

/// One session.
#[derive(Debug)]
pub struct Session {
    course: Course,
    kept: Kept,
    player: Option<i64>,
    /// The log-in line, the words since it was sent, and whether the world has taken it.
    login: Option<(LineNumber, Vec<String>, bool)>,
    has_events: bool,
    ending: Option<CloseReason>,
}

impl Session {
    /// A session that is to be opened with `open`.
    #[must_use]
    pub fn new(open: OpenSession) -> Self {
        Self {
            course: Course::new(open),
            kept: Kept::default(),
            player: None,
            login: None,
            has_events: false,
            ending: None,
        }
    }

    /// The options that every connection starts with.
    #[must_use]
    pub fn initial_options() -> Vec<ConnectionOption> {
        moor_host::initial_options(KEPT_BYTES_DEFAULT as u32)
    }

    /// Its place in the conversation with the daemon.
    pub fn course(&mut self) -> &mut Course {
        &mut self.course
    }

    /// Whose it is.
    #[must_use]
    pub fn player(&self) -> Option<i64> {
        self.player
    }

    /// Why it ends, if it does.
    #[must_use]
    pub fn ending(&self) -> Option<CloseReason> {
        self.ending
    }

    /// Whether the daemon has said anything in it.
    #[must_use]
    pub fn has_events(&self) -> bool {
        self.has_events
    }

    // The browser's side.

    /// Whether one more line may be taken.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.course.has_room()
    }

    /// The last line that was taken.
    #[must_use]
    pub fn last_line(&self) -> u64 {
        self.course.attach().last_line.0
    }

    /// Takes line `number` of the browser; one that was taken before is the same line again. Control characters other
    /// than the tab are left out, as telnet leaves them out.
    pub fn line(&mut self, number: u64, text: &str) -> Taken {
        let last = self.last_line();
        if number <= last || self.ending.is_some() {
            return Taken::Yes;
        }
        if number != last + 1 {
            return Taken::Gap;
        }
        if text.contains(['\r', '\n']) {
            return Taken::NotALine;
        }
        let text = text.chars().filter(|c| !c.is_control() || *c == '\t');
        self.course.push_line(LineKind::Text, text.collect());
        Taken::Yes
    }

    /// The browser has every event up to `number`.
    pub fn acknowledged(&mut self, number: u64) {
        self.kept.acknowledge(number);
    }

    /// Another socket comes, whose browser has every event up to `number`.
    pub fn rewind(&mut self, number: u64) {
        self.kept.rewind(number);
    }

    /// What to say next, once.
    pub fn take_next(&mut self) -> Option<Outgoing> {
        self.kept.take_next()
    }

    /// Whether all was said.
    #[must_use]
    pub fn is_said(&self) -> bool {
        !self.kept.has_next()
    }

    /// Says a line of the host's own.
    pub fn notice(&mut self, text: &str) {
        self.kept.push_notice(Down::Notice { text }.to_text());
    }

    /// Ends the session from this side: what is queued is said, then the connection closes.
    pub fn close(&mut self, reason: CloseReason) {
        if self.ending.is_none() {
            self.ending = Some(reason);
            if reason == CloseReason::ByDaemon {
                self.course.ended_by_daemon();
            }
        }
    }

    /// Why it ended, for the daemon; once every line is on its way or done, or does not matter any more.
    #[must_use]
    pub fn last_word(&self) -> Option<CloseReason> {
        let reason = self.ending.unwrap_or(CloseReason::ByPeer);
        self.course.all_sent().then_some(reason)
    }

    // The log-in.

    /// Sends the world's own log-in line.
    pub fn log_in(&mut self, line: String) {
        let number = self.course.push_line(LineKind::Text, line);
        self.login = Some((number, Vec::new(), false));
    }

    /// How the log-in stands.
    #[must_use]
    pub fn login(&self) -> Login {
        let words = || {
            self.login
                .as_ref()
                .map_or_else(Vec::new, |login| login.1.clone())
        };
        match (self.player, &self.login) {
            (Some(player), _) => Login::Player(player),
            _ if self.ending.is_some() => Login::Ended(words()),
            (None, Some((_, words, true))) => Login::Refused(words.clone()),
            _ => Login::Waiting,
        }
    }

    // The daemon's side.

    /// Applies events of the daemon. Those that were applied before are skipped.
    pub fn apply(&mut self, batch: SessionEvents) -> Progress {
        let events = match self.course.receive(batch) {
            Ok(events) => events,
            Err(missing) => return Progress::Missing(missing),
        };
        for (number, event) in events {
            self.greet_back();
            if self.ending.is_none() {
                self.apply_event(number, event);
            }
        }
        Progress::Applied
    }

    /// The acknowledgement that the daemon has not had, if any.
    pub fn acknowledge(&mut self) -> Option<Acknowledgement> {
        self.course.acknowledge(self.kept.unsent_bytes())
    }

    /// Hears how the daemon stands to the session; the user is told of an outage, once, and of its end.
    pub fn hear(&mut self, news: DaemonNews<'_>) {
        self.course.hear(news);
        if news == DaemonNews::Away {
            if self.ending.is_none() && self.course.tell_away() {
                self.notice(AWAY);
            }
        } else if self.course.is_live() {
            self.greet_back();
        }
    }

    fn greet_back(&mut self) {
        if self.course.tell_back() {
            self.notice(BACK);
        }
    }

    fn apply_event(&mut self, number: EventNumber, event: Event) {
        self.has_events = true;
        if let Some(text) = event_text(number, &event) {
            let (lines, no_flush) = match &event {
                Event::Text(text) => (text.lines.len() as u64, text.no_flush),
                _ => (0, false),
            };
            self.kept.push_event(number.0, text, lines, no_flush);
        }
        match event {
            Event::Text(text) => self.hear_words(text.lines),
            Event::LineDone(line) => {
                self.course.line_done(line);
                if let Some(login) = self.login.as_mut().filter(|login| login.0 == line) {
                    login.2 = true;
                }
            }
            Event::LoggedIn { player } => self.player = Some(player),
            Event::LoggedOut => self.player = None,
            Event::SetOption(ConnectionOption::MaxQueuedOutput(bytes)) => {
                self.kept
                    .set_bytes_max(usize::try_from(bytes).unwrap_or(usize::MAX));
            }
            Event::Close => self.close(CloseReason::ByDaemon),
            Event::SetOption(_) | Event::Binary(_) => {}
        }
    }

    fn hear_words(&mut self, lines: Vec<String>) {
        if self.player.is_none()
            && let Some((_, words, _)) = &mut self.login
        {
            let room = WORDS_MAX.saturating_sub(words.len());
            words.extend(lines.into_iter().take(room));
        }
    }
}

#[cfg(test)]
mod tests;
