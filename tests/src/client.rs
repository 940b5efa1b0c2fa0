//! A telnet client.
//!
//! In: lines to send, or bytes. Out: the lines that arrive, without telnet's negotiations. It does not know what the
//! lines mean.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::PATIENCE;

/// Telnet's "interpret as command", the first byte of a negotiation.
const IAC: u8 = 255;
/// The least command that has an option after it: WILL, WONT, DO and DONT.
const WILL: u8 = 251;

/// Why no line came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The server closed the connection.
    #[error("the connection was closed after {0:?}")]
    Closed(Vec<String>),
    /// Nothing came within [`PATIENCE`].
    #[error("no answer in time after {0:?}")]
    Late(Vec<String>),
    /// The operating system refused.
    #[error("telnet: {0}")]
    Io(#[from] std::io::Error),
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    /// Connects to `address`.
    ///
    /// # Errors
    /// [`ClientError::Io`] if nobody accepts.
    pub fn connect(address: SocketAddr) -> Result<Self, ClientError> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            unread: Vec::new(),
        })
    }

    /// The socket itself, for whoever reads it otherwise; what has been read and not taken is lost.
    #[must_use]
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Sends a line.
    ///
    /// # Errors
    /// [`ClientError::Io`] if the connection is gone.
    pub fn send(&mut self, line: &str) -> Result<(), ClientError> {
        self.send_bytes(format!("{line}\r\n").as_bytes())
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// [`ClientError::Io`] if the connection is gone, or nothing was taken for [`PATIENCE`].
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.stream.set_write_timeout(Some(PATIENCE))?;
        Ok(self.stream.write_all(bytes)?)
    }

    /// Waits for a line that `is_last` accepts, and returns it with those before it.
    ///
    /// # Errors
    /// [`ClientError::Closed`] or [`ClientError::Late`] with the lines that came.
    pub fn lines_until(
        &mut self,
        mut is_last: impl FnMut(&str) -> bool,
    ) -> Result<Vec<String>, ClientError> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = Vec::new();
        loop {
            while let Some(line) = self.take_line() {
                let done = is_last(&line);
                lines.push(line);
                if done {
                    return Ok(lines);
                }
            }
            match self.read_more(deadline) {
                Ok(0) => return Err(ClientError::Closed(lines)),
                Ok(_) => {}
                Err(error) if is_late(&error) => return Err(ClientError::Late(lines)),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    return Err(ClientError::Closed(lines));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for a line with `part` in it, and returns it with those before it.
    ///
    /// # Panics
    /// If it does not come; for tests of what must come.
    pub fn expect(&mut self, part: &str) -> Vec<String> {
        self.lines_until(|line| line.contains(part))
            .unwrap_or_else(|error| panic!("waiting for {part:?}: {error}"))
    }

    /// Waits until the server closes the connection, and returns what it printed before.
    ///
    /// # Errors
    /// [`ClientError::Late`] if it does not.
    pub fn until_closed(&mut self) -> Result<Vec<String>, ClientError> {
        match self.lines_until(|_| false) {
            Err(ClientError::Closed(lines)) => Ok(lines),
            Err(error) => Err(error),
            Ok(_) => unreachable!("no line is the last"),
        }
    }

    fn take_line(&mut self) -> Option<String> {
        let end = self.unread.iter().position(|&byte| byte == b'\n')?;
        let mut line: Vec<u8> = self.unread.drain(..=end).collect();
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(String::from_utf8_lossy(&without_negotiations(&line)).into_owned())
    }

    fn read_more(&mut self, deadline: Instant) -> std::io::Result<usize> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut bytes = [0; 16 * 1024];
        let count = self.stream.read(&mut bytes)?;
        self.unread.extend_from_slice(&bytes[..count]);
        Ok(count)
    }
}

fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn without_negotiations(line: &[u8]) -> Vec<u8> {
    let mut rest = line.iter().copied();
    let mut text = Vec::with_capacity(line.len());
    while let Some(byte) = rest.next() {
        if byte != IAC {
            text.push(byte);
            continue;
        }
        match rest.next() {
            Some(IAC) => text.push(IAC),
            Some(command) if command >= WILL => {
                rest.next();
            }
            _ => {}
        }
    }
    text
}
