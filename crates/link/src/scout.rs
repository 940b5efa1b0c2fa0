//! A client's scout: a thread that finds what names stand for and looks at servers that hang up, so that
//! the I/O thread never waits for either.
//!
//! In: errands, one at a time. Out: reports, with a wake-up. Started with the first errand: a client of
//! `ipc://` has none. A report of an errand that was given up is dropped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::address::Address;
use crate::config::NameSource;
use crate::endpoint::Endpoint;
use crate::greeting::{Look, look};
use crate::names::{self, NameError, Target};
use crate::waker::Waker;

/// Time for one look at a server.
const LOOK_TIME_MAX: Duration = Duration::from_millis(2_500);

/// What a scout is sent for.
#[derive(Debug)]
pub(crate) enum Errand {
    /// What a pair of addresses stands for.
    Find(Address, Option<Address>),
    /// Whether the server at an endpoint has the secret of a key.
    Look(Endpoint, [u8; 32]),
}

/// What a scout brings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Report {
    Found(Result<Vec<Target>, NameError>),
    Looked(Look),
}

/// The thread's ends: errands in, reports out, each with its number.
type Ends = (Sender<(u64, Errand)>, Receiver<(u64, Report)>);

/// The scout of one client.
#[derive(Debug)]
pub(crate) struct Scout {
    source: NameSource,
    waker: Arc<Waker>,
    /// Once it was started.
    thread: Option<Ends>,
    /// Number of the latest errand.
    latest: u64,
}

impl Scout {
    pub(crate) fn new(source: NameSource, waker: Arc<Waker>) -> Self {
        Self {
            source,
            waker,
            thread: None,
            latest: 0,
        }
    }

    /// Sends the scout; what it was sent for before is given up. `false` if it cannot go: it is still held up
    /// by two former errands, or there is no thread.
    pub(crate) fn send(&mut self, errand: Errand) -> bool {
        self.latest += 1;
        let numbered = (self.latest, errand);
        match self.errands() {
            Ok(errands) => errands.try_send(numbered).is_ok(),
            Err(error) => {
                tracing::error!(%error, "no thread to look up names");
                false
            }
        }
    }

    /// The report of the latest errand, once.
    pub(crate) fn report(&mut self) -> Option<Report> {
        let (_, reports) = self.thread.as_ref()?;
        reports
            .try_iter()
            .find(|(number, _)| *number == self.latest)
            .map(|(_, report)| report)
    }

    /// A report waits, of this or of a former errand.
    pub(crate) fn has_report(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|(_, reports)| !reports.is_empty())
    }

    fn errands(&mut self) -> std::io::Result<&Sender<(u64, Errand)>> {
        if self.thread.is_none() {
            let (errands, to_do) = bounded(1);
            // Two: the one that is being worked on and the one behind it.
            let (reports, done) = bounded(2);
            let (source, waker) = (self.source.clone(), Arc::clone(&self.waker));
            thread::Builder::new()
                .name("moor-link-scout".to_owned())
                .spawn(move || serve(&to_do, &reports, &source, &waker))?;
            self.thread = Some((errands, done));
        }
        match &self.thread {
            Some((errands, _)) => Ok(errands),
            None => Err(std::io::ErrorKind::NotFound.into()),
        }
    }
}

/// Ends when the client is gone; nobody waits for it, since the system may hold it up for long.
fn serve(
    errands: &Receiver<(u64, Errand)>,
    reports: &Sender<(u64, Report)>,
    source: &NameSource,
    waker: &Waker,
) {
    for (number, errand) in errands {
        let report = match errand {
            Errand::Find(rpc, events) => Report::Found(names::find(&rpc, events.as_ref(), source)),
            Errand::Look(endpoint, key) => Report::Looked(look_at(&endpoint, &key)),
        };
        if reports.send((number, report)).is_err() {
            return;
        }
        waker.wake();
    }
}

fn look_at(endpoint: &Endpoint, key: &[u8; 32]) -> Look {
    let Endpoint::Tcp { host, port } = endpoint else {
        return Look::Unreachable;
    };
    match host.parse() {
        Ok(ip) => look(
            SocketAddr::new(ip, *port),
            key,
            Instant::now() + LOOK_TIME_MAX,
        ),
        Err(_) => Look::Unreachable,
    }
}
