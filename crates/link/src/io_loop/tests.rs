//! The loop and its two threads, with engines that have no sockets.

use std::thread::{self, ThreadId};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::*;

/// Tells who carried out what, and how often the program could be told of events.
struct Scribe {
    carried: Sender<(u32, ThreadId)>,
    /// The command that leaves something to do for the I/O thread.
    newsworthy: u32,
    has_news: bool,
    deferred: bool,
}

impl Engine for Scribe {
    type Command = u32;

    fn is_stalled(&self) -> bool {
        false
    }

    fn retry_stalled(&mut self, _now: Instant) {}

    fn defer(&mut self, deferred: bool) {
        self.deferred = deferred;
    }

    fn read(&mut self, _now: Instant) -> bool {
        self.has_news = false;
        false
    }

    fn takes_commands(&self) -> bool {
        true
    }

    fn command(&mut self, _now: Instant, command: u32) {
        let is_own = thread::current().name() == Some("loop");
        assert_eq!(self.deferred, !is_own, "only the loop may tell the program");
        self.has_news = command == self.newsworthy;
        let carried = (command, thread::current().id());
        self.carried.send(carried).expect("the test looks");
    }

    fn tick(&mut self, now: Instant) -> Instant {
        now + std::time::Duration::from_secs(60)
    }

    fn gather(&mut self, _sources: &mut Sources) -> bool {
        true
    }

    fn has_news(&mut self) -> bool {
        self.has_news
    }

    fn stop(&mut self, _now: Instant) {}

    fn is_finished(&self) -> bool {
        true
    }
}

type Carried = Receiver<(u32, ThreadId)>;

fn drive(newsworthy: u32) -> (Arc<Drive<Scribe>>, Outbox<u32>, Carried) {
    let (carried, seen) = unbounded();
    let scribe = Scribe {
        carried,
        newsworthy,
        has_news: false,
        deferred: false,
    };
    let waker = Arc::new(Waker::new().expect("eventfd"));
    let (drive, outbox) = Drive::new(scribe, 1_000, 1_000, waker).expect("no timer is needed");
    (drive, outbox, seen)
}

fn begin(drive: &Arc<Drive<Scribe>>) -> thread::JoinHandle<()> {
    let drive = Arc::clone(drive);
    let thread = thread::Builder::new().name("loop".to_owned());
    thread.spawn(move || drive.run()).expect("a thread")
}

#[test]
fn whoever_sends_carries_it_out() {
    let (drive, outbox, seen) = drive(0);
    outbox.put(1, 7).expect("there is room");
    assert_eq!(seen.try_recv(), Ok((7, thread::current().id())));
    assert!(drive.waker.prepare_sleep(), "nothing is left to do");
}

#[test]
fn what_is_left_to_do_calls_the_loop() {
    let (drive, outbox, _seen) = drive(7);
    outbox.put(1, 7).expect("there is room");
    assert!(!drive.waker.prepare_sleep());
}

#[test]
fn a_command_put_while_another_holds_the_engine_is_the_holders() {
    let (drive, outbox, seen) = drive(0);
    let held = drive.driven.lock();
    outbox.put(1, 7).expect("there is room");
    assert!(seen.is_empty(), "not waited for");
    drop(held);
    outbox.put(1, 8).expect("there is room");
    assert_eq!(
        seen.iter()
            .take(2)
            .map(|(command, _)| command)
            .collect::<Vec<_>>(),
        [7, 8]
    );
}

#[test]
fn many_senders_and_the_loop_lose_nothing_and_keep_each_senders_order() {
    const EACH: u32 = 10_000;
    let (drive, outbox, seen) = drive(EACH / 2);
    let own = begin(&drive);
    thread::scope(|scope| {
        for sender in 0..4 {
            let outbox = outbox.clone();
            scope.spawn(move || {
                for number in 0..EACH {
                    while outbox.put(0, sender * EACH + number).is_err() {
                        thread::yield_now();
                    }
                }
            });
        }
    });
    outbox.close();
    own.join().expect("the loop ends");
    assert!(outbox.put(0, 0).is_err(), "nobody takes any more");
    let mut next = [0; 4];
    for (command, _) in seen.try_iter() {
        let (sender, number) = ((command / EACH) as usize, command % EACH);
        assert_eq!(number, next[sender]);
        next[sender] += 1;
    }
    assert_eq!(next, [EACH; 4]);
}

