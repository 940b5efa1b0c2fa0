//! One user's session, from the host's side, as a pure state machine.
//!
//! In: bytes that the user typed, events of the daemon, the coming and going of the daemon. Out: lines
//! to send, output to write, and what the session now waits for. It owns the order of things: which
//! event is next, which lines are done, who is told what. It knows nothing of tokio, ZeroMQ, or other
//! sessions; the socket is a trait.

use std::io;

use moor_rpc::{
    Acknowledgement, AttachSession, CloseReason, ConnectionOption, Event, EventNumber, KeepAlive,
    Line, LineKind, LineNumber, OpenSession, SessionEvents, SessionId, Text,
};

use crate::notices;
use crate::output::{OutputQueue, QUEUED_BYTES_DEFAULT, Sink};
use crate::telnet::{Decoder, Input};
use crate::window::LineWindow;

/// What a session needs of its socket. Nothing here waits.
pub trait Socket: Sink {
    /// Switches TCP keep-alive with the given times, or off. A socket that cannot says so in the log.
    fn set_keep_alive(&self, times: Option<KeepAlive>);
}

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

/// What came of a batch of events.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// All events up to the batch's last have been applied.
    Applied,
    /// Events before the batch are missing, from this one on. Nothing was applied.
    Missing(EventNumber),
}

/// Why no more input is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The user's side sent everything: the socket closes when the lines are done.
    InputEnded,
    /// The socket closes when what is queued has been written.
    Closing(CloseReason),
    /// The socket is broken: it closes now.
    Broken,
}

/// One session.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    standing: Standing,
    decoder: Decoder,
    /// Bytes read beyond the line that filled the window.
    undecoded: Vec<u8>,
    window: LineWindow,
    output: OutputQueue,
    last_event: EventNumber,
    acknowledged: EventNumber,
    /// The last event that the daemon is known to have made.
    known_event: EventNumber,
    told_away: bool,
    ending: Option<Ending>,
}

impl Session {
    /// A session that is to be opened with `open`.
    #[must_use]
    pub fn new(open: OpenSession) -> Self {
        Self {
            id: open.session,
            standing: Standing::New(Box::new(open)),
            decoder: Decoder::default(),
            undecoded: Vec::new(),
            window: LineWindow::default(),
            output: OutputQueue::default(),
            last_event: EventNumber(0),
            acknowledged: EventNumber(0),
            known_event: EventNumber(0),
            told_away: false,
            ending: None,
        }
    }

    /// The options that every connection starts with.
    #[must_use]
    pub fn initial_options() -> Vec<ConnectionOption> {
        vec![
            ConnectionOption::ClientEcho(true),
            ConnectionOption::Binary(false),
            ConnectionOption::KeepAlive(None),
            ConnectionOption::MaxQueuedOutput(QUEUED_BYTES_DEFAULT as u32),
        ]
    }

    /// What to open it with, as long as the daemon has not confirmed it.
    #[must_use]
    pub fn opening(&self) -> Option<&OpenSession> {
        match &self.standing {
            Standing::New(open) => Some(open),
            _ => None,
        }
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

    /// How the input or the whole connection ends, if it does.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    // The user's side.

    /// Takes bytes that the user sent, as many as there is room for; the rest waits here.
    pub fn receive(&mut self, bytes: &[u8], socket: &dyn Socket) {
        let rest = self.decode(bytes, socket);
        if self.takes_input() {
            self.undecoded = bytes[bytes.len() - rest..].to_vec();
        }
    }

    /// Whether more may be read from the socket.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.ending.is_none() && self.undecoded.is_empty() && self.window.has_room()
    }

    /// The user's side has sent everything. While the daemon works on lines the socket stays open for
    /// their output.
    pub fn input_ended(&mut self) {
        self.ending.get_or_insert(Ending::InputEnded);
    }

    /// The socket failed. What was read beyond the window is lost with it.
    pub fn broken(&mut self) {
        self.ending = Some(Ending::Broken);
        self.undecoded = Vec::new();
    }

