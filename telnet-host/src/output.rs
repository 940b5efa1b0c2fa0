//! What waits to be written to one user's socket.
//!
//! In: lines, raw bytes, telnet commands. Out: as few writes as the socket allows; everything that was
//! queued before a flush goes out in one. When a slow client's queue is full, the oldest output is
//! dropped and the client is told how many lines it missed, in LambdaMOO's words; telnet commands are
//! kept, because the client's state depends on them. Text is UTF-8, in which the byte IAC cannot occur,
//! so nothing has to be doubled. It does not know whose socket it is.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

/// How many bytes of output wait for a client unless the world sets another limit (LambdaMOO's default).
pub const QUEUED_BYTES_DEFAULT: usize = 65_536;

/// The least that the world can set the limit to (LambdaMOO's minimum).
pub const QUEUED_BYTES_MIN: usize = 2_048;

/// Telnet commands rescued from dropped output, in bytes; a client that is further behind loses them.
const RESCUED_BYTES_MAX: usize = 4_096;

/// An emptied queue keeps a buffer up to this size for the next output; idle connections are many.
const BUFFER_KEPT_BYTES: usize = 1_024;

/// A place to write to that never waits.
pub trait Sink {
    /// Writes some of the bytes in order.
    ///
    /// # Errors
    /// `WouldBlock` when nothing can be taken at the moment, anything else when the socket is broken.
    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
}

/// The queue of one connection.
#[derive(Debug)]
pub struct OutputQueue {
    /// Commands rescued, and the rest of a half-written notice: before everything else.
    front: Vec<u8>,
    /// Lines dropped and not yet told.
    lines_lost: u64,
    /// The queued bytes from `start` on.
    bytes: Vec<u8>,
    start: usize,
    /// How `bytes[start..]` divides into lines and commands.
    pieces: VecDeque<Piece>,
    queued_bytes_max: usize,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    bytes: usize,
    command: bool,
}

impl Default for OutputQueue {
    fn default() -> Self {
        Self {
            front: Vec::new(),
            lines_lost: 0,
            bytes: Vec::new(),
            start: 0,
            pieces: VecDeque::new(),
            queued_bytes_max: QUEUED_BYTES_DEFAULT,
        }
    }
}

impl OutputQueue {
    /// Queues a line, with its end if `newline`. When the queue is full even after a write, the oldest
    /// output makes room, or this line is dropped if `no_flush`.
    pub fn push_line(&mut self, line: &str, newline: bool, no_flush: bool, sink: &dyn Sink) {
        let end: &[u8] = if newline { b"\r\n" } else { b"" };
        if self.make_room(line.len() + end.len(), no_flush, sink) {
            self.append(&[line.as_bytes(), end], false);
        }
    }

    /// Queues bytes as they are, with the same policy as a line.
    pub fn push_bytes(&mut self, bytes: &[u8], sink: &dyn Sink) {
        if self.make_room(bytes.len(), false, sink) {
            self.append(&[bytes], false);
        }
    }

    /// Queues a telnet command, which is not dropped with other output. Only when the client is
    /// [`RESCUED_BYTES_MAX`] beyond a full queue the command is lost.
    pub fn push_command(&mut self, command: &[u8]) {
        if self.queued_bytes() + command.len() <= self.queued_bytes_max + RESCUED_BYTES_MAX {
            self.append(&[command], true);
        }
    }

    /// Sets how many bytes may wait; at least [`QUEUED_BYTES_MIN`].
    pub fn set_queued_bytes_max(&mut self, bytes: usize) {
        self.queued_bytes_max = bytes.max(QUEUED_BYTES_MIN);
    }

