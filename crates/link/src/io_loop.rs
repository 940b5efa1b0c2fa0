//! The loop of an I/O thread, and the way past it for those who send.
//!
//! In: an [`Engine`] and the program's outbox. Out: nothing; the loop returns when the program closes the outbox. Server and client,
//! over sockets or in memory, run in this one loop: drain what is ready, take what the program sends, do what is due, sleep.
//!
//! Where the program has [`Work`] after a burst, the thread does it before it sleeps, without the engine; a second thread goes on with
//! the loop if that takes long (`relay.rs`).
//!
//! Whoever sends while the I/O thread sleeps carries its commands out itself ([`Carry`]), which spares a change of threads. The engine
//! is then locked, so that one thread at a time uses the sockets; whoever finds it locked leaves its command in the outbox to the
//! holder, who looks there once more after it has let go. Only the I/O thread reads, ticks, and tells the program of events: a
//! sender may hold locks that the program needs to hear of one.

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use parking_lot::Mutex;

use crate::bounds::{BURST_MESSAGES_MAX, SHUTDOWN_TIME_MAX, STALL_RETRY};
use crate::outbox::{Outbox, OutboxReader, Queue};
use crate::relay::{Relay, Work};
use crate::signal::Sources;
use crate::waker::Waker;

/// What the loop drives.
pub(crate) trait Engine: Send + 'static {
    /// What the program sends.
    type Command: Send + 'static;

    /// The program has no room, or must not be told now: reading must wait.
    fn is_stalled(&self) -> bool;
    /// Offers the program again what it had no room for.
    fn retry_stalled(&mut self, now: Instant);
    /// Whether events of the program wait, from now on, for [`Engine::retry_stalled`].
    fn defer(&mut self, deferred: bool);
    /// Reads a burst from every source, stopping early when stalled. `true` if there was anything.
    fn read(&mut self, now: Instant) -> bool;
    /// Whether a command may be taken now.
    fn takes_commands(&self) -> bool;
    /// Carries out a command.
    fn command(&mut self, now: Instant, command: Self::Command);
    /// Does what is due, and says when to be called again.
    fn tick(&mut self, now: Instant) -> Instant;
    /// Says what to sleep on. `false` if there is something to read.
    fn gather(&mut self, sources: &mut Sources) -> bool;
    /// Commands have left something to do for the I/O thread, or let it seem asleep with something to read.
    fn has_news(&mut self) -> bool;
    /// Says goodbye. The loop goes on until the other side has heard it.
    fn stop(&mut self, now: Instant);
    /// Nobody is left who must hear the goodbye.
    fn is_finished(&self) -> bool;
    /// Whether there may ever be [`Engine::work`].
    fn may_have_work(&self) -> bool {
        false
    }
    /// After a burst: what the program wants done by this thread.
    fn work(&mut self) -> Option<Arc<dyn Work>> {
        None
    }
}

/// Bytes of stack that an I/O thread has: as much as [`Work`] may need, and what threads have by default.
const STACK_BYTES: usize = 2 * 1024 * 1024;

/// Carries out what is in the outbox, unless somebody else is about to.
pub(crate) trait Carry: Send + Sync {
    /// Called after something was put there.
    fn carry(&self);
}

/// An engine that is driven by one thread at a time.
pub(crate) struct Drive<E: Engine> {
    /// `None` when the loop has ended.
    driven: Mutex<Option<Driven<E>>>,
    queue: Queue<E::Command>,
    waker: Arc<Waker>,
    /// Who reads, where threads leave for work.
    relay: Option<Relay>,
}

/// A drive that no thread runs yet, and the way to it.
pub(crate) type Ready<E> = (Arc<Drive<E>>, Outbox<<E as Engine>::Command>);

struct Driven<E: Engine> {
    engine: E,
    outbox: OutboxReader<E::Command>,
    closing: Closing,
}

/// Why the I/O thread has let go of the engine.
enum Step {
    /// There is nothing more to do at the moment.
    Sleep(Pause),
    /// There is work for the program.
    Work(Arc<dyn Work>),
    /// All is over.
    End,
}

