//! A user who has logged in and whose commands answer between two markers.
//!
//! In: commands, and code for the world's own `eval` (the verb that answers to `;`). Out: the lines that each printed.
//! It knows the two pairs of markers: those of PREFIX and SUFFIX around a command, and those of `eval` around its answer.

use std::net::SocketAddr;

use crate::{Client, ClientError};

/// The line that the world's `eval` prints before it begins.
pub const ANSWER_BEGINS: &str = "-=!-^-!=-";
/// The line that the world's `eval` prints at its end.
pub const ANSWER_ENDS: &str = "-=!-v-!=-";
const COMMAND_BEGINS: &str = "@@[";
const COMMAND_ENDS: &str = "@@]";

/// A connection of a user.
#[derive(Debug)]
pub struct Session {
    client: Client,
}

impl Session {
    /// Connects, logs in as `name`, and waits for the first framed answer.
    ///
    /// # Errors
    /// What the client says if the server is gone or refuses.
    pub fn log_in(address: SocketAddr, name: &str) -> Result<Self, ClientError> {
        let mut client = Client::connect(address)?;
        client.send(&format!("connect {name}"))?;
        client.send(&format!("PREFIX {COMMAND_BEGINS}"))?;
        client.send(&format!("SUFFIX {COMMAND_ENDS}"))?;
        let mut session = Self { client };
        session.code("return 1;")?;
        Ok(session)
    }

    /// The connection below, for lines outside the frames.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Runs a command, and returns what it printed until it ended or was suspended.
    ///
    /// # Errors
    /// What the client says if no whole answer came.
    pub fn command(&mut self, line: &str) -> Result<Vec<String>, ClientError> {
        self.client.send(line)?;
        let mut lines = self
            .client
            .lines_until(|line| line.ends_with(COMMAND_ENDS))?;
        strip(lines.last_mut(), COMMAND_ENDS);
        if let Some(begin) = lines.iter().position(|line| line.ends_with(COMMAND_BEGINS)) {
            lines.drain(..=begin);
        }
        Ok(not_empty(lines))
    }

    /// Runs code, joined into one line, and returns what it printed, with the markers of `eval`, until both the
    /// command and `eval` ended: code that is suspended answers after its command has ended.
    ///
    /// # Errors
    /// What the client says if no whole answer came.
    pub fn code(&mut self, code: &str) -> Result<Vec<String>, ClientError> {
        let parts: Vec<&str> = code
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        self.client.send(&format!("; {}", parts.join(" ")))?;
        let (mut command, mut answer) = (false, false);
        let mut lines = self.client.lines_until(|line| {
            command |= line.ends_with(COMMAND_ENDS);
            answer |= line.ends_with(ANSWER_ENDS);
            command && answer
        })?;
        for line in &mut lines {
            strip(Some(&mut *line), COMMAND_BEGINS);
            strip(Some(line), COMMAND_ENDS);
        }
        Ok(not_empty(lines))
    }

    /// Runs code that returns a value, and returns the value as the world prints it.
    ///
    /// # Panics
    /// If it returns none; for tests of something else.
    pub fn value(&mut self, code: &str) -> String {
        let lines = self
            .code(code)
            .unwrap_or_else(|error| panic!("{code}: {error}"));
        let answer = answer(&lines).last();
        let value = answer.and_then(|line| line.strip_prefix("{1, ")?.strip_suffix('}'));
        value
            .unwrap_or_else(|| panic!("{code}: {lines:?}"))
            .to_owned()
    }
}

/// The lines between the markers of `eval`; all of them if there are none.
pub(crate) fn answer(lines: &[String]) -> &[String] {
    let begin = lines.iter().position(|line| line == ANSWER_BEGINS);
    let rest = &lines[begin.map_or(0, |begin| begin + 1)..];
    let end = rest.iter().position(|line| line == ANSWER_ENDS);
    &rest[..end.unwrap_or(rest.len())]
}

fn strip(line: Option<&mut String>, marker: &str) {
    if let Some(line) = line
        && line.ends_with(marker)
    {
        line.truncate(line.len() - marker.len());
    }
}

fn not_empty(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().filter(|line| !line.is_empty()).collect()
}