    /// Ends the session from this side: what is queued is written, then the socket closes.
    pub fn close(&mut self, reason: CloseReason) {
        if self.takes_input() {
            self.ending = Some(Ending::Closing(reason));
            self.undecoded = Vec::new();
        }
    }

    /// Whether the socket may close now.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        match self.ending {
            None => false,
            Some(Ending::Broken) => true,
            Some(Ending::Closing(_)) => self.output.is_empty(),
            Some(Ending::InputEnded) => {
                let waits_for_lines = matches!(self.standing, Standing::Live)
                    && !(self.window.is_empty() && self.undecoded.is_empty());
                !waits_for_lines && self.output.is_empty()
            }
        }
    }

    /// Why the socket was closed, for the daemon.
    #[must_use]
    pub fn close_reason(&self) -> CloseReason {
        match self.ending {
            Some(Ending::Closing(reason)) => reason,
            _ => CloseReason::ByPeer,
        }
    }

    // Output.

    /// Writes what is queued, as far as the socket takes it.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn flush(&mut self, socket: &dyn Socket) -> io::Result<bool> {
        self.output.flush(socket)
    }

    /// Whether output waits for the socket.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Queues a line of the host's own.
    pub fn notice(&mut self, line: &str, socket: &dyn Socket) {
        self.output.push_line(line, true, false, socket);
    }

    // The daemon's side.

    /// The next line to send, once; `None` when there is none or the daemon is not ready for it.
    pub fn next_line(&self) -> Option<Line> {
        if !matches!(self.standing, Standing::Live) || self.is_ended_by_daemon() {
            return None;
        }
        let (number, kind, text) = self.window.next_unsent()?;
        let (session, last_event) = (self.id, self.last_event);
        Some(Line {
            session,
            number,
            last_event,
            kind,
            text: text.into(),
        })
    }

    /// Notes that a line of [`Session::next_line`] is on its way.
    pub fn line_sent(&mut self, number: LineNumber, last_event: EventNumber) {
        self.window.sent(number);
        self.acknowledged = self.acknowledged.max(last_event);
    }

    /// Whether everything that the user typed is on its way or done, or does not matter any more.
    #[must_use]
    pub fn all_sent(&self) -> bool {
        let sent = self.undecoded.is_empty() && self.window.next_unsent().is_none();
        sent || self.is_ended_by_daemon()
    }

    /// Applies events of the daemon. Those that were applied before are skipped.
    pub fn apply(&mut self, batch: SessionEvents, socket: &dyn Socket) -> Progress {
        let next = self.last_event.next();
        if batch.first > next {
            let last = batch
                .first
                .0
                .saturating_add(batch.events.len() as u64)
                .saturating_sub(1);
            self.known_event = self.known_event.max(EventNumber(last));
            return Progress::Missing(next);
        }
        let known = usize::try_from(next.0 - batch.first.0).unwrap_or(usize::MAX);
        for event in batch.events.into_iter().skip(known) {
            self.greet_back(socket);
            self.last_event = self.last_event.next();
            if self.takes_input() {
                self.apply_event(event, socket);
            }
        }
        self.known_event = self.known_event.max(self.last_event);
        self.decode_waiting(socket);
        Progress::Applied
    }

    /// The first event that is known to be missing.
    #[must_use]
    pub fn missing(&self) -> Option<EventNumber> {
        (self.last_event < self.known_event).then(|| self.last_event.next())
    }

    /// The acknowledgement that the daemon has not had, if any.
    pub fn acknowledge(&mut self) -> Option<Acknowledgement> {
        if self.acknowledged >= self.last_event {
            return None;
        }
        self.acknowledged = self.last_event;
        Some(Acknowledgement {
            session: self.id,
            event: self.last_event,
            queued_output_bytes: u32::try_from(self.output.queued_bytes()).unwrap_or(u32::MAX),
        })
    }

    /// The daemon is away. The user is told once; lines wait.
    pub fn daemon_away(&mut self, socket: &dyn Socket) {
        if matches!(self.standing, Standing::Live) {
            self.standing = Standing::Detached;
        }
        if !self.told_away && self.ending.is_none() {
            self.told_away = true;
            self.notice(notices::AWAY, socket);
        }
    }

    /// The daemon confirmed a new session.
    pub fn opened(&mut self, socket: &dyn Socket) {
        if matches!(self.standing, Standing::New(_)) {
            self.standing = Standing::Live;
            self.greet_back(socket);
        }
    }

    /// The daemon is back and says how far it is: which lines are done, and its last event.
    pub fn attached(
        &mut self,
        lines_done: LineNumber,
        lines_done_early: &[LineNumber],
        last_event: EventNumber,
        socket: &dyn Socket,
    ) {
        self.standing = Standing::Live;
        self.window.done_up_to(lines_done);
        lines_done_early
            .iter()
            .for_each(|&number| self.window.done(number));
        self.window.send_again();
        self.known_event = self.known_event.max(last_event);
        self.greet_back(socket);
        self.decode_waiting(socket);
    }

    /// The daemon asks for all lines that are not done once more.
    pub fn send_lines_again(&mut self) {
        self.window.send_again();
    }

    fn greet_back(&mut self, socket: &dyn Socket) {
        if std::mem::take(&mut self.told_away) {
            self.notice(notices::BACK, socket);
        }
    }

    fn apply_event(&mut self, event: Event, socket: &dyn Socket) {
        match event {
            Event::Text(Text {
                lines,
                newline,
                no_flush,
            }) => {
                for line in &lines {
                    self.output.push_line(line, newline, no_flush, socket);
                }
            }
            Event::Binary(bytes) => {
                self.decoder.world_sends(&bytes);
                self.output.push_bytes(&bytes, socket);
            }
            Event::LineDone(number) => self.window.done(number),
            Event::SetOption(option) => self.set_option(&option, socket),
            Event::Close => self.close(CloseReason::ByDaemon),
        }
    }

    fn set_option(&mut self, option: &ConnectionOption, socket: &dyn Socket) {
        match *option {
            ConnectionOption::ClientEcho(on) => {
                let command = self.decoder.set_client_echo(on);
                self.output.push_command(&command);
            }
            ConnectionOption::Binary(on) => self.decoder.set_binary(on),
            ConnectionOption::KeepAlive(times) => socket.set_keep_alive(times),
            ConnectionOption::MaxQueuedOutput(bytes) => {
                self.output
                    .set_queued_bytes_max(usize::try_from(bytes).unwrap_or(usize::MAX));
            }
        }
    }

    /// Decodes what waited for room in the window.
    fn decode_waiting(&mut self, socket: &dyn Socket) {
        if !self.undecoded.is_empty() {
            let waiting = std::mem::take(&mut self.undecoded);
            self.receive(&waiting, socket);
        }
    }

    fn is_ended_by_daemon(&self) -> bool {
        self.ending == Some(Ending::Closing(CloseReason::ByDaemon))
    }

    /// Whether the session goes on, or at least what was typed before its end counts.
    fn takes_input(&self) -> bool {
        !matches!(self.ending, Some(Ending::Closing(_) | Ending::Broken))
    }

    /// Decodes bytes until they are used up or the window is full; returns how many are left.
    fn decode(&mut self, mut bytes: &[u8], socket: &dyn Socket) -> usize {
        while self.window.has_room() && self.takes_input() {
            match self.decoder.next(&mut bytes) {
                Some(input) => self.take(input, socket),
                None => return 0,
            }
        }
        bytes.len()
    }

    fn take(&mut self, input: Input, socket: &dyn Socket) {
        match input {
            Input::Line(text) => self.window.push(LineKind::Text, text),
            Input::Binary(text) => self.window.push(LineKind::Binary, text),
            Input::Command { text, answer } => {
                self.window.push(LineKind::OutOfBand, text);
                if let Some(answer) = answer {
                    self.output.push_command(&answer);
                }
            }
            Input::AreYouThere => self.notice(notices::HERE, socket),
            Input::TooLong => {
                self.notice(&notices::line_too_long(), socket);
                self.close(CloseReason::Refused);
            }
        }
    }
}

#[cfg(test)]
mod tests;
