//! One user's session, from the host's side, as a pure state machine.
//!
//! In: bytes that the user typed, events of the daemon, the coming and going of the daemon. Out: lines
//! to send, output to write, and what the session now waits for. The order of lines and events is its
//! [`Course`]'s; here is what telnet makes of them, and who is told what. It knows nothing of tokio,
//! ZeroMQ, or other sessions; the socket is a trait.

use std::io;

use moor_host::{AWAY, BACK, Course, DaemonNews, Progress};
use moor_rpc::{
    Acknowledgement, CloseReason, ConnectionOption, Event, KeepAlive, LineKind, OpenSession,
    SessionEvents, Text,
};

use crate::notices;
use crate::output::{OutputQueue, QUEUED_BYTES_DEFAULT, Sink};
use crate::telnet::{Decoder, Input};

/// What a session needs of its socket. Nothing here waits.
pub trait Socket: Sink {
    /// Switches TCP keep-alive with the given times, or off. A socket that cannot says so in the log.
    fn set_keep_alive(&self, times: Option<KeepAlive>);
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
    course: Course,
    decoder: Decoder,
    /// Bytes read beyond the line that filled the window.
    undecoded: Vec<u8>,
    output: OutputQueue,
    ending: Option<Ending>,
    /// Whether at the other end is whoever a program has called, and no user whom notices would tell something.
    is_outbound: bool,
}

impl Session {
    /// A session that is to be opened with `open`.
    #[must_use]
    pub fn new(open: OpenSession) -> Self {
        Self {
            is_outbound: open.outbound,
            course: Course::new(open),
            decoder: Decoder::default(),
            undecoded: Vec::new(),
            output: OutputQueue::default(),
            ending: None,
        }
    }

    /// The options that every connection starts with.
    #[must_use]
    pub fn initial_options() -> Vec<ConnectionOption> {
        moor_host::initial_options(QUEUED_BYTES_DEFAULT as u32)
    }

    /// Its place in the conversation with the daemon.
    pub fn course(&mut self) -> &mut Course {
        &mut self.course
    }

    /// Whether a line could be sent now.
    #[must_use]
    pub fn has_line(&self) -> bool {
        self.course.has_line()
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
        self.ending.is_none() && self.undecoded.is_empty() && self.course.has_room()
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
            if reason == CloseReason::ByDaemon {
                self.course.ended_by_daemon();
            }
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
                let all_done = self.course.all_done() && self.undecoded.is_empty();
                let waits_for_lines = !self.course.is_detached() && !all_done;
                !waits_for_lines && self.output.is_empty()
            }
        }
    }

    /// Why the socket was closed, for the daemon; once everything that the user typed is on its way or
    /// done, or does not matter any more.
    #[must_use]
    pub fn last_word(&self) -> Option<CloseReason> {
        let all_sent = self.undecoded.is_empty() && self.course.all_sent();
        all_sent.then_some(match self.ending {
            Some(Ending::Closing(reason)) => reason,
            _ => CloseReason::ByPeer,
        })
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

    /// Queues a line of the host's own, where there is a user to read it.
    pub fn notice(&mut self, line: &str, socket: &dyn Socket) {
        if self.is_outbound {
            return;
        }
        self.output.push_line(line, true, false, socket);
    }

    // The daemon's side.

    /// Applies events of the daemon. Those that were applied before are skipped.
    pub fn apply(&mut self, batch: SessionEvents, socket: &dyn Socket) -> Progress {
        let events = match self.course.receive(batch) {
            Ok(events) => events,
            Err(missing) => return Progress::Missing(missing),
        };
        for (_, event) in events {
            self.greet_back(socket);
            if self.takes_input() {
                self.apply_event(event, socket);
            }
        }
        self.decode_waiting(socket);
        Progress::Applied
    }

    /// The acknowledgement that the daemon has not had, if any.
    pub fn acknowledge(&mut self) -> Option<Acknowledgement> {
        self.course.acknowledge(self.output.queued_bytes())
    }

    /// Hears how the daemon stands to the session; the user is told of an outage, once, and of its end.
    pub fn hear(&mut self, news: DaemonNews<'_>, socket: &dyn Socket) {
        self.course.hear(news);
        if news == DaemonNews::Away {
            if self.ending.is_none() && self.course.tell_away() {
                self.notice(AWAY, socket);
            }
            return;
        }
        if self.course.is_live() {
            self.greet_back(socket);
        }
        self.decode_waiting(socket);
    }

    fn greet_back(&mut self, socket: &dyn Socket) {
        if self.course.tell_back() {
            self.notice(BACK, socket);
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
            Event::LineDone(number) => self.course.line_done(number),
            Event::SetOption(option) => self.set_option(&option, socket),
            // A telnet user is told by the world.
            Event::LoggedIn { .. } | Event::LoggedOut => {}
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

    /// Whether the session goes on, or at least what was typed before its end counts.
    fn takes_input(&self) -> bool {
        !matches!(self.ending, Some(Ending::Closing(_) | Ending::Broken))
    }

    /// Decodes bytes until they are used up or the window is full; returns how many are left.
    fn decode(&mut self, mut bytes: &[u8], socket: &dyn Socket) -> usize {
        while self.course.has_room() && self.takes_input() {
            match self.decoder.next(&mut bytes) {
                Some(input) => self.take(input, socket),
                None => return 0,
            }
        }
        bytes.len()
    }

    fn push(&mut self, kind: LineKind, text: String) {
        self.course.push_line(kind, text);
    }

    fn take(&mut self, input: Input, socket: &dyn Socket) {
        match input {
            Input::Line(text) => self.push(LineKind::Text, text),
            Input::Binary(text) => self.push(LineKind::Binary, text),
            Input::Command { text, answer } => {
                self.push(LineKind::OutOfBand, text);
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
