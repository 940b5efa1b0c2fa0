//! Wakes the I/O thread out of its poll: an eventfd that is written only if the thread sleeps, so that a
//! burst of messages costs one system call.
//!
//! In: calls from any thread. Out: a file descriptor that becomes readable. Carries no data.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering, fence};

use rustix::event::{EventfdFlags, eventfd};

/// One sleeper, many callers.
#[derive(Debug)]
pub(crate) struct Waker {
    asleep: AtomicBool,
    event: OwnedFd,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            asleep: AtomicBool::new(false),
            event,
        })
    }

    /// Called after something was put where the sleeper looks.
    pub(crate) fn wake(&self) {
        // Pairs with the fence in `prepare_sleep`: either this load sees the sleeper asleep, or the sleeper's
        // last look sees what was put before this fence.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::AcqRel) {
            // The only failure, a counter at its maximum, leaves the descriptor readable as wanted.
            let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
        }
    }

    /// The sleeper is about to sleep: it must look once more at all its sources after this call.
    pub(crate) fn prepare_sleep(&self) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// The sleeper is awake. Always reads: a wake-up that is written only after this makes one sleep end
    /// early, and must not make every later one do so.
    pub(crate) fn awake(&self) {
        self.asleep.store(false, Ordering::Release);
        // Nothing to read is the common case and no error.
        let _ = rustix::io::read(&self.event, &mut [0u8; 8]);
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    fn readable(waker: &Waker) -> bool {
        let mut fds = [PollFd::new(waker, PollFlags::IN)];
        poll(
            &mut fds,
            Some(&Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            }),
        )
        .expect("poll")
            == 1
    }

    #[test]
    fn writes_only_for_a_sleeper_and_once() {
        let waker = Waker::new().expect("eventfd");
        waker.wake();
        assert!(!readable(&waker), "nobody sleeps");
        waker.prepare_sleep();
        waker.wake();
        waker.wake();
        assert!(readable(&waker));
        waker.awake();
        assert!(!readable(&waker), "taken back");
    }
}
