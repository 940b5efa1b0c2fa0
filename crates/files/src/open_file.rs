//! One open file with its place in it, as C's streams have it.
//!
//! In: bytes to write, how much to read. Out: bytes, lines. What is read ahead does not move the place at which the next
//! write happens. It does not know what bytes mean to programs.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};

use memchr::memmem::Finder;

use crate::{FileError, OpenMode};

/// Bytes looked at between two questions whether there is time left.
const BYTES_BETWEEN_QUESTIONS: usize = 1 << 16;

/// How much an answer may hold, and how long it may take.
pub struct Patience<'a> {
    /// The most bytes that an answer has.
    pub bytes_max: usize,
    /// Whether there is time left; asked now and then.
    pub has_time: &'a mut dyn FnMut() -> bool,
}

/// A line that was searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The line, without its end.
    pub line: Vec<u8>,
    /// Which it is; the first is 1.
    pub number: u64,
}

/// An open file.
#[derive(Debug)]
pub struct OpenFile {
    name: String,
    mode: OpenMode,
    file: BufReader<File>,
    /// Whether the last read met the end.
    is_at_end: bool,
}

impl OpenFile {
    pub(crate) fn new(name: &str, mode: OpenMode, file: File) -> Self {
        Self {
            name: name.to_owned(),
            mode,
            file: BufReader::new(file),
            is_at_end: false,
        }
    }

    /// The path as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it was opened.
    #[must_use]
    pub fn mode(&self) -> OpenMode {
        self.mode
    }

