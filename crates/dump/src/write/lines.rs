//! Lines of a textdump, counted in bytes.
//! In: numbers and texts that fit on a line. Out: bytes. Buffering is done here, so that the file behind may be bare.

use std::fmt;
use std::io::{self, BufWriter, Write};

use moor_value::ObjId;

/// Bytes that are collected before the file is asked to take them.
const BUFFER_BYTES: usize = 256 * 1024;

pub(crate) struct LineWriter<'a> {
    out: BufWriter<&'a mut dyn Write>,
    bytes: u64,
}

impl<'a> LineWriter<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out: BufWriter::with_capacity(BUFFER_BYTES, out),
            bytes: 0,
        }
    }

    /// A text that is one line.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.bytes += text.len() as u64 + 1;
        Ok(())
    }

    /// The beginning of a line.
    pub(crate) fn part(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        let text = text.to_string();
        self.out.write_all(text.as_bytes())?;
        self.bytes += text.len() as u64;
        Ok(())
    }

    pub(crate) fn line(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        match text.as_str() {
            Some(text) => self.text(text),
            None => self.text(&text.to_string()),
        }
    }

    pub(crate) fn int(&mut self, number: i64) -> io::Result<()> {
        self.text(itoa::Buffer::new().format(number))
    }

    pub(crate) fn count(&mut self, number: u64) -> io::Result<()> {
        self.text(itoa::Buffer::new().format(number))
    }

    pub(crate) fn obj(&mut self, id: ObjId) -> io::Result<()> {
        self.int(id.0)
    }

    /// Empties the buffer; answers how many bytes were written.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.bytes)
    }
}
