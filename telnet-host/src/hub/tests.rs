//! The hub with an uplink of memory and a clock that jumps: bounds, and questions that get no answer.

use std::net::{Ipv4Addr, SocketAddr};

use moor_rpc::{Event, EventNumber, Line, LineNumber, ListenerId, Request, Text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::listener::Reception;
use crate::uplink::Uplink;

/// An uplink whose far end is the test.
struct Wire(mpsc::UnboundedSender<Request>);

impl Uplink for Wire {
    fn send(&self, payload: Vec<u8>) -> Result<(), UplinkError> {
        let request = moor_rpc::decode(&payload).expect("the host encodes what can be decoded");
        self.0.send(request).map_err(|_| UplinkError::Down)
    }
}

/// A running hub between the test as a daemon and the test as its users.
struct Bench {
    port: u16,
    downlink: mpsc::Sender<Downlink>,
    requests: mpsc::UnboundedReceiver<Request>,
}

impl Bench {
    fn start(bounds: Bounds) -> Self {
        let (wire, received) = mpsc::unbounded_channel();
        let requests = Arc::new(Requests::new(Box::new(Wire(wire))));
        let (hub, connections) = mpsc::channel(16);
        let mut listeners = Listeners::new(Reception {
            requests: requests.clone(),
            hub,
        });
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let info = listeners
            .open_at(ListenerId::MAIN, address)
            .expect("a free port");
        let (downlink, news) = mpsc::channel(16);
        let drain = Drain::new(Duration::from_secs(5));
        tokio::spawn(Hub::new(requests, listeners, bounds).run(news, connections, drain));
        Self {
            port: info.port,
            downlink,
            requests: received,
        }
    }

    async fn tell(&self, news: Downlink) {
        self.downlink.send(news).await.expect("the hub runs");
    }

    async fn reply(&self, id: RequestId, result: Result<ReplyBody, RpcError>) {
        let reply = moor_rpc::encode(&Reply { id, result }).expect("it encodes");
        self.tell(Downlink::Reply(reply)).await;
    }

    async fn event(&self, session: SessionId, first: u64, line: &str) {
        let events = vec![Event::Text(Text::lines(vec![line.into()]))];
        let batch = SessionEvents {
            session,
            first: EventNumber(first),
            events,
        };
        let batch = moor_rpc::encode(&HostEvent::Batch(vec![batch])).expect("it encodes");
        self.tell(Downlink::Event(batch)).await;
    }

    /// The next request that is no acknowledgement.
    async fn request(&mut self) -> Request {
        loop {
            let request = self.requests.recv().await.expect("the hub runs");
            if !matches!(request.body, RequestBody::Acknowledge(_)) {
                return request;
            }
        }
    }

    /// The next request for which `choose` has an answer; others are passed over.
    async fn request_that<T>(&mut self, choose: impl Fn(&Request) -> Option<T>) -> T {
        loop {
            if let Some(chosen) = choose(&self.request().await) {
                return chosen;
            }
        }
    }

    async fn attach(&mut self) {
        self.tell(Downlink::Up).await;
        let request = self.request().await;
        assert!(
            matches!(request.body, RequestBody::Attach(_)),
            "{request:?}"
        );
        self.reply(request.id, Ok(ReplyBody::Attached(vec![])))
            .await;
    }

    async fn user(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port))
            .await
            .expect("the hub listens")
    }

    async fn opened_user(&mut self) -> (TcpStream, SessionId) {
        let user = self.user().await;
        let (id, session) = self.request_that(opening).await;
        self.reply(id, Ok(ReplyBody::Opened(session))).await;
        (user, session)
    }
}

fn opening(request: &Request) -> Option<(RequestId, SessionId)> {
    match &request.body {
        RequestBody::OpenSession(open) => Some((request.id, open.session)),
        _ => None,
    }
}

fn line(request: &Request) -> Option<Line> {
    match &request.body {
        RequestBody::Line(line) => Some(line.clone()),
        _ => None,
    }
}

fn replay(request: &Request) -> Option<EventNumber> {
    match &request.body {
        RequestBody::Replay(replay) => Some(replay.from),
        _ => None,
    }
}

async fn read_to_end(mut user: TcpStream) -> String {
    let mut text = String::new();
    user.read_to_string(&mut text).await.expect("UTF-8");
    text
}

