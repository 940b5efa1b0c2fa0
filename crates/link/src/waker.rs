//! Wakes a thread out of its poll: an eventfd that is written only if the thread sleeps, so that a burst of
//! messages costs one system call.
//!
//! In: calls from any thread. Out: a file descriptor that becomes readable. Carries no data.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// The sleeper looks at its sources.
const AWAKE: u8 = 0;
/// It waits for the descriptor.
const ASLEEP: u8 = 1;
/// It was called, and has not begun to sleep since.
const CALLED: u8 = 2;

/// One sleeper, many callers.
#[derive(Debug)]
pub(crate) struct Waker {
    state: AtomicU8,
    event: OwnedFd,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            state: AtomicU8::new(AWAKE),
            event,
        })
    }

    /// Called after something was put where the sleeper looks.
    pub(crate) fn wake(&self) {
        if self.state.swap(CALLED, Ordering::AcqRel) == ASLEEP {
            // The only failure, a counter at its maximum, leaves the descriptor readable as wanted.
            let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
        }
    }

    /// The sleeper is about to sleep. `false`: it was called since it was awake, and must look once more at all its
    /// sources first.
    pub(crate) fn prepare_sleep(&self) -> bool {
        self.state.swap(ASLEEP, Ordering::AcqRel) != CALLED
    }

    /// The sleeper is awake, and looks at all its sources after this. `written`: the descriptor is readable. One that became so
    /// unseen makes the next sleep end early, which then says it.
    pub(crate) fn awake(&self, written: bool) {
        self.state.store(AWAKE, Ordering::Release);
        if written {
            // Read by nobody else.
            let _ = rustix::io::read(&self.event, &mut [0u8; 8]);
        }
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
        assert!(!waker.prepare_sleep(), "called before it slept");
        waker.wake();
        waker.wake();
        assert!(readable(&waker));
        waker.awake(true);
        assert!(!readable(&waker), "taken back");
        assert!(waker.prepare_sleep(), "not called since");
    }
}
