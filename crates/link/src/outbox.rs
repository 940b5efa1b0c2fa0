//! The bounded queue from the program to whoever drives the engine. Putting never blocks: at the bound it refuses.
//!
//! In: commands with the bytes they weigh, from any thread. Out: the same commands in order, to one thread.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::io_loop::Carry;
use crate::waker::Waker;

/// A message was not taken. It was not sent, and will not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The payload is larger than one message may be.
    #[error("message of {bytes} bytes, at most {bytes_max} are allowed")]
    TooLarge {
        /// The payload's size.
        bytes: usize,
        /// The most allowed.
        bytes_max: usize,
    },
    /// As many messages or bytes as may wait are waiting.
    #[error("too much is waiting to be sent")]
    Full,
    /// A client without a link to its server.
    #[error("the link is down")]
    Down,
    /// The link was shut down.
    #[error("the link is closed")]
    Closed,
}

/// The queue itself, which nobody is called for.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    sender: Sender<(usize, T)>,
    state: Arc<State>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self {
            sender: self.sender.clone(),
            state: Arc::clone(&self.state),
        }
    }
}

#[derive(Debug)]
struct State {
    bytes: AtomicUsize,
    bytes_max: usize,
    closed: AtomicBool,
    waker: Arc<Waker>,
}

/// The putting end.
pub(crate) struct Outbox<T> {
    queue: Queue<T>,
    carrier: Arc<dyn Carry>,
}

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            carrier: Arc::clone(&self.carrier),
        }
    }
}

impl<T> fmt::Debug for Outbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

/// The taking end. Dropping it closes the queue.
#[derive(Debug)]
pub(crate) struct OutboxReader<T> {
    receiver: Receiver<(usize, T)>,
    state: Arc<State>,
}

impl<T> Queue<T> {
    /// A queue of at most `messages_max` commands and `bytes_max` bytes, whose close wakes `waker`.
    pub(crate) fn new(
        messages_max: usize,
        bytes_max: usize,
        waker: Arc<Waker>,
    ) -> (Self, OutboxReader<T>) {
        let (sender, receiver) = bounded(messages_max);
        let state = Arc::new(State {
            bytes: AtomicUsize::new(0),
            bytes_max,
            closed: AtomicBool::new(false),
            waker,
        });
        let reader = OutboxReader {
            receiver,
            state: Arc::clone(&state),
        };
        (Self { sender, state }, reader)
    }

    fn put(&self, bytes: usize, command: T) -> Result<(), SendError> {
        if self.is_closed() {
            return Err(SendError::Closed);
        }
        let before = self.state.bytes.fetch_add(bytes, Ordering::Relaxed);
        let sent = if bytes > 0 && before.saturating_add(bytes) > self.state.bytes_max {
            Err(SendError::Full)
        } else {
            self.sender
                .try_send((bytes, command))
                .map_err(|error| match error {
                    TrySendError::Full(_) => SendError::Full,
                    TrySendError::Disconnected(_) => SendError::Closed,
                })
        };
        if sent.is_err() {
            self.state.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        sent
    }

    /// The program asked for the end, or nobody takes any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.closed.load(Ordering::Acquire)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sender.is_empty()
    }
}

impl<T> Outbox<T> {
    /// A way into `queue`, out of which `carrier` takes.
    pub(crate) fn new(queue: Queue<T>, carrier: Arc<dyn Carry>) -> Self {
        Self { queue, carrier }
    }

    /// Puts a command that weighs `bytes`, and sees to it that it is taken.
    pub(crate) fn put(&self, bytes: usize, command: T) -> Result<(), SendError> {
        self.queue.put(bytes, command)?;
        self.carrier.carry();
        Ok(())
    }

    /// Takes nothing more, and asks the taker to finish what is waiting and end.
    pub(crate) fn close(&self) {
        self.queue.state.closed.store(true, Ordering::Release);
        self.queue.state.waker.wake();
    }
}

impl<T> OutboxReader<T> {
    /// The program asked for the end.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.closed.load(Ordering::Acquire)
    }

    pub(crate) fn take(&self) -> Option<T> {
        let (bytes, command) = self.receiver.try_recv().ok()?;
        self.state.bytes.fetch_sub(bytes, Ordering::Relaxed);
        Some(command)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }
}

impl<T> Drop for OutboxReader<T> {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(messages: usize, bytes: usize) -> (Queue<u8>, OutboxReader<u8>) {
        Queue::new(messages, bytes, Arc::new(Waker::new().expect("eventfd")))
    }

    #[test]
    fn refuses_one_message_past_its_bound() {
        let (outbox, reader) = queue(2, 100);
        assert_eq!(outbox.put(1, 1), Ok(()));
        assert_eq!(outbox.put(1, 2), Ok(()));
        assert_eq!(outbox.put(1, 3), Err(SendError::Full));
        assert_eq!(reader.take(), Some(1));
        assert_eq!(outbox.put(1, 4), Ok(()));
    }

    #[test]
    fn refuses_one_byte_past_its_bound_and_forgets_what_it_refused() {
        let (outbox, reader) = queue(10, 100);
        assert_eq!(outbox.put(100, 1), Ok(()));
        assert_eq!(outbox.put(1, 2), Err(SendError::Full));
        assert_eq!(
            outbox.put(0, 3),
            Ok(()),
            "a command without bytes still passes"
        );
        assert_eq!((reader.take(), reader.take()), (Some(1), Some(3)));
        assert_eq!(outbox.put(100, 4), Ok(()));
    }

    #[test]
    fn a_queue_without_a_taker_is_closed() {
        let (outbox, reader) = queue(10, 100);
        drop(reader);
        assert_eq!(outbox.put(1, 1), Err(SendError::Closed));
    }
}
