//! The body of a response, decompressed as it arrives and bounded in what comes out.
//!
//! In: the `Content-Encoding`, pieces of the body. Out: the bytes, or a fault as soon as there are too many: a small
//! compressed body that stands for gigabytes costs no more than the bound.

mod inflate;

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::MultiGzDecoder;

use self::inflate::Inflate;
use crate::fault::Fault;

/// What this module undoes, as a request's `Accept-Encoding`.
pub const ACCEPTED: &str = "gzip, deflate, br";

/// Working memory of the brotli decoder, which takes its window beside it.
const BROTLI_BUFFER_BYTES: usize = 8 << 10;

/// The seven bits with which a brotli body asks for a window that RFC 7932 does not have (section 9.1 calls them invalid):
/// up to 1 GiB, which the decoder would provide and fill before anything of it can be counted.
const BROTLI_LARGE_WINDOW: u8 = 0x11;

/// A compression that is undone here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or RFC 1951 without its frame as some servers send it.
    Deflate,
    /// RFC 7932.
    Brotli,
}

impl Encoding {
    /// The encoding of that name; `None` for those that are left as they are, also several at once.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "brotli",
        }
    }
}

/// Takes pieces and gives the whole.
pub struct Body {
    encoding: Option<Encoding>,
    decoder: Decoder,
    bytes_max: usize,
}

enum Decoder {
    /// Not compressed, or nothing has come yet.
    Plain(Capped),
    Gzip(Box<MultiGzDecoder<Capped>>),
    Deflate(Inflate<Capped>),
    Brotli(Box<DecompressorWriter<Capped>>),
}

impl Body {
    /// An empty body in `encoding`, of at most `bytes_max` bytes after decompression.
    #[must_use]
    pub fn new(encoding: Option<Encoding>, bytes_max: usize) -> Self {
        let decoder = Decoder::Plain(Capped {
            bytes: Vec::new(),
            bytes_max,
        });
        Self {
            encoding,
            decoder,
            bytes_max,
        }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// [`Fault::BodyTooLarge`], [`Fault::Damaged`].
    pub fn take(&mut self, piece: &[u8]) -> Result<(), Fault> {
        if piece.is_empty() {
            return Ok(());
        }
        if matches!(self.decoder, Decoder::Plain(_)) {
            self.begin(piece[0])?;
        }
        let taken = self.decoder.writer().write_all(piece);
        taken.map_err(|error| self.fault(&error))
    }

    /// The whole body, which must be complete.
    ///
    /// # Errors
    /// [`Fault::BodyTooLarge`], [`Fault::Damaged`].
    pub fn finish(mut self) -> Result<Vec<u8>, Fault> {
        let (encoding, bytes_max) = (self.encoding, self.bytes_max);
        let ended = match self.decoder {
            Decoder::Plain(capped) => Ok(capped),
            Decoder::Gzip(decoder) => decoder.finish(),
            Decoder::Deflate(decoder) => decoder.finish(),
            Decoder::Brotli(ref mut decoder) => decoder.close().map(|()| decoder.get_mut().take()),
        };
        ended
            .map(|capped| capped.bytes)
            .map_err(|error| fault(encoding, bytes_max, &error))
    }

    /// A response without a body (to HEAD, or not modified) may name an encoding; the decoder begins with the first byte,
    /// which also tells the two forms of deflate apart: a frame begins with 8 in its low half.
    fn begin(&mut self, first: u8) -> Result<(), Fault> {
        let Decoder::Plain(capped) = &mut self.decoder else {
            return Ok(());
        };
        if self.encoding == Some(Encoding::Brotli) && first & 0x7f == BROTLI_LARGE_WINDOW {
            return Err(self.fault(&io::ErrorKind::InvalidData.into()));
        }
        let framed = first & 0x0f == 8;
        self.decoder = match self.encoding {
            None => return Ok(()),
            Some(Encoding::Gzip) => Decoder::Gzip(MultiGzDecoder::new(capped.take()).into()),
            Some(Encoding::Deflate) => Decoder::Deflate(Inflate::new(capped.take(), framed)),
            Some(Encoding::Brotli) => {
                Decoder::Brotli(DecompressorWriter::new(capped.take(), BROTLI_BUFFER_BYTES).into())
            }
        };
        Ok(())
    }

    fn fault(&self, error: &io::Error) -> Fault {
        fault(self.encoding, self.bytes_max, error)
    }
}

impl Decoder {
    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Plain(capped) => capped,
            Self::Gzip(decoder) => decoder,
            Self::Deflate(decoder) => decoder,
            Self::Brotli(decoder) => decoder,
        }
    }
}

/// What comes out, up to a bound.
#[derive(Default)]
struct Capped {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Capped {
    /// Leaves nothing behind, and no room for more.
    fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

impl Write for Capped {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if piece.len() > self.bytes_max - self.bytes.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn fault(encoding: Option<Encoding>, bytes_max: usize, error: &io::Error) -> Fault {
    match encoding {
        Some(encoding) if error.kind() != io::ErrorKind::FileTooLarge => Fault::Damaged {
            encoding: encoding.name(),
        },
        _ => Fault::BodyTooLarge { bytes_max },
    }
}

#[cfg(test)]
mod tests;
