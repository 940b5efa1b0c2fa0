//! Who reads while the reading thread is away, doing the program's work.
//!
//! In: a thread that leaves and comes back, another that stands by. Out: which of the two reads. It knows neither sockets nor work.
//!
//! Work that follows from one message is mostly over in microseconds, less than it takes to wake another thread for it. So the
//! reading thread does it itself, and nobody is woken to read meanwhile: the other thread looks after a while, and takes over only when
//! it has found the same absence twice. Then the first one, when it comes back, is the one that stands by.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// Work for the thread that reads a link, which nobody need be woken for then.
pub trait Work: Send + Sync {
    /// Does it. It may take long: another thread reads after two or three milliseconds.
    fn run(&self);
}

/// An absence is looked at after this time, and again after as much.
const LOOK: Duration = Duration::from_millis(1);

/// One place at the link, two threads.
#[derive(Debug)]
pub(crate) struct Relay {
    /// Odd while the reader is away. Whoever changes an odd number to the next has the place.
    turn: AtomicU64,
    /// What the one sleeps on that stands by.
    timer: OwnedFd,
    /// Whether the timer runs, or the one that stands by is about to look.
    is_set: AtomicBool,
    is_over: AtomicBool,
}

/// An absence of the reader.
#[derive(Debug)]
pub(crate) struct Absence(u64);

impl Relay {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            turn: AtomicU64::new(0),
            timer: timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?,
            is_set: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        })
    }

    /// The reader goes.
    pub(crate) fn leave(&self) -> Absence {
        let turn = self.turn.fetch_add(1, Ordering::SeqCst) + 1;
        if !self.is_set.swap(true, Ordering::SeqCst) {
            self.set(LOOK);
        }
        Absence(turn)
    }

    /// The reader is back. False if another reads now, and this thread is the one that stands by.
    pub(crate) fn come_back(&self, Absence(turn): Absence) -> bool {
        self.end(turn)
    }

    /// Stands by until the reader has been away for long: true, this thread reads from now on. False when all is over.
    pub(crate) fn stand_by(&self) -> bool {
        while !self.is_over.load(Ordering::SeqCst) {
            let turn = self.turn.load(Ordering::SeqCst);
            if !is_away(turn) {
                self.is_set.store(false, Ordering::SeqCst);
                // One who left before that has set no timer.
                if !is_away(self.turn.load(Ordering::SeqCst)) {
                    self.sleep();
                }
                self.is_set.store(true, Ordering::SeqCst);
                continue;
            }
            self.set(LOOK);
            self.sleep();
            if self.end(turn) {
                return !self.is_over.load(Ordering::SeqCst);
            }
        }
        false
    }

    /// Nobody reads any more.
    pub(crate) fn finish(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.set(Duration::from_nanos(1));
    }

    /// Ends an absence, unless it has ended.
    fn end(&self, turn: u64) -> bool {
        let ended = self
            .turn
            .compare_exchange(turn, turn + 1, Ordering::SeqCst, Ordering::SeqCst);
        ended.is_ok()
    }

    fn set(&self, time: Duration) {
        let none = Timespec::default();
        let time = Itimerspec {
            it_interval: none,
            it_value: Timespec::try_from(time).unwrap_or(none),
        };
        if let Err(error) = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &time) {
            tracing::error!(%error, "the link cannot look after its reader");
        }
    }

    /// Until the timer has run out.
    fn sleep(&self) {
        // A signal of the system ends it early, which costs a look.
        let _ = rustix::io::read(&self.timer, &mut [0; 8]);
    }
}

fn is_away(turn: u64) -> bool {
    turn % 2 == 1
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn who_comes_back_soon_reads_on() {
        let relay = Relay::new().expect("a timer");
        for _ in 0..3 {
            let absence = relay.leave();
            assert!(relay.come_back(absence));
        }
        relay.finish();
        assert!(!relay.stand_by());
    }

    #[test]
    fn who_is_long_away_stands_by() {
        let relay = Arc::new(Relay::new().expect("a timer"));
        for _ in 0..3 {
            let other = {
                let relay = Arc::clone(&relay);
                thread::spawn(move || relay.stand_by())
            };
            let absence = relay.leave();
            assert!(other.join().expect("it returns"), "it reads");
            assert!(!relay.come_back(absence));
        }
    }

    #[test]
    fn the_end_is_heard_by_who_stands_by() {
        let relay = Arc::new(Relay::new().expect("a timer"));
        let other = {
            let relay = Arc::clone(&relay);
            thread::spawn(move || relay.stand_by())
        };
        relay.finish();
        assert!(!other.join().expect("it returns"));
    }
}
