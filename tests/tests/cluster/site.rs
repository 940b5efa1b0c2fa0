//! A web site of one page, on this machine, for workers to fetch.
//!
//! In: requests over HTTP/1.1, one each connection. Out: the path as the body, at once or when told to; how often each
//! path was asked for.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// A running site; its thread ends with the process.
pub(crate) struct Site {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    asked: HashMap<String, usize>,
    /// Answers to paths that begin with `/slow` may leave.
    released: bool,
}

impl Site {
    /// Opens the site on a free port.
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&for_thread);
                // A client that goes away is no failure of the site.
                std::thread::spawn(move || answer(stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until a path was asked for.
    pub(crate) fn wait_for(&self, path: &str) {
        let state = self.shared.state.lock();
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        while !state.asked.contains_key(path) {
            let (next, waited) = self
                .shared
                .changed
                .wait_timeout(state, moor_tests::PATIENCE)
                .unwrap_or_else(PoisonError::into_inner);
            assert!(!waited.timed_out(), "nobody asked for {path}");
            state = next;
        }
    }

    /// Lets slow answers leave.
    pub(crate) fn release(&self) {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).released = true;
        self.shared.changed.notify_all();
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let state = self.shared.state.lock();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        state.asked.get(path).copied().unwrap_or(0)
    }
}

fn answer(stream: TcpStream, shared: &Shared) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    while !lines.next()?.ok()?.is_empty() {}
    {
        let state = shared.state.lock();
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        *state.asked.entry(path.clone()).or_default() += 1;
        shared.changed.notify_all();
        while path.starts_with("/slow") && !state.released {
            state = shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
    let length = path.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let mut stream = stream;
    stream.write_all(format!("{head}{path}").as_bytes()).ok()
}
