//! What a thread sleeps on that reads sockets: a descriptor of each, and the call of its waker.
//!
//! In: the signals of the sockets, a waker, a time. Out: raised signals. It knows no socket: a signal outlives its own, so that a
//! thread can sleep while another uses the sockets, or closes them.
//!
//! libzmq's rule is one of edges: a socket's descriptor tells that something has come since the socket was looked at
//! last, and any use of the socket may have been such a look. So a signal is *raised* by every use of its socket and by its
//! descriptor, and *lowered* only by a look that found nothing. A socket with a lowered signal has nothing to receive, and
//! is not asked; whoever sleeps has lowered all.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::waker::Waker;

/// Sockets that one thread reads: two, with a monitor each.
const SOURCES_MAX: usize = 4;

/// Whether one socket is to be looked at, and what becomes readable when it is.
#[derive(Debug)]
pub(crate) struct Signal {
    /// Our own copy, which stays open.
    descriptor: OwnedFd,
    /// Read and changed by whoever may use the socket, or by a thread that sleeps on it before it does.
    is_raised: AtomicBool,
}

impl Signal {
    /// The raised signal of a socket with this descriptor.
    pub(crate) fn new(descriptor: OwnedFd) -> Self {
        Self {
            descriptor,
            is_raised: AtomicBool::new(true),
        }
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::Relaxed)
    }

    pub(crate) fn raise(&self) {
        self.is_raised.store(true, Ordering::Relaxed);
    }

    /// The socket was looked at to the end, and nothing was there.
    pub(crate) fn lower(&self) {
        self.is_raised.store(false, Ordering::Relaxed);
    }
}

/// What a thread sleeps on.
#[derive(Debug, Default)]
pub(crate) struct Sources(Vec<Arc<Signal>>);

impl Sources {
    /// Waits for one more socket.
    pub(crate) fn add(&mut self, signal: Arc<Signal>) {
        self.0.push(signal);
    }

    /// Waits for none.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Sleeps until a socket has something to look at, the waker calls, the time has passed, or a signal of the system came;
    /// raises the signals of the sockets. Whether the waker's call has to be taken back.
    pub(crate) fn sleep(&self, waker: &Waker, time_max: Duration) -> io::Result<bool> {
        let count = self.0.len().min(SOURCES_MAX);
        let mut descriptors: [PollFd<'_>; SOURCES_MAX + 1] = std::array::from_fn(|at| {
            let source = at.checked_sub(1).and_then(|at| self.0.get(at));
            let descriptor = source.map_or(waker.as_fd(), |signal| signal.descriptor.as_fd());
            PollFd::from_borrowed_fd(descriptor, PollFlags::IN)
        });
        let timeout = Timespec::try_from(time_max).ok();
        match poll(&mut descriptors[..=count], timeout.as_ref()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(false),
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        let is_readable = |descriptor: &PollFd<'_>| !descriptor.revents().is_empty();
        let (call, sockets) = (&descriptors[0], &descriptors[1..=count]);
        for (signal, descriptor) in self.0.iter().zip(sockets) {
            if is_readable(descriptor) {
                signal.raise();
            }
        }
        Ok(is_readable(call))
    }
}