/// What the I/O thread knew of the engine when it let go of it.
struct Pause {
    /// It has to be back then.
    until: Instant,
    /// It would have taken commands, had there been any.
    takes_commands: bool,
    /// It knows already that the outbox is closed.
    closed: bool,
}

impl<E: Engine> Drive<E> {
    /// An engine with its outbox, of which it takes at most `messages_max` commands and `bytes_max` bytes at a time.
    pub(crate) fn new(
        engine: E,
        messages_max: usize,
        bytes_max: usize,
        waker: Arc<Waker>,
    ) -> io::Result<Ready<E>> {
        let (queue, outbox) = Queue::new(messages_max, bytes_max, Arc::clone(&waker));
        let relay = engine.may_have_work().then(Relay::new).transpose()?;
        let driven = Driven {
            engine,
            outbox,
            closing: Closing::default(),
        };
        let drive = Arc::new(Self {
            driven: Mutex::new(Some(driven)),
            queue: queue.clone(),
            waker,
            relay,
        });
        let carrier: Arc<dyn Carry> = Arc::clone(&drive) as _;
        Ok((drive, Outbox::new(queue, carrier)))
    }

    /// Starts the thread, or both, that [`Drive::run`].
    pub(crate) fn start(self: &Arc<Self>, name: &str) -> io::Result<IoThreads> {
        let spawn = |is_first: bool| {
            let drive = Arc::clone(self);
            let thread = thread::Builder::new()
                .name(name.to_owned())
                .stack_size(STACK_BYTES);
            thread.spawn(move || {
                if is_first || drive.stands_by() {
                    drive.run();
                }
            })
        };
        let second = match &self.relay {
            Some(relay) => Some(spawn(false).inspect_err(|_| relay.finish())?),
            None => None,
        };
        let first = spawn(true).inspect_err(|_| self.end())?;
        Ok(IoThreads { first, second })
    }

    /// Runs until the program closes the outbox, what was in it has been handed to the engine, and the other
    /// side has left; at most [`SHUTDOWN_TIME_MAX`] from the close.
    pub(crate) fn run(&self) {
        let _end = End(self);
        let mut sources = Sources::default();
        loop {
            let mut driven = self.driven.lock();
            let step = match driven.as_mut() {
                Some(driven) => driven.rounds(&mut sources, self.relay.is_some()),
                None => Step::End,
            };
            drop(driven);
            match step {
                Step::Sleep(pause) => self.sleep(&sources, &pause),
                Step::Work(work) if self.leave_for(&*work) => {}
                Step::Work(_) | Step::End => return,
            }
        }
    }

    /// Does the program's work. Whether this thread is to go on reading, at once or after another has done so.
    fn leave_for(&self, work: &dyn Work) -> bool {
        let absence = self.relay.as_ref().map(Relay::leave);
        work.run();
        match (&self.relay, absence) {
            (Some(relay), Some(absence)) => relay.come_back(absence) || relay.stand_by(),
            _ => true,
        }
    }

    /// Waits until this thread is to read; false when all is over.
    fn stands_by(&self) -> bool {
        self.relay.as_ref().is_some_and(Relay::stand_by)
    }

    /// Takes the engine out of the reach of everybody.
    fn end(&self) {
        let driven = self.driven.lock().take();
        // Not under the lock: the program's ear goes with it.
        drop(driven);
        if let Some(relay) = &self.relay {
            relay.finish();
        }
    }

    /// Sleeps until something may have to be done.
    fn sleep(&self, sources: &Sources, pause: &Pause) {
        let is_called = !self.waker.prepare_sleep();
        // Pairs with the one in `carry`: either that finds the engine free, or we find its command.
        fence(Ordering::SeqCst);
        let has_commands = pause.takes_commands && !self.queue.is_empty();
        let mut written = false;
        if !is_called && !has_commands && pause.closed == self.queue.is_closed() {
            let time_max = pause.until.saturating_duration_since(Instant::now());
            written = sources
                .sleep(&self.waker, time_max)
                .unwrap_or_else(|error| {
                    tracing::error!(%error, "the link cannot wait for its sockets");
                    false
                });
        }
        self.waker.awake(written);
    }
}

