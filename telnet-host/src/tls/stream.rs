//! The bytes of one encrypted connection.
//!
//! In: bytes of the socket; output of the session. Out: what the user said; bytes for the socket. Nothing here waits. Output
//! that was taken may still be on its way: a record that the socket had no room for is written before anything else.

use std::io::{self, IoSlice, Read, Write};

use moor_rpc::TlsInfo;
use rustls::Connection;

/// Bytes of plain text that are taken at once.
const PIECE_BYTES: usize = 4_096;

/// One connection's keys, and its records on their way.
#[derive(Debug)]
pub(crate) struct Tls {
    connection: Connection,
    /// The socket takes nothing more, or the other side is not believed any more.
    is_broken: bool,
}

/// What the socket's bytes meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// What the user said.
    pub(crate) plain: Vec<u8>,
    /// The user says no more.
    pub(crate) is_end: bool,
}

impl Tls {
    /// A connection whose handshake is done.
    pub(crate) fn new(connection: Connection) -> Self {
        Self {
            connection,
            is_broken: false,
        }
    }

    /// Version and cipher suite, by the names of their standards.
    pub(crate) fn info(&self) -> TlsInfo {
        let version = self.connection.protocol_version();
        let version = version.and_then(|version| version.as_str().map(str::to_owned));
        let suite = self.connection.negotiated_cipher_suite();
        let suite = suite.and_then(|suite| suite.suite().as_str().map(str::to_owned));
        TlsInfo {
            version: version.unwrap_or_default().replace('_', "."),
            // The library marks suites of TLS 1.3 in the name.
            cipher: suite.unwrap_or_default().replacen("TLS13_", "TLS_", 1),
        }
    }

    /// Takes bytes of the socket; none before the first, for what came with the handshake.
    ///
    /// # Errors
    /// They are not what the other side could have sent.
    pub(crate) fn receive(&mut self, mut bytes: &[u8]) -> Result<Heard, rustls::Error> {
        let mut heard = Heard::default();
        loop {
            if !bytes.is_empty() {
                let taken = self.connection.read_tls(&mut bytes);
                let taken = taken.map_err(|error| rustls::Error::General(error.to_string()));
                if taken.inspect_err(|_| self.is_broken = true)? == 0 {
                    heard.is_end = true;
                }
            }
            let state = self.connection.process_new_packets();
            let state = state.inspect_err(|_| self.is_broken = true)?;
            self.take_plain(state.plaintext_bytes_to_read(), &mut heard.plain);
            heard.is_end |= state.peer_has_closed();
            if bytes.is_empty() || heard.is_end {
                return Ok(heard);
            }
        }
    }

    fn take_plain(&mut self, mut count: usize, plain: &mut Vec<u8>) {
        let mut piece = [0; PIECE_BYTES];
        while count > 0 {
            let room = count.min(PIECE_BYTES);
            // It has as much, so it neither fails nor waits.
            let Ok(taken @ 1..) = self.connection.reader().read(&mut piece[..room]) else {
                return;
            };
            plain.extend_from_slice(&piece[..taken]);
            count -= taken;
        }
    }

    /// Encrypts as much of the output as there is room for, and writes it.
    ///
    /// # Errors
    /// `WouldBlock` where former output is still on its way; anything else when the socket is broken.
    pub(crate) fn write(
        &mut self,
        slices: &[IoSlice<'_>],
        socket: &mut dyn Write,
    ) -> io::Result<usize> {
        if !self.flush(socket)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = self.connection.writer().write_vectored(slices)?;
        self.flush(socket)?;
        Ok(taken)
    }

    /// Writes what is on its way; false if the socket has no more room.
    ///
    /// # Errors
    /// The socket is broken.
    pub(crate) fn flush(&mut self, socket: &mut dyn Write) -> io::Result<bool> {
        while self.has_pending() {
            match self.connection.write_tls(socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.is_broken = true;
                    return Err(error);
                }
            }
        }
        Ok(true)
    }

    /// Whether something is on its way.
    pub(crate) fn has_pending(&self) -> bool {
        !self.is_broken && self.connection.wants_write()
    }

    /// Tells the other side that no more output comes, as far as the socket has room for the word.
    pub(crate) fn say_goodbye(&mut self, socket: &mut dyn Write) {
        self.connection.send_close_notify();
        // What it said against the protocol is answered too, though nothing else is written any more.
        self.is_broken = false;
        let _ = self.flush(socket);
        self.is_broken = true;
    }
}
