//! The decoder of deflate, which notices when the body ends before its own end.
//!
//! In: pieces, with or without zlib's frame. Out: what they stand for, written on as it comes. What follows the end is ignored,
//! as browsers ignore it. (flate2's writers take a body that was cut for a whole one.)

use std::io::{self, Write};

use flate2::{Decompress, FlushDecompress, Status};

/// What is decompressed before it is written on.
const BUFFER_BYTES: usize = 16 << 10;

pub(super) struct Inflate<W> {
    state: Decompress,
    has_ended: bool,
    to: W,
}

impl<W: Write> Inflate<W> {
    /// Writes on to `to`; `framed` for RFC 1950, otherwise RFC 1951.
    pub(super) fn new(to: W, framed: bool) -> Self {
        Self {
            state: Decompress::new(framed),
            has_ended: false,
            to,
        }
    }

    /// What was written to, if the end was seen.
    pub(super) fn finish(self) -> io::Result<W> {
        match self.has_ended {
            true => Ok(self.to),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl<W: Write> Write for Inflate<W> {
    /// Takes the whole piece.
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let mut buffer = [0; BUFFER_BYTES];
        let mut rest = piece;
        while !self.has_ended {
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(rest, &mut buffer, FlushDecompress::None)?;
            let taken = (self.state.total_in() - before_in) as usize;
            let made = (self.state.total_out() - before_out) as usize;
            self.to.write_all(&buffer[..made])?;
            rest = &rest[taken..];
            self.has_ended = status == Status::StreamEnd;
            // A full buffer may leave more behind, even where all of the piece was taken.
            if rest.is_empty() && made < BUFFER_BYTES || taken == 0 && made == 0 {
                break;
            }
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