/// Reads bursts that the test sends; each is work, which is told with its thread and then waits for a later burst.
struct Patron {
    bursts: Receiver<Option<Arc<Patience>>>,
    read: Option<Arc<Patience>>,
}

/// Work that lasts until it is told to end.
struct Patience {
    begun: Sender<Option<String>>,
    over: Receiver<()>,
}

impl Work for Patience {
    fn run(&self) {
        let name = thread::current().name().map(str::to_owned);
        self.begun.send(name).expect("the test looks");
        self.over.recv().expect("it is ended");
    }
}

impl Engine for Patron {
    type Command = Sender<()>;

    fn is_stalled(&self) -> bool {
        false
    }

    fn retry_stalled(&mut self, _now: Instant) {}

    fn defer(&mut self, _deferred: bool) {}

    fn read(&mut self, _now: Instant) -> bool {
        match self.bursts.try_recv() {
            Ok(burst) => {
                self.read = burst;
                true
            }
            Err(_) => false,
        }
    }

    fn takes_commands(&self) -> bool {
        true
    }

    fn command(&mut self, _now: Instant, command: Sender<()>) {
        command.send(()).expect("the test looks");
    }

    fn tick(&mut self, now: Instant) -> Instant {
        now + std::time::Duration::from_secs(60)
    }

    fn gather(&mut self, _sources: &mut Sources) -> bool {
        self.bursts.is_empty()
    }

    fn has_news(&mut self) -> bool {
        false
    }

    fn stop(&mut self, _now: Instant) {}

    fn is_finished(&self) -> bool {
        true
    }

    fn may_have_work(&self) -> bool {
        true
    }

    fn work(&mut self) -> Option<Arc<dyn Work>> {
        self.read.take().map(|work| work as Arc<dyn Work>)
    }
}

/// A running link with two threads, and what tests do to it.
struct Patronage {
    drive: Arc<Drive<Patron>>,
    outbox: Outbox<Sender<()>>,
    threads: IoThreads,
    bursts: Sender<Option<Arc<Patience>>>,
}

impl Patronage {
    fn begin() -> Self {
        let (bursts, read) = unbounded();
        let patron = Patron {
            bursts: read,
            read: None,
        };
        let waker = Arc::new(Waker::new().expect("eventfd"));
        let (drive, outbox) = Drive::new(patron, 1_000, 1_000, waker).expect("a timer");
        let threads = drive.start("loop").expect("threads");
        Self {
            drive,
            outbox,
            threads,
            bursts,
        }
    }

    /// Sends a burst of work; what tells of its beginning, and what ends it.
    fn work(&self) -> (Receiver<Option<String>>, Sender<()>) {
        let ((begun, begins), (end, over)) = (unbounded(), unbounded());
        let work = Some(Arc::new(Patience { begun, over }));
        self.bursts.send(work).expect("the link lives");
        self.drive.waker.wake();
        (begins, end)
    }

    fn end(self) {
        self.outbox.close();
        self.threads.join();
    }
}

#[test]
fn work_is_done_by_the_thread_that_read_and_leaves_the_engine_to_others() {
    let link = Patronage::begin();
    for _ in 0..3 {
        let (begins, end) = link.work();
        assert_eq!(begins.recv(), Ok(Some("loop".to_owned())));
        let (sender, sent) = unbounded();
        link.outbox.put(1, sender).expect("there is room");
        assert_eq!(sent.recv(), Ok(()));
        end.send(()).expect("it waits");
    }
    link.end();
}

#[test]
fn another_thread_reads_while_work_takes_long() {
    let link = Patronage::begin();
    for _ in 0..3 {
        let (begins, end) = link.work();
        begins.recv().expect("it begins");
        // The second is only begun by whoever reads while the first is not over.
        let (begins_too, end_too) = link.work();
        begins_too.recv().expect("it begins");
        // Two at work: nobody reads, but whoever is back first.
        end.send(()).expect("it waits");
        let (begins_last, end_last) = link.work();
        begins_last.recv().expect("it begins");
        end_too.send(()).expect("it waits");
        end_last.send(()).expect("it waits");
    }
    link.end();
}