    /// How many bytes wait.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.front.len() + self.bytes.len() - self.start
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queued_bytes() == 0 && self.lines_lost == 0
    }

    /// Writes until all is written (true) or the socket takes no more (false).
    ///
    /// # Errors
    /// The socket is broken.
    pub fn flush(&mut self, sink: &dyn Sink) -> io::Result<bool> {
        while !self.is_empty() {
            let notice = self.loss_notice();
            let slices = [
                IoSlice::new(&self.front),
                IoSlice::new(notice.as_bytes()),
                IoSlice::new(&self.bytes[self.start..]),
            ];
            match sink.write(&slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.written(written, &notice),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn append(&mut self, parts: &[&[u8]], command: bool) {
        let bytes = parts.iter().map(|part| part.len()).sum();
        if bytes > 0 {
            parts
                .iter()
                .for_each(|part| self.bytes.extend_from_slice(part));
            self.pieces.push_back(Piece { bytes, command });
        }
    }

    /// Makes room for `bytes` more and says whether there is. An empty queue has room for anything.
    fn make_room(&mut self, bytes: usize, no_flush: bool, sink: &dyn Sink) -> bool {
        let fits = |queue: &Self| {
            queue.queued_bytes() == 0 || queue.queued_bytes() + bytes <= queue.queued_bytes_max
        };
        if fits(self) {
            return true;
        }
        // A broken socket is noticed at the flush that follows every output.
        let _ = self.flush(sink);
        if !fits(self) && no_flush {
            return false;
        }
        while !fits(self) {
            let Some(piece) = self.pieces.pop_front() else {
                break;
            };
            self.drop_piece(piece);
        }
        true
    }

    fn drop_piece(&mut self, piece: Piece) {
        let end = self.start + piece.bytes;
        if !piece.command {
            self.lines_lost += 1;
        } else if self.front.len() + piece.bytes <= RESCUED_BYTES_MAX {
            self.front.extend_from_slice(&self.bytes[self.start..end]);
        }
        self.start = end;
        self.compact();
    }

    fn loss_notice(&self) -> String {
        match self.lines_lost {
            0 => String::new(),
            1 => loss_text("1 line", "has"),
            lost => loss_text(&format!("{lost} lines"), "have"),
        }
    }

    fn written(&mut self, mut written: usize, notice: &str) {
        let from_front = written.min(self.front.len());
        self.front.drain(..from_front);
        written -= from_front;
        if written > 0 && !notice.is_empty() {
            let from_notice = written.min(notice.len());
            self.front = notice.as_bytes()[from_notice..].to_vec();
            self.lines_lost = 0;
            written -= from_notice;
        }
        self.start += written;
        self.forget_pieces(written);
        self.compact();
    }

    fn forget_pieces(&mut self, mut written: usize) {
        while let Some(piece) = self.pieces.front_mut() {
            if piece.bytes > written {
                piece.bytes -= written;
                return;
            }
            written -= piece.bytes;
            self.pieces.pop_front();
        }
    }

    /// Gives back memory in front of the queued bytes, and all of it when none are queued.
    fn compact(&mut self) {
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
            if self.bytes.capacity() > BUFFER_KEPT_BYTES {
                self.bytes = Vec::new();
                self.pieces = VecDeque::new();
            }
        } else if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}

fn loss_text(lines: &str, have: &str) -> String {
    format!("\r\n>> Network buffer overflow: {lines} of output to you {have} been lost <<\r\n")
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// A socket that takes `room` more bytes.
    struct Pipe {
        room: Cell<usize>,
        taken: RefCell<Vec<u8>>,
        writes: Cell<u32>,
    }

    impl Pipe {
        fn with_room(room: usize) -> Self {
            Self {
                room: Cell::new(room),
                taken: RefCell::default(),
                writes: Cell::new(0),
            }
        }

        fn text(&self) -> String {
            String::from_utf8_lossy(&self.taken.borrow()).into_owned()
        }
    }

    impl Sink for Pipe {
        fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: Vec<u8> = slices
                .iter()
                .flat_map(|slice| slice.iter().copied())
                .collect();
            let taken = all.len().min(self.room.get());
            if taken == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.writes.set(self.writes.get() + 1);
            self.room.set(self.room.get() - taken);
            self.taken.borrow_mut().extend_from_slice(&all[..taken]);
            Ok(taken)
        }
    }

    fn push(queue: &mut OutputQueue, line: &str, pipe: &Pipe) {
        queue.push_line(line, true, false, pipe);
    }

    #[test]
    fn everything_queued_goes_out_in_one_write() {
        let (mut queue, pipe) = (OutputQueue::default(), Pipe::with_room(usize::MAX));
        push(&mut queue, "a", &pipe);
        queue.push_line("b", false, false, &pipe);
        queue.push_bytes(&[0, b'c'], &pipe);
        queue.push_command(b"!");
        assert!(queue.flush(&pipe).expect("the pipe works"));
        assert_eq!(pipe.text(), "a\r\nb\0c!");
        assert_eq!(pipe.writes.get(), 1);
        assert!(queue.is_empty());
    }

    #[test]
    fn the_oldest_lines_make_room_and_the_client_is_told() {
        let (mut queue, pipe) = (OutputQueue::default(), Pipe::with_room(0));
        queue.set_queued_bytes_max(0);
        let line = "x".repeat(QUEUED_BYTES_MIN / 4 - 2);
        (0..4).for_each(|_| push(&mut queue, &line, &pipe));
        assert_eq!(
            queue.queued_bytes(),
            QUEUED_BYTES_MIN,
            "four lines fill the queue exactly"
        );
        assert_eq!(queue.lines_lost, 0);
        push(&mut queue, "", &pipe);
        assert_eq!(queue.lines_lost, 1);
        push(&mut queue, &line, &pipe);
        pipe.room.set(usize::MAX);
        assert!(queue.flush(&pipe).expect("the pipe works"));
        assert!(pipe.text().starts_with(
            "\r\n>> Network buffer overflow: 2 lines of output to you have been lost <<\r\nxxx"
        ));
        assert_eq!(pipe.text().matches('x').count(), 3 * line.len());
        assert!(queue.is_empty());
    }

    #[test]
    fn one_lost_line_is_told_in_the_singular_and_only_once() {
        let (mut queue, pipe) = (OutputQueue::default(), Pipe::with_room(0));
        push(&mut queue, &"a".repeat(QUEUED_BYTES_DEFAULT), &pipe);
        push(&mut queue, "b", &pipe);
        let notice = "\r\n>> Network buffer overflow: 1 line of output to you has been lost <<\r\n";
        // The notice itself is written in two halves, with a line queued between them.
        pipe.room.set(10);
        assert!(!queue.flush(&pipe).expect("the pipe works"));
        push(&mut queue, "c", &pipe);
        pipe.room.set(usize::MAX);
        assert!(queue.flush(&pipe).expect("the pipe works"));
        assert_eq!(pipe.text(), format!("{notice}b\r\nc\r\n"));
    }

    #[test]
    fn a_full_queue_is_written_before_anything_is_dropped() {
        let (mut queue, pipe) = (OutputQueue::default(), Pipe::with_room(usize::MAX));
        (0..3).for_each(|_| push(&mut queue, &"y".repeat(QUEUED_BYTES_DEFAULT - 2), &pipe));
        assert!(queue.flush(&pipe).expect("the pipe works"));
        assert_eq!(pipe.text().len(), 3 * QUEUED_BYTES_DEFAULT);
    }

    #[test]
    fn a_line_that_must_not_push_out_others_is_dropped_itself() {
        let (mut queue, pipe) = (OutputQueue::default(), Pipe::with_room(0));
        push(&mut queue, &"a".repeat(QUEUED_BYTES_DEFAULT - 2), &pipe);
        queue.push_line("b", true, true, &pipe);
        assert_eq!(queue.lines_lost, 0);
        assert_eq!(queue.queued_bytes(), QUEUED_BYTES_DEFAULT);
    }

    #[test]
    fn commands_outlive_dropped_lines_up_to_a_bound() {
        let (mut queue, pipe) = (OutputQueue::default(), Pipe::with_room(0));
        queue.push_command(b"<1>");
        push(&mut queue, &"a".repeat(QUEUED_BYTES_DEFAULT), &pipe);
        queue.push_command(b"<2>");
        push(&mut queue, "b", &pipe);
        pipe.room.set(usize::MAX);
        assert!(queue.flush(&pipe).expect("the pipe works"));
        assert!(
            pipe.text().starts_with("<1>\r\n>> Network"),
            "{}",
            pipe.text()
        );
        assert!(pipe.text().ends_with("<<\r\n<2>b\r\n"), "{}", pipe.text());

        let pipe = Pipe::with_room(0);
        for _ in 0..RESCUED_BYTES_MAX {
            queue.push_command(b"<3>");
            push(&mut queue, &"c".repeat(QUEUED_BYTES_DEFAULT / 2), &pipe);
        }
        assert!(queue.queued_bytes() <= QUEUED_BYTES_DEFAULT + RESCUED_BYTES_MAX);
        (0..QUEUED_BYTES_DEFAULT).for_each(|_| queue.push_command(b"<4>"));
        assert!(queue.queued_bytes() <= QUEUED_BYTES_DEFAULT + RESCUED_BYTES_MAX);
    }

    #[test]
    fn an_emptied_queue_gives_its_memory_back() {
        let (mut queue, pipe) = (OutputQueue::default(), Pipe::with_room(usize::MAX));
        push(&mut queue, &"z".repeat(50_000), &pipe);
        assert!(queue.flush(&pipe).expect("the pipe works"));
        assert!(queue.bytes.capacity() <= BUFFER_KEPT_BYTES);
    }
}
