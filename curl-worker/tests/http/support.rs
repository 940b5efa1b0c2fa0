//! Servers that answer with the very bytes that a test gives them, names that stand for what a test says, and a
//! worker that may reach this machine.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use moor_curl_worker::Curl;
use moor_curl_worker::config::Args;
use moor_curl_worker::resolver::{Answer, Names};
use moor_worker::{Call, Flags, WireValue, Worker, WorkerError, WorkerRequestId};

/// Reaches the servers of a test and nothing else that is special.
pub(crate) const LOCAL: &[&str] = &["--allow-address", "127.0.0.1"];

/// One request as the server saw it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    /// In order, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Reads one request; `None` at the end of the connection.
    pub(crate) fn read(from: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        from.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        let mut words = line.split_whitespace();
        let mut asked = Self {
            method: words.next()?.to_owned(),
            path: words.next()?.to_owned(),
            ..Self::default()
        };
        loop {
            let mut line = String::new();
            from.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) => asked
                    .headers
                    .push((name.to_ascii_lowercase(), value.to_owned())),
                None => break,
            }
        }
        let length = asked
            .header("content-length")
            .map_or(0, |length| length.parse().expect("a number"));
        asked.body = vec![0; length];
        from.read_exact(&mut asked.body).ok()?;
        Some(asked)
    }
}

/// A server on a free port of 127.0.0.1. Its thread ends with the test.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Site {
    /// Answers each request with the bytes that `answer` gives; closes the connection behind an answer without
    /// `content-length` and `transfer-encoding`.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let (connections, requests) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (answer, site) = (
            Arc::new(answer),
            Self {
                address,
                connections: connections.clone(),
                requests: requests.clone(),
            },
        );
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                connections.fetch_add(1, Ordering::SeqCst);
                let (answer, requests) = (answer.clone(), requests.clone());
                std::thread::spawn(move || serve(stream, &*answer, &requests));
            }
        });
        site
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The same under another name.
    pub(crate) fn url_at(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.address.port())
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, answer: &dyn Fn(&Asked) -> Vec<u8>, requests: &AtomicUsize) {
    let mut writer = stream.try_clone().expect("a clone");
    let mut reader = BufReader::new(stream);
    while let Some(asked) = Asked::read(&mut reader) {
        requests.fetch_add(1, Ordering::SeqCst);
        let bytes = answer(&asked);
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1_000)]).to_ascii_lowercase();
        let is_framed = head.contains("content-length:") || head.contains("transfer-encoding:");
        // A client that has seen enough is gone.
        if writer.write_all(&bytes).is_err() || !is_framed {
            return;
        }
    }
}

/// A whole response: `head` is the status and headers, a line each.
pub(crate) fn response(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len()).into_bytes();
    for header in headers {
        bytes.extend(format!("{header}\r\n").into_bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

pub(crate) fn ok(body: &str) -> Vec<u8> {
    response("200 OK", &[], body.as_bytes())
}

pub(crate) fn redirect(status: u16, location: &str) -> Vec<u8> {
    response(
        &format!("{status} Elsewhere"),
        &[&format!("location: {location}")],
        b"",
    )
}

/// Names with fixed addresses, or with other ones each time.
#[derive(Default)]
pub(crate) struct Table {
    rounds: HashMap<String, Vec<Vec<IpAddr>>>,
    asked: Arc<AtomicUsize>,
}

impl Table {
    /// `name` stands for the first of `rounds` when it is first asked for, for the second then, and so on; the last
    /// one stays.
    pub(crate) fn with(mut self, name: &str, rounds: &[&[&str]]) -> Self {
        let parse = |round: &&[&str]| {
            round
                .iter()
                .map(|text| text.parse().expect("an address"))
                .collect()
        };
        self.rounds
            .insert(name.to_owned(), rounds.iter().map(parse).collect());
        self
    }

    /// How often any name was asked for.
    pub(crate) fn asked(&self) -> Arc<AtomicUsize> {
        self.asked.clone()
    }
}

impl Names for Table {
    fn addresses(&self, name: String) -> Answer {
        let round = self.asked.fetch_add(1, Ordering::SeqCst);
        let found = self
            .rounds
            .get(&name)
            .and_then(|rounds| rounds.get(round.min(rounds.len() - 1)).cloned());
        Box::pin(async move { found.ok_or_else(|| std::io::Error::other("no such name")) })
    }
}

/// A worker with these flags.
pub(crate) fn worker_with(flags: &[&str], names: Table) -> Curl {
    let argv = std::iter::once("x")
        .chain(flags.iter().copied())
        .map(Into::into);
    let flags: Flags<Args> =
        moor_node::parse_with_environment(moor_curl_worker::PROGRAM, argv, |_| None)
            .expect("flags");
    Curl::new(&flags.own, names).expect("a worker")
}

pub(crate) fn worker() -> Curl {
    worker_with(LOCAL, Table::default())
}

pub(crate) fn s(text: &str) -> WireValue {
    WireValue::Str(text.to_owned())
}

pub(crate) fn list(items: impl IntoIterator<Item = WireValue>) -> WireValue {
    WireValue::List(items.into_iter().collect())
}

pub(crate) fn map<const N: usize>(entries: [(&str, WireValue); N]) -> WireValue {
    WireValue::Map(entries.map(|(key, value)| (s(key), value)).into())
}

/// Calls the worker as the kit does.
pub(crate) async fn call(worker: &Curl, args: WireValue) -> Result<Told, WorkerError> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let call = Call::new(WorkerRequestId(1), deadline, args);
    worker.call(call).await.map(Told)
}

pub(crate) async fn get(worker: &Curl, url: &str) -> Result<Told, WorkerError> {
    call(worker, list([s("GET"), s(url)])).await
}

pub(crate) async fn get_with<const N: usize>(
    worker: &Curl,
    url: &str,
    options: [(&str, WireValue); N],
) -> Result<Told, WorkerError> {
    call(worker, map([("url", s(url)), ("options", map(options))])).await
}

/// What the world is told.
#[derive(Debug)]
pub(crate) struct Told(WireValue);

impl Told {
    fn entry(&self, key: &str) -> &WireValue {
        let WireValue::Map(entries) = &self.0 else {
            panic!("{:?}", self.0)
        };
        &entries
            .iter()
            .find(|(name, _)| *name == s(key))
            .expect(key)
            .1
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        match self.entry(key) {
            WireValue::Str(text) => text,
            other => panic!("{key} is {other:?}"),
        }
    }

    pub(crate) fn body(&self) -> &str {
        self.text("body")
    }

    pub(crate) fn status(&self) -> i64 {
        match self.entry("status") {
            WireValue::Int(status) => *status,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn headers(&self) -> Vec<(&str, &str)> {
        let WireValue::List(headers) = self.entry("headers") else {
            panic!("a list")
        };
        headers.iter().map(header).collect()
    }
}

fn header(pair: &WireValue) -> (&str, &str) {
    match pair {
        WireValue::List(pair) => match &pair[..] {
            [WireValue::Str(name), WireValue::Str(value)] => (name, value),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// That the call failed with this code, and a message that begins so.
#[track_caller]
pub(crate) fn assert_fault(outcome: Result<Told, WorkerError>, code: &str, message: &str) {
    let error = outcome.expect_err(message);
    assert!(
        error.code == code && error.message.starts_with(message),
        "{error}, not {code}: {message}"
    );
}