    /// Whether the last read met the end.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    pub(crate) fn file(&self) -> &File {
        self.file.get_ref()
    }

    /// The next line, without its end.
    ///
    /// # Errors
    /// [`FileError::EndOfFile`]; [`FileError::TooLarge`], and then the place is behind what was read; what reading meets.
    pub fn read_line(&mut self, patience: &mut Patience<'_>) -> Result<Vec<u8>, FileError> {
        self.must_read()?;
        self.next_line(patience)?.ok_or(FileError::EndOfFile)
    }

    /// The lines from number `first` to `last`, counted from 1, or as many as there are. The place is at the first of
    /// them afterwards.
    ///
    /// # Errors
    /// [`FileError::EndOfFile`] when there are no `first` - 1 lines before; what reading meets.
    pub fn read_lines(
        &mut self,
        first: u64,
        last: u64,
        patience: &mut Patience<'_>,
    ) -> Result<Vec<Vec<u8>>, FileError> {
        self.must_read()?;
        self.rewind()?;
        for _ in 1..first {
            self.next_line(patience)?.ok_or(FileError::EndOfFile)?;
        }
        let place = self.tell()?;
        let mut lines = Vec::new();
        let mut bytes = 0;
        while lines.len() as u64 <= last - first {
            let Some(line) = self.next_line(patience)? else {
                break;
            };
            // A list counts for more than what stands in it.
            bytes += line.len() + size_of::<Vec<u8>>();
            if bytes > patience.bytes_max {
                return Err(too_large(patience));
            }
            lines.push(line);
        }
        self.file.seek(SeekFrom::Start(place))?;
        Ok(lines)
    }

    /// The lines in which `needle` stands, in upper or lower case as far as it is ASCII: the first, or all.
    ///
    /// # Errors
    /// What reading meets.
    pub fn find(
        &mut self,
        needle: &[u8],
        all: bool,
        patience: &mut Patience<'_>,
    ) -> Result<Vec<Found>, FileError> {
        self.must_read()?;
        self.rewind()?;
        let finder = Finder::new(&needle.to_ascii_lowercase()).into_owned();
        let mut found = Vec::new();
        let (mut number, mut bytes) = (0, 0);
        while let Some(line) = self.next_line(patience)? {
            number += 1;
            if finder.find(&line.to_ascii_lowercase()).is_none() {
                continue;
            }
            bytes += line.len() + size_of::<Found>();
            if bytes > patience.bytes_max {
                return Err(too_large(patience));
            }
            found.push(Found { line, number });
            if !all {
                break;
            }
        }
        Ok(found)
    }

    /// How many lines there are; the place is at the end afterwards.
    ///
    /// # Errors
    /// What reading meets.
    pub fn count_lines(&mut self, patience: &mut Patience<'_>) -> Result<u64, FileError> {
        self.must_read()?;
        self.rewind()?;
        let mut count = 0;
        let mut is_within_line = false;
        loop {
            must_have_time(patience)?;
            let bytes = self.file.fill_buf()?;
            if bytes.is_empty() {
                self.is_at_end = true;
                return Ok(count + u64::from(is_within_line));
            }
            count += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            is_within_line = bytes.last() != Some(&b'\n');
            let seen = bytes.len();
            self.file.consume(seen);
        }
    }

    /// As many bytes as there are, up to `count`.
    ///
    /// # Errors
    /// [`FileError::EndOfFile`] when there are none and some were wanted; [`FileError::TooLarge`]; what reading meets.
    pub fn read(
        &mut self,
        count: usize,
        patience: &mut Patience<'_>,
    ) -> Result<Vec<u8>, FileError> {
        self.must_read()?;
        if count > patience.bytes_max {
            return Err(too_large(patience));
        }
        let mut bytes = Vec::new();
        while bytes.len() < count {
            must_have_time(patience)?;
            let part = (count - bytes.len()).min(BYTES_BETWEEN_QUESTIONS);
            if (&mut self.file).take(part as u64).read_to_end(&mut bytes)? < part {
                self.is_at_end = true;
                break;
            }
        }
        if bytes.is_empty() {
            return Err(FileError::EndOfFile);
        }
        Ok(bytes)
    }

    /// Writes bytes at the place of the file, or at its end.
    ///
    /// # Errors
    /// [`FileError::NotWritable`]; what writing meets.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        if !self.mode.writes {
            return Err(FileError::NotWritable);
        }
        // What was read ahead is given back: the next byte belongs where reading has come to.
        let place = self.file.stream_position()?;
        self.file.seek(SeekFrom::Start(place))?;
        let mut file = self.file.get_ref();
        file.write_all(bytes)?;
        Ok(())
    }

    /// Moves the place.
    ///
    /// # Errors
    /// What seeking meets, such as a place before the beginning.
    pub fn seek(&mut self, to: SeekFrom) -> Result<(), FileError> {
        self.file.seek(to)?;
        self.is_at_end = false;
        Ok(())
    }

    /// The place, in bytes from the beginning.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn tell(&mut self) -> Result<u64, FileError> {
        Ok(self.file.stream_position()?)
    }

    fn rewind(&mut self) -> Result<(), FileError> {
        self.seek(SeekFrom::Start(0))
    }

    fn must_read(&self) -> Result<(), FileError> {
        match self.mode.reads {
            true => Ok(()),
            false => Err(FileError::NotReadable),
        }
    }

    fn next_line(&mut self, patience: &mut Patience<'_>) -> Result<Option<Vec<u8>>, FileError> {
        let mut line = Vec::new();
        loop {
            must_have_time(patience)?;
            let bytes = self.file.fill_buf()?;
            if bytes.is_empty() {
                self.is_at_end = true;
                return Ok((!line.is_empty()).then_some(line));
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let part = end.unwrap_or(bytes.len());
            line.extend_from_slice(&bytes[..part]);
            self.file.consume(part + usize::from(end.is_some()));
            if line.len() > patience.bytes_max {
                return Err(too_large(patience));
            }
            if end.is_some() {
                return Ok(Some(line));
            }
        }
    }
}

fn must_have_time(patience: &mut Patience<'_>) -> Result<(), FileError> {
    match (patience.has_time)() {
        true => Ok(()),
        false => Err(FileError::NoTime),
    }
}

fn too_large(patience: &Patience<'_>) -> FileError {
    FileError::TooLarge {
        bytes_max: patience.bytes_max,
    }
}