impl<E: Engine> Driven<E> {
    /// Drives the engine until there is nothing more to do at the moment, or work for the program.
    fn rounds(&mut self, sources: &mut Sources, does_work: bool) -> Step {
        let Self {
            engine,
            outbox,
            closing,
        } = self;
        engine.defer(false);
        let mut work = None;
        loop {
            // Read before the outbox: what was put before the close is then seen below.
            let closed = outbox.is_closed();
            let now = Instant::now();
            let was_stalled = engine.is_stalled();
            if was_stalled {
                engine.retry_stalled(now);
            }
            let has_read = !engine.is_stalled() && engine.read(now);
            let has_sent = take_commands(engine, outbox, now);
            let mut until = engine.tick(now);
            if closed {
                match closing.step(engine, outbox.is_empty(), now) {
                    Some(time) => until = until.min(time),
                    None => return Step::End,
                }
            }
            if does_work && (has_read || was_stalled) {
                work = engine.work();
            }
            if !has_read && let Some(work) = work.take() {
                return Step::Work(work);
            }
            if has_read || has_sent {
                continue;
            }
            sources.clear();
            if engine.is_stalled() {
                until = until.min(now + STALL_RETRY);
            } else if !engine.gather(sources) {
                continue;
            }
            return Step::Sleep(Pause {
                until,
                takes_commands: engine.takes_commands(),
                closed,
            });
        }
    }
}

impl<E: Engine> Carry for Drive<E> {
    fn carry(&self) {
        // Pairs with the one in `sleep`, and with the one below of another sender.
        fence(Ordering::SeqCst);
        let Some(mut driven) = self.driven.try_lock() else {
            return;
        };
        let Some(Driven { engine, outbox, .. }) = driven.as_mut() else {
            return;
        };
        engine.defer(true);
        take_commands(engine, outbox, Instant::now());
        let (has_news, takes_commands) = (engine.has_news(), engine.takes_commands());
        drop(driven);
        fence(Ordering::SeqCst);
        // What others have put there meanwhile is not this sender's business for ever.
        if has_news || (takes_commands && !self.queue.is_empty()) {
            self.waker.wake();
        }
    }
}

/// Takes the engine, and with it the sockets, out of the reach of those who send: also of a loop that panics.
struct End<'a, E: Engine>(&'a Drive<E>);

impl<E: Engine> Drop for End<'_, E> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The threads of one link.
#[derive(Debug)]
pub(crate) struct IoThreads {
    first: JoinHandle<()>,
    second: Option<JoinHandle<()>>,
}

impl IoThreads {
    /// Waits for their end.
    pub(crate) fn join(self) {
        for thread in [Some(self.first), self.second].into_iter().flatten() {
            if thread.join().is_err() {
                tracing::error!("the link's I/O thread panicked");
            }
        }
    }
}

/// How far an orderly stop has come.
#[derive(Default)]
struct Closing {
    until: Option<Instant>,
    said_goodbye: bool,
}

impl Closing {
    /// Goes on with the stop; the time until when it may take, or `None` when it is done.
    fn step<E: Engine>(
        &mut self,
        engine: &mut E,
        outbox_is_empty: bool,
        now: Instant,
    ) -> Option<Instant> {
        let until = *self.until.get_or_insert(now + SHUTDOWN_TIME_MAX);
        if outbox_is_empty && !self.said_goodbye {
            engine.stop(now);
            self.said_goodbye = true;
        }
        let done = (self.said_goodbye && engine.is_finished()) || now >= until;
        (!done).then_some(until)
    }
}

fn take_commands<E: Engine>(
    engine: &mut E,
    outbox: &OutboxReader<E::Command>,
    now: Instant,
) -> bool {
    let mut taken = 0;
    while taken < BURST_MESSAGES_MAX && engine.takes_commands() {
        let Some(command) = outbox.take() else { break };
        engine.command(now, command);
        taken += 1;
    }
    taken > 0
}