#[tokio::test]
async fn a_host_holds_a_bounded_number_of_sessions() {
    let mut bench = Bench::start(Bounds {
        sessions_max: 2,
        unopened_max: 10,
    });
    bench.attach().await;
    let (first, _) = bench.opened_user().await;
    let (_second, _) = bench.opened_user().await;
    assert_eq!(
        read_to_end(bench.user().await).await,
        format!("{}\r\n", notices::FULL)
    );
    drop(first);
    bench
        .request_that(|r| matches!(r.body, RequestBody::Closed { .. }).then_some(()))
        .await;
    bench.opened_user().await;
}

#[tokio::test]
async fn a_bounded_number_of_sessions_waits_for_the_daemon() {
    let mut bench = Bench::start(Bounds {
        sessions_max: 10,
        unopened_max: 2,
    });
    let (_first, second) = (bench.user().await, bench.user().await);
    assert_eq!(
        read_to_end(bench.user().await).await,
        format!("{}\r\n", notices::FULL)
    );
    drop(second);
    bench.attach().await;
    bench.request_that(opening).await;
}

#[tokio::test(start_paused = true)]
async fn an_attach_without_an_answer_is_sent_again() {
    let mut bench = Bench::start(Bounds::default());
    bench.tell(Downlink::Up).await;
    let first = bench.request().await;
    let second = bench.request().await;
    assert!(matches!(second.body, RequestBody::Attach(_)));
    // The answer to the first does not count any more, that to the second does.
    bench.reply(first.id, Ok(ReplyBody::Attached(vec![]))).await;
    bench
        .reply(second.id, Ok(ReplyBody::Attached(vec![])))
        .await;
    let _user = bench.user().await;
    bench.request_that(opening).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_without_an_answer_is_opened_again() {
    let mut bench = Bench::start(Bounds::default());
    bench.attach().await;
    let _user = bench.user().await;
    let (first, session) = bench.request_that(opening).await;
    let (second, again) = bench.request_that(opening).await;
    assert_eq!(session, again);
    assert_ne!(first, second);
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_asked_for_until_it_is_closed() {
    let mut bench = Bench::start(Bounds::default());
    bench.attach().await;
    let (mut user, session) = bench.opened_user().await;
    bench.event(session, 2, "two").await;
    for _ in 0..3 {
        assert_eq!(bench.request_that(replay).await, EventNumber(1));
    }
    bench.event(session, 1, "one").await;
    assert_eq!(
        bench.request_that(replay).await,
        EventNumber(2),
        "the second was not kept"
    );
    bench.event(session, 2, "two").await;
    let mut shown = [0; 10];
    user.read_exact(&mut shown).await.expect("both lines");
    assert_eq!(&shown, b"one\r\ntwo\r\n");
}

#[tokio::test]
async fn a_daemon_that_lost_its_place_gets_the_lines_again() {
    let mut bench = Bench::start(Bounds::default());
    bench.attach().await;
    let (mut user, session) = bench.opened_user().await;
    user.write_all(b"one\ntwo\n").await.expect("it is open");
    let first = bench.request_that(line).await;
    assert_eq!((first.number, first.text.as_str()), (LineNumber(1), "one"));
    bench.request_that(line).await;
    let (expected, got) = (LineNumber(1), LineNumber(2));
    let error = RpcError::LineOutOfOrder {
        session,
        expected,
        got,
    };
    bench.reply(RequestId(0), Err(error)).await;
    assert_eq!(bench.request_that(line).await, first);

    bench.reply(RequestId(0), Err(RpcError::NotAttached)).await;
    bench
        .request_that(|r| matches!(r.body, RequestBody::Attach(_)).then_some(()))
        .await;
    bench
        .reply(RequestId(0), Err(RpcError::UnknownSession(session)))
        .await;
    user.write_all(b"three\n")
        .await
        .expect("what crossed the attach closes nothing");
}

#[tokio::test]
async fn what_the_daemon_sends_wrong_harms_nothing() {
    let mut bench = Bench::start(Bounds::default());
    bench.attach().await;
    bench.tell(Downlink::Reply(vec![1, 2, 3])).await;
    bench.tell(Downlink::Event(vec![9])).await;
    bench.event(SessionId([0; 16]), 1, "nobody").await;
    bench
        .reply(RequestId(77), Ok(ReplyBody::Opened(SessionId([0; 16]))))
        .await;
    bench.opened_user().await;
}
